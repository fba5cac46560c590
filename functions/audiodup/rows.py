"""Outcome -> row of the inbox, with every value checked against its column before the warehouse sees it.

A batch shares one statement, so one value that does not fit would spoil the others; and the embedded store checks no
length, so what passes here would fail in production.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from audiodup.errors import InvalidValue, Malformed
from audiodup.model import ASSET_ID_LENGTH, FILE_KEY_LENGTH, FORMAT_LENGTH, AudioProperties, Outcome, Status

# Characters that fit, by column; the lengths are those of sql/schema/audio_fingerprint_inbox.sql (a test compares).
# FINGERPRINT, SLOW_FINGERPRINT and ERROR_MESSAGE are unbounded there, but a statement's text is not: Snowflake takes
# 1 MB. (A slow fingerprint has some 650 items at most, and an item no more than 17 characters.)
TEXT_LENGTHS = {
    "event_id": 36,
    "asset_id": ASSET_ID_LENGTH,
    "file_key": FILE_KEY_LENGTH,
    "format": FORMAT_LENGTH,
    "fingerprint": 900_000,
    "processing_status": 20,
    "error_message": 2_000,
    "container": 20,
    "codec": 50,
    "sha256": 64,
    "etag": 200,
    "pcm_md5": 32,
    "fpcalc_version": 20,
    "slow_fingerprint": 20_000,
}
# Snowflake takes 1 MB of SQL text; the rest is for the statement itself.
STATEMENT_BYTES = 950_000
T = TypeVar("T")

_KEYS = ("asset_id", "file_key")
_LARGEST_INTEGER = 2**63 - 1


def as_row(outcome: Outcome) -> dict[str, Any]:
    """The outcome's columns by lower-case name, as JSON takes them."""
    fingerprint, slow, identity = outcome.fingerprint, outcome.slow, outcome.identity
    properties = outcome.properties or AudioProperties()
    return {
        "event_id": outcome.event_id,
        "asset_id": outcome.asset.asset_id,
        "file_key": outcome.asset.file_key,
        "format": outcome.asset.format,
        "duration": outcome.duration,
        "fingerprint": fingerprint.text if fingerprint else None,
        "file_size": identity.size if identity else None,
        "processing_status": outcome.status.value,
        "error_message": outcome.error,
        "container": properties.container,
        "codec": properties.codec,
        "lossless": properties.lossless,
        "channels": properties.channels,
        "sample_rate": properties.sample_rate,
        "bit_rate": properties.bit_rate,
        "sha256": identity.sha256 if identity else None,
        "etag": identity.etag if identity else None,
        "pcm_md5": properties.pcm_md5,
        "algorithm": fingerprint.algorithm if fingerprint else None,
        "fingerprint_seconds": fingerprint.seconds if fingerprint else None,
        "fpcalc_version": fingerprint.fpcalc_version if fingerprint else None,
        "slow_fingerprint": slow.text if slow else None,
        "slow_speed": slow.speed if slow else None,
        "bandwidth": properties.bandwidth,
        "balance": properties.balance,
        "requested_at": database_time(outcome.requested_at),
    }


def storable(outcome: Outcome) -> Outcome:
    """The outcome, or what is left of it where a value does not fit its column: that value is None and the outcome is
    FAILED with INVALID_VALUE.

    Raises:
        Malformed: a key does not fit; such an outcome has no row to go to.
    """
    if outcome.error is not None:
        outcome = replace(outcome, error=_printable(outcome.error)[: TEXT_LENGTHS["error_message"]])
    row = as_row(outcome)
    wrong = {name: problem for name, value in row.items() if (problem := _problem(name, value))}
    for key in _KEYS:
        if key in wrong or not row[key]:
            raise Malformed(f"{key} {wrong.get(key, 'is empty')}")
    if not wrong:
        return outcome
    return replace(
        outcome,
        status=Status.FAILED,
        error=str(InvalidValue("; ".join(f"{name.upper()} {problem}" for name, problem in wrong.items()))),
        asset=_without(outcome.asset, wrong),
        fingerprint=None,
        slow=None,
        identity=None if "file_size" in wrong else _without(outcome.identity, wrong),
        properties=_without(outcome.properties, wrong),
    )


def _without(part: T, wrong: Iterable[str]) -> T:
    """A dataclass of the model with its wrong fields None; their names are the columns'."""
    if part is None:
        return part
    names = {one.name for one in fields(part)} & set(wrong)  # type: ignore[arg-type]
    return replace(part, **dict.fromkeys(names))  # type: ignore[type-var]


def _printable(text: str) -> str:
    """Without what no text column takes."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def encode_rows(rows: list[dict[str, Any]]) -> str:
    """The JSON text that the statements of sql/ flatten into rows."""
    return json.dumps(rows, allow_nan=False, ensure_ascii=False)


def statement_sized(rows: list[dict[str, Any]]) -> Iterator[str]:
    """JSON texts of as many rows as fit one statement."""
    page: list[dict[str, Any]] = []
    length = 0
    for row in rows:
        size = statement_bytes(encode_rows([row]))
        if page and length + size > STATEMENT_BYTES:
            yield encode_rows(page)
            page, length = [], 0
        page.append(row)
        length += size
    if page:
        yield encode_rows(page)


def statement_bytes(text: str) -> int:
    """What a text takes of a statement: in UTF-8, with each character doubled that its literal escapes."""
    return len(text.encode()) + sum(text.count(character) for character in "\\'\n\r")


def database_time(moment: datetime) -> str:
    """A TIMESTAMP_NTZ(6) in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _problem(name: str, value: Any) -> str | None:
    if isinstance(value, str):
        if len(value) > TEXT_LENGTHS.get(name, FILE_KEY_LENGTH):
            return f"has {len(value)} characters, at most {TEXT_LENGTHS[name]} fit"
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            return "is no UTF-8 text"
    elif isinstance(value, float) and not math.isfinite(value):
        return "is no finite number"
    elif isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
        return "is no 64-bit number"
    return None
