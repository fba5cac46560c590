"""What has FAILED, and how the files of dead letters stand: what redriving asks of the store.

It only reads. Which outcome a row shows is the merge's to say.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from audiodup.model import NEVER, Asset, FileKey, Status
from audiodup.rows import statement_sized
from audiodup.session import Session


@dataclass(frozen=True, slots=True)
class FailedCode:
    """An error code, how many files of the library are FAILED with it, and some of them."""

    code: str
    files: int
    samples: tuple[FileKey, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the store knows of a file that a dead letter names."""

    status: Status | None
    """None: it has no row."""
    requested_at: datetime
    """Of the outcome its row shows."""
    listed: bool
    """Whether AUDIO_ASSET has it."""


class Failures:
    """Everything redriving reads of the store."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def by_code(self, *, codes: int, samples: int) -> tuple[list[FailedCode], int]:
        """The most frequent codes, and how many files are FAILED with any.

        Args:
            codes: at most so many (rows of the original system may have any text for one).
            samples: so many files of each.
        """
        rows = self._session.run("redrive/failed_by_code", samples=samples, codes=codes)
        found: dict[str, list[FileKey]] = {}
        files: dict[str, int] = {}
        total = 0
        for code, count, in_all, asset_id, file_key in rows:
            found.setdefault(code, []).append((asset_id, file_key))
            files[code], total = int(count), int(in_all)
        return [FailedCode(code, files[code], tuple(keys)) for code, keys in found.items()], total

    def page(
        self, *, after: FileKey | None, code: str | None, asset_ids: Sequence[str] | None, at_most: int
    ) -> list[tuple[Asset, str]]:
        """Files that are FAILED now, each with its code, by key behind `after`; None is any code, or every asset."""
        after_asset_id, after_file_key = after or ("", "")
        rows = self._session.run(
            "redrive/failed_page",
            after_asset_id=after_asset_id,
            after_file_key=after_file_key,
            all_codes=code is None,
            code=code or "",
            all_assets=asset_ids is None,
            asset_ids=json.dumps(list(asset_ids or ())),
            at_most=at_most,
        )
        return [(Asset(*asset), found) for *asset, found in rows]

    def standing(self, files: Collection[FileKey]) -> dict[FileKey, Standing]:
        """How each of these files stands."""
        rows = [{"asset_id": asset_id, "file_key": file_key} for asset_id, file_key in files]
        # Letters may name anything: what the store does not find again by its name is not there.
        found = dict.fromkeys(files, Standing(None, NEVER, listed=False))
        for text in statement_sized(rows):
            for asset_id, file_key, status, requested_at, listed in self._session.run("redrive/standing", rows=text):
                found[asset_id, file_key] = Standing(
                    Status(status) if status else None, requested_at.replace(tzinfo=UTC), bool(listed)
                )
        return found
