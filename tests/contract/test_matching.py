"""The matcher's step over both embedded stores: whole ways from rows to pairs and groups."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from tests.contract.conftest import MakeSession
from tests.frames import joined, music, silence, worn
from tests.shelf import Shelf

from audiodup import matching
from audiodup.duplicates import Duplicates
from audiodup.errors import Conflict, StoreUnavailable
from audiodup.index import Index
from audiodup.model import Action, Duplicate, IndexedFile, Kind, Review, Status, Verdict
from audiodup.session import Session
from audiodup.store import Store


class Library:
    """A shelf and what the matcher says of it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.shelf = Shelf(Store(session))
        self.index, self.duplicates = Index(session), Duplicates(session)

    def match(self) -> matching.Matched:
        return matching.match(self.index, self.duplicates)

    def pairs(self) -> dict[tuple[str, str], Duplicate]:
        """By the two asset ids."""
        return {(one.a[0], one.b[0]): one for one in self.duplicates.pairs()}

    def groups(self) -> list[tuple[str, set[str]]]:
        """The copy to keep and all copies, by asset id."""
        return [(group.kept[0], {member[0] for member in group.members}) for group in self.duplicates.groups()]

    def review(self, a: str, b: str, verdict: Review) -> None:
        """A person's word."""
        with self.session._lock:
            self.session._execute(
                "INSERT INTO AUDIO_DUPLICATE_REVIEW SELECT UUID_STRING(), %(a)s, %(a)s || '.mp3', %(b)s, "
                "%(b)s || '.mp3', %(verdict)s, 'librarian', SYSDATE()",
                {"a": a, "b": b, "verdict": verdict.value},
            )


@pytest.fixture
def library(session: Session) -> Library:
    """An empty one."""
    return Library(session)


def test_pairs_are_named_and_unrelated_tracks_are_not(library: Library) -> None:
    shelf = library.shelf
    shelf.put("original", music(1))
    shelf.put("copy", music(1))
    shelf.put("ogg", worn(music(1), 0.02, seed=5), codec="vorbis")
    shelf.put("clip", worn(music(1)[200:330], 0.02))
    shelf.put("other", music(2))
    done = library.match()
    assert (done.indexed, done.tracks, done.stopped) == (5, 4, False)
    said = {pair: (one.judgement.verdict, one.judgement.kind) for pair, one in library.pairs().items()}
    assert said == {
        ("copy", "original"): (Verdict.IDENTICAL, None),
        ("copy", "ogg"): (Verdict.SAME_CONTENT, Kind.TRANSCODE),
        ("ogg", "original"): (Verdict.SAME_CONTENT, Kind.TRANSCODE),
        ("clip", "copy"): (Verdict.RELATED, Kind.EXCERPT),
        ("clip", "ogg"): (Verdict.RELATED, Kind.EXCERPT),
        ("clip", "original"): (Verdict.RELATED, Kind.EXCERPT),
    }
    [(_, members)] = library.groups()
    assert members == {"original", "copy", "ogg"}


def test_the_ranges_go_through_the_store_as_they_are(library: Library) -> None:
    library.shelf.put("a", music(1))
    library.shelf.put("b", worn(music(1)[300:500], 0.02))
    library.match()
    [one] = library.pairs().values()
    [matched] = one.judgement.ranges
    assert matched.a_start == pytest.approx(37.1, abs=0.3)
    assert one.judgement.offset_seconds == pytest.approx(-37.1, abs=0.1)
    assert one.judgement.coverage_b == pytest.approx(1, abs=0.01)


def test_new_files_are_matched_with_all_and_old_ones_not_again(library: Library) -> None:
    library.shelf.put("a", music(1))
    library.match()
    library.shelf.put("b", worn(music(1), 0.02))
    first = library.match()
    assert (first.indexed, first.tracks) == (1, 1)
    assert set(library.pairs()) == {("a", "b")}
    again = library.match()
    assert (again.indexed, again.tracks, again.candidates) == (0, 0, 0)
    assert set(library.pairs()) == {("a", "b")}


def test_one_by_one_finds_what_all_at_once_finds(library: Library) -> None:
    files = {
        "copy0": worn(music(1), 0.02),
        "clip": music(1)[100:300],
        "other": music(2),
        "copy1": worn(music(1), 0.02, seed=1),
    }
    for name, items in files.items():
        library.shelf.put(name, items)
        library.match()
    one_by_one = {pair: one.judgement.verdict for pair, one in library.pairs().items()}
    library.index.forget()
    library.match()
    assert {pair: one.judgement.verdict for pair, one in library.pairs().items()} == one_by_one
    assert set(one_by_one) == {("clip", "copy0"), ("clip", "copy1"), ("copy0", "copy1")}


