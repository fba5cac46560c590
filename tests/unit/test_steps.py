"""The steps over fakes at their ports: what happens in which order, and what is never done."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audiodup import steps
from audiodup.errors import (
    ApiUnavailable,
    Corrupt,
    InvalidValue,
    NotFound,
    PublishFailed,
    ResourceLimit,
    StoreUnavailable,
    TimedOut,
    TooShort,
)
from audiodup.messages import DELIVERY_COUNT, REASON, FingerprintRequest, PushMessage
from audiodup.model import (
    NEVER,
    Asset,
    AudioProperties,
    FileIdentity,
    Fingerprint,
    Inspection,
    Measured,
    Outcome,
    SlowFingerprint,
    Status,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ASSET = Asset("a1", "k.wav", "wav", "artlist")
REQUEST = FingerprintRequest(ASSET, NOW)
PRINT = Fingerprint("AQAD", 240.0, 1, 120, "1.5.1")
PROPERTIES = AudioProperties("wav", "pcm", True)
HEARD = AudioProperties("wav", "pcm", True, bandwidth=16_000.0)
SLOW = SlowFingerprint("AQAE", 0.125, 1.5)


@dataclass
class FakeStore:
    """The scheduler's store."""

    log: list[Any] = field(default_factory=list)
    waiting: list[Asset] = field(default_factory=list)
    flying: int = 0
    mergeable: bool = True

    def merge(self) -> bool:
        self.log.append("merge")
        return self.mergeable

    def clock(self) -> datetime:
        return NOW

    def in_flight(self, lease_seconds: int) -> int:
        return self.flying

    def unstorable(self) -> int:
        return 0

    def pending(self, at_most: int, lease_seconds: int) -> list[Asset]:
        self.log.append(("pending", at_most, lease_seconds))
        return self.waiting[:at_most]

    def append(self, outcomes: Sequence[Outcome]) -> None:
        self.log.append(("append", [(one.asset.asset_id, one.status, one.requested_at) for one in outcomes]))


@dataclass
class FakePublisher:
    """The topics."""

    log: list[Any] = field(default_factory=list)
    error: Exception | None = None

    def publish(self, requests: Sequence[FingerprintRequest]) -> None:
        self.log.append(("publish", [(one.asset.asset_id, one.requested_at) for one in requests]))
        if self.error:
            raise self.error

    def reject(self, message: PushMessage, reason: str) -> None:
        self.log.append(("reject", message.data, reason))
        if self.error:
            raise self.error


@dataclass
class FakeInbox:
    """Where outcomes go; refuses data as often as told."""

    outcomes: list[Outcome] = field(default_factory=list)
    refusals: int = 0

    def append(self, outcome: Outcome) -> Outcome:
        if self.refusals:
            self.refusals -= 1
            raise InvalidValue("CODEC is odd")
        self.outcomes.append(outcome)
        return outcome


ALL = FileIdentity(99, "f" * 64)
PART = FileIdentity(99, None, "e")


@dataclass
class FakeFile:
    """A file that may have a hole, and what becomes of it when that is filled."""

    identity: FileIdentity = ALL
    milliseconds: dict[str, int] = field(default_factory=lambda: {"api": 1, "download": 2})
    rest: FakeFile | Exception | None = None
    descriptor: int = 0
    path: str = ""

    @property
    def whole(self) -> bool:
        return self.rest is None

    def completed(self, deadline: steps.Deadline) -> FakeFile:
        assert isinstance(deadline, steps.Deadline)
        assert self.rest is not None
        if isinstance(self.rest, Exception):
            raise self.rest
        return self.rest


class FakeSource:
    """One file, or an error; counts what is open."""

    def __init__(self, error: Exception | None = None, file: FakeFile | None = None) -> None:
        self.error, self.file, self.open_files = error, file or FakeFile(), 0

    @contextmanager
    def open(self, asset: Asset, deadline: steps.Deadline) -> Iterator[Any]:
        if self.error:
            raise self.error
        self.open_files += 1
        try:
            yield self.file
        finally:
            self.open_files -= 1


