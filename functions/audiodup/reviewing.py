"""What a person looks at: pairs by a filter, with what people have said of them, and which copy to keep.

Nothing is ever deleted: a word is a row that is added, and the newest row of a pair counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from audiodup.keep import best
from audiodup.model import Action, Duplicate, FileKey, IndexedFile, Kind, Review, Verdict

PAGE = 50
"""Pairs, or groups, on one page."""
PairKey = tuple[FileKey, FileKey]
"""A before B, by asset id, then file key."""


class Sort(StrEnum):
    """In which order pairs are listed."""

    SUREST = "surest"
    """By verdict, then the most similar first."""
    SIMILAR = "similar"
    DOUBTFUL = "doubtful"
    """The least similar first."""
    NEWEST = "newest"
    OLDEST = "oldest"


class Decided(StrEnum):
    """What people have said of the pairs of a filter, next to the words of `Review`."""

    UNDECIDED = "UNDECIDED"
    DECIDED = "DECIDED"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which pairs; None lets all through."""

    verdict: Verdict | None = None
    kind: Kind | str | None = None
    """NO_KIND: those that have none."""
    action: Action | None = None
    review: Review | Decided | None = None
    similarity_from: float | None = None
    similarity_to: float | None = None
    newer_days: int | None = None
    """Found within so many days."""
    older_days: int | None = None
    """Found before the last so many days."""
    provider: str | None = None
    """Of either file."""
    text: str | None = None
    """In the file key of either, without regard to case, or the whole of an asset id."""
    group_id: str | None = None
    """Both files are in it."""
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None
    """The moment of a bulk decision, UTC."""
    changed_since: datetime | None = None
    """Found or decided later than that, UTC."""


NO_KIND = "none"


@dataclass(frozen=True, slots=True)
class Word:
    """One row of AUDIO_DUPLICATE_REVIEW."""

    review_id: str
    review: str
    """A `Review`, or what somebody has written by hand."""
    by: str
    at: datetime
    """UTC."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A pair, and what counts of what people have said."""

    duplicate: Duplicate
    matched_at: datetime
    word: Word | None = None
    """The newest; UNDO where it was taken back."""

    @property
    def key(self) -> PairKey:
        """What it goes by."""
        return self.duplicate.a, self.duplicate.b

    @property
    def review(self) -> str | None:
        """What holds; None where nothing was said, or it was taken back."""
        return None if self.word is None or self.word.review == Review.UNDO else self.word.review

    @property
    def seen(self) -> str:
        """What a decision names, so that it does not overrule a word that its author has not seen."""
        return self.word.review_id if self.word else ""


@dataclass(frozen=True, slots=True)
class LibraryFile:
    """A file of a pair with all that is known of it."""

    file: IndexedFile
    provider: str | None = None
    is_listed: bool = True
    """Whether AUDIO_ASSET still has it."""
    group_id: str | None = None
    is_kept: bool = False
    """Whether it is the copy to keep of its group."""
    reason: str | None = None
    """Why, of the kept one."""


@dataclass(frozen=True, slots=True)
class PlacedPair:
    """A pair in a list, before anything else is read of it."""

    key: PairKey
    seen: str
    """As in `Reviewed`."""
    place: int = 0
    """In the filter's order, from 1 on."""
    is_ahead: bool = True
    """Whether it follows the mark."""


@dataclass(frozen=True, slots=True)
class GroupOfFiles:
    """A group with what its copies take up."""

    group_id: str
    members: tuple[FileKey, ...]
    """The one to keep first."""
    reason: str
    saving: int
    """Bytes of all but the copy to keep."""


@dataclass(frozen=True, slots=True)
class PairCount:
    """How many pairs are alike in all of these."""

    verdict: str
    kind: str
    action: str
    review: str
    pairs: int


def count_by(name: str, counts: Iterable[PairCount]) -> Counter[str]:
    """Pairs by their verdict, kind, action or review."""
    pairs: Counter[str] = Counter()
    for one in counts:
        pairs[getattr(one, name)] += one.pairs
    return pairs


@dataclass(frozen=True, slots=True)
class Space:
    """Copies that are not the ones to keep, and their bytes."""

    copies: int
    size: int
    equal_copies: int
    """Those whose sound equals the kept copy's, sample for sample."""
    equal_size: int
    confirmed_copies: int
    """Those of which a person has said that they are duplicates of the kept copy."""
    confirmed_size: int


@dataclass(frozen=True, slots=True)
class ExportedWord:
    """A word with its pair, for the CSV."""

    pair: PairKey
    word: Word
    counts: bool
    """Whether it holds: it is the newest of its pair, and takes nothing back."""


class Reviews(Protocol):
    """Where pairs are read, and words are written."""

    def transaction(self) -> AbstractContextManager[None]: ...

    def now(self) -> datetime:
        """By the warehouse's clock."""

    def places(
        self, wanted: Filter, sort: Sort, *, mark: PairKey | None = None, ahead: int = 0, behind: int = 0
    ) -> tuple[int, list[PlacedPair]]:
        """Those pairs of the filter that follow `mark` or precede it, in their order, at most so many of each, and
        how many the filter has in all (0 where none follows or precedes).

        Without a mark they follow the beginning; `mark` itself is not among them and need not be in the filter.
        """

    def pairs(self, keys: Sequence[PairKey]) -> dict[PairKey, Reviewed]: ...

    def files(self, keys: Sequence[FileKey]) -> dict[FileKey, LibraryFile]: ...

    def words(self, pair: PairKey) -> list[Word]:
        """All that was said of it, the newest first."""

    def append(self, pairs: Sequence[PlacedPair], review: Review, by: str, at: datetime) -> int:
        """Add a word on each pair whose newest word is still the one seen; returns on how many."""

    def export(self) -> Iterator[ExportedWord]: ...

    def groups(self, text: str | None, first: int, at_most: int = PAGE) -> tuple[int, list[GroupOfFiles]]:
        """How many there are, and those from the place `first` on."""

    def counts(self) -> list[PairCount]: ...

    def space(self) -> Space: ...

    def providers(self) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Advice:
    """Which of a pair's two files to keep, and why."""

    kept: FileKey
    reason: str
    by_person: bool = False


def advice(pair: Reviewed, files: Mapping[FileKey, LibraryFile]) -> Advice:
    """What the rule says, or the person: KEEP_OTHER chooses the file that the rule would drop."""
    key_a, key_b = pair.key
    kept, reason = best([files[key_a].file, files[key_b].file])
    if pair.review == Review.KEEP_OTHER:
        return Advice(key_b if kept.key == key_a else key_a, f"{pair.word.by if pair.word else ''} chose it", True)
    return Advice(kept.key, reason)
