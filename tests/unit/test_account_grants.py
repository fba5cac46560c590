"""Least grants: each role is granted what its statements need and nothing else; both sides are read from the SQL."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp
from tests.accounts import EMBEDDED, FULL, RUN_BY, Snowflake, applied, statements

from account import DUTY_OF
from audiodup.schema import expected_columns
from audiodup.session import statement
from documentation.schema import FIRST, QUERIES, SQL

Grants = dict[str, set[str]]

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["sqlfluff"]["templater"]["placeholder"]
FUNCTIONS = {f"AUDIODUP{duty.role}" for duty in DUTY_OF.values()}
"""Their roles."""

WRITES: dict[type[exp.Expression], set[str]] = {
    exp.Insert: {"INSERT"},
    exp.Update: {"UPDATE", "SELECT"},
    exp.Delete: {"DELETE", "SELECT"},
    exp.Copy: {"INSERT"},
}


def needed(text: str) -> Grants:
    """The privileges that one statement needs, by object."""
    found: Grants = defaultdict(set)
    tree = sqlglot.parse_one(text % SAMPLES, dialect="snowflake")
    target = None
    if type(tree) in WRITES:
        target = tree.this.find(exp.Table)
        found[target.name] |= WRITES[type(tree)]
    ours = {cte.alias for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        # INFORMATION_SCHEMA is everybody's, and shows what the role may see.
        if table is target or table.name in ours or table.db == "INFORMATION_SCHEMA" or "@" in table.name:
            continue
        found[table.name].add("SELECT")
    for stage in re.findall(r"@(\w+)", text % SAMPLES):
        found[stage] |= {"WRITE"} if isinstance(tree, exp.Put) else {"READ"}
        if "PURGE = TRUE" in text:
            found[stage].add("WRITE")
    return dict(found)


def needed_by_all(texts: list[str]) -> Grants:
    found: Grants = defaultdict(set)
    for text in texts:
        for name, privileges in needed(text).items():
            found[name] |= privileges
    return dict(found)


def granted(role: str, kinds: str = "TABLE|VIEW|STAGE") -> Grants:
    """What `role` itself is granted, by object."""
    grant = re.compile(rf"GRANT ([\w, ]+) ON (?:{kinds}) (?:BI_PROD\.AI_DATA\.)?([\w.]+) TO ROLE (\w+)")
    found: Grants = {}
    for text in statements(FULL.steps()):
        if (match := grant.fullmatch(text)) and match[3] == role:
            assert match[2] not in found, "written once"
            found[match[2]] = set(match[1].split(", "))
    return found


def of_the_functions() -> Grants:
    """What all their roles have together."""
    found: Grants = defaultdict(set)
    for role in FUNCTIONS:
        for name, privileges in granted(role).items():
            found[name] |= privileges
    return found


def test_every_statement_has_a_role_that_runs_it() -> None:
    """A new one is named in tests/accounts.py, by folder or by itself; one that is gone goes from there, too."""
    files = {path.relative_to(SQL).with_suffix("").as_posix() for path in SQL.rglob("*.sql")}
    assert files == EMBEDDED.union(*RUN_BY.values())


@pytest.mark.parametrize("role", sorted(FUNCTIONS))
def test_a_function_may_do_what_its_statements_do_and_nothing_else(role: str) -> None:
    """A statement that comes to read another table fails here, not in production; a grant nobody needs is no grant."""
    assert granted(role) == needed_by_all([statement(name) for name in RUN_BY[role]])


def test_what_decodes_files_of_strangers_may_append_to_the_inbox_and_no_more() -> None:
    """In words, since it is what the roles are there for: it reads nothing, not even what it wrote."""
    assert DUTY_OF["fingerprint"].role == DUTY_OF["dead_letter"].role == "_INGEST"
    assert granted("AUDIODUP_INGEST") == {"AUDIO_FINGERPRINT_INBOX": {"INSERT"}}


def test_the_page_writes_nothing_but_what_people_say() -> None:
    """It answers browsers, and decodes files for their waveforms; and not even what it wrote can it change."""
    writes = {name: privileges for name, privileges in granted("AUDIODUP_REVIEWER").items() if privileges != {"SELECT"}}
    assert writes == {"AUDIO_DUPLICATE_REVIEW": {"SELECT", "INSERT"}}


def test_the_command_lines_have_the_functions_roles_and_what_only_they_do() -> None:
    have = of_the_functions()
    needs = needed_by_all([statement(name) for name in RUN_BY["AUDIODUP"]])
    more = {name: privileges - have[name] for name, privileges in needs.items() if privileges - have[name]}
    assert granted("AUDIODUP") == more
    # They look at the schema first, and see only what they have a privilege on.
    assert set(expected_columns()) <= have.keys() | more.keys()


def test_who_has_which_role() -> None:
    """The owner's and the administrators' are nobody's; users of workload identity have just their function's."""
    snowflake = Snowflake()
    applied(FULL, snowflake)
    assert snowflake.has_role == {
        *((f"USER AUDIODUP_{function.upper()}", f"AUDIODUP{duty.role}") for function, duty in DUTY_OF.items()),
        # By key pair each function signs in as this user and takes its role.
        *(("USER AUDIODUP", role) for role in FUNCTIONS | {"AUDIODUP"}),
        *(("ROLE AUDIODUP", role) for role in FUNCTIONS),
        *(("ROLE SYSADMIN", role) for role in ("AUDIODUP", "AUDIODUP_OWNER", "AUDIODUP_LIBRARIAN")),
    }


def test_warehouses_and_the_schema_are_for_those_who_use_them() -> None:
    """The command lines have both warehouses by the functions' roles."""
    warehouses = {role: set(granted(role, "WAREHOUSE")) for role in (*RUN_BY, "AUDIODUP_LIBRARIAN")}
    assert warehouses == {
        "AUDIODUP_INGEST": {"AUDIODUP"},
        "AUDIODUP_SCHEDULER": {"AUDIODUP"},
        "AUDIODUP_MATCHER": {"AUDIODUP_MATCHER"},
        "AUDIODUP_REVIEWER": {"AUDIODUP"},
        "AUDIODUP": set(),
        "AUDIODUP_OWNER": {"AUDIODUP"},
        "AUDIODUP_LIBRARIAN": {"AUDIODUP"},
    }
    for role in (*FUNCTIONS, "AUDIODUP_LIBRARIAN"):
        assert granted(role, "DATABASE|SCHEMA") == {"BI_PROD": {"USAGE"}, "BI_PROD.AI_DATA": {"USAGE"}}
    assert granted("AUDIODUP", "DATABASE|SCHEMA") == {}


