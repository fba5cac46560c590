"""The tail of kappa between windows of unrelated music: what chance alone reaches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.kappa import Items, WindowTable
from audiodup.keys import informative

_BIN = 0.001
_LOW, _HIGH = -1.0, 1.0
_BLOCK = 2048


@dataclass(frozen=True, slots=True)
class Tail:
    """How often kappa of unrelated windows of so many frames lies where."""

    frames: int
    counts: NDArray[np.int64]
    """In bins of 0.001 from -1 to 1."""
    highest: float
    mean: float
    deviation: float

    @property
    def comparisons(self) -> int:
        """How many windows were compared with another."""
        return int(self.counts.sum())

    def exceeded_by(self, share: float) -> float:
        """The kappa that such a share of the comparisons reaches."""
        above = np.cumsum(self.counts[::-1])[::-1]
        reached = np.flatnonzero(above >= share * self.comparisons)
        return float(_LOW + _BIN * reached[-1])

    def decade(self, high: float = 1e-3, low: float = 1e-6) -> float:
        """By how much kappa rises for a tenth of the comparisons, between the two shares."""
        return (self.exceeded_by(low) - self.exceeded_by(high)) / math.log10(high / low)


def informative_windows(items: Items, length: int, step: int) -> Items:
    """Every `step`-th window whose frames all say something; windows by frames."""
    if len(items) < length:
        return np.empty((0, length), np.uint32)
    useful = np.lib.stride_tricks.sliding_window_view(informative(items), length)[::step].all(axis=1)
    taken: Items = np.lib.stride_tricks.sliding_window_view(items, length)[::step][useful]
    return taken


def tail(fingerprints: Sequence[tuple[str, Items]], length: int, step: int) -> Tail:
    """Compare windows of each track with windows of all tracks of other packages.

    Args:
        fingerprints: package and items of each track.
        length: frames of a window.
        step: frames from one window to the next.
    """
    packages = sorted({package for package, _ in fingerprints})
    tables = {
        package: np.concatenate([informative_windows(items, length, step) for p, items in fingerprints if p == package])
        for package in packages
    }
    counts = np.zeros(round((_HIGH - _LOW) / _BIN), np.int64)
    highest, total, squares = -1.0, 0.0, 0.0
    for number, package in enumerate(packages):
        for other in packages[number + 1 :]:
            for mine in _blocks(tables[package]):
                for theirs in _blocks(tables[other]):
                    kappa = WindowTable(mine).kappa(WindowTable(theirs))
                    highest = max(highest, float(kappa.max()))
                    total += float(kappa.sum(dtype=np.float64))
                    squares += float(np.square(kappa, dtype=np.float64).sum())
                    places = ((np.clip(kappa, _LOW, _HIGH - _BIN / 2) - _LOW) / _BIN).astype(np.int64)
                    counts += np.bincount(places.ravel(), minlength=len(counts))
    mean = total / counts.sum()
    return Tail(length, counts, highest, mean, float(np.sqrt(squares / counts.sum() - mean**2)))


def _blocks(windows: Items) -> list[Items]:
    return [windows[start : start + _BLOCK] for start in range(0, len(windows), _BLOCK)]
