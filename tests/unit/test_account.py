"""The account's SQL: its order, that it may run again, who runs what, and that no name carries SQL."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import sqlfluff
from snowflake.connector import errors
from snowflake.connector.connection import SnowflakeConnection
from typer.main import get_command

from account import SQL, WAREHOUSE_OF, Account, Step
from apply_account import app, apply
from audiodup import wiring
from audiodup.errors import Unusable
from audiodup.session import STATEMENT_SECONDS

ROOT = Path(__file__).resolve().parents[2]
SUBJECTS = {function: f"10000000000000000000{number}" for number, function in enumerate(WAREHOUSE_OF)}
SCHEMA = wiring.snowflake_schema()
FULL = Account(SCHEMA, public_key="MIIB", second_key="MIIC", subjects=SUBJECTS)


class Snowflake:
    """A stand-in for the connector: it knows what was made, and refuses what names anything else.

    Each statement it took stands in `ran`, with the role.
    """

    def __init__(self, *, asset_view: bool = True, refuses: str = "^$") -> None:
        self.made = {("SCHEMA", "BI_PROD.AI_DATA"), ("DATABASE", "BI_PROD")}
        self.made |= {("ROLE", role) for role in ("USERADMIN", "SYSADMIN", "SECURITYADMIN", "ACCOUNTADMIN")}
        self.asset_view, self.refuses = asset_view, refuses
        self.role, self.schema = "", ""
        self.ran: list[tuple[str, str]] = []

    @contextmanager
    def cursor(self) -> Iterator[Snowflake]:
        yield self

    def execute(self, statement: str) -> None:
        if re.search(self.refuses, statement):
            raise errors.ProgrammingError(msg="Insufficient\nprivileges", errno=3001, sqlstate="42501")
        if role := re.fullmatch(r"USE ROLE (\w+)", statement):
            self.known("ROLE", role[1])
            self.role = role[1]
        elif made := re.match(r"CREATE (?:OR REPLACE )?(RESOURCE MONITOR|\w+)(?: IF NOT EXISTS)? (\w+)", statement):
            where = f"{self.schema}." if made[1] in {"TABLE", "VIEW", "STAGE"} else ""
            self.made.add((made[1], where + made[2]))
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
        self.ran.append((self.role, statement))

    def known(self, kind: str, name: str) -> None:
        if (kind, name) in self.made or (name.endswith(".AUDIO_ASSET") and self.asset_view):
            return
        raise errors.ProgrammingError(
            msg=f"{kind} '{name}' does not exist or not authorized.", errno=2003, sqlstate="02000"
        )

    def statements(self, role: str) -> list[str]:
        return [statement for taken, statement in self.ran if taken == role]


def applied(account: Account, snowflake: Snowflake) -> list[str]:
    return apply(cast(SnowflakeConnection, snowflake), account.steps(), lambda *_: None)


def statements(steps: list[Step]) -> list[str]:
    return [statement for step in steps for statement in step.statements()]


def test_whatever_a_statement_names_was_made_before() -> None:
    """From an account that has the database and the schema only."""
    snowflake = Snowflake()
    assert applied(FULL, snowflake) == []
    users = {name for kind, name in snowflake.made if kind == "USER"}
    assert users == {"AUDIODUP", *(f"AUDIODUP_{function.upper()}" for function in WAREHOUSE_OF)}


def test_each_role_does_its_own_part() -> None:
    """Tables belong to the owner, whoever ran the script."""
    snowflake = Snowflake()
    applied(FULL, snowflake)
    by_role = {
        role: {" ".join(words.split()[:2]) for words in snowflake.statements(role)} - {"USE ROLE"}
        for role, _ in snowflake.ran
    }
    assert by_role == {
        "": {"USE SECONDARY"},
        "USERADMIN": {"CREATE ROLE", "GRANT ROLE", "CREATE USER", "ALTER USER"},
        "SYSADMIN": {"CREATE WAREHOUSE", "ALTER WAREHOUSE", "GRANT USAGE"},
        "ACCOUNTADMIN": {"CREATE RESOURCE", "ALTER RESOURCE", "ALTER WAREHOUSE"},
        "SECURITYADMIN": {"GRANT USAGE", "GRANT USAGE,", "GRANT SELECT", "GRANT SELECT,", "GRANT READ,"},
        "AUDIODUP_OWNER": {
            "USE WAREHOUSE", "USE SCHEMA", "CREATE TABLE", "ALTER TABLE", "CREATE OR", "CREATE STAGE", "INSERT INTO",
        },
    }  # fmt: skip


def test_every_statement_may_run_again() -> None:
    """What is there stays, and what was changed arrives."""
    again = re.compile(
        r"USE |GRANT |CREATE (ROLE|WAREHOUSE|RESOURCE MONITOR|USER|TABLE|STAGE) IF NOT EXISTS |"
        r"CREATE OR REPLACE VIEW \w+ COPY GRANTS |ALTER (WAREHOUSE|RESOURCE MONITOR|USER) \w+ (SET|UNSET)\s|"
        r"ALTER TABLE \w+ ADD COLUMN IF NOT EXISTS |INSERT INTO (\w+) \(\w+\)\s+SELECT .*"
        r"WHERE NOT EXISTS \(SELECT 1 FROM \4\)$",
        re.DOTALL,
    )
    for statement in [*statements(FULL.steps()), *statements(replace(FULL, second_key=None).steps())]:
        assert again.match(statement), statement


def test_after_any_refusal_the_next_run_ends_as_an_undisturbed_one() -> None:
    """Whichever statement it was that failed, or that the person stopped at."""
    undisturbed = Snowflake()
    applied(FULL, undisturbed)
    for _, statement in undisturbed.ran:
        snowflake = Snowflake(refuses=f"^{re.escape(statement)}$")
        with pytest.raises(Unusable):
            applied(FULL, snowflake)
        snowflake.refuses = "^$"
        applied(FULL, snowflake)
        assert snowflake.made == undisturbed.made


def test_a_refusal_names_file_role_and_statement() -> None:
    """One line of Snowflake's words, and what to do next."""
    with pytest.raises(Unusable) as caught:
        applied(FULL, Snowflake(refuses="CREATE RESOURCE MONITOR"))
    refusal, next_step = caught.value.words.splitlines()
    assert re.fullmatch(
        r"3_resource_monitor, as ACCOUNTADMIN: "
        r"CREATE RESOURCE MONITOR IF NOT EXISTS AUDIODUP WITH CREDIT_QUOTA = 250: .*Insufficient privileges",
        refusal,
    )
    assert "run this again" in next_step


