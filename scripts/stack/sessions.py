"""Sessions of fakesnow's server that work and end as Snowflake's do.

The server by itself forgets a closed session and keeps one whose client was killed: in both cases its open transaction
goes on, and every later update of the same rows conflicts with it for ever. Here what was not committed is undone.

A client that has waited too long sends its statement again, while the first may still come to its turn: a session does
one statement at a time, and a BEGIN inside a transaction does nothing. DuckDB would spoil the transaction by it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import duckdb


class Sessions(dict[str, Any]):
    """Token -> connection, as the server keeps them.

    Snowflake ends a transaction whose client went away after 5 minutes; here `idle_seconds` without a statement do it.
    """

    def __init__(self, idle_seconds: float) -> None:
        super().__init__()
        self._idle_seconds = idle_seconds
        self._idle_since: dict[Any, float] = {}
        self._lock = threading.Lock()
        self._turns: dict[Any, threading.RLock] = {}
        self._in_transaction: set[Any] = set()

    def __delitem__(self, token: str) -> None:
        connection = self[token]
        super().__delitem__(token)
        with self._lock:
            self._idle_since.pop(connection, None)
            self._turns.pop(connection, None)
            self._in_transaction.discard(connection)
        connection.close()

    @contextlib.contextmanager
    def in_use(self, connection: Any) -> Iterator[None]:
        """For the length of a statement; before it, transactions that were left open elsewhere are undone."""
        with self._lock:
            self._idle_since.pop(connection, None)
            over = time.monotonic() - self._idle_seconds
            for other in [other for other, since in self._idle_since.items() if since < over]:
                del self._idle_since[other]
                self._in_transaction.discard(other)
                with contextlib.suppress(duckdb.Error):
                    other._duck_conn.rollback()  # noqa: SLF001 - its own rollback() would come back here
            turn = self._turns.setdefault(connection, threading.RLock())
        with turn:
            try:
                yield
            finally:
                with self._lock:
                    self._idle_since[connection] = time.monotonic()

    def begins_again(self, connection: Any, command: str) -> bool:
        """Whether this is a BEGIN inside a transaction; keeps account of who is in one. Asked within `in_use`."""
        word = command.split(maxsplit=1)[0].rstrip(";").upper() if command.strip() else ""
        if word == "BEGIN":
            if connection in self._in_transaction:
                return True
            self._in_transaction.add(connection)
        elif word in {"COMMIT", "ROLLBACK"}:
            self._in_transaction.discard(connection)
        return False
