"""What is there at the end of a campaign: the tables, by a connection of our own, the disk, the processes, the logs."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import snowflake.connector

from audiodup.model import Status
from stack.warehouse import Warehouse, new_private_key

from .audit import FileRow, Key, Row
from .deliveries import State
from .product import Product

# gunicorn's own file, by which a worker shows that it lives.
_HEARTBEAT = "wgunicorn-"

_PRODUCTS = """
SELECT
    ASSET_ID, FILE_KEY, COALESCE(FINGERPRINT, SLOW_FINGERPRINT),
    SHA256, FILE_SIZE, DURATION, CONTAINER, CODEC, CHANNELS, SAMPLE_RATE, PCM_MD5
FROM AUDIO_FINGERPRINT JOIN AUDIO_FILE USING (ASSET_ID, FILE_KEY)
WHERE PROCESSING_STATUS IN ('SUCCESS', 'SHORT')
"""
# One statement, for a merge may move events to rows meanwhile.
_STATES = """
SELECT ASSET_ID, REQUESTED_AT, PROCESSING_STATUS FROM AUDIO_FINGERPRINT JOIN AUDIO_FILE USING (ASSET_ID, FILE_KEY)
UNION ALL
SELECT ASSET_ID, REQUESTED_AT, PROCESSING_STATUS FROM AUDIO_FINGERPRINT_INBOX
"""


class Tables:
    """The store as it is, read past the code that is on trial."""

    def __init__(self, warehouse: Warehouse) -> None:
        _, key = new_private_key()
        self._connection = snowflake.connector.connect(
            account="local",
            user="audit",
            host=warehouse.host,
            port=warehouse.port,
            protocol="http",
            authenticator="SNOWFLAKE_JWT",
            private_key=key,
            database="BI_PROD",
            schema="AI_DATA",
            session_parameters={"TIMEZONE": "UTC"},
        )

    def products(self) -> tuple[dict[Key, Product], dict[Key, str | None]]:
        """What the rows of good files hold, and their fingerprints: of a short file that at 1/8 of its speed."""
        found = self._all(_PRODUCTS)
        return (
            {(asset_id, key): Product(*values) for asset_id, key, _, *values in found},
            {(asset_id, key): text for asset_id, key, text, *_ in found},
        )

    def states(self) -> dict[str, State]:
        """By asset id, the newest that rows and inbox know of it."""
        newest: dict[str, State] = {}
        for asset_id, at, status in self._all(_STATES):
            state = at.replace(tzinfo=UTC), status != Status.QUEUED
            newest[asset_id] = max(state, newest.get(asset_id, state))
        return newest

    def rows(self) -> list[Row]:
        """Of AUDIO_FINGERPRINT."""
        found = self._all("SELECT ASSET_ID, FILE_KEY, PROCESSING_STATUS, ERROR_MESSAGE FROM AUDIO_FINGERPRINT")
        return [Row((asset_id, key), status, error) for asset_id, key, status, error in found]

    def file_rows(self) -> list[FileRow]:
        """Of AUDIO_FILE."""
        found = self._all("SELECT ASSET_ID, FILE_KEY, REQUESTED_AT FROM AUDIO_FILE")
        return [FileRow((asset_id, key), at.replace(tzinfo=UTC)) for asset_id, key, at in found]

    def count(self, table: str) -> int:
        """How many rows a table has."""
        [(count,)] = self._all(f"SELECT COUNT(*) FROM {table}")  # noqa: S608 - our own tables
        return int(count)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _all(self, sql: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()]


def holders(folder: Path) -> list[str]:
    """Who has how many files of the folder open, those without a name (O_TMPFILE) included; empty without /proc."""
    found: Counter[str] = Counter()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            name = str(link.readlink())
            if name.startswith(f"{folder}/") and not name.startswith(f"{folder}/{_HEARTBEAT}"):
                process = link.parents[1]
                found[f"{(process / 'comm').read_text().strip()} ({process.name})"] += 1
    return [f"{process} holds {count} files" for process, count in sorted(found.items())]


def log_lines(logs: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """The lines of JSON; what a killed process wrote of its last one is passed over."""
    for log in logs:
        with log.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                with contextlib.suppress(ValueError):
                    if line.startswith("{"):
                        yield json.loads(line)