def test_without_the_companys_view_the_rest_is_made() -> None:
    """Its grants are left to the next run; the line says where the view is described."""
    snowflake = Snowflake(asset_view=False)
    [left] = applied(FULL, snowflake)
    assert "docs/schema.md" in left
    assert "## AUDIO_ASSET" in (ROOT / "docs" / "schema.md").read_text()
    whole = Snowflake()
    applied(FULL, whole)
    assert [each for each in whole.ran if each not in snowflake.ran] == [
        ("SECURITYADMIN", f"GRANT SELECT ON VIEW BI_PROD.AI_DATA.AUDIO_ASSET TO ROLE {role}")
        for role in ("AUDIODUP", "AUDIODUP_OWNER", "AUDIODUP_LIBRARIAN")
    ]


def test_a_view_that_may_not_be_granted_on_is_no_missing_one() -> None:
    with pytest.raises(Unusable, match="7_audio_asset, as SECURITYADMIN"):
        applied(FULL, Snowflake(refuses="AUDIO_ASSET"))


def test_a_missing_schema_is_named() -> None:
    """It is the company's, and a wrong setting must not make another."""
    snowflake = Snowflake()
    snowflake.made.remove(("SCHEMA", "BI_PROD.AI_DATA"))
    with pytest.raises(Unusable, match=r"4_schema, as SECURITYADMIN: .*'BI_PROD.AI_DATA' does not exist"):
        applied(FULL, snowflake)


def test_every_function_has_its_user_and_the_matcher_its_warehouse() -> None:
    """Entry points and users are the same names."""
    assert set(WAREHOUSE_OF) == {path.stem for path in (ROOT / "functions").glob("*.py") if "." not in path.stem}
    text = "\n".join(statements(FULL.steps()))
    for function in WAREHOUSE_OF:
        [settings] = re.findall(rf"ALTER USER AUDIODUP_{function.upper()} SET\s+TYPE = SERVICE[^;]*?(?=\nGRANT)", text)
        warehouse = "AUDIODUP_MATCHER" if function == "matcher" else "AUDIODUP"
        assert settings.endswith(f"DEFAULT_WAREHOUSE = {warehouse}")
        assert "DEFAULT_ROLE = AUDIODUP\nDEFAULT_SECONDARY_ROLES = ()" in settings
        assert f"SUBJECT = '{SUBJECTS[function]}'" in text
    assert "PASSWORD" not in text


def test_terraform_names_what_is_made() -> None:
    """The functions take the role and the warehouses that infra/ tells them."""
    text = (ROOT / "infra" / "variables.tf").read_text()
    for name, kind in (("role", "ROLE"), ("warehouse", "WAREHOUSE"), ("matcher_warehouse", "WAREHOUSE")):
        [default] = re.findall(rf'\b{name}\s+= optional\(string, "(\w+)"\)', text)
        assert f"CREATE {kind} IF NOT EXISTS {default}" in "\n".join(step.text for step in FULL.steps())


