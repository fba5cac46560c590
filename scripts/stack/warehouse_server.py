"""fakesnow's server for many connections on one store; `warehouse` runs it under uvicorn.

Five things are changed in it, all of them so that clients see what they would see of Snowflake:

- One FakeSnow is shared by all sign-ins. By itself the server makes a new DuckDB per sign-in that names a path, and the
  second one cannot attach the files.
- An SQL error is an answer, not HTTP 500, and so is a session that the server does not know (it was started again), not
  HTTP 401. The connector repeats both, statement and all, until its network time-out.
- A session that is closed, or idle for WAREHOUSE_IDLE_SECONDS, undoes its open transaction, and it does one thing at a
  time (`sessions`);
  without a master token in the answer to a sign-in the connector never says that it closes one.
- No PRIMARY KEY is enforced, as Snowflake enforces none: DuckDB would hide that a row is written twice.
- Results are kept for the last statements only, not for ever.
"""

from __future__ import annotations

import importlib
import logging
import os
import re
import threading
from collections.abc import Callable
from typing import Any

import duckdb
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.instance import FakeSnow

from audiodup.embedded import as_snowflake_error

from .sessions import Sessions

_RESULTS_KEPT = 50
_NOTHING = "SELECT 'Statement executed successfully.' AS STATUS"
_PRIMARY_KEY = re.compile(r",\s*PRIMARY KEY \([^)]*\)")


def make_app() -> Any:
    """uvicorn's factory: the server on the store in the folder that WAREHOUSE_FOLDER names."""
    # By attribute, `fakesnow.server` is a function of that package.
    server: Any = importlib.import_module("fakesnow.server")
    server.logger.setLevel(logging.WARNING)
    server.shared_fs = FakeSnow(db_path=os.environ["WAREHOUSE_FOLDER"])
    server.shared_fs.results_cache = _Recent()
    server.sessions = Sessions(float(os.environ["WAREHOUSE_IDLE_SECONDS"]))
    server.JSONResponse = _answers(server.JSONResponse)
    _wrap_statements(server.sessions)
    return server.app


class _Recent(dict[str, Any]):
    """The results of the last statements; the server itself never drops one."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def __setitem__(self, key: str, value: Any) -> None:
        with self._lock:
            super().__setitem__(key, value)
            while len(self) > _RESULTS_KEPT:
                del self[next(iter(self))]


def _wrap_statements(sessions: Sessions) -> None:
    """Tell `sessions` who is at work; let DuckDB's errors, which fakesnow leaves as they are, look like Snowflake's."""
    original: Callable[..., Any] = FakeSnowflakeCursor.execute

    def execute(self: FakeSnowflakeCursor, command: str, *args: Any, **kwargs: Any) -> Any:
        try:
            with sessions.in_use(self._conn):
                command = _NOTHING if sessions.begins_again(self._conn, command) else _PRIMARY_KEY.sub("", command)
                return original(self, command, *args, **kwargs)
        except duckdb.Error as error:
            raise as_snowflake_error(error) from error

    # The server describes a result after `execute`, past it.
    inner: Callable[..., Any] = FakeSnowflakeCursor._execute  # noqa: SLF001

    def execute_inner(self: FakeSnowflakeCursor, *args: Any, **kwargs: Any) -> Any:
        with sessions.in_use(self._conn):
            return inner(self, *args, **kwargs)

    FakeSnowflakeCursor.execute = execute  # type: ignore[method-assign]
    FakeSnowflakeCursor._execute = execute_inner  # type: ignore[method-assign]  # noqa: SLF001


def _answers(original: Callable[..., Any]) -> Callable[..., Any]:
    """The server's JSON answers, with what a client needs to sign out, and never one that it repeats."""

    def answer(content: dict[str, Any], status_code: int = 200) -> Any:
        data = content.get("data")
        if isinstance(data, dict) and "token" in data:
            data["masterToken"] = data["token"]
        # A repeated INSERT would be stored twice.
        return original(content, status_code=200 if status_code in {401, 500} else status_code)

    return answer
