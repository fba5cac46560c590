"""What the index holds, after any interruption, over both embedded stores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.contract.conftest import MakeSession
from tests.frames import music, worn
from tests.indexed import NORMAL, content, match, names, put_library
from tests.shelf import Shelf

from audiodup.errors import Conflict, IndexMismatch
from audiodup.index import Index
from audiodup.keys import SETTINGS, KeyScheme, Setting
from audiodup.session import Connect, Session
from audiodup.store import Store


@pytest.fixture
def shelf(session: Session) -> Shelf:
    return Shelf(Store(session))


class Watched(Session):
    """A session that tells of each statement before it runs."""

    def __init__(self, connect: Connect, before: Callable[[str], None]) -> None:
        super().__init__(connect)
        self._before = before

    def run(self, name: str, **parameters: Any) -> Any:
        self._before(name)
        return super().run(name, **parameters)


def killed_at(statement: str) -> Callable[[str], None]:
    """Ends the work before this statement."""

    def before(name: str) -> None:
        if name == statement:
            raise KeyboardInterrupt

    return before


def test_filling_again_changes_nothing(session: Session, shelf: Shelf) -> None:
    put_library(shelf)
    index = Index(session)
    assert (index.fill().indexed, len(content(session)[0])) == (8, 8)
    before = content(session)
    again = index.fill()
    assert (again.indexed, again.removed, again.refused) == (0, 0, 0)
    assert content(session) == before
    assert before[1]


@pytest.mark.parametrize(
    "statement",
    [
        "index/begin",
        "index/drop_stale_tracks",
        "index/page",
        "index/put",
        "index/load_keys",
        "index/load_tracks",
        "index/progress",
        "index/common_keys",
    ],
)
def test_who_is_killed_leaves_whole_pages_or_nothing(
    connect: Connect, session: Session, shelf: Shelf, statement: str
) -> None:
    put_library(shelf)
    dying = Watched(connect, killed_at(statement))
    with pytest.raises(KeyboardInterrupt):
        Index(dying).fill()
    dying.close()
    files, keys = content(session)
    assert (len(files), bool(keys)) in {(0, False), (8, True)}
    Index(session).fill()
    after = content(session)
    Index(session).forget()
    Index(session).fill()
    assert after == content(session)


def test_of_two_that_fill_at_once_one_gives_way(connect: Connect, session: Session, shelf: Shelf) -> None:
    """Both have read the same page: what the second adds would be there twice."""
    put_library(shelf)
    other = Index(session)

    def before(name: str) -> None:
        if name == "index/put" and not content(session)[0]:
            other.fill()

    late = Watched(connect, before)
    with pytest.raises(Conflict):
        Index(late).fill()
    late.close()
    assert len(content(session)[0]) == 8
    assert len(set(content(session)[1])) == len(content(session)[1])


def test_who_finds_the_index_locked_gives_way(make_session: MakeSession, session: Session, shelf: Shelf) -> None:
    put_library(shelf)
    holder = make_session()
    with holder.transaction():
        holder.run("index/lock")
        with pytest.raises(Conflict):
            Index(session).fill()
    assert Index(session).fill().indexed == 8


def test_what_does_not_compare_is_refused_by_name(session: Session, shelf: Shelf) -> None:
    shelf.put("good", music(1))
    shelf.put("algorithm", music(2), algorithm=2)
    shelf.put("seconds", music(3), seconds=60)
    with session._lock:
        session._execute(
            "INSERT INTO AUDIO_FINGERPRINT (ASSET_ID, FILE_KEY, PROCESSING_STATUS, FINGERPRINT) "
            "SELECT 'broken', 'k', 'SUCCESS', 'AQ!' UNION ALL SELECT 'none', 'k', 'SUCCESS', NULL"
        )
        session._execute(
            "INSERT INTO AUDIO_ASSET (ASSET_ID, FILE_KEY) SELECT 'broken', 'k' UNION ALL SELECT 'none', 'k'"
        )
    filled = Index(session).fill()
    assert (filled.indexed, filled.refused) == (1, 4)
    assert [str(one) for one in filled.refused_first] == [
        "algorithm/algorithm.mp3: ALGORITHM is 2, the index has 1",
        "broken/k: no base64 text",
        "none/k: no fingerprint",
        "seconds/seconds.mp3: FINGERPRINT_SECONDS is 60, the index has 120",
    ]
    assert set().union(*names(session).values()) == {"good"}


def test_rows_of_the_original_system_count_as_made_by_fpcalcs_own_settings(session: Session, shelf: Shelf) -> None:
    shelf.put("good", music(1))
    with session._lock:
        session._execute("DELETE FROM AUDIO_FILE")
    assert Index(session).fill().indexed == 1
    assert Index(session).fill().indexed == 0
    with pytest.raises(IndexMismatch, match=r"120 s, FINGERPRINT_SECONDS is 0.*--all"):
        Index(session, fingerprint_seconds=0).fill()
    Index(session).forget()
    assert Index(session, fingerprint_seconds=0).fill().refused == 1


def test_a_changed_row_is_replaced_and_waits_for_its_turn(session: Session, shelf: Shelf) -> None:
    shelf.put("a", music(1))
    shelf.put("b", music(2))
    index = Index(session)
    index.fill()
    match(index)
    old = content(session)
    shelf.put("a", music(3))
    filled = index.fill()
    assert (filled.indexed, filled.removed) == (1, 1)
    [batch] = index.batches()
    assert [names(session)[int(number)] for number in batch.track_ids] == [{"a"}]
    gone = next(row[0] for row in old[0] if row[1] == "a")
    assert gone not in {row[1] for row in content(session)[1]}
    assert len(content(session)[0]) == 2


def test_who_leaves_the_library_leaves_the_index(session: Session, shelf: Shelf) -> None:
    """The keys stay as long as another file has the same fingerprint."""
    shelf.put("a", music(1))
    shelf.put("same", music(1))
    shelf.put("b", music(2))
    index = Index(session)
    index.fill()
    keys = content(session)[1]
    shelf.take_away("a")
    assert index.fill().removed == 1
    assert content(session)[1] == keys
    shelf.take_away("same")
    assert index.fill().removed == 1
    assert {number for _, number, _ in content(session)[1]} == set(names(session))
    assert list(names(session).values()) == [{"b"}]


def test_equal_fingerprints_are_one_track(session: Session, shelf: Shelf) -> None:
    """Five hundred copies neither fill the table nor make their keys common."""
    with shelf.at_once():
        for number in range(500):
            shelf.put(f"copy {number}", music(1))
        shelf.put("worn", worn(music(1), 0.02))
    index = Index(session, setting=replace(SETTINGS[0], normal=replace(SETTINGS[0].normal, common_key=10)))
    assert index.fill().indexed == 501
    assert sorted(len(files) for files in names(session).values()) == [1, 500]
    assert len(content(session)[1]) == 2 * len(music(1))
    [found] = match(index)
    assert len(found) == 1
    keys = content(session)[1]
    shelf.put("one more", music(1))
    assert index.fill().indexed == 1
    assert content(session)[1] == keys
    assert sorted(len(files) for files in names(session).values()) == [1, 501]
    [again] = index.batches()
    assert len(index.members(again.track_ids.tolist())[int(again.track_ids[0])]) == 501


def test_an_index_of_other_keys_is_refused_by_name(session: Session, shelf: Shelf) -> None:
    shelf.put("a", music(1))
    other = replace(SETTINGS[-1], normal=KeyScheme(30, 1))
    Index(session, setting=other).fill()
    with pytest.raises(IndexMismatch, match=r"version 1:30/1, which this version does not make.*--all"):
        Index(session).fill()
    assert list(Index(session).batches()) == []
    Index(session).forget()
    assert Index(session).fill().indexed == 1
    assert set(names(session)) == {row[1] for row in content(session)[1]}


def test_an_index_for_a_much_smaller_library_is_refused(session: Session, shelf: Shelf) -> None:
    put_library(shelf)
    with session.transaction():
        session.run("index/begin", key_version=NORMAL, algorithm=1, fingerprint_seconds=120)
    tiny = Setting(3, SETTINGS[0].normal, SETTINGS[0].slow)
    with pytest.raises(IndexMismatch, match=r"up to 3 files, and there are 8.*--all"):
        Index(session, setting=tiny).fill()
