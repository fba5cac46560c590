"""Warehouses, the monitor and users as they are after the account's SQL: each setting, and what a later run leaves."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from tests.accounts import FULL, SUBJECTS, Snowflake, applied

from account import DUTY_OF, NAME, Account
from audiodup.session import STATEMENT_SECONDS

ROOT = Path(__file__).resolve().parents[2]
MONITOR = ("RESOURCE MONITOR", "AUDIODUP")
NOTHING_GIVEN = Account(FULL.schema)


def settings(*accounts: Account) -> dict[tuple[str, str], dict[str, str]]:
    """What is set when these were applied one after the other."""
    snowflake = Snowflake()
    for account in accounts:
        applied(account, snowflake)
    return snowflake.settings


@pytest.mark.parametrize("name", ["AUDIODUP", "AUDIODUP_MATCHER"])
def test_a_warehouse_is_small_sleeps_soon_wakes_by_itself_and_is_watched(name: str) -> None:
    """An idle hour costs as much as a day's ticks; one that does not wake fails every asset."""
    found = settings(FULL)["WAREHOUSE", name]
    # The functions' own limit says what happened; the warehouse's is for statements whose function is gone.
    assert STATEMENT_SECONDS < int(found.pop("STATEMENT_TIMEOUT_IN_SECONDS")) <= 2 * STATEMENT_SECONDS
    assert found == {
        "WAREHOUSE_SIZE": "XSMALL",
        "INITIALLY_SUSPENDED": "TRUE",
        "AUTO_SUSPEND": "60",
        "AUTO_RESUME": "TRUE",
        "RESOURCE_MONITOR": "AUDIODUP",
    }


def test_a_larger_warehouse_stays_so() -> None:
    """Somebody needed it; what it costs to sleep late is nobody's wish."""
    snowflake = Snowflake()
    applied(NOTHING_GIVEN, snowflake)
    matcher = snowflake.settings["WAREHOUSE", "AUDIODUP_MATCHER"]
    matcher |= {"WAREHOUSE_SIZE": "LARGE", "AUTO_SUSPEND": "3600"}
    applied(NOTHING_GIVEN, snowflake)
    assert (matcher["WAREHOUSE_SIZE"], matcher["AUTO_SUSPEND"]) == ("LARGE", "60")


@pytest.mark.parametrize(
    ("runs", "quota", "at_quota"),
    [
        ([{}], "250", "NOTIFY"),
        ([{"quota": 7}], "7", "NOTIFY"),
        ([{"quota": 7, "suspend": True}], "7", "SUSPEND"),
        ([{"quota": 7, "suspend": True}, {}], "7", "SUSPEND"),
        ([{}, {"quota": 7, "suspend": True}], "7", "SUSPEND"),
        ([{"quota": 7, "suspend": True}, {"quota": 8}], "8", "NOTIFY"),
    ],
)
def test_the_monitor_does_as_it_was_told_last(runs: list[dict[str, int]], quota: str, at_quota: str) -> None:
    """It suspends only when it is told to, since a stopped warehouse fails assets; a run for another purpose says
    nothing of it.
    """
    found = settings(*(Account(FULL.schema, quota=run.get("quota"), suspend="suspend" in run) for run in runs))
    assert found[MONITOR] == {
        "CREDIT_QUOTA": quota,
        "TRIGGERS": f"50 PERCENT DO NOTIFY, 80 PERCENT DO NOTIFY, 100 PERCENT DO {at_quota}",
    }


def test_every_function_has_a_user_with_its_own_role_and_warehouse() -> None:
    """Entry points and users are the same names. Nothing else is set: no password, no other role, no other cloud."""
    assert set(DUTY_OF) == {path.stem for path in (ROOT / "functions").glob("*.py") if "." not in path.stem}
    found = settings(FULL)
    roles = {
        "scheduler": "_SCHEDULER",
        "fingerprint": "_INGEST",
        "dead_letter": "_INGEST",
        "matcher": "_MATCHER",
        "review": "_REVIEWER",
    }
    for function, role in roles.items():
        assert found["USER", f"AUDIODUP_{function.upper()}"] == {
            "TYPE": "SERVICE",
            "DEFAULT_ROLE": f"AUDIODUP{role}",
            "DEFAULT_SECONDARY_ROLES": "()",
            "DEFAULT_WAREHOUSE": "AUDIODUP_MATCHER" if function == "matcher" else "AUDIODUP",
            "WORKLOAD_IDENTITY": f"(TYPE = GCP SUBJECT = '{SUBJECTS[function]}')",
        }


def test_the_key_pairs_user_has_the_command_lines_role() -> None:
    assert settings(FULL)["USER", "AUDIODUP"] == {
        "TYPE": "SERVICE",
        "DEFAULT_ROLE": "AUDIODUP",
        "DEFAULT_SECONDARY_ROLES": "()",
        "DEFAULT_WAREHOUSE": "AUDIODUP",
        "RSA_PUBLIC_KEY": "'MIIB'",
        "RSA_PUBLIC_KEY_2": "'MIIC'",
    }


def test_without_keys_and_identities_no_user_is_touched() -> None:
    """A run for another purpose takes no key away."""
    assert settings(FULL, NOTHING_GIVEN) == settings(FULL)
    assert not [name for kind, name in settings(NOTHING_GIVEN) if kind == "USER"]


def test_a_key_is_changed_while_one_of_two_signs_in_at_any_time() -> None:
    """The steps of the README: the old key is out at the end, though no run names it."""
    first = replace(NOTHING_GIVEN, public_key="OLD")
    second = replace(NOTHING_GIVEN, second_key="NEW")
    last = replace(NOTHING_GIVEN, public_key="NEW")
    keys = [
        {settings(*runs)["USER", "AUDIODUP"].get(place) for place in ("RSA_PUBLIC_KEY", "RSA_PUBLIC_KEY_2")}
        for runs in ([first], [first, second], [first, second, last])
    ]
    assert keys == [{"'OLD'", None}, {"'OLD'", "'NEW'"}, {"'NEW'"}]


def test_terraform_names_what_is_made() -> None:
    """The functions take the roles and the warehouses that infra/ tells them."""
    text = (ROOT / "infra" / "functions.tf").read_text()
    assert re.search(r'SNOWFLAKE_ROLE += "\$\{var\.snowflake\.name\}_\$\{function\.role\}"', text)
    assert re.search(r"SNOWFLAKE_WAREHOUSE += var\.snowflake\.name\n", text)
    functions = dict(re.findall(r"^    (\w+) = \{\n(.*?)^    \}$", text, re.MULTILINE | re.DOTALL))
    assert functions.keys() == DUTY_OF.keys()
    for function, duty in DUTY_OF.items():
        assert re.findall(r'^      role += "(\w+)"', functions[function], re.MULTILINE) == [duty.role.removeprefix("_")]
        own = re.findall(r'SNOWFLAKE_WAREHOUSE += "\$\{var\.snowflake\.name\}(\w+)"', functions[function])
        assert own == ([duty.warehouse] if duty.warehouse else [])
    assert f'optional(string, "{NAME}")' in (ROOT / "infra" / "variables.tf").read_text()
