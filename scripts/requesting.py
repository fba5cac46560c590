"""Ask for fingerprints of many files: never more of them unfinished than there is room for, at a rate, with patience.

What is finished is read from the table, so that it does not matter how many functions there are, or how fast.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Annotated, Any, TypeVar

import typer

from audiodup import steps
from audiodup.errors import Conflict, Interrupted, PublishFailed, Transient
from audiodup.model import Asset, FileKey, Outcome, Status
from audiodup.wiring import Parts
from cli import say

# The rest is in the table.
FAILURES_SHOWN = 50
# A look at the table is a merge and a query, and Snowflake counts by the minute anyway.
FIRST_LOOK_SECONDS, LONGEST_LOOK_SECONDS = 1.0, 10.0
LOOK_EVERY_SECONDS = 60.0
STANDSTILL_SECONDS = 600.0
# Room for one part in so many of what may be unfinished is worth a page of its own.
SHARE = 10
# With a rate, what goes out at once is what it allows in so many seconds.
PACE_SECONDS = 5.0
# Short hiccups are nobody's business; an outage is said, and given up where nobody would wait for its end.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0
QUIET_SECONDS = 5.0
PATIENCE_SECONDS = 1800.0

T = TypeVar("T")

MaxInFlight = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=100_000,
        help="So many files may be unfinished; each run counts its own (default: half of the scheduler's ROOM).",
    ),
]
"""The option of whoever asks for fingerprints."""


@dataclass
class Requested:
    """What became of a run's requests, in files."""

    published: int = 0
    by_status: Counter[Status] = field(default_factory=Counter)
    by_error: Counter[str] = field(default_factory=Counter)
    expired: int = 0
    """Their lease is over: the scheduler's again."""
    unfinished: int = 0
    failures: list[Outcome] = field(default_factory=list)
    """The first ones, to be named."""

    @property
    def failed(self) -> int:
        return self.by_status[Status.FAILED]

    def count(self, outcome: Outcome) -> None:
        """Add a file that is finished."""
        self.by_status[outcome.status] += 1
        if outcome.status is Status.FAILED:
            self.by_error[(outcome.error or "UNKNOWN").split(":", 1)[0]] += 1
            if len(self.failures) < FAILURES_SHOWN:
                self.failures.append(outcome)

    def record(self) -> dict[str, Any]:
        """Its part of `--json`'s last line."""
        return {
            "published": self.published,
            "success": self.by_status[Status.SUCCESS],
            "short": self.by_status[Status.SHORT],
            "failed": self.failed,
            "by_error": dict(sorted(self.by_error.items())),
            "expired": self.expired,
            "unfinished": self.unfinished,
        }


