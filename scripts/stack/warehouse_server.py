"""fakesnow's server for many connections on one store; `warehouse` runs it under uvicorn.

Three things are changed in it, all of them so that clients see what they would see of Snowflake:

- One FakeSnow is shared by all sign-ins. By itself the server makes a new DuckDB per sign-in that names a path, and the
  second one cannot attach the files.
- An SQL error is an answer, not HTTP 500. The connector repeats a 500, statement and all, until its network time-out.
- Results are kept for the last statements only, not for ever.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Callable
from typing import Any

import duckdb
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.instance import FakeSnow
from snowflake.connector.errors import ProgrammingError

_RESULTS_KEPT = 50
# Snowflake's numbers: a lock was not released in time; NULL in a NOT NULL column; an error of the server itself.
_LOCKED = 625
_NULL = 100072
_FAILED = 603


def make_app() -> Any:
    """uvicorn's factory: the server on the store in the folder that WAREHOUSE_FOLDER names."""
    # By attribute, `fakesnow.server` is a function of that package.
    server: Any = importlib.import_module("fakesnow.server")
    server.logger.setLevel(logging.WARNING)
    server.shared_fs = FakeSnow(db_path=os.environ["WAREHOUSE_FOLDER"])
    server.shared_fs.results_cache = _Recent()
    _answer_errors()
    return _one_answer(server.app)


class _Recent(dict[str, Any]):
    """The results of the last statements; the server itself never drops one."""

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        while len(self) > _RESULTS_KEPT:
            self.pop(next(iter(self)), None)


def _answer_errors() -> None:
    """Let DuckDB's errors, which fakesnow leaves as they are, reach the client as Snowflake's would."""
    original: Callable[..., Any] = FakeSnowflakeCursor.execute

    def execute(self: FakeSnowflakeCursor, *args: Any, **kwargs: Any) -> Any:
        try:
            return original(self, *args, **kwargs)
        except duckdb.Error as error:
            words = str(error)
            if isinstance(error, duckdb.TransactionException) and "onflict" in words:
                # Snowflake would wait up to LOCK_TIMEOUT, then say this.
                raise ProgrammingError(msg=words, errno=_LOCKED, sqlstate="57014") from error
            if isinstance(error, duckdb.ConstraintException) and "NOT NULL" in words:
                raise ProgrammingError(msg=words, errno=_NULL, sqlstate="22000") from error
            raise ProgrammingError(msg=words, errno=_FAILED, sqlstate="XX000") from error

    FakeSnowflakeCursor.execute = execute  # type: ignore[method-assign]


def _one_answer(app: Any) -> Any:
    """The server's own failures too are answered once: a repeated INSERT would be stored twice."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        async def once(message: Any) -> None:
            failed = message["type"] == "http.response.start" and message["status"] == 500
            if failed and (b"content-type", b"application/json") in message["headers"]:
                message = {**message, "status": 200}
            await send(message)

        await app(scope, receive, once)

    return wrapped
