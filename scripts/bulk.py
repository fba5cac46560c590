"""Fingerprint many files in this process: the functions' own step, by a pool of threads, in batches."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from audiodup import steps
from audiodup.errors import AudioDupError, Interrupted, Malformed, StoreUnavailable, Transient
from audiodup.messages import FingerprintRequest
from audiodup.model import Asset, Outcome, Status
from audiodup.wiring import Parts
from requesting import pages

# A transient error is tried so often here; nothing is stored of it, so that the next run takes the file up again.
ATTEMPTS = 3
MERGE_ATTEMPTS = 60


@dataclass
class Summary:
    """What one run did, in files."""

    success: int = 0
    short: int = 0
    failed: int = 0
    skipped: int = 0
    by_error: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def total(self) -> int:
        return self.success + self.short + self.failed + self.skipped

    def record(self) -> dict[str, Any]:
        """The object of `--json`'s last line."""
        return {
            "total": self.total,
            "success": self.success,
            "short": self.short,
            "failed": self.failed,
            "skipped": self.skipped,
            "by_error": dict(sorted(self.by_error.items())),
            "seconds": round(self.seconds, 3),
        }

    def count(self, outcome: Outcome) -> None:
        """Add one file's outcome."""
        if outcome.status is Status.FAILED:
            self.failed += 1
            self.by_error[(outcome.error or "UNKNOWN").split(":", 1)[0]] += 1
        elif outcome.status is Status.SHORT:
            self.short += 1
        else:
            self.success += 1


def fingerprint_all(  # noqa: PLR0913 - what to do, how, and whom to tell
    parts: Parts,
    assets: Iterable[Asset],
    *,
    workers: int,
    batch_size: int,
    report: Callable[[Outcome], None],
    stop: threading.Event,
) -> None:
    """Fingerprint `assets`, never more of them at hand than `workers` need; `report` each outcome; merge each batch.

    When `stop` is set, what is in hand is finished and stored, and no other file is begun.

    Raises:
        StoreUnavailable: outcomes cannot be stored.
    """
    running: set[Future[Outcome | None]] = set()
    asset_pages = pages(assets, batch_size)
    with ThreadPoolExecutor(workers, thread_name_prefix="fingerprint") as pool:
        try:
            for page in asset_pages:
                requested_at = parts.store.clock()
                for asset in page:
                    if stop.is_set():
                        break
                    if len(running) >= 2 * workers:
                        running = _collect(running, report)
                    running.add(pool.submit(_fingerprint, parts, FingerprintRequest(asset, requested_at), stop))
                if stop.is_set():
                    break
                parts.store.merge()
            while running:
                running = _collect(running, report)
        except BaseException:
            # Nobody waits for another try any more.
            stop.set()
            raise
        finally:
            for future in running:
                future.cancel()
    merge_or_fail(parts)


def merge_or_fail(parts: Parts) -> None:
    """Merge, waiting for another merge to end.

    Raises:
        StoreUnavailable: it does not end.
    """
    for _ in range(MERGE_ATTEMPTS):
        if parts.store.merge():
            return
        time.sleep(0.5)
    raise StoreUnavailable("another merge does not end; the outcomes are in the inbox and the next merge takes them")


def _collect(running: set[Future[Outcome | None]], report: Callable[[Outcome], None]) -> set[Future[Outcome | None]]:
    # A time limit, so that Ctrl-C is heard while long files decode.
    done, rest = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
    for future in done:
        if outcome := future.result():
            report(outcome)
    return rest


def _fingerprint(parts: Parts, request: FingerprintRequest, stop: threading.Event) -> Outcome | None:
    error: AudioDupError = Interrupted("stopped before it was tried again")
    for attempt in range(ATTEMPTS):
        if stop.is_set() and not attempt:
            return None
        if attempt and stop.wait(2.0**attempt):
            break
        try:
            return steps.fingerprint(request, parts.source, parts.fingerprinter, parts.inbox, parts.deadline()).outcome
        except StoreUnavailable:
            if attempt == ATTEMPTS - 1:
                raise
        except Transient as transient:
            error = transient
        except Malformed as malformed:
            # Its key fits no row; the others go on.
            error = malformed
            break
    return Outcome(request.asset, Status.FAILED, request.requested_at, error=str(error))
