"""How much of a file from its start is all that is looked at, where the samples lie in it as they are.

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
# Tags behind the samples are not fetched, and FFmpeg walks through the zeros in their place 8 bytes at a time.
_MOST_BEHIND = 1_000_000


def prefix_bytes(samples: SampleRange | None, size: int, seconds: int) -> int:
    """Bytes of which the fingerprint, the duration and the rest are those of the whole file.

    Args:
        samples: where they lie; None where they are compressed.
        size: of the whole file.
        seconds: so much is fingerprinted; 0 is all of it.
    """
    if samples is None or not seconds or not samples.start <= samples.end <= size <= samples.end + _MOST_BEHIND:
        return size
    needed = samples.start + math.ceil((seconds + _MORE_SECONDS) * samples.bytes_per_second) + _MORE_BYTES
    return needed if needed < _MOST_OF_THE_FILE * size else size
