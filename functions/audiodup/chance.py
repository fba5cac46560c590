"""How likely unrelated recordings are to agree as well as this: what kappa has to be before it is evidence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

MOST_FALSE = 0.01
"""Rows as good as the weakest that the whole library would have by chance. One coincidence comes again with every copy
of the two recordings: at 1 a single drone gave 77 false rows among 4,108 files."""
_REFERENCE_FRAMES = 96


@dataclass(frozen=True, slots=True)
class ChanceModel:
    """The tail of kappa between windows of unrelated recordings, as measured by analysis/thresholds: exponential, and
    fatter than a normal one, since neighbouring frames are alike.

    Over n frames one window in a million reaches `millionth * (96 / n) ** 0.25`, and from there on each
    `decade * (96 / n) ** 0.15` more is ten times rarer; over more than 96 frames the exponents are 0.35 and 0.30.
    """

    millionth: float
    """Kappa that one unrelated window of 96 frames in a million reaches."""
    decade: float
    """How much more kappa is ten times rarer."""
    trials: float
    """Windows and offsets, as far as they are independent, among which the best was chosen for one pair."""
    floors: tuple[tuple[int, float], ...]
    """(frames, kappa): below the first there is no evidence, between two interpolated, behind the last the same."""

    def expected_false(self, kappa: float, frames: int, pairs: float) -> float:
        """How many of so many pairs of unrelated recordings would have a range like this; Bonferroni's bound, so that
        it errs towards too many.
        """
        millionth, decade = self._tail(frames)
        exponent = -6 - (kappa - millionth) / decade
        return min(pairs, pairs * self.trials * 10 ** min(exponent, 0.0))

    def least_kappa(self, frames: int, pairs: float) -> float:
        """What kappa has to be, so that `expected_false` stays under MOST_FALSE; infinite for too few frames.

        Args:
            frames: informative frames compared.
            pairs: of recordings in the library.
        """
        millionth, decade = self._tail(frames)
        rarer = math.log10(max(pairs, 1) * self.trials / MOST_FALSE) - 6
        return max(self._floor(frames), millionth + rarer * decade)

    def _tail(self, frames: int) -> tuple[float, float]:
        shorter = _REFERENCE_FRAMES / max(frames, 1)
        of_millionth, of_decade = (0.25, 0.15) if shorter > 1 else (0.35, 0.30)
        return self.millionth * shorter**of_millionth, self.decade * shorter**of_decade

    def _floor(self, frames: int) -> float:
        if frames < self.floors[0][0]:
            return math.inf
        for (fewer, high), (more, low) in pairwise(self.floors):
            if frames < more:
                return high + (low - high) * (frames - fewer) / (more - fewer)
        return self.floors[-1][1]
