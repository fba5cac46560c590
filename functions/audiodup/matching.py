"""The matcher's step: new fingerprints -> index -> candidate pairs -> alignment -> verdict -> pairs and groups.

Incremental and resumable: a batch of tracks is matched with all that were matched before and with itself, part by part,
and the pairs of a part are written in the transaction that takes it from the queue. Who runs beside another meets a
conflict and leaves the work to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from audiodup.alignment import align
from audiodup.frames import Collection
from audiodup.groups import form_groups
from audiodup.keys import SLOW_SPEED
from audiodup.model import Duplicate, FileKey, Group, IndexedFile, Review, Verdict
from audiodup.pairing import PAIRWISE, across, of_files, with_itself, within
from audiodup.screening import SCREEN_KAPPA, screen
from audiodup.verdict import Compared

PART = 5_000
"""Alignments, and tracks, between two looks at the clock: 15 to 45 s on two cores that did other work too. What a batch
meets is foreseen from its keys, but not how much of it is music in many versions, each pair of which is aligned: where
each track had ten, a batch took minutes."""
CLEAR_KEYS = 8
"""So many keys in common at one distance are no chance, whatever the frames around the first and the last are like:
where the tempo differs, or keys are short, those two may be chance meetings."""


class Batch(Protocol):
    """Tracks to be matched together."""

    @property
    def track_ids(self) -> NDArray[np.int64]: ...

    @property
    def slow(self) -> bool:
        """Whether they are of sounds at 1/8 speed."""

    def part(self, start: int, end: int) -> Self:
        """So many of its tracks, as a batch."""


AnyBatch = TypeVar("AnyBatch", bound=Batch)


class Candidates(Protocol):
    """Pairs of tracks that share keys: arrays of one length."""

    @property
    def track_a(self) -> NDArray[np.int64]: ...

    @property
    def track_b(self) -> NDArray[np.int64]: ...

    @property
    def keys(self) -> NDArray[np.int32]:
        """How many they have in common at about one distance."""

    @property
    def meetings(self) -> NDArray[np.int32]:
        """Positions of the first and the last key in common, shape (n, 2, 2)."""


class Filled(Protocol):
    """What a filling of the index did, in files."""

    indexed: int
    removed: int
    refused: int

    @property
    def refused_first(self) -> Sequence[object]: ...

    stopped: bool


class Index(Protocol[AnyBatch]):
    """What the step asks of the index."""

    def fill(self, stop: Callable[[], bool]) -> Filled: ...

    def batches(self) -> Iterator[AnyBatch]: ...

    def tracks(self, batch: AnyBatch) -> int:
        """How many tracks there are of the batch's kind, matched or not."""

    def candidates(self, batch: AnyBatch) -> Candidates: ...

    def mark_matched(self, batch: AnyBatch) -> None: ...

    def fingerprints(self, track_ids: Sequence[int]) -> dict[int, NDArray[np.uint32]]: ...

    def members(self, track_ids: Sequence[int]) -> dict[int, list[IndexedFile]]: ...


class Duplicates(Protocol):
    """Where results go."""

    def generation(self) -> int: ...

    def transaction(self, generation: int) -> AbstractContextManager[None]:
        """Raises Conflict where something has changed since that generation."""

    def replace(self, found: Sequence[Duplicate]) -> None: ...

    def equal_content(self, pairwise: int) -> list[tuple[IndexedFile, IndexedFile]]: ...

    def pairs(self) -> Iterator[Duplicate]: ...

    def files(self) -> Mapping[FileKey, IndexedFile]: ...

    def reviews(self) -> dict[tuple[FileKey, FileKey], Review]: ...

    def replace_groups(self, groups: Iterable[Group]) -> None: ...


@dataclass(slots=True)
class Matched:
    """What a run did."""

    indexed: int = 0
    """Files that are new in the index."""
    removed: int = 0
    """Files that left it, or changed and are among the new ones too."""
    refused: int = 0
    """Files that cannot be compared with the others."""
    refused_first: list[str] = field(default_factory=list)
    """The first of them, with the reason."""
    tracks: int = 0
    """Fingerprints that were matched."""
    candidates: int = 0
    """Pairs of fingerprints that share keys."""
    aligned: int = 0
    """Those that passed the cheap score."""
    found: Counter[Verdict] = field(default_factory=Counter)
    """Pairs of files that were written, by verdict."""
    groups: int = 0
    stopped: bool = False
    """There is more to do."""


