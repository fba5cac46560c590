"""What the system needs and costs for so many files, computed from analysis/scale_inputs.py's.

Arithmetic only; analysis/scale.py shows it. Seconds and bytes unless a name says otherwise, money in dollars.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from analysis.scale_inputs import DAY, GIB, HOUR, Assumptions, Infrastructure, Measured, Prices
from audiodup.index import JOIN_ROWS, MOST_IDS
from audiodup.keys import KeyScheme, setting_for
from audiodup.secrets import KEEP_SECONDS

DAYS_A_MONTH = 30
WEEK = 7 * DAY
RESUME_SECONDS = 60.0
"""The least that Snowflake bills each time a warehouse wakes up: docs.snowflake.com, Overview of warehouses."""
EGRESS_TIERS = (
    (10e12, "s3_egress_to_10_tb"),
    (40e12, "s3_egress_to_50_tb"),
    (100e12, "s3_egress_to_150_tb"),
    (math.inf, "s3_egress_above"),
)
"""Bytes of a month, and the price of a GB of them."""


@dataclass(frozen=True)
class Scale:
    """A library of so many files."""

    files: float
    measured: Measured
    infra: Infrastructure
    prices: Prices
    assumed: Assumptions = field(default_factory=Assumptions)
    keys_like: Mapping[str, Any] | None = None
    """A benchmark's setting in place of the one for so many files."""
    even: bool = False
    """Whether keys are as equally frequent as in the most even library that was measured, not as in the least."""

    # The fingerprint function.

    @property
    def request_seconds(self) -> float:
        """Of one file that waits for no CPU: the API, its download, its CPU seconds, its batch and the INSERT."""
        assumed = self.assumed
        batch = assumed.batch_wait * float(self.infra.settings["BATCH_MILLISECONDS"]) / 1_000
        download = assumed.file_bytes / assumed.download_bytes
        return assumed.api_seconds + download + self.measured.cpu_per_asset + batch + assumed.insert_seconds

    @property
    def rates(self) -> dict[str, float]:
        """Files a second that each part of an instance takes."""
        service = self.infra.services["fingerprint"]
        return {
            f"{service.cpus} CPUs": service.cpus / self.measured.cpu_per_asset,
            "its network": self.assumed.network_bytes / self.assumed.file_bytes,
            f"{service.concurrency} requests at once": service.concurrency / self.request_seconds,
        }

    @property
    def rate(self) -> float:
        """Files a second of one instance: what its narrowest part takes."""
        return min(self.rates.values())

    def backfill_seconds(self, instances: int) -> float:
        """Until all files are fingerprinted."""
        return self.files / (self.rate * instances)

    @property
    def compute(self) -> float:
        """Money for the fingerprint function, which is the same for any number of instances."""
        used = self._running("fingerprint", self.files / self.rate)
        return used + self.files * self.measured.per_asset("deliveries") * self.prices["cloud_run_request"]

    def _running(self, service: str, seconds: float) -> float:
        size = self.infra.services[service]
        second = size.cpus * self.prices["cloud_run_cpu"] + size.memory_gib * self.prices["cloud_run_memory"]
        return seconds * second

    @property
    def messages(self) -> float:
        """Money for Pub/Sub: published once, delivered as often as it was in the soak, 1 kB each at least."""
        volume = 1_000 * (self.measured.per_asset("messages") + self.measured.per_asset("deliveries"))
        return self.files * volume / 2.0**40 * self.prices["pubsub_tib"]

    @property
    def egress(self) -> float:
        """Money for the bytes of all files within one month, to whoever keeps them in S3."""
        return self.egress_of(self.assumed.file_bytes)

    def egress_of(self, file_bytes: float) -> float:
        """The same for files of another size: S3 charges by tiers, of a month."""
        left, dollars = self.files * file_bytes, self.files * self.prices["s3_get"]
        for size, price in EGRESS_TIERS:
            dollars += min(left, size) / 1e9 * self.prices[price]
            left -= min(left, size)
        return dollars

    # The scheduler and its warehouse.

    def statements(self, files: float, seconds: float) -> float:
        """Of the functions that fingerprint so many files, and of the ticks in that time."""
        ticks = seconds / self.infra.interval("scheduler")
        return files * self.measured.appends_per_asset + ticks * self.measured.statements_per_tick

    @property
    def tick_seconds(self) -> float:
        """Of a tick that finds nothing to do, on the stand-in: a line through the two libraries that were measured."""
        return line(*((one["files"], one["idle_seconds"]) for one in self.measured.figures["ticks"]))(self.files)

    def awake(self, busy: float, interval: float) -> float:
        """Seconds a day that a warehouse is billed for, which is busy for so long in each interval."""
        billed = max(busy + self.infra.auto_suspend, RESUME_SECONDS)
        return DAY * min(1.0, billed / interval)

    @property
    def scheduler_awake(self) -> float:
        """Seconds a day, with the new uploads that each interval has."""
        interval = self.infra.interval("scheduler")
        service = self.infra.services["fingerprint"]
        uploads = self.uploads * interval / DAY / (self.rate * service.instances)
        return self.awake(self.tick_seconds + uploads, interval)

    @property
    def uploads(self) -> float:
        """New files a day."""
        return self.files * self.assumed.uploads_a_day

    # The index and the matcher.

    @property
    def scheme(self) -> KeyScheme:
        """How the index's keys are made."""
        return KeyScheme(**self.keys_like) if self.keys_like else setting_for(int(self.files)).normal

    @property
    def keys_per_track(self) -> float:
        """Of tracks as long as their fingerprint."""
        return float(self.measured.figures["keys_per_track"][self.scheme.version])

    @property
    def keys(self) -> float:
        """Rows of AUDIO_INDEX_KEY."""
        return self.files * self.keys_per_track

    @property
    def uniform(self) -> float:
        """How often a key occurs, were all keys equally frequent."""
        return self.keys / (2.0**self.scheme.bits / self.scheme.one_in)

    @property
    def occurrences(self) -> float:
        """How often that is for a key of a track; more often is common, and left out."""
        measured = [float(one["skew"]) for one in self.measured.figures["meetings"]]
        skew = min(measured) if self.even else max(measured)
        return min(skew * self.uniform, float(self.scheme.common_key))

    @property
    def least(self) -> Scale:
        """The same with keys as even as they may be."""
        return replace(self, even=True)

    def meetings(self, tracks: float) -> float:
        """Of keys, where so many tracks are joined with the whole index."""
        return tracks * self.keys_per_track * self.occurrences

    def batches(self, tracks: float) -> int:
        """Statements for so many tracks."""
        return max(1, math.ceil(self.meetings(tracks) / JOIN_ROWS), math.ceil(tracks / MOST_IDS))

    def _fitted(self, figure: str) -> float:
        """A figure of the benchmark, by rows of the index: a line through its smallest and its largest library."""
        runs = self.measured.largest
        return line(*((self.like(run).keys, float(run[figure])) for run in (runs[0], runs[-1])))(self.keys)

    @property
    def scan_seconds(self) -> float:
        """Of reading the whole index once, as each batch does: what 100 new tracks took."""
        return self._fitted("new_100_seconds")

    @property
    def meeting_seconds(self) -> float:
        """Of one meeting of two keys: what reading the index leaves of the largest library that was matched."""
        run = self.measured.largest[-1]
        there = self.like(run)
        reading = there.batches(there.files) * there.scan_seconds
        return (float(run["candidate_seconds"]) - reading) / there.meetings(there.files)

    @property
    def batch_seconds(self) -> float:
        """Of one statement with as many meetings as one may have."""
        return self.scan_seconds + JOIN_ROWS * self.meeting_seconds

    def candidate_seconds(self, tracks: float | None = None) -> float:
        """Of all statements for so many tracks, all of them unless given."""
        tracks = self.files if tracks is None else tracks
        return self.batches(tracks) * self.scan_seconds + self.meetings(tracks) * self.meeting_seconds

    @property
    def matching_seconds(self) -> float:
        """Of the first matching of all files: candidates, and what grows with the files alone."""
        run = self.measured.largest[-1]
        linear = run["load_seconds"] + run["decode_seconds"] + run["align_seconds"]
        return self.candidate_seconds() + float(linear / run["tracks"]) * self.files

    @property
    def matching_days(self) -> float:
        """Until it is done, in runs as long as one may take."""
        return max(1.0, self.matching_seconds / self.infra.matcher_seconds) * self.infra.interval("matcher") / DAY

    @property
    def new_seconds(self) -> float:
        """Of one run of the matcher over what was uploaded since the last one."""
        return self.candidate_seconds(self.uploads * self.infra.interval("matcher") / DAY)

    @property
    def matcher_gib(self) -> float:
        """Memory of the benchmark's process, which has the store within it."""
        return self._fitted("peak_gb") * 1e9 / GIB

    @property
    def matcher_awake(self) -> float:
        """Seconds a day that the matcher's warehouse is billed for."""
        return self.awake(self.new_seconds, self.infra.interval("matcher"))

    # Money.

    @property
    def stored_bytes(self) -> float:
        """Rows as they are sent, uncompressed, and keys as Parquet has them."""
        figures = self.measured.figures
        return self.files * float(figures["bytes_per_outcome"]) + self.keys * float(figures["bytes_per_key"])

    def credits(self, seconds: float) -> float:
        """Money for an X-Small warehouse."""
        return seconds / HOUR * self.prices["snowflake_credit"]

    def first_bill(self, instances: int) -> dict[str, float]:
        """Money until all files are fingerprinted and matched."""
        return {
            "Cloud Run, fingerprint": self.compute,
            "Cloud Run, matcher": self._running("matcher", self.matching_seconds),
            "Pub/Sub": self.messages,
            "Snowflake, fingerprinting": self.credits(self.backfill_seconds(instances)),
            "Snowflake, matching": self.credits(self.candidate_seconds()),
            "S3, if the functions are in another cloud": self.egress,
        }

    @property
    def monthly_bill(self) -> dict[str, float]:
        """Money of a month with its new uploads."""
        new = self.of(self.uploads * DAYS_A_MONTH)
        ticks = DAYS_A_MONTH * DAY / self.infra.interval("scheduler")
        runs = DAYS_A_MONTH * DAY / self.infra.interval("matcher")
        return {
            "Cloud Run": new.compute
            + self._running("scheduler", ticks * self.tick_seconds)
            + self._running("matcher", runs * self.new_seconds),
            "Pub/Sub": new.messages,
            "Cloud Scheduler, Secret Manager": len(self.infra.crons) * self.prices["scheduler_job"]
            + self.prices["secret_version"]
            + self._secret_reads() * self.prices["secret_access"],
            "Snowflake, scheduler's warehouse": DAYS_A_MONTH * self.credits(self.scheduler_awake),
            "Snowflake, matcher's warehouse": DAYS_A_MONTH * self.credits(self.matcher_awake),
            "Snowflake, storage": self.stored_bytes / 1e12 * self.prices["snowflake_tb_month"],
            "S3, if the functions are in another cloud": new.egress,
        }

    def _secret_reads(self) -> float:
        """One secret, read anew by each instance whenever it is old, were they all awake all month."""
        instances = sum(service.instances for service in self.infra.services.values())
        return instances * DAYS_A_MONTH * DAY / KEEP_SECONDS

    def of(self, files: float) -> Scale:
        """The same for another library."""
        return Scale(files, self.measured, self.infra, self.prices, self.assumed)

    def like(self, run: Mapping[str, Any]) -> Scale:
        """The same for the library of a benchmark, whose keys are even."""
        return replace(self.of(run["tracks"]), keys_like=run["setting"], even=True)

    def where(self, gives_way: Callable[[Scale], bool]) -> float:
        """The smallest library, to 1 %, of which this is true; it has to stay true above that.

        Infinite where it is not even of 10^15 files.
        """
        low, high = 1.0, 1e15
        if not gives_way(self.of(high)):
            return math.inf
        while high / low > 1.01:
            middle = math.sqrt(low * high)
            low, high = (low, middle) if gives_way(self.of(middle)) else (middle, high)
        return high


def line(one: tuple[float, float], other: tuple[float, float]) -> Callable[[float], float]:
    """The straight line through two points, never below 0."""
    (x, y), (to_x, to_y) = one, other
    slope = (to_y - y) / (to_x - x)
    return lambda at: max(0.0, y + slope * (at - x))


def warehouse(seconds: float, within: float) -> tuple[str, int] | None:
    """The smallest warehouse that does so much work of an X-Small within that time, were it so many times as fast as
    it has credits an hour; None where none does.
    """
    names = ("X-Small", "Small", "Medium", "Large", "X-Large", "2X-Large", "3X-Large", "4X-Large")
    return next(((name, 2**step) for step, name in enumerate(names) if seconds / 2**step <= within), None)
