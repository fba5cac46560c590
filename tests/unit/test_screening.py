"""The cheap score: what it lets through, and that it asks for nothing outside of the fingerprints."""

from __future__ import annotations

import numpy as np
from tests.frames import at_tempo, joined, music, silence, worn

from audiodup.frames import Library
from audiodup.screening import SCREEN_KAPPA, screen


def meetings(*pairs: tuple[int, int]) -> np.ndarray:
    """The same first and last meeting for each pair."""
    return np.array([[pair, pair] for pair in pairs])


def test_copies_pass_and_unrelated_tracks_do_not() -> None:
    originals = [music(seed) for seed in range(50)]
    copies = [worn(track, 0.1) for track in originals]
    library = Library.of(originals + copies)
    a = np.arange(50)
    places = meetings(*[(300, 300)] * 50)
    assert (screen(library, a, a + 50, places) > 0.7).all()
    assert (screen(library, a, (a + 1) % 50, places) < SCREEN_KAPPA).all()


def test_a_tempo_change_passes() -> None:
    track = music(1)
    for tempo in (0.95, 1.05):
        library = Library.of([track, at_tempo(track, tempo)])
        place = meetings((400, round(400 * tempo)))
        assert screen(library, np.array([0]), np.array([1]), place)[0] >= SCREEN_KAPPA


def test_the_better_of_two_meetings_counts() -> None:
    one, other = music(1), joined(music(2, 450), music(1)[450:])
    library = Library.of([one, other])
    places = np.array([[[100, 100], [600, 600]]])
    assert screen(library, np.array([0]), np.array([1]), places)[0] > 0.9


def test_the_ends_of_a_track_are_its_ends() -> None:
    """A meeting at the very edge is judged by the frames there are, not by those of the neighbours."""
    clip = music(1)[:60]
    library = Library.of([music(5), clip, music(6), clip, music(7)])
    a, b = np.array([1, 1]), np.array([3, 3])
    assert (screen(library, a, b, meetings((0, 0), (59, 59))) > 0.99).all()


def test_too_few_frames_are_left_to_the_alignment() -> None:
    library = Library.of([joined(music(1, 5), silence(50)), joined(music(1, 5), silence(50))])
    assert screen(library, np.array([0]), np.array([1]), meetings((2, 2)))[0] >= SCREEN_KAPPA


def test_no_pairs_are_no_scores() -> None:
    library = Library.of([music(1)])
    none = np.empty(0, np.int64)
    assert screen(library, none, none, np.empty((0, 2, 2), np.int64)).shape == (0,)
