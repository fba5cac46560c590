"""docs/schema.md: tables and columns from the DDL, who writes them from the statements, queries for the analyst."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .columns import MEANINGS
from .markdown import code, page, table

FIRST = ("AUDIO_FINGERPRINT", "AUDIO_FILE", "AUDIO_DUPLICATE", "AUDIO_DUPLICATE_GROUP", "AUDIO_DUPLICATE_REVIEW")
SQL = Path(__file__).resolve().parents[2] / "functions" / "audiodup" / "sql"

INTRODUCTION = """
All tables are in one schema of one database, `BI_PROD.AI_DATA` unless the [settings](settings.md) say otherwise.
`make schema` makes what is missing and leaves every row as it is. AUDIO_FINGERPRINT is what others read; AUDIO_FILE
says more of the same files, by the same key; the rest is the way there. All times are UTC.

Outcomes arrive in AUDIO_FINGERPRINT_INBOX, and a merge, one at a time, turns them into rows: see
[why](adr/0001-inbox.md), and [which of two outcomes wins](adr/0009-which-event-wins.md). Until the next merge, a
tick of the scheduler or a command line's batch, an outcome is in the inbox only.
"""

ASSET_INTRODUCTION = """
## AUDIO_ASSET

What there is to fingerprint: a view that you make over your own tables, since only you know them. `make schema` checks
that it is there with these columns and that ids and keys are texts. A file listed twice counts once. What is longer
than the types below cannot be stored.
"""

VIEW_INTRODUCTION = """
An example, over a table of songs whose files are known by a number:
"""

VIEW = """\
CREATE VIEW AUDIO_ASSET AS
SELECT
    CAST(ID AS VARCHAR) AS ASSET_ID,
    CAST(FILE_NAME AS VARCHAR) AS FILE_KEY,
    FILE_FORMAT AS FORMAT,
    'artlist' AS PROVIDER,
    UPLOADED_AT AS CREATED_AT
FROM LIBRARY.PUBLIC.SONG_FILE;"""

VIEW_CLOSING = """
More tables, and other providers, follow with `UNION ALL`. On the embedded store AUDIO_ASSET is a table that lists the
folder that was given last.
"""

QUERIES_INTRODUCTION = """
## Questions

In Snowflake's dialect; the tests run them on the embedded store.
"""

QUERIES = {
    "How far is it?": """\
SELECT
    COALESCE(AUDIO_FINGERPRINT.PROCESSING_STATUS, 'PENDING') AS STATE,
    COUNT(*) AS FILES,
    ROUND(SUM(AUDIO_FINGERPRINT.DURATION) / 3600, 1) AS HOURS
FROM AUDIO_ASSET
LEFT JOIN AUDIO_FINGERPRINT
    ON
        AUDIO_ASSET.ASSET_ID = AUDIO_FINGERPRINT.ASSET_ID
        AND AUDIO_ASSET.FILE_KEY = AUDIO_FINGERPRINT.FILE_KEY
GROUP BY STATE
ORDER BY FILES DESC;""",
    "Which files are copies of a file that is kept? Rules must go by ACTION of AUDIO_DUPLICATE_PAIR, which knows what "
    "people have said.": """\
SELECT
    KEPT.FILE_KEY AS KEEP_FILE,
    COPY.FILE_KEY AS COPY_FILE,
    KEPT.REASON
FROM AUDIO_DUPLICATE_GROUP AS KEPT
INNER JOIN AUDIO_DUPLICATE_GROUP AS COPY ON KEPT.GROUP_ID = COPY.GROUP_ID
WHERE KEPT.KEEP AND NOT COPY.KEEP
ORDER BY KEEP_FILE, COPY_FILE;""",
    "Which pairs wait for a person?": """\
SELECT
    A_ASSET_ID,
    A_FILE_KEY,
    B_ASSET_ID,
    B_FILE_KEY,
    VERDICT,
    KIND,
    SIMILARITY,
    EVIDENCE
FROM AUDIO_DUPLICATE_PAIR
WHERE ACTION = 'MANUAL_REVIEW' AND REVIEW IS NULL
ORDER BY SIMILARITY DESC;""",
    "What failed, and why? The codes are those of [errors](errors.md).": """\
SELECT
    SPLIT_PART(ERROR_MESSAGE, ':', 1) AS CODE,
    COUNT(*) AS FILES,
    MAX(UPDATED_AT) AS LAST_SEEN
FROM AUDIO_FINGERPRINT
WHERE PROCESSING_STATUS = 'FAILED'
GROUP BY CODE
ORDER BY FILES DESC;""",
    "Which files are the same bytes?": """\
SELECT
    SHA256,
    ASSET_ID,
    FILE_KEY
