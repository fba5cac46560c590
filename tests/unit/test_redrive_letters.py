"""Dead letters: how each stands, and that none is acknowledged or kept from others by mistake."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import dead_letters
from audiodup.errors import StoreUnavailable, Unusable
from audiodup.failures import Standing
from audiodup.messages import REASON, FingerprintRequest, PushMessage
from audiodup.model import NEVER, Asset, FileKey, Status
from audiodup.subscriber import PubSubSubscriber
from dead_letters import MEANING, SETTLED, DeadLetters, Letters, State, state_of

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
BEFORE, LATER = NOW - timedelta(hours=1), NOW + timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("status", "row", "listed", "state"),
    [
        (Status.SUCCESS, BEFORE, True, State.DONE),
        (Status.SHORT, NOW, True, State.DONE),
        (Status.SUCCESS, LATER, False, State.DONE),
        (Status.FAILED, NOW + MICROSECOND, True, State.SUPERSEDED),
        (Status.FAILED, LATER, False, State.SUPERSEDED),
        (Status.QUEUED, NOW + MICROSECOND, True, State.IN_FLIGHT),
        (Status.FAILED, NOW, True, State.FAILED),
        (Status.FAILED, NOW, False, State.GONE),
        (Status.QUEUED, LATER, False, State.GONE),
        (None, NEVER, False, State.GONE),
        (None, NEVER, True, State.UNRECORDED),
        (Status.QUEUED, NOW, True, State.UNRECORDED),
        (Status.QUEUED, BEFORE, True, State.UNRECORDED),
        (Status.FAILED, BEFORE, True, State.UNRECORDED),
    ],
)
def test_the_row_says_how_a_letter_stands(status: Status | None, row: datetime, listed: bool, state: State) -> None:
    """A QUEUED row alone proves no publication; only what this run itself has published is REPUBLISHED."""
    assert state_of(NOW, status, row, listed=listed, republished=False) is state
    published = State.REPUBLISHED if state is State.IN_FLIGHT else state
    assert state_of(NOW, status, row, listed=listed, republished=True) is published


def test_every_state_says_what_it_means() -> None:
    """And what is acknowledged by itself is what nobody needs."""
    assert set(MEANING) == set(State)
    assert {State.DONE, State.SUPERSEDED, State.REPUBLISHED} == SETTLED


@dataclass
class FakeSubscription:
    """Gives what it has, at most so many at once; what was given is hidden until it is released."""

    waiting: list[PushMessage]
    at_once: int = 1000
    acknowledged: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    given: dict[str, PushMessage] = field(default_factory=dict)
    pulls: list[float] = field(default_factory=list)
    broken: bool = False

    def pull(self, seconds: float) -> dict[str, PushMessage]:
        self.pulls.append(seconds)
        messages, self.waiting = self.waiting[: self.at_once], self.waiting[self.at_once :]
        answer = {f"ack {message.message_id} {len(self.pulls)}": message for message in messages}
        self.given |= answer
        return answer

    def acknowledge(self, ack_ids: Sequence[str]) -> None:
        if self.broken and ack_ids:
            raise Unusable("away")
        self.acknowledged += ack_ids

    def release(self, ack_ids: Sequence[str]) -> None:
        if self.broken:
            raise Unusable("away")
        self.released += ack_ids


@dataclass
class FakeFailures:
    """The store."""

    rows: dict[FileKey, Standing] = field(default_factory=dict)
    error: Exception | None = None
    asked: list[int] = field(default_factory=list)

    def standing(self, files: Collection[FileKey]) -> dict[FileKey, Standing]:
        if self.error is not None:
            raise self.error
        self.asked.append(len(files))
        return {key: self.rows.get(key, Standing(None, NEVER, listed=True)) for key in files}


def letter(number: int, key: str | None = None, requested_at: datetime = NOW) -> PushMessage:
    request = FingerprintRequest(Asset("a", key or str(number), "x" * 100), requested_at)
    return PushMessage(str(number), request.encode(), {})


def look(
    subscription: FakeSubscription,
    failures: FakeFailures,
    acknowledge: Collection[State] = SETTLED,
    stop: threading.Event | None = None,
    **more: Any,
) -> Letters:
    parts: Any = SimpleNamespace(dead_letters=subscription, failures=failures)
    return DeadLetters(parts, acknowledge=acknowledge, stop=stop or threading.Event(), **more).look()


def row(status: Status, requested_at: datetime = NOW) -> Standing:
    return Standing(status, requested_at, listed=True)


def test_what_is_settled_is_acknowledged_and_the_rest_released() -> None:
    """By the ids of this delivery; each acknowledged one is told."""
    subscription = FakeSubscription([letter(1), letter(2), letter(3)])
    failures = FakeFailures({("a", "1"): row(Status.SUCCESS), ("a", "2"): row(Status.FAILED)})
    told: list[dict[str, Any]] = []
    found = look(subscription, failures, report=told.append)
    assert subscription.acknowledged == ["ack 1 1"]
    assert subscription.released == ["ack 2 1", "ack 3 1"]
    assert found.count == {State.DONE: 1, State.FAILED: 1, State.UNRECORDED: 1}
    assert found.acknowledged == {State.DONE: 1}
    assert [(record["message_id"], record["state"], record["file_key"]) for record in told] == [("1", "done", "1")]


def test_a_look_alone_acknowledges_nothing() -> None:
    subscription = FakeSubscription([letter(1)])
    found = look(subscription, FakeFailures({("a", "1"): row(Status.SUCCESS)}), acknowledge=())
    assert (subscription.acknowledged, subscription.released) == ([], ["ack 1 1"])
    assert (found.count, found.acknowledged) == ({State.DONE: 1}, {})


def test_two_letters_of_one_request_are_two_letters() -> None:
    """Pub/Sub may deliver the request twice, and each copy dies."""
    subscription = FakeSubscription([letter(1, "k"), letter(2, "k")])
    found = look(subscription, FakeFailures({("a", "k"): row(Status.SUCCESS)}))
    assert found.acknowledged == {State.DONE: 2}
    assert len(subscription.acknowledged) == 2


def test_a_letter_that_comes_again_meanwhile_counts_once_and_is_released_by_its_new_id() -> None:
    """After its deadline the old id does nothing; and it is no sign that more will come."""
    subscription = FakeSubscription([letter(1), letter(2), letter(1)], at_once=1)
    found = look(subscription, FakeFailures({("a", "1"): row(Status.FAILED), ("a", "2"): row(Status.FAILED)}))
    assert found.count == {State.FAILED: 2}
    assert sorted(subscription.released) == ["ack 1 3", "ack 2 2"]


def test_it_asks_again_where_nothing_comes() -> None:
    """The first pull does not wait: it only shows that Pub/Sub is there."""
    subscription = FakeSubscription([])
    look(subscription, FakeFailures())
    assert subscription.pulls == [0.0, *[dead_letters.WAIT_SECONDS] * dead_letters.WAITS]
    one = FakeSubscription([letter(1)])
    look(one, FakeFailures())
    assert one.pulls == [0.0, *[dead_letters.WAIT_SECONDS] * dead_letters.WAITS]


def test_letters_share_questions_and_are_never_all_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is acknowledged is forgotten at once."""
    monkeypatch.setattr(dead_letters, "PAGE", 10)
    monkeypatch.setattr(dead_letters, "MOST_HELD", 12)
    letters = [letter(number) for number in range(95)]
    failures = FakeFailures({("a", str(number)): row(Status.SUCCESS) for number in range(95)})
    subscription = FakeSubscription(letters, at_once=5)
    found = look(subscription, failures)
    assert failures.asked == [10] * 9 + [5]
    assert (found.acknowledged, found.all_seen) == ({State.DONE: 95}, True)