def test_pairs_of_files_that_left_go(library: Library) -> None:
    for name in ("a", "b", "c"):
        library.shelf.put(name, worn(music(1), 0.02, seed=ord(name)))
    library.match()
    assert set(library.pairs()) == {("a", "b"), ("a", "c"), ("b", "c")}
    library.shelf.take_away("b")
    library.match()
    assert set(library.pairs()) == {("a", "c")}
    assert [members for _, members in library.groups()] == [{"a", "c"}]


def test_a_file_that_was_replaced_is_matched_as_what_it_is_now(library: Library) -> None:
    library.shelf.put("a", music(1))
    library.shelf.put("b", worn(music(1), 0.02))
    library.shelf.put("c", music(2))
    library.match()
    library.shelf.put("b", worn(music(2), 0.02))
    library.match()
    assert set(library.pairs()) == {("b", "c")}


def test_silence_is_a_pair_with_nothing_but_equal_content(library: Library) -> None:
    """Digital silence gives a valid, constant fingerprint: without a rule all silent files are duplicates."""
    library.shelf.put("silence", silence(500))
    library.shelf.put("longer", silence(800))
    library.shelf.put("begins", joined(silence(500), music(1)))
    library.shelf.put("also", joined(silence(500), music(2)))
    library.shelf.put("bytes1", silence(500), sha256="ab")
    library.shelf.put("bytes2", silence(500), sha256="ab")
    library.match()
    assert set(library.pairs()) == {("bytes1", "bytes2")}


def test_equal_content_is_found_at_any_length(library: Library) -> None:
    """Too short for any fingerprint, and FAILED: the hash of the samples is enough."""
    for name in ("click1", "click2"):
        library.shelf.put(name, None, status=Status.FAILED, error="TOO_SHORT: 0.1 s", pcm_md5="ab")
    library.shelf.put("broken1", None, status=Status.FAILED, error="CORRUPT: cut off", pcm_md5="cd")
    library.shelf.put("broken2", None, status=Status.FAILED, error="CORRUPT: cut off", pcm_md5="cd")
    for _ in range(2):
        library.match()
        [(pair, one)] = library.pairs().items()
        assert pair == ("click1", "click2")
        assert one.judgement.action is Action.AUTO_DELETE_CANDIDATE
    library.shelf.take_away("click1")
    library.match()
    assert library.pairs() == {}


def test_an_etag_proves_nothing_against_the_fingerprints(library: Library) -> None:
    """Some hosts make it of time and size. Where the fingerprints are equal too a person may look at it, once."""
    library.shelf.put("stem1", music(1), etag="5e-3e8")
    library.shelf.put("stem2", music(2), etag="5e-3e8")
    library.shelf.put("same1", music(3), etag="5f-3e8", duration=500.0)
    library.shelf.put("same2", music(3), etag="5f-3e8", duration=500.0)
    for _ in range(2):
        library.match()
        [(pair, one)] = library.pairs().items()
        assert pair == ("same1", "same2")
        assert (one.judgement.verdict, one.judgement.action) == (Verdict.IDENTICAL, Action.MANUAL_REVIEW)


def test_short_sounds_are_matched_at_an_eighth_of_their_speed(library: Library) -> None:
    library.shelf.put("a", None, status=Status.SHORT, slow=music(1, 90), duration=1.2)
    library.shelf.put("b", None, status=Status.SHORT, slow=worn(music(1, 90), 0.02), duration=1.2)
    library.shelf.put("c", None, status=Status.SHORT, slow=music(2, 90), duration=1.2)
    library.match()
    [(pair, one)] = library.pairs().items()
    assert pair == ("a", "b")
    assert one.judgement.overlap_seconds == pytest.approx(1.2, abs=0.3)
    assert "0.125" in one.judgement.evidence


def test_a_slow_fingerprint_is_never_compared_with_a_normal_one(library: Library) -> None:
    library.shelf.put("slow", None, status=Status.SHORT, slow=music(1, 300), duration=5.0)
    library.shelf.put("normal", music(1, 300))
    library.match()
    assert library.pairs() == {}


def test_five_hundred_copies_half_of_them_transcoded_are_one_group(library: Library) -> None:
    """Equal fingerprints count once, or their keys would be common ones; and pairs do not grow with the square."""
    wav, mp3 = music(1, 300), worn(music(1, 300), 0.02)
    with library.shelf.at_once() as shelf:
        for number in range(20):
            shelf.put(f"other{number}", music(10 + number, 300))
        for number in range(250):
            shelf.put(f"wav{number:03}", wav, codec="pcm_s16le", lossless=True)
            shelf.put(f"mp3{number:03}", mp3)
    library.match()
    [(kept, members)] = library.groups()
    assert kept.startswith("wav")
    assert len(members) == 500
    assert len(library.pairs()) < 2000


