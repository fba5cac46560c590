"""The store: outcomes are appended to the inbox, `merge` alone turns them into rows, everything else reads.

Works on Snowflake and on the embedded store alike; the SQL is in sql/, one statement a file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from audiodup.errors import Conflict, SchemaInvalid, StoreUnavailable
from audiodup.model import Asset, Outcome, Status
from audiodup.rows import as_row, database_time, statement_sized, storable
from audiodup.session import Session, statements

PAGE = 10_000
# Ids that one statement is given: each may have 50 characters of 7 bytes (\\uFFFF), and Snowflake takes 1 MB of text.
IDS_IN_A_STATEMENT = 2_000


@dataclass(frozen=True, slots=True)
class Listed:
    """One file of the library and what is known of it."""

    asset: Asset
    status: Status | None
    file_size: int | None
    sha256: str | None
    requested_at: datetime | None
    """Of the outcome its row shows."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """The library's state, in files; every file is in exactly one of success, short, failed, queued, pending."""

    success: int
    short: int
    failed: int
    queued: int
    """In flight: QUEUED within its lease."""
    pending: int
    """Nobody works on it: no row, or QUEUED longer ago than the lease."""
    by_error: dict[str, int]
    hours_of_audio: float
    assets_per_second: float
    """Files done in the hour before the newest outcome, by the time from their first request to that outcome."""

    @property
    def total(self) -> int:
        return self.success + self.short + self.failed + self.queued + self.pending


@dataclass(frozen=True, slots=True)
class StoredRow:
    """What a person looks at."""

    asset_id: str
    file_key: str
    format: str | None
    duration: float | None
    file_size: int | None
    status: str
    fingerprint: str | None
    error: str | None


