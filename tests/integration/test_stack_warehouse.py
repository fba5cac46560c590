"""Snowflake's stand-in: real connector, several connections on one store, errors that come at once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector
from snowflake.connector.errors import DatabaseError, ProgrammingError

from stack.processes import Processes, accepts
from stack.warehouse import Warehouse, new_private_key, start_warehouse

Connect = Callable[[], Any]
INSERT = (
    "INSERT INTO NOTES (ID, N) SELECT value:id::VARCHAR, value:n::INT "
    "FROM TABLE(FLATTEN(INPUT => PARSE_JSON(%(rows)s)))"
)


def connector(warehouse: Warehouse) -> Connect:
    """Sign-in as in production: by key pair, in UTC, with all three time-outs."""
    _, der = new_private_key()

    def connect() -> Any:
        return snowflake.connector.connect(
            account="local",
            user="audiodup",
            host=warehouse.host,
            port=warehouse.port,
            protocol="http",
            authenticator="SNOWFLAKE_JWT",
            private_key=der,
            database="BI_PROD",
            schema="AI_DATA",
            session_parameters={"TIMEZONE": "UTC"},
            login_timeout=20,
            network_timeout=20,
            socket_timeout=15,
        )

    return connect


@pytest.fixture(scope="module")
def connect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connect]:
    with Processes(tmp_path_factory.mktemp("stack")) as processes:
        warehouse = start_warehouse(processes, tmp_path_factory.mktemp("data") / "store")
        yield connector(warehouse)
    assert not accepts(warehouse.port)()


@pytest.fixture
def pair(connect: Connect) -> Iterator[tuple[Any, Any]]:
    """Two cursors of two connections, and an empty table."""
    with connect() as one, connect() as two:
        one.cursor().execute("CREATE OR REPLACE TABLE NOTES (ID VARCHAR NOT NULL, N INT)")
        yield one.cursor(), two.cursor()


def test_two_connections_see_each_others_commits(pair: tuple[Any, Any]) -> None:
    one, two = pair
    one.execute("BEGIN")
    one.execute("INSERT INTO NOTES VALUES ('a', 1)")
    assert two.execute("SELECT COUNT(*) FROM NOTES").fetchone() == (0,)
    one.execute("COMMIT")
    assert two.execute("SELECT ID, N FROM NOTES").fetchall() == [("a", 1)]
    two.execute("BEGIN")
    two.execute("UPDATE NOTES SET N = 2")
    two.execute("ROLLBACK")
    assert one.execute("SELECT N FROM NOTES").fetchone() == (1,)


def test_many_rows_go_in_one_statement(pair: tuple[Any, Any]) -> None:
    one, two = pair
    rows = [{"id": f"Größe '{number}' 音", "n": number} for number in range(100)]
    one.execute(INSERT, {"rows": json.dumps(rows)})
    assert one.rowcount == 100
    found = two.execute("SELECT ID, N FROM NOTES ORDER BY N").fetchall()
    assert found == [(row["id"], row["n"]) for row in rows]


def test_a_conflicting_update_fails_at_once_as_a_lock_would(pair: tuple[Any, Any]) -> None:
    """fakesnow's server answers 500, which the connector repeats until network_timeout (20 s here)."""
    one, two = pair
    one.execute("INSERT INTO NOTES VALUES ('lock', 0)")
    one.execute("BEGIN")
    two.execute("BEGIN")
    one.execute("UPDATE NOTES SET N = N + 1 WHERE ID = 'lock'")
    begin = time.monotonic()
    with pytest.raises(ProgrammingError) as caught:
        two.execute("UPDATE NOTES SET N = N + 1 WHERE ID = 'lock'")
    assert time.monotonic() - begin < 2
    assert caught.value.errno == 625
    two.execute("ROLLBACK")
    one.execute("COMMIT")
    two.execute("UPDATE NOTES SET N = N + 1 WHERE ID = 'lock'")
    assert one.execute("SELECT N FROM NOTES").fetchone() == (2,)


@pytest.mark.parametrize(
    ("statement", "errno"),
    [
        ("INSERT INTO NOTES VALUES (NULL, 1)", 100072),
        ("INSERT INTO NOTES VALUES ('x', 'no number')", 100035),
        ("SELECT * FROM NO_SUCH_TABLE", 2003),
        ("SELECT FROM WHERE", 1003),
        ("SELECT TO_BINARY('zz', 'HEX')", 100038),
    ],
)
def test_a_wrong_statement_fails_at_once(pair: tuple[Any, Any], statement: str, errno: int) -> None:
    one, _ = pair
    begin = time.monotonic()
    with pytest.raises(DatabaseError) as caught:
        one.execute(statement)
    assert time.monotonic() - begin < 2
    assert caught.value.errno == errno
    assert one.execute("SELECT 1").fetchone() == (1,)


def test_many_writers_at_once_lose_nothing(connect: Connect, pair: tuple[Any, Any]) -> None:
    def write(writer: int) -> None:
        with connect() as connection:
            for batch in range(5):
                rows = [{"id": f"{writer}.{batch}.{number}", "n": number} for number in range(20)]
                connection.cursor().execute(INSERT, {"rows": json.dumps(rows)})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert pair[0].execute("SELECT COUNT(DISTINCT ID), COUNT(*) FROM NOTES").fetchone() == (400, 400)


def test_a_closed_session_undoes_its_transaction(connect: Connect, pair: tuple[Any, Any]) -> None:
    """Otherwise the next one would find the merge's lock taken for ever."""
    one, two = pair
    one.execute("INSERT INTO NOTES VALUES ('lock', 0)")
    with connect() as third:
        cursor = third.cursor()
        cursor.execute("BEGIN")
        cursor.execute("UPDATE NOTES SET N = 7")
        with pytest.raises(ProgrammingError):
            two.execute("UPDATE NOTES SET N = 8")
    two.execute("UPDATE NOTES SET N = N + 1")
    assert one.execute("SELECT N FROM NOTES").fetchone() == (1,)


def test_a_killed_clients_transaction_is_undone_once_it_is_idle(tmp_path: Path) -> None:
    with Processes(tmp_path / "logs") as processes:
        connect = connector(start_warehouse(processes, tmp_path / "store", idle_seconds=1))
        with connect() as here, connect() as gone:
            cursor = here.cursor()
            cursor.execute("CREATE TABLE NOTES (N INT)")
            cursor.execute("INSERT INTO NOTES VALUES (0)")
            gone.cursor().execute("BEGIN")
            gone.cursor().execute("UPDATE NOTES SET N = 7")
            with pytest.raises(ProgrammingError):
                cursor.execute("UPDATE NOTES SET N = N + 1")
            end = time.monotonic() + 20
            while True:
                try:
                    cursor.execute("UPDATE NOTES SET N = N + 1")
                    break
                except ProgrammingError:
                    assert time.monotonic() < end
                    time.sleep(0.1)
            assert cursor.execute("SELECT N FROM NOTES").fetchone() == (1,)


def test_the_store_is_there_after_a_restart(tmp_path: Path) -> None:
    for expected in ((0,), (1,)):
        with Processes(tmp_path / "logs") as processes:
            connect = connector(start_warehouse(processes, tmp_path / "store"))
            with connect() as connection:
                cursor = connection.cursor()
                cursor.execute("CREATE TABLE IF NOT EXISTS KEPT (ID INT)")
                assert cursor.execute("SELECT COUNT(*) FROM KEPT").fetchone() == expected
                cursor.execute("INSERT INTO KEPT VALUES (1)")
