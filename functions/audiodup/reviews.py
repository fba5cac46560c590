"""The review page's side of the store: pairs by a filter, what people have said, and adding to it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiodup.compressed import CompressedFormatError, decode
from audiodup.duplicates import read_duplicate
from audiodup.model import NEVER, FileKey, IndexedFile, Review
from audiodup.reviewing import (
    PAGE,
    ExportedWord,
    Filter,
    GroupOfFiles,
    LibraryFile,
    PairCount,
    PairKey,
    PlacedPair,
    Reviewed,
    Sort,
    Space,
    Word,
)
from audiodup.rows import database_time, statement_sized
from audiodup.session import Session

_EXPORTED = 5_000
_PROVIDERS = 100
_FIELDS = (
    "duration", "file_size", "container", "codec", "lossless", "channels", "sample_rate", "bit_rate", "bandwidth",
    "balance", "sha256", "etag", "pcm_md5", "created_at",
)  # fmt: skip
_NOBODY: PairKey = (("", ""), ("", ""))


class StoredReviews:
    """Fulfils reviewing.Reviews."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def transaction(self) -> AbstractContextManager[None]:
        return self._session.transaction()

    def now(self) -> datetime:
        [(moment,)] = self._session.run("clock")
        return _utc(moment)

    def places(
        self, wanted: Filter, sort: Sort, *, mark: PairKey | None = None, ahead: int = 0, behind: int = 0
    ) -> tuple[int, list[PlacedPair]]:
        rows = self._session.run(
            "review/pairs",
            verdict=_plain(wanted.verdict),
            kind=_plain(wanted.kind),
            action=_plain(wanted.action),
            review=_plain(wanted.review),
            similarity_from=wanted.similarity_from,
            similarity_to=wanted.similarity_to,
            newer_days=wanted.newer_days,
            older_days=wanted.older_days,
            provider=wanted.provider,
            text=wanted.text,
            group_id=wanted.group_id,
            reviewed_by=wanted.reviewed_by,
            reviewed_at=wanted.reviewed_at and database_time(wanted.reviewed_at),
            changed_since=wanted.changed_since and database_time(wanted.changed_since),
            sort=sort.value,
            ahead=ahead,
            behind=behind,
            **_columns(mark or _NOBODY),
        )
        places = [
            PlacedPair(_pair(names), seen or "", int(place), bool(ahead)) for _, place, *names, seen, ahead in rows
        ]
        return (int(rows[0][0]) if rows else 0), places

    def pairs(self, keys: Sequence[PairKey]) -> dict[PairKey, Reviewed]:
        found: dict[PairKey, Reviewed] = {}
        for text in statement_sized(list(map(_columns, keys))):
            for *row, matched_at, review_id, by, at, word in self._session.run("review/details", rows=text):
                one = read_duplicate(tuple(row))
                said = Word(review_id, word or Review.UNDO, by, _utc(at)) if review_id else None
                found[one.a, one.b] = Reviewed(one, _utc(matched_at), said)
        return found

    def files(self, keys: Sequence[FileKey]) -> dict[FileKey, LibraryFile]:
        found: dict[FileKey, LibraryFile] = {}
        for text in statement_sized(_names(dict.fromkeys(keys))):
            for row in self._session.run("review/files", rows=text):
                values = dict(zip(_FIELDS, row, strict=False))
                provider, group_id, keep, reason, asset_id, file_key, file_format, is_listed = row[len(_FIELDS) :]
                found[asset_id, file_key] = LibraryFile(
                    IndexedFile(asset_id, file_key, file_format, **values),
                    provider,
                    bool(is_listed),
                    group_id,
                    bool(keep),
                    reason,
                )
        return found

    def fingerprints(self, keys: Sequence[FileKey]) -> dict[FileKey, tuple[NDArray[np.uint32] | None, ...]]:
        """The fingerprint of each file, and the slow one of short sounds; None where there is none, or none that can be
        read.
        """
        found: dict[FileKey, tuple[NDArray[np.uint32] | None, ...]] = {}
        for text in statement_sized(_names(keys)):
            for asset_id, file_key, *texts in self._session.run("review/fingerprints", rows=text):
                found[asset_id, file_key] = tuple(map(_decoded, texts))
        return found

    def words(self, pair: PairKey) -> list[Word]:
        rows = self._session.run("review/words", **_columns(pair))
        return [Word(review_id, word, by, _utc(at)) for review_id, by, at, word in rows]

    def append(self, pairs: Sequence[PlacedPair], review: Review, by: str, at: datetime) -> int:
        rows = [{"review_id": str(uuid.uuid4()), "seen": pair.seen, **_columns(pair.key)} for pair in pairs]
        added = 0
        for text in statement_sized(rows):
            [(count,)] = self._session.run(
                "review/append", rows=text, review=review.value, reviewed_by=by, reviewed_at=database_time(at)
            )
            added += int(count)
        return added

    def export(self) -> Iterator[ExportedWord]:
        after = NEVER, ""
        while True:
            rows = self._session.run(
                "review/export", after_moment=database_time(after[0]), after_review_id=after[1], at_most=_EXPORTED
            )
            for at, review_id, *names, by, word, counts in rows:
                yield ExportedWord(_pair(names), Word(review_id, word, by, _utc(at)), bool(counts))
            if len(rows) < _EXPORTED:
                return
            after = _utc(rows[-1][0]), rows[-1][1]

    def groups(self, text: str | None, first: int, at_most: int = PAGE) -> tuple[int, list[GroupOfFiles]]:
        rows = self._session.run("review/groups", text=text, places=first, at_most=at_most)
        members = {
            group_id: list(files)
            for group_id, files in groupby(
                self._session.run("review/members", group_ids=json.dumps([row[0] for row in rows])),
                key=lambda row: row[0],
            )
        }
        groups = [
            GroupOfFiles(
                group_id,
                tuple((row[1], row[2]) for row in members[group_id]),
                members[group_id][0][4] or "",
                int(saving),
            )
            for group_id, _, saving, _ in rows
            # Else the matcher has made the groups anew between the two statements.
            if group_id in members
        ]
        return (int(rows[0][3]) if rows else 0), groups

    def counts(self) -> list[PairCount]:
        return [
            PairCount(verdict, kind, action, review, int(pairs))
            for verdict, action, kind, review, pairs in self._session.run("review/counts")
        ]

    def space(self) -> Space:
        [row] = self._session.run("review/space")
        return Space(*map(int, row))

    def providers(self) -> list[str]:
        return [name for (name,) in self._session.run("review/providers", at_most=_PROVIDERS)]


def _decoded(text: str | None) -> NDArray[np.uint32] | None:
    try:
        return decode(text)[1] if text else None
    except CompressedFormatError:
        # Rows of the original system may hold anything.
        return None


def _plain(choice: str | None) -> str | None:
    """The connector binds no subclass of str."""
    return None if choice is None else str(choice)


def _columns(pair: PairKey) -> dict[str, str]:
    (a_asset_id, a_file_key), (b_asset_id, b_file_key) = pair
    return {"a_asset_id": a_asset_id, "a_file_key": a_file_key, "b_asset_id": b_asset_id, "b_file_key": b_file_key}


def _pair(names: Sequence[str]) -> PairKey:
    a_asset_id, a_file_key, b_asset_id, b_file_key = names
    return (a_asset_id, a_file_key), (b_asset_id, b_file_key)


def _names(keys: Iterable[FileKey]) -> list[dict[str, Any]]:
    return [{"asset_id": asset_id, "file_key": file_key} for asset_id, file_key in keys]


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