FROM AUDIO_FILE
WHERE SHA256 IS NOT NULL
QUALIFY COUNT(*) OVER (PARTITION BY SHA256) > 1
ORDER BY SHA256, ASSET_ID, FILE_KEY;""",
    "Which are the same audio, sample for sample, under other tags or in another lossless form? PCM_MD5 is known of "
    "lossless files that tell it and of short sounds; two files without one are not known to be the same.": """\
SELECT
    PCM_MD5,
    CHANNELS,
    SAMPLE_RATE,
    ASSET_ID,
    FILE_KEY,
    CONTAINER
FROM AUDIO_FILE
WHERE PCM_MD5 IS NOT NULL
QUALIFY COUNT(*) OVER (PARTITION BY PCM_MD5, CHANNELS, SAMPLE_RATE) > 1
ORDER BY PCM_MD5, ASSET_ID, FILE_KEY;""",
}

# By the statement's folder in sql/, or its name.
WRITERS = {
    "review": "people, through the review page or by hand",
    "append_outcomes": "scheduler (QUEUED), fingerprint, dead_letter and the command lines, by INSERT only",
    "merge": "the merge, which the scheduler and the command lines run",
    "schema": "`make schema`, once",
    "embedded": "the command lines, on the embedded store only",
    "index": "the matcher",
    "duplicates": "the matcher",
}


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or a view, as its DDL has it."""

    kind: str
    name: str
    comment: str
    columns: tuple[tuple[str, str], ...]
    """Name and type, with NOT NULL and the default; none for a view."""


def render() -> str:
    """The page."""
    writers = writers_by_table()
    asset = read_ddl((SQL / "embedded" / "audio_asset.sql").read_text(encoding="utf-8"))
    sections = []
    for relation in relations():
        written = "; ".join(writers.get(relation.name, []))
        writing = f"\n\nWritten by {written}." if relation.kind == "TABLE" else ""
        columns = f"\n\n{_columns(relation)}" if relation.columns else ""
        sections.append(f"## {relation.name}\n\n{relation.comment}{writing}{columns}")
    questions = [f"{question}\n\n{_sql(text)}" for question, text in QUERIES.items()]
    return page(
        "Tables",
        "functions/audiodup/sql/",
        INTRODUCTION,
        ASSET_INTRODUCTION,
        _columns(asset),
        VIEW_INTRODUCTION,
        _sql(VIEW),
        VIEW_CLOSING,
        *sections,
        QUERIES_INTRODUCTION,
        *questions,
    )


def relations() -> list[Relation]:
    """Every table of sql/schema/, those that others read first, then the views."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((SQL / "schema").glob("*.sql"))]
    found = [read_ddl(text) for text in texts if re.search(r"CREATE (OR REPLACE VIEW|TABLE) ", text)]
    return sorted(found, key=lambda relation: (relation.kind, *_place(relation.name)))


def _place(name: str) -> tuple[int, str]:
    return (FIRST.index(name) if name in FIRST else len(FIRST), name)


def read_ddl(text: str) -> Relation:
    """One CREATE statement with the comment above it."""
    comment = " ".join(re.findall(r"^-- ?(.*)", text, re.MULTILINE))
    created = re.search(r"CREATE (?:OR REPLACE )?(TABLE|VIEW)(?: IF NOT EXISTS)? (\w+)(?: \((.*)\);)?", text, re.DOTALL)
    if created is None:
        raise ValueError(f"no CREATE statement: {text[:80]}")
    kind, name, body = created.groups()
    lines = [line.strip().rstrip(",").split(maxsplit=1) for line in (body or "").strip().splitlines()]
    columns = tuple((line[0], line[1]) for line in lines if line[0] not in {"PRIMARY", "--"})
    return Relation(kind, name, comment, columns)


def writers_by_table() -> dict[str, list[str]]:
    """Who writes a table, by the statements that do."""
    found: dict[str, list[str]] = {}
    for name, text in _statements():
        for written in re.findall(r"^(?:INSERT INTO|UPDATE|DELETE FROM|COPY INTO) (\w+)", text, re.MULTILINE):
            folder = name.rpartition("/")[0]
            writers = found.setdefault(written, [])
            if (writer := WRITERS[folder or name]) not in writers:
                writers.append(writer)
    return found


def _statements() -> Iterator[tuple[str, str]]:
    for path in sorted(SQL.rglob("*.sql")):
        yield path.relative_to(SQL).with_suffix("").as_posix(), path.read_text(encoding="utf-8")


def _columns(relation: Relation) -> str:
    rows = [(name, code(type_), MEANINGS[name]) for name, type_ in relation.columns]
    return table(("column", "type", "meaning"), rows)


def _sql(text: str) -> str:
    return f"```sql\n{text}\n```"
