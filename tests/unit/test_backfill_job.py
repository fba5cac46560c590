"""One backfill over a store in memory: killed at every single point, next to a scheduler, stopped and gone on with."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import requesting
from asset_ids import typed_ids
from audiodup import steps
from audiodup.errors import Interrupted
from audiodup.messages import FingerprintRequest
from audiodup.model import Asset, FileKey, Outcome, Status
from backfill_job import Backfill
from checkpoint import Checkpoint, Progress
from id_sources import ListedIds, Source, StoredIds
from requesting import Requests

LEASE = timedelta(seconds=700)
BATCH = 3


class Killed(BaseException):
    """kill -9: nothing of ours runs any more."""


@dataclass
class World:
    """Store and topic, which outlive a run; each call of them is a point at which the run may be killed."""

    library_: list[Asset]
    rows: dict[FileKey, Outcome] = field(default_factory=dict)
    inbox: list[Outcome] = field(default_factory=list)
    published: list[Asset] = field(default_factory=list)
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    point: Callable[[], None] = lambda: None

    def clock(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def append(self, outcomes: Sequence[Outcome]) -> None:
        self.point()
        self.inbox += outcomes
        self.point()

    def merge(self) -> bool:
        for outcome in self.inbox:
            self.rows[outcome.asset.asset_id, outcome.asset.file_key] = outcome
        self.inbox.clear()
        return True

    def library(self, asset_ids: Sequence[str]) -> Iterator[Any]:
        for asset in self.library_:
            if asset.asset_id in asset_ids:
                row = self.rows.get((asset.asset_id, asset.file_key))
                status, requested_at = (row.status, row.requested_at) if row else (None, None)
                yield SimpleNamespace(asset=asset, status=status, requested_at=requested_at)

    def unfinished_ids(self, after: str, at_most: int) -> tuple[list[str], int]:
        ids = sorted({one.asset_id for one in self.library_ if one.asset_id > after and self._unfinished(one)})
        return ids[:at_most], len(ids)

    def _unfinished(self, asset: Asset) -> bool:
        row = self.rows.get((asset.asset_id, asset.file_key))
        return row is None or row.status is Status.QUEUED

    def outcomes(self, asset_ids: Sequence[str]) -> list[Outcome]:
        return [
            row for row in self.rows.values() if row.status is not Status.QUEUED and row.asset.asset_id in asset_ids
        ]

    def publish(self, requests: Sequence[FingerprintRequest]) -> None:
        for request in requests:
            self.point()
            self.published.append(request.asset)
        self.point()

    # What the scheduler asks besides.

    def in_flight(self, lease_seconds: int) -> int:
        return 0

    def unstorable(self) -> int:
        return 0

    def pending(self, at_most: int, lease_seconds: int) -> list[Asset]:
        return [one for one in reversed(self.library_) if (one.asset_id, one.file_key) not in self.rows][:at_most]


class Points(Checkpoint):
    """A checkpoint whose writes are points, too."""

    world: World

    def save(self, progress: Progress) -> None:
        self.world.point()
        super().save(progress)
        self.world.point()


def begin(
    world: World, folder: Path, source: Source, *, resume: bool = True, **options: Any
) -> tuple[Backfill, list[int], Callable[[], None]]:
    """A process that was just started: the run, what its progress adds up to, and what runs it."""
    stop = options.pop("stop", threading.Event())
    parts: Any = SimpleNamespace(
        store=world,
        publisher=world,
        settings=SimpleNamespace(room=options.pop("room", 1000)),
        pubsub=SimpleNamespace(lease_seconds=LEASE.total_seconds()),
    )
    asked_of_requests = {name: options.pop(name) for name in ("at_most", "rate") if name in options}
    checkpoint = Points(folder, [source.identity])
    checkpoint.world = world
    asked = {"batch_size": BATCH, "dry_run": False, "maybe_header": None, "tell": lambda *_: None} | options
    backfill = Backfill(parts, source, Requests(parts, stop=stop, **asked_of_requests), checkpoint, **asked)
    advanced: list[int] = []

    def run() -> None:
        backfill.open(checkpoint.load() if resume else None)
        backfill.run(lambda count=1, /: advanced.append(count))

    return backfill, advanced, run


def library() -> list[Asset]:
    """Eight assets; the third has two files."""
    return [*(Asset(f"a{number}", "k") for number in range(8)), Asset("a2", "l")]


def listed(world: World) -> Source:
    return ListedIds("ids.csv", typed_ids(",".join(one.asset_id for one in world.library_)))


def stored(world: World) -> Source:
    return StoredIds("all pending", world.unfinished_ids, 5)


@pytest.mark.parametrize("source", [listed, stored])
def test_killed_at_every_point_nothing_is_lost(tmp_path: Path, source: Callable[[World], Source]) -> None:
    """Once at each of them, then --resume: every file is published, and twice only what was in hand."""
    point = twice_at_most = 0
    killed = True
    while killed:
        point += 1
        world = World(library())
        left = point

        def count() -> None:
            nonlocal left
            left -= 1
            if not left:
                raise Killed

        world.point = count
        folder = tmp_path / str(point)
        try:
            begin(world, folder, source(world))[2]()
            killed = False
        except Killed:
            world.point = lambda: None
            backfill, _, run = begin(world, folder, source(world))
            run()
            assert (backfill.confirmed, backfill.total) == (8, 8), f"killed at point {point}"
        times = Counter(world.published)
        assert set(times) == set(world.library_), f"killed at point {point}"
        twice_at_most = max(twice_at_most, sum(times.values()) - len(times))
        assert not list(folder.glob("backfill-*.json"))
    print(f"killed at {point - 1} points; at most {twice_at_most} of {len(library())} files published twice")
    assert point > 30
    assert 0 < twice_at_most <= BATCH + 1


@pytest.mark.parametrize("options", [{}, {"rate": 2000.0}])
def test_killed_again_and_again_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, float]
) -> None:
    """Also while it goes on with what was in hand, as a whole or, at a rate, in twos."""
    monkeypatch.setattr(requesting, "PACE_SECONDS", 0.001)
    world = World(library())
    for patience in [*range(1, 12), *range(11, 0, -1), 10**6]:
        left = patience

        def count() -> None:
            nonlocal left
            left -= 1
            if not left:
                raise Killed

        world.point = count
        try:
            begin(world, tmp_path, listed(world), **options)[2]()
        except Killed:
            continue
    assert set(world.published) == set(world.library_)
    assert not list(tmp_path.iterdir())


def test_a_scheduler_that_ticks_between_any_two_pages_publishes_other_files(tmp_path: Path) -> None:
    """Each sees what the other has queued."""
    world = World([Asset(f"{number:03}", "k") for number in range(100)])

    def tell(state: str, asset: Asset, error: str | None) -> None:
        if state == "published" and asset.asset_id.endswith("5"):
            steps.schedule(world, scheduler, room=3, lease_seconds=700)  # type: ignore[arg-type]

    scheduler = SimpleNamespace(publish=world.publish)
    backfill, _, run = begin(world, tmp_path, listed(world), tell=tell)
    run()
    assert Counter(world.published) == dict.fromkeys(world.library_, 1)
    assert backfill.seen.in_flight.count > 0
    assert backfill.seen.files + backfill.seen.in_flight.count == 100


def test_killed_between_two_portions_of_what_was_in_hand_the_rest_stays_in_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is QUEUED by the run before, and in no topic."""
    monkeypatch.setattr(requesting, "PACE_SECONDS", 0.001)
    world = World(library()[:8])
    for asset in world.library_[:3]:
        world.rows[asset.asset_id, "k"] = Outcome(asset, Status.QUEUED, world.now)
    Checkpoint(tmp_path, [listed(world).identity]).save(Progress("ids.csv", "", 0, ("a0", "a1", "a2")))

    def merge() -> bool:
        if world.published:
            raise Killed
        return True

    run = begin(world, tmp_path, listed(world), rate=2000.0)[2]
    with monkeypatch.context() as patch:
        patch.setattr(world, "merge", merge)
        with pytest.raises(Killed):
            run()
    assert world.published == world.library_[:2]
    begin(world, tmp_path, listed(world))[2]()
    assert world.published == world.library_


