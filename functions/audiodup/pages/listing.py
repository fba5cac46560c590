"""The list of pairs, the list of groups, and the page of one pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, g, render_template, request

from audiodup.decisions import NoSuchPair
from audiodup.model import Judgement
from audiodup.pages.desk import BadQuery, desk, read_filter, read_pair, read_sort, whole_number
from audiodup.reviewing import PAGE, LibraryFile, advice
from audiodup.texts import bytes_text

pages = Blueprint("listing", __name__)


@pages.get("/")
def pairs() -> str:
    """One page of the pairs."""
    wanted, sort = read_filter(request.args), read_sort(request.args)
    reviews = desk().reviews
    mark = read_pair(request.args)
    backward = mark is not None and request.args.get("page") == "before"
    side = "behind" if backward else "ahead"
    total, places = reviews.places(wanted, sort, mark=mark, **{side: PAGE})
    if not places and mark is not None:
        # Behind the last pair, or before the first: they have been decided meanwhile.
        total, places = reviews.places(wanted, sort, ahead=PAGE)
    details = reviews.pairs([place.key for place in places])
    listed = [details[place.key] for place in places if place.key in details]
    files = reviews.files([key for pair in listed for key in pair.key])
    return render_template(
        "pairs.html",
        wanted=wanted,
        sort=sort,
        total=total,
        pairs=listed,
        files=files,
        advice={pair.key: advice(pair, files) for pair in listed},
        providers=reviews.providers(),
        first=places[0].place if places else 0,
        last=places[-1].place if places else 0,
        who=g.who,
    )


@pages.get("/groups")
def groups() -> str:
    """One page of the groups."""
    text = request.args.get("q", "").strip() or None
    number = whole_number(request.args.get("page", "1"))
    if not number:
        raise BadQuery("page is a number from 1 on")
    first = (number - 1) * PAGE
    total, found = desk().reviews.groups(text, first)
    shown = [key for group in found for key in group.members[:_MEMBERS_SHOWN]]
    return render_template(
        "groups.html",
        text=text,
        page=number,
        pages=-(-total // PAGE),
        total=total,
        groups=found,
        members_shown=_MEMBERS_SHOWN,
        files=desk().reviews.files(shown),
        who=g.who,
    )


_MEMBERS_SHOWN = 12


@pages.get("/pair")
def pair() -> str:
    """All that is known of two files."""
    key = read_pair(request.args)
    wanted, sort = read_filter(request.args), read_sort(request.args)
    reviews = desk().reviews
    if key is None or (found := reviews.pairs([key]).get(key)) is None:
        raise NoSuchPair
    files = reviews.files(list(key))
    _, around = reviews.places(wanted, sort, mark=key, ahead=1, behind=1)
    return render_template(
        "pair.html",
        wanted=wanted,
        sort=sort,
        pair=found,
        files=files,
        advice=advice(found, files),
        words=reviews.words(key),
        next=next((place.key for place in around if place.is_ahead), None),
        previous=next((place.key for place in around if not place.is_ahead), None),
        facts=facts([files[one] for one in key]),
        alignment=alignment(found.duplicate.judgement),
        who=g.who,
    )


def alignment(judgement: Judgement) -> dict[str, Any]:
    """What the player needs to keep B at the same place as A: b = tempo * a + offset, and the ranges, in seconds."""
    return {
        "tempo": judgement.tempo,
        "offset": judgement.offset_seconds,
        "ranges": [[one.a_start, one.a_end, one.b_start, one.b_end] for one in judgement.ranges],
    }


def facts(files: Sequence[LibraryFile]) -> list[tuple[str, list[str]]]:
    """What is known of the files, side by side: a name, and a text of each."""
    return [(name, [text(one) for one in files]) for name, text in _FACTS]


def _known(value: object, unit: str = "") -> str:
    return "" if value is None else f"{value}{unit}"


_FACTS: tuple[tuple[str, Callable[[LibraryFile], str]], ...] = (
    ("File", lambda one: one.file.file_key),
    ("Asset", lambda one: one.file.asset_id),
    ("Provider", lambda one: one.provider or ""),
    ("Uploaded (UTC)", lambda one: one.file.created_at.strftime("%Y-%m-%d %H:%M") if one.file.created_at else ""),
    ("Format", lambda one: one.file.format or ""),
    ("Container", lambda one: one.file.container or ""),
    ("Codec", lambda one: one.file.codec or ""),
    ("Lossless", lambda one: {True: "yes", False: "no", None: ""}[one.file.lossless]),
    ("Length", lambda one: "" if one.file.duration is None else f"{one.file.duration:.2f} s"),
    ("Size", lambda one: bytes_text(one.file.file_size)),
    ("Channels", lambda one: _known(one.file.channels)),
    ("Sample rate", lambda one: _known(one.file.sample_rate, " Hz")),
    ("Bit rate", lambda one: "" if one.file.bit_rate is None else f"{one.file.bit_rate / 1000:.0f} kbit/s"),
    ("Sound up to", lambda one: "" if one.file.bandwidth is None else f"{one.file.bandwidth / 1000:.1f} kHz"),
    ("Balance", lambda one: "" if one.file.balance is None else f"{one.file.balance:+.1f} dB"),
    ("SHA-256", lambda one: one.file.sha256 or ""),
    ("MD5 of the samples", lambda one: one.file.pcm_md5 or ""),
    ("In the library", lambda one: "yes" if one.is_listed else "not any more"),
)