def test_too_many_that_stay_are_told_and_released(monkeypatch: pytest.MonkeyPatch) -> None:
    """Held until the end they take memory; released at once they would come again and again."""
    monkeypatch.setattr(dead_letters, "PAGE", 10)
    monkeypatch.setattr(dead_letters, "MOST_HELD", 20)
    subscription = FakeSubscription([letter(number) for number in range(95)], at_once=5)
    found = look(subscription, FakeFailures())
    assert (found.count, found.all_seen) == ({State.UNRECORDED: 20}, False)
    assert len(subscription.released) == 20


def test_where_the_store_is_away_all_are_released() -> None:
    subscription = FakeSubscription([letter(1), letter(2)])
    with pytest.raises(StoreUnavailable):
        look(subscription, FakeFailures(error=StoreUnavailable("away")))
    assert subscription.acknowledged == []
    assert subscription.released == ["ack 1 1", "ack 2 1"]


def test_where_pubsub_goes_away_its_error_is_the_one_that_is_told() -> None:
    """Not that they could not be released either: they come back by themselves."""
    subscription = FakeSubscription([letter(1)], broken=True)
    with pytest.raises(Unusable, match="away"):
        look(subscription, FakeFailures({("a", "1"): row(Status.SUCCESS)}))


def test_a_stop_ends_the_look_and_releases() -> None:
    stop = threading.Event()
    stop.set()
    subscription = FakeSubscription([letter(1)])
    found = look(subscription, FakeFailures(), stop=stop)
    assert (found.all_seen, subscription.pulls, subscription.released) == (False, [], [])


