"""Lines, ranges and their agreement, on made fingerprints; real ones are in the integration tests and studies."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from tests.frames import Items, at_tempo, joined, music, silence, worn

from audiodup.alignment import Alignment, align
from audiodup.frames import Collection, Frames, Library


def aligned(a: Items, b: Items) -> Alignment:
    """Their alignment, which there has to be."""
    found = align(Frames.of(a), Frames.of(b))
    assert found is not None
    return found


def test_a_copy_agrees_in_everything() -> None:
    track = music(1)
    found = aligned(track, track)
    [part] = found.parts
    assert (part.line.tempo, part.line.offset) == (1.0, 0.0)
    assert part.range.a == part.range.b == (0, 900)
    assert (found.agreement, found.worst) == (1.0, 1.0)
    assert found.kappa == pytest.approx(1.0)


def test_unrelated_tracks_have_nothing_in_common() -> None:
    for seed in range(20):
        assert align(Frames.of(music(seed)), Frames.of(music(seed + 100))) is None


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1, 0.15])
def test_agreement_is_the_share_of_equal_bits(share: float) -> None:
    """And kappa of random bits, half of which agree by chance, is twice what is above a half."""
    track = music(1)
    found = aligned(track, worn(track, share))
    assert found.agreement == pytest.approx(1 - share, abs=0.01)
    assert found.kappa == pytest.approx(1 - 2 * share, abs=0.03)
    assert found.frames > 880


@pytest.mark.parametrize(("start", "length"), [(0, 100), (300, 100), (790, 110), (123, 400)])
def test_a_clip_is_found_where_it_was_cut(start: int, length: int) -> None:
    track = music(1)
    [part] = aligned(track, worn(track[start : start + length], 0.04)).parts
    assert part.line.offset == pytest.approx(-start, abs=0.5)
    assert part.range.a[0] == pytest.approx(start, abs=2)
    assert part.range.a[1] == pytest.approx(start + length, abs=2)
    assert part.range.b == pytest.approx((0, length), abs=2)


@pytest.mark.parametrize("tempo", [0.95, 0.98, 0.99, 1.01, 1.02, 1.05])
def test_another_tempo_is_followed_in_both_directions(tempo: float) -> None:
    """At one fixed offset a tempo change of 5 % has left the music after two seconds."""
    track = music(1)
    found = aligned(track, worn(at_tempo(track, tempo), 0.04))
    assert found.main.line.tempo == pytest.approx(tempo, abs=0.0005)
    assert found.frames > 0.95 * 900
    assert found.agreement > 0.9


def test_parts_in_another_order_are_all_found() -> None:
    track = music(1)
    edit = joined(track[600:800], track[100:300], track[350:500])
    found = aligned(track, worn(edit, 0.03))
    assert [part.range.a for part in found.parts] == [
        pytest.approx(borders, abs=3) for borders in [(100, 300), (350, 500), (600, 800)]
    ]
    assert [part.range.b for part in found.parts] == [
        pytest.approx(borders, abs=3) for borders in [(200, 400), (400, 550), (0, 200)]
    ]


def test_a_part_that_comes_twice_is_counted_once() -> None:
    """Music repeats itself: a clip of the chorus fits both of them, and is one part of one length."""
    verse, chorus = music(1, 300), music(2, 150)
    track = joined(verse, chorus, music(3, 300), chorus)
    found = aligned(track, worn(chorus, 0.02))
    assert len(found.parts) == 1
    assert found.frames == pytest.approx(150, abs=3)


def test_no_frame_of_either_is_in_two_parts() -> None:
    """The same verse twice in the one and once in the other: whichever it is, it is counted once."""
    verse = music(1, 200)
    twice = joined(verse, music(2, 100), worn(verse, 0.05, seed=1))
    for one, other in ((twice, joined(music(3, 100), verse, music(4, 150))), (joined(music(3, 100), verse), twice)):
        found = aligned(one, other)
        for side in ("a", "b"):
            ranges = sorted(getattr(part.range, side) for part in found.parts)
            assert all(first[1] <= second[0] for first, second in pairwise(ranges))
        assert found.frames <= 204


def test_what_replaces_a_part_is_left_out_and_shows_in_the_ranges() -> None:
    track = music(1)
    edit = joined(track[:400], music(2, 60), track[460:])
    found = aligned(track, edit)
    assert [part.range.a for part in found.parts] == [
        pytest.approx(borders, abs=3) for borders in [(0, 400), (460, 900)]
    ]


def test_a_bleep_is_bridged_and_shows_in_the_worst_window() -> None:
    """It leaves the whole at 0.99: only the worst two seconds tell of it."""
    track = music(1)
    edit = joined(track[:400], music(2, 12), track[412:])
    found = aligned(track, edit)
    assert len(found.parts) == 1
    assert found.agreement > 0.99
    assert found.worst < 0.7


def test_sound_in_place_of_silence_shows_too() -> None:
    """Silent frames count neither for nor against a match, but sound against silence is a difference."""
    track = joined(music(1, 300), silence(40), music(2, 300))
    edit = joined(music(1, 300), music(3, 40), music(2, 300))
    found = aligned(track, edit)
    assert found.worst < 0.7
    assert aligned(track, track).worst == 1.0


def test_two_tracks_that_share_only_silence_have_nothing_in_common() -> None:
    assert align(Frames.of(silence(900)), Frames.of(silence(900))) is None
    one, other = joined(silence(400), music(1, 400)), joined(silence(400), music(2, 400))
    assert align(Frames.of(one), Frames.of(other)) is None


def test_silence_is_no_agreement() -> None:
    one, other = joined(silence(400), music(1, 200)), joined(silence(400), worn(music(1, 200), 0.2))
    found = aligned(one, other)
    assert found.frames <= 200
    assert found.agreement == pytest.approx(0.8, abs=0.03)


def test_constant_bits_are_no_evidence() -> None:
    """A drone: most bits never change, so two unrelated ones agree in 0.85 of their bits, and kappa sees through it."""
    moving = np.uint32(0b11111_00000_11111)
    one, other = music(1) & moving, music(2) & moving
    found = align(Frames.of(one), Frames.of(other))
    assert found is None or found.kappa < 0.3


def test_what_the_index_has_met_is_a_last_resort() -> None:
    """Two keys are no line; the place where the index has seen equal keys is tried all the same."""
    track = music(1, 200)
    copy = worn(track, 0.22, seed=3)
    without = align(Frames.of(track), Frames.of(copy))
    with_meeting = align(Frames.of(track), Frames.of(copy), [(50, 50)])
    assert with_meeting is not None
    assert with_meeting.frames > 150
    assert without is None or without.frames > 150


def test_mirrored_is_the_same_the_other_way_round() -> None:
    track = music(1)
    copy = worn(at_tempo(track, 1.02), 0.04)
    one, other = aligned(track, copy).mirrored(), aligned(copy, track)
    assert one.main.line.tempo == pytest.approx(other.main.line.tempo, abs=0.001)
    assert one.main.line.offset == pytest.approx(other.main.line.offset, abs=1.5)
    assert one.main.range.a == pytest.approx(other.main.range.a, abs=4)


@pytest.mark.parametrize("frames", [0, 1, 5, 11])
def test_next_to_nothing_has_nothing_in_common(frames: int) -> None:
    assert align(Frames.of(music(1)), Frames.of(music(1)[:frames])) is None
    assert align(Frames.of(music(1)[:frames]), Frames.of(music(1)[:frames])) is None


def test_a_loop_does_not_take_long() -> None:
    """Two frames in turn for an hour: every key meets every other."""
    loop = np.tile(music(1, 2), 15_000)
    align(Frames.of(loop), Frames.of(loop))


def test_a_collection_grows_and_stays_the_same() -> None:
    tracks = [music(seed, 100 * seed) for seed in range(1, 40)]
    collection = Collection()
    for track in tracks:
        collection.add([track])
    library, at_once = collection.library, Library.of(tracks)
    assert len(library) == len(at_once) == 39
    for number, track in enumerate(tracks):
        assert (library[number].items == track).all()
        assert (at_once[number].items == track).all()


def test_a_run_of_frames_does_not_go_on_into_the_next_track() -> None:
    """Two tracks that end and begin with five equal frames have no ten of them."""
    ending, beginning = joined(music(1, 20), silence(5)), joined(silence(5), music(2, 20))
    library = Library.of([ending, beginning])
    assert library.informative.all()
