"""The index over both embedded stores: what it holds after any interruption, and which pairs it brings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.contract.conftest import MakeSession
from tests.frames import joined, music, silence, worn
from tests.shelf import Shelf

from audiodup.errors import Conflict, IndexMismatch, StoreUnavailable
from audiodup.index import Candidates, Index
from audiodup.keys import SETTINGS, KeyScheme, Setting
from audiodup.model import Status
from audiodup.session import Connect, Row, Session
from audiodup.store import Store

NORMAL = SETTINGS[0].normal.version
# Some share parts, at several distances.
LIBRARY = {
    "a": music(1),
    "a worn": worn(music(1), 0.02),
    "a late": music(1)[100:],
    "b": music(2),
    "b and a": joined(music(2)[300:600], music(1)[200:500]),
    "c": music(3),
    "d": music(4),
    "d early": joined(music(5)[:64], music(4)),
}


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


def rows(session: Session, text: str) -> list[Row]:
    with session._lock:
        return sorted(tuple(row) for row in session._execute(text))


def content(session: Session) -> tuple[list[Row], list[Row]]:
    """Files and keys of the index, without when they came."""
    return (
        rows(session, "SELECT TRACK_ID, ASSET_ID, FILE_KEY, KEY_VERSION, EVENT_ID, KEYS FROM AUDIO_INDEX_TRACK"),
        rows(session, "SELECT KEY, TRACK_ID, POSITION FROM AUDIO_INDEX_KEY"),
    )


def names(session: Session, version: str = NORMAL) -> dict[int, set[str]]:
    """Which files each track is, by their asset ids."""
    found: dict[int, set[str]] = {}
    for number, asset_id in rows(
        session, f"SELECT TRACK_ID, ASSET_ID FROM AUDIO_INDEX_TRACK WHERE KEY_VERSION = '{version}'"
    ):
        found.setdefault(int(number), set()).add(asset_id)
    return found


def pairs(session: Session, candidates: Iterable[Candidates]) -> list[tuple[str, str, int, int]]:
    """Pairs by name, lower first, with the distance from the lower to the higher and the keys in common; sorted."""
    by_number = {number: min(files) for number, files in names(session).items()}
    found = []
    for one in candidates:
        for a, b, offset, keys in zip(one.track_a, one.track_b, one.offset, one.keys, strict=True):
            first, second = by_number[int(a)], by_number[int(b)]
            if first < second:
                found.append((first, second, int(offset), int(keys)))
            else:
                found.append((second, first, -int(offset), int(keys)))
    return sorted(found)


def match(index: Index) -> list[Candidates]:
    """Take all batches from the queue."""
    found = []
    for batch in index.batches():
        found.append(index.candidates(batch))
        index.mark_matched(batch)
    return found


@pytest.fixture
def shelf(session: Session) -> Shelf:
    return Shelf(Store(session))


def put_library(shelf: Shelf, part: slice = slice(None)) -> None:
    with shelf.at_once():
        for name, items in list(LIBRARY.items())[part]:
            shelf.put(name, items)


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
        "index/common_keys_of_all",
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
    shelf.put("one more", music(1))
    assert index.fill().indexed == 1
    assert sorted(len(files) for files in names(session).values()) == [1, 501]
    [again] = index.batches()
    assert len(index.members(again.track_ids.tolist())[int(again.track_ids[0])]) == 501


def test_silence_has_no_keys_and_no_pair(session: Session, shelf: Shelf) -> None:
    shelf.put("silent", silence(300))
    shelf.put("longer", silence(500))
    shelf.put("music", joined(music(1, 200), silence(300)))
    shelf.put("more music", joined(silence(300), music(2, 200)))
    index = Index(session)
    assert index.fill().indexed == 4
    told = dict(rows(session, "SELECT ASSET_ID, INFORMATIVE_FRAMES FROM AUDIO_INDEX_TRACK"))
    assert told == {"silent": 0, "longer": 0, "music": 200, "more music": 200}
    assert len({number for _, number, _ in content(session)[1]}) == 2
    assert pairs(session, match(index)) == []


def test_new_against_all_finds_what_all_against_all_does(session: Session, shelf: Shelf) -> None:
    """Each pair once, whatever came first, with the same distance."""
    put_library(shelf)
    index = Index(session)
    index.fill()
    at_once = pairs(session, match(index))
    assert [pair[:3] for pair in at_once] == [
        ("a", "a late", -100),
        ("a", "a worn", 0),
        ("a", "b and a", 100),
        ("a late", "a worn", 100),
        ("a late", "b and a", 200),
        ("a worn", "b and a", 100),
        ("b", "b and a", -300),
        ("d", "d early", 64),
    ]
    for cut in (1, 3, 6):
        index.forget()
        for name in list(LIBRARY)[cut:]:
            shelf.take_away(name)
        index.fill()
        first = match(index)
        put_library(shelf, slice(cut, None))
        index.fill()
        assert pairs(session, first + match(index)) == at_once


def test_a_run_is_taken_up_where_it_ended(session: Session, shelf: Shelf) -> None:
    """Batches are small, and whoever matched one does not come back."""
    put_library(shelf)
    Index(session).fill()
    [all_of_it] = Index(session).batches()
    at_once = pairs(session, [Index(session).candidates(all_of_it)])
    found, sizes = [], []
    while batch := next(Index(session, join_rows=1_500).batches(), None):
        found.append(Index(session).candidates(batch))
        sizes.append(len(batch.track_ids))
        Index(session).mark_matched(batch)
    assert len(sizes) >= 4
    assert sum(sizes) == 8
    assert pairs(session, found) == at_once


def test_a_batch_that_was_not_marked_comes_again(session: Session, shelf: Shelf) -> None:
    put_library(shelf)
    index = Index(session)
    index.fill()
    [batch] = index.batches()

    def write() -> None:
        with session.transaction():
            index.mark_matched(batch)
            raise StoreUnavailable("the pairs could not be written")

    with pytest.raises(StoreUnavailable):
        write()
    [again] = index.batches()
    assert np.array_equal(again.track_ids, batch.track_ids)


def test_a_file_that_joins_a_track_meanwhile_is_not_taken_for_matched(session: Session, shelf: Shelf) -> None:
    shelf.put("a", music(1))
    index = Index(session)
    index.fill()
    [batch] = index.batches()
    shelf.put("same", music(1))
    index.fill()
    index.mark_matched(batch)
    assert rows(session, "SELECT ASSET_ID FROM AUDIO_INDEX_TRACK WHERE MATCHED_AT IS NULL") == [("same",)]
    assert [one.track_ids.tolist() for one in index.batches()] == [batch.track_ids.tolist()]


@pytest.mark.parametrize(("common_key", "expected"), [(5, 0), (6, 15)])
def test_what_everybody_has_makes_no_candidate(session: Session, shelf: Shelf, common_key: int, expected: int) -> None:
    """Six tracks with one and the same jingle."""
    with shelf.at_once():
        for number in range(6):
            shelf.put(f"track {number}", joined(music(number, 300), music(99, 40), music(100 + number, 200)))
    normal = replace(SETTINGS[2].normal, common_key=common_key)
    index = Index(session, setting=replace(SETTINGS[2], normal=normal))
    index.fill()
    assert len(pairs_of(index)) == expected


def pairs_of(index: Index) -> list[tuple[int, int]]:
    return [pair for one in match(index) for pair in zip(one.track_a.tolist(), one.track_b.tolist(), strict=True)]


def test_an_eighth_of_a_library_tells_what_is_common(session: Session, shelf: Shelf) -> None:
    """Sampled and counted it is the same set of keys."""
    with shelf.at_once():
        for number in range(80):
            shelf.put(f"track {number}", joined(music(number, 20), music(99, 40), music(100 + number, 20)))
    normal = replace(SETTINGS[2].normal, common_key=50)
    Index(session, setting=replace(SETTINGS[2], normal=normal)).fill()
    counted = rows(session, "SELECT KEY FROM AUDIO_INDEX_COMMON_KEY")
    assert len(counted) == 40
    session.run("index/forget_common_keys")
    session.run("index/common_keys_of_all", common_key=50)
    assert rows(session, "SELECT KEY FROM AUDIO_INDEX_COMMON_KEY") == counted


def test_a_key_can_become_common_later(session: Session, shelf: Shelf) -> None:
    setting = replace(SETTINGS[2], normal=replace(SETTINGS[2].normal, common_key=5))
    index = Index(session, setting=setting)
    found = []
    for number in range(8):
        shelf.put(f"track {number}", joined(music(number, 300), music(99, 40), music(100 + number, 200)))
        index.fill()
        found.append(len(pairs_of(index)))
    assert found == [0, 1, 2, 3, 4, 0, 0, 0]


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


def test_slow_sounds_meet_slow_sounds_only(session: Session, shelf: Shelf) -> None:
    shelf.put("song", music(1, 200))
    shelf.put("tick", None, slow=music(1, 200), status=Status.SHORT)
    shelf.put("tick again", None, slow=worn(music(1, 200), 0.02), status=Status.SHORT)
    shelf.put("both", music(7, 60), slow=music(8, 300), duration=9.0)
    index = Index(session)
    assert index.fill().indexed == 4
    assert {version for (version,) in rows(session, "SELECT KEY_VERSION FROM AUDIO_INDEX_TRACK")} == {
        NORMAL,
        SETTINGS[0].slow.version,
    }
    normal, slow = index.batches()
    assert (normal.slow, slow.slow) == (False, True)
    assert (len(normal.track_ids), len(slow.track_ids)) == (2, 3)
    assert len(index.candidates(normal)) == 0
    found = index.candidates(slow)
    by_number = names(session, SETTINGS[0].slow.version)
    assert by_number[int(found.track_a[0])] | by_number[int(found.track_b[0])] == {"tick", "tick again"}
    assert len(found) == 1


def test_fingerprints_and_files_of_a_track(session: Session, shelf: Shelf) -> None:
    """One whose row has changed since is missing rather than wrong."""
    shelf.put("a", music(1), sha256="aa", sample_rate=48_000)
    shelf.put("same", music(1))
    shelf.put("b", music(2))
    index = Index(session)
    index.fill()
    by_name = {min(files): number for number, files in names(session).items()}
    assert np.array_equal(index.fingerprints([by_name["a"]])[by_name["a"]], music(1))
    files = index.members([by_name["a"]])[by_name["a"]]
    assert [(file.asset_id, file.file_key, file.sha256, file.sample_rate, file.has_slow) for file in files] == [
        ("a", "a.mp3", "aa", 48_000, False),
        ("same", "same.mp3", None, 44_100, False),
    ]
    shelf.put("b", music(3))
    assert set(index.fingerprints(list(by_name.values()))) == {by_name["a"]}
    assert set(index.members(list(by_name.values()))) == {by_name["a"]}
