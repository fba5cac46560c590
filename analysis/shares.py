"""Shares with intervals: the bootstrap draws packages, and within them tracks, because copies of one track, and tracks
of one package, succeed and fail together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from analysis.corpus import Track

_REPEATS = 2000
_SEED = 1


@dataclass(frozen=True, slots=True)
class Share:
    """A share of successes."""

    point: float
    low: float
    """2.5th percentile of the bootstrap."""
    high: float
    """97.5th percentile."""
    lower_bound: float
    """One-sided, 95 %. The bootstrap cannot see what never happened: see `rule_of_three`."""
    count: int

    @property
    def rule_of_three(self) -> float:
        """What `count` successes out of as many prove at 95 %, were they independent."""
        return 1 - 3 / self.count if self.count else 0.0


def share(outcomes: Iterable[tuple[Track, float]], *, seed: int = _SEED) -> Share:
    """The mean of the outcomes (0 or 1 each) with its interval; all NaN where there are none."""
    packages: dict[str, dict[str, list[float]]] = {}
    for track, outcome in outcomes:
        packages.setdefault(track.package, {}).setdefault(track.id, []).append(float(outcome))
    if not packages:
        nothing = float("nan")
        return Share(nothing, nothing, nothing, nothing, 0)
    rng = np.random.default_rng(seed)
    # Successes and trials of each track, package by package.
    sums = [np.array([(sum(o), len(o)) for o in tracks.values()]) for tracks in packages.values()]
    repeats = np.empty(_REPEATS)
    for number in range(_REPEATS):
        drawn = [sums[package] for package in rng.integers(len(sums), size=len(sums))]
        successes, trials = sum(tracks[rng.integers(len(tracks), size=len(tracks))].sum(axis=0) for tracks in drawn)
        repeats[number] = successes / trials
    successes, trials = sum(tracks.sum(axis=0) for tracks in sums)
    low, bound, high = np.quantile(repeats, [0.025, 0.05, 0.975])
    return Share(float(successes / trials), float(low), float(high), float(bound), int(trials))
