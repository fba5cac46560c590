"""How much of a file is asked for: enough for every format, and all of it where that is not sure or not worth it."""

from __future__ import annotations

import pytest

from audiodup.model import SampleRange
from audiodup.prefix import needed_parts

CD = 176_400


def samples(seconds: float, start: int = 44, rate: int = CD) -> SampleRange:
    return SampleRange(start, start + round(seconds * rate), rate)


@pytest.mark.parametrize("start", [44, 200_000])
@pytest.mark.parametrize("rate", [8_000, CD, 576_000])
def test_two_minutes_and_what_is_read_ahead(start: int, rate: int) -> None:
    """Of ten minutes."""
    long = samples(600, start, rate)
    [(begin, needed)] = needed_parts(long, long.end, 120)
    assert begin == 0
    assert start + 121 * rate <= needed <= start + 121 * rate + 300_000


def test_what_is_behind_the_samples_is_fetched_too() -> None:
    """A decoder may look there, and zeros would be no tag."""
    [_, behind] = needed_parts(samples(600), samples(600).end + 5_000, 120)
    assert behind == (samples(600).end, samples(600).end + 5_000)


@pytest.mark.parametrize(
    ("where", "behind", "seconds"),
    [
        (None, 0, 120),
        (samples(600), 0, 0),  # all of it is fingerprinted
        (samples(130), 0, 120),  # not worth its hash
        (samples(60), 0, 120),
        (samples(3, rate=8_000), 900_000, 120),
        (samples(600), -1, 120),  # cut off: that is to be seen
        (samples(600), 1_000_001, 120),
        (SampleRange(44, 40, CD), 4, 120),
    ],
)
def test_all_of_it(where: SampleRange | None, behind: int, seconds: int) -> None:
    """And never more than there is."""
    size = behind + (where.end if where else 100_000_000)
    assert needed_parts(where, size, seconds) == [(0, size)]
