"""What an alignment means in seconds of both files: matched ranges, overlap, and how much of each file they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from audiodup.alignment import Alignment, Part
from audiodup.frames import FRAME_SECONDS, Frames
from audiodup.model import MatchedRange

# A frame describes the 19 Chromaprint frames from its position on (2.6 s). At a cut inside a file the frames begin to
# agree when about half of what they describe is the same: the cut is that much behind the first frame that agrees.
_SUPPORT_FRAMES = 20.3
HALF_SUPPORT_FRAMES = 9
# So near to an end of the fingerprint a range is taken to reach it: local search, rounding, codecs' padding.
_AT_END_FRAMES = 4
_WHOLE_TOLERANCE_SECONDS = 0.5
# The rest are fades, edges, and what a codec has spoilt.
_ALL_SEEN = 0.9


@dataclass(frozen=True, slots=True)
class Seen:
    """How much a fingerprint tells."""

    frames: int
    informative: int

    @classmethod
    def of(cls, frames: Frames) -> Seen:
        """Count them."""
        return cls(len(frames), int(np.count_nonzero(frames.informative)))


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two fingerprints."""

    frames: int
    informative: int
    unit: float
    """Seconds of the file from one frame to the next."""
    duration: float
    """Of the whole file, seconds."""
    is_known: bool
    """Whether that is more than a guess."""

    @classmethod
    def of(cls, fingerprint: Seen, duration: float | None, speed: float = 1.0) -> Side:
        """Where nobody knows the duration it is taken to be what the fingerprint describes."""
        unit = FRAME_SECONDS * speed
        seen = (fingerprint.frames + _SUPPORT_FRAMES) * unit
        return cls(fingerprint.frames, fingerprint.informative, unit, duration or seen, duration is not None)

    @property
    def seen(self) -> float:
        """Seconds from the file's beginning that the fingerprint describes."""
        return min(self.duration, (self.frames + _SUPPORT_FRAMES) * self.unit)

    @property
    def is_whole(self) -> bool:
        """Whether that is all of the file."""
        return self.is_known and self.duration - self.seen <= _WHOLE_TOLERANCE_SECONDS


@dataclass(frozen=True, slots=True)
class Extent:
    """The alignment in seconds."""

    ranges: tuple[MatchedRange, ...]
    overlap_seconds: float
    offset_seconds: float
    tempo: float
    coverage_a: float
    coverage_b: float


def extent(alignment: Alignment, a: Side, b: Side) -> Extent:
    """Turn frames into seconds.

    Coverage is of the file's sound: what is silent counts neither way. Behind the end of a fingerprint that is not the
    end of its file, a match that runs into it is taken to go on as far as both files do, if nearly all that both
    fingerprints tell of the same time matches: a jingle at their end tells nothing of what follows.
    """
    ranges = tuple(_seconds(part, a, b) for part in alignment.parts)
    line = alignment.main.line
    unseen_a = unseen_b = 0.0
    if (last := _runs_out(alignment, a, b)) and _all_that_was_seen(alignment, last[0], a, b):
        part, matched = last
        unseen_a = max(0.0, min(a.duration, (b.duration - part.line.offset * b.unit) / part.line.tempo) - matched.a_end)
        unseen_b = max(0.0, min(b.duration - matched.b_end, unseen_a * part.line.tempo))
    return Extent(
        ranges,
        sum(one.a_end - one.a_start for one in ranges),
        line.offset * b.unit,
        line.tempo,
        _coverage(alignment, a, unseen_a),
        _coverage(alignment, b, unseen_b),
    )


def _seconds(part: Part, a: Side, b: Side) -> MatchedRange:
    line = part.line
    (a_first, a_last), (b_first, b_last) = part.range.a, part.range.b
    # Borders on A's time line, in frames: where a file begins or ends there the border is exact.
    start: float = a_first
    if min(a_first, b_first) > _AT_END_FRAMES:
        start += HALF_SUPPORT_FRAMES
    elif b_first <= a_first:
        start = max(0.0, -line.offset / line.tempo)
    else:
        start = 0.0
    if a_last < a.frames - _AT_END_FRAMES and b_last < b.frames - _AT_END_FRAMES:
        end: float = a_last + HALF_SUPPORT_FRAMES
    else:
        end = min(a.seen / a.unit, (b.seen / b.unit - line.offset) / line.tempo)
    start, end = max(start, 0.0, -line.offset / line.tempo), max(end, start)

    def in_b(position: float) -> float:
        return min(max((line.tempo * position + line.offset) * b.unit, 0.0), b.duration)

    return MatchedRange(
        round(min(start * a.unit, a.duration), 3),
        round(min(end * a.unit, a.duration), 3),
        round(in_b(start), 3),
        round(in_b(end), 3),
    )


def _runs_out(alignment: Alignment, a: Side, b: Side) -> tuple[Part, MatchedRange] | None:
    """The part that a fingerprint's end cuts off though its file goes on, if there is one."""
    for part in alignment.parts:
        cut_in_a = not a.is_whole and part.range.a[1] >= a.frames - _AT_END_FRAMES
        cut_in_b = not b.is_whole and part.range.b[1] >= b.frames - _AT_END_FRAMES
        if cut_in_a or cut_in_b:
            return part, _seconds(part, a, b)
    return None


def _all_that_was_seen(alignment: Alignment, last: Part, a: Side, b: Side) -> bool:
    """Whether the parts make up the time that both fingerprints describe, along the line of the last part."""
    start = max(0.0, -last.line.offset / last.line.tempo)
    end = min(float(a.frames), (b.frames - last.line.offset) / last.line.tempo)
    density = min(a.informative / a.frames, b.informative / b.frames)
    return alignment.frames >= _ALL_SEEN * density * (end - start)


def _coverage(alignment: Alignment, side: Side, unseen: float) -> float:
    second_per_frame = side.seen / side.frames
    matched = alignment.frames * second_per_frame + unseen
    return min(1.0, matched / (side.informative * second_per_frame + side.duration - side.seen))
