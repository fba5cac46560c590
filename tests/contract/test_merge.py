"""The merge: exactly one row per key, whatever arrives, in whatever order, however often."""

from __future__ import annotations

import itertools
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.contract.conftest import MakeSession

from audiodup.embedded import open_embedded
from audiodup.model import Asset, FileIdentity, Fingerprint, Outcome, Status
from audiodup.session import Session, statement, statements
from audiodup.store import Store

ASSET = Asset("a1", "master.wav", "wav", "artlist")
T0 = datetime(2026, 1, 1, tzinfo=UTC)


def event(status: Status, minutes: int = 0, event_id: str | None = None, asset: Asset = ASSET) -> Outcome:
    """An outcome that tells by its content which one it is."""
    event_id = event_id or f"{status.value}-{minutes}"
    return Outcome(
        asset,
        status,
        T0 + timedelta(minutes=minutes),
        error=f"CORRUPT: {event_id}" if status is Status.FAILED else None,
        fingerprint=Fingerprint(f"AQ-{event_id}", 12.5, 1, 120, "1.5.1") if status is Status.SUCCESS else None,
        identity=FileIdentity(1000 + minutes) if status is not Status.QUEUED else None,
        event_id=event_id,
    )


def shown(session: Session) -> list[tuple[object, ...]]:
    """Key, status, fingerprint, error of each row, next to the event that AUDIO_FILE says it shows."""
    with session._lock:
        return [
            tuple(row)
            for row in session._execute(
                "SELECT f.ASSET_ID, f.PROCESSING_STATUS, f.FINGERPRINT, f.ERROR_MESSAGE, x.EVENT_ID "
                "FROM AUDIO_FINGERPRINT f "
                "LEFT JOIN AUDIO_FILE x ON x.ASSET_ID = f.ASSET_ID AND x.FILE_KEY = f.FILE_KEY ORDER BY 1"
            )
        ]


def count(session: Session, table: str) -> int:
    with session._lock:
        return int(session._execute(f"SELECT COUNT(*) FROM {table}")[0][0])


@pytest.mark.parametrize(
    ("events", "winner"),
    [
        ([event(Status.QUEUED), event(Status.FAILED), event(Status.SUCCESS)], "SUCCESS-0"),
        ([event(Status.SUCCESS), event(Status.FAILED, 5), event(Status.QUEUED, 9)], "SUCCESS-0"),
        ([event(Status.SUCCESS), event(Status.SUCCESS, 5), event(Status.FAILED, 5)], "SUCCESS-5"),
        ([event(Status.FAILED), event(Status.QUEUED, 5), event(Status.QUEUED)], "QUEUED-5"),
        ([event(Status.QUEUED), event(Status.FAILED), event(Status.QUEUED, 0, "zz")], "FAILED-0"),
        ([event(Status.FAILED, 3), event(Status.QUEUED, 5), event(Status.FAILED, 5)], "FAILED-5"),
        ([event(Status.SHORT, 1), event(Status.FAILED, 2), event(Status.SUCCESS)], "SHORT-1"),
        ([event(Status.SUCCESS, 1, "a"), event(Status.SUCCESS, 1, "b"), event(Status.FAILED, 2)], "b"),
    ],
)
def test_the_winner_does_not_depend_on_the_order_of_arrival(
    session: Session, store: Store, events: list[Outcome], winner: str
) -> None:
    """Every order, merged after each event and merged once at the end: always the same event is shown."""
    orders = list(itertools.permutations(events))

    def under(key: str, one: Outcome) -> Outcome:
        return replace(one, asset=Asset(key, "k"), event_id=f"{one.event_id}@{key}")

    for place in range(len(events)):
        store.append([under(f"stepwise-{number}", order[place]) for number, order in enumerate(orders)])
        assert store.merge()
    store.append([under(f"at-once-{number}", one) for number, order in enumerate(orders) for one in order])
    assert store.merge()

    rows = shown(session)
    assert len(rows) == 2 * len(orders)
    assert {row[4].partition("@")[0] for row in rows} == {winner}
    expected = next(one for one in events if one.event_id == winner)
    assert {row[1:4] for row in rows} == {
        (expected.status.value, expected.fingerprint and expected.fingerprint.text, expected.error)
    }
    assert count(session, "AUDIO_FINGERPRINT_INBOX") == 0
    assert count(session, "AUDIO_INBOX_CLAIM") == 0


def test_merging_twice_changes_nothing(session: Session, store: Store) -> None:
    """Nor does an event that comes again after it was merged: not even UPDATED_AT moves."""
    store.append([event(Status.SUCCESS)])
    assert store.merge()
    with session._lock:
        before = session._execute("SELECT * FROM AUDIO_FINGERPRINT")
    assert store.merge()
    store.append([event(Status.SUCCESS)])
    assert store.merge()
    with session._lock:
        assert session._execute("SELECT * FROM AUDIO_FINGERPRINT") == before


def test_a_newer_outcome_moves_updated_at_and_keeps_created_at(session: Session, store: Store) -> None:
    """UPDATED_AT is always written, CREATED_AT once."""

    def times() -> tuple[datetime, datetime]:
        with session._lock:
            return session._execute("SELECT CREATED_AT, UPDATED_AT FROM AUDIO_FINGERPRINT")[0]

    store.append([event(Status.QUEUED)])
    store.merge()
    created, updated = times()
    store.append([event(Status.SUCCESS)])
    store.merge()
    assert times()[0] == created
    assert times()[1] > updated


def test_an_insert_sent_twice_is_one_row(session: Session, store: Store) -> None:
    """The answer to an INSERT may be lost: the same events then stand in the inbox twice."""
    store.append([event(Status.SUCCESS), event(Status.QUEUED)])
    store.append([event(Status.SUCCESS), event(Status.QUEUED)])
    assert store.merge()
    assert len(shown(session)) == 1
    assert count(session, "AUDIO_FILE") == 1


