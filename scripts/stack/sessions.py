"""Sessions of fakesnow's server that end as Snowflake's do: what was not committed is undone.

The server by itself forgets a closed session and keeps one whose client was killed: in both cases its open transaction
goes on, and every later update of the same rows conflicts with it for ever.
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

    def __delitem__(self, token: str) -> None:
        connection = self[token]
        super().__delitem__(token)
        with self._lock:
            self._idle_since.pop(connection, None)
        connection.close()

    @contextlib.contextmanager
    def in_use(self, connection: Any) -> Iterator[None]:
        """For the length of a statement; before it, transactions that were left open elsewhere are undone."""
        with self._lock:
            self._idle_since.pop(connection, None)
            over = time.monotonic() - self._idle_seconds
            for other in [other for other, since in self._idle_since.items() if since < over]:
                del self._idle_since[other]
                with contextlib.suppress(duckdb.Error):
                    other._duck_conn.rollback()  # noqa: SLF001 - its own rollback() would come back here
        try:
            yield
        finally:
            with self._lock:
                self._idle_since[connection] = time.monotonic()
