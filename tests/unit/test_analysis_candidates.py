"""The studies' own count of candidates is the index's rule."""

from __future__ import annotations

import numpy as np
from analysis.candidates import is_candidate
from analysis.overlaps import frames_of

from audiodup.keys import KeyScheme

RNG = np.random.default_rng(1)
SCHEME = KeyScheme(24, 1, 3, 1000)


def items(count: int) -> np.ndarray:
    return RNG.integers(0, 2**32, count, dtype=np.uint32)


def test_three_keys_at_one_distance_make_a_candidate_and_two_do_not():
    """Frames 40 to 42 of A are 72 to 74 of B: distance 32, the middle of no bucket's border."""
    a, b = items(100), items(150)
    b[72:74] = a[40:42]
    assert not is_candidate(a, b, SCHEME)
    b[74] = a[42]
    assert is_candidate(a, b, SCHEME)


def test_keys_at_different_distances_do_not():
    a, b = items(100), items(200)
    b[[50, 100, 150]] = a[[40, 41, 42]]
    assert not is_candidate(a, b, SCHEME)


def test_nothing_in_common_is_no_candidate():
    assert not is_candidate(items(100), items(100), SCHEME)
    assert not is_candidate(items(100), np.zeros(100, np.uint32), SCHEME)


def test_fifteen_seconds_are_a_hundred_frames():
    assert [frames_of(seconds) for seconds in (5, 10, 15, 30, 60)] == [19, 59, 100, 221, 463]
