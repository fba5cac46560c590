"""The statistics page."""

from __future__ import annotations

from collections import Counter

from flask import Blueprint, g, render_template

from audiodup.errors import stored_codes
from audiodup.pages.desk import desk

pages = Blueprint("overview", __name__)


@pages.get("/statistics")
def statistics() -> str:
    """How far the library is, what failed, what was found, and what could be saved."""
    reviews = desk().reviews
    counts = reviews.counts()
    by = {name: Counter[str]() for name in ("verdict", "kind", "action", "review")}
    for count in counts:
        for name, counter in by.items():
            counter[getattr(count, name)] += count.pairs
    return render_template(
        "statistics.html",
        library=desk().statistics(),
        remedies={error.code: error.remedy for error in stored_codes()},
        by=by,
        pairs=sum(count.pairs for count in counts),
        space=reviews.space(),
        who=g.who,
    )
