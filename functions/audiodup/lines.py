"""Straight lines through the common keys of two fingerprints: position_b = tempo * position_a + offset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiodup.frames import Frames

# +-6 %; tempo 1 first, so that it wins a tie. Half a step drifts by 2.4 frames over 120 s, less than a bin.
_STEPS = np.arange(1, 13) * 0.005
_TEMPOS = np.concatenate(([1.0], 1 + _STEPS, 1 - _STEPS))
_LARGEST_CHANGE = 0.065
_BIN_FRAMES = 4
_LEAST_VOTES = 3
# Another tempo has to explain more than tempo 1 does, by this much.
_TEMPO_ONE_SHARE = 0.9
# So many are no chance, and a small change of tempo is found by fitting: no other tempo need be tried.
_CLEAR_VOTES = 250
# A key that is so frequent in one track (a loop) votes for every offset.
_MOST_MEETINGS = 64
_TOLERANCES = (6.0, 3.0)
# Through a shorter stretch a tempo cannot be told: 1 frame in 160 is 0.6 %.
_SPAN_FOR_A_TEMPO = 160
_POINTS_FOR_A_TEMPO = 8


@dataclass(frozen=True, slots=True)
class Line:
    """position_b = tempo * position_a + offset, in frames."""

    tempo: float
    offset: float


@dataclass(frozen=True, slots=True)
class CommonKeys:
    """Where the two fingerprints have equal voting bits: positions in each, int64, shapes (n,)."""

    a: NDArray[np.int64]
    b: NDArray[np.int64]

    def outside(self, a_range: tuple[int, int], b_range: tuple[int, int]) -> CommonKeys:
        """Those in neither range (starts inclusive, ends exclusive)."""
        inside = (self.a >= a_range[0]) & (self.a < a_range[1]) | (self.b >= b_range[0]) & (self.b < b_range[1])
        return CommonKeys(self.a[~inside], self.b[~inside])

    def off(self, line: Line) -> CommonKeys:
        """Those that do not lie on the line."""
        far = np.abs(self.b - line.tempo * self.a - line.offset) > 2 * _BIN_FRAMES
        return CommonKeys(self.a[far], self.b[far])


def common_keys(a: Frames, b: Frames) -> CommonKeys:
    """Find them, by binary search."""
    (keys_a, positions_a), (keys_b, positions_b) = a.votes, b.votes
    first = np.searchsorted(keys_b, keys_a, "left")
    meetings = np.searchsorted(keys_b, keys_a, "right") - first
    meetings[meetings > _MOST_MEETINGS] = 0
    total = int(meetings.sum())
    before = np.cumsum(meetings) - meetings
    index = np.arange(total) + np.repeat(first - before, meetings)
    return CommonKeys(np.repeat(positions_a, meetings), positions_b[index])


def fit_line(keys: CommonKeys) -> Line | None:
    """The line through the most common keys (a Hough transform over tempo and offset), fitted by least squares to
    those near it; None where no three of them lie on one.
    """
    if len(keys.a) < _LEAST_VOTES:
        return None
    line, votes = _most_votes(keys, _TEMPOS[:1])
    if votes < _CLEAR_VOTES:
        other, others_votes = _most_votes(keys, _TEMPOS)
        if votes < _TEMPO_ONE_SHARE * others_votes:
            line, votes = other, others_votes
    if votes < _LEAST_VOTES:
        return None
    for tolerance in _TOLERANCES:
        near = np.abs(keys.b - line.tempo * keys.a - line.offset) <= tolerance
        if np.count_nonzero(near) < _LEAST_VOTES:
            break
        line = fit_points(keys.a[near], keys.b[near], line)
    return line


def _most_votes(keys: CommonKeys, tempos: NDArray[np.float64]) -> tuple[Line, int]:
    """The line of one of these tempos that has the most keys near it, and how many they are."""
    offsets = keys.b[None, :] - tempos[:, None] * keys.a[None, :]
    lowest = float(offsets.min())
    bins = ((offsets - lowest) * (1 / _BIN_FRAMES)).astype(np.int32)
    width = int(bins.max()) + 2
    rows = np.arange(len(tempos), dtype=np.int32)[:, None] * width
    votes = np.bincount((bins + rows).ravel(), minlength=width * len(tempos)).reshape(len(tempos), width)
    # Two neighbouring bins, so that no line is cut in half by a border.
    votes = votes[:, :-1] + votes[:, 1:]
    row, place = divmod(int(votes.argmax()), votes.shape[1])
    return Line(float(tempos[row]), lowest + (place + 1) * _BIN_FRAMES), int(votes[row, place])


def fit_points(a: NDArray[np.int64], b: NDArray[np.int64], near: Line) -> Line:
    """The line through these points; `near`'s tempo where they are too few or too close to tell one.

    Args:
        a: positions, shape (n,), n > 0.
        b: the same.
        near: what is known of the line.
    """
    tempo = near.tempo
    span = int(a.max() - a.min())
    if span >= _SPAN_FOR_A_TEMPO and len(a) >= _POINTS_FOR_A_TEMPO:
        centred = a - a.mean()
        fitted = float((centred * b).sum() / (centred * centred).sum())
        # Less than a frame over all of it is rounding.
        if abs(fitted - 1) * span < 1:
            tempo = 1.0
        elif abs(fitted - 1) <= _LARGEST_CHANGE:
            tempo = fitted
    return Line(tempo, float(np.median(b - tempo * a)))
