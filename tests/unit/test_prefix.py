"""How much of a file is asked for: enough for every format, and all of it where that is not sure or not worth it."""

from __future__ import annotations

import pytest

from audiodup.model import SampleRange
from audiodup.prefix import prefix_bytes

CD = 176_400


def samples(seconds: float, start: int = 44, rate: int = CD) -> SampleRange:
    return SampleRange(start, start + round(seconds * rate), rate)


@pytest.mark.parametrize("start", [44, 200_000])
@pytest.mark.parametrize("rate", [8_000, CD, 576_000])
def test_two_minutes_and_what_is_read_ahead(start: int, rate: int) -> None:
    """Of ten minutes."""
    long = samples(600, start, rate)
    needed = prefix_bytes(long, long.end, 120)
    assert start + 121 * rate <= needed <= start + 121 * rate + 300_000


@pytest.mark.parametrize(
    ("where", "behind", "seconds"),
    [
        (None, 0, 120),
        (samples(600), 0, 0),  # all of it is fingerprinted
        (samples(130), 0, 120),  # not worth its hash
        (samples(60), 0, 120),
        (samples(600), -1, 120),  # cut off: that is to be seen
        (samples(600), 1_000_001, 120),  # zeros that FFmpeg would walk through
        (SampleRange(44, 40, CD), 4, 120),
    ],
)
def test_all_of_it(where: SampleRange | None, behind: int, seconds: int) -> None:
    """And never more than there is."""
    size = behind + (where.end if where else 100_000_000)
    assert prefix_bytes(where, size, seconds) == size
