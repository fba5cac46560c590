"""The session: time-outs and time zone at sign-in, errors in our terms, a lost session made anew.

Errors of Snowflake that the embedded store cannot show are replayed: the numbers and SQLSTATEs are Snowflake's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from snowflake.connector import errors

from audiodup import session as module
from audiodup.errors import AudioDupError, Conflict, InvalidValue, StoreUnavailable
from audiodup.session import LOCK_SECONDS, STATEMENT_SECONDS, Session, connect_to_snowflake, translate
from audiodup.store import Store


class ScriptedConnection:
    """A connection whose statements end as the script says."""

    def __init__(self, script: list[Exception | list[tuple[Any, ...]]], log: list[str]) -> None:
        self._script, self._log = script, log

    def cursor(self) -> ScriptedConnection:
        return self

    def __enter__(self) -> ScriptedConnection:
        return self

    def __exit__(self, *_: object) -> None: ...

    def execute(self, text: str, parameters: object = None, timeout: int | None = None) -> None:
        assert timeout == STATEMENT_SECONDS
        self._log.append(" ".join(text.split())[:20])
        self._result = self._script.pop(0) if self._script else []
        if isinstance(self._result, Exception):
            raise self._result

    def fetchall(self) -> Any:
        return self._result

    def close(self) -> None:
        self._log.append("close")


def scripted(*script: Exception | list[tuple[Any, ...]]) -> tuple[Session, list[str]]:
    log: list[str] = []
    remaining = list(script)

    def connect() -> Any:
        log.append("connect")
        return ScriptedConnection(remaining, log)

    return Session(connect), log


LOST = errors.ProgrammingError(msg="Authentication token has expired", errno=390114, sqlstate="08001")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.ProgrammingError(msg="String 'x' is too long", errno=100078, sqlstate="22000"), InvalidValue),
        (errors.ProgrammingError(msg="Numeric value not recognized", errno=100038, sqlstate="22018"), InvalidValue),
        (errors.ProgrammingError(msg="NULL result", errno=100072, sqlstate="22000"), InvalidValue),
        (errors.ProgrammingError(msg="number of waiters exceeds 20", errno=625, sqlstate="57014"), Conflict),
        (errors.ProgrammingError(msg="SQL execution canceled", errno=604, sqlstate="57014"), Conflict),
        (errors.ProgrammingError(msg="Warehouse cannot be resumed", errno=90073, sqlstate="22000"), StoreUnavailable),
        (errors.ProgrammingError(msg="no current database", errno=90105, sqlstate="22000"), StoreUnavailable),
        (errors.OperationalError(msg="timed out", errno=250003), StoreUnavailable),
        (errors.DatabaseError(msg="no role", errno=250001, sqlstate="08001"), StoreUnavailable),
        (errors.ProgrammingError(msg="table missing", errno=2003, sqlstate="42S02"), StoreUnavailable),
        (LOST, StoreUnavailable),
        (OSError("network is unreachable"), StoreUnavailable),
    ],
)
def test_errors_of_the_connector_end_here(error: Exception, kind: type[AudioDupError]) -> None:
    """Refused data are permanent, everything else may pass; a missing table is no fault of the asset."""
    assert isinstance(translate(error), kind)


def test_a_lost_session_is_made_anew_and_the_statement_runs_again() -> None:
    """Tokens expire after hours; no request may fail for it."""
    session, log = scripted([(1,)], LOST, [(2,)])
    assert session.run("clock") == [(1,)]
    assert session.run("clock") == [(2,)]
    assert log.count("connect") == 2


def test_a_session_that_stays_lost_is_an_outage() -> None:
    """Once is tried again, not for ever."""
    session, log = scripted(LOST, LOST)
    with pytest.raises(StoreUnavailable):
        session.run("clock")
    assert log.count("connect") == 2


def test_a_transaction_is_not_continued_in_another_session() -> None:
    """Its first statements would be missing: it fails whole, and the next one starts afresh."""
    session, log = scripted([], [(1, 0)], LOST, [], [(1, 0)])
    with pytest.raises(StoreUnavailable):
        Store(session).merge()
    assert log.count("connect") == 1
    assert "COMMIT" not in log
    assert Store(session).merge()
    assert log.count("connect") == 2
    assert log[-1] == "COMMIT"


REFUSED = errors.ProgrammingError(msg="internal error", errno=300002, sqlstate="XX000")


@pytest.mark.parametrize(
    ("script", "connections"),
    [(([], REFUSED, REFUSED), 2), ((REFUSED,), 2), ((LOST, REFUSED), 3)],
    ids=["ROLLBACK", "BEGIN", "second BEGIN"],
)
def test_a_session_whose_transaction_may_be_open_is_thrown_away(script: Sequence[Any], connections: int) -> None:
    """Or what is stored next would never be committed, and be answered for."""
    session, log = scripted(*script)
    with pytest.raises(StoreUnavailable), session.transaction():
        session.run("clock")
    session.run("clock")
    assert log.count("connect") == connections


def test_after_a_network_error_the_connection_is_thrown_away() -> None:
    """Nobody knows what state it is in."""
    session, log = scripted(errors.OperationalError(msg="reset", errno=250003), [(1,)])
    with pytest.raises(StoreUnavailable):
        session.run("clock")
    session.run("clock")
    assert log.count("connect") == 2


def test_a_failed_sign_in_is_an_outage_without_a_traceback() -> None:
    """The words are kept, for the person who set it up."""

    def connect() -> Any:
        raise errors.DatabaseError(msg="JWT token is invalid", errno=250001, sqlstate="08001")

    with pytest.raises(StoreUnavailable, match="JWT token is invalid"):
        Session(connect).run("clock")


@pytest.fixture
def signed_in(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the connector is asked for."""
    asked: dict[str, Any] = {}
    monkeypatch.setattr(module.snowflake.connector, "connect", lambda **arguments: asked.update(arguments))
    return asked


def test_a_key_pair_signs_in_and_no_password_does(signed_in: dict[str, Any]) -> None:
    """Sign-in of service users by password is blocked."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    connect_to_snowflake(account="a", database="D", schema="S", user="u", private_key=pem)
    assert signed_in["authenticator"] == "SNOWFLAKE_JWT"
    loaded = serialization.load_der_private_key(signed_in["private_key"], None)
    assert isinstance(loaded, rsa.RSAPrivateKey)
    assert loaded.private_numbers() == key.private_numbers()
    assert "password" not in signed_in


def test_without_a_key_the_workload_identity_signs_in(signed_in: dict[str, Any]) -> None:
    """Of Google Cloud."""
    connect_to_snowflake(account="a", database="D", schema="S")
    assert signed_in["authenticator"] == "WORKLOAD_IDENTITY"
    assert signed_in["workload_identity_provider"] == "GCP"


def test_no_wait_is_for_ever(signed_in: dict[str, Any]) -> None:
    """network_timeout is infinite by default, LOCK_TIMEOUT 12 hours, and sessions begin in Los Angeles."""
    connect_to_snowflake(account="a", database="D", schema="S")
    for name in ("login_timeout", "network_timeout", "socket_timeout"):
        assert 0 < signed_in[name] <= 75
    assert signed_in["session_parameters"] == {"TIMEZONE": "UTC", "LOCK_TIMEOUT": 360, "AUTOCOMMIT": True}
    # The connector would cancel a statement after its network time-out, long before a lock is given up.
    assert STATEMENT_SECONDS > LOCK_SECONDS
