"""Least grants: each statement's needs are granted, and nothing else is; both sides are read from the SQL itself."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from account import Account
from audiodup import wiring
from documentation.schema import FIRST, QUERIES, SQL

Grants = dict[str, set[str]]

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["sqlfluff"]["templater"]["placeholder"]
NOT_THE_FUNCTIONS = {"schema", "embedded"}
"""Folders of sql/ that the owner runs, and that only the embedded store does."""

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


def granted(role: str) -> Grants:
    """What `role` is granted on tables, views and stages."""
    grant = re.compile(r"GRANT ([\w, ]+) ON (?:TABLE|VIEW|STAGE) BI_PROD\.AI_DATA\.(\w+) TO ROLE (\w+)")
    found: Grants = {}
    for step in Account(wiring.snowflake_schema()).steps():
        for statement in step.statements():
            if (match := grant.fullmatch(statement)) and match[3] == role:
                assert match[2] not in found, "written once"
                found[match[2]] = set(match[1].split(", "))
    return found


def test_the_functions_may_do_what_their_statements_do_and_nothing_else() -> None:
    """A statement that comes to read another table fails here, not in production; a grant nobody needs is no grant."""
    texts = [path.read_text() for path in SQL.rglob("*.sql") if path.parent.name not in NOT_THE_FUNCTIONS]
    assert len(texts) > 40
    assert granted("AUDIODUP") == needed_by_all(texts)


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
        for text in wiring.snowflake_schema().statements
        for kind in re.findall(r"^CREATE (?:OR REPLACE )?(\w+)", text, re.MULTILINE)
    }
    statements = [each for step in Account(wiring.snowflake_schema()).steps() for each in step.statements()]
    [grant] = [each for each in statements if " CREATE " in each and each.startswith("GRANT")]
    assert set(re.findall(r"CREATE (\w+)", grant)) == made
    assert grant.endswith("ON SCHEMA BI_PROD.AI_DATA TO ROLE AUDIODUP_OWNER")


def test_a_view_that_is_made_anew_keeps_its_grants() -> None:
    """Without the words Snowflake drops them, and each `make schema` would lock the functions out."""
    views = [text for text in wiring.snowflake_schema().statements if "CREATE OR REPLACE" in text]
    assert len(views) >= 3
    for text in views:
        assert re.search(r"^CREATE OR REPLACE VIEW \w+ COPY GRANTS AS$", text, re.MULTILINE)


def test_nothing_wide_is_granted() -> None:
    """Neither everything, nor what comes later, nor to everybody; and the functions' roles stand below nobody's."""
    statements = [each for step in Account(wiring.snowflake_schema()).steps() for each in step.statements()]
    grants = [each for each in statements if each.startswith("GRANT")]
    for grant in grants:
        assert not re.search(r"\b(ALL|FUTURE|OWNERSHIP|ACCOUNT|OPTION|MANAGE|PUBLIC|MODIFY|OPERATE)\b", grant)
    assert [each for each in grants if each.startswith("GRANT ROLE")] == ["GRANT ROLE AUDIODUP_OWNER TO ROLE SYSADMIN"]


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