def test_without_keys_and_identities_no_user_is_touched() -> None:
    """A run for another purpose takes no key away."""
    assert not [each for each in statements(Account(SCHEMA).steps()) if "USER " in each]


def test_a_key_that_was_changed_leaves_one() -> None:
    """The new one is first in its place, then the other goes: one of them signs in at any time."""
    assert statements(replace(FULL, second_key=None, subjects=None).steps())[-2:] == [
        "ALTER USER AUDIODUP SET RSA_PUBLIC_KEY = 'MIIB'",
        "ALTER USER AUDIODUP UNSET RSA_PUBLIC_KEY_2",
    ]
    assert statements(replace(FULL, subjects=None).steps())[-2:] == [
        "ALTER USER AUDIODUP SET RSA_PUBLIC_KEY = 'MIIB'",
        "ALTER USER AUDIODUP SET RSA_PUBLIC_KEY_2 = 'MIIC'",
    ]


def test_the_monitor_suspends_only_when_it_is_told_to() -> None:
    """A stopped warehouse fails assets."""
    assert "SUSPEND" not in "".join(step.text for step in FULL.steps() if step.name.startswith("3")).replace(
        "does not suspend", ""
    )
    [text] = [step.text for step in replace(FULL, suspend=True, credits=7).steps() if step.name.startswith("3")]
    assert "ON 100 PERCENT DO SUSPEND;" in text
    assert text.count("CREDIT_QUOTA = 7\n") == 1


def test_the_functions_give_up_before_the_warehouse_does() -> None:
    """Their own limit says what happened; the warehouse's is for statements whose function is gone."""
    limits = re.findall(r"STATEMENT_TIMEOUT_IN_SECONDS = (\d+)", "".join(step.text for step in FULL.steps()))
    assert len(limits) == 2
    assert all(STATEMENT_SECONDS < int(limit) <= 2 * STATEMENT_SECONDS for limit in limits)


def test_the_sql_is_snowflakes() -> None:
    """As it is run, names and all; `make check` lints its form."""
    text = ";\n".join(statements([step for step in FULL.steps() if step.name != "sql/schema"]))
    assert sqlfluff.parse(f"{text};\n", dialect="snowflake")
    with pytest.raises(sqlfluff.api.APIParsingError):
        sqlfluff.parse("ALTER USER A SET WORKLOAD IDENTITY (GCP);\n", dialect="snowflake")


def test_each_value_has_its_sample_for_the_linter() -> None:
    """What is no longer filled in goes from there, too."""
    config = configparser.ConfigParser()
    config.read(SQL / ".sqlfluff")
    used = {name for path in SQL.glob("*.sql") for name in re.findall(r"%\((\w+)\)s", path.read_text())}
    assert set(config["sqlfluff:templater:placeholder"]) == used


def test_every_file_is_applied() -> None:
    """A file that nobody runs says what is not so."""
    steps = {step.name for account in (FULL, replace(FULL, second_key=None)) for step in account.steps()}
    assert steps == {"sql/schema", *(path.stem for path in SQL.glob("*.sql"))}


README = (SQL / "README.md").read_text()


def test_the_readme_tears_down_all_that_is_made() -> None:
    """And nothing else: tables stay."""
    [text] = re.findall(r"```sql\n(.*?)```", README, re.DOTALL)
    assert sqlfluff.parse(text, dialect="snowflake")
    snowflake = Snowflake()
    there = set(snowflake.made)
    applied(FULL, snowflake)
    made = {one for one in snowflake.made - there if one[0] in {"ROLE", "USER", "WAREHOUSE", "RESOURCE MONITOR"}}
    assert set(re.findall(r"DROP ([A-Z ]+) IF EXISTS (\w+);", text)) == made


def test_the_readme_shows_every_option_and_no_other() -> None:
    """By name, so that a renamed one is found."""
    options = {option for parameter in get_command(app).params for option in parameter.opts} - {"--help", "-h"}
    of_others = {"--data-file", "--secret"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)) - of_others == options


@pytest.mark.parametrize(
    "name", ["", "A B", "A;DROP DATABASE BI_PROD", 'A"', "A'--", "1A", "Ä", "A\n", "%(role)s", "A" * 250]
)
def test_a_name_that_could_carry_sql_is_refused(name: str) -> None:
    """250 letters are an identifier; what is made of them is not."""
    with pytest.raises(ValueError, match="is no plain Snowflake identifier"):
        replace(FULL, name=name).steps()


def test_another_name_changes_all_of_them() -> None:
    """Two systems share an account: nothing is left of the other's name but in comments and texts of the company."""
    text = "\n".join(statements(replace(FULL, name="DUPDEV").steps()))
    assert "AUDIODUP" not in text
    assert "CREATE ROLE IF NOT EXISTS DUPDEV_OWNER" in text
