"""A library whose tracks share parts, and what an index of it holds and finds, by the files' names."""

from __future__ import annotations

from collections.abc import Iterable

from audiodup.index import Candidates, Index
from audiodup.keys import SETTINGS
from audiodup.session import Row, Session
from tests.frames import joined, music, worn
from tests.shelf import Shelf

NORMAL = SETTINGS[0].normal.version
# Some share parts, at several distances.
LIBRARY = {
    "a": music(1),
    "a worn": worn(music(1), 0.02),
    "a late": music(1)[100:],
    "b": music(2),
    "b and a": joined(music(2)[300:600], music(1)[200:500]),
    "c": music(3),
    "d": music(4),
    "d early": joined(music(5)[:64], music(4)),
}


def put_library(shelf: Shelf, part: slice = slice(None)) -> None:
    """All of it, or a part."""
    with shelf.at_once():
        for name, items in list(LIBRARY.items())[part]:
            shelf.put(name, items)


def rows(session: Session, text: str) -> list[Row]:
    """What a query gives, sorted."""
    with session._lock:
        return sorted(tuple(row) for row in session._execute(text))


def content(session: Session) -> tuple[list[Row], list[Row]]:
    """Files and keys of the index, without when they came."""
    return (
        rows(session, "SELECT TRACK_ID, ASSET_ID, FILE_KEY, KEY_VERSION, EVENT_ID, KEYS FROM AUDIO_INDEX_TRACK"),
        rows(session, "SELECT KEY, TRACK_ID, POSITION FROM AUDIO_INDEX_KEY"),
    )


def names(session: Session, version: str = NORMAL) -> dict[int, set[str]]:
    """Which files each track is, by their asset ids."""
    found: dict[int, set[str]] = {}
    for number, asset_id in rows(
        session, f"SELECT TRACK_ID, ASSET_ID FROM AUDIO_INDEX_TRACK WHERE KEY_VERSION = '{version}'"
    ):
        found.setdefault(int(number), set()).add(asset_id)
    return found


def pairs(session: Session, candidates: Iterable[Candidates]) -> list[tuple[str, str, int, int]]:
    """Pairs by name, lower first, with the distance from the lower to the higher and the keys in common; sorted."""
    by_number = {number: min(files) for number, files in names(session).items()}
    found = []
    for one in candidates:
        for a, b, offset, keys in zip(one.track_a, one.track_b, one.offset, one.keys, strict=True):
            first, second = by_number[int(a)], by_number[int(b)]
            if first < second:
                found.append((first, second, int(offset), int(keys)))
            else:
                found.append((second, first, -int(offset), int(keys)))
    return sorted(found)


def match(index: Index) -> list[Candidates]:
    """Take all batches from the queue."""
    found = []
    for batch in index.batches():
        found.append(index.candidates(batch))
        index.mark_matched(batch)
    return found