class FakeFingerprinter:
    """What was measured, or an error."""

    def __init__(
        self,
        error: Exception | None = None,
        measured: Measured | None = None,
        *,
        needs_all: bool = False,
        dissatisfied: Exception | None = None,
    ) -> None:
        self.error, self.needs_all = error, needs_all
        self.dissatisfied = dissatisfied or Corrupt("only zeros")
        self.measured = measured or Measured(HEARD, PRINT)

    def inspect(self, file: Any, asset: Asset, deadline: steps.Deadline) -> Inspection:
        assert isinstance(deadline, steps.Deadline)
        return Inspection(PROPERTIES, "wav", 240.0)

    def measure(self, file: Any, inspection: Inspection, deadline: steps.Deadline) -> Measured:
        if self.error and (file.whole or not self.needs_all):
            raise self.error
        if self.needs_all and not file.whole:
            raise self.dissatisfied
        return self.measured


def tick(store: FakeStore, publisher: FakePublisher, room: int = 10) -> steps.Scheduled:
    publisher.log = store.log
    return steps.schedule(store, publisher, room=room, lease_seconds=700)


def test_a_tick_merges_marks_and_then_publishes() -> None:
    """QUEUED is committed before anything is published, with the same time in both."""
    store = FakeStore(waiting=[ASSET])
    assert tick(store, FakePublisher()) == steps.Scheduled(merged=True, in_flight=0, published=1)
    assert store.log == [
        "merge",
        ("pending", 10, 700),
        ("append", [("a1", Status.QUEUED, NOW)]),
        ("publish", [("a1", NOW)]),
    ]


def test_a_skipped_merge_ends_the_tick() -> None:
    """Its counts would be those of before."""
    store = FakeStore(waiting=[ASSET], mergeable=False)
    assert tick(store, FakePublisher()) == steps.Scheduled(merged=False)
    assert store.log == ["merge"]


@pytest.mark.parametrize(("flying", "published"), [(0, 10), (7, 3), (10, 0), (12, 0)])
def test_no_more_is_in_flight_than_there_is_room_for(flying: int, published: int) -> None:
    """What is in flight counts."""
    store = FakeStore(waiting=[Asset(str(number), "k") for number in range(20)], flying=flying)
    assert tick(store, FakePublisher()).published == published


def test_a_failed_publish_is_told_and_what_is_queued_stays_queued() -> None:
    """Cloud Scheduler sees the failure; the lease brings back what was not taken."""
    store = FakeStore(waiting=[ASSET])
    with pytest.raises(PublishFailed):
        tick(store, FakePublisher(error=PublishFailed("away")))
    assert store.log[-2][0] == "append"


def test_a_request_is_queued_then_published_with_one_time_which_is_told() -> None:
    """Whoever asks, for whatever reason: the scheduler's own order."""
    store, publisher = FakeStore(), FakePublisher()
    publisher.log = store.log
    assert steps.request(store, publisher, [ASSET, Asset("a2", "k")]) == NOW
    assert store.log == [
        ("append", [("a1", Status.QUEUED, NOW), ("a2", Status.QUEUED, NOW)]),
        ("publish", [("a1", NOW), ("a2", NOW)]),
    ]


def test_nothing_is_published_that_could_not_be_queued() -> None:
    """The store is away: no message without its row."""

    class Away(FakeStore):
        def append(self, outcomes: Sequence[Outcome]) -> None:
            raise StoreUnavailable("away")

    publisher = FakePublisher()
    with pytest.raises(StoreUnavailable):
        steps.request(Away(), publisher, [ASSET])
    assert publisher.log == []


def run(
    source: FakeSource | None = None, fingerprinter: FakeFingerprinter | None = None, inbox: FakeInbox | None = None
) -> tuple[steps.Fingerprinted, FakeInbox]:
    inbox = inbox or FakeInbox()
    result = steps.fingerprint(
        REQUEST, source or FakeSource(), fingerprinter or FakeFingerprinter(), inbox, steps.Deadline(60)
    )
    return result, inbox


def test_a_good_file_becomes_a_success_with_all_that_is_known() -> None:
    """And the line for the log has the milliseconds of each part."""
    result, inbox = run()
    [outcome] = inbox.outcomes
    assert (outcome.status, outcome.fingerprint, outcome.properties) == (Status.SUCCESS, PRINT, HEARD)
    assert (outcome.identity, outcome.requested_at, outcome.error) == (ALL, NOW, None)
    assert set(result.milliseconds) == {"api", "download", "fpcalc", "store"}


