"""Values are checked against their columns before a batch is sent."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from audiodup.errors import Malformed
from audiodup.model import Asset, AudioProperties, FileIdentity, Fingerprint, Outcome, SlowFingerprint, Status
from audiodup.rows import as_row, encode_rows, statement_bytes, storable

GOOD = Outcome(
    Asset("a1", "k", "wav", "p"),
    Status.SUCCESS,
    datetime(2026, 1, 1, tzinfo=UTC),
    fingerprint=Fingerprint("AQAD", 1.5, 1, 120, "1.5.1"),
    identity=FileIdentity(10, "f" * 64, "etag"),
    properties=AudioProperties("wav", "pcm_s16le", True, 2, 44100, 1_411_200, "0" * 32, 20_000.0),
    slow=SlowFingerprint("AQAE", 0.125, 1.6),
)


def test_good_values_pass_unchanged() -> None:
    """And make JSON."""
    assert storable(GOOD) is GOOD
    row = as_row(GOOD)
    assert row["processing_status"] == "SUCCESS"
    assert (row["slow_fingerprint"], row["slow_speed"], row["bandwidth"]) == ("AQAE", 0.125, 20_000.0)
    assert row["duration"] == 1.5
    assert json.loads(encode_rows([row])) == [row]


def test_a_short_row_has_the_duration_of_its_slow_fingerprint() -> None:
    """Short sounds are judged with it."""
    row = as_row(storable(replace(GOOD, status=Status.SHORT, fingerprint=None)))
    assert (row["processing_status"], row["fingerprint"], row["error_message"]) == ("SHORT", None, None)
    assert (row["duration"], row["slow_fingerprint"]) == (1.6, "AQAE")


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"asset": Asset("a1", "k", "f" * 11)}, "format"),
        ({"asset": Asset("a1", "k", "\ud800")}, "format"),
        ({"identity": FileIdentity(10, "f" * 64, "e" * 201)}, "etag"),
        ({"identity": FileIdentity(2**63)}, "file_size"),
        ({"fingerprint": replace(GOOD.fingerprint, duration=float("nan"))}, "duration"),
        ({"fingerprint": replace(GOOD.fingerprint, duration=float("inf"))}, "duration"),
        ({"properties": AudioProperties(codec="c" * 51)}, "codec"),
        ({"properties": AudioProperties(bandwidth=float("nan"))}, "bandwidth"),
        ({"slow": SlowFingerprint("A" * 20_001, 0.125, 1.6)}, "slow_fingerprint"),
        ({"slow": SlowFingerprint("AQAE", float("inf"), 1.6)}, "slow_speed"),
        ({"properties": AudioProperties(container="a\0b")}, "container"),
        ({"properties": AudioProperties(channels=2**70)}, "channels"),
    ],
)
def test_a_value_that_does_not_fit_is_null_and_named(change: dict[str, Any], column: str) -> None:
    """The embedded store would take it; Snowflake would refuse the whole statement."""
    row = as_row(storable(replace(GOOD, **change)))
    assert row[column] is None
    assert row["processing_status"] == "FAILED"
    assert row["error_message"].startswith(f"INVALID_VALUE: {column.upper()} ")
    assert row["fingerprint"] is None
    assert row["slow_fingerprint"] is None
    encode_rows([row]).encode()


@pytest.mark.parametrize("asset", [Asset("a" * 51, "k"), Asset("a", "k" * 501), Asset("", "k"), Asset("a", "\ud800")])
def test_a_key_that_does_not_fit_is_malformed(asset: Asset) -> None:
    """There is no row that it could go to."""
    with pytest.raises(Malformed):
        storable(replace(GOOD, asset=asset))


def test_an_error_that_no_column_takes_is_made_to_fit() -> None:
    """The outcome is FAILED anyway: its words are cut and cleaned, not replaced."""
    row = as_row(storable(replace(GOOD, status=Status.FAILED, error="CORRUPT: \ud800\0" + "x" * 3000)))
    assert row["error_message"].startswith("CORRUPT: ?xxx")
    assert len(row["error_message"]) == 2000
    encode_rows([row]).encode()


def test_a_statement_is_measured_as_it_is_sent() -> None:
    """In UTF-8, quotes and backslashes doubled: 500 characters may be 1,500 bytes."""
    assert statement_bytes("abc") == 3
    assert statement_bytes("\u4e2d" * 500) == 1500
    assert statement_bytes("it's a \\") == 10
