"""One session with the warehouse: sign-in, time-outs, statements from sql/, errors in our terms.

The rest of the code names a statement and its parameters; what Snowflake's connector raises ends here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib import resources
from typing import Any

import snowflake.connector
import structlog
from snowflake.connector import errors as snowflake_errors
from snowflake.connector.connection import SnowflakeConnection

from audiodup.errors import AudioDupError, Conflict, InvalidValue, StoreUnavailable

# Snowflake's sessions begin in America/Los_Angeles and wait 12 hours for a lock. Given at connect: the embedded store
# refuses ALTER SESSION.
LOCK_SECONDS = 360
# And an account may have AUTOCOMMIT off: nothing that was answered for would be committed.
SESSION_PARAMETERS: Mapping[str, Any] = {"TIMEZONE": "UTC", "LOCK_TIMEOUT": LOCK_SECONDS, "AUTOCOMMIT": True}
# The connector cancels a statement after its network time-out unless it is given another limit: a merge may wait for
# the lock, for a warehouse that wakes up, and then work.
STATEMENT_SECONDS = LOCK_SECONDS + 120

log = structlog.get_logger()

Row = tuple[Any, ...]
Connect = Callable[[], SnowflakeConnection]


def connect_to_snowflake(  # noqa: PLR0913 - one parameter per setting
    *,
    account: str,
    database: str,
    schema: str,
    user: str | None = None,
    role: str | None = None,
    warehouse: str | None = None,
    private_key: bytes | None = None,
    host: str | None = None,
    port: int = 443,
    protocol: str = "https",
    login_seconds: int = 15,
    network_seconds: int = 75,
    socket_seconds: int = 60,
) -> SnowflakeConnection:
    """Sign in by key pair (`private_key`, PEM PKCS #8) or, without one, by the workload identity of Google Cloud.

    There is no password: sign-in of service users by password is blocked. All three time-outs are set, since the
    connector waits for ever by default.
    """
    credentials: dict[str, Any]
    if private_key is not None:
        credentials = {"user": user, "authenticator": "SNOWFLAKE_JWT", "private_key": _der(private_key)}
    else:
        credentials = {"authenticator": "WORKLOAD_IDENTITY", "workload_identity_provider": "GCP"}
    return snowflake.connector.connect(
        account=account,
        database=database,
        schema=schema,
        role=role,
        warehouse=warehouse,
        session_parameters=dict(SESSION_PARAMETERS),
        login_timeout=login_seconds,
        network_timeout=network_seconds,
        socket_timeout=socket_seconds,
        **({"host": host, "port": port, "protocol": protocol} if host else {}),
        **credentials,
    )


def _der(pem: bytes) -> bytes:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(pem, password=None)
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@cache
def statement(name: str) -> str:
    """The text of `sql/NAME.sql`."""
    return resources.files("audiodup").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


def statements(folder: str) -> list[str]:
    """The names of all statements in `sql/FOLDER/`, in their order."""
    entries = resources.files("audiodup").joinpath("sql", folder).iterdir()
    return sorted(f"{folder}/{entry.name.removesuffix('.sql')}" for entry in entries if entry.name.endswith(".sql"))


class Session:
    """A connection that is made when first needed and made again after it was lost. Safe for many threads, one
    statement or transaction at a time (a connection used by two threads at once errors).
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._connection: SnowflakeConnection | None = None
        self._lock = threading.RLock()
        self._in_transaction = False

    def run(self, name: str, **parameters: Any) -> Sequence[Row]:
        """Run `sql/NAME.sql` with bound parameters and return its rows.

        Raises:
            InvalidValue: the warehouse refuses the data.
            Conflict: another transaction has changed the same row.
            StoreUnavailable: everything else.
        """
        return self._run(name, statement(name), parameters)

    def ask(self, name: str, query: str, **parameters: Any) -> Sequence[Row]:
        """The same with a person's query in the place of %(query)s: as text, since a query cannot be bound.

        What it should change all the same is undone: the embedded store takes a DELETE in a WITH clause.
        """
        text = statement(name).replace("%(query)s", query.replace("%", "%%"))
        rows: Sequence[Row] = ()
        with suppress(_Undo), self.transaction():
            rows = self._run(name, text, parameters)
            raise _Undo
        return rows

    def _run(self, name: str, text: str, parameters: Mapping[str, Any]) -> Sequence[Row]:
        with self._lock:
            log.debug("statement", name=name)
            try:
                return self._execute(text, parameters)
            except _SessionLost:
                if self._in_transaction:
                    raise
                return self._execute(text, parameters)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """BEGIN, and COMMIT at the end of the block or ROLLBACK when it raises."""
        with self._lock:
            self._begin()
            self._in_transaction = True
            try:
                yield
                self._execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
            finally:
                self._in_transaction = False

    def _begin(self) -> None:
        try:
            try:
                self._execute("BEGIN")
            except _SessionLost:
                self._execute("BEGIN")
        except BaseException:
            # It may have begun all the same.
            self._drop()
            raise

    def _roll_back(self) -> None:
        """By ending the session where it cannot be said: Snowflake then rolls back by itself."""
        if self._connection is not None:
            try:
                self._execute("ROLLBACK")
            except AudioDupError:
                # Every later statement would become part of the same transaction.
                self._drop()

    def close(self) -> None:
        """Close the connection; the next statement opens another."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                _end(connection)

    def _drop(self) -> None:
        """The same for a connection of which nobody knows what state it is in."""
        connection, self._connection = self._connection, None
        if connection is not None:
            # Aside: it asks the server to end the session, and waits for a server that may be gone.
            threading.Thread(target=_end, args=(connection,), daemon=True).start()

    def _execute(self, text: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Row]:
        try:
            if self._connection is None:
                self._connection = self._connect()
            with self._connection.cursor() as cursor:
                cursor.execute(text, dict(parameters) if parameters else None, timeout=STATEMENT_SECONDS)
                return cursor.fetchall()
        except AudioDupError:
            raise
        except Exception as error:
            translated = translate(error)
            if isinstance(translated, _SessionLost) or not isinstance(error, snowflake_errors.ProgrammingError):
                # Not about the statement.
                self._drop()
            raise translated from error


def _end(connection: SnowflakeConnection) -> None:
    # It is being thrown away, whatever state it is in.
    with suppress(Exception):
        connection.close()


class _Undo(Exception):
    """Ends a transaction with ROLLBACK."""


class _SessionLost(StoreUnavailable):
    """The session has ended; a new one may do."""


# Too many statements wait for a lock, or this one waited for LOCK_TIMEOUT; the embedded store's adapter gives it too.
CONFLICT_NUMBER = 625
# "SQL execution canceled": our own limit for the statement, most often spent waiting for a lock.
_CANCELED_NUMBER = 604
# Snowflake's numbers for data: 100xxx of SQLSTATE class 22 (data exception) or 23 (constraint). The class alone is not
# enough: 090073, a warehouse that its resource monitor has stopped, is 22000 too.
_DATA_NUMBERS = range(100_000, 101_000)
# Session or master token expired, unknown or invalid (snowflake.connector.network), connection closed
# (snowflake.connector.errorcode).
_SESSION_LOST_NUMBERS = {390104, 390111, 390112, 390113, 390114, 390115, 390195, 250002}


def translate(error: Exception) -> AudioDupError:
    """What the connector raised, as one of ours."""
    number = getattr(error, "errno", None) or 0
    state = getattr(error, "sqlstate", None) or ""
    words = " ".join(str(getattr(error, "msg", None) or error).split())[:300] or type(error).__name__
    if number in {CONFLICT_NUMBER, _CANCELED_NUMBER}:
        return Conflict(words)
    if number in _DATA_NUMBERS and state[:2] in {"22", "23"}:
        return InvalidValue(words)
    if number in _SESSION_LOST_NUMBERS:
        return _SessionLost(words)
    return StoreUnavailable(words)
