"""What the embedded store would hide and only Snowflake would show, held by rules over the SQL."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from audiodup.rows import TEXT_LENGTHS
from audiodup.schema import expected_columns
from audiodup.session import statement, statements

FOLDERS = ("", "schema", "merge", "embedded", "index", "duplicates", "redrive", "review")
ALL = sorted(name.lstrip("/") for folder in FOLDERS for name in statements(folder))
ENTRY = "AUDIO_FINGERPRINT_INBOX"
INDEX = {"AUDIO_INDEX_TRACK", "AUDIO_INDEX_KEY", "AUDIO_INDEX_COMMON_KEY", "AUDIO_INDEX_STATE", "AUDIO_DUPLICATE"}
WRITTEN = defaultdict(
    set,
    schema={"AUDIO_INDEX_STATE"},
    index=INDEX,
    duplicates={"AUDIO_DUPLICATE", "AUDIO_DUPLICATE_GROUP"},
    review={"AUDIO_DUPLICATE_REVIEW"},
)
"""What the matcher writes, and the review page: nobody else writes people's words."""


def code(name: str) -> str:
    """The statement without its comments."""
    return re.sub(r"--[^\n]*", "", statement(name))


@pytest.mark.parametrize("name", ALL)
def test_a_file_holds_one_statement(name: str) -> None:
    """The connector runs one at a time."""
    assert code(name).rstrip().endswith(";")
    assert code(name).count(";") == 1


@pytest.mark.parametrize("name", ALL)
def test_nothing_that_only_duckdb_or_only_a_udf_knows(name: str) -> None:
    """DuckDB's bit_count passes locally and fails on Snowflake; `PARSE_JSON` inside VALUES is refused there."""
    text = code(name).upper()
    assert not re.search(r"BIT_COUNT|POPCOUNT|LIST_|UNNEST|::JSON\b|ON CONFLICT|INSERT OR", text)
    assert not re.search(r"VALUES\s*\([^)]*PARSE_JSON", text)


@pytest.mark.parametrize("name", [name for name in ALL if name.startswith("merge/")])
def test_the_merge_has_neither_ddl_nor_a_merge_statement(name: str) -> None:
    """DDL commits Snowflake's transaction; MERGE and temporary tables fail in DuckDB's."""
    assert not re.search(r"\b(CREATE|DROP|ALTER|TRUNCATE|MERGE)\b", code(name).upper())


def test_after_the_claim_no_statement_reads_the_inbox_unrestricted() -> None:
    """On Snowflake they would see rows that came in since; the view and the DELETE go by the claim."""
    merge = statements("merge")
    after = merge[merge.index("merge/2_claim") + 1 :]
    assert len(after) == 6
    for name in after:
        if ENTRY in code(name):
            assert re.fullmatch(
                rf"\s*DELETE FROM {ENTRY}\s+WHERE EVENT_ID IN \(SELECT EVENT_ID FROM AUDIO_INBOX_CLAIM\);\s*",
                code(name),
            )
    winner = code("schema/audio_inbox_winner")
    assert "INNER JOIN AUDIO_INBOX_CLAIM ON" in winner
    assert "WHERE AUDIO_INBOX_CLAIM.WINS" in winner


def test_only_the_merge_writes_the_tables() -> None:
    """Many writers append to the inbox; UPDATE, DELETE and MERGE block each other on a table."""
    writes = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM|MERGE INTO)\s+(\w+)")
    for name in ALL:
        for table in writes.findall(code(name)):
            if name.startswith("merge/") or name == "schema/audio_merge_lock_row":
                continue
            assert table in {ENTRY, "AUDIO_ASSET"} or table in WRITTEN[name.split("/")[0]], f"{name} writes {table}"
    assert writes.findall(code("append_outcomes")) == [ENTRY]


def test_the_lengths_checked_are_those_of_the_columns() -> None:
    """fakesnow checks no VARCHAR length, Snowflake refuses what is longer."""
    ddl = code("schema/audio_fingerprint_inbox")
    lengths = {name.lower(): int(length) for name, length in re.findall(r"(\w+) VARCHAR\((\d+)\)", ddl)}
    unbounded = {"fingerprint", "slow_fingerprint", "error_message"}
    assert {name: length for name, length in TEXT_LENGTHS.items() if name not in unbounded} == lengths
    for table in ("audio_fingerprint", "audio_file"):
        for name, length in re.findall(r"(\w+) VARCHAR\((\d+)\)", code(f"schema/{table}")):
            assert lengths[name.lower()] == int(length), f"{table}.{name}"


def test_the_original_table_is_column_for_column_as_it_was() -> None:
    """Others read it."""
    ddl = " ".join(code("schema/audio_fingerprint").split())
    assert ddl == (
        "CREATE TABLE IF NOT EXISTS AUDIO_FINGERPRINT ( ASSET_ID VARCHAR(50) NOT NULL, FILE_KEY VARCHAR(500) NOT NULL, "
        "FORMAT VARCHAR(10), DURATION FLOAT, FINGERPRINT TEXT, FILE_SIZE BIGINT, "
        "PROCESSING_STATUS VARCHAR(20) DEFAULT 'SUCCESS', ERROR_MESSAGE TEXT, "
        "CREATED_AT TIMESTAMP DEFAULT CURRENT_TIMESTAMP(), UPDATED_AT TIMESTAMP DEFAULT CURRENT_TIMESTAMP(), "
        "PRIMARY KEY (ASSET_ID, FILE_KEY) );"
    )


def test_every_column_of_a_file_is_written_by_the_merge() -> None:
    """AUDIO_FILE shows one event whole: a column left out would mix two."""
    for column in expected_columns()["AUDIO_FILE"]:
        assert re.search(rf"\b{column}\b", code("merge/6_insert_file")), column
        if column not in {"ASSET_ID", "FILE_KEY"}:
            assert f"{column} = AUDIO_INBOX_WINNER.{column}" in code("merge/5_update_file")


def test_a_persons_words_are_only_ever_added_to() -> None:
    """Neither the page nor the matcher changes or deletes one."""
    for name in ALL:
        assert not re.search(r"(UPDATE|DELETE FROM|MERGE INTO)\s+AUDIO_DUPLICATE_REVIEW", code(name)), name
