"""Agreement and kappa over so many seconds in common: of copies at their true place, and of unrelated music.

No search on either side, so that the two compare: what a search adds to unrelated music is in thresholds.py.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.corpus import Track
from analysis.degrade import Copy
from analysis.kappa import PE_LIMIT, Items, WindowTable, terms
from analysis.tail import informative_windows
from audiodup.chromaprint import expected_items
from audiodup.frames import FRAME_SECONDS
from audiodup.keys import informative

SECONDS = (5, 10, 15, 30, 60)
_WINDOW = 96
_PER_COPY = 2
_BIN = 0.001
_BINS = round(2 / _BIN)
_BLOCK = 1024
_SEED = 1


@dataclass(frozen=True, slots=True)
class Related:
    """One stretch of a copy against where it comes from."""

    copy: Copy
    agreement: float
    kappa: float

    @property
    def track(self) -> Track:
        return self.copy.track


@dataclass(frozen=True, slots=True)
class Unrelated:
    """How often each agreement and kappa comes up between different packages: counts in bins of 0.001 from -1 to 1."""

    agreement: NDArray[np.int64]
    kappa: NDArray[np.int64]

    def exceeded_by(self, share: float, counts: NDArray[np.int64]) -> float:
        """The value that such a share of the comparisons reaches."""
        above = np.cumsum(counts[::-1])[::-1]
        return float(-1 + _BIN * np.flatnonzero(above >= share * counts.sum())[-1])

    def share_from(self, value: float, counts: NDArray[np.int64]) -> float:
        """The share of comparisons that reach the value."""
        return float(counts[round((value + 1) / _BIN) :].sum() / counts.sum())


def frames_of(seconds: float) -> int:
    """Frames of a file of so many seconds."""
    return expected_items(seconds)


def related(copies: Iterable[Copy], originals: dict[Track, Copy], frames: int) -> list[Related]:
    """Two stretches of so many informative frames of each copy, at the true place; fewer where it has no such part."""
    found = []
    for copy in copies:
        rng = random.Random(f"{copy.track.id} {copy.cls} {frames} {_SEED}")
        original = originals[copy.track].items
        starts = _true_windows(copy, len(original), frames)
        for start, places in rng.sample(starts, min(_PER_COPY, len(starts))):
            a, b = copy.items[start : start + frames], original[places]
            if informative(a).all() and informative(b).all():
                found.append(Related(copy, *_measure(a, b)))
    return found


def _true_windows(copy: Copy, length: int, frames: int) -> list[tuple[int, NDArray[np.intp]]]:
    """Every 10th window of the copy within one part, with the original's frames to its own."""
    windows = []
    for part in copy.parts:
        first = int(np.ceil(part.a_start / FRAME_SECONDS))
        last = min(int(part.a_end / FRAME_SECONDS) - 20, len(copy.items)) - frames
        for start in range(first, last + 1, 10):
            seconds = (start + np.arange(frames)) * FRAME_SECONDS
            there = np.rint((part.b_start + part.tempo * (seconds - part.a_start)) / FRAME_SECONDS).astype(np.intp)
            if there[0] >= 0 and there[-1] < length:
                windows.append((start, there))
    return windows


def _measure(a: Items, b: Items) -> tuple[float, float]:
    above = possible = 0.0
    for part in np.array_split(np.arange(len(a)), _chunks(len(a))):
        numerator, denominator = terms(a[None, part], b[None, part])
        above, possible = above + float(numerator[0]) * len(part), possible + float(denominator[0]) * len(part)
    return float(1 - np.bitwise_count(a ^ b).mean() / 32), above / possible


def _chunks(frames: int) -> int:
    return max(1, round(frames / _WINDOW))


def unrelated(originals: Sequence[Copy], frames: int, step: int) -> Unrelated:
    """Every `step`-th window of each original against those of the other packages."""
    packages = sorted({copy.package for copy in originals})
    windows = {
        package: np.concatenate([informative_windows(c.items, frames, step) for c in originals if c.package == package])
        for package in packages
    }
    result = Unrelated(np.zeros(_BINS, np.int64), np.zeros(_BINS, np.int64))
    for number, package in enumerate(packages):
        for other in packages[number + 1 :]:
            for mine in _blocks(windows[package]):
                for theirs in _blocks(windows[other]):
                    _count(mine, theirs, result)
    return result


def _count(mine: Items, theirs: Items, result: Unrelated) -> None:
    frames = mine.shape[1]
    agreement = np.zeros((len(mine), len(theirs)), np.float32)
    above, possible = agreement.copy(), agreement.copy()
    for part in np.array_split(np.arange(frames), _chunks(frames)):
        a, b = WindowTable(mine[:, part]), WindowTable(theirs[:, part])
        equal, chance = a.agreement(b), a.chance(b)
        weight = np.float32(len(part) / frames)
        agreement += equal * weight
        above += (equal - chance) * weight
        possible += np.maximum(1 - chance, np.float32(PE_LIMIT)) * weight
    result.agreement[:] += _binned(agreement)
    result.kappa[:] += _binned(above / possible)


def _binned(values: NDArray[np.float32]) -> NDArray[np.intp]:
    places = ((np.clip(values, -1, 1 - _BIN / 2) + 1) / _BIN).astype(np.int64)
    return np.bincount(places.ravel(), minlength=_BINS)


def _blocks(windows: Items) -> list[Items]:
    return [windows[start : start + _BLOCK] for start in range(0, len(windows), _BLOCK)]
