"""Group commit: outcomes of many requests share one INSERT, and each request is answered when its row is committed.

The first request of a batch waits a moment for others and has the batch inserted for all. Whatever is here has a
request waiting for it, so nothing is left to flush when the instance stops; and no request waits longer than its
patience, however long the warehouse takes: it is answered 503, comes again, and the merge counts what came twice once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from audiodup.errors import AudioDupError, InvalidValue, StoreUnavailable
from audiodup.model import Outcome


@dataclass
class _Batch:
    outcomes: list[Outcome] = field(default_factory=list)
    # By place: None is committed. What has no entry is not: nobody is told that it is stored by leaving him out.
    results: dict[int, AudioDupError | None] = field(default_factory=dict)
    full: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)


class Batcher:
    """The `Inbox` port over an INSERT of several outcomes.

    Args:
        check: the outcome as it can be stored; raises Malformed where it cannot.
        insert: commits them all or raises.
        outcomes: at most so many in one statement.
        milliseconds: so long the first one waits for others.
        patience: seconds after which a request gives up.
    """

    def __init__(
        self,
        check: Callable[[Outcome], Outcome],
        insert: Callable[[Sequence[Outcome]], None],
        *,
        outcomes: int,
        milliseconds: int,
        patience: float,
    ) -> None:
        self._check = check
        self._insert = insert
        self._limit = outcomes
        self._wait = milliseconds / 1000
        self._patience = patience
        self._lock = threading.Lock()
        # Held from the closing of a batch to the end of its INSERT; the inserting thread gives it back.
        self._inserting = threading.Lock()
        self._inserter = ThreadPoolExecutor(1, thread_name_prefix="insert")
        self._open: _Batch | None = None

    def append(self, outcome: Outcome) -> Outcome:
        """Returns what was stored, once it is committed; see the port for what is raised."""
        end = time.monotonic() + self._patience
        outcome = self._check(outcome)
        with self._lock:
            leads = self._open is None
            batch = self._open = self._open or _Batch()
            place = len(batch.outcomes)
            batch.outcomes.append(outcome)
            if len(batch.outcomes) >= self._limit:
                self._open = None
                batch.full.set()
        if leads:
            self._lead(batch, end)
        batch.done.wait(max(0.0, end - time.monotonic()))
        if place not in batch.results:
            raise StoreUnavailable(f"the warehouse did not answer within {self._patience:g} s")
        if error := batch.results[place]:
            # A copy: one exception raised in many threads would collect all their tracebacks.
            raise type(error)(error.words) from error
        return outcome

    def hurry(self) -> None:
        """From now on nobody waits for others: the instance is stopping."""
        with self._lock:
            self._wait = 0.0
            if self._open is not None:
                self._open.full.set()

    def _lead(self, batch: _Batch, end: float) -> None:
        """Collect, close the batch, and hand it to the inserting thread."""
        batch.full.wait(min(self._wait, self._patience))
        # While the batch before is being inserted, this one goes on collecting.
        free = self._inserting.acquire(timeout=max(0.0, end - time.monotonic()))
        with self._lock:
            if self._open is batch:
                self._open = None
        if free:
            self._inserter.submit(self._commit, batch)
        else:
            batch.done.set()

    def _commit(self, batch: _Batch) -> None:
        try:
            batch.results |= self._results(batch.outcomes)
        finally:
            self._inserting.release()
            batch.done.set()

    def _results(self, outcomes: Sequence[Outcome]) -> dict[int, AudioDupError | None]:
        try:
            self._insert(outcomes)
        except InvalidValue as refused:
            if len(outcomes) == 1:
                return {0: refused}
            # One bad row fails alone.
            return {place: self._results([outcome])[0] for place, outcome in enumerate(outcomes)}
        except AudioDupError as error:
            return dict.fromkeys(range(len(outcomes)), error)
        return dict.fromkeys(range(len(outcomes)))
