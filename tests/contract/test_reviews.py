"""Listing pairs, files and groups, over both embedded stores."""

from __future__ import annotations

import pytest
from tests.pairs import ALL, key, listed, pair, put_assorted, put_files, put_groups, put_pairs

from audiodup.decisions import decide
from audiodup.model import Action, Kind, Review, Verdict
from audiodup.reviewing import NO_KIND, Decided, Filter, PairKey, Sort
from audiodup.reviews import StoredReviews
from audiodup.session import Session


def test_the_surest_come_first_and_each_order_is_one(session: Session, reviews: StoredReviews) -> None:
    put_assorted(session)
    assert listed(reviews) == ["c", "d", "e_%", "b", "a"]
    assert listed(reviews, sort=Sort.SIMILAR) == ["c", "a", "d", "e_%", "b"]
    assert listed(reviews, sort=Sort.DOUBTFUL) == ["b", "e_%", "d", "a", "c"]
    put_pairs(session, [pair("d", "z")])
    with session._lock:
        session._execute("UPDATE AUDIO_DUPLICATE SET MATCHED_AT = '2026-01-01' WHERE A_ASSET_ID <> 'd'")
    assert listed(reviews, sort=Sort.NEWEST)[0] == "d"
    assert listed(reviews, sort=Sort.OLDEST)[-1] == "d"
    assert listed(reviews, Filter(newer_days=1)) == ["d"]
    assert "d" not in listed(reviews, Filter(older_days=1))


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(verdict=Verdict.RELATED), ["a"]),
        (Filter(kind=Kind.TRANSCODE), ["d", "e_%", "b"]),
        (Filter(kind=NO_KIND), ["c"]),
        (Filter(action=Action.AUTO_DELETE_CANDIDATE), ["c"]),
        (Filter(similarity_from=0.97, similarity_to=0.98), ["d", "e_%"]),
        (Filter(text="B.MP"), ["b"]),
        (Filter(text="b"), ["b"]),
        (Filter(text="_%"), ["e_%"]),
        (Filter(text="z'"), ["e_%"]),
        (Filter(text="' OR 1=1 --"), []),
        (Filter(provider="artlist"), ["c", "d", "b"]),
        (Filter(provider="other"), []),
        (Filter(group_id="g"), ["d"]),
        (Filter(review=Decided.DECIDED), ["b"]),
        (Filter(review=Review.VARIANT), ["b"]),
        (Filter(review=Decided.UNDECIDED, verdict=Verdict.SAME_CONTENT), ["d", "e_%"]),
        (Filter(reviewed_by="ana"), ["b"]),
        (Filter(reviewed_by="eve"), []),
    ],
)
def test_a_filter_lets_through_what_it_names(
    session: Session, reviews: StoredReviews, wanted: Filter, found: list[str]
) -> None:
    put_assorted(session)
    put_files(session, "b", "c", "d")
    put_groups(session, ("g", ["z", "d"]), ("h", ["b", "c"]))
    decide(reviews, key("b", "z"), Review.VARIANT, by="ana", seen="")
    assert listed(reviews, wanted) == found


def test_pages_meet_without_a_gap_also_where_pairs_leave_the_filter(session: Session, reviews: StoredReviews) -> None:
    """Counting places in the filter alone would skip as many pairs as were decided."""
    put_pairs(session, [pair(f"a{number:02}", "z", similarity=0.99 - number / 1000) for number in range(20)])
    undecided = Filter(review=Decided.UNDECIDED)
    total, first = reviews.places(undecided, Sort.SUREST, ahead=8)
    assert (total, [place.place for place in first]) == (20, list(range(1, 9)))
    for place in first[2:]:
        decide(reviews, place.key, Review.DUPLICATE, by="ana", seen="")
    total, second = reviews.places(undecided, Sort.SUREST, mark=first[-1].key, ahead=8)
    assert total == 14
    assert [place.key[0][0] for place in second] == [f"a{number:02}" for number in range(8, 16)]
    _, back = reviews.places(undecided, Sort.SUREST, mark=second[0].key, behind=8)
    assert [place.key[0][0] for place in back] == ["a00", "a01"]
    _, around = reviews.places(undecided, Sort.SUREST, mark=second[3].key, ahead=1, behind=1)
    assert [(place.key[0][0], place.is_ahead) for place in around] == [("a10", False), ("a12", True)]
    _, around = reviews.places(undecided, Sort.SUREST, mark=first[4].key, ahead=1, behind=1)
    assert [(place.key[0][0], place.is_ahead) for place in around] == [("a01", False), ("a08", True)]
    assert reviews.places(undecided, Sort.SUREST, mark=key("a19", "z"), ahead=8) == (0, [])


