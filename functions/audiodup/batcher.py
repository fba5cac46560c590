"""Group commit: outcomes of many requests share one INSERT, and each request is answered when its row is committed.

There is no thread of its own: the first request of a batch waits a moment for others, inserts for all, and wakes
them. So nothing is left to flush when the instance stops: whatever is here has a request waiting for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from audiodup.errors import AudioDupError, InvalidValue, Malformed, StoreUnavailable
from audiodup.model import Outcome


@dataclass
class _Batch:
    outcomes: list[Outcome] = field(default_factory=list)
    errors: dict[int, AudioDupError] = field(default_factory=dict)
    full: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)


class Batcher:
    """The `Inbox` port over an INSERT of several outcomes.

    Args:
        insert: commits them all or raises.
        outcomes: at most so many in one statement.
        milliseconds: so long the first one waits for others.
        patience: seconds after which a request that waits for another's INSERT gives up; its own takes as long as the
            store's time-outs let it.
    """

    def __init__(
        self, insert: Callable[[Sequence[Outcome]], None], *, outcomes: int, milliseconds: int, patience: float = 60
    ) -> None:
        self._insert = insert
        self._limit = outcomes
        self._wait = milliseconds / 1000
        self._patience = patience
        self._lock = threading.Lock()
        self._inserting = threading.Lock()
        self._open: _Batch | None = None

    def append(self, outcome: Outcome) -> None:
        """Returns when the outcome is committed; see the port for what is raised."""
        with self._lock:
            leads = self._open is None
            batch = self._open = self._open or _Batch()
            place = len(batch.outcomes)
            batch.outcomes.append(outcome)
            if len(batch.outcomes) >= self._limit:
                self._open = None
                batch.full.set()
        if leads:
            self._lead(batch)
        elif not batch.done.wait(self._patience):
            raise StoreUnavailable(f"no answer within {self._patience:g} s")
        if error := batch.errors.get(place):
            # A copy: one exception raised in many threads would collect all their tracebacks.
            raise type(error)(error.words) from error

    def _lead(self, batch: _Batch) -> None:
        try:
            batch.full.wait(self._wait)
            # While the batch before is being inserted, this one goes on collecting.
            if not self._inserting.acquire(timeout=self._patience):
                raise StoreUnavailable(f"the insert before took longer than {self._patience:g} s")
            try:
                with self._lock:
                    if self._open is batch:
                        self._open = None
                self._commit(batch)
            finally:
                self._inserting.release()
        except BaseException:
            batch.errors = dict.fromkeys(range(len(batch.outcomes)), StoreUnavailable("the insert was interrupted"))
            raise
        finally:
            with self._lock:
                if self._open is batch:
                    self._open = None
            batch.done.set()

    def _commit(self, batch: _Batch) -> None:
        try:
            self._insert(batch.outcomes)
        except (InvalidValue, Malformed) as refused:
            if len(batch.outcomes) == 1:
                batch.errors[0] = refused
            else:
                self._commit_one_by_one(batch)
        except AudioDupError as error:
            batch.errors = dict.fromkeys(range(len(batch.outcomes)), error)

    def _commit_one_by_one(self, batch: _Batch) -> None:
        for place, outcome in enumerate(batch.outcomes):
            try:
                self._insert([outcome])
            except AudioDupError as error:
                batch.errors[place] = error
