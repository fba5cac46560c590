"""The SQL that docs/schema.md shows: the view over the user's tables, and the analyst's questions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
import sqlfluff
from tests.contract.conftest import MakeSession

from audiodup import matching
from audiodup.duplicates import Duplicates
from audiodup.index import Index
from audiodup.model import Asset, AudioProperties, FileIdentity, Fingerprint, Outcome, Status
from audiodup.schema import apply_schema, check_schema
from audiodup.session import Session
from audiodup.store import Store
from documentation.schema import QUERIES, VIEW

PROGRESS, COPIES, WAITING, FAILURES, EQUAL_BYTES, EQUAL_AUDIO = QUERIES.values()


def ask(session: Session, text: str) -> Sequence[tuple[Any, ...]]:
    with session._lock:
        return session._execute(text)


@pytest.mark.parametrize("text", [VIEW, *QUERIES.values()])
def test_it_is_snowflakes_sql(text: str) -> None:
    """As far as a parser of that dialect can tell; the embedded store takes more."""
    assert sqlfluff.parse(text + "\n", dialect="snowflake")


def test_the_view_makes_asset_ids_of_numbers(make_session: MakeSession) -> None:
    """As it is shown, it passes the schema check, and what it lists is pending."""
    session, theirs = make_session(), make_session()
    apply_schema(session)
    # In a session of its own: CREATE DATABASE makes the new one the session's database.
    ask(theirs, "CREATE DATABASE LIBRARY")
    ask(theirs, "CREATE SCHEMA IF NOT EXISTS LIBRARY.PUBLIC")
    table = "LIBRARY.PUBLIC.SONG_FILE"
    ask(theirs, f"CREATE TABLE {table} (ID INT, FILE_NAME VARCHAR, FILE_FORMAT VARCHAR, UPLOADED_AT TIMESTAMP_NTZ)")
    ask(theirs, f"INSERT INTO {table} VALUES (7, 'a.mp3', 'mp3', '2026-01-01'), (8, 'b.wav', 'wav', '2026-01-02')")
    ask(session, VIEW)
    check_schema(session, "AI_DATA")
    assert Store(session).pending(10, 700) == [
        Asset("8", "b.wav", "wav", "artlist"),
        Asset("7", "a.mp3", "mp3", "artlist"),
    ]


def test_the_questions_have_their_answers(session: Session, store: Store) -> None:
    """Over a library with two pairs of duplicates, one of which only its audio shows."""
    moment = store.clock()
    library = {name: Asset(name, f"{name}.flac", "flac", "artlist") for name in ("one", "two", "other", "tags", "bad")}
    store.replace_assets((asset, moment) for asset in [*library.values(), Asset("new", "new.flac")])

    def outcome(name: str, sha256: str, pcm_md5: str | None, *, rate: int = 44_100, later: int = 0) -> Outcome:
        return Outcome(
            library[name],
            Status.SUCCESS,
            moment + timedelta(seconds=later),
            fingerprint=Fingerprint("AQAD", 1800.0, 1, 120, "1.5.1"),
            identity=FileIdentity(1000, sha256 * 64),
            properties=AudioProperties("flac", "flac", True, 2, rate, 900_000, pcm_md5 and pcm_md5 * 32),
        )

    store.append(
        [
            outcome("one", "1", None),
            outcome("two", "1", None),
            outcome("other", "2", "a"),
            outcome("tags", "3", "a"),
            Outcome(library["bad"], Status.FAILED, moment, error="CORRUPT: cut off: in the middle"),
        ]
    )
    assert store.merge()
    assert ask(session, PROGRESS)[0] == ("SUCCESS", 4, 2.0)
    assert set(ask(session, PROGRESS)[1:]) == {("FAILED", 1, None), ("PENDING", 1, None)}
    [(code, files, seen)] = ask(session, FAILURES)
    assert (code, files) == ("CORRUPT", 1)
    assert seen is not None
    assert ask(session, EQUAL_BYTES) == [("1" * 64, "one", "one.flac"), ("1" * 64, "two", "two.flac")]
    assert [row[3:] for row in ask(session, EQUAL_AUDIO)] == [
        ("other", "other.flac", "flac"),
        ("tags", "tags.flac", "flac"),
    ]
    matching.match(Index(session), Duplicates(session))
    assert ask(session, COPIES) == [
        ("one.flac", "two.flac", "first by its key"),
        ("other.flac", "tags.flac", "first by its key"),
    ]
    assert ask(session, WAITING) == []
    store.append([outcome("tags", "3", "a", rate=48_000, later=1)])
    assert store.merge()
    assert ask(session, EQUAL_AUDIO) == []
