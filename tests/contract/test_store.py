"""Everything of the store but the merge, on both embedded stores."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from tests.contract.conftest import MakeSession

from audiodup import steps
from audiodup.batcher import Batcher
from audiodup.errors import SchemaInvalid
from audiodup.model import Asset, AudioProperties, FileIdentity, Fingerprint, Outcome, SlowFingerprint, Status
from audiodup.rows import statement_bytes, storable
from audiodup.schema import apply_schema, check_schema
from audiodup.session import Session
from audiodup.store import Store

LEASE = 700
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def assets(count: int) -> list[Asset]:
    return [Asset(f"a{number:02}", f"{number:02}.mp3", "mp3", "artlist") for number in range(count)]


def list_in_library(store: Store, *listed: tuple[Asset, datetime]) -> None:
    store.replace_assets(iter(listed))


def test_every_column_comes_through_the_inbox(session: Session, store: Store) -> None:
    """One outcome with everything set: both tables show exactly it."""
    moment = store.clock()
    outcome = Outcome(
        Asset("a1", "ü/[x] 'y' \\ %s \U0001f600.flac", "flac", "artlist"),
        Status.SUCCESS,
        moment,
        fingerprint=Fingerprint("AQAD", 240.05, 1, 120, "1.5.1"),
        identity=FileIdentity(2**40, "f" * 64, '"etag-1"'),
        properties=AudioProperties("flac", "flac", True, 2, 44100, 900_000, "0" * 32, 19_982.8),
        slow=SlowFingerprint("AQAE", 0.125, 240.0),
    )
    store.append([outcome])
    assert store.merge()
    with session._lock:
        assert session._execute(
            "SELECT ASSET_ID, FILE_KEY, FORMAT, DURATION, FINGERPRINT, FILE_SIZE, PROCESSING_STATUS, ERROR_MESSAGE "
            "FROM AUDIO_FINGERPRINT"
        ) == [("a1", outcome.asset.file_key, "flac", 240.05, "AQAD", 2**40, "SUCCESS", None)]
        [row] = session._execute(
            "SELECT ASSET_ID, FILE_KEY, CONTAINER, CODEC, LOSSLESS, CHANNELS, SAMPLE_RATE, BIT_RATE, SHA256, ETAG, "
            "PCM_MD5, ALGORITHM, FINGERPRINT_SECONDS, FPCALC_VERSION, SLOW_FINGERPRINT, SLOW_SPEED, BANDWIDTH, "
            "REQUESTED_AT, EVENT_ID FROM AUDIO_FILE"
        )
    assert row == (
        *("a1", outcome.asset.file_key, "flac", "flac", True, 2, 44100, 900_000, "f" * 64, '"etag-1"', "0" * 32),
        *(1, 120, "1.5.1", "AQAE", 0.125, 19_982.8),
        *(moment.replace(tzinfo=None), outcome.event_id),
    )


def test_the_clock_is_utc_whatever_the_machine_thinks(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Snowflake's sessions begin in America/Los_Angeles; ours in UTC."""
    assert abs(store.clock() - datetime.now(UTC)) < timedelta(minutes=5)
    assert store.clock().utcoffset() == timedelta(0)


def test_timestamps_keep_their_microseconds(session: Session, store: Store) -> None:
    """Events are ordered by them."""
    moment = datetime(2026, 3, 29, 2, 30, 0, 123457, tzinfo=UTC)
    store.append([Outcome(Asset("a", "k"), Status.QUEUED, moment)])
    store.merge()
    with session._lock:
        assert session._execute("SELECT REQUESTED_AT FROM AUDIO_FILE") == [(moment.replace(tzinfo=None),)]


def test_pending_is_what_nobody_works_on_newest_first(store: Store) -> None:
    """No row, or QUEUED past the lease; never SUCCESS, FAILED or what is in flight."""
    now = store.clock()
    library = assets(6)
    list_in_library(store, *((asset, now + timedelta(seconds=place)) for place, asset in enumerate(library)))
    new, newer, stale, queued, done, broken = library
    store.append(
        [
            Outcome(stale, Status.QUEUED, now - timedelta(seconds=LEASE + 5)),
            Outcome(queued, Status.QUEUED, now),
            Outcome(done, Status.SUCCESS, now),
            Outcome(broken, Status.FAILED, now, error="CORRUPT: x"),
        ]
    )
    assert store.merge()
    assert store.pending(10, LEASE) == [stale, newer, new]
    assert store.pending(2, LEASE) == [stale, newer]
    assert store.in_flight(LEASE) == 1


