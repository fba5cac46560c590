"""The matcher's step stopped, killed or overtaken anywhere: the next run goes on, nothing is lost or said twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

import pytest
from tests.contract.conftest import MakeSession
from tests.contract.test_index import Watched
from tests.contract.test_matching import Library
from tests.frames import music, worn

from audiodup import index_filling, matching
from audiodup.duplicates import Duplicates
from audiodup.errors import Conflict
from audiodup.index import Index
from audiodup.model import Duplicate, Group, Status
from audiodup.session import Connect, Session

# Two stores where it matters that a run begins anew; one of them does for what a run asks and when.
one_store = pytest.mark.parametrize("connect", ["in process"], indirect=True)


@pytest.fixture
def library(session: Session) -> Library:
    """Copies worn and equal, short sounds, and two of equal content that have no fingerprint."""
    library = Library(session)
    with library.shelf.at_once() as shelf:
        for number in range(3):
            shelf.put(f"worn{number}", worn(music(1, 300), 0.02, seed=number))
        shelf.put("equal1", music(2, 300))
        shelf.put("equal2", music(2, 300))
        for number in range(2):
            slow = worn(music(4, 90), 0.02, seed=number)
            shelf.put(f"short{number}", None, status=Status.SHORT, slow=slow, duration=1.2)
            shelf.put(f"click{number}", None, status=Status.FAILED, error="TOO_SHORT: 0.1 s", pcm_md5="ab")
    return library


@pytest.fixture
def small_steps(library: Library, monkeypatch: pytest.MonkeyPatch) -> Library:
    """The same in three pages, and in parts of few tracks."""
    monkeypatch.setattr(index_filling, "PAGE", 3)
    monkeypatch.setattr(matching, "PART", 2)
    return library


def outcome(library: Library) -> tuple[list[Duplicate], list[Group]]:
    """All that the matcher has said, in one order."""
    return list(library.duplicates.pairs()), library.duplicates.groups()


def uninterrupted(library: Library) -> tuple[list[Duplicate], list[Group]]:
    """What one run says of an empty index."""
    library.index.forget()
    with library.session._lock:
        library.session._execute("DELETE FROM AUDIO_DUPLICATE")
    assert not library.match().stopped
    found = outcome(library)
    assert len(found[0]) == 3 + 1 + 1 + 1
    return found


def at_every(question: int) -> Callable[[], bool]:
    """Says stop at every so many questions."""
    asked = count(1)
    return lambda: next(asked) % question == 0


def run_until_done(library: Library) -> list[matching.Matched]:
    """As Cloud Scheduler does, hour by hour; each run is stopped when it asks for the second time."""
    runs = [matching.match(library.index, library.duplicates, stop=at_every(2))]
    while runs[-1].stopped:
        assert len(runs) < 30, "it gets nowhere"
        runs.append(matching.match(library.index, library.duplicates, stop=at_every(2)))
    return runs


@one_store
def test_a_filling_is_stopped_after_a_page(small_steps: Library) -> None:
    """A first index of a large library takes longer than a request: what is filled stays, nothing is matched yet."""
    done = matching.match(small_steps.index, small_steps.duplicates, stop=lambda: True)
    assert (done.stopped, done.indexed, done.tracks) == (True, 3, 0)
    done = matching.match(small_steps.index, small_steps.duplicates, stop=at_every(2))
    assert (done.stopped, done.indexed, done.tracks) == (True, 4, 0)


@one_store
def test_a_batch_is_stopped_after_a_part(small_steps: Library) -> None:
    """The groups are made of what there is."""
    pages = small_steps.index.fill()
    assert not pages.stopped
    done = matching.match(small_steps.index, small_steps.duplicates, stop=at_every(2))
    assert (done.stopped, done.indexed) == (True, 0)
    assert 0 < done.tracks < 6
    assert not small_steps.match().stopped


@one_store
def test_equal_content_waits_for_a_run_that_has_time(small_steps: Library) -> None:
    """It finds no more than the clicks when the queue is empty, and all equal files of the library before."""
    small_steps.index.fill()
    assert matching.match(small_steps.index, small_steps.duplicates, stop=lambda: True).stopped
    assert small_steps.pairs() == {}
    assert not small_steps.match().stopped
    assert ("click0", "click1") in small_steps.pairs()


def test_stopped_again_and_again_it_ends_where_one_run_does(small_steps: Library) -> None:
    runs = run_until_done(small_steps)
    assert len(runs) >= 4
    assert sum(run.indexed for run in runs) == 7
    assert sum(run.tracks for run in runs) == 6
    stopped = outcome(small_steps)
    assert stopped == uninterrupted(small_steps)


def test_killed_between_two_parts_it_keeps_the_first(small_steps: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    write, calls = small_steps.duplicates.replace, count(1)

    def killed(found: Sequence[Duplicate]) -> None:
        if next(calls) == 3:
            raise KeyboardInterrupt
        write(found)

    with monkeypatch.context() as patch:
        patch.setattr(small_steps.duplicates, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            small_steps.match()
    again = small_steps.match()
    assert 0 < again.tracks < 6
    killed_once = outcome(small_steps)
    assert killed_once == uninterrupted(small_steps)


@one_store
def test_what_another_run_changes_makes_the_rest_of_a_batch_void(
    small_steps: Library, make_session: MakeSession
) -> None:
    """The number of the index goes up by this run's own parts, and by nobody else's."""
    other = make_session()

    def filled_beside(_tracks: int) -> None:
        Index(other).fill()

    with pytest.raises(Conflict):
        matching.match(small_steps.index, small_steps.duplicates, report=filled_beside)


@one_store
@pytest.mark.parametrize(
    ("statement", "conflict"),
    [
        ("index/page", False),  # it finds nothing left to do
        ("index/members", True),
        ("duplicates/equal_content", True),
        ("duplicates/grouped_files", True),
    ],
)
def test_a_run_that_was_given_up_gives_way_to_the_next(
    connect: Connect, library: Library, statement: str, *, conflict: bool
) -> None:
    """After a time-out its thread is still there, on the same connection, when Cloud Scheduler calls again."""
    retried: list[matching.Matched] = []

    def before(name: str) -> None:
        if name == statement and not retried:
            retried.append(matching.Matched())
            retried[0] = matching.match(index, duplicates)

    session = Watched(connect, before)
    index, duplicates = Index(session), Duplicates(session)
    if conflict:
        with pytest.raises(Conflict):
            matching.match(index, duplicates)
    else:
        assert matching.match(index, duplicates).tracks == 0
    session.close()
    assert not retried[0].stopped
    beside = outcome(library)
    assert beside == uninterrupted(library)


@one_store
def test_tracks_of_several_files_are_read_together(connect: Connect, library: Library) -> None:
    """One by one a library with many equal files would take a statement for each of them within one step."""
    with library.shelf.at_once() as shelf:
        for number in range(8):
            shelf.put(f"twin{number}", music(10 + number, 200))
            shelf.put(f"twin{number} again", music(10 + number, 200))
    ran: list[str] = []
    session = Watched(connect, ran.append)
    matching.match(Index(session), Duplicates(session))
    session.close()
    # Two normal ones and two slow ones for the candidates.
    assert ran.count("index/fingerprints") <= 4 + 1
