"""Group commit: who is answered when, and who hears of which error."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from audiodup.batcher import Batcher
from audiodup.errors import InvalidValue, Malformed, StoreUnavailable
from audiodup.model import Asset, Outcome, Status
from audiodup.rows import storable


def outcome(name: str) -> Outcome:
    return Outcome(Asset(name, "k"), Status.SUCCESS, datetime(2026, 1, 1, tzinfo=UTC))


def together(inbox: Batcher, names: Sequence[str]) -> dict[str, Exception | None]:
    """Append all at once, each from a thread of its own; what each heard."""
    heard: dict[str, Exception | None] = {}

    def append(name: str) -> None:
        try:
            inbox.append(outcome(name))
            heard[name] = None
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what was heard
            heard[name] = error

    threads = [threading.Thread(target=append, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return heard


def inbox_over(insert: Callable[[Sequence[Outcome]], None], outcomes: int = 4) -> Batcher:
    return Batcher(storable, insert, outcomes=outcomes, milliseconds=5000, patience=30)


def test_a_full_batch_is_one_insert_and_waits_no_longer() -> None:
    """Four at once with room for four: one statement, although the wait would be seconds."""
    sizes: list[int] = []
    assert set(together(inbox_over(lambda rows: sizes.append(len(rows))), "abcd").values()) == {None}
    assert sizes == [4]


def test_an_instance_that_stops_waits_for_nobody() -> None:
    """Cloud Run kills it 10 s after SIGTERM: what waits to share a statement goes at once, and what comes then too."""
    inbox = inbox_over(lambda _: None, outcomes=100)
    waiting = threading.Thread(target=inbox.append, args=(outcome("a"),))
    began = time.monotonic()
    waiting.start()
    time.sleep(0.1)
    inbox.hurry()
    waiting.join(30)
    inbox.append(outcome("b"))
    assert time.monotonic() - began < 4


def test_a_lone_outcome_is_stored_after_the_wait() -> None:
    """Nobody else comes: it goes alone."""
    stored: list[str] = []
    inbox = Batcher(
        storable,
        lambda rows: stored.extend(row.asset.asset_id for row in rows),
        outcomes=100,
        milliseconds=1,
        patience=30,
    )
    inbox.append(outcome("a"))
    assert stored == ["a"]


def test_nobody_is_answered_before_the_commit() -> None:
    """The insert is held up: no append has returned."""
    go, begun = threading.Event(), threading.Event()
    answered: list[str] = []

    def insert(_: Sequence[Outcome]) -> None:
        begun.set()
        assert go.wait(30)

    inbox = inbox_over(insert, outcomes=2)

    def append(name: str) -> None:
        inbox.append(outcome(name))
        answered.append(name)

    threads = [threading.Thread(target=append, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    assert begun.wait(30)
    assert answered == []
    go.set()
    for thread in threads:
        thread.join(30)
    assert sorted(answered) == ["a", "b"]


def test_what_comes_during_an_insert_shares_the_next_one() -> None:
    """Ten requests while the first INSERT runs: they wait for one, not for ten."""
    go, begun = threading.Event(), threading.Event()
    sizes: list[int] = []

    def insert(rows: Sequence[Outcome]) -> None:
        sizes.append(len(rows))
        begun.set()
        assert go.wait(30)

    inbox = Batcher(storable, insert, outcomes=100, milliseconds=1, patience=30)
    first = threading.Thread(target=inbox.append, args=(outcome("first"),))
    first.start()
    assert begun.wait(30)
    rest = [threading.Thread(target=inbox.append, args=(outcome(str(number)),)) for number in range(10)]
    for thread in rest:
        thread.start()
    while inbox._open is None or len(inbox._open.outcomes) < 10:
        pass
    go.set()
    for thread in (first, *rest):
        thread.join(30)
    assert sizes == [1, 10]


def test_an_outage_reaches_every_caller() -> None:
    """Each gets an exception of his own: none may acknowledge its message."""

    def away(_: Sequence[Outcome]) -> None:
        raise StoreUnavailable("away")

    heard = together(inbox_over(away), "abcd")
    assert [type(error) for error in heard.values()] == [StoreUnavailable] * 4
    assert len({id(error) for error in heard.values()}) == 4


def test_one_bad_row_fails_alone() -> None:
    """A batch refused for its data is tried row by row."""
    stored: list[str] = []

    def insert(rows: Sequence[Outcome]) -> None:
        if any(row.asset.asset_id == "b" for row in rows):
            raise InvalidValue("b is bad")
        stored.extend(row.asset.asset_id for row in rows)

    heard = together(inbox_over(insert), "abcd")
    assert type(heard.pop("b")) is InvalidValue
    assert set(heard.values()) == {None}
    assert sorted(stored) == ["a", "c", "d"]


def test_an_outage_in_the_midst_of_row_by_row_is_an_outage_for_the_rest() -> None:
    """What was stored before stays answered as stored."""
    calls = 0

    def insert(rows: Sequence[Outcome]) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise InvalidValue("one of them")
        if calls > 2:
            raise StoreUnavailable("away")

    kinds = sorted(str(type(error).__name__) for error in together(inbox_over(insert), "abcd").values())
    assert kinds == ["NoneType", "StoreUnavailable", "StoreUnavailable", "StoreUnavailable"]


def test_an_unforeseen_error_wakes_everyone() -> None:
    """A bug in the insert must not leave requests waiting for ever, nor acknowledge them."""

    def broken(_: Sequence[Outcome]) -> None:
        raise RuntimeError("bug")

    heard = together(inbox_over(broken), "abcd")
    assert {type(error) for error in heard.values()} == {StoreUnavailable}


def test_a_value_that_does_not_fit_is_told_to_its_own_request() -> None:
    """What is logged and printed is what is stored; and a key that fits no row never reaches a batch."""
    stored: list[Outcome] = []
    inbox = Batcher(storable, stored.extend, outcomes=10, milliseconds=1, patience=30)
    told = inbox.append(replace(outcome("a"), asset=Asset("a", "k", "audio/x-wav")))
    assert told.status is Status.FAILED
    assert told.error == "INVALID_VALUE: FORMAT has 11 characters, at most 10 fit"
    assert stored == [told]
    with pytest.raises(Malformed):
        inbox.append(replace(outcome("a"), asset=Asset("a", "k" * 501)))
    assert stored == [told]


def test_nobody_is_told_that_a_batch_is_stored_that_was_given_up() -> None:
    """Who joins a batch while its leader gives up is not committed: a message acknowledged then would be lost."""
    go, begun = threading.Event(), threading.Event()
    stored: list[str] = []

    def insert(rows: Sequence[Outcome]) -> None:
        begun.set()
        assert go.wait(30)
        stored.extend(row.asset.asset_id for row in rows)

    inbox = Batcher(storable, insert, outcomes=100, milliseconds=0, patience=0.05)
    stuck = threading.Thread(target=together, args=(inbox, ["stuck"]))
    stuck.start()
    assert begun.wait(30)
    heard: dict[str, Exception | None] = {}
    for wave in range(20):
        heard |= together(inbox, [f"{wave}-{number}" for number in range(8)])
    go.set()
    stuck.join(30)
    inbox.append(outcome("last"))
    acknowledged = {name for name, error in heard.items() if error is None}
    assert acknowledged <= set(stored)
    assert heard
    assert not acknowledged


def test_who_waits_for_a_stuck_insert_gives_up() -> None:
    """His request is answered 503 and delivered again."""
    go = threading.Event()
    inbox = Batcher(storable, lambda _: bool(go.wait(30)), outcomes=2, milliseconds=5000, patience=0.05)  # type: ignore[arg-type,return-value]
    leader = threading.Thread(target=together, args=(inbox, ["a"]))
    leader.start()
    while inbox._open is None:
        pass
    with pytest.raises(StoreUnavailable):
        inbox.append(outcome("b"))
    go.set()
    leader.join(30)


def test_who_leads_the_next_batch_gives_up_too() -> None:
    """While one INSERT is stuck the batches behind it are answered 503, and take no memory."""
    go, begun = threading.Event(), threading.Event()

    def insert(_: Sequence[Outcome]) -> None:
        begun.set()
        assert go.wait(30)

    inbox = Batcher(storable, insert, outcomes=1, milliseconds=0, patience=0.05)
    stuck = threading.Thread(target=together, args=(inbox, ["a"]))
    stuck.start()
    assert begun.wait(30)
    with pytest.raises(StoreUnavailable):
        inbox.append(outcome("b"))
    go.set()
    stuck.join(30)
    inbox.append(outcome("c"))