def test_pairs_that_score_alike_are_each_on_one_page(session: Session, reviews: StoredReviews) -> None:
    put_pairs(session, [pair(f"a{number:02}", "z") for number in range(30)])
    seen: list[str] = []
    mark: PairKey | None = None
    for _ in range(10):
        if not (places := reviews.places(ALL, Sort.SIMILAR, mark=mark, ahead=7)[1]):
            break
        seen += [place.key[0][0] for place in places]
        mark = places[-1].key
    assert seen == [f"a{number:02}" for number in range(30)]


def test_a_mark_that_is_gone_begins_anew(session: Session, reviews: StoredReviews) -> None:
    put_assorted(session)
    assert reviews.places(ALL, Sort.SUREST, mark=key("x", "y"), ahead=2)[1][0].place == 1


def test_files_come_with_all_that_is_known_of_them(session: Session, reviews: StoredReviews) -> None:
    put_files(session, "b", size=700, bandwidth=16_000.0, lossless=False)
    put_groups(session, ("g", ["b", "z"]))
    found = reviews.files([("b", "b.mp3"), ("z", "z.mp3"), ("it's", "not\\there")])
    known = found["b", "b.mp3"]
    assert (known.file.file_size, known.file.bandwidth, known.file.lossless, known.file.codec) == (
        700,
        16_000,
        False,
        "mp3",
    )
    assert (known.provider, known.is_listed, known.group_id, known.is_kept, known.reason) == (
        "artlist", True, "g", True, "wider bandwidth"
    )  # fmt: skip
    assert not found["z", "z.mp3"].is_listed
    assert (found["z", "z.mp3"].group_id, found["z", "z.mp3"].is_kept) == ("g", False)
    assert not found["it's", "not\\there"].is_listed
    assert found["it's", "not\\there"].file.duration is None
    assert reviews.providers() == ["artlist"]


def test_groups_come_with_what_they_would_save(session: Session, reviews: StoredReviews) -> None:
    put_files(session, "b", "c", "d", size=700)
    put_groups(session, ("two", ["b", "z"]), ("three", ["y", "c", "d"]))
    total, groups = reviews.groups(None, 0)
    assert (total, [(group.group_id, group.saving, len(group.members)) for group in groups]) == (
        2,
        [("three", 1400, 3), ("two", 0, 2)],
    )
    assert groups[0].members[0] == ("y", "y.mp3")
    assert [group.group_id for group in reviews.groups(None, 1)[1]] == ["two"]
    assert [group.group_id for group in reviews.groups("Z.MP3", 0)[1]] == ["two"]
    assert reviews.groups("nothing", 0) == (0, [])


def test_space_is_counted_once_however_many_pairs_a_copy_has(session: Session, reviews: StoredReviews) -> None:
    put_files(session, "b", "c", "d", "e", size=700)
    put_groups(session, ("g", ["b", "c", "d", "e"]))
    equal = {"verdict": Verdict.IDENTICAL, "kind": None, "action": Action.AUTO_DELETE_CANDIDATE}
    put_pairs(
        session, [pair("b", "c", **equal), pair("b", "d"), pair("c", "d", **equal), pair("c", "e"), pair("d", "e")]
    )
    decide(reviews, key("b", "d"), Review.DUPLICATE, by="ana", seen="")
    decide(reviews, key("c", "e"), Review.DUPLICATE, by="ana", seen="")
    space = reviews.space()
    assert (space.copies, space.size) == (3, 2100)
    # All have one hash: there is no pair for each two of a large class.
    assert (space.equal_copies, space.equal_size) == (3, 2100)
    assert (space.confirmed_copies, space.confirmed_size) == (1, 700)
    assert sum(count.pairs for count in reviews.counts()) == 5
    assert {(count.review, count.pairs) for count in reviews.counts() if count.verdict == "SAME_CONTENT"} >= {
        ("DUPLICATE", 2)
    }


def test_an_empty_library_has_nothing(reviews: StoredReviews) -> None:
    assert reviews.space().copies == 0
    assert (reviews.counts(), reviews.providers(), reviews.words(key("a", "b"))) == ([], [], [])
    assert reviews.files([]) == {}
    assert reviews.pairs([]) == {}
