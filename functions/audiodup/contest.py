"""Which of several lines holds where: music repeats itself, and a cut-down fits its original in more than one place.

Every frame of either file is given to one line at most: the one along which the music around it agrees best, found by
dynamic programming (Viterbi) with a price for each change of line.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audiodup.agreement import Path, rising

_BLOCK = 4
# A change costs what a match gains in about a second: shorter flickers are noise, and between equal repetitions the
# first line stays.
_CHANGE = 1.5


def contest(paths: Sequence[Path], frames_a: int, frames_b: int) -> list[tuple[Path, int, int]]:
    """Stretches of the paths that no other holds better; none shares a frame of A or of B with another.

    Args:
        paths: at least one, the most likely first.
        frames_a: length of A.
        frames_b: length of B.

    Returns:
        Path, start and end (exclusive) as indices into its arrays.
    """
    won_a = _winners([_on(path.a, path.excess, frames_a) for path in paths])
    # In the second round a line has only what it has won in the first.
    left = [np.where(won_a[path.a // _BLOCK] == number, path.excess, 0.0) for number, path in enumerate(paths)]
    won_b = _winners([_on(path.b, excess, frames_b) for path, excess in zip(paths, left, strict=True)])
    stretches = []
    for number, path in enumerate(paths):
        won = (won_a[path.a // _BLOCK] == number) & (won_b[path.b // _BLOCK] == number)
        borders = np.flatnonzero(np.diff(np.concatenate(([False], won, [False]))))
        for start, end in borders.reshape(-1, 2).tolist():
            spans, _ = rising(path.excess[start:end])
            stretches += [(path, start + first, start + last) for first, last in spans]
    return stretches


def _on(positions: NDArray[np.int64], excess: NDArray[np.float64], frames: int) -> NDArray[np.float64]:
    """The excess by blocks of one file's frames."""
    return np.bincount(positions // _BLOCK, excess, minlength=-(-frames // _BLOCK)).astype(np.float64)


def _winners(scores: Sequence[NDArray[np.float64]]) -> NDArray[np.intp]:
    """The line that each block is given to; the number of lines where none is worth it."""
    nobody = len(scores)
    steps = np.column_stack([*scores, np.zeros(len(scores[0]))]).tolist()
    best = [0.0] * (nobody + 1)
    came_from: list[list[int]] = []
    for step in steps:
        leader = max(range(nobody + 1), key=best.__getitem__)
        entry = best[leader] - _CHANGE
        sources = [line if best[line] >= entry else leader for line in range(nobody + 1)]
        best = [max(best[line], entry) + step[line] for line in range(nobody + 1)]
        came_from.append(sources)
    line = max(range(nobody + 1), key=best.__getitem__)
    winners = np.empty(len(steps), np.intp)
    for number in range(len(steps) - 1, -1, -1):
        winners[number] = line
        line = came_from[number][line]
    return winners
