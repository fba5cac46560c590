"""What a person says: of one pair, of all pairs of a filter, and all that was said as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import structlog
from flask import Blueprint, Response, g, redirect, render_template, request

from audiodup.decisions import NoSuchPair, decide, decide_all
from audiodup.model import Review
from audiodup.pages.desk import (
    BadQuery,
    address,
    desk,
    filter_query,
    pair_query,
    read_filter,
    read_moment,
    read_pair,
    read_sort,
    whole_number,
)
from audiodup.reviewing import ExportedWord, Filter, Sort
from audiodup.texts import csv_cell

log = structlog.get_logger()

pages = Blueprint("deciding", __name__)

_COLUMNS = ("a_asset_id", "a", "b_asset_id", "b", "word", "by", "at", "counts")


@pages.post("/decide")
def decide_one() -> Any:
    """Say something of a pair; a script gets JSON, a form goes back to the pair."""
    pair = read_pair(request.form)
    if pair is None:
        raise NoSuchPair
    word = _word()
    done = decide(desk().reviews, pair, word, by=g.who, seen=request.form.get("seen", ""))
    log.info("decided", pair=pair, word=word, by=g.who)
    if request.accept_mimetypes.best == "application/json":
        return {"review": done.review, "seen": done.seen, "by": g.who}
    query = filter_query(read_filter(request.form), read_sort(request.form))
    return redirect(address("/pair", pair_query(pair), query), 303)


@pages.get("/bulk")
def ask_all() -> str:
    """What would be decided, and the question whether it shall be."""
    return _question(read_filter(request.args))


def _question(wanted: Filter, problem: str = "") -> str:
    shown_at = desk().reviews.now()
    total, places = desk().reviews.places(wanted, Sort.SUREST, ahead=_SHOWN)
    details = desk().reviews.pairs([place.key for place in places])
    return render_template(
        "bulk.html",
        wanted=wanted,
        sort=read_sort(request.values),
        total=total,
        shown_at=shown_at,
        pairs=list(details.values()),
        problem=problem,
        chosen=request.values.get("word", ""),
        who=g.who,
    )


_SHOWN = 5


@pages.post("/bulk")
def decide_filter() -> Any:
    """Say one thing of all pairs of a filter, if there are as many as the person was told."""
    wanted, word = read_filter(request.form), _word()
    count, shown_at = whole_number(request.form.get("count", "")), read_moment(request.form, "shown")
    if count is None or shown_at is None:
        raise BadQuery("count and shown are how many pairs were shown, and when")
    typed = request.form.get("confirm", "").replace(",", "").strip()
    if typed != str(count):
        return _question(wanted, f"Nothing was decided: you typed {typed or 'nothing'}, and there are {count}."), 400
    done, at = decide_all(desk().reviews, wanted, word, by=g.who, count=count, shown_at=shown_at)
    log.info("decided all", word=word, by=g.who, pairs=done)
    return redirect(
        address("/bulk/done", {"done": str(done), "word": word.value, "by": g.who, "at": at.isoformat()}), 303
    )


@pages.get("/bulk/done")
def done() -> str:
    """What was decided, with the way back."""
    wanted = read_filter({**request.args, "review": ""})
    return render_template(
        "done.html",
        done=request.args.get("done", ""),
        word=request.args.get("word", ""),
        wanted=wanted,
        sort=Sort.SUREST,
        who=g.who,
    )


@pages.get("/reviews.csv")
def export() -> Response:
    """All words of all people, as they were said; `counts` tells which hold."""
    return Response(
        _lines(desk().reviews.export()),
        mimetype="text/csv",
        headers={"Content-Disposition": 'attachment; filename="audiodup-reviews.csv"'},
    )


def _lines(words: Iterator[ExportedWord]) -> Iterator[str]:
    page = io.StringIO()
    writer = csv.writer(page)
    writer.writerow(_COLUMNS)
    for one in words:
        (a_asset_id, a), (b_asset_id, b) = one.pair
        said = one.word
        row = (a_asset_id, a, b_asset_id, b, said.review, said.by, said.at.isoformat(), int(one.counts))
        writer.writerow([csv_cell(value) for value in row])
        if page.tell() > _CHUNK:
            yield page.getvalue()
            page.seek(0)
            page.truncate()
    yield page.getvalue()


_CHUNK = 65_536


def _word() -> Review:
    try:
        return Review(request.form.get("word", ""))
    except ValueError:
        raise BadQuery(f"word is one of {', '.join(Review)}") from None
