"""Which tracks of a package are renderings of one piece: a study that took them for different ones would count
natural duplicates as errors, and one piece several times.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from analysis.corpus import Track
from analysis.kappa import PE_LIMIT, one_frequencies

_WINDOW = 96
"""Frames, 12 s."""
_SAME_PIECE = 0.50
"""Kappa of the best 12 s at any offset. Renderings reach 0.55 to 0.89, tracks of different packages 0.32."""


def one_of_each(tracks: Sequence[Track], seed: int = 1) -> list[Track]:
    """One rendering of each piece, chosen by the seed; pieces are told apart within packages only."""
    from analysis.degrade import ORIGINAL, build  # noqa: PLC0415 degrade asks here for its default tracks

    items = {copy.track: copy.items for copy in build(tracks, [ORIGINAL])}
    rng = random.Random(seed)
    chosen = [rng.choice(piece) for piece in pieces(items)]
    return sorted(chosen, key=lambda t: (t.package, t.name))


def pieces(items: dict[Track, NDArray[np.uint32]]) -> list[list[Track]]:
    """The tracks in groups that hold, directly or over others, 12 s in common."""
    leader = {track: track for track in items}

    def find(track: Track) -> Track:
        while leader[track] is not track:
            track = leader[track]
        return track

    for a, b in combinations(items, 2):
        if a.package == b.package and best_window(items[a], items[b]) >= _SAME_PIECE:
            leader[find(a)] = find(b)
    groups: dict[Track, list[Track]] = defaultdict(list)
    for track in items:
        groups[find(track)].append(track)
    return list(groups.values())


def best_window(a: NDArray[np.uint32], b: NDArray[np.uint32], window: int = _WINDOW) -> float:
    """The highest kappa of any 12 s of the one against any 12 s of the other.

    The bits' frequencies are those of the whole fingerprints: a window's own would cost a hundred times the time, and
    this has only to tell pieces apart.
    """
    if min(len(a), len(b)) < window:
        return 0.0
    padded = np.full((len(a), len(a) + len(b)), 0, np.uint8)
    padded[:, : len(b)] = 32 - np.bitwise_count(a[:, None] ^ b[None, :])
    # Row i shifted by i: each diagonal becomes a column.
    flat = np.concatenate((padded.ravel(), np.zeros(len(a), np.uint8)))
    sheared = np.lib.stride_tricks.as_strided(
        flat, (len(a), len(a) + len(b) - 1), ((padded.shape[1] + 1) * flat.itemsize, flat.itemsize)
    )
    sums = np.cumsum(sheared, axis=0, dtype=np.int32)
    sums[window:] -= sums[:-window].copy()
    best = float(sums[window - 1 :].max()) / (32 * window)
    pa, pb = one_frequencies(a), one_frequencies(b)
    chance = float(np.mean(pa * pb + (1 - pa) * (1 - pb)))
    return (best - chance) / max(1 - chance, PE_LIMIT)
