"""One HTML file about a library's duplicates, to send to someone: it needs nothing but a browser, and asks nobody."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from audiodup import __version__
from audiodup.model import FileKey
from audiodup.pages.desk import PageReviews
from audiodup.pages.environment import equip
from audiodup.pages.listing import facts
from audiodup.pages.media import pair_difference
from audiodup.pages.timeline import Timeline, timeline
from audiodup.reviewing import PAGE, Advice, Filter, LibraryFile, PairKey, Reviewed, Sort, advice, count_by
from audiodup.store import Statistics

PAIRS_SHOWN = 500
"""Each takes some 10 kB with its picture: 5 MB, which still goes by mail and opens at once."""
GROUPS_SHOWN = 500
COPIES_SHOWN = 12
_PAIRS_AT_ONCE = 20
"""Read by one statement of each kind, and held in memory."""
_STYLES = ("style.css", "report.css")


@dataclass(frozen=True, slots=True)
class _Copy:
    file: LibraryFile
    pair: int | None
    """The number that its pair with the kept copy has in the report."""


@dataclass(frozen=True, slots=True)
class _Group:
    kept: LibraryFile
    reason: str
    saving: int
    copies: tuple[_Copy, ...]
    more: int


@dataclass(frozen=True, slots=True)
class _Pair:
    number: int
    pair: Reviewed
    files: tuple[LibraryFile, LibraryFile]
    advice: Advice
    facts: list[tuple[str, list[str]]]
    drawn: Timeline | None


def report(reviews: PageReviews, library: Statistics, over: str) -> Iterator[str]:
    """The file, piece by piece, so that it never is in memory as a whole.

    Args:
        reviews: where pairs, groups and what people have said are read.
        library: how far it is.
        over: what the library is, in words.
    """
    app = Flask("audiodup.pages")
    equip(app)
    style = "\n".join((Path(app.static_folder or "") / name).read_text(encoding="utf-8") for name in _STYLES)
    total, places = reviews.places(Filter(), Sort.SUREST, ahead=PAIRS_SHOWN)
    numbers = {place.key: number for number, place in enumerate(places, 1)}
    groups_total, _ = reviews.groups(None, 0, 1)
    counts = reviews.counts()
    yield from app.jinja_env.get_template("report.html").generate(
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        version=__version__,
        at=reviews.now(),
        over=over,
        library=library,
        counts=[
            (title, count_by(name, counts))
            for title, name in (("Verdict", "verdict"), ("Kind", "kind"), ("Action", "action"), ("Decision", "review"))
        ],
        space=reviews.space(),
        total=total,
        shown=len(places),
        pairs=_pairs(reviews, numbers),
        groups_total=groups_total,
        groups_shown=min(groups_total, GROUPS_SHOWN),
        groups=_groups(reviews, numbers),
    )


def _pairs(reviews: PageReviews, numbers: Mapping[PairKey, int]) -> Iterator[_Pair]:
    listed = list(numbers)
    for first in range(0, len(listed), _PAIRS_AT_ONCE):
        keys = listed[first : first + _PAIRS_AT_ONCE]
        pairs = reviews.pairs(keys)
        names = [name for key in keys for name in key]
        files, fingerprints = reviews.files(names), reviews.fingerprints(names)
        # One that is not there any more: the matcher has looked at its files again meanwhile.
        for pair in (pairs[key] for key in keys if key in pairs):
            two = files[pair.key[0]], files[pair.key[1]]
            found = pair_difference(pair, fingerprints)
            seconds = two[0].file.duration, two[1].file.duration
            drawn = None if found is None else timeline(found, pair.duplicate.judgement, seconds)
            yield _Pair(numbers[pair.key], pair, two, advice(pair, files), facts(two), drawn)


def _groups(reviews: PageReviews, numbers: Mapping[PairKey, int]) -> Iterator[_Group]:
    for first in range(0, GROUPS_SHOWN, PAGE):
        _, groups = reviews.groups(None, first)
        files = reviews.files([key for group in groups for key in group.members[: COPIES_SHOWN + 1]])
        for group in groups:
            kept, *others = group.members
            yield _Group(
                files[kept],
                group.reason,
                group.saving,
                tuple(_Copy(files[key], numbers.get(_ordered(kept, key))) for key in others[:COPIES_SHOWN]),
                max(len(others) - COPIES_SHOWN, 0),
            )
        if len(groups) < PAGE:
            return


def _ordered(one: FileKey, other: FileKey) -> PairKey:
    return (one, other) if one < other else (other, one)
