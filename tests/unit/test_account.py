"""The account's SQL: its order, that it may run again, who runs what, and that no name carries SQL."""

from __future__ import annotations

import configparser
import re
from dataclasses import replace
from pathlib import Path

import pytest
import sqlfluff
from tests.accounts import FULL, Snowflake, applied, statements
from typer.main import get_command

from account import DUTY_OF, SQL
from apply_account import app
from audiodup.errors import Unusable

ROOT = Path(__file__).resolve().parents[2]


def test_whatever_a_statement_names_was_made_before() -> None:
    """From an account that has the database and the schema only."""
    snowflake = Snowflake()
    assert applied(FULL, snowflake) == []
    users = {name for kind, name in snowflake.made if kind == "USER"}
    assert users == {"AUDIODUP", *(f"AUDIODUP_{function.upper()}" for function in DUTY_OF)}


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
        "SECURITYADMIN": {
            *("GRANT USAGE", "GRANT USAGE,", "GRANT READ,"),
            *("GRANT SELECT", "GRANT SELECT,", "GRANT INSERT", "GRANT DELETE"),
        },
        "AUDIODUP_OWNER": {
            "USE WAREHOUSE", "USE SCHEMA", "CREATE TABLE", "ALTER TABLE", "CREATE OR", "CREATE STAGE", "INSERT INTO",
        },
    }  # fmt: skip


def test_every_statement_may_run_again() -> None:
    """What is there stays, and what was changed arrives."""
    again = re.compile(
        r"USE |GRANT |CREATE (ROLE|WAREHOUSE|RESOURCE MONITOR|USER|TABLE|STAGE) IF NOT EXISTS |"
        r"CREATE OR REPLACE VIEW \w+ COPY GRANTS |ALTER (WAREHOUSE|RESOURCE MONITOR|USER) \w+ SET\s|"
        r"ALTER TABLE \w+ ADD COLUMN IF NOT EXISTS |INSERT INTO (\w+) \(\w+\)\s+SELECT .*"
        r"WHERE NOT EXISTS \(SELECT 1 FROM \3\)$",
        re.DOTALL,
    )
    for statement in statements(FULL.steps()):
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
        assert snowflake.settings == undisturbed.settings
        assert snowflake.has_role == undisturbed.has_role


def test_a_refusal_names_file_role_and_statement() -> None:
    """One line of Snowflake's words, and what to do next."""
    with pytest.raises(Unusable) as caught:
        applied(FULL, Snowflake(refuses="CREATE RESOURCE MONITOR"))
    refusal, next_step = caught.value.words.splitlines()
    assert re.fullmatch(
        r"3_resource_monitor, as ACCOUNTADMIN: "
        r"CREATE RESOURCE MONITOR IF NOT EXISTS AUDIODUP WITH CREDIT_QUOTA = 7 .*: Insufficient privileges",
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
        for role in (
            "AUDIODUP_SCHEDULER",
            "AUDIODUP_MATCHER",
            "AUDIODUP_REVIEWER",
            "AUDIODUP_OWNER",
            "AUDIODUP_LIBRARIAN",
        )
    ]


def test_a_table_in_the_place_of_the_companys_view_is_told_like_a_missing_one() -> None:
    """Snowflake's number for an object of another kind; users and their keys are made all the same."""
    snowflake = Snowflake(refuses="AUDIO_ASSET", number=2203)
    [left] = applied(FULL, snowflake)
    assert "a table of that name takes another first" in left
    assert ("USER", "AUDIODUP") in snowflake.made


def test_a_view_that_may_not_be_granted_on_is_no_missing_one() -> None:
    with pytest.raises(Unusable, match="7_audio_asset, as SECURITYADMIN"):
        applied(FULL, Snowflake(refuses="AUDIO_ASSET"))


def test_a_missing_schema_is_named() -> None:
    """It is the company's, and a wrong setting must not make another."""
    snowflake = Snowflake()
    snowflake.made.remove(("SCHEMA", "BI_PROD.AI_DATA"))
    with pytest.raises(Unusable, match=r"4_schema, as SECURITYADMIN: .*'BI_PROD.AI_DATA' does not exist"):
        applied(FULL, snowflake)


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
    assert {step.name for step in FULL.steps()} == {"sql/schema", *(path.stem for path in SQL.glob("*.sql"))}


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
