"""Pairs of files, out of tracks that were compared: which ones there are, and what is said of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, product

from audiodup.alignment import Alignment, align
from audiodup.frames import Frames
from audiodup.keep import best
from audiodup.model import Duplicate, IndexedFile
from audiodup.verdict import Compared, judge

PAIRWISE = 100
"""Of a class of more equal files each is paired with the best copy only: pairs grow with the square, and a thousand
copies of a sting are half a million pairs that say the same."""


def of_files(
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


def across(some: Sequence[IndexedFile], others: Sequence[IndexedFile]) -> Iterator[tuple[IndexedFile, IndexedFile]]:
    """Pairs of files of two tracks: all, or where those are too many each with the best of the other track."""
    if len(some) * len(others) <= PAIRWISE**2 / 2:
        yield from product(some, others)
        return
    best_of_some, best_of_others = best(some)[0], best(others)[0]
    yield from ((best_of_some, other) for other in others)
    yield from ((one, best_of_others) for one in some if one is not best_of_some)


def within(files: Sequence[IndexedFile]) -> Iterator[tuple[IndexedFile, IndexedFile]]:
    """Pairs of files of one track: all, or where those are too many each with the best."""
    if len(files) <= PAIRWISE:
        yield from combinations(files, 2)
        return
    kept = best(files)[0]
    yield from ((kept, file) for file in files if file is not kept)


def with_itself(frames: Frames, speed: float) -> Compared | None:
    """What two files with one and the same fingerprint have in common; None where it says nothing."""
    alignment: Alignment | None = align(frames, frames)
    return None if alignment is None else Compared.of(frames, frames, alignment, speed)