def test_what_is_only_slowly_fingerprinted_is_short() -> None:
    """No failure: its length and what its sound tells are there."""
    _, inbox = run(fingerprinter=FakeFingerprinter(measured=Measured(HEARD, None, SLOW)))
    [outcome] = inbox.outcomes
    assert (outcome.status, outcome.error, outcome.fingerprint) == (Status.SHORT, None, None)
    assert (outcome.slow, outcome.duration, outcome.properties) == (SLOW, 1.5, HEARD)


def test_a_short_sound_with_both_fingerprints_is_a_success() -> None:
    """And its length is that of the one which compares with other files'."""
    _, inbox = run(fingerprinter=FakeFingerprinter(measured=Measured(HEARD, PRINT, SLOW)))
    [outcome] = inbox.outcomes
    assert (outcome.status, outcome.fingerprint, outcome.slow, outcome.duration) == (Status.SUCCESS, PRINT, SLOW, 240.0)


def test_what_is_too_short_for_both_fails_by_name() -> None:
    """Under 0.4 s."""
    _, inbox = run(fingerprinter=FakeFingerprinter(TooShort("0.300 s of audio")))
    [outcome] = inbox.outcomes
    assert (outcome.status, outcome.error) == (Status.FAILED, "TOO_SHORT: 0.300 s of audio")
    assert (outcome.slow, outcome.duration, outcome.properties) == (None, None, PROPERTIES)


def test_a_permanent_error_becomes_a_failed_row_that_keeps_what_is_known() -> None:
    """The file was read: its size and headers help who looks at it."""
    source = FakeSource()
    result, inbox = run(source, FakeFingerprinter(Corrupt("ends early")))
    [outcome] = inbox.outcomes
    assert (outcome.status, outcome.error) == (Status.FAILED, "CORRUPT: ends early")
    assert (outcome.identity, outcome.properties) == (ALL, PROPERTIES)
    assert outcome.fingerprint is None
    assert source.open_files == 0
    assert result.outcome is outcome


def test_a_part_that_is_enough_stays_one() -> None:
    """Nothing more is fetched."""
    _, inbox = run(FakeSource(file=FakeFile(PART, rest=NotFound("not asked for"))))
    assert (inbox.outcomes[0].status, inbox.outcomes[0].identity) == (Status.SUCCESS, PART)


def test_a_part_that_is_not_enough_is_completed() -> None:
    """The row is the whole file's, and so is its failure."""
    source = FakeSource(file=FakeFile(PART, rest=FakeFile()))
    _, inbox = run(source, FakeFingerprinter(needs_all=True))
    assert (inbox.outcomes[0].status, inbox.outcomes[0].identity) == (Status.SUCCESS, ALL)
    _, inbox = run(source, FakeFingerprinter(TooShort("0.3 s"), needs_all=True))
    assert (inbox.outcomes[0].error, inbox.outcomes[0].identity) == ("TOO_SHORT: 0.3 s", ALL)


def test_what_is_too_much_in_part_is_not_tried_in_full() -> None:
    """It would take the time of two, at every attempt."""
    source = FakeSource(file=FakeFile(PART, rest=NotFound("not asked for")))
    _, inbox = run(source, FakeFingerprinter(needs_all=True, dissatisfied=ResourceLimit("CPU time")))
    assert inbox.outcomes[0].error == "RESOURCE_LIMIT: CPU time"


def test_a_rest_that_cannot_be_had_now_stores_nothing() -> None:
    """Or a good file would be called broken for what was not fetched of it."""
    inbox = FakeInbox()
    with pytest.raises(ApiUnavailable):
        run(FakeSource(file=FakeFile(PART, rest=ApiUnavailable("503"))), FakeFingerprinter(needs_all=True), inbox)
    assert inbox.outcomes == []


def test_a_file_that_is_not_there_becomes_a_failed_row() -> None:
    """Nothing else is known of it."""
    _, inbox = run(FakeSource(NotFound("gone")))
    assert inbox.outcomes[0].error == "NOT_FOUND: gone"