class Requests:
    """The requests of one run.

    Args:
        at_most: so many files of this run may be unfinished; half of the scheduler's room unless given, so that new
            uploads always find some.
        rate: files a second.
        stop: once it is set nothing more is begun, and whoever waits here gets Interrupted.
        report: is called with each file that is finished.
    """

    def __init__(
        self,
        parts: Parts,
        *,
        at_most: int | None = None,
        rate: float | None = None,
        stop: threading.Event,
        report: Callable[[Outcome], None] | None = None,
    ) -> None:
        self.at_most = at_most or max(1, parts.settings.room // 2)
        self.requested = Requested()
        self._parts = parts
        self._rate = rate
        self._stop = stop
        self.report = report
        self._open: dict[FileKey, float] = {}
        """When each was published, by this process's clock."""
        self._store_worked = self._pubsub_worked = False
        self._next_at = self._last_look = self._last_progress = self._last_word = time.monotonic()

    def publish(self, assets: Sequence[Asset]) -> None:
        """Returns when all are QUEUED, published, and confirmed by Pub/Sub.

        Raises:
            Interrupted: `stop` was set; some may be published.
            StoreUnavailable, PublishFailed: away for longer than anyone waits, or from the beginning.
        """
        rest = list(assets)
        while rest:
            room = self.wait_for_room(len(rest))
            page, rest = rest[:room], rest[room:]
            self._next_at = time.monotonic() + (len(page) / self._rate if self._rate else 0)
            # Asked for again as a whole where it failed: the lease then begins when they are really published.
            self.patiently(partial(steps.request, self._parts.store, self._parts.publisher, page))
            self._pubsub_worked = True
            now = time.monotonic()
            if not self._open:
                self._last_progress = now
            self._open |= {(asset.asset_id, asset.file_key): now for asset in page}
            self.requested.published += len(page)
            self.requested.unfinished = len(self._open)

    def wait_for_room(self, count: int) -> int:
        """Wait until some of so many more may be published, as to room and rate; returns how many.

        Whoever looks up what to publish waits before, or it is of yesterday when it goes out.

        Raises:
            Interrupted, StoreUnavailable: as above.
        """
        if self._rate:
            count = min(count, max(1, int(self._rate * PACE_SECONDS)))
        # Statements are shared: a little room is waited for while it may soon be more.
        enough = min(count, max(1, self.at_most // SHARE))
        if self._open and time.monotonic() - self._last_look > LOOK_EVERY_SECONDS:
            self._look()
        pause = FIRST_LOOK_SECONDS
        while (room := self.at_most - len(self._open)) < enough and (not room or pause < LONGEST_LOOK_SECONDS):
            self._rest(pause)
            pause = min(2 * pause, LONGEST_LOOK_SECONDS)
            self._look()
        self._rest(self._next_at - time.monotonic())
        return min(count, room)

    def merge(self) -> None:
        """Let the rows show what was stored and queued until now, by whomever; another merge is waited for.

        Raises:
            Interrupted, StoreUnavailable: as above.
        """
        self.patiently(self._merge)

    def patiently(self, call: Callable[[], T]) -> T:
        """The call's result; where store or Pub/Sub went away, once they are back.

        What never worked is a mistake, and not waited for.

        Raises:
            Interrupted, StoreUnavailable, PublishFailed: as above.
        """
        pause, away_since, said = FIRST_PAUSE_SECONDS, time.monotonic(), False
        while True:
            try:
                result = call()
            except Transient as error:
                away = time.monotonic() - away_since
                if away > PATIENCE_SECONDS or not self._may_pass(error):
                    raise
                if away > QUIET_SECONDS:
                    said = True
                    say(f"{error}\n  for {away:.0f} s now; trying again in {pause:.0f} s (Ctrl-C stops)")
                self._rest(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            else:
                self._store_worked = True
                if said:
                    say("That is over: going on.")
                return result

    def _may_pass(self, error: Transient) -> bool:
        if isinstance(error, PublishFailed):
            return self._pubsub_worked
        # A conflict is another merge at work.
        return isinstance(error, Conflict) or (self._store_worked and not isinstance(error, Interrupted))

    def finish(self) -> Requested:
        """The counts, after a last look at the table where it is at hand; nothing is waited for."""
        with suppress(Transient):
            # Before a merge the table may still show the outcome of an older request.
            if self._parts.store.merge():
                self._settle(self._outcomes())
        return self.requested

    def _look(self) -> None:
        self.merge()
        self._settle(self.patiently(self._outcomes))

    def _merge(self) -> None:
        if not self._parts.store.merge():
            raise Conflict("another merge runs")

    def _outcomes(self) -> list[Outcome]:
        ids = sorted({asset_id for asset_id, _ in self._open})
        return list(self._parts.store.outcomes(ids))

    def _settle(self, outcomes: Iterable[Outcome]) -> None:
        now = self._last_look = time.monotonic()
        for outcome in outcomes:
            if self._open.pop((outcome.asset.asset_id, outcome.asset.file_key), None) is not None:
                self._last_progress = now
                self.requested.count(outcome)
                if self.report is not None:
                    self.report(outcome)
        over = now - self._parts.pubsub.lease_seconds
        for key in [key for key, published in self._open.items() if published < over]:
            del self._open[key]
            self.requested.expired += 1
        self.requested.unfinished = len(self._open)
        if self._open and now - max(self._last_progress, self._last_word) > STANDSTILL_SECONDS:
            self._last_word = now
            minutes = (now - self._last_progress) / 60
            say(f"None of {len(self._open)} files in flight was finished for {minutes:.0f} min: do the functions run?")

    def _rest(self, seconds: float) -> None:
        if self._stop.wait(max(0.0, seconds)):
            raise Interrupted("stopped on request")


def pages(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most `size`."""
    iterator = iter(items)
    while page := list(islice(iterator, size)):
        yield page
