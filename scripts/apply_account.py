"""Make what a Snowflake account needs for audiodup: roles, warehouses, tables with their grants, service users.

Every statement may run again, so that a run that was refused or stopped is simply repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Annotated

import snowflake.connector
import typer
from snowflake.connector import errors as snowflake_errors
from snowflake.connector.connection import SnowflakeConnection

from account import CREDITS, NAME, Account, Step, read_public_key, read_subjects
from audiodup import wiring
from audiodup.errors import Unusable
from cli import APP_OPTIONS, Exit, emit, errors_as_lines, fail, say

# Snowflake's numbers for an object that is not there, or that the role may not see, or that is of another kind.
_MISSING = {2003, 2043, 2203}

Report = Callable[[Step, str, str], None]

app = typer.Typer(**APP_OPTIONS)


def sign_in(name: str) -> SnowflakeConnection:
    """Sign in as the person whose connection of this name stands in Snowflake's connections.toml.

    Raises:
        Unusable: it does not stand there, or Snowflake refuses it.
    """
    try:
        return snowflake.connector.connect(
            connection_name=name,
            autocommit=True,
            login_timeout=60,  # a person may have to find his phone
            network_timeout=120,
            socket_timeout=60,
        )
    except Exception as error:
        # The file may hold anything, and the connector lets through what it trips over.
        raise Unusable(
            f"cannot sign in by the connection {name!r} of Snowflake's connections.toml: {_words(error)}"
        ) from error


def apply(connection: SnowflakeConnection, steps: Iterable[Step], report: Report) -> list[str]:
    """Run the steps; returns what is left to a person.

    Args:
        report: told of each statement that ran: its step, its role, its text.

    Raises:
        Unusable: a statement was refused; it says which, and as which role.
    """
    left = []
    role = "the connection's own role"
    for step in steps:
        for statement in step.statements():
            if statement.startswith("USE ROLE "):
                role = statement.removeprefix("USE ROLE ")
            try:
                with connection.cursor() as cursor:
                    cursor.execute(statement)
            except snowflake_errors.Error as error:
                if step.without and error.errno in _MISSING:
                    left.append(step.without)
                    break
                raise Unusable(
                    f"{step.name}, as {role}: {' '.join(statement.split())}: {_words(error)}\n  What ran before stays: "
                    "give that role what it lacks, or the SQL of --dry-run to who has it; then run this again"
                ) from error
            report(step, role, statement)
    return left


def _words(error: Exception) -> str:
    return " ".join(str(getattr(error, "msg", None) or error).split())[:300] or type(error).__name__


@app.command()
def main(  # noqa: PLR0913 - one parameter per option
    connection: Annotated[
        str | None, typer.Option(help="Sign in as a person by this connection of Snowflake's connections.toml.")
    ] = None,
    public_key: Annotated[
        Path | None, typer.Option(help="Public key (PEM) of the user that signs in by key pair.")
    ] = None,
    second_public_key: Annotated[
        Path | None, typer.Option(help="Another of that user, which signs in as well while keys are changed.")
    ] = None,
    service_accounts: Annotated[
        Path | None, typer.Option(help="JSON, function to unique id: a user with workload identity for each.")
    ] = None,
    name: Annotated[str, typer.Option(help="All names in the account begin so.")] = NAME,
    quota: Annotated[
        int | None,
        typer.Option(min=1, help=f"Credits a month, at which the monitor notifies; a new one begins with {CREDITS}."),
    ] = None,
    suspend: Annotated[bool, typer.Option("--suspend", help="Suspend the warehouses at this quota.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print the SQL, as a worksheet takes it.")] = False,
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")] = False,
) -> None:
    """Make roles, warehouses, monitor, tables, grants and users in a Snowflake account; safe to repeat: a quota, a key
    or an identity that is not given again stays. Database and schema, which must be there, are those of
    SNOWFLAKE_DATABASE and SNOWFLAKE_SCHEMA.
    """
    if suspend and quota is None:
        fail("--suspend goes with --quota: give both", Exit.WRONG_USAGE)
    if (connection is None) == (not dry_run):
        fail("give --connection NAME, or --dry-run, which needs none", Exit.WRONG_USAGE)
    with errors_as_lines():
        schema = wiring.snowflake_schema()
        try:
            steps = Account(
                schema,
                name,
                None if public_key is None else read_public_key(public_key),
                None if second_public_key is None else read_public_key(second_public_key),
                None if service_accounts is None else read_subjects(service_accounts),
                quota,
                suspend,
            ).steps()
        except ValueError as error:
            fail(str(error), Exit.WRONG_USAGE)
        if connection is not None:
            raise typer.Exit(_run(connection, steps, json_lines=json_lines))
        _print(steps, json_lines=json_lines)


def _print(steps: list[Step], *, json_lines: bool) -> None:
    if not json_lines:
        print("\n".join(step.text for step in steps), end="")
        return
    for step in steps:
        for statement in step.statements():
            emit({"step": step.name, "statement": statement})
    emit({"summary": {"applied": 0, "left": []}})


def _run(connection: str, steps: list[Step], *, json_lines: bool) -> Exit:
    applied = 0
    left: list[str] = []
    code = Exit.ALL_WELL

    def report(step: Step, role: str, statement: str) -> None:
        nonlocal applied
        applied += 1
        if json_lines:
            emit({"step": step.name, "role": role, "statement": statement})

    try:
        with closing(sign_in(connection)) as session:
            left = apply(session, steps, report)
        code = Exit.SOME_FAILED if left else Exit.ALL_WELL
    except KeyboardInterrupt:
        # Each statement is made or not, and may be made again: nothing has to be finished.
        left = ["interrupted: what ran stays; run it again to go on"]
        code = Exit.INTERRUPTED
    if json_lines:
        emit({"summary": {"applied": applied, "left": left}})
    else:
        print(f"{applied} statements applied.")
    for each in left:
        say(each)
    return code


if __name__ == "__main__":
    app()
