"""Which pairs the index brings, in which order, over both embedded stores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.frames import joined, music, silence, worn
from tests.indexed import LIBRARY, NORMAL, content, match, names, pairs, put_library, rows
from tests.shelf import Shelf

from audiodup.errors import StoreUnavailable
from audiodup.index import Index
from audiodup.keys import SETTINGS
from audiodup.model import Status
from audiodup.session import Session
from audiodup.store import Store


@pytest.fixture
def shelf(session: Session) -> Shelf:
    return Shelf(Store(session))


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


def test_a_pair_comes_once_at_its_best_distance(session: Session, shelf: Shelf) -> None:
    """Two tracks that share a short part at one distance and a long one at another, with where each begins and ends."""
    shelf.put("a", joined(music(1, 40), music(2, 200), music(3, 50)))
    shelf.put("b", joined(music(1, 40), music(4, 100), music(2, 200)))
    shelf.put("near", joined(music(5, 100), music(1, 40)[:8], music(6, 100)))
    index = Index(session)
    index.fill()
    [found] = match(index)
    assert pairs(session, [found]) == [("a", "b", 100, 200)]
    first, last = found.meetings[0].tolist()
    assert sorted(first) == [40, 140]
    assert sorted(last) == [239, 339]


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
