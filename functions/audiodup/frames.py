"""Fingerprints as the alignment reads them: subfingerprints ("frames"), their bits, and which of them say anything.

One frame is 32 bits; frames follow each other every 0.124 s, and each describes about 2.6 s of audio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from audiodup.keys import informative

FRAME_SECONDS = 1365 / 11025
"""From one frame to the next, in seconds of the audio as fpcalc heard it (Chromaprint's hop at 11,025 Hz)."""
# The bits that change least in degraded copies (gain, codecs, echo, equaliser, speed), as counted over real ones. 16
# of them meet by chance once in about 10,000 pairs of frames, which a vote over hundreds of frames forgives, and they
# survive where whole frames do not (recall of lines at 2 % speed: 0.58 by 20 bits, 0.74 by 16).
_VOTING_BITS = (29, 31, 27, 19, 21, 3, 28, 30, 15, 11, 23, 9, 7, 1, 2, 25)
_VOTING_MASK = np.uint32(sum(1 << bit for bit in _VOTING_BITS))


@dataclass(frozen=True, eq=False)
class Frames:
    """One fingerprint.

    Args:
        items: uint32, shape (n,).
        informative: bool, shape (n,): False where silence or a constant tone says nothing.
    """

    items: NDArray[np.uint32]
    informative: NDArray[np.bool_]

    @classmethod
    def of(cls, items: NDArray[np.uint32], *, masked: bool = True) -> Frames:
        """The frames of a fingerprint; with `masked` False all of them count (slow fingerprints)."""
        return cls(items, informative(items) if masked else np.ones(len(items), bool))

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def bits(self) -> NDArray[np.uint8]:
        """0 or 1, shape (n, 32)."""
        return as_bits(self.items)

    @cached_property
    def votes(self) -> tuple[NDArray[np.uint32], NDArray[np.intp]]:
        """The voting bits of the informative frames, sorted, and the position of each: shapes (m,)."""
        positions = np.flatnonzero(self.informative)
        keys = self.items[positions] & _VOTING_MASK
        order = np.argsort(keys, kind="stable")
        return keys[order], positions[order]


@dataclass(frozen=True, eq=False)
class Library:
    """Many fingerprints in one array, so that pairs of them are compared by the thousand.

    Args:
        items: uint32, shape (total,).
        informative: bool, shape (total,).
        starts: int64, shape (tracks + 1,): where each begins; the last is `total`.
    """

    items: NDArray[np.uint32]
    informative: NDArray[np.bool_]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, fingerprints: Sequence[NDArray[np.uint32]], *, masked: bool = True) -> Library:
        """Put fingerprints together; see Frames.of for `masked`."""
        collection = Collection(masked=masked)
        collection.add(fingerprints)
        return collection.library

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, track: int) -> Frames:
        start, end = self.starts[track], self.starts[track + 1]
        return Frames(self.items[start:end], self.informative[start:end])


class Collection:
    """A Library that grows: its arrays are doubled when they are full, so that adding does not copy what is there."""

    def __init__(self, *, masked: bool = True) -> None:
        self._masked = masked
        self._items = np.empty(1 << 16, np.uint32)
        self._informative = np.empty(1 << 16, np.bool_)
        self._ends = [0]

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, fingerprints: Sequence[NDArray[np.uint32]]) -> None:
        """Put more fingerprints behind those that are there."""
        for items in fingerprints:
            start = self._ends[-1]
            end = start + len(items)
            while end > len(self._items):
                self._items = np.concatenate((self._items, np.empty_like(self._items)))
                self._informative = np.concatenate((self._informative, np.empty_like(self._informative)))
            self._items[start:end] = items
            self._informative[start:end] = informative(items) if self._masked else True
            self._ends.append(end)

    @property
    def library(self) -> Library:
        """What is there by now, without copying it."""
        total = self._ends[-1]
        return Library(self._items[:total], self._informative[:total], np.array(self._ends, np.int64))


def as_bits(items: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """The bits of `items`, lowest first: one more axis, of length 32."""
    octets = np.ascontiguousarray(items).astype("<u4", copy=False).view(np.uint8).reshape(*items.shape, 4)
    return np.unpackbits(octets, axis=-1, bitorder="little")