@pytest.mark.parametrize("error", [ApiUnavailable("503"), TimedOut("slow")])
def test_a_transient_error_stores_nothing(error: Exception) -> None:
    """Pub/Sub comes again."""
    inbox = FakeInbox()
    with pytest.raises(type(error)):
        run(FakeSource(error), inbox=inbox)
    with pytest.raises(type(error)):
        run(fingerprinter=FakeFingerprinter(error), inbox=inbox)
    assert inbox.outcomes == []


def test_refused_data_leave_a_row_that_says_so() -> None:
    """Without them the message would come again for ever."""
    result, inbox = run(inbox=FakeInbox(refusals=1))
    assert inbox.outcomes == [result.outcome]
    assert (result.outcome.status, result.outcome.error) == (Status.FAILED, "INVALID_VALUE: CODEC is odd")
    assert result.outcome.properties is None


def test_an_unreadable_message_goes_to_the_dead_letters_with_its_reason() -> None:
    """And is acknowledged: nothing is fetched, nothing stored."""
    publisher, inbox = FakePublisher(), FakeInbox()
    message = PushMessage("1", b"{}", {})
    ports = (FakeSource(), FakeFingerprinter(), inbox, lambda: publisher, steps.Deadline(60))
    assert steps.fingerprint_message(message, *ports) is None
    assert publisher.log == [("reject", b"{}", "version is missing, this code reads 1")]
    assert inbox.outcomes == []


def test_an_unreadable_message_that_cannot_be_rejected_comes_again() -> None:
    """It is acknowledged only when the dead-letter topic has it."""
    publisher = FakePublisher(error=PublishFailed("away"))
    ports = (FakeSource(), FakeFingerprinter(), FakeInbox(), lambda: publisher, steps.Deadline(60))
    with pytest.raises(PublishFailed):
        steps.fingerprint_message(PushMessage("1", b"junk", {}), *ports)


def dead(data: bytes, attributes: dict[str, str] | None = None) -> tuple[Outcome | None, FakeInbox]:
    inbox = FakeInbox()
    outcome = steps.record_dead_letter(PushMessage("1", data, attributes or {}), inbox, max_delivery_attempts=10)
    return outcome, inbox


@pytest.mark.parametrize(("attributes", "attempts"), [({DELIVERY_COUNT: "12"}, 12), ({}, 10)])
def test_a_dead_letter_becomes_a_failed_row_of_its_own_request(attributes: dict[str, str], attempts: int) -> None:
    """With the request's time, so that a newer request's outcome stands above it."""
    outcome, inbox = dead(REQUEST.encode(), attributes)
    assert inbox.outcomes == [outcome]
    assert outcome is not None
    assert (outcome.asset, outcome.requested_at) == (ASSET, NOW)
    assert outcome.error == f"RETRIES_EXHAUSTED: {attempts} attempts"


def test_a_malformed_dead_letter_with_a_key_becomes_a_row_that_overrules_nothing() -> None:
    """Its time is the oldest there is."""
    data = json.dumps({"version": 9, "asset_id": "a1", "file_key": "k"}).encode()
    outcome, _ = dead(data, {REASON: "version is 9, this code reads 1"})
    assert outcome is not None
    assert (outcome.error, outcome.requested_at) == ("MALFORMED: version is 9, this code reads 1", NEVER)


def test_a_malformed_dead_letter_without_a_key_has_no_row() -> None:
    """It is logged and acknowledged."""
    outcome, inbox = dead(b"junk")
    assert outcome is None
    assert inbox.outcomes == []


def test_a_deadline_runs_out() -> None:
    """What is asked after its end is TIMED_OUT; before it, never more than what is left."""
    assert steps.Deadline(5).remaining(2) == 2
    assert 0 < steps.Deadline(5).remaining(60) <= 5
    with pytest.raises(TimedOut):
        steps.Deadline(-1).remaining()


def test_outcomes_have_ids_of_their_own() -> None:
    """Two outcomes of one request are two events."""
    assert Outcome(ASSET, Status.FAILED, NOW).event_id != Outcome(ASSET, Status.FAILED, NOW).event_id
    assert NOW - timedelta(days=10_000) > NEVER
