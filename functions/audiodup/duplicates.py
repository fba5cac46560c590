"""Where the matcher's results are: pairs, groups, and what people have said of pairs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import groupby
from typing import Any

import structlog

from audiodup import __version__
from audiodup.errors import Conflict
from audiodup.model import (
    Action,
    Duplicate,
    FileKey,
    Group,
    IndexedFile,
    Judgement,
    Kind,
    MatchedRange,
    Review,
    Verdict,
)
from audiodup.rows import statement_sized
from audiodup.session import Session

log = structlog.get_logger()

_CONTENT_FIELDS = (
    "asset_id", "file_key", "duration", "file_size", "container", "codec", "channels", "sample_rate", "sha256", "etag",
    "pcm_md5",
)  # fmt: skip
_GROUPED_FIELDS = (
    "asset_id", "file_key", "format", "duration", "file_size", "container", "codec", "lossless", "channels",
    "sample_rate", "bit_rate", "bandwidth", "created_at",
)  # fmt: skip


class Duplicates:
    """AUDIO_DUPLICATE, AUDIO_DUPLICATE_GROUP and AUDIO_DUPLICATE_REVIEW."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def generation(self) -> int:
        """Rises with every change of index, pairs and groups."""
        return int(self._session.run("index/state")[0][0])

    @contextmanager
    def transaction(self, generation: int) -> Iterator[None]:
        """What is written within is there as a whole or not at all, and nobody else writes meanwhile.

        Args:
            generation: when that was read which the written is made from.

        Raises:
            Conflict: another run has changed something since, or does at this moment.
        """
        with self._session.transaction():
            # On Snowflake (READ COMMITTED) two runs would else see each other's pairs in part, and write some twice;
            # and a slow one would write pairs of files that were replaced since.
            self._session.run("index/lock")
            if self.generation() != generation + 1:
                raise Conflict("another process has changed the index meanwhile")
            yield

    def replace(self, found: Sequence[Duplicate]) -> None:
        """Write pairs in place of what was said of the same pairs."""
        for text in statement_sized([_as_row(one) for one in found]):
            self._session.run("duplicates/drop_same", rows=text)
            self._session.run("duplicates/add", rows=text)

    def equal_content(self, pairwise: int) -> list[tuple[IndexedFile, IndexedFile]]:
        """Pairs of files of equal content that are not among the stored ones as such.

        Args:
            pairwise: in a class of more copies each is paired with the first only.
        """
        rows = self._session.run("duplicates/equal_content", pairwise=pairwise)
        count = len(_CONTENT_FIELDS)
        return [
            (
                IndexedFile(**dict(zip(_CONTENT_FIELDS, row[:count], strict=True))),
                IndexedFile(**dict(zip(_CONTENT_FIELDS, row[count:], strict=True))),
            )
            for row in rows
        ]

    def pairs(self) -> Iterator[Duplicate]:
        """All that is said by now, the surest first; where a person has said otherwise the action says so."""
        return map(read_duplicate, self._session.run("duplicates/pairs"))

    def files(self) -> Mapping[FileKey, IndexedFile]:
        """The files that are in any pair or in a person's word."""
        rows = self._session.run("duplicates/grouped_files")
        return {(row[0], row[1]): IndexedFile(**dict(zip(_GROUPED_FIELDS, row, strict=True))) for row in rows}

    def reviews(self) -> dict[tuple[FileKey, FileKey], Review]:
        """What people have said of pairs, and not taken back."""
        words = {review.value: review for review in Review if review is not Review.UNDO}
        rows = self._session.run("duplicates/reviews")
        for row in rows:
            if row[4] not in set(Review):
                log.warning("a review with an unknown word is passed over", pair=row[:4], word=row[4])
        return {((row[0], row[1]), (row[2], row[3])): words[row[4]] for row in rows if row[4] in words}

    def groups(self) -> list[Group]:
        """The groups as they are stored."""
        found = []
        for group_id, rows in groupby(self._session.run("duplicates/groups"), key=lambda row: row[0]):
            files = list(rows)
            kept = next(row for row in files if row[3])
            found.append(Group(group_id, (kept[1], kept[2]), kept[4], tuple(sorted((row[1], row[2]) for row in files))))
        return found

    def replace_groups(self, groups: Iterable[Group]) -> None:
        """Write groups in place of all there were; within a transaction."""
        rows = [
            {
                "group_id": group.group_id,
                "asset_id": member[0],
                "file_key": member[1],
                "keep": member == group.kept,
                "reason": group.reason if member == group.kept else None,
            }
            for group in groups
            for member in group.members
        ]
        self._session.run("duplicates/forget_groups")
        for text in statement_sized(rows):
            self._session.run("duplicates/add_groups", rows=text)


def _as_row(one: Duplicate) -> dict[str, Any]:
    judgement = asdict(one.judgement)
    return {
        "a_asset_id": one.a[0],
        "a_file_key": one.a[1],
        "b_asset_id": one.b[0],
        "b_file_key": one.b[1],
        "matcher_version": __version__,
        **judgement,
        "ranges": json.dumps([list(each.values()) for each in judgement["ranges"]], separators=(",", ":")),
    }


def read_duplicate(row: tuple[Any, ...]) -> Duplicate:
    """A row of sql/duplicates/pairs.sql."""
    a_asset, a_file, b_asset, b_file, verdict, kind, action, *rest = row
    similarity, kappa, expected, coverage_a, coverage_b, offset, overlap, tempo, ranges, evidence = rest
    return Duplicate(
        (a_asset, a_file),
        (b_asset, b_file),
        Judgement(
            Verdict(verdict),
            Kind(kind) if kind else None,
            Action(action),
            similarity=similarity,
            kappa=kappa,
            expected_false=expected,
            coverage_a=coverage_a,
            coverage_b=coverage_b,
            offset_seconds=offset,
            overlap_seconds=overlap,
            tempo=tempo,
            ranges=tuple(MatchedRange(*each) for each in json.loads(ranges)),
            evidence=evidence,
        ),
    )
