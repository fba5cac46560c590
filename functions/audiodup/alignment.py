"""What two fingerprints have in common: lines through their common keys, and the ranges that agree along each.

Several lines where an edit has several parts. A cheap score for millions of pairs is in screening.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from audiodup.agreement import Path, Range, best_path, measure
from audiodup.contest import contest
from audiodup.frames import Frames
from audiodup.lines import Line, common_keys, fit_line

MOST_PARTS = 8
"""Lines looked for in one pair."""
# Under 1.5 s of frames (each describes 2.6 s) a range proves nothing, and its figures are noise.
_LEAST_FRAMES = 12
# A later line is worth following only if it is more than three chance meetings.
_LEAST_LATER_VOTES = 6
# Lines that lead nowhere before it is given up: chance meetings may outvote a short part.
_FAILURES = 2


@dataclass(frozen=True, slots=True)
class Part:
    """One range that both have, and the line it lies on."""

    line: Line
    range: Range

    def mirrored(self) -> Part:
        """The same with A and B exchanged."""
        line = Line(1 / self.line.tempo, -self.line.offset / self.line.tempo)
        return Part(line, replace(self.range, a=self.range.b, b=self.range.a))


@dataclass(frozen=True, slots=True)
class Alignment:
    """All that two fingerprints have in common."""

    parts: tuple[Part, ...]
    """In the order of A; at least one. No frame of either is in two of them."""

    @property
    def main(self) -> Part:
        """The longest."""
        return max(self.parts, key=lambda part: part.range.frames)

    @property
    def frames(self) -> int:
        """Informative frames that were compared, in all parts."""
        return sum(part.range.frames for part in self.parts)

    @property
    def agreement(self) -> float:
        """Share of equal bits, 0 to 1, over all parts."""
        return sum(part.range.agreement * part.range.frames for part in self.parts) / self.frames

    @property
    def kappa(self) -> float:
        """Over all parts, by their frames."""
        return sum(part.range.kappa * part.range.frames for part in self.parts) / self.frames

    @property
    def worst(self) -> float:
        """Lowest agreement of any 2 s in any part."""
        return min(part.range.worst for part in self.parts)

    def mirrored(self) -> Alignment:
        """The same with A and B exchanged."""
        return Alignment(tuple(sorted((part.mirrored() for part in self.parts), key=lambda part: part.range.a)))


def align(a: Frames, b: Frames, meetings: Sequence[Sequence[int]] = ()) -> Alignment | None:
    """Find what `a` and `b` have in common; None where nothing is.

    Args:
        a: one fingerprint.
        b: the other.
        meetings: pairs of positions where the index has seen equal keys: followed at tempo 1 where the common keys
            lead nowhere.
    """
    paths = _paths(a, b)
    if not paths:
        lines = dict.fromkeys(Line(1.0, float(position_b - position_a)) for position_a, position_b in meetings)
        paths = [path for line in lines if (path := best_path(a, b, line))][:1]
    if not paths:
        return None
    if len(paths) == 1:
        stretches = [(paths[0], start, end) for start, end in paths[0].spans]
    else:
        stretches = contest(paths, len(a), len(b))
    parts = [
        Part(path.line, found)
        for path, start, end in stretches
        if (found := measure(path, start, end)) and found.frames >= _LEAST_FRAMES
    ]
    return Alignment(tuple(sorted(parts, key=lambda part: part.range.a))) if parts else None


def _paths(a: Frames, b: Frames) -> list[Path]:
    """Paths along the lines through the common keys, the line with the most of them first."""
    keys = common_keys(a, b)
    paths: list[Path] = []
    failures = 0
    while len(paths) < MOST_PARTS and failures < _FAILURES and (line := fit_line(keys)):
        if paths and len(keys.a) < _LEAST_LATER_VOTES:
            break
        if path := best_path(a, b, line):
            paths.append(path)
            if _covers_all(path, a, b):
                break
        else:
            failures += 1
        keys = keys.off(line)
    return paths


def _covers_all(path: Path, a: Frames, b: Frames) -> bool:
    """Whether it leaves nothing of the one file or of the other to be found elsewhere."""
    matched = sum(int(np.count_nonzero(path.compared[start:end])) for start, end in path.spans)
    least = min(int(np.count_nonzero(a.informative)), int(np.count_nonzero(b.informative)))
    return matched >= least - _LEAST_FRAMES