def test_a_view_that_lists_a_file_twice_gives_it_once(store: Store) -> None:
    """Nothing keeps the user's view from it."""
    [asset] = assets(1)
    now = store.clock()
    list_in_library(store, (asset, now), (asset, now))
    assert store.pending(10, LEASE) == [asset]
    assert [listed.asset for listed in store.library()] == [asset]
    assert store.statistics(LEASE).total == 1


def test_the_library_comes_in_pages_and_by_id(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file once, whatever the page's size; unknown ids give nothing."""
    monkeypatch.setattr("audiodup.store.PAGE", 3)
    library = [Asset(f"a{number // 3}", f"{number}", "mp3", "p") for number in range(8)]
    list_in_library(store, *((asset, store.clock()) for asset in library))
    assert [listed.asset for listed in store.library()] == library
    assert [listed.asset for listed in store.library(["a1", "zz"])] == library[3:6]
    assert list(store.library([])) == []


def test_statistics_count_every_file_once(store: Store) -> None:
    """The five counts add up to the library; failures by code; hours from the good ones."""
    now = store.clock()
    library = assets(8)
    list_in_library(store, *((asset, now) for asset in library))
    good = Fingerprint("AQ", 1800.0, 1, 120, "1.5.1")
    store.append(
        [
            *(Outcome(asset, Status.SUCCESS, now, fingerprint=good) for asset in library[:3]),
            Outcome(library[3], Status.FAILED, now, error="CORRUPT: a: b"),
            Outcome(library[4], Status.FAILED, now, error="TOO_SHORT: c"),
            Outcome(library[5], Status.QUEUED, now),
            Outcome(library[6], Status.QUEUED, now - timedelta(seconds=LEASE + 5)),
            Outcome(Asset("gone", "from the library"), Status.SUCCESS, now, fingerprint=good),
        ]
    )
    assert store.merge()
    statistics = store.statistics(LEASE)
    assert (statistics.success, statistics.short, statistics.failed) == (3, 0, 2)
    assert (statistics.queued, statistics.pending, statistics.total) == (1, 2, 8)
    assert statistics.by_error == {"CORRUPT": 1, "TOO_SHORT": 1}
    assert statistics.hours_of_audio == 1.5
    assert statistics.assets_per_second > 0


def test_an_empty_library_has_statistics_too(store: Store) -> None:
    """Nothing divides by zero."""
    statistics = store.statistics(LEASE)
    assert (statistics.total, statistics.hours_of_audio, statistics.assets_per_second) == (0, 0.0, 0.0)


def test_the_schema_applies_twice_and_is_found_complete(session: Session) -> None:
    """`make schema` may run at any time; the lock keeps its one row."""
    apply_schema(session)
    check_schema(session, "AI_DATA")
    with session._lock:
        assert session._execute("SELECT COUNT(*) FROM AUDIO_MERGE_LOCK") == [(1,)]


def test_the_schema_check_names_all_that_is_wrong(session: Session) -> None:
    """A missing table, a missing column and ids that are numbers, in one message."""
    with session._lock:
        session._execute("DROP TABLE AUDIO_INBOX_CLAIM")
        session._execute("ALTER TABLE AUDIO_FILE DROP COLUMN ETAG")
        session._execute("DROP TABLE AUDIO_ASSET")
        session._execute("CREATE TABLE AUDIO_ASSET (ASSET_ID INTEGER, FILE_KEY VARCHAR, FORMAT VARCHAR)")
    with pytest.raises(SchemaInvalid) as caught:
        check_schema(session, "AI_DATA")
    for words in (
        "AUDIO_INBOX_CLAIM is missing",
        "AUDIO_FILE.ETAG is missing",
        "AUDIO_ASSET.PROVIDER is missing",
        "AUDIO_ASSET.CREATED_AT is missing",
        "AUDIO_ASSET.ASSET_ID is",
    ):
        assert words in str(caught.value)


def test_outcomes_of_many_requests_share_statements(make_session: MakeSession, session: Session) -> None:
    """Forty requests at once: all stored, with far fewer INSERTs."""
    sizes: list[int] = []
    store = Store(make_session())

    def insert(outcomes: list[Outcome]) -> None:
        sizes.append(len(outcomes))
        store.append(outcomes)

    inbox = Batcher(storable, insert, outcomes=100, milliseconds=100, patience=30)
    now = store.clock()
    threads = [
        threading.Thread(target=inbox.append, args=(Outcome(asset, Status.SUCCESS, now),)) for asset in assets(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sizes) == 40
    assert len(sizes) <= 10
    assert Store(session).merge()
    with session._lock:
        assert session._execute("SELECT COUNT(*) FROM AUDIO_FINGERPRINT") == [(40,)]


def test_a_statement_stays_below_snowflakes_limit(
    session: Session, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1 MB of SQL text: large outcomes go in several statements."""
    texts: list[int] = []
    run = session.run

    def counting(name: str, **parameters: object) -> object:
        if name == "append_outcomes":
            texts.append(statement_bytes(str(parameters["rows"])))
        return run(name, **parameters)

    monkeypatch.setattr(session, "run", counting)
    long = Fingerprint("A" * 400_000, 1.0, 1, 0, "1.5.1")
    store.append([Outcome(asset, Status.SUCCESS, store.clock(), fingerprint=long) for asset in assets(5)])
    assert len(texts) == 3
    store.append([Outcome(Asset("a", "\u4e2d'\\" * 160 + str(number)), Status.QUEUED, NOW) for number in range(900)])
    assert len(texts) > 4
    assert max(texts) < 1_000_000
    assert store.merge()
    with session._lock:
        assert session._execute("SELECT COUNT(*) FROM AUDIO_FINGERPRINT WHERE LENGTH(FINGERPRINT) = 400000") == [(5,)]


def test_two_files_of_one_asset_are_two_files_everywhere(session: Session, store: Store) -> None:
    """The key is both columns: merge, pending, in flight, library, statistics and the table keep them apart."""
    one, two, three = (Asset("a", f"{name}.wav", "wav", "artlist") for name in ("one", "two", "three"))
    now = store.clock()
    list_in_library(store, (one, now), (two, now), (three, now))
    store.append([Outcome(one, Status.QUEUED, now), Outcome(two, Status.QUEUED, now)])
    assert store.merge()
    assert store.pending(10, LEASE) == [three]
    assert store.in_flight(LEASE) == 2
    good = Fingerprint("AQ", 60.0, 1, 120, "1.5.1")
    store.append(
        [
            Outcome(one, Status.SUCCESS, now, fingerprint=good, identity=FileIdentity(1)),
            Outcome(two, Status.FAILED, now, error="CORRUPT: two", identity=FileIdentity(2)),
        ]
    )
    assert store.merge()
    found = {(row.file_key, row.status, row.file_size, row.error) for row in store.rows(10)}
    assert found == {("one.wav", "SUCCESS", 1, None), ("two.wav", "FAILED", 2, "CORRUPT: two")}
    listed = {(one.asset.file_key, one.status, one.file_size) for one in store.library()}
    assert listed == {("one.wav", "SUCCESS", 1), ("two.wav", "FAILED", 2), ("three.wav", None, None)}
    statistics = store.statistics(LEASE)
    assert (statistics.success, statistics.failed, statistics.pending, statistics.total) == (1, 1, 1, 3)
    store.append([Outcome(three, Status.SUCCESS, now, fingerprint=good), Outcome(two, Status.SUCCESS, now)])
    assert store.merge()
    assert store.statistics(LEASE).success == 3
    with session._lock:
        assert session._execute("SELECT COUNT(*), COUNT(DISTINCT EVENT_ID) FROM AUDIO_FILE") == [(3, 3)]


@pytest.mark.parametrize("key", ["", "k" * 501, None])
def test_a_key_that_fits_no_row_stops_no_others(session: Session, store: Store, key: str | None) -> None:
    """The user's view may hold anything; newest first, such a file would be at the front of every tick."""
    [good] = assets(1)
    list_in_library(store, (good, store.clock()))
    with session._lock:
        session._execute("DROP TABLE AUDIO_ASSET")
        session._execute(
            "CREATE TABLE AUDIO_ASSET (ASSET_ID VARCHAR, FILE_KEY VARCHAR, FORMAT VARCHAR, PROVIDER VARCHAR, "
            "CREATED_AT TIMESTAMP_NTZ(6))"
        )
        bad = "NULL" if key is None else f"'{key}'"
        session._execute(
            f"INSERT INTO AUDIO_ASSET VALUES ('{good.asset_id}', '{good.file_key}', 'mp3', 'artlist', '2020-01-01'), "
            f"('bad', {bad}, 'mp3', 'artlist', '2030-01-01')"
        )
    assert store.pending(10, LEASE) == [good]
    assert [listed.asset for listed in store.library()] == [good]
    assert store.unstorable() == 1
    publisher = PublisherOfNothing()
    assert steps.schedule(store, publisher, room=10, lease_seconds=LEASE).published == 1


class PublisherOfNothing:
    """The topics."""

    def publish(self, requests: object) -> None: ...

    def reject(self, message: object, reason: str) -> None: ...


def test_a_lock_without_its_row_locks_nothing_and_is_told(session: Session, store: Store) -> None:
    """An UPDATE of no row would let two merges run at once."""
    with session._lock:
        session._execute("DELETE FROM AUDIO_MERGE_LOCK")
    with pytest.raises(SchemaInvalid, match="AUDIO_MERGE_LOCK"):
        store.merge()
    apply_schema(session)
    assert store.merge()