class _Fingerprints:
    """Fingerprints that were fetched in this run: most tracks are met again in later batches."""

    def __init__(self, index: Index[AnyBatch], *, slow: bool) -> None:
        self._index = index
        self._collection = Collection(masked=not slow)
        self._places: dict[int, int] = {}
        self.library = self._collection.library

    def places(self, track_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where each track stands in `library`; -1 for one that is not there any more."""
        wanted = np.unique(track_ids)
        missing = [int(number) for number in wanted if int(number) not in self._places]
        if missing:
            fetched = self._index.fingerprints(missing)
            self._places.update((number, len(self._collection) + place) for place, number in enumerate(fetched))
            self._collection.add(list(fetched.values()))
            self.library = self._collection.library
        places = np.array([self._places.get(int(number), -1) for number in wanted], np.int64)
        return np.asarray(places[np.searchsorted(wanted, track_ids)])


def match(
    index: Index[AnyBatch],
    duplicates: Duplicates,
    *,
    report: Callable[[int], None] = lambda _tracks: None,
    stop: Callable[[], bool] = lambda: False,
) -> Matched:
    """Bring pairs and groups up to date with the library.

    Args:
        index: of the library.
        duplicates: where pairs and groups are kept.
        report: told after each part of a batch how many tracks it had.
        stop: asked after each page of the index, before the first batch and after each part of one; when it says so the
            rest is left to the next run. Only the groups follow, out of all pairs there are by then.

    Raises:
        Conflict: another run changes the index; it does the work.
        IndexMismatch: the index was made otherwise.
        StoreUnavailable: the store is away.
    """
    filled = index.fill(stop)
    done = Matched(filled.indexed, filled.removed, filled.refused, [str(refused) for refused in filled.refused_first])
    done.stopped = filled.stopped or stop()
    if not done.stopped:
        _match_all(index, duplicates, done, report, stop)
    if not done.stopped:
        # Of files with fingerprints most of these pairs were found by now.
        generation = duplicates.generation()
        equal = list(of_files(duplicates.equal_content(PAIRWISE), None, 0))
        with duplicates.transaction(generation):
            duplicates.replace(equal)
        done.found.update(one.judgement.verdict for one in equal)
    generation = duplicates.generation()
    groups = form_groups(duplicates.pairs(), duplicates.files(), duplicates.reviews())
    with duplicates.transaction(generation):
        duplicates.replace_groups(groups)
    done.groups = len(groups)
    return done


def _match_all(
    index: Index[AnyBatch],
    duplicates: Duplicates,
    done: Matched,
    report: Callable[[int], None],
    stop: Callable[[], bool],
) -> None:
    """Take the queue's batches, and write what they bring, until it is empty or `stop` says so."""
    fetched = {slow: _Fingerprints(index, slow=slow) for slow in (False, True)}
    for batch in index.batches():
        generation = duplicates.generation()
        for part, found in _match(index, batch, fetched[batch.slow], done):
            with duplicates.transaction(generation):
                index.mark_matched(part)
                duplicates.replace(found)
            # Our own change; anybody else's makes what is left of the batch void.
            generation += 1
            done.found.update(one.judgement.verdict for one in found)
            done.tracks += len(part.track_ids)
            report(len(part.track_ids))
            done.stopped = stop()
            if done.stopped:
                return


def _match(
    index: Index[AnyBatch], batch: AnyBatch, fetched: _Fingerprints, done: Matched
) -> Iterator[tuple[AnyBatch, list[Duplicate]]]:
    """The batch in parts, the lowest tracks first, each with the pairs of files that it brings."""
    tracks = index.tracks(batch)
    pairs = tracks * (tracks - 1) / 2
    candidates = index.candidates(batch)
    done.candidates += len(candidates.track_a)
    a, b = fetched.places(candidates.track_a), fetched.places(candidates.track_b)
    there = (a >= 0) & (b >= 0)
    scores = screen(fetched.library, a[there], b[there], candidates.meetings[there])
    passed = np.flatnonzero(there)[(scores >= SCREEN_KAPPA) | (candidates.keys[there] >= CLEAR_KEYS)]
    passed = passed[np.argsort(candidates.track_a[passed], kind="stable")]
    # By the end of each track.
    alignments = np.searchsorted(candidates.track_a[passed], batch.track_ids, side="right")
    work = alignments + np.arange(1, len(alignments) + 1)
    start, aligned, worked = 0, 0, 0
    while start < len(work):
        end = max(int(np.searchsorted(work, worked + PART, side="right")), start + 1)
        compared: dict[tuple[int, int], Compared] = {}
        for place in passed[aligned : alignments[end - 1]]:
            frames = fetched.library[int(a[place])], fetched.library[int(b[place])]
            if alignment := align(*frames, candidates.meetings[place].tolist()):
                pair = int(candidates.track_a[place]), int(candidates.track_b[place])
                compared[pair] = Compared.of(*frames, alignment, SLOW_SPEED if batch.slow else 1.0)
        done.aligned += int(alignments[end - 1]) - aligned
        part = batch.part(start, end)
        yield part, _judged(index, part, compared, fetched, pairs)
        start, aligned, worked = end, int(alignments[end - 1]), int(work[end - 1])


def _judged(
    index: Index[AnyBatch],
    batch: AnyBatch,
    compared: Mapping[tuple[int, int], Compared],
    fetched: _Fingerprints,
    pairs: float,
) -> list[Duplicate]:
    """What is to be said of the files of tracks that were compared, and of those of one track."""
    files = index.members(sorted({number for pair in compared for number in pair} | set(batch.track_ids.tolist())))
    found: dict[tuple[FileKey, FileKey], Duplicate] = {}
    for (track_a, track_b), one in compared.items():
        for duplicate in of_files(across(files.get(track_a, []), files.get(track_b, [])), one, pairs):
            found[duplicate.a, duplicate.b] = duplicate
    shared = [number for number in batch.track_ids.tolist() if len(files.get(number, [])) > 1]
    # All at once: one by one they would be a statement each.
    for number, place in zip(shared, fetched.places(np.array(shared, np.int64)).tolist(), strict=True):
        itself = with_itself(fetched.library[place], SLOW_SPEED if batch.slow else 1.0) if place >= 0 else None
        for duplicate in of_files(within(files[number]), itself, pairs):
            found[duplicate.a, duplicate.b] = duplicate
    return list(found.values())
