"""What people say of pairs, over both embedded stores."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from tests.contract.conftest import MakeSession
from tests.pairs import ALL, key, listed, pair, put_assorted, put_files, put_pairs

from audiodup.decisions import Changed, NoSuchPair, decide, decide_all
from audiodup.duplicates import Duplicates
from audiodup.model import Action, Review, Verdict
from audiodup.reviewing import Decided, Filter, LibraryFile, PairKey, PlacedPair, Sort, Word, advice
from audiodup.reviews import StoredReviews
from audiodup.session import Session


def test_a_word_counts_until_it_is_taken_back(session: Session, reviews: StoredReviews) -> None:
    put_assorted(session)
    one = key("c", "z")
    said = decide(reviews, one, Review.NOT_DUPLICATE, by="ana", seen="")
    assert (said.review, said.duplicate.judgement.action) == (Review.NOT_DUPLICATE, Action.FLAG_VARIANT)
    undone = decide(reviews, one, Review.UNDO, by="ana", seen=said.seen)
    assert (undone.review, undone.duplicate.judgement.action) == (None, Action.AUTO_DELETE_CANDIDATE)
    decide(reviews, one, Review.DUPLICATE, by="ben", seen=undone.seen)
    words = reviews.words(one)
    assert [(word.review, word.by) for word in words] == [
        ("DUPLICATE", "ben"),
        ("UNDO", "ana"),
        ("NOT_DUPLICATE", "ana"),
    ]
    assert words[0].at >= words[1].at >= words[2].at > datetime(2026, 1, 1, tzinfo=UTC)


def test_a_key_pressed_twice_is_one_word(session: Session, reviews: StoredReviews) -> None:
    """The answer of the first may be lost, too: the second names what was seen before it."""
    put_assorted(session)
    first = decide(reviews, key("b", "z"), Review.DUPLICATE, by="ana", seen="")
    assert decide(reviews, key("b", "z"), Review.DUPLICATE, by="ana", seen="").seen == first.seen
    assert decide(reviews, key("c", "z"), Review.UNDO, by="ana", seen="").word is None
    assert len(list(reviews.export())) == 1


def test_nobody_overrules_a_word_that_he_has_not_seen(
    session: Session, make_session: MakeSession, reviews: StoredReviews
) -> None:
    put_assorted(session)
    other = StoredReviews(make_session())
    seen = reviews.pairs([key("b", "z")])[key("b", "z")].seen
    bens = decide(other, key("b", "z"), Review.VARIANT, by="ben", seen=seen)
    with pytest.raises(Changed, match="ben has said VARIANT"):
        decide(reviews, key("b", "z"), Review.DUPLICATE, by="ana", seen=seen)
    assert reviews.pairs([key("b", "z")])[key("b", "z")].review == Review.VARIANT
    assert decide(reviews, key("b", "z"), Review.DUPLICATE, by="ana", seen=bens.seen).review == Review.DUPLICATE


def test_the_store_itself_refuses_a_word_on_what_has_changed_since(session: Session, reviews: StoredReviews) -> None:
    """Between the look and the word another one may come."""
    put_assorted(session)
    _, [place] = reviews.places(ALL, Sort.SUREST, ahead=1)
    assert reviews.append([place], Review.DUPLICATE, "ana", reviews.now()) == 1
    assert reviews.append([place], Review.VARIANT, "ben", reviews.now()) == 0
    assert [word.by for word in reviews.words(place.key)] == ["ana"]


def test_there_has_to_be_such_a_pair(reviews: StoredReviews) -> None:
    with pytest.raises(NoSuchPair):
        decide(reviews, key("a", "b"), Review.DUPLICATE, by="ana", seen="")


def test_a_word_by_hand_in_the_other_order_is_the_pairs_too(session: Session, reviews: StoredReviews) -> None:
    put_assorted(session)
    with session._lock:
        session._execute(
            "INSERT INTO AUDIO_DUPLICATE_REVIEW SELECT 'r', 'z', 'z.mp3', 'b', 'b.mp3', ' variant ', 'sql', SYSDATE()"
        )
    assert reviews.pairs([key("b", "z")])[key("b", "z")].review == Review.VARIANT
    assert [word.review for word in reviews.words(key("b", "z"))] == [Review.VARIANT]


def test_all_pairs_of_a_filter_get_one_word_and_lose_it_again(session: Session, reviews: StoredReviews) -> None:
    put_assorted(session)
    same = Filter(verdict=Verdict.SAME_CONTENT, review=Decided.UNDECIDED)
    done, at = decide_all(reviews, same, Review.DUPLICATE, by="ana", count=3, shown_at=reviews.now())
    assert done == 3
    assert reviews.places(same, Sort.SUREST, ahead=1) == (0, [])
    decide(reviews, key("c", "z"), Review.DUPLICATE, by="ana", seen="")
    those = Filter(reviewed_by="ana", reviewed_at=at)
    assert sorted(listed(reviews, those)) == ["b", "d", "e_%"]
    assert decide_all(reviews, those, Review.UNDO, by="ana", count=3, shown_at=reviews.now())[0] == 3
    assert listed(reviews, Filter(review=Decided.DECIDED)) == ["c"]


def test_taking_back_all_says_nothing_of_pairs_without_a_word(session: Session, reviews: StoredReviews) -> None:
    put_assorted(session)
    decide(reviews, key("b", "z"), Review.DUPLICATE, by="ana", seen="")
    assert decide_all(reviews, ALL, Review.UNDO, by="ana", count=5, shown_at=reviews.now())[0] == 1
    assert len(list(reviews.export())) == 2


@pytest.mark.parametrize("count", [0, 4, 6])
def test_another_number_than_was_confirmed_decides_nothing(
    session: Session, reviews: StoredReviews, count: int
) -> None:
    put_assorted(session)
    with pytest.raises(Changed, match="5 pairs by now"):
        decide_all(reviews, ALL, Review.DUPLICATE, by="ana", count=count, shown_at=reviews.now())
    assert not list(reviews.export())


def test_ten_thousand_at_once_are_more_than_one_statement(session: Session, reviews: StoredReviews) -> None:
    """And they come out again in the order in which they were said, page by page."""
    put_pairs(session, [pair(f"a{number:05}", "z" * 40) for number in range(10_000)])
    assert decide_all(reviews, ALL, Review.VARIANT, by="ana", count=10_000, shown_at=reviews.now())[0] == 10_000
    exported = list(reviews.export())
    assert len({one.pair for one in exported}) == len(exported) == 10_000
    assert all(one.counts and one.word.review == Review.VARIANT for one in exported)


def test_what_was_exported_tells_what_counts(session: Session, reviews: StoredReviews) -> None:
    put_assorted(session)
    first = decide(reviews, key("e_%", "z'"), Review.DUPLICATE, by="=ana()", seen="")
    decide(reviews, key("e_%", "z'"), Review.VARIANT, by="ben", seen=first.seen)
    assert [(one.pair, one.word.review, one.word.by, one.counts) for one in reviews.export()] == [
        (key("e_%", "z'"), "DUPLICATE", "=ana()", False),
        (key("e_%", "z'"), "VARIANT", "ben", True),
    ]
    decide(reviews, key("e_%", "z'"), Review.UNDO, by="ben", seen=reviews.words(key("e_%", "z'"))[0].review_id)
    assert not any(one.counts for one in reviews.export())


def test_a_bulk_decision_is_of_the_pairs_that_were_shown(
    session: Session, make_session: MakeSession, reviews: StoredReviews
) -> None:
    """As many by number may be others: a word of somebody else, a pair that has come for one that has gone."""
    put_assorted(session)
    shown_at = reviews.now()
    decide(StoredReviews(make_session()), key("b", "z"), Review.NOT_DUPLICATE, by="ben", seen="")
    with pytest.raises(Changed, match="1 of them found or decided"):
        decide_all(reviews, ALL, Review.DUPLICATE, by="ana", count=5, shown_at=shown_at)
    undecided, shown_at = Filter(review=Decided.UNDECIDED), reviews.now()
    put_pairs(session, [pair("f", "z")])
    decide(reviews, key("c", "z"), Review.DUPLICATE, by="ben", seen="")
    with pytest.raises(Changed, match="4 pairs by now, 1 of them"):
        decide_all(reviews, undecided, Review.DUPLICATE, by="ana", count=4, shown_at=shown_at)
    assert {one.word.by for one in reviews.export()} == {"ben"}


def test_two_at_the_very_same_moment_do_not_both_hear_that_all_is_well(
    session: Session, make_session: MakeSession, reviews: StoredReviews
) -> None:
    """Nothing is locked: the other's word may come between the look and one's own."""
    put_assorted(session)
    other = StoredReviews(make_session())

    class Slow(StoredReviews):
        def append(self, pairs: Sequence[PlacedPair], review: Review, by: str, at: datetime) -> int:
            # As if the statement had not seen it yet.
            decide(other, key("b", "z"), Review.VARIANT, by="ben", seen="")
            [place] = pairs
            newest = reviews.words(place.key)[0].review_id
            return super().append([PlacedPair(place.key, newest)], review, by, at)

    with pytest.raises(Changed, match="ben has said VARIANT"):
        decide(Slow(session), key("b", "z"), Review.DUPLICATE, by="ana", seen="")


def test_two_people_may_say_the_same(session: Session, reviews: StoredReviews) -> None:
    put_assorted(session)
    first = decide(reviews, key("b", "z"), Review.DUPLICATE, by="ana", seen="")
    decide(reviews, key("b", "z"), Review.DUPLICATE, by="ben", seen=first.seen)
    assert [word.by for word in reviews.words(key("b", "z"))] == ["ben", "ana"]


def test_a_word_of_tomorrow_does_not_silence_today(session: Session, reviews: StoredReviews) -> None:
    """Written by hand in a session of another time zone, say."""
    put_assorted(session)
    with session._lock:
        session._execute(
            "INSERT INTO AUDIO_DUPLICATE_REVIEW SELECT 'r', 'b', 'b.mp3', 'z', 'z.mp3', 'VARIANT', 'sql', "
            "DATEADD('hour', 10, SYSDATE())"
        )
    said = decide(reviews, key("b", "z"), Review.NOT_DUPLICATE, by="ana", seen="r")
    assert said.review == Review.NOT_DUPLICATE
    assert decide(reviews, key("b", "z"), Review.UNDO, by="ana", seen=said.seen).review is None


def test_a_pair_that_the_matcher_drops_meanwhile_does_not_lose_the_word(
    session: Session, reviews: StoredReviews
) -> None:
    put_assorted(session)

    class Dropped(StoredReviews):
        def words(self, pair: PairKey) -> list[Word]:
            with session._lock:
                session._execute("DELETE FROM AUDIO_DUPLICATE")
            return super().words(pair)

    with pytest.raises(Changed, match="Your word is stored"):
        decide(Dropped(session), key("b", "z"), Review.VARIANT, by="ana", seen="")
    assert [word.review for word in reviews.words(key("b", "z"))] == [Review.VARIANT]


def test_words_outlast_the_matcher(session: Session, reviews: StoredReviews) -> None:
    """It writes pairs anew, or none for a while."""
    put_assorted(session)
    decide(reviews, key("b", "z"), Review.VARIANT, by="ana", seen="")
    with session._lock:
        session._execute("DELETE FROM AUDIO_DUPLICATE")
    assert listed(reviews) == []
    put_assorted(session)
    assert listed(reviews, Filter(review=Review.VARIANT)) == ["b"]


def test_keep_other_is_the_file_that_the_rule_would_drop(session: Session, reviews: StoredReviews) -> None:
    put_files(session, "b", "c", bandwidth=16_000.0)
    put_pairs(session, [pair("b", "c")])
    one = reviews.pairs([key("b", "c")])[key("b", "c")]
    files: dict[tuple[str, str], LibraryFile] = reviews.files(list(one.key))
    by_rule = advice(one, files)
    chosen = advice(decide(reviews, one.key, Review.KEEP_OTHER, by="ana", seen=""), files)
    assert {by_rule.kept, chosen.kept} == set(one.key)
    assert (chosen.by_person, chosen.reason) == (True, "ana chose it")


def test_a_word_nobody_knows_is_shown_as_it_is(session: Session, reviews: StoredReviews) -> None:
    put_assorted(session)
    with session._lock:
        session._execute(
            "INSERT INTO AUDIO_DUPLICATE_REVIEW SELECT 'r', 'b', 'b.mp3', 'z', 'z.mp3', 'maybe', 'sql', SYSDATE()"
        )
    found = reviews.pairs([key("b", "z")])[key("b", "z")]
    assert found.word is not None
    assert isinstance(found.word, Word)
    assert found.review == "MAYBE"
    assert not Duplicates(session).reviews()
