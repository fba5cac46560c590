"""Resident memory of the functions over a campaign, and whether it is flat."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MEGABYTE = 1_000_000
FEWEST_TO_JUDGE = 4_000
"""Files: with fewer, what warms up and what waits for an outage's end weighs more than what grows."""
MOST_GROWTH_BYTES = 32 * MEGABYTE
"""While the second half of the files is done. The arenas of 48 threads, which fill up as load comes and goes, take most
of it; over 10,000 files it is 6 kB a file, and each file has 96 kB.
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """All instances at one moment."""

    at: float
    """By time.time()."""
    done: int
    """Files answered by then."""
    resident: Mapping[str, int]
    """Bytes by instance."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What became of one instance's memory."""

    before: int
    """Median while the second quarter of the files was done: the first is warming up (imports, pools)."""
    after: int
    """Median while the last quarter was done, and until the end."""
    peak: int
    per_thousand_files: int
    """From the one to the other."""

    @property
    def flat(self) -> bool:
        return self.after - self.before <= MOST_GROWTH_BYTES


def growth(samples: Sequence[Sample], instance: str) -> Growth | None:
    """None where it was not measured: no /proc, or too few files to have quarters."""
    found = [(sample.done, sample.resident[instance]) for sample in samples if sample.resident.get(instance)]
    most = max((done for done, _ in found), default=0)
    early = [(done, size) for done, size in found if most / 4 <= done < most / 2]
    late = [(done, size) for done, size in found if done >= most * 3 / 4]
    if not early or not late:
        return None
    before, after = (round(statistics.median(size for _, size in part)) for part in (early, late))
    files = statistics.median(done for done, _ in late) - statistics.median(done for done, _ in early)
    return Growth(before, after, max(size for _, size in found), round((after - before) / files * 1000))
