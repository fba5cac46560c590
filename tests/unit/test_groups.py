"""Groups: stars around the copy to keep, as the pairs and people's words make them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiodup.groups import form_groups
from audiodup.keep import ranked
from audiodup.model import Action, Duplicate, FileKey, Group, IndexedFile, Judgement, Kind, Review, Verdict

UPLOADED = datetime.fromisoformat("2024-05-01T12:00:00")
Reviews = Mapping[tuple[FileKey, FileKey], Review]


def key(name: object) -> FileKey:
    return str(name), "k"


def library(*names: object, **properties: Any) -> dict[FileKey, IndexedFile]:
    """Files of which the first ones were uploaded first, and so are the better ones."""
    return {
        key(name): IndexedFile(
            *key(name), duration=100.0, created_at=UPLOADED + timedelta(seconds=number), **properties
        )
        for number, name in enumerate(names)
    }


def pair(
    one: object,
    other: object,
    verdict: Verdict = Verdict.SAME_CONTENT,
    kind: Kind | None = Kind.TRANSCODE,
    *,
    coverage: tuple[float, float] = (1, 1),
    similarity: float = 0.99,
) -> Duplicate:
    a, b = sorted((key(one), key(other)))
    judgement = Judgement(
        verdict,
        kind,
        Action.MANUAL_REVIEW,
        similarity=similarity,
        kappa=0.9,
        expected_false=0,
        coverage_a=coverage[0],
        coverage_b=coverage[1],
        offset_seconds=0,
        overlap_seconds=100,
        tempo=1,
        ranges=(),
        evidence="",
    )
    return Duplicate(a, b, judgement)


def equal(one: object, other: object) -> Duplicate:
    """Two files that sound equal bit by bit."""
    return pair(one, other, Verdict.IDENTICAL, None, similarity=1)


def word(one: object, other: object, review: Review) -> dict[tuple[FileKey, FileKey], Review]:
    a, b = sorted((key(one), key(other)))
    return {(a, b): review}


def grouped(
    pairs: Iterable[Duplicate], files: Mapping[FileKey, IndexedFile], reviews: Reviews | None = None
) -> dict[str, set[str]]:
    """Members by the one that is kept."""
    groups = form_groups(pairs, files, reviews or {})
    assert len({group.group_id for group in groups}) == len(groups)
    members = [member for group in groups for member in group.members]
    assert len(set(members)) == len(members)
    assert all(group.kept in group.members and list(group.members) == sorted(group.members) for group in groups)
    return {group.kept[0]: {member[0] for member in group.members} for group in groups}


@pytest.mark.parametrize(
    ("one", "is_edge"),
    [
        (pair("a", "b"), True),
        (pair("a", "b", Verdict.IDENTICAL, None), True),
        (pair("a", "b", kind=Kind.TRIMMED, coverage=(0.95, 1)), True),
        (pair("a", "b", kind=Kind.EDITED), True),
        (pair("a", "b", kind=Kind.VERSION_OR_PROCESSING), False),
        (pair("a", "b", Verdict.RELATED, Kind.EXCERPT), False),
        (pair("a", "b", coverage=(0.94, 1)), False),
        (pair("a", "b", coverage=(1, 0.94)), False),
        (pair("a", "gone"), False),
    ],
)
def test_what_makes_a_group(one: Duplicate, is_edge: bool) -> None:
    """Only what is the same on both sides; a file that left the library is in no group."""
    assert grouped([one], library("a", "b")) == ({"a": {"a", "b"}} if is_edge else {})


def test_a_chain_falls_into_stars() -> None:
    """Each clip is like the next one, the first is not like the last: it is not dropped for it."""
    pairs = [pair(number, number + 1) for number in range(6)]
    assert grouped(pairs, library(*range(7))) == {"0": {"0", "1"}, "2": {"2", "3"}, "4": {"4", "5"}}
    # Where the best one stands in the middle, it takes both neighbours.
    assert grouped(pairs, library(3, 0, 1, 2, 4, 5, 6)) == {"3": {"2", "3", "4"}, "0": {"0", "1"}, "5": {"5", "6"}}


def test_the_reason_is_that_of_the_members() -> None:
    """And the groups come in order."""
    files = library("a", "b") | library("c", channels=2) | library("d", channels=1)
    groups = form_groups([pair("c", "d"), pair("a", "b")], files, {})
    assert [(group.kept[0], group.reason) for group in groups] == [
        ("a", "uploaded earlier"),
        ("c", "more channels (2 against 1)"),
    ]


def test_the_one_to_keep_was_compared_with_all() -> None:
    """Tolerances overlap: beside 20 kHz, 18.5 is good enough and 16 is not; beside 18.5, 16 is."""
    files = (
        library("wide", bandwidth=20_000.0, channels=1)
        | library("middle", bandwidth=18_500.0, channels=2)
        | library("narrow", bandwidth=16_000.0, channels=6)
        | library("other", bandwidth=16_000.0, channels=1)
    )
    assert [one.asset_id for one in ranked(files.values())] == ["middle", "wide", "narrow", "other"]
    assert grouped([pair("middle", "narrow"), pair("narrow", "wide")], files) == {"narrow": {"middle", "narrow"}}
    pairs = [pair("middle", "narrow"), pair("middle", "other"), pair("other", "wide")]
    [group] = form_groups(pairs, files, {})
    assert group.members == (key("middle"), key("narrow"), key("other"))
    assert (group.kept, group.reason) == (key("middle"), "the best that is a copy of all the others")


COPIES = 500


@pytest.mark.parametrize("best_one", [0, 7, 300])
def test_five_hundred_copies_half_of_them_transcoded(best_one: int) -> None:
    """Each class of equal files is stored as a star around one of them, which need not be the one that is kept."""
    masters, transcodes = range(0, COPIES, 2), range(1, COPIES, 2)
    pairs = [equal(masters[3], copy) for copy in masters if copy != masters[3]]
    pairs += [equal(transcodes[0], copy) for copy in transcodes[1:]]
    pairs += [pair(masters[3], copy) for copy in transcodes] + [pair(copy, transcodes[0]) for copy in masters]
    files = library(best_one, *(number for number in range(COPIES) if number != best_one))
    names = {str(number) for number in range(COPIES)}
    assert grouped(pairs, files) == {str(best_one): names}
    # No word about two of them tears it.
    for review in (Review.KEEP_OTHER, Review.DUPLICATE):
        assert list(grouped(pairs, files, word(masters[3], masters[9], review)).values()) == [names]


def test_files_of_other_lengths_are_not_one() -> None:
    """They begin alike, and a chain of them may get shorter and shorter."""
    files = {
        key(number): IndexedFile(*key(number), duration=100.0 - number, created_at=UPLOADED) for number in range(4)
    }
    pairs = [equal(number, number + 1) for number in range(3)]
    assert grouped(pairs, files) == {"0": {"0", "1"}, "2": {"2", "3"}}


def test_a_person_removes_and_adds_edges() -> None:
    """Whatever the matcher says; and takes it back."""
    files = library("a", "b", "c")
    pairs = [pair("a", "b"), pair("a", "c", Verdict.RELATED, Kind.EXCERPT)]
    assert grouped(pairs, files) == {"a": {"a", "b"}}
    for review in (Review.NOT_DUPLICATE, Review.VARIANT):
        assert grouped(pairs, files, word("a", "b", review)) == {}
    assert grouped(pairs, files, word("a", "b", Review.UNDO)) == {"a": {"a", "b"}}
    assert grouped(pairs, files, word("a", "c", Review.DUPLICATE)) == {"a": {"a", "b", "c"}}
    # Of two that the matcher never met, and of one that is gone.
    assert grouped([], files, word("b", "c", Review.DUPLICATE)) == {"b": {"b", "c"}}
    assert grouped([], files, word("b", "gone", Review.DUPLICATE)) == {}
    assert grouped(pairs, files, {(key("b"), key("a")): Review.VARIANT}) == {}


def test_two_that_are_no_copies_are_never_in_one_group() -> None:
    """Both are copies of a third, and one of them is not: dropping both for it could lose a recording."""
    files = library("a", "b", "c", "d", "e")
    pairs = [pair("a", "b"), pair("a", "c"), pair("a", "d"), pair("c", "d")]
    apart = word("b", "c", Review.NOT_DUPLICATE)
    assert grouped(pairs, files, apart) == {"a": {"a", "b", "d"}}
    assert grouped([*pairs, pair("c", "e")], files, apart) == {"a": {"a", "b", "d"}, "c": {"c", "e"}}
    # Also where they are equal bit by bit by way of another.
    ones = [equal("a", "b"), equal("b", "c")]
    assert grouped(ones, files, word("a", "c", Review.NOT_DUPLICATE)) == {"a": {"a", "b"}}


def test_keep_other_turns_the_order_of_two_round() -> None:
    """The group stays, the reason says who chose, and taking it back brings the first one back."""
    files = library("a", "b", "c")
    pairs = [pair("a", "b"), pair("a", "c")]

    def kept(reviews: Reviews) -> tuple[str, str]:
        [group] = form_groups(pairs, files, reviews)
        assert [member[0] for member in group.members] == ["a", "b", "c"]
        return group.kept[0], group.reason

    chosen = "a person chose it"
    assert kept({}) == ("a", "uploaded earlier")
    assert kept(word("a", "c", Review.KEEP_OTHER)) == ("c", chosen)
    assert kept(word("a", "c", Review.UNDO)) == ("a", "uploaded earlier")
    # Of two that are both dropped, neither is kept.
    assert kept(word("b", "c", Review.KEEP_OTHER)) == ("a", "uploaded earlier")
    # Two words: the better one of the chosen, or the one that was chosen over the chosen one.
    both = word("a", "b", Review.KEEP_OTHER) | word("a", "c", Review.KEEP_OTHER)
    assert kept(both) == ("b", chosen)
    assert kept(word("a", "b", Review.KEEP_OTHER) | word("b", "c", Review.KEEP_OTHER)) == ("c", chosen)
    assert kept(both | word("b", "c", Review.KEEP_OTHER)) == ("c", chosen)
    # It says that they are copies, too.
    assert grouped([], files, word("b", "c", Review.KEEP_OTHER)) == {"c": {"b", "c"}}


def test_a_group_keeps_its_id_when_a_copy_joins() -> None:
    """Also when that copy is the one that is kept from then on, or a person chooses another."""
    pairs = [pair("a", "b"), pair("a", "better"), pair("b", "better")]
    few = library("a", "b", channels=1)
    better = IndexedFile(*key("better"), duration=100.0, channels=2, created_at=UPLOADED + timedelta(days=1))
    [before] = form_groups(pairs, few, {})
    [after] = form_groups(pairs, few | {better.key: better}, {})
    [chosen] = form_groups(pairs, few | {better.key: better}, word("b", "better", Review.KEEP_OTHER))
    assert (before.kept, after.kept, chosen.kept) == (key("a"), key("better"), key("b"))
    assert before.group_id == after.group_id == chosen.group_id
    assert len(before.group_id) == 16


EDGES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans()), max_size=20)
WORDS = st.dictionaries(st.tuples(st.integers(0, 9), st.integers(0, 9)), st.sampled_from(Review), max_size=5)


@given(EDGES, WORDS, st.lists(st.sampled_from([99.0, 99.7, 100.0]), min_size=10, max_size=10), st.randoms())
def test_the_order_of_what_comes_does_not_matter(
    edges: list[tuple[int, int, bool]], words: dict[tuple[int, int], Review], lengths: list[float], random: Any
) -> None:
    """And the groups are stars, whatever the pairs: all were linked to the one that took them in."""
    files = {
        key(number): IndexedFile(*key(number), duration=length, channels=number % 2, created_at=UPLOADED)
        for number, length in enumerate(lengths)
    }
    pairs = {(a, b): equal(a, b) if same else pair(a, b) for a, b, same in edges if a < b}
    reviews = {(key(a), key(b)): review for (a, b), review in words.items() if a < b}
    first = form_groups(pairs.values(), files, reviews)

    def shuffled(mapping: Mapping[Any, Any]) -> dict[Any, Any]:
        return dict(random.sample(list(mapping.items()), len(mapping)))

    assert form_groups(shuffled(pairs).values(), shuffled(files), shuffled(reviews)) == first
    for group in first:
        assert len(group.members) > 1
        no_copies = {two for two, review in reviews.items() if review in {Review.NOT_DUPLICATE, Review.VARIANT}}
        assert not any(a in group.members and b in group.members for a, b in no_copies)
        if not any(same for _, _, same in edges):
            linked = {one for one in pairs if reviews.get((key(one[0]), key(one[1]))) not in NO_COPIES}
            linked |= {(int(a[0]), int(b[0])) for (a, b), review in reviews.items() if review in COPIES_SAID}
            assert any(_is_star(center, group, linked) for center in group.members)


NO_COPIES = {Review.NOT_DUPLICATE, Review.VARIANT}
COPIES_SAID = {Review.DUPLICATE, Review.KEEP_OTHER}


def _is_star(center: FileKey, group: Group, linked: set[tuple[int, int]]) -> bool:
    others = [int(member[0]) for member in group.members if member != center]
    middle = int(center[0])
    return all((min(middle, other), max(middle, other)) in linked for other in others)


@pytest.mark.parametrize(
    ("shape", "count", "groups"), [("chain", 100_000, 50_000), ("star", 20_000, 1), ("equal", 20_000, 1)]
)
def test_many_pairs_take_seconds(shape: str, count: int, groups: int) -> None:
    """Neither is the square of them looked at, nor does a long chain nest."""
    files = library(*(f"{number:06}" for number in range(count + 1)))
    names = [name for name, _ in files]
    # The best ones at one end of the chain, so that every star that is taken leaves a long rest.
    pairs = {
        "chain": lambda place: pair(names[place], names[place + 1]),
        "star": lambda place: pair(names[0], names[place + 1]),
        "equal": lambda place: equal(names[place], names[place + 1]),
    }[shape]
    many = [pairs(place) for place in range(count)]
    started = time.process_time()
    assert len(form_groups(many, files, {})) == groups
    assert time.process_time() - started < 10