HOSTILE = {
    "no data": PushMessage("1", b"", {}),
    "attributes only": PushMessage("1", b"", {"asset_id": "a", "file_key": "k"}),
    "no JSON": PushMessage("1", b"\xff\x00\x1b[2J", {REASON: "data is not JSON in UTF-8"}),
    "10 MB": PushMessage("1", b"[" * 10_000_000, {}),
    "10 MB of key": PushMessage("1", json.dumps({"version": 1, "asset_id": "a" * 10_000_000}).encode(), {}),
    "a long reason": PushMessage("1", b"x", {REASON: "r" * 100_000}),
    "another version": PushMessage("1", letter(1).data.replace(b'"version": 1', b'"version": 2'), {}),
    "no time": PushMessage("1", json.dumps({"version": 1, "asset_id": "a", "file_key": "k"}).encode(), {}),
    "a list": PushMessage("1", b"[1]", {}),
    "NUL": PushMessage("1", letter(1).data.replace(b'"a"', b'"a\\u0000"'), {}),
}


@pytest.mark.parametrize("message", HOSTILE.values(), ids=HOSTILE)
def test_what_cannot_be_read_is_kept_and_shown_in_short(message: PushMessage) -> None:
    """The store is not asked for it; only who says so gets it acknowledged."""
    subscription, failures = FakeSubscription([message]), FakeFailures()
    found = look(subscription, failures)
    assert found.count == {State.MALFORMED: 1}
    assert (subscription.acknowledged, subscription.released) == ([], ["ack 1 1"])
    [sample] = found.samples[State.MALFORMED]
    assert sample["reason"]
    assert len(json.dumps(sample)) < 1000
    assert failures.asked in ([], [0])
    assert look(FakeSubscription([message]), failures, {State.MALFORMED}).acknowledged == {State.MALFORMED: 1}


def test_a_malformed_letter_tells_whose_it_is_where_it_does() -> None:
    found = look(FakeSubscription([HOSTILE["another version"]]), FakeFailures())
    assert found.samples[State.MALFORMED] == [
        {
            "message_id": "1",
            "asset_id": "a",
            "file_key": "1",
            "reason": "version is 2, this code reads 1",
            "data": HOSTILE["another version"].data[:60].decode(),
        }
    ]


def test_a_time_at_the_end_of_the_calendar_is_a_time() -> None:
    """No later request can be: the letter waits for the file itself."""
    end = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    message = letter(1, requested_at=end)
    assert look(FakeSubscription([message]), FakeFailures({("a", "1"): row(Status.FAILED, end)})).count == {
        State.FAILED: 1
    }
    assert look(FakeSubscription([message]), FakeFailures({("a", "1"): row(Status.SUCCESS)})).acknowledged == {
        State.DONE: 1
    }


def test_without_a_sign_in_to_google_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Before anything is done; and the library's own advice is in it."""
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(Unusable, match=r"projects/p/subscriptions/s takes a sign-in to Google: .*credentials"):
        PubSubSubscriber(project="p", subscription="s")