class Store:
    """All that the steps and the scripts ask of the warehouse."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def append(self, outcomes: Sequence[Outcome]) -> None:
        """Add outcomes to the inbox; when this returns they are committed.

        Raises:
            Malformed: a key does not fit.
            InvalidValue: the warehouse refuses the data of at least one of them; none of that statement is stored.
            StoreUnavailable: nobody knows; sending them again does no harm, since the merge counts an event once.
        """
        for text in statement_sized([as_row(storable(outcome)) for outcome in outcomes]):
            self._session.run("append_outcomes", rows=text)

    def merge(self) -> bool:
        """Turn the inbox's events into rows, in one transaction; False when another merge runs.

        It is the only writer of AUDIO_FINGERPRINT and AUDIO_FILE.
        """
        lock, *rest = statements("merge")
        try:
            with self._session.transaction():
                [(locked, *_)] = self._session.run(lock)
                if not locked:
                    raise SchemaInvalid("AUDIO_MERGE_LOCK has no row")
                self._merge(rest)
        except Conflict:
            return False
        return True

    def _merge(self, names: Sequence[str]) -> None:
        try:
            for name in names:
                self._session.run(name)
        except Conflict as conflict:
            # Who holds the lock meets no other merge: what was in its way is something else, and worth a word.
            raise StoreUnavailable(conflict.words) from conflict

    def clock(self) -> datetime:
        """The warehouse's time, UTC, microseconds: the only clock whose times are compared."""
        [(moment,)] = self._session.run("clock")
        return _utc(moment)

    def in_flight(self, lease_seconds: int) -> int:
        """How many files are QUEUED within their lease."""
        [(count,)] = self._session.run("in_flight", lease_seconds=lease_seconds)
        return int(count)

    def pending(self, at_most: int, lease_seconds: int) -> list[Asset]:
        """Files that nobody works on, newest uploads first."""
        rows = self._session.run("pending", at_most=at_most, lease_seconds=lease_seconds)
        return [Asset(*row) for row in rows]

    def unstorable(self) -> int:
        """How many files of the library can never get a row, for their id or key does not fit."""
        [(count,)] = self._session.run("unstorable")
        return int(count)

    def library(self, asset_ids: Sequence[str] | None = None) -> Iterator[Listed]:
        """Every file of the library, or of these assets, by key, a page at a time."""
        last = ("", "")
        while True:
            rows = self._session.run(
                "library_page",
                after_asset_id=last[0],
                after_file_key=last[1],
                all_assets=asset_ids is None,
                asset_ids=json.dumps(list(asset_ids or ())),
                at_most=PAGE,
            )
            for asset_id, file_key, file_format, provider, status, size, sha256, requested_at in rows:
                asset = Asset(asset_id, file_key, file_format, provider)
                moment = _utc(requested_at) if requested_at else None
                yield Listed(asset, Status(status) if status else None, size, sha256, moment)
            if len(rows) < PAGE:
                return
            last = (rows[-1][0], rows[-1][1])

    def unfinished_ids(
        self, after: str, at_most: int, *, since: datetime | None = None, until: datetime | None = None
    ) -> tuple[list[str], int]:
        """Assets with a file that has no outcome yet, by id, and how many there are behind `after` in all.

        Args:
            since: only those made then or later.
            until: only those made before.
        """
        rows = self._session.run(
            "unfinished_ids",
            after_asset_id=after,
            at_most=at_most,
            since=since and database_time(since),
            until=until and database_time(until),
        )
        return [asset_id for asset_id, _ in rows], int(rows[0][1]) if rows else 0

    def asked_ids(self, query: str, after: str, at_most: int) -> tuple[list[str], int]:
        """The same of the ids that a person's query gives, in its only column, whatever they are."""
        rows = self._session.ask("asked_ids", query, after_asset_id=after, at_most=at_most)
        return [asset_id for asset_id, _ in rows], int(rows[0][1]) if rows else 0

    def outcomes(self, asset_ids: Sequence[str]) -> Iterator[Outcome]:
        """What became of the files of these assets, as far as they are not QUEUED any more."""
        for start in range(0, len(asset_ids), IDS_IN_A_STATEMENT):
            page = list(asset_ids[start : start + IDS_IN_A_STATEMENT])
            for asset_id, file_key, status, error, requested_at in self._session.run(
                "outcomes", asset_ids=json.dumps(page)
            ):
                yield Outcome(Asset(asset_id, file_key), Status(status), _utc(requested_at), error=error)

    def statistics(self, lease_seconds: int) -> Statistics:
        """Counts over the library."""
        counts = dict.fromkeys(("SUCCESS", "SHORT", "FAILED", "QUEUED", "PENDING"), 0)
        by_error: dict[str, int] = {}
        seconds = 0.0
        for state, code, files, audio in self._session.run("statistics", lease_seconds=lease_seconds):
            counts[state] = counts.get(state, 0) + int(files)
            if code:
                by_error[code] = int(files)
            seconds += float(audio)
        [(done, milliseconds)] = self._session.run("throughput")
        return Statistics(
            success=counts["SUCCESS"],
            short=counts["SHORT"],
            failed=counts["FAILED"],
            queued=counts["QUEUED"],
            pending=counts["PENDING"],
            by_error=by_error,
            hours_of_audio=round(seconds / 3600, 2),
            assets_per_second=round(done / (milliseconds / 1000), 2) if milliseconds else 0.0,
        )

    def rows(self, at_most: int) -> list[StoredRow]:
        """Rows of the library by file key, what failed at the end; where not all fit, what failed is preferred."""
        rows = [StoredRow(*row) for row in self._session.run("table_rows", at_most=at_most)]
        return sorted(rows, key=lambda row: (row.status == Status.FAILED, row.file_key))

    def replace_assets(self, assets: Iterator[tuple[Asset, datetime]]) -> None:
        """Make AUDIO_ASSET of the embedded store list these files, with the time each was made."""
        with self._session.transaction():
            self._session.run("embedded/forget_assets")
            while page := list(islice(assets, PAGE)):
                rows = [
                    {
                        "asset_id": asset.asset_id,
                        "file_key": asset.file_key,
                        "format": asset.format,
                        "provider": asset.provider,
                        "created_at": database_time(created_at),
                    }
                    for asset, created_at in page
                ]
                for text in statement_sized(rows):
                    self._session.run("embedded/add_assets", rows=text)

    def close(self) -> None:
        self._session.close()


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
