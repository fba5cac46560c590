"""The matcher's step: new fingerprints -> index -> candidate pairs -> alignment -> verdict -> pairs and groups.

Incremental and resumable: a batch of tracks is matched with all that were matched before and with itself, and its
pairs are written in the transaction that takes it from the queue. Who runs beside another meets a conflict and leaves
the work to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from audiodup.alignment import Alignment, align
from audiodup.frames import Collection, Frames
from audiodup.groups import form_groups
from audiodup.keep import best
from audiodup.keys import SLOW_SPEED
from audiodup.model import Duplicate, FileKey, Group, IndexedFile, Review, Verdict
from audiodup.screening import SCREEN_KAPPA, screen
from audiodup.verdict import Compared, judge

PAIRWISE = 100
"""Of a class of more equal files each is paired with the best copy only: pairs grow with the square, and a thousand
copies of a sting are half a million pairs that say the same."""


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


class Index(Protocol[AnyBatch]):
    """What the step asks of the index."""

    def fill(self) -> Filled: ...

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
        report: told after each batch how many tracks it had.
        stop: asked before each batch; when it says so the rest is left to the next run.

    Raises:
        Conflict: another run changes the index; it does the work.
        IndexMismatch: the index was made otherwise.
        StoreUnavailable: the store is away.
    """
    filled = index.fill()
    done = Matched(filled.indexed, filled.removed, filled.refused, [str(refused) for refused in filled.refused_first])
    fetched = {slow: _Fingerprints(index, slow=slow) for slow in (False, True)}
    for batch in index.batches():
        if stop():
            done.stopped = True
            break
        generation = duplicates.generation()
        found = _match(index, batch, fetched[batch.slow], done)
        with duplicates.transaction(generation):
            index.mark_matched(batch)
            duplicates.replace(found)
        done.found.update(one.judgement.verdict for one in found)
        done.tracks += len(batch.track_ids)
        report(len(batch.track_ids))
    generation = duplicates.generation()
    equal = list(_of_files(duplicates.equal_content(PAIRWISE), None, 0))
    with duplicates.transaction(generation):
        duplicates.replace(equal)
    done.found.update(one.judgement.verdict for one in equal)
    generation = duplicates.generation()
    groups = form_groups(duplicates.pairs(), duplicates.files(), duplicates.reviews())
    with duplicates.transaction(generation):
        duplicates.replace_groups(groups)
    done.groups = len(groups)
    return done


def _match(index: Index[AnyBatch], batch: AnyBatch, fetched: _Fingerprints, done: Matched) -> list[Duplicate]:
    """The pairs of files that a batch brings."""
    tracks = index.tracks(batch)
    pairs = tracks * (tracks - 1) / 2
    candidates = index.candidates(batch)
    done.candidates += len(candidates.track_a)
    a, b = fetched.places(candidates.track_a), fetched.places(candidates.track_b)
    there = (a >= 0) & (b >= 0)
    scores = screen(fetched.library, a[there], b[there], candidates.meetings[there])
    passed = np.flatnonzero(there)[(scores >= SCREEN_KAPPA) | (candidates.keys[there] >= CLEAR_KEYS)]
    done.aligned += len(passed)
    speed = SLOW_SPEED if batch.slow else 1.0
    compared: dict[tuple[int, int], Compared] = {}
    for place in passed:
        frames = fetched.library[int(a[place])], fetched.library[int(b[place])]
        if alignment := align(*frames, candidates.meetings[place].tolist()):
            pair = int(candidates.track_a[place]), int(candidates.track_b[place])
            compared[pair] = Compared.of(*frames, alignment, speed)
    files = index.members(sorted({number for pair in compared for number in pair} | set(batch.track_ids.tolist())))
    found: dict[tuple[FileKey, FileKey], Duplicate] = {}
    for (track_a, track_b), one in compared.items():
        for duplicate in _of_files(_across(files.get(track_a, []), files.get(track_b, [])), one, pairs):
            found[duplicate.a, duplicate.b] = duplicate
    for number in batch.track_ids.tolist():
        if len(files.get(number, [])) > 1:
            place = int(fetched.places(np.array([number]))[0])
            itself = _with_itself(fetched.library[place], speed) if place >= 0 else None
            for duplicate in _of_files(_within(files[number]), itself, pairs):
                found[duplicate.a, duplicate.b] = duplicate
    return list(found.values())


def _of_files(
    files: Iterable[tuple[IndexedFile, IndexedFile]], compared: Compared | None, pairs: float
) -> Iterator[Duplicate]:
    """Judge each pair of files; A before B by key.

    Args:
        files: pairs whose fingerprints are those that were compared.
        compared: None where only equal content counts.
        pairs: of recordings in the library.
    """
    mirrored = None if compared is None else compared.mirrored()
    for one, other in files:
        # Two short sounds are judged at 1/8 speed, where there are eight times as many frames.
        if one.has_slow and other.has_slow and compared is not None and compared.speed == 1:
            continue
        in_order = one.key < other.key
        a, b = (one, other) if in_order else (other, one)
        if judgement := judge(a, b, compared if in_order else mirrored, pairs):
            yield Duplicate(a.key, b.key, judgement)


def _across(some: Sequence[IndexedFile], others: Sequence[IndexedFile]) -> Iterator[tuple[IndexedFile, IndexedFile]]:
    """Pairs of files of two tracks: all, or where those are too many each with the best of the other track."""
    if len(some) * len(others) <= PAIRWISE**2 / 2:
        yield from product(some, others)
        return
    best_of_some, best_of_others = best(some)[0], best(others)[0]
    yield from ((best_of_some, other) for other in others)
    yield from ((one, best_of_others) for one in some if one is not best_of_some)


def _within(files: Sequence[IndexedFile]) -> Iterator[tuple[IndexedFile, IndexedFile]]:
    """Pairs of files of one track: all, or where those are too many each with the best."""
    if len(files) <= PAIRWISE:
        yield from combinations(files, 2)
        return
    kept = best(files)[0]
    yield from ((kept, file) for file in files if file is not kept)


def _with_itself(frames: Frames, speed: float) -> Compared | None:
    """What two files with one and the same fingerprint have in common; None where it says nothing."""
    alignment: Alignment | None = align(frames, frames)
    return None if alignment is None else Compared.of(frames, frames, alignment, speed)
