"""Decoded audio in memory, and the hash by which equal audio is told in whatever file it is."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_FULL_SCALE_BITS = 31
_LARGEST_INTEGER = 2**31 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """Samples as a decoder gave them."""

    samples: NDArray[np.float64]
    """Shape (frames, channels), full scale -1 to 1. A float64 holds every sample format there is exactly."""
    rate: int
    """Hz."""
    bits: int | None = None
    """What the decoder says of a sample's width; None where it is not known, or the samples are floats."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.samples) / self.rate

    @property
    def balance(self) -> float | None:
        """Level of the first channel over that of the second, dB; None where there are no two with sound.

        A fingerprint is of the channels' sum: it does not hear that they were exchanged.
        """
        if self.samples.ndim < 2 or self.samples.shape[1] < 2 or not len(self.samples):
            return None
        first, second = (float(energy) for energy in (self.samples[:, :2] ** 2).sum(axis=0))
        # Their quotient may be too small, or too large, for a float.
        return 10 * (math.log10(first) - math.log10(second)) if first > 0 and second > 0 else None

    def pcm_md5(self, *, lossless: bool | None) -> str | None:
        """MD5 in the form of FLAC's STREAMINFO: channels interleaved, signed, little endian, whole bytes.

        A lossy codec's samples are hashed as 16 bits, by which the same file under other tags is known; decoders that
        compute otherwise may round them otherwise. What may be lossless is hashed exactly: as integers of the width it
        was stored with, never of a smaller one than its samples need, and as floats where no integers hold them.

        Args:
            lossless: of the codec; None counts as True.

        Returns:
            None where there are no samples.
        """
        if not self.samples.size:
            return None
        if lossless is False:
            data = np.clip(np.rint(self.samples * 2**15), -(2**15), 2**15 - 1).astype("<i2").tobytes()
        else:
            data = self._exact_bytes()
        return hashlib.md5(data, usedforsecurity=False).hexdigest()

    def _exact_bytes(self) -> bytes:
        scaled = self.samples * 2.0**_FULL_SCALE_BITS
        if not np.array_equal(scaled, np.rint(scaled)) or scaled.max() > _LARGEST_INTEGER or scaled.min() < -(2.0**31):
            singles = self.samples.astype("<f4")
            exact = np.array_equal(singles, self.samples)
            return singles.tobytes() if exact else self.samples.astype("<f8").tobytes()
        integers = scaled.astype("<i4")
        stored = math.ceil((self.bits or 16) / 8)
        width = max(min(stored, 4), _bytes_needed(integers))
        # The upper bytes: samples are scaled up to 32 bits.
        return integers.view(np.uint8).reshape(-1, 4)[:, 4 - width :].tobytes()


def _bytes_needed(integers: NDArray[np.int32]) -> int:
    used = int(np.bitwise_or.reduce(integers, axis=None)) & 0xFFFFFFFF
    return next((width for width in (1, 2, 3) if not used & ((1 << (32 - 8 * width)) - 1)), 4)
