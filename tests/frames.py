"""Made fingerprints: random frames, so that two of them are unrelated, and copies of them as edits leave them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Items = NDArray[np.uint32]
SILENCE = 627964279
"""What fpcalc gives for digital silence."""


def music(seed: int, frames: int = 900) -> Items:
    """A fingerprint that has nothing in common with that of another seed."""
    return np.random.default_rng(seed).integers(0, 1 << 32, frames, dtype=np.uint32)


def worn(items: Items, share: float, seed: int = 0) -> Items:
    """The same with so many of its bits flipped."""
    flips = np.random.default_rng(seed).random((len(items), 32)) < share
    return items ^ np.packbits(flips, axis=1, bitorder="little").view("<u4").ravel().astype(np.uint32)


def silence(frames: int) -> Items:
    """Digital silence."""
    return np.full(frames, SILENCE, np.uint32)


def joined(*parts: Items) -> Items:
    """One behind the other."""
    return np.concatenate(parts).astype(np.uint32)


def at_tempo(items: Items, tempo: float) -> Items:
    """What was at position p stands at tempo * p."""
    positions = np.round(np.arange(int(len(items) * tempo)) / tempo).astype(int)
    return items[np.minimum(positions, len(items) - 1)]
