"""A cheap score for millions of candidate pairs: kappa around the places where the index has seen equal keys.

Unrelated music meets in a key now and then, but the frames around that place do not agree. What passes is aligned in
full (alignment.py).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audiodup.agreement import LEAST_DENOMINATOR, chance_agreement
from audiodup.frames import Library, as_bits

SCREEN_KAPPA = 0.15
"""What passes. Of 114 unrelated candidate pairs of the corpus 20 did; of 50 true ones each at 1 % speed, +12 dB bass
and with an echo all, at 5 % tempo all or all but one."""
_HALF_FRAMES = 24
# Bits of 2 x 48 frames x 32 for each pair, one byte a bit: 3 MB, which fits the processor's cache.
_PAIRS_AT_ONCE = 1024
# Below it the pair has no frames to judge by, and the full alignment decides.
_LEAST_FRAMES = 12


def screen(
    library: Library, a: NDArray[np.integer], b: NDArray[np.integer], meetings: NDArray[np.integer]
) -> NDArray[np.float32]:
    """Kappa over the 48 frames around each pair's meetings, the better of the two; shape (n,).

    Args:
        library: all fingerprints.
        a: track numbers in `library`, shape (n,).
        b: the same.
        meetings: positions in a and in b of the first and the last key in common, shape (n, 2, 2).
    """
    scores = np.empty(len(a), np.float32)
    for start in range(0, len(a), _PAIRS_AT_ONCE):
        chunk = slice(start, start + _PAIRS_AT_ONCE)
        scores[chunk] = np.maximum(
            _around(library, a[chunk], b[chunk], meetings[chunk, 0]),
            _around(library, a[chunk], b[chunk], meetings[chunk, 1]),
        )
    return scores


def _around(
    library: Library, a: NDArray[np.integer], b: NDArray[np.integer], meeting: NDArray[np.integer]
) -> NDArray[np.float32]:
    steps = np.arange(-_HALF_FRAMES, _HALF_FRAMES)
    index_a, inside_a = _places(library, a, meeting[:, 0, None] + steps)
    index_b, inside_b = _places(library, b, meeting[:, 1, None] + steps)
    compared = inside_a & inside_b & library.informative[index_a] & library.informative[index_b]
    items_a, items_b = library.items[index_a], library.items[index_b]
    count = np.maximum(compared.sum(axis=1), 1).astype(np.float32)
    equal = 1 - np.bitwise_count(items_a ^ items_b).astype(np.float32) / 32
    agreement = (equal * compared).sum(axis=1) / count
    # What is not compared is set to no bits, and so counts for nothing.
    shares_a = as_bits(np.where(compared, items_a, 0)).sum(axis=1, dtype=np.uint8) / count[:, None]
    shares_b = as_bits(np.where(compared, items_b, 0)).sum(axis=1, dtype=np.uint8) / count[:, None]
    chance = chance_agreement(shares_a, shares_b)
    kappa = (agreement - chance) / np.maximum(1 - chance, LEAST_DENOMINATOR)
    return np.where(count < _LEAST_FRAMES, 1.0, kappa).astype(np.float32)


def _places(
    library: Library, tracks: NDArray[np.integer], positions: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where the frames at these positions of these tracks stand in the library, and which of them there are."""
    starts, ends = library.starts[tracks][:, None], library.starts[tracks + 1][:, None]
    index = starts + positions
    inside = (index >= starts) & (index < ends)
    return np.clip(index, 0, len(library.items) - 1), inside