def test_rows_of_the_original_system_count_as_oldest(session: Session, store: Store) -> None:
    """They have no row in AUDIO_FILE: a FAILED one gives way to a request, a SUCCESS does not."""
    with session._lock:
        for asset_id, status in (("good", "SUCCESS"), ("bad", "FAILED")):
            session._execute(
                "INSERT INTO AUDIO_FINGERPRINT (ASSET_ID, FILE_KEY, PROCESSING_STATUS) "
                f"VALUES ('{asset_id}', 'k', '{status}')"
            )
    store.append([event(Status.QUEUED, 0, name, Asset(name, "k")) for name in ("good", "bad")])
    assert store.merge()
    assert [(row[0], row[1], row[4]) for row in shown(session)] == [("bad", "QUEUED", "bad"), ("good", "SUCCESS", None)]
    store.append([event(Status.SUCCESS, 0, "new", Asset("good", "k"))])
    assert store.merge()
    assert shown(session)[1][4] == "new"


def test_what_comes_in_during_a_merge_stays_for_the_next(
    session: Session, store: Store, make_session: MakeSession
) -> None:
    """Snowflake is READ COMMITTED: the merge's later statements see rows that its claim did not.

    DuckDB isolates the whole transaction and would hide it, so the statements run here without one.
    """
    store.append([event(Status.QUEUED)])
    late = Store(make_session())
    for name in statements("merge"):
        session.run(name)
        if name.endswith("2_claim"):
            late.append([event(Status.SUCCESS, 1), event(Status.SUCCESS, 0, "other", Asset("a2", "k"))])
    assert [row[4] for row in shown(session)] == ["QUEUED-0"]
    assert count(session, "AUDIO_FINGERPRINT_INBOX") == 2
    assert store.merge()
    assert [row[4] for row in shown(session)] == ["SUCCESS-1", "other"]


def test_a_second_merge_skips_while_the_first_runs(session: Session, store: Store, make_session: MakeSession) -> None:
    """It says so instead of failing, and the next one does the work."""
    other = Store(make_session())
    store.append([event(Status.SUCCESS)])
    with session.transaction():
        session.run("merge/1_lock")
        assert other.merge() is False
    assert other.merge() is True
    assert len(shown(session)) == 1


def merge_until(session: Session, last: str) -> None:
    with session.transaction():
        for name in statements("merge"):
            session.run(name)
            if name == last:
                raise ZeroDivisionError


def test_an_interrupted_merge_leaves_everything_as_it_was(
    session: Session, store: Store, make_session: MakeSession
) -> None:
    """The process may die between any two statements: what was claimed is in the inbox again."""
    store.append([event(Status.SUCCESS)])
    for last in statements("merge"):
        with pytest.raises(ZeroDivisionError):
            merge_until(session, last)
        assert shown(session) == []
        assert count(session, "AUDIO_FINGERPRINT_INBOX") == 1
        assert count(session, "AUDIO_INBOX_CLAIM") == 0
    assert store.merge()
    assert len(shown(session)) == 1


def test_writers_and_merges_at_once_lose_nothing(make_session: MakeSession, session: Session) -> None:
    """Four writers, two merges running all the time: every key one row, the last success shown."""
    keys, rounds = 12, 6
    stop = threading.Event()

    def write(writer: int) -> None:
        store = Store(make_session())
        for number in range(rounds):
            events = [
                event(Status.SUCCESS, number, f"{number:02}-{writer}-{key}", Asset(f"a{key:02}", "k"))
                for key in range(keys)
            ]
            store.append(events)

    def merge() -> None:
        store = Store(make_session())
        while not stop.is_set():
            store.merge()

    with ThreadPoolExecutor(6) as pool:
        mergers = [pool.submit(merge) for _ in range(2)]
        try:
            list(pool.map(write, range(4)))
        finally:
            stop.set()
        for merger in mergers:
            merger.result()
    assert Store(session).merge()
    rows = shown(session)
    assert [row[0] for row in rows] == [f"a{key:02}" for key in range(keys)]
    assert {row[4].partition("-")[0] for row in rows} == {f"{rounds - 1:02}"}
    assert count(session, "AUDIO_FINGERPRINT_INBOX") == 0


def test_one_row_without_the_primary_key(tmp_path: Path) -> None:
    """Snowflake enforces no PRIMARY KEY, DuckDB does: the rule holds on tables made without it."""
    session = Session(open_embedded(tmp_path / "store", database="BI_PROD", schema="AI_DATA"))
    with session._lock:
        for name in statements("schema"):
            if "CREATE TABLE" in statement(name):
                without = re.sub(r",\s*PRIMARY KEY \([^)]*\)", "", statement(name))
                assert "PRIMARY" not in without
                session._execute(without)
    for name in statements("schema"):
        if "CREATE TABLE" not in statement(name):
            session.run(name)
    with session._lock:
        session._execute("INSERT INTO AUDIO_FINGERPRINT (ASSET_ID, FILE_KEY) VALUES ('twice', 'k'), ('twice', 'k')")
        assert session._execute("SELECT COUNT(*) FROM AUDIO_FINGERPRINT")[0][0] == 2, "the key is really not enforced"
        session._execute("DELETE FROM AUDIO_FINGERPRINT")
    store = Store(session)
    for minutes in range(3):
        for status in (Status.QUEUED, Status.SUCCESS, Status.FAILED):
            for _ in range(2):
                store.append([event(status, minutes), event(status, minutes)])
        assert store.merge()
    assert [row[4] for row in shown(session)] == ["SUCCESS-2"]
    assert count(session, "AUDIO_FILE") == 1
    session.close()