@pytest.mark.parametrize("options", [{"rate": 2000.0}, {"at_most": 2}])
def test_what_is_done_while_it_waits_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, float]
) -> None:
    """For the rate or for room: it is looked up again before each portion that goes out."""
    monkeypatch.setattr(requesting, "PACE_SECONDS", 0.001)
    monkeypatch.setattr(requesting, "FIRST_LOOK_SECONDS", 0.001)
    world = World(library()[:8])

    def others() -> None:
        for asset in world.published + (world.library_[4:] if world.published else []):
            world.inbox.append(Outcome(asset, Status.SUCCESS, world.now))

    world.point = others
    backfill, _, run = begin(world, tmp_path, listed(world), batch_size=8, **options)
    run()
    assert world.published == world.library_[:4]
    assert (backfill.confirmed, backfill.seen.ids, backfill.seen.files, backfill.seen.done.count) == (8, 8, 4, 4)


def test_an_asset_of_more_files_than_there_is_room_for_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other."""
    monkeypatch.setattr(requesting, "FIRST_LOOK_SECONDS", 0.001)
    world = World([Asset("a", "k"), Asset("a", "l"), Asset("b", "k")])

    def others() -> None:
        for asset in world.published:
            world.inbox.append(Outcome(asset, Status.SUCCESS, world.now))

    world.point = others
    begin(world, tmp_path, ListedIds("x", typed_ids("a,b")), at_most=1)[2]()
    assert world.published == world.library_


def test_ids_with_nothing_to_publish_are_looked_up_by_the_batch(tmp_path: Path) -> None:
    """A low rate is no reason to ask for each of a million that are done."""
    world = World(library()[:8])
    for asset in world.library_:
        world.rows[asset.asset_id, "k"] = Outcome(asset, Status.SUCCESS, world.now)
    asked: list[int] = []
    all_of_them = world.library

    def library_of(asset_ids: Sequence[str]) -> Iterator[Any]:
        asked.append(len(asset_ids))
        return all_of_them(asset_ids)

    world.library = library_of  # type: ignore[method-assign]
    begin(world, tmp_path, listed(world), rate=0.1, batch_size=8)[2]()
    assert asked == [8]


def test_what_is_done_in_flight_failed_or_unknown_is_named(tmp_path: Path) -> None:
    """And what is QUEUED behind its lease, or without anybody knowing since when, is published again."""
    world = World(library()[:7])
    world.clock()
    states = [Status.SUCCESS, Status.SHORT, Status.FAILED, Status.QUEUED, Status.QUEUED]
    for asset, status in zip(world.library_, states, strict=False):
        world.rows[asset.asset_id, "k"] = Outcome(asset, status, world.now)
    stale = world.library_[4]
    world.rows["a4", "k"] = Outcome(stale, Status.QUEUED, world.now - LEASE)
    source = ListedIds("x", typed_ids("name,a0,a1,a2,a3,a4,a5,a6,zz"))
    backfill, advanced, run = begin(world, tmp_path, source, maybe_header="name")
    run()
    seen = backfill.seen
    assert [str(names) for names in (seen.done, seen.failed_before, seen.in_flight, seen.unknown)] == [
        "a0, a1", "a2", "a3", "zz",
    ]  # fmt: skip
    assert (seen.header, seen.ids, seen.files) == ("name", 8, 3)
    assert world.published == world.library_[4:]
    assert sum(advanced) == 6


def test_a_header_that_is_an_asset_is_published(tmp_path: Path) -> None:
    """Nothing is lost to a guess."""
    world = World([Asset("name", "k")])
    backfill, _, run = begin(world, tmp_path, ListedIds("x", typed_ids("name,1")), maybe_header="name")
    run()
    assert (world.published, backfill.seen.header, str(backfill.seen.unknown)) == (world.library_, None, "1")


def test_progress_is_the_tables(tmp_path: Path) -> None:
    """An id counts when all of its files have their outcome, not when it is published."""
    world = World(library())
    backfill, advanced, run = begin(world, tmp_path, listed(world))
    run()
    assert sum(advanced) == 0
    for place, asset in enumerate(world.library_):
        world.append([Outcome(asset, Status.SUCCESS, world.now)])
        backfill._requests.finish()
        assert sum(advanced) == place + 1 - (place >= 2), asset


def test_what_was_stopped_goes_on_behind_it(tmp_path: Path) -> None:
    """At a page's end; what others have in flight stays theirs, for nothing of ours was in hand."""
    world = World(library()[:8])
    stop = threading.Event()

    def tell(state: str, asset: Asset, error: str | None) -> None:
        if asset.asset_id == "a2":
            stop.set()

    backfill, _, run = begin(world, tmp_path, listed(world), tell=tell, stop=stop)
    with pytest.raises(Interrupted):
        run()
    assert (backfill.confirmed, backfill.total) == (3, 8)
    assert world.published == world.library_[:3]
    scheduled = world.library_[3]
    world.append([Outcome(scheduled, Status.QUEUED, world.now)])
    rest, _, run = begin(world, tmp_path, listed(world))
    run()
    assert (rest.confirmed, rest.total) == (8, 8)
    assert Counter(world.published) == dict.fromkeys([one for one in world.library_ if one != scheduled], 1)


def test_a_dry_run_only_counts(tmp_path: Path) -> None:
    """Neither checkpoint nor merge nor message."""
    world = World(library())
    backfill, advanced, run = begin(world, tmp_path, listed(world), dry_run=True)
    run()
    assert (backfill.seen.files, sum(advanced)) == (9, 8)
    assert (world.published, world.inbox, list(tmp_path.iterdir())) == ([], [], [])
