"""Large libraries that behave like real ones, out of a few dozen real fingerprints.

Stretches of real fingerprints are veiled: XORed with random numbers, another one each 2 s, so that a stretch keeps its
runs and changes, and two of them have nothing left in common. But real, unrelated music does have frames in common
(near-silence, drones, single notes), and they are much of the work. So where a stretch has frames whose key is met in
several packages, some are exchanged, run by run, for such frames of the corpus: each key so often that two tracks meet
in it as often as two tracks of different packages do. Both figures are in the benchmark's output.

A planted pair is an original and a real degraded copy of it, XORed with one number: every bit that the degradation has
changed is changed there too. Its own common frames (some 1 % of the corpus) become rare by that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.degrade import ORIGINAL, Copy
from audiodup.keys import KeyScheme, informative, make_keys

Items = NDArray[np.uint32]
FRAMES = 948
"""Of a 120 s fingerprint: the most that a track of a library has, and nearly all of stock music's have it."""
_STRETCH = 237
_VEIL_FRAMES = 16
_LEAST_DISTANCE = 13
"""Bits in which the veils of two plants of one original differ at least: fewer would leave them related."""
_MASK = np.uint32(KeyScheme(24, 1).mask)
"""By these bits frames are common or not; in more bits unrelated frames meet less often, and do so here too."""


@dataclass(frozen=True, eq=False, slots=True)
class Planted:
    """Two tracks of the library that are one recording."""

    cls: str
    original: Items
    copy: Items


class Veils:
    """Makes tracks out of the corpus's originals.

    Args:
        originals: fingerprints by package.
        seed: the same library for the same seed.
    """

    def __init__(self, originals: dict[str, list[Items]], seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        keys, shares = _common_keys(originals)
        # A stretch may run over the end of one track into the next; both are real.
        self._frames = np.concatenate([items for tracks in originals.values() for items in tracks])
        own = self._frames & _MASK
        self._begins = _begins(own)
        place = np.minimum(np.searchsorted(keys, own), len(keys) - 1)
        self._is_common = keys[place] == own
        first = self._is_common & self._begins
        # Of all frames with a key each is as likely, and the key as it should be.
        weights = shares[place[first]] / np.bincount(place[first])[place[first]]
        self._pool = self._frames[first]
        self._chances = np.cumsum(weights) / weights.sum()
        self.common_share = float(shares.sum())
        """Share of the library's frames that are common, of equal ones in a row only the first."""
        self._kept = min(1.0, self.common_share / float(first.sum() / self._begins.sum()))

    def tracks(self, count: int) -> Items:
        """Unrelated tracks, shape (count, FRAMES)."""
        stretches = FRAMES // _STRETCH
        starts = self._rng.integers(0, len(self._frames) - _STRETCH, (count, stretches, 1))
        index = starts + np.arange(_STRETCH)
        items = self._frames[index]
        begins = self._begins[index]
        begins[:, :, 0] = True
        # Equal frames in a row stay equal: one draw for each run.
        runs = np.cumsum(begins[common := self._is_common[index]]) - 1
        drawn = self._pool[np.searchsorted(self._chances, self._rng.random(int(runs.max(initial=-1)) + 1))]
        exchanged = self._rng.random(len(drawn)) < self._kept
        veils = self._rng.integers(0, 1 << 32, (count, stretches, _STRETCH // _VEIL_FRAMES + 1), np.uint32)
        made = items ^ np.repeat(veils, _VEIL_FRAMES, axis=2)[:, :, :_STRETCH]
        made[common] = np.where(exchanged[runs], drawn[runs], made[common])
        return np.asarray(made.reshape(count, FRAMES), np.uint32)

    def plants(self, copies: Sequence[Copy], at_most: int) -> list[Planted]:
        """Pairs of every class, as many of each as there are or fit."""
        originals = {one.track.id: one.items for one in copies if one.cls == ORIGINAL}
        degraded = [one for one in copies if one.group != ORIGINAL and one.track.id in originals]
        chosen = [degraded[place] for place in self._rng.permutation(len(degraded))[:at_most]]
        used: dict[str, list[np.uint32]] = {}
        plants = []
        for one in chosen:
            veils = used.setdefault(one.track.id, [])
            veils.append(self._veil_far_from(veils))
            plants.append(Planted(one.cls, originals[one.track.id] ^ veils[-1], one.items ^ veils[-1]))
        return plants

    def _veil_far_from(self, others: Sequence[np.uint32]) -> np.uint32:
        while True:
            veils = self._rng.integers(0, 1 << 32, 1000, np.uint32)
            far = np.ones(len(veils), np.bool_)
            for other in others:
                far &= np.bitwise_count(veils ^ other) >= _LEAST_DISTANCE
            if far.any():
                return np.uint32(veils[far][0])


def originals_by_package(copies: Sequence[Copy]) -> dict[str, list[Items]]:
    """The undegraded fingerprints."""
    found: dict[str, list[Items]] = {}
    for one in copies:
        if one.cls == ORIGINAL:
            found.setdefault(one.package, []).append(one.items)
    return found


def meetings_per_pair(groups: Sequence[Sequence[Items]], scheme: KeyScheme) -> float:
    """How many equal keys two unrelated tracks have, on average; tracks of one group are not compared.

    Args:
        groups: tracks that may be related to those of their own group only.
        scheme: of the keys; its limit for common keys is not applied.
    """
    keys = [np.concatenate([_keys(items, scheme) for items in group]) for group in groups]
    every, places = np.unique(np.concatenate(keys), return_inverse=True)
    ends = np.cumsum([len(one) for one in keys])
    total = np.zeros(len(every))
    met = 0.0
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        counts = np.bincount(places[start:end], minlength=len(every))
        met += float(total @ counts)
        total += counts
    sizes = np.array([len(group) for group in groups])
    return met / float((sizes.sum() ** 2 - (sizes**2).sum()) / 2)


def _common_keys(originals: dict[str, list[Items]]) -> tuple[NDArray[np.uint32], NDArray[np.float64]]:
    """The keys that several packages have, and how often each has to be in a library whose tracks are all alike for two
    of them to meet in it as often as two tracks of different packages.
    """
    frames = [np.concatenate(tracks) & _MASK for tracks in originals.values()]
    frames = [one[_begins(one)] for one in frames]
    keys = np.unique(np.concatenate(frames))
    shares = np.stack([np.bincount(np.searchsorted(keys, one), minlength=len(keys)) / len(one) for one in frames])
    packages = len(frames)
    met = (shares.sum(axis=0) ** 2 - (shares**2).sum(axis=0)) / (packages * (packages - 1))
    common = met > 0
    return keys[common], np.sqrt(met[common])


def _begins(values: Items) -> NDArray[np.bool_]:
    """Where a run of equal values begins."""
    return np.concatenate(([True], values[1:] != values[:-1]))


def _keys(items: Items, scheme: KeyScheme) -> NDArray[np.int64]:
    return make_keys(items, informative(items), scheme)[0]


def in_pieces(count: int, size: int) -> Iterator[int]:
    """Sizes of the pieces that make up `count`."""
    for start in range(0, count, size):
        yield min(size, count - start)
