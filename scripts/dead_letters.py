"""The dead letters that wait in their pull subscription: how each stands, and which of them are done with.

A letter is a bell: its row, FAILED with RETRIES_EXHAUSTED, says what there is to do, and stays when the letter has
gone. So the row decides, and only a letter that nobody needs any more is acknowledged.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from audiodup.errors import Malformed, Unusable
from audiodup.messages import REASON, PushMessage, decode_asset, decode_request, format_time
from audiodup.model import NEVER, FileKey, Status
from audiodup.wiring import Parts

# Of each kind; and how much of what nobody can read.
SAMPLES = 3
REASON_SHOWN, DATA_SHOWN = 200, 60
# So many share one question to the store.
PAGE = 2_000
# Pub/Sub may have more although it gives none: it is asked so often, and waits itself each time.
WAITS, WAIT_SECONDS = 2, 5.0
# What stays is held until the end, or it would come again at once; 100,000 take some 50 MB.
MOST_HELD = 100_000


class State(StrEnum):
    """How a letter stands."""

    DONE = "done"
    SUPERSEDED = "superseded"
    REPUBLISHED = "republished"
    IN_FLIGHT = "in flight"
    FAILED = "failed"
    UNRECORDED = "unrecorded"
    GONE = "gone"
    MALFORMED = "malformed"


MEANING: Mapping[State, str] = {
    State.DONE: "The file has its fingerprint: nobody needs the letter any more.",
    State.SUPERSEDED: "A later request of the file has ended: nobody needs the letter any more.",
    State.REPUBLISHED: "This run has published the file again.",
    State.IN_FLIGHT: "The file was requested again, which has not ended: look again later.",
    State.FAILED: "The row is FAILED: publish the file again by its code, or give up with --discard failed.",
    State.UNRECORDED: "The row does not show it yet: dead_letter writes it. Look again later.",
    State.GONE: "AUDIO_ASSET does not list the file any more: --discard gone.",
    State.MALFORMED: "Never published again: see to its sender, then --discard malformed.",
}

SETTLED = frozenset({State.DONE, State.SUPERSEDED, State.REPUBLISHED})
"""Nobody needs these letters any more."""


def state_of(
    requested_at: datetime, status: Status | None, row_requested_at: datetime, *, listed: bool, republished: bool
) -> State:
    """How a letter stands, by its request's time and what is known of its file.

    A row that is only QUEUED proves no publication: whoever wrote it may have been killed just then. The file comes
    back by its lease, and the letter stays until a later request has ended, or this run has published the file itself.
    """
    later = row_requested_at > requested_at
    if status in {Status.SUCCESS, Status.SHORT}:
        return State.DONE
    if status is Status.FAILED and later:
        return State.SUPERSEDED
    if not listed:
        return State.GONE
    if status is Status.QUEUED and later:
        return State.REPUBLISHED if republished else State.IN_FLIGHT
    if status is Status.FAILED and row_requested_at == requested_at:
        return State.FAILED
    return State.UNRECORDED


@dataclass
class Letters:
    """What was found."""

    count: Counter[State] = field(default_factory=Counter)
    acknowledged: Counter[State] = field(default_factory=Counter)
    samples: dict[State, list[dict[str, Any]]] = field(default_factory=dict)
    all_seen: bool = True
    """False: more may wait than were looked at."""

    def add(self, state: State, record: dict[str, Any]) -> None:
        """Count one; the first ones are kept, to be shown."""
        self.count[state] += 1
        samples = self.samples.setdefault(state, [])
        if len(samples) < SAMPLES:
            samples.append(record)


@dataclass(frozen=True, slots=True)
class _Letter:
    """What is kept of one: its data may be 10 MB."""

    message_id: str
    record: dict[str, Any]
    """What is shown of it."""
    key: FileKey | None = None
    """None: nobody can read it."""
    requested_at: datetime = NEVER


def _read(message: PushMessage) -> _Letter:
    record: dict[str, Any] = {"message_id": message.message_id}
    try:
        request = decode_request(message.data)
    except Malformed as malformed:
        asset = decode_asset(message.data)
        record |= {"asset_id": asset.asset_id, "file_key": asset.file_key} if asset else {}
        record["reason"] = message.attributes.get(REASON, malformed.words)[:REASON_SHOWN]
        record["data"] = message.data[:DATA_SHOWN].decode(errors="replace")
        return _Letter(message.message_id, record)
    record |= {"asset_id": request.asset.asset_id, "file_key": request.asset.file_key}
    record["requested_at"] = format_time(request.requested_at)
    key = (request.asset.asset_id, request.asset.file_key)
    return _Letter(message.message_id, record, key, request.requested_at)


class DeadLetters:
    """A look at all letters that wait.

    Args:
        parts: of this script.
        acknowledge: in which states; the other letters go back to the subscription.
        republished: whether this run has published a file again, confirmed by Pub/Sub.
        report: is called with each letter that was acknowledged.
        stop: once it is set no more are looked at.
    """

    def __init__(
        self,
        parts: Parts,
        *,
        acknowledge: Collection[State] = (),
        republished: Callable[[FileKey], bool] = lambda _key: False,
        report: Callable[[dict[str, Any]], None] = lambda _record: None,
        stop: threading.Event,
    ) -> None:
        self._parts = parts
        self._acknowledge = acknowledge
        self._republished = republished
        self._report = report
        self._stop = stop
        self._found = Letters()
        self._held: dict[str, str] = {}
        """Acknowledgement ids by message id: a letter that comes a second time has a new one."""

    def look(self) -> Letters:
        """Pull until nothing comes any more; acknowledge what may be, release the others.

        Raises:
            Unusable: Pub/Sub is away or refuses it.
            StoreUnavailable: the store is away.
        """
        try:
            for page in self._pages():
                self._settle(page)
        finally:
            # Where this fails they come back by themselves, when their deadline is over.
            with suppress(Unusable):
                self._parts.dead_letters.release(list(self._held.values()))
        return self._found

    def _pages(self) -> Iterator[list[_Letter]]:
        page: list[_Letter] = []
        # The first pull does not wait: it shows that Pub/Sub is there.
        seconds, waited = 0.0, 0
        while waited < WAITS:
            if self._stop.is_set() or len(self._held) >= MOST_HELD:
                self._found.all_seen = False
                break
            pulled = self._parts.dead_letters.pull(seconds)
            new = [_read(message) for message in pulled.values() if message.message_id not in self._held]
            self._held |= {message.message_id: ack_id for ack_id, message in pulled.items()}
            page += new
            waited = 0 if new or not seconds else waited + 1
            seconds = WAIT_SECONDS
            if len(page) >= PAGE:
                yield page
                page = []
        if page:
            yield page

    def _settle(self, page: list[_Letter]) -> None:
        standing = self._parts.failures.standing({letter.key for letter in page if letter.key is not None})
        done: list[tuple[State, _Letter]] = []
        for letter in page:
            state = State.MALFORMED
            if letter.key is not None:
                row = standing[letter.key]
                state = state_of(
                    letter.requested_at,
                    row.status,
                    row.requested_at,
                    listed=row.listed,
                    republished=self._republished(letter.key),
                )
            self._found.add(state, letter.record)
            if state in self._acknowledge:
                done.append((state, letter))
        self._parts.dead_letters.acknowledge([self._held[letter.message_id] for _, letter in done])
        for state, letter in done:
            del self._held[letter.message_id]
            self._found.acknowledged[state] += 1
            self._report({**letter.record, "state": state.value, "acknowledged": True})
