"""A Snowflake account for the tests of infra/snowflake: a stand-in for the connector, and who runs which statement."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from snowflake.connector import errors
from snowflake.connector.connection import SnowflakeConnection

from account import DUTY_OF, Account, Step
from apply_account import apply
from audiodup import wiring
from audiodup.session import statements as statements_in

SUBJECTS = {function: f"10000000000000000000{number}" for number, function in enumerate(DUTY_OF)}
FULL = Account(wiring.snowflake_schema(), public_key="MIIB", second_key="MIIC", subjects=SUBJECTS, quota=7)

COMMAND_LINES = {
    "asked_ids", "columns", "library_page", "outcomes", "table_rows", "unfinished_ids", "duplicates/groups",
    *statements_in("redrive"),
    # A new index.
    "index/forget_common_keys", "index/forget_keys", "index/forget_state", "index/forget_tracks",
}  # fmt: skip
RUN_BY = {
    "AUDIODUP_INGEST": {"append_outcomes"},
    "AUDIODUP_SCHEDULER": {"append_outcomes", "clock", "in_flight", "pending", "unstorable", *statements_in("merge")},
    "AUDIODUP_MATCHER": {"clock", *statements_in("index"), *statements_in("duplicates")} - COMMAND_LINES,
    "AUDIODUP_REVIEWER": {"clock", "statistics", "throughput", *statements_in("review")},
    "AUDIODUP": COMMAND_LINES,
    "AUDIODUP_OWNER": {*statements_in("schema")},
}
"""Names of statements of functions/audiodup/sql/ by the role that runs them; AUDIODUP has the functions' roles too."""
EMBEDDED = {*statements_in("embedded")}
"""Those that never run on Snowflake."""


class Snowflake:
    """A stand-in for the connector: it knows what was made, and how, and refuses what names anything else.

    Each statement it took stands in `ran`, with the role.
    """

    def __init__(self, *, asset_view: bool = True, refuses: str = "^$", number: int = 3001) -> None:
        self.made = {("SCHEMA", "BI_PROD.AI_DATA"), ("DATABASE", "BI_PROD")}
        self.made |= {("ROLE", role) for role in ("USERADMIN", "SYSADMIN", "SECURITYADMIN", "ACCOUNTADMIN")}
        self.asset_view, self.refuses, self.number = asset_view, refuses, number
        self.role, self.schema = "", ""
        self.ran: list[tuple[str, str]] = []
        self.settings: dict[tuple[str, str], dict[str, str]] = {}
        """By kind and name, as they are by now."""
        self.has_role: set[tuple[str, str]] = set()
        """Who has which role, as in ("USER AUDIODUP", "AUDIODUP_INGEST")."""

    @contextmanager
    def cursor(self) -> Iterator[Snowflake]:
        yield self

    def execute(self, statement: str) -> None:
        if re.search(self.refuses, statement):
            raise errors.ProgrammingError(msg="Insufficient\nprivileges", errno=self.number, sqlstate="42501")
        if role := re.fullmatch(r"USE ROLE (\w+)", statement):
            self.known("ROLE", role[1])
            self.role = role[1]
        elif made := re.match(r"CREATE (?:OR REPLACE )?(RESOURCE MONITOR|\w+)(?: IF NOT EXISTS)? (\w+)", statement):
            where = f"{self.schema}." if made[1] in {"TABLE", "VIEW", "STAGE"} else ""
            self.made.add((made[1], where + made[2]))
            self.settings.setdefault((made[1], made[2]), settings_in(statement))
        elif schema := re.fullmatch(r"USE SCHEMA ([\w.]+)", statement):
            self.known("SCHEMA", schema[1])
            self.schema = schema[1]
        named = re.sub(r"^CREATE [\w ]+? IF NOT EXISTS \w+", "", statement)
        for kind, name in re.findall(r"\b(ROLE|USER|WAREHOUSE|RESOURCE MONITOR) (\w+)", named):
            self.known(kind, name)
        for kind, name in re.findall(r" ON (DATABASE|SCHEMA|TABLE|VIEW|STAGE) ([\w.]+)", statement):
            self.known(kind, name)
        for kind, name in re.findall(r"(ROLE|WAREHOUSE|RESOURCE_MONITOR) = (\w+)", statement):
            self.known(kind.replace("_", " "), name)
        if changed := re.match(r"ALTER (WAREHOUSE|USER|RESOURCE MONITOR) (\w+) SET\s", statement):
            self.settings[changed[1], changed[2]] |= settings_in(statement)
        if granted := re.fullmatch(r"GRANT ROLE (\w+) TO (\w+ \w+)", statement):
            self.has_role.add((granted[2], granted[1]))
        self.ran.append((self.role, statement))

    def known(self, kind: str, name: str) -> None:
        if (kind, name) in self.made or (name.endswith(".AUDIO_ASSET") and self.asset_view):
            return
        raise errors.ProgrammingError(
            msg=f"{kind} '{name}' does not exist or not authorized.", errno=2003, sqlstate="02000"
        )

    def statements(self, role: str) -> list[str]:
        return [statement for taken, statement in self.ran if taken == role]


def settings_in(statement: str) -> dict[str, str]:
    """What a statement sets: `NAME = value`, and the triggers of a monitor."""
    found = dict(re.findall(r"(?<!\()\b(\w+) = (\([^)]*\)|'[^']*'|\w+)", statement))
    if triggers := re.findall(r"ON (\d+ PERCENT DO \w+)", statement):
        found["TRIGGERS"] = ", ".join(triggers)
    return found


def applied(account: Account, snowflake: Snowflake) -> list[str]:
    """Runs the account's steps, and returns what is left to a person."""
    return apply(cast(SnowflakeConnection, snowflake), account.steps(), lambda *_: None)


def statements(steps: list[Step]) -> list[str]:
    return [statement for step in steps for statement in step.statements()]
