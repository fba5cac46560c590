"""What a person says of pairs: of one, of all that a filter has, and taking it back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from audiodup.model import Review
from audiodup.reviewing import Filter, PairKey, PlacedPair, Reviewed, Reviews, Sort, Word


class NoSuchPair(Exception):
    """The matcher no longer says anything of these two files, or never did."""


class Changed(Exception):
    """What is to be decided is not any more what the person has seen."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def decide(reviews: Reviews, pair: PairKey, review: Review, *, by: str, seen: str) -> Reviewed:
    """Add a person's word on a pair, and return the pair as it is then.

    The same word by the same person again changes nothing: a key pressed twice, a request sent twice. Nothing is
    locked, so of two who decide at the very same moment both words may be stored; then at least one of them is told.

    Args:
        reviews: where.
        pair: which.
        review: the word; UNDO takes back what holds.
        by: who says it.
        seen: `Reviewed.seen` of what he has looked at.

    Raises:
        NoSuchPair: there is none.
        Changed: somebody has said something since.
    """
    before = reviews.pairs([pair]).get(pair)
    if before is None:
        raise NoSuchPair
    if (before.review or Review.UNDO) == review and (before.word is None or before.word.by == by):
        return before
    added = reviews.append([PlacedPair(pair, seen)], review, by, reviews.now())
    words = reviews.words(pair)
    is_mine = added and words and (words[0].by, words[0].review) == (by, review)
    other = next(iter(words[1:] if is_mine else words), None)
    if not is_mine or (other.review_id if other else "") != seen:
        stored = "Your word is stored, but at the same moment" if added else "Nothing was stored: meanwhile"
        raise Changed(f"{stored} {_told(other)}. Look again, and decide again if you want to overrule that.")
    after = reviews.pairs([pair]).get(pair)
    if after is None:
        raise Changed("Your word is stored, but the matcher no longer says anything of this pair.")
    return after


def _told(word: Word | None) -> str:
    if word is None:
        return "a word was taken out of the table"
    return f"{word.by} has " + ("taken a word back" if word.review == Review.UNDO else f"said {word.review}")


def decide_all(  # noqa: PLR0913 - what was shown, and who says what
    reviews: Reviews, wanted: Filter, review: Review, *, by: str, count: int, shown_at: datetime
) -> tuple[int, datetime]:
    """Add one word on every pair of a filter, all at one moment, so that they can be found again and taken back.

    Args:
        reviews: where.
        wanted: which.
        review: the word.
        by: who says it.
        count: how many pairs the person was told there are.
        shown_at: when, by the store's clock.

    Returns:
        On how many pairs it holds (UNDO: not where nothing was said), and the moment.

    Raises:
        Changed: they are not the same pairs any more, or somebody decides at this moment.
    """
    with reviews.transaction():
        total, places = reviews.places(wanted, Sort.SUREST, ahead=count + 1)
        changed, _ = reviews.places(replace(wanted, changed_since=shown_at), Sort.SUREST, ahead=1)
        if total != count or changed:
            raise Changed(
                f"The filter has {total} pairs by now, {changed} of them found or decided since you were shown "
                f"{count}. Nothing was decided; look at them again."
            )
        at = reviews.now()
        chosen = [place for place in places if place.seen or review is not Review.UNDO]
        if reviews.append(chosen, review, by, at) != len(chosen):
            raise Changed("Somebody else has decided some of these pairs just now. Nothing was decided; try again.")
    holding, _ = reviews.places(Filter(reviewed_by=by, reviewed_at=at), Sort.SUREST, ahead=1)
    return holding, at
