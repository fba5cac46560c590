"""What every template knows: how values are written, and the words there are to choose from."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from flask import Flask

from audiodup.model import Action, Kind, Review, Verdict
from audiodup.pages.desk import address, filter_query, pair_query
from audiodup.reviewing import NO_KIND, Decided, Sort
from audiodup.texts import bytes_text, clock_time, printable


def equip(app: Flask) -> None:
    """Tell them to the app's templates."""
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        clock_time=clock_time, bytes=bytes_text, printable=printable, moment=_moment, choices=_twice
    )
    app.jinja_env.globals.update(
        address=address, filter_query=filter_query, pair_query=pair_query, Verdict=Verdict, Kind=Kind, Action=Action,
        Review=Review, Decided=Decided, Sort=Sort, NO_KIND=NO_KIND,
    )  # fmt: skip


def _moment(moment: datetime | None) -> str:
    """UTC, to the minute."""
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%M")


def _twice(names: Iterable[str]) -> list[tuple[str, str]]:
    """Choices whose words are their values."""
    return [(name, name) for name in names]
