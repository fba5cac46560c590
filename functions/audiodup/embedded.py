"""The embedded store: Snowflake's SQL on DuckDB (fakesnow), in this process, in a folder.

Where fakesnow lets DuckDB's own errors through, this adapter gives them the numbers that Snowflake has for them, so
that the store above meets one kind of errors.
"""

from __future__ import annotations

import logging
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import duckdb
from snowflake.connector.connection import SnowflakeConnection
from snowflake.connector.errors import ProgrammingError

from audiodup.errors import StoreInUse, Unusable
from audiodup.session import CONFLICT_NUMBER, SESSION_PARAMETERS, Connect

# Snowflake's numbers.
_NULL_NUMBER = 100072  # NULL result in a non-nullable column
_VALUE_NUMBER = 100038  # a value is not recognized
_INTERNAL_NUMBER = 603  # an error of the server itself


def open_embedded(folder: Path, *, database: str, schema: str) -> Connect:
    """Open or make the store in `folder` and return what connects to it; any number of connections in this process.

    Raises:
        StoreInUse: another process has it open (DuckDB locks its file).
        Unusable: the folder cannot be made or written, or holds no such store.
    """
    # At import fakesnow patches nothing, but it costs half a second and is an extra: only this function needs it.
    from fakesnow.instance import FakeSnow
    from fakesnow.transforms.stage import LOCAL_BUCKET_PATH

    # At import it also makes a folder for staged files, in the temporary directory, and leaves it there; it makes it
    # again for whoever stages a file. Where it is gone or in use already, that is right too.
    with suppress(OSError):
        Path(LOCAL_BUCKET_PATH).rmdir()
    warnings.filterwarnings("ignore", message="Arrow output on a DB-API result", category=UserWarning)
    # And it says of each view that DuckDB has no grants to copy.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        instance = FakeSnow(db_path=folder)
        instance.results_cache = _Forgetful()
        instance.connect(database=database, schema=schema).close()
    except OSError as error:
        raise Unusable(f"cannot use {folder} as a store: {error.strerror or error}") from error
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise StoreInUse(f"another process has the store in {folder} open") from error
        raise Unusable(f"cannot open the store in {folder}: {_first_line(error)}") from error
    except duckdb.Error as error:
        raise Unusable(f"cannot open the store in {folder}: {_first_line(error)}") from error

    def connect() -> SnowflakeConnection:
        connection = instance.connect(
            database=database, schema=schema, session_parameters={"TIMEZONE": SESSION_PARAMETERS["TIMEZONE"]}
        )
        return cast(SnowflakeConnection, _Connection(connection))

    return connect


class _Forgetful(dict[str, Any]):
    """fakesnow keeps the text and the result of every statement for as long as the process lives; nobody asks here."""

    def __setitem__(self, key: str, value: Any) -> None: ...


class _Connection:
    """fakesnow's connection, whose cursors raise what Snowflake's would."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def cursor(self) -> _Cursor:
        return _Cursor(self._inner.cursor())

    def close(self) -> None:
        self._inner.close()


class _Cursor:
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __enter__(self) -> _Cursor:
        return self

    def __exit__(self, *_: object) -> None:
        self._inner.close()

    def execute(self, text: str, parameters: Any = None, timeout: int | None = None) -> _Cursor:  # noqa: ARG002 - Snowflake's
        try:
            self._inner.execute(text, parameters)
        except duckdb.Error as error:
            raise as_snowflake_error(error) from error
        return self

    def fetchall(self) -> list[tuple[Any, ...]]:
        return cast(list[tuple[Any, ...]], self._inner.fetchall())


def as_snowflake_error(error: duckdb.Error) -> ProgrammingError:
    """What Snowflake would raise where fakesnow lets DuckDB's own error through."""
    number, state = _INTERNAL_NUMBER, "XX000"
    if isinstance(error, duckdb.TransactionException) and "onflict" in str(error):
        # Snowflake would wait up to LOCK_TIMEOUT, then say this.
        number, state = CONFLICT_NUMBER, "57014"
    elif isinstance(error, duckdb.ConstraintException) and "NOT NULL" in str(error):
        number, state = _NULL_NUMBER, "22000"
    elif isinstance(error, (duckdb.DataError, duckdb.InvalidInputException)):
        number, state = _VALUE_NUMBER, "22018"
    return ProgrammingError(msg=_first_line(error), errno=number, sqlstate=state)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
