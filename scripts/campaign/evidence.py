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

from stack.warehouse import Warehouse, new_private_key

from .audit import FileRow, Row


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

    def rows(self) -> list[Row]:
        """Of AUDIO_FINGERPRINT."""
        found = self._all("SELECT ASSET_ID, FILE_KEY, PROCESSING_STATUS, ERROR_MESSAGE FROM AUDIO_FINGERPRINT")
        return [Row((asset_id, key), status, error) for asset_id, key, status, error in found]

    def file_rows(self) -> list[FileRow]:
        """Of AUDIO_FILE."""
        found = self._all("SELECT ASSET_ID, FILE_KEY, SHA256, REQUESTED_AT FROM AUDIO_FILE")
        return [FileRow((asset_id, key), sha256, at.replace(tzinfo=UTC)) for asset_id, key, sha256, at in found]

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
    """Processes with a file of the folder open, one that has no name (O_TMPFILE) included; empty without /proc."""
    found: Counter[str] = Counter()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if str(link.readlink()).startswith(f"{folder}/"):
                process = link.parents[1]
                found[f"{(process / 'comm').read_text().strip()} ({process.name})"] += 1
    return sorted(found)


def log_lines(logs: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """The lines of JSON; what a killed process wrote of its last one is passed over."""
    for log in logs:
        with log.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                with contextlib.suppress(ValueError):
                    if line.startswith("{"):
                        yield json.loads(line)
