"""What the pages are made of: the ports they use, and the queries that every page understands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, TypeVar
from urllib.parse import urlencode

import numpy as np
from flask import Request, Response, current_app
from numpy.typing import NDArray

from audiodup.model import Action, Asset, FileKey, Kind, Review, Verdict
from audiodup.reviewing import NO_KIND, Decided, Filter, PairKey, Reviews, Sort
from audiodup.steps import Deadline
from audiodup.store import Statistics

EXTENSION = "audiodup"
Choice = TypeVar("Choice", Verdict, Action, Kind, Sort)


Fingerprints = tuple[NDArray[np.uint32] | None, ...]
"""A file's fingerprint, and the slow one of a short sound; shape (n,) each, None where there is none."""


class PageReviews(Reviews, Protocol):
    """The step's port, and what only a picture needs."""

    def fingerprints(self, keys: Sequence[FileKey]) -> dict[FileKey, Fingerprints]: ...


class WaveformLike(Protocol):
    """What is drawn of a file."""

    @property
    def seconds(self) -> float: ...
    @property
    def peaks(self) -> tuple[int, ...]: ...
    @property
    def complete(self) -> bool: ...


@dataclass(frozen=True)
class Desk:
    """The ports of one app."""

    reviews: PageReviews
    statistics: Callable[[], Statistics]
    """Of the whole library."""
    listen: Callable[[Asset, Request], Response]
    """Answers with the asset's sound, or with where it is."""
    waveform: Callable[[Asset, Deadline], WaveformLike]
    who: Callable[[Mapping[str, str]], str]
    """The person who asks, from the request's headers."""
    deadline: Callable[[], Deadline]
    media_hosts: tuple[str, ...] = ()
    """Where sounds come from, besides this host: sources of the Content-Security-Policy."""
    loopback_only: bool = False
    """Answer only who asks for this machine by its own name."""


def desk() -> Desk:
    """That of the app which answers now."""
    found: Desk = current_app.extensions[EXTENSION]
    return found


class BadQuery(ValueError):
    """An address that no page wrote: its words say what of it cannot be read."""


def read_filter(query: Mapping[str, str]) -> Filter:
    """The filter that an address names; without a word on reviews it is that of the undecided pairs.

    Raises:
        BadQuery: a value is none of those there are.
    """
    review = query.get("review", Decided.UNDECIDED.value)
    kind = query.get("kind")
    return Filter(
        verdict=_choice(Verdict, query, "verdict"),
        kind=kind if kind == NO_KIND else _choice(Kind, query, "kind"),
        action=_choice(Action, query, "action"),
        review=_review(review) if review else None,
        similarity_from=_number(query, "from"),
        similarity_to=_number(query, "to"),
        newer_days=_days(query, "newer"),
        older_days=_days(query, "older"),
        provider=query.get("provider") or None,
        text=query.get("q", "").strip() or None,
        group_id=query.get("group") or None,
        reviewed_by=query.get("by") or None,
        reviewed_at=read_moment(query, "at"),
    )


def read_sort(query: Mapping[str, str]) -> Sort:
    """The order that an address names."""
    return _choice(Sort, query, "sort") or Sort.SUREST


def read_pair(query: Mapping[str, str]) -> PairKey | None:
    """The pair that an address names, if any, in the order that pairs have."""
    names = [query.get(name, "") for name in ("a", "a_key", "b", "b_key")]
    if not any(names):
        return None
    if not all(names):
        raise BadQuery("a pair is named by a, a_key, b and b_key")
    one, other = (names[0], names[1]), (names[2], names[3])
    return (one, other) if one < other else (other, one)


def filter_query(wanted: Filter, sort: Sort) -> dict[str, str]:
    """What an address says of them, in full but for what lets all through."""
    named = {
        "verdict": wanted.verdict,
        "kind": wanted.kind,
        "action": wanted.action,
        "review": wanted.review or "",
        "from": wanted.similarity_from,
        "to": wanted.similarity_to,
        "newer": wanted.newer_days,
        "older": wanted.older_days,
        "provider": wanted.provider,
        "q": wanted.text,
        "group": wanted.group_id,
        "by": wanted.reviewed_by,
        "at": wanted.reviewed_at and wanted.reviewed_at.isoformat(),
        "sort": sort if sort is not Sort.SUREST else None,
    }
    return {name: str(value) for name, value in named.items() if value is not None}


def pair_query(pair: PairKey) -> dict[str, str]:
    """What an address says of a pair."""
    return {"a": pair[0][0], "a_key": pair[0][1], "b": pair[1][0], "b_key": pair[1][1]}


def address(path: str, *queries: Mapping[str, str]) -> str:
    """A link."""
    together = {name: value for query in queries for name, value in query.items()}
    return f"{path}?{urlencode(together)}" if together else path


def _choice(kind: type[Choice], query: Mapping[str, str], name: str) -> Choice | None:
    text = query.get(name)
    if not text:
        return None
    try:
        return kind(text)
    except ValueError:
        raise BadQuery(f"{name} is one of {', '.join(kind)}") from None


def _review(text: str) -> Review | Decided:
    for kind in (Decided, Review):
        if text in set(kind) - {Review.UNDO}:
            return kind(text)
    raise BadQuery(f"review is one of {', '.join([*Decided, *(word for word in Review if word is not Review.UNDO)])}")


def _number(query: Mapping[str, str], name: str) -> float | None:
    text = query.get(name)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise BadQuery(f"{name} is a number from 0 to 1") from None
    if not 0 <= value <= 1:
        raise BadQuery(f"{name} is a number from 0 to 1")
    return value


def _days(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if not text:
        return None
    if (days := whole_number(text)) is None or days > 100_000:
        raise BadQuery(f"{name} is a number of days")
    return days


def whole_number(text: str) -> int | None:
    """What a person may have typed for one; None where it is none. Python refuses to read thousands of digits."""
    return int(text) if text.isdecimal() and len(text) <= 9 else None


def read_moment(query: Mapping[str, str], name: str) -> datetime | None:
    """A moment that an address or a form names, UTC."""
    text = query.get(name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        # The first and the last day have moments that UTC has not.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadQuery(f"{name} is a moment, as in 2026-11-30T12:00:00.000000+00:00") from None
