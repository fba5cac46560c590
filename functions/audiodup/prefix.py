"""Which parts of a file are looked at, where the samples lie in it as they are.

Compressed formats say nowhere how many bytes two minutes take (analysis/results/bytes.md).
"""

from __future__ import annotations

import math

from audiodup.model import SampleRange

# FFmpeg reads ahead by 32 kB at a time, and fpcalc takes a little more than it is told.
_MORE_SECONDS = 1
_MORE_BYTES = 256 * 1024
# For a tenth of the bytes nobody gives up the file's hash.
_MOST_OF_THE_FILE = 0.9
# Tags, and whatever else a decoder may find there. More of it is a file of another kind.
_MOST_BEHIND = 1_000_000


def needed_parts(samples: SampleRange | None, size: int, seconds: int) -> list[tuple[int, int]]:
    """Start and end of the parts of which the fingerprint, the duration and the rest are those of the whole file.

    Args:
        samples: where they lie; None where they are compressed, or nobody knows for sure.
        size: of the whole file, bytes.
        seconds: so much is listened to; 0 is all of it.
    """
    everything = [(0, size)]
    if samples is None or not seconds or not samples.start <= samples.end <= size <= samples.end + _MOST_BEHIND:
        return everything
    enough = samples.start + math.ceil((seconds + _MORE_SECONDS) * samples.bytes_per_second) + _MORE_BYTES
    behind = size - samples.end
    if enough >= samples.end or enough + behind >= _MOST_OF_THE_FILE * size:
        return everything
    return [(0, enough), *([(samples.end, size)] if behind else [])]
