"""What two files are called, from made fingerprints and all that is known of the files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.frames import Items, at_tempo, joined, music, silence, worn

from audiodup.alignment import align
from audiodup.coverage import Seen, Side
from audiodup.frames import FRAME_SECONDS, Frames
from audiodup.model import Action, IndexedFile, Judgement, Kind, Verdict
from audiodup.verdict import NORMAL_CHANCE, Compared, judge

SECONDS = (900 + 20) * FRAME_SECONDS
WAV = IndexedFile(
    "1", "a.wav", duration=SECONDS, container="wav", codec="pcm_s16le", lossless=True, channels=2, sample_rate=44100
)
MP3 = replace(WAV, asset_id="2", file_key="b.mp3", container="mp3", codec="mp3", lossless=False, balance=0.4)
TRACK = music(1)


def judged(
    a: Items, b: Items, file_a: IndexedFile = MP3, file_b: IndexedFile = MP3, **changes: Any
) -> Judgement | None:
    """The judgement on two fingerprints, in a library of 100,000 tracks; durations are those of the fingerprints."""
    frames = Frames.of(a), Frames.of(b)
    alignment = align(*frames)
    files = [
        replace(file, duration=changes.get(f"duration_{side}", (len(items) + 20) * FRAME_SECONDS))
        for file, items, side in ((file_a, a, "a"), (file_b, b, "b"))
    ]
    return judge(*files, None if alignment is None else Compared.of(*frames, alignment), 5e9)


def named(a: Items, b: Items, *files: IndexedFile, **changes: Any) -> tuple[Verdict, Kind | None, Action]:
    """Verdict, kind and action."""
    judgement = judged(a, b, *files, **changes)
    assert judgement is not None
    return judgement.verdict, judgement.kind, judgement.action


AUTO, REVIEW, FLAG = Action.AUTO_DELETE_CANDIDATE, Action.MANUAL_REVIEW, Action.FLAG_VARIANT
IDENTICAL, SAME, RELATED = Verdict.IDENTICAL, Verdict.SAME_CONTENT, Verdict.RELATED


class TestEqualContent:
    """Only what is known to be equal may be acted on by a rule."""

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"sha256": "ab"}, "SHA-256"),
            ({"pcm_md5": "cd"}, "samples"),
        ],
    )
    def test_it_is_identical_and_may_be_deleted(self, changes: dict[str, Any], words: str) -> None:
        judgement = judge(replace(WAV, **changes), replace(WAV, asset_id="2", **changes), None, 5e9)
        assert judgement is not None
        assert (judgement.verdict, judgement.action, judgement.similarity) == (IDENTICAL, AUTO, 1.0)
        assert words in judgement.evidence

    def test_size_and_etag_are_looked_at_by_a_person(self) -> None:
        """They are not made of the bytes everywhere; and fingerprints that differ overrule them."""
        a, b = (replace(WAV, asset_id=name, etag="x", file_size=5) for name in "12")
        judgement = judge(a, b, None, 5e9)
        assert judgement is not None
        assert (judgement.verdict, judgement.action) == (IDENTICAL, REVIEW)
        assert "ETag" in judgement.evidence
        assert judge(replace(a, sha256="ab"), b, None, 5e9) == judgement
        other = judged(TRACK, worn(TRACK, 0.02), a, b)
        assert other is not None
        assert other.verdict is SAME

    def test_wav_and_flac_of_one_master_are_identical(self) -> None:
        flac = replace(WAV, asset_id="2", container="flac", codec="flac", pcm_md5="cd")
        judgement = judge(replace(WAV, pcm_md5="cd"), flac, None, 5e9)
        assert judgement is not None
        assert (judgement.verdict, judgement.kind, judgement.action) == (IDENTICAL, Kind.TRANSCODE, AUTO)

    @pytest.mark.parametrize(
        ("a", "b"),
        [
            ({"sha256": None}, {"sha256": None}),
            ({"sha256": "ab"}, {"sha256": "ac"}),
            ({"etag": '"x"', "file_size": 5}, {"etag": '"x"', "file_size": 6}),
            ({"etag": '"x"'}, {"etag": '"x"'}),
            ({"etag": 'W/"x"', "file_size": 5}, {"etag": 'W/"x"', "file_size": 5}),
            ({"pcm_md5": "cd", "sample_rate": 48000}, {"pcm_md5": "cd", "sample_rate": 44100}),
            ({"pcm_md5": "cd", "channels": 1}, {"pcm_md5": "cd", "channels": 2}),
            ({"pcm_md5": "cd", "duration": 10.5}, {"pcm_md5": "cd", "duration": 15.75}),
            ({"etag": "x", "file_size": 5, "sha256": "ab"}, {"etag": "x", "file_size": 5, "sha256": "ac"}),
        ],
    )
    def test_what_only_looks_like_it_is_nothing(self, a: dict[str, Any], b: dict[str, Any]) -> None:
        """The same samples at another rate are another sound; a weak ETag and one without a size prove no bytes."""
        assert judge(replace(WAV, **a), replace(WAV, asset_id="2", **b), None, 5e9) is None


class TestIdenticalByFingerprint:
    """The same form, the same length, and no two seconds that differ; a person looks at it."""

    def test_the_same_stream_is_identical(self) -> None:
        """Other tags, another container: every bit of the fingerprint is the same."""
        assert named(TRACK, TRACK) == (IDENTICAL, None, REVIEW)

    @pytest.mark.parametrize("share", [0.0002, 0.002, 0.02])
    def test_a_bit_that_differs_tells_of_another_encoding(self, share: float) -> None:
        """Encoded anew, turned down by 12 dB, faded out: the fingerprints agree in 0.984 to 0.998."""
        assert named(TRACK, worn(TRACK, share)) == (SAME, Kind.TRANSCODE, REVIEW)

    @pytest.mark.parametrize("changes", [{"codec": "vorbis"}, {"channels": 1}, {"sample_rate": 48000}])
    def test_another_form_is_a_transcode(self, changes: dict[str, Any]) -> None:
        assert named(TRACK, TRACK, MP3, replace(MP3, **changes)) == (SAME, Kind.TRANSCODE, REVIEW)

    def test_unknown_forms_are_not_the_same(self) -> None:
        """Rows of the original system know no codec."""
        unknown = replace(MP3, codec=None)
        assert named(TRACK, TRACK, unknown, unknown)[0] is SAME

    def test_samples_known_to_differ_are_not_identical(self) -> None:
        """Swapped channels and another level leave the fingerprint as it is; the hashes of the samples show them."""
        a, b = replace(WAV, pcm_md5="ab", balance=0.4), replace(WAV, asset_id="2", pcm_md5="cd", balance=0.4)
        assert named(TRACK, TRACK, a, b)[0] is SAME
        assert named(TRACK, TRACK, replace(a, pcm_md5=None), b)[0] is IDENTICAL

    def test_swapped_channels_are_not_identical(self) -> None:
        """mp3 and Vorbis give them the very same fingerprint: the balance shows them."""
        assert named(TRACK, TRACK, MP3, replace(MP3, balance=-0.4))[0] is SAME
        assert named(TRACK, TRACK, MP3, replace(MP3, balance=None))[0] is SAME
        mono = replace(MP3, channels=1, balance=None)
        assert named(TRACK, TRACK, mono, mono)[0] is IDENTICAL

    def test_a_bleep_of_one_second_is_an_edit(self) -> None:
        bleeped = joined(TRACK[:400], music(2, 12), TRACK[412:])
        assert named(TRACK, bleeped) == (SAME, Kind.EDITED, REVIEW)

    def test_five_replaced_seconds_are_an_edit(self) -> None:
        replaced = joined(TRACK[:400], music(2, 40), TRACK[440:])
        assert named(TRACK, replaced) == (SAME, Kind.EDITED, REVIEW)

    def test_sound_put_into_silence_is_an_edit(self) -> None:
        quiet = joined(music(1, 450), silence(30), music(2, 450))
        spoken = joined(music(1, 450), music(3, 30), music(2, 450))
        verdict, _, action = named(quiet, spoken)
        assert verdict is not IDENTICAL
        assert action is not AUTO

    def test_what_was_not_heard_to_the_end_is_not_identical(self) -> None:
        """The first 120 s are the same; what comes after nobody knows."""
        assert named(TRACK, TRACK, duration_a=300.0, duration_b=300.0)[0] is SAME

    def test_a_tenth_of_a_second_more_is_not_identical(self) -> None:
        assert named(TRACK, TRACK, duration_a=SECONDS, duration_b=SECONDS + 0.09)[0] is IDENTICAL
        assert named(TRACK, TRACK, duration_a=SECONDS, duration_b=SECONDS + 0.2)[0] is SAME


class TestKinds:
    """What is not the same is called by what was done to it."""

    def test_processing_cannot_be_told_from_another_mix(self) -> None:
        assert named(TRACK, worn(TRACK, 0.1)) == (SAME, Kind.VERSION_OR_PROCESSING, FLAG)
        assert named(TRACK, worn(TRACK, 0.24)) == (RELATED, Kind.VERSION_OR_PROCESSING, FLAG)

    def test_a_little_less_at_the_start_is_trimmed(self) -> None:
        assert named(TRACK, worn(TRACK[16:], 0.04)) == (SAME, Kind.TRIMMED, REVIEW)

    def test_more_than_a_little_is_related(self) -> None:
        assert named(TRACK, worn(TRACK[100:], 0.04)) == (RELATED, Kind.TRIMMED, FLAG)

    def test_a_clip_is_an_excerpt(self) -> None:
        assert named(TRACK, worn(TRACK[300:400], 0.04)) == (RELATED, Kind.EXCERPT, FLAG)

    def test_added_silence_is_trimmed_and_covers_all(self) -> None:
        judgement = judged(TRACK, joined(silence(40), TRACK))
        assert judgement is not None
        assert (judgement.verdict, judgement.kind) == (SAME, Kind.TRIMMED)
        assert min(judgement.coverage_a, judgement.coverage_b) > 0.98
        assert judgement.offset_seconds == pytest.approx(40 * FRAME_SECONDS, abs=0.1)

    @pytest.mark.parametrize("tempo", [0.95, 0.99, 1.01, 1.05])
    def test_another_tempo(self, tempo: float) -> None:
        judgement = judged(TRACK, at_tempo(TRACK, tempo))
        assert judgement is not None
        assert (judgement.verdict, judgement.kind, judgement.action) == (RELATED, Kind.TEMPO_CHANGED, FLAG)
        assert judgement.tempo == pytest.approx(tempo, abs=0.001)

    def test_other_order_is_edited(self) -> None:
        edit = joined(TRACK[500:700], TRACK[100:300])
        assert named(TRACK, edit) == (RELATED, Kind.EDITED, FLAG)

    def test_a_part_in_two_tracks_is_shared(self) -> None:
        one, other = joined(music(2, 400), music(1, 200)), joined(music(1, 200), music(3, 400))
        assert named(one, other) == (RELATED, Kind.SHARED_PART, FLAG)

    def test_the_same_two_minutes_of_two_lengths_are_not_the_same(self) -> None:
        """A longer edit begins like the original: only its length tells."""
        verdict, kind, _ = named(TRACK, TRACK, duration_a=180.0, duration_b=300.0)
        assert (verdict, kind) == (RELATED, Kind.EXCERPT)


class TestChance:
    """No verdict on what unrelated music does by chance."""

    def test_a_short_range_needs_more_kappa(self) -> None:
        least = [NORMAL_CHANCE.least_kappa(frames, 1) for frames in (24, 48, 96, 200, 900)]
        assert least == sorted(least, reverse=True)
        assert least[:3] == pytest.approx([0.50, 0.40, 0.30])
        assert NORMAL_CHANCE.least_kappa(23, 1) == np.inf

    def test_a_larger_library_needs_more_kappa(self) -> None:
        least = [NORMAL_CHANCE.least_kappa(96, tracks**2 / 2) for tracks in (100, 10_000, 1_000_000)]
        assert least == sorted(least)
        assert least[2] > least[0] + 0.1

    @pytest.mark.parametrize("frames", [24, 48, 96, 300])
    @pytest.mark.parametrize("pairs", [1e3, 5e9, 5e11])
    def test_what_passes_is_less_than_one_false_row_in_the_library(self, frames: int, pairs: float) -> None:
        least = NORMAL_CHANCE.least_kappa(frames, pairs)
        assert NORMAL_CHANCE.expected_false(least + 1e-9, frames, pairs) <= 1.0

    def test_expected_false_is_pairs_times_trials_times_the_tail(self) -> None:
        """One window of 96 frames in a million has kappa 0.22, a tenth as many 0.041 more; 4,000 trials a pair."""
        assert NORMAL_CHANCE.expected_false(0.22, 96, 1000) == pytest.approx(1000 * 4000 * 1e-6)
        assert NORMAL_CHANCE.expected_false(0.22 + 0.041, 96, 1000) == pytest.approx(1000 * 4000 * 1e-7)
        assert NORMAL_CHANCE.expected_false(0.0, 96, 1000) == 1000

    def test_parts_that_hold_only_for_themselves_are_no_verdict(self) -> None:
        """Two shared stretches of 4 s with kappa 0.5: not so rare among 100,000 tracks."""
        stretches = [worn(music(seed, 34), 0.24, seed=seed) for seed in (21, 22)]
        one = joined(music(1, 200), music(21, 34), music(2, 200), music(22, 34), music(3, 200))
        other = joined(music(4, 200), stretches[0], music(5, 200), stretches[1], music(6, 200))
        assert judged(one, other) is None

    def test_a_clip_of_fifteen_seconds_is_proven_in_a_library_of_a_million(self) -> None:
        assert NORMAL_CHANCE.least_kappa(100, 5e11) < 0.70

    def test_a_weak_likeness_is_no_verdict(self) -> None:
        """0.66 of the bits of random frames: kappa 0.32, over 30 frames nothing."""
        clip = worn(TRACK[:30], 0.3)
        assert judged(TRACK, joined(clip, music(9, 300))) is None


def test_coverage_of_the_unseen_goes_on_as_far_as_both_files_do() -> None:
    """Of two files of 300 s, of which the first 120 are known, all is taken to be the same; of 300 and 150 s, half."""
    same = judged(TRACK, TRACK, duration_a=300.0, duration_b=300.0)
    half = judged(TRACK, TRACK, duration_a=300.0, duration_b=150.0)
    assert same is not None
    assert half is not None
    assert (same.coverage_a, same.coverage_b) == pytest.approx((1, 1), abs=0.01)
    assert (half.coverage_a, half.coverage_b) == pytest.approx((0.5, 1), abs=0.01)
    assert "s only" in same.evidence


def test_a_jingle_at_the_end_of_what_was_heard_tells_nothing_of_the_rest() -> None:
    """Two programmes of 50 minutes with one jingle at 1:45."""
    jingle = music(9, 120)
    found = judged(joined(music(1, 780), jingle), joined(music(2, 780), jingle), duration_a=3000.0, duration_b=3000.0)
    assert found is not None
    assert (found.verdict, found.kind) == (RELATED, Kind.SHARED_PART)
    assert max(found.coverage_a, found.coverage_b) < 0.1


def test_an_unknown_length_is_not_known_to_be_whole() -> None:
    found = judged(TRACK, TRACK, duration_a=None, duration_b=None)
    assert found is not None
    assert found.verdict is SAME
    assert "s only" in found.evidence


def test_swapped_channels_are_another_version() -> None:
    found = judged(TRACK, worn(TRACK, 0.002), MP3, replace(MP3, codec="vorbis", balance=-0.4))
    assert found is not None
    assert (found.kind, found.action) == (Kind.VERSION_OR_PROCESSING, FLAG)
    assert "left over right" in found.evidence


def slowly(share: float, covered: int = 300) -> Judgement | None:
    """Two sounds of 4.6 s at 1/8 speed, of whose frames so many are the same but for a share of their bits."""
    a = music(1, 300)
    b = joined(worn(a[:covered], share), music(2, 300 - covered))
    frames = Frames.of(a, masked=False), Frames.of(b, masked=False)
    alignment = align(*frames)
    files = [replace(file, duration=4.6) for file in (MP3, replace(MP3, asset_id="3", codec="vorbis"))]
    return judge(*files, None if alignment is None else Compared.of(*frames, alignment, 0.125), 1e6)


def test_takes_of_one_word_are_no_copies_of_each_other() -> None:
    """Short sounds need 0.90 to be the same, and most of the one in the other to be anything."""
    same, take = slowly(0.03), slowly(0.15)
    assert same is not None
    assert take is not None
    assert (same.verdict, same.kind) == (SAME, Kind.TRANSCODE)
    assert (take.verdict, take.kind) == (RELATED, Kind.VERSION_OR_PROCESSING)
    assert slowly(0.03, covered=150) is None


def test_ranges_are_seconds_of_both_files() -> None:
    judgement = judged(TRACK, worn(TRACK[300:420], 0.03))
    assert judgement is not None
    [one] = judgement.ranges
    assert one.a_start == pytest.approx(300 * FRAME_SECONDS, abs=0.3)
    assert one.b_start == pytest.approx(0, abs=0.3)
    assert one.b_end == pytest.approx(140 * FRAME_SECONDS, abs=0.5)
    assert judgement.overlap_seconds == pytest.approx(140 * FRAME_SECONDS, abs=0.5)
    assert judgement.offset_seconds == pytest.approx(-300 * FRAME_SECONDS, abs=0.1)


def test_a_mirrored_pair_is_the_same_pair() -> None:
    """Which of the two comes first is decided by their keys, not by the index."""
    frames = Frames.of(TRACK), Frames.of(worn(TRACK[300:420], 0.03))
    alignment = align(*frames)
    assert alignment is not None
    compared = Compared.of(*frames, alignment)
    a, b = replace(MP3, duration=SECONDS), replace(MP3, duration=140 * FRAME_SECONDS)
    one, other = judge(a, b, compared, 5e9), judge(b, a, compared.mirrored(), 5e9)
    assert one is not None
    assert other is not None
    assert (one.coverage_a, one.coverage_b) == pytest.approx((other.coverage_b, other.coverage_a))
    assert one.ranges[0].a_start == pytest.approx(other.ranges[0].b_start, abs=0.3)
    assert one.offset_seconds == pytest.approx(-other.offset_seconds, abs=0.1)


def test_the_fingerprint_of_a_whole_file_is_whole() -> None:
    seen = Seen.of(Frames.of(TRACK))
    assert Side.of(seen, SECONDS).is_whole
    assert not Side.of(seen, SECONDS + 1).is_whole
    assert Side.of(seen, None).duration == pytest.approx(SECONDS, abs=0.2)
