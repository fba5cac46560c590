"""Whether what the matcher found of an edit is as good as the truth: loops have their parts in several places."""

from __future__ import annotations

import numpy as np

from analysis.degrade import ORIGINAL, Copy
from analysis.matcher import Matches, name_of
from analysis.recipes import FINGERPRINTED, Part
from audiodup.frames import FRAME_SECONDS
from audiodup.model import MatchedRange

_COVERED = 0.7
_AS_GOOD = 0.03
"""Of agreement."""


def covered(library: Matches, copy: Copy) -> int:
    """How many of the copy's parts are found, most of their length at a place that agrees as well as the true one."""
    original = library.entries[f"{copy.track.id} {ORIGINAL}"].copy
    if not isinstance(original, Copy):
        return 0
    ranges = library.ranges(name_of(copy), name_of(original))
    return sum(_is_covered(part.clipped(FINGERPRINTED, FINGERPRINTED), ranges, copy, original) for part in copy.parts)


def _is_covered(part: Part, ranges: list[MatchedRange], copy: Copy, original: Copy) -> bool:
    good = 0.0
    for one in ranges:
        start, end = max(part.a_start, one.a_start), min(part.a_end, one.a_end)
        if end - start < 20 * FRAME_SECONDS:
            continue
        true = _agreement(copy, original, start, end, part.b_start + part.tempo * (start - part.a_start))
        if _agreement(copy, original, start, end, one.b_start + start - one.a_start) >= true - _AS_GOOD:
            good += end - start
    return good >= _COVERED * (part.a_end - part.a_start)


def _agreement(copy: Copy, original: Copy, start: float, end: float, there: float) -> float:
    """Of the copy from `start` to `end` with the original from `there` on (seconds), the best of five offsets."""
    a = copy.items[
        round(start / FRAME_SECONDS) : max(round(end / FRAME_SECONDS) - 20, round(start / FRAME_SECONDS) + 1)
    ]
    best = 0.0
    for shift in range(-2, 3):
        first = round(there / FRAME_SECONDS) + shift
        b = original.items[max(first, 0) : max(first, 0) + len(a)]
        length = min(len(a), len(b))
        if length:
            best = max(best, float(1 - np.bitwise_count(a[:length] ^ b[:length]).mean() / 32))
    return best