def test_people_may_read_what_is_for_others_and_append_a_review() -> None:
    """What docs/schema.md asks is within it; nobody but the matcher writes a pair."""
    readable = {*FIRST, "AUDIO_DUPLICATE_PAIR", "AUDIO_ASSET"}
    expected: Grants = {name: {"SELECT"} for name in readable}
    expected["AUDIO_DUPLICATE_REVIEW"].add("INSERT")
    assert granted("AUDIODUP_LIBRARIAN") == expected
    for name, privileges in needed_by_all(list(QUERIES.values())).items():
        assert privileges <= expected[name], name


def test_the_owner_reads_what_it_may_not_own() -> None:
    """Else `make schema`, which sees only what its role may read, would report them as missing."""
    assert granted("AUDIODUP_OWNER") == {"AUDIO_ASSET": {"SELECT"}, "AUDIO_FINGERPRINT": {"SELECT"}}


def test_the_owner_may_create_what_the_schema_creates() -> None:
    made = {
        kind
        for text in FULL.schema.statements
        for kind in re.findall(r"^CREATE (?:OR REPLACE )?(\w+)", text, re.MULTILINE)
    }
    [grant] = [each for each in statements(FULL.steps()) if " CREATE " in each and each.startswith("GRANT")]
    assert set(re.findall(r"CREATE (\w+)", grant)) == made
    assert grant.endswith("ON SCHEMA BI_PROD.AI_DATA TO ROLE AUDIODUP_OWNER")


def test_a_view_that_is_made_anew_keeps_its_grants() -> None:
    """Without the words Snowflake drops them, and each `make schema` would lock the functions out."""
    views = [text for text in FULL.schema.statements if "CREATE OR REPLACE" in text]
    assert len(views) >= 3
    for text in views:
        assert re.search(r"^CREATE OR REPLACE VIEW \w+ COPY GRANTS AS$", text, re.MULTILINE)


def test_nothing_wide_is_granted() -> None:
    """Neither everything, nor what comes later, nor to everybody; and each grant is read by a test above."""
    grants = [each for each in statements(FULL.steps()) if each.startswith("GRANT")]
    for grant in grants:
        assert not re.search(r"\b(ALL|FUTURE|OWNERSHIP|ACCOUNT|OPTION|MANAGE|PUBLIC|MODIFY|OPERATE)\b", grant)
    kinds = "TABLE|VIEW|STAGE|WAREHOUSE|DATABASE|SCHEMA"
    read = sum(len(granted(role, kinds)) for role in (*RUN_BY, "AUDIODUP_LIBRARIAN"))
    assert len([each for each in grants if not each.startswith("GRANT ROLE")]) == read


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INSERT INTO A (X) SELECT X FROM B WHERE X > (SELECT 1 FROM A)", {"A": {"INSERT", "SELECT"}, "B": {"SELECT"}}),
        ("INSERT INTO A (X) SELECT VALUE FROM TABLE(FLATTEN(INPUT => PARSE_JSON('[]')))", {"A": {"INSERT"}}),
        ("UPDATE A SET X = B.X FROM B WHERE A.Y = B.Y", {"A": {"UPDATE", "SELECT"}, "B": {"SELECT"}}),
        ("DELETE FROM A WHERE X IN (SELECT X FROM B)", {"A": {"DELETE", "SELECT"}, "B": {"SELECT"}}),
        ("WITH C AS (SELECT X FROM A) SELECT X FROM C LEFT JOIN B ON C.X = B.X", {"A": {"SELECT"}, "B": {"SELECT"}}),
        ("SELECT TABLE_NAME FROM INFORMATION_SCHEMA.COLUMNS", {}),
        ("COPY INTO A FROM %(staged)s PURGE = TRUE", {"A": {"INSERT"}, "AUDIO_INDEX_STAGE": {"READ", "WRITE"}}),
        ("PUT 'file:///x' @S", {"S": {"WRITE"}}),
    ],
)  # fmt: skip
def test_needs_are_read_from_a_statement(text: str, expected: Grants) -> None:
    """A rule that cannot fail says nothing."""
    assert needed(text) == expected
