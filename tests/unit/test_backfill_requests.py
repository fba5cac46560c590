"""Room, rate and patience of a run's requests, over a store that plays what it is told; the waits are not waited."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

import requesting
from audiodup.errors import Conflict, Interrupted, PublishFailed, StoreUnavailable, Transient
from audiodup.messages import FingerprintRequest
from audiodup.model import Asset, Outcome, Status
from requesting import PATIENCE_SECONDS, Requests

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LEASE = 700


@dataclass
class Clock:
    """time.monotonic, and a `stop` whose waits move it on; `then` is what happens while one waits."""

    now: float = 1000.0
    waits: list[float] = field(default_factory=list)
    then: Callable[[], None] = lambda: None
    stopped: bool = False

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        if seconds:
            self.waits.append(seconds)
            self.now += seconds
            self.then()
        return self.stopped


@dataclass
class World:
    """Store and topic: what was published is in flight until somebody finishes it."""

    published: list[Asset] = field(default_factory=list)
    pages: list[int] = field(default_factory=list)
    """How many were published at once."""
    queued: list[tuple[str, Status, datetime]] = field(default_factory=list)
    finished: list[Outcome] = field(default_factory=list)
    merges: int = 0
    mergeable: bool = True
    store_error: Transient | None = None
    publish_error: Transient | None = None

    def clock(self) -> datetime:
        if self.store_error:
            raise self.store_error
        return NOW

    def append(self, outcomes: Sequence[Outcome]) -> None:
        self.queued += [(one.asset.asset_id, one.status, one.requested_at) for one in outcomes]

    def merge(self) -> bool:
        self.clock()
        self.merges += self.mergeable
        return self.mergeable

    def outcomes(self, asset_ids: Sequence[str]) -> Iterator[Outcome]:
        self.clock()
        yield from [one for one in self.finished if one.asset.asset_id in asset_ids]

    def publish(self, requests: Sequence[FingerprintRequest]) -> None:
        if self.publish_error:
            raise self.publish_error
        self.published += [request.asset for request in requests]
        self.pages.append(len(requests))

    def finish(self, count: int, status: Status = Status.SUCCESS, error: str | None = None) -> None:
        """The oldest that are not finished."""
        done = len(self.finished)
        self.finished += [Outcome(one, status, NOW, error=error) for one in self.published[done : done + count]]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(requesting, "time", clock)
    return clock


def requests(world: World, clock: Clock, **options: Any) -> Requests:
    parts: Any = SimpleNamespace(
        store=world,
        publisher=world,
        settings=SimpleNamespace(room=20),
        pubsub=SimpleNamespace(lease_seconds=LEASE),
    )
    stop: Any = clock
    return Requests(parts, stop=stop, **options)


def assets(count: int) -> list[Asset]:
    return [Asset(str(number), "k") for number in range(count)]


def test_half_of_the_room_is_left_to_new_uploads(clock: Clock) -> None:
    """Whatever is given at once, no more is in flight; finished files make room, and the looks become rarer."""
    world = World()
    most = 0

    def work() -> None:
        nonlocal most
        most = max(most, len(world.published) - len(world.finished))
        if len(clock.waits) % 6 == 0:
            world.finish(10)

    clock.then = work
    one = requests(world, clock)
    one.publish(assets(35))
    assert (one.at_most, most, len(world.published)) == (10, 10, 35)
    assert clock.waits[:6] == [1, 2, 4, 8, 10, 10]
    world.finish(99)
    assert one.finish().record() == {
        "published": 35,
        "success": 35,
        "short": 0,
        "failed": 0,
        "by_error": {},
        "expired": 0,
        "unfinished": 0,
    }


def test_one_file_that_is_not_finished_holds_up_no_others(clock: Clock) -> None:
    """Its place is taken until its lease is over, and no other."""
    world = World()

    def finish_all_but_the_first() -> None:
        world.finished = [Outcome(one, Status.SUCCESS, NOW) for one in world.published[1:]]

    clock.then = finish_all_but_the_first
    one = requests(world, clock, at_most=100)
    one.publish(assets(1000))
    assert world.published == assets(1000)
    assert world.pages == [100, *[99] * 9, 9]
    assert one.requested.expired == 0
    assert clock.now - 1000 < 60


@pytest.mark.parametrize(("finished", "pages"), [(1, [100, 4, 4, 2]), (6, [100, 10])])
def test_little_room_is_gathered_and_not_for_long(clock: Clock, finished: int, pages: list[int]) -> None:
    """A statement is shared by a tenth of what may be in flight, or by what there is when the looks are rare."""
    world = World()
    clock.then = lambda: world.finish(finished)
    requests(world, clock, at_most=100).publish(assets(110))
    assert world.pages == pages


def test_who_waited_for_room_has_waited_for_the_rate_too(clock: Clock) -> None:
    """What is looked up behind it goes out at once, and is not more than may."""
    world = World()
    one = requests(world, clock, rate=2.0, at_most=15)
    assert one.wait_for_room(1000) == 10
    one.publish(assets(10))
    assert clock.waits == []
    assert one.wait_for_room(1000) == 5
    assert clock.waits == [5]
    one.publish(assets(15)[10:])
    assert clock.waits == [5]
    assert one.wait_for_room(0) == 0


def test_what_is_published_was_queued_with_the_same_time(clock: Clock) -> None:
    """The step's own order; the time is the warehouse's."""
    world = World()
    requests(world, clock).publish(assets(2))
    assert world.queued == [("0", Status.QUEUED, NOW), ("1", Status.QUEUED, NOW)]
    assert world.published == assets(2)


def test_failures_are_counted_named_and_no_more_in_flight(clock: Clock) -> None:
    """The first ones with their words; a report of each."""
    world, told = World(), []
    one = requests(world, clock, at_most=100, report=told.append)
    one.publish(assets(80))
    world.finish(20)
    world.finish(60, Status.FAILED, "CORRUPT: ends early")
    found = one.finish()
    assert (found.failed, found.by_error, found.unfinished) == (60, {"CORRUPT": 60}, 0)
    assert [failure.asset.asset_id for failure in found.failures] == [str(number) for number in range(20, 70)]
    assert len(told) == 80


def test_a_skipped_merge_is_waited_for(clock: Clock) -> None:
    """Its rows are those of before."""
    world = World(mergeable=False)
    one = requests(world, clock, at_most=5)
    one.publish(assets(5))
    world.finish(5)

    def mergeable_later() -> None:
        world.mergeable = len(clock.waits) > 3

    clock.then = mergeable_later
    one.wait_for_room(5)
    assert clock.waits == [1, 1, 2, 4]
    assert world.merges == 1


@pytest.mark.parametrize(("rate", "sizes", "seconds"), [(2.0, 10, 15), (0.1, 1, 390)])
def test_a_rate_is_kept(clock: Clock, rate: float, sizes: int, seconds: float) -> None:
    """In portions of some seconds; the last one waits for nothing behind it."""
    world = World()
    clock.then = lambda: world.finish(99)
    began = clock.now
    requests(world, clock, rate=rate, at_most=50).publish(assets(40))
    assert len(world.published) == 40
    assert clock.now - began == pytest.approx(seconds)
    assert max(clock.waits) == pytest.approx(sizes / rate)


@pytest.mark.parametrize("kind", ["store", "publish"])
def test_an_outage_is_waited_out_and_said(clock: Clock, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    """Ten minutes, with growing pauses; afterwards all is published, the interrupted page as a whole."""
    world = World()
    one = requests(world, clock, at_most=50)
    one.publish(assets(1))
    error = StoreUnavailable("no route") if kind == "store" else PublishFailed("at least 4 messages were not taken")
    setattr(world, f"{kind}_error", error)
    back_at = clock.now + 600

    def come_back() -> None:
        if clock.now >= back_at:
            setattr(world, f"{kind}_error", None)

    clock.then = come_back
    one.publish(assets(5)[1:])
    assert world.published == assets(5)
    assert 600 <= clock.now - 1000 < 661
    assert clock.waits[:7] == [1, 2, 4, 8, 16, 32, 60]
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == str(error)
    assert lines[1] == "  for 7 s now; trying again in 8 s (Ctrl-C stops)"
    assert lines[-1] == "That is over: going on."
    assert len(lines) < 40


def test_a_hiccup_is_nobodys_business(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """A few seconds."""
    world = World()
    one = requests(world, clock)
    one.merge()
    world.store_error = StoreUnavailable("no route")

    def come_back() -> None:
        world.store_error = None

    clock.then = come_back
    one.publish(assets(1))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("kind", ["store", "publish"])
def test_an_outage_that_does_not_end_is_given_up(clock: Clock, kind: str) -> None:
    """In words, after half an hour."""
    world = World()
    one = requests(world, clock)
    one.publish(assets(1))
    began = clock.now
    setattr(world, f"{kind}_error", StoreUnavailable("no route") if kind == "store" else PublishFailed("no route"))
    with pytest.raises((StoreUnavailable, PublishFailed), match="no route"):
        one.publish(assets(1))
    assert PATIENCE_SECONDS < clock.now - began < PATIENCE_SECONDS + 61


@pytest.mark.parametrize("kind", ["store", "publish"])
def test_what_never_worked_is_told_at_once(clock: Clock, kind: str) -> None:
    """A wrong setting is no outage. For Pub/Sub that holds although the store has worked."""
    world = World()
    one = requests(world, clock)
    if kind == "publish":
        one.merge()
    setattr(world, f"{kind}_error", StoreUnavailable("no route") if kind == "store" else PublishFailed("no route"))
    with pytest.raises((StoreUnavailable, PublishFailed)):
        one.publish(assets(1))
    assert clock.waits == []


def test_a_merge_of_others_that_never_ends_is_given_up(clock: Clock) -> None:
    """From the beginning it is waited for: it is a conflict, and no mistake."""
    world = World(mergeable=False)
    with pytest.raises(Conflict):
        requests(world, clock).merge()
    assert clock.now - 1000 > PATIENCE_SECONDS


def test_whoever_waits_is_stopped(clock: Clock) -> None:
    """For room, for the rate, and for what is away; nothing more is published."""
    world = World()
    one = requests(world, clock, at_most=5)
    one.publish(assets(5))

    def stop() -> None:
        clock.stopped = True

    clock.then = stop
    with pytest.raises(Interrupted):
        one.publish(assets(9)[5:])
    clock.stopped = False
    world.store_error = StoreUnavailable("no route")
    with pytest.raises(Interrupted):
        one.patiently(world.clock)
    assert len(world.published) == 5
    clock.stopped = True
    with pytest.raises(Interrupted):
        requests(World(), clock).publish(assets(1))


def test_a_lease_that_is_over_makes_room_and_a_standstill_is_said(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody works: said after ten minutes; and behind the lease the files are the scheduler's."""
    world = World()
    one = requests(world, clock, at_most=5)
    one.publish(assets(5))
    one.publish(assets(6)[5:])
    assert LEASE <= clock.now - 1000 < LEASE + 11
    assert one.requested.expired == 5
    assert one.requested.unfinished == 1
    words = r"None of 5 files in flight was finished for 10 min: do the functions run?"
    assert capsys.readouterr().err.splitlines() == [words]


def test_finish_waits_for_nothing(clock: Clock) -> None:
    """The counts are those of the last look, where store or merge are not at hand."""
    for world in (World(mergeable=False), World()):
        one = requests(world, clock)
        one.publish(assets(3))
        # Of an older request, while the merge is another's; or nothing to be seen at all.
        world.finish(3)
        if world.mergeable:
            world.store_error = StoreUnavailable("no route")
        assert one.finish().unfinished == 3
    assert clock.waits == []


def test_a_real_event_ends_a_wait() -> None:
    """`stop` is a threading.Event."""
    stop = threading.Event()
    parts: Any = SimpleNamespace(
        store=World(), publisher=World(), settings=SimpleNamespace(room=1), pubsub=SimpleNamespace(lease_seconds=LEASE)
    )
    one = Requests(parts, stop=stop)
    one.publish(assets(1))
    stop.set()
    with pytest.raises(Interrupted):
        one.publish(assets(1))
