"""What the alignment finds in whole fingerprints: of an original and its copy, and of unrelated ones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.degrade import Copy
from audiodup.alignment import Alignment, align
from audiodup.frames import Frames
from audiodup.verdict import NORMAL_CHANCE

_SEED = 1
# The floors of the chance model alone, as for parts beside one that is proven.
_NO_PAIRS = 0


@dataclass(frozen=True, slots=True)
class Paired:
    """Two fingerprints and what the alignment says; zeros where it says nothing."""

    a: Copy
    b: Copy
    agreement: float
    kappa: float
    """Of the longest range."""
    frames: int
    """Of the longest range."""

    def proven(self, pairs: float) -> bool:
        """Whether chance is ruled out in a library of so many pairs."""
        return self.frames > 0 and self.kappa >= NORMAL_CHANCE.least_kappa(self.frames, pairs)


def related_pairs(copies: Sequence[Copy], originals: Sequence[Copy]) -> list[Paired]:
    """Each original with each of its copies."""
    frames = {id(copy): Frames.of(copy.items) for copy in (*copies, *originals)}
    of_track = {original.track: original for original in originals}
    return [_pair(of_track[c.track], c, frames) for c in copies if c.track in of_track]


def unrelated_pairs(copies: Sequence[Copy], originals: Sequence[Copy], count: int) -> list[Paired]:
    """So many pairs of an original and a copy out of another package, drawn by the seed."""
    frames = {id(copy): Frames.of(copy.items) for copy in (*copies, *originals)}
    rng = random.Random(_SEED)
    found: list[Paired] = []
    while len(found) < count:
        a, b = rng.choice(originals), rng.choice(copies)
        if a.package != b.package:
            found.append(_pair(a, b, frames))
    return found


def _pair(a: Copy, b: Copy, frames: dict[int, Frames]) -> Paired:
    alignment = align(frames[id(a)], frames[id(b)])
    if alignment is None:
        return Paired(a, b, 0.0, 0.0, 0)
    best = _best(alignment)
    return Paired(a, b, alignment.agreement, best[0], best[1])


def _best(alignment: Alignment) -> tuple[float, int]:
    """Kappa and frames of the part that is furthest from chance."""
    part = max(
        alignment.parts, key=lambda p: p.range.kappa - NORMAL_CHANCE.least_kappa(max(p.range.frames, 24), _NO_PAIRS)
    )
    return part.range.kappa, part.range.frames
