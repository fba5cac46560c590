"""scripts/apply_account.py with the real connector, signed in by connections.toml, against fakesnow's server.

The server knows neither roles nor grants, users or warehouses: it is told to pass over those statements, and to refuse
them where a refusal is wanted. The tables are made.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector
from tests.loopback import says_nothing, serving

from audiodup.schema import expected_columns
from stack.processes import Processes
from stack.warehouse import Warehouse, start_warehouse

ROOT = Path(__file__).resolve().parents[2]
UNKNOWN_TO_FAKESNOW = r"(GRANT|USE SECONDARY|(CREATE|ALTER) (ROLE|USER|WAREHOUSE|RESOURCE))\b"
SUBJECTS = {"scheduler": "100000000000000000001", "matcher": "100000000000000000002"}

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    with Processes(tmp_path_factory.mktemp("stack")) as processes:
        yield start_warehouse(processes, tmp_path_factory.mktemp("data") / "store")


def write_connections(folder: Path, port: int, passed_over: str = UNKNOWN_TO_FAKESNOW) -> dict[str, str]:
    """A person's connections.toml; returns the environment in which it is found."""
    file = folder / "connections.toml"
    file.write_text(
        f"""
        [admin]
        account = "local"
        user = "person"
        password = "of the stand-in"
        host = "127.0.0.1"
        port = {port}
        protocol = "http"
        database = "BI_PROD"
        schema = "AI_DATA"
        autocommit = false
        [admin.session_parameters]
        nop_regexes = ['{passed_over}']
        """
    )
    file.chmod(0o600)
    others = {name: value for name, value in os.environ.items() if not name.startswith("SNOWFLAKE_")}
    return others | {"SNOWFLAKE_HOME": str(folder)}


def arguments(*options: object) -> list[str]:
    return [sys.executable, str(ROOT / "scripts" / "apply_account.py"), *map(str, options)]


@pytest.fixture
def command(warehouse: Warehouse, tmp_path: Path) -> Command:
    """Runs the script."""

    def run(*options: object, passed_over: str = UNKNOWN_TO_FAKESNOW) -> subprocess.CompletedProcess[str]:
        environment = write_connections(tmp_path, warehouse.port, passed_over)
        done = subprocess.run(
            arguments(*options), env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
        )
        assert "Traceback" not in done.stderr
        return done

    return run


def tables(warehouse: Warehouse) -> set[str]:
    with snowflake.connector.connect(
        account="local", user="u", password="p", host=warehouse.host, port=warehouse.port, protocol="http",
        database="BI_PROD", schema="AI_DATA", login_timeout=20, network_timeout=20,
    ) as connection:  # fmt: skip
        rows = connection.cursor().execute(
            "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'AI_DATA'"
        )
        assert rows is not None
        return {row[0] for row in rows}


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_it_makes_the_tables_and_does_it_again(command: Command, warehouse: Warehouse, tmp_path: Path) -> None:
    """All statements go through the connector, in the order of the dry run."""
    ids = tmp_path / "ids.json"
    ids.write_text(json.dumps(SUBJECTS))
    first = command("--connection", "admin", "--service-accounts", ids, "--json")
    assert (first.returncode, first.stderr) == (0, "")
    assert set(expected_columns()) <= tables(warehouse)
    again = command("--connection", "admin", "--service-accounts", ids, "--json")
    assert (again.returncode, again.stdout) == (0, first.stdout)
    *ran, last = lines(first)
    assert last == {"summary": {"applied": len(ran), "left": []}}
    dry = command("--dry-run", "--service-accounts", ids, "--json")
    assert [(each["step"], each["statement"]) for each in lines(dry)[:-1]] == [
        (each["step"], each["statement"]) for each in ran
    ]
    assert {each["role"] for each in ran if each["step"] == "sql/schema"} == {"AUDIODUP_OWNER"}


def test_a_refusal_is_one_line_with_role_and_statement(command: Command) -> None:
    """Snowflake's own words are in it; the exit code is that of a store out of reach."""
    done = command("--connection", "admin", passed_over=UNKNOWN_TO_FAKESNOW.replace("|RESOURCE", ""))
    assert done.returncode == 3
    assert done.stdout == ""
    refusal, next_step = done.stderr.splitlines()
    assert refusal.startswith(
        "UNUSABLE: 3_resource_monitor, as ACCOUNTADMIN: "
        "CREATE RESOURCE MONITOR IF NOT EXISTS AUDIODUP WITH CREDIT_QUOTA = 250 TRIGGERS "
    )
    assert "run this again" in next_step


def test_the_dry_run_needs_no_connection_and_prints_everything(command: Command) -> None:
    """To read, or for a worksheet; as it is run, with the comments."""
    done = command("--dry-run", "--name", "DUPDEV", "--quota", "7", "--suspend")
    assert (done.returncode, done.stderr) == (0, "")
    for part in ("CREATE ROLE IF NOT EXISTS DUPDEV_OWNER;", "CREATE TABLE IF NOT EXISTS AUDIO_FILE (", "DO SUSPEND;"):
        assert part in done.stdout
    assert "%(" not in done.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "give --connection NAME, or --dry-run"),
        (["--connection", "admin", "--dry-run"], "give --connection NAME, or --dry-run"),
        (["--dry-run", "--suspend"], "--suspend goes with --quota"),
        (["--dry-run", "--public-key", "nowhere.pub"], "nowhere.pub: No such file or directory"),
        (["--dry-run", "--service-accounts", "nowhere.json"], "nowhere.json: No such file or directory"),
        (["--dry-run", "--name", "A; DROP USER X"], "'A; DROP USER X' is no plain Snowflake identifier"),
    ],
)
def test_wrong_usage_is_told_before_anything_runs(command: Command, options: list[str], words: str) -> None:
    done = command(*options)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_unknown_connection_is_named(command: Command) -> None:
    """So is a file that is none."""
    done = command("--connection", "nobody")
    assert (done.returncode, done.stdout) == (3, "")
    assert "cannot sign in by the connection 'nobody' of Snowflake's connections.toml" in done.stderr
    assert "['admin']" in done.stderr


def test_an_interrupt_ends_with_its_own_code(tmp_path: Path) -> None:
    """While Snowflake does not answer; what ran stays, and the line says how to go on."""
    with serving() as server:
        server.on("/session/v1/login-request", says_nothing)
        process = subprocess.Popen(
            arguments("--connection", "admin"),
            env=write_connections(tmp_path, server.port),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            while not server.requests:
                assert process.poll() is None, process.communicate()
            process.send_signal(signal.SIGINT)
            output, problems = process.communicate(timeout=60)
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 130
    assert output == "0 statements applied.\n"
    assert problems.splitlines() == ["interrupted: what ran stays; run it again to go on"]
