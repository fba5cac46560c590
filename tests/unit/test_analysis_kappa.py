"""Kappa over windows, the tail of chance, and shares with intervals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from analysis.corpus import Track, balanced
from analysis.kappa import WindowTable, terms
from analysis.pieces import best_window
from analysis.shares import share
from analysis.tail import tail

from audiodup.agreement import chance_agreement

RNG = np.random.default_rng(1)


def items(count: int) -> np.ndarray:
    return RNG.integers(0, 2**32, count, dtype=np.uint32)


def track(package: str, number: int = 0) -> Track:
    return Track(Path("x"), package, f"{number}", f"{package}{number:015d}", 100.0)


def test_tables_of_windows_and_pairs_of_windows_agree():
    a, b = items(5 * 24).reshape(5, 24), items(5 * 24).reshape(5, 24)
    numerator, denominator = terms(a, b)
    assert np.diag(WindowTable(a).kappa(WindowTable(b))) == pytest.approx(numerator / denominator, abs=1e-5)


def test_it_is_the_same_kappa_as_the_alignment_has():
    a = items(96)
    b = a ^ np.where(RNG.random(96) < 0.3, items(96), np.uint32(0)).astype(np.uint32)
    numerator, denominator = terms(a[None], b[None])
    bits = [np.unpackbits(x.astype("<u4").view(np.uint8).reshape(-1, 4), axis=1, bitorder="little") for x in (a, b)]
    chance = float(chance_agreement(bits[0].mean(axis=0), bits[1].mean(axis=0)))
    agreement = 1 - np.bitwise_count(a ^ b).mean() / 32
    assert numerator[0] == pytest.approx(agreement - chance)
    assert denominator[0] == pytest.approx(max(1 - chance, 0.125))


def test_equal_windows_have_kappa_one_and_inverted_ones_are_below_zero():
    window = items(48)[None]
    assert WindowTable(window).kappa(WindowTable(window))[0, 0] == pytest.approx(1)
    assert WindowTable(window).kappa(WindowTable(~window))[0, 0] < -0.9


def test_the_tail_compares_other_packages_only():
    """Equal tracks in one package would be kappa 1."""
    same = items(100)
    result = tail([("a", same), ("a", same), ("b", items(100))], 24, 4)
    assert result.comparisons == 2 * 20 * 20
    assert result.highest < 0.6


def test_silent_windows_are_left_out_of_the_tail():
    silent = np.zeros(100, np.uint32)
    assert tail([("a", np.concatenate((items(40), silent))), ("b", items(60))], 24, 4).comparisons == 5 * 10


def test_the_best_window_is_found_at_any_offset():
    long = items(400)
    assert best_window(long, np.concatenate((items(70), long[150:300]))) > 0.9
    assert best_window(long, items(400)) < 0.4


def test_a_share_of_all_has_no_width_and_one_of_half_has():
    all_found = share((track("a", n), 1.0) for n in range(10))
    half = share((track("ab"[n % 2], n), float(n % 4 < 2)) for n in range(40))
    assert (all_found.point, all_found.lower_bound) == (1.0, 1.0)
    assert half.low < half.point == 0.5 < half.high
    assert half == share((track("ab"[n % 2], n), float(n % 4 < 2)) for n in range(40))


def test_packages_are_drawn_as_evenly_as_they_can_be():
    tracks = [track("a", n) for n in range(50)] + [track("b", n) for n in range(3)]
    chosen = balanced(tracks, 10)
    assert sorted(t.package for t in chosen) == ["a"] * 7 + ["b"] * 3
    assert chosen == balanced(tracks, 10)
