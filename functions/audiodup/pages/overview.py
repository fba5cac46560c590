"""The statistics page."""

from __future__ import annotations

from flask import Blueprint, g, render_template

from audiodup.errors import stored_codes
from audiodup.pages.desk import desk
from audiodup.reviewing import count_by

pages = Blueprint("overview", __name__)


@pages.get("/statistics")
def statistics() -> str:
    """How far the library is, what failed, what was found, and what could be saved."""
    reviews = desk().reviews
    counts = reviews.counts()
    return render_template(
        "statistics.html",
        library=desk().statistics(),
        remedies={error.code: error.remedy for error in stored_codes()},
        by={name: count_by(name, counts) for name in ("verdict", "kind", "action", "review")},
        pairs=sum(count.pairs for count in counts),
        space=reviews.space(),
        who=g.who,
    )
