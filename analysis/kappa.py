"""Bit agreement and kappa over windows of two fingerprints, many windows at once.

Kappa is agreement corrected for what two streams with these frequencies of one-bits agree on by chance:
(po - pe) / max(1 - pe, 1/8), pe = mean over the 32 bits of pa * pb + (1 - pa) * (1 - pb).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BITS = 32
PE_LIMIT = 0.125
"""1 - pe is taken as no less: nearly constant bits would blow noise up."""

Floats = NDArray[np.float64]
Items = NDArray[np.uint32]


def bits_of(items: Items) -> NDArray[np.uint8]:
    """Frames by 32."""
    return np.unpackbits(items.astype("<u4").view(np.uint8).reshape(-1, 4), axis=1, bitorder="little")


def one_frequencies(items: Items) -> Floats:
    """How often each of the 32 bits is one."""
    frequencies: Floats = bits_of(items).mean(axis=0)
    return frequencies


def windows(items: Items, starts: NDArray[np.intp], length: int) -> Items:
    """Windows by frames."""
    return np.lib.stride_tricks.sliding_window_view(items, length)[starts]


class WindowTable:
    """Windows of one length, compared all with all by matrix products."""

    def __init__(self, windows: Items) -> None:
        """
        Args:
            windows: count by frames.
        """
        count, self.length = windows.shape
        bits = bits_of(windows.ravel()).reshape(count, self.length, BITS)
        self.frequencies: NDArray[np.float32] = bits.mean(axis=1, dtype=np.float32)
        self.signs = (bits.reshape(count, -1).astype(np.float32) * 2) - 1

    def agreement(self, other: WindowTable) -> NDArray[np.float32]:
        """Share of equal bits, windows of this by windows of the other."""
        agreement: NDArray[np.float32] = (self.signs @ other.signs.T / (BITS * self.length) + 1) / 2
        return agreement

    def chance(self, other: WindowTable) -> NDArray[np.float32]:
        """pe, windows of this by windows of the other."""
        pa, pb = self.frequencies, other.frequencies
        both = 2 * (pa @ pb.T) - pa.sum(axis=1)[:, None] - pb.sum(axis=1)[None, :]
        return np.asarray(both / BITS + 1, np.float32)

    def kappa(self, other: WindowTable) -> NDArray[np.float32]:
        """Kappa of the windows as a whole, windows of this by windows of the other."""
        chance = self.chance(other)
        return np.asarray((self.agreement(other) - chance) / np.maximum(1 - chance, PE_LIMIT), np.float32)


def terms(a: Items, b: Items) -> tuple[Floats, Floats]:
    """Kappa's numerator and denominator of each pair of equally long windows (count by frames)."""
    agreement = 1 - np.bitwise_count(a ^ b).mean(axis=1) / BITS
    pa = bits_of(a.ravel()).reshape(*a.shape, BITS).mean(axis=1)
    pb = bits_of(b.ravel()).reshape(*b.shape, BITS).mean(axis=1)
    chance = (pa * pb + (1 - pa) * (1 - pb)).mean(axis=1)
    return agreement - chance, np.maximum(1 - chance, PE_LIMIT)