def test_a_persons_word_stays_over_every_run(library: Library) -> None:
    for name in ("a", "b", "c"):
        library.shelf.put(name, music(1), sha256="ab")
    library.match()
    assert library.pairs()["a", "b"].judgement.action is Action.AUTO_DELETE_CANDIDATE
    library.review("a", "b", Review.NOT_DUPLICATE)
    library.review("a", "c", Review.NOT_DUPLICATE)
    for _ in range(2):
        library.match()
        assert library.pairs()["a", "b"].judgement.action is Action.FLAG_VARIANT
        assert [members for _, members in library.groups()] == [{"b", "c"}]
        library.index.forget()
    library.review("a", "b", Review.UNDO)
    library.review("a", "c", Review.UNDO)
    library.match()
    assert library.pairs()["a", "b"].judgement.action is Action.AUTO_DELETE_CANDIDATE
    assert [members for _, members in library.groups()] == [{"a", "b", "c"}]


def test_a_word_counts_in_either_order_and_a_misspelt_one_stops_nobody(library: Library) -> None:
    for name in ("a", "b"):
        library.shelf.put(name, music(1), sha256="ab")
    library.match()
    library.review("b", "a", Review.NOT_DUPLICATE)
    library.match()
    assert library.groups() == []
    assert library.pairs()["a", "b"].judgement.action is Action.FLAG_VARIANT
    library.review("a", "b", Review.UNDO)
    library.match()
    assert len(library.groups()) == 1
    with library.session._lock:
        library.session._execute(
            "INSERT INTO AUDIO_DUPLICATE_REVIEW "
            "SELECT UUID_STRING(), 'a', 'a.mp3', 'b', 'b.mp3', 'Dupe', 'x', SYSDATE()"
        )
    library.match()


def test_a_slow_run_does_not_write_what_is_no_longer_so(library: Library, make_session: MakeSession) -> None:
    """It has read its files when one of them is replaced and another run matches it: it leaves the work to that one."""
    for name in ("a", "b"):
        library.shelf.put(name, worn(music(1), 0.02, seed=ord(name)))
    read = library.index.members

    def slowly(numbers: Sequence[int]) -> dict[int, list[IndexedFile]]:
        found = read(numbers)
        library.index.members = read  # type: ignore[method-assign]
        library.shelf.put("b", music(2))
        library.match()
        return found

    library.index.members = slowly  # type: ignore[method-assign]
    with pytest.raises(Conflict):
        library.match()
    library.match()
    assert library.pairs() == {}


def test_fingerprints_of_other_settings_are_refused_by_name(library: Library) -> None:
    library.shelf.put("a", music(1))
    library.shelf.put("other algorithm", worn(music(1), 0.02), algorithm=2)
    library.shelf.put("whole", worn(music(1), 0.02), seconds=0)
    done = library.match()
    assert done.refused == 2
    assert {words.split("/")[0] for words in done.refused_first} == {"other algorithm", "whole"}
    assert library.pairs() == {}


def test_a_run_that_was_killed_is_gone_on_with(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the pairs and the mark nothing is lost and nothing is said twice: they are one transaction."""
    for name in ("a", "b", "c"):
        library.shelf.put(name, worn(music(1), 0.02, seed=ord(name)))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(library.duplicates, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            library.match()
    assert library.pairs() == {}
    assert library.match().tracks == 3
    assert len(library.pairs()) == 3


def test_stop_leaves_the_rest_to_the_next_run(library: Library) -> None:
    library.shelf.put("a", music(1))
    library.shelf.put("b", worn(music(1), 0.02))
    done = matching.match(library.index, library.duplicates, stop=lambda: True)
    assert (done.stopped, done.tracks) == (True, 0)
    assert library.match().tracks == 2
    assert set(library.pairs()) == {("a", "b")}


def test_two_runs_at_once_do_no_harm(library: Library, make_session: MakeSession) -> None:
    """Either may be told of a conflict (on the embedded store both, each by what the other did) and leave the work to a
    later run; each pair is there once.
    """
    for number in range(12):
        library.shelf.put(f"copy{number:02}", worn(music(1, 300), 0.02, seed=number))
    ended: list[str] = []
    ready = threading.Barrier(2)

    def run() -> None:
        session = make_session()
        ready.wait()
        try:
            matching.match(Index(session), Duplicates(session))
            ended.append("done")
        except (Conflict, StoreUnavailable):
            ended.append("told")

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(ended) == 2
    library.match()
    pairs = [(one.a, one.b) for one in library.duplicates.pairs()]
    assert len(pairs) == len(set(pairs)) == 66
