"""Apply sql/schema/ and check what is there against it."""

from __future__ import annotations

import re

from audiodup.errors import SchemaInvalid
from audiodup.session import Session, statement, statements

# What the system reads of the user's own view.
ASSET_COLUMNS = ("ASSET_ID", "FILE_KEY", "FORMAT", "PROVIDER", "CREATED_AT")
_TEXT_TYPES = {"TEXT", "VARCHAR", "STRING", "CHARACTER VARYING"}


def apply_schema(session: Session) -> list[str]:
    """Run every statement of sql/schema/; doing it again changes nothing. Returns their names."""
    names = in_order()
    for name in names:
        session.run(name)
    return names


def in_order() -> list[str]:
    """The names of the statements of sql/schema/, tables before the views that read them."""
    return sorted(statements("schema"), key=lambda name: (_makes_view(name), name))


def check_schema(session: Session, schema: str) -> None:
    """See that every table has the columns this version needs and that AUDIO_ASSET is there with text ids.

    Raises:
        SchemaInvalid: naming all that is missing.
    """
    present: dict[str, dict[str, str]] = {}
    for table, column, data_type in session.run("columns", schema_name=schema.upper()):
        present.setdefault(table.upper(), {})[column.upper()] = str(data_type).upper()
    problems = []
    for table, columns in expected_columns().items():
        if table not in present:
            problems.append(f"table {table} is missing")
        else:
            problems += [f"{table}.{column} is missing" for column in columns if column not in present[table]]
    asset = present.get("AUDIO_ASSET")
    if asset is None:
        problems.append(
            "view AUDIO_ASSET is missing: make it over your own asset tables, as docs/schema.md shows "
            f"({', '.join(ASSET_COLUMNS)})"
        )
    else:
        problems += [f"AUDIO_ASSET.{column} is missing" for column in ASSET_COLUMNS if column not in asset]
        problems += [
            f"AUDIO_ASSET.{column} is {asset[column]}: cast it to VARCHAR in the view"
            for column in ("ASSET_ID", "FILE_KEY")
            if column in asset and asset[column] not in _TEXT_TYPES
        ]
    if problems:
        raise SchemaInvalid("; ".join(problems))


def expected_columns() -> dict[str, list[str]]:
    """Columns by table, read from the DDL itself."""
    tables: dict[str, list[str]] = {}
    for name in statements("schema"):
        text = statement(name)
        if match := re.search(r"CREATE TABLE IF NOT EXISTS (\w+) \((.*)\);", text, re.DOTALL):
            body = match[2]
            tables[match[1]] = [
                words[0] for line in body.splitlines() if (words := line.split()) and words[0] not in {"PRIMARY", "--"}
            ]
    return tables


def _makes_view(name: str) -> bool:
    return "CREATE OR REPLACE VIEW" in statement(name)
