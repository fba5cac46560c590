"""What a backfill's options say: ids, a query, times, a rate; or the line that says what to give instead."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from asset_ids import AssetIds, NoIds, read_ids, typed_ids
from cli import Exit, fail
from id_sources import read_only


def given_ids(asset_ids: str | None, file: str | None) -> AssetIds | None:
    """--asset-ids or --file; None is neither."""
    try:
        if asset_ids is not None:
            return typed_ids(asset_ids)
        if file is not None:
            with open(0 if file == "-" else file, "rb", closefd=file != "-") as stream:
                return read_ids(stream)
    except NoIds as error:
        fail(
            f"--file {file}: {error}" if file else f'--asset-ids: {error}, as in --asset-ids "1,2,3"', Exit.WRONG_USAGE
        )
    except OSError as error:
        fail(f"--file {file}: {error.strerror}", Exit.WRONG_USAGE)
    return None


def reading_query(query: str) -> str:
    """--query, if it changes nothing."""
    try:
        return read_only(query)
    except ValueError as error:
        fail(f"--query: {error}; it is run if it is one SELECT that only reads", Exit.WRONG_USAGE)


def given_time(option: str, text: str | None) -> datetime | None:
    """--since or --until, in UTC unless it says otherwise."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{option} {text}: give a time as 2024-01-31 or 2024-01-31T12:00:00Z", Exit.WRONG_USAGE)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def given_rate(text: str | None) -> float | None:
    """--rate, in files a second."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)(?:/s)?", text)
    if match is None or not float(match[1]):
        fail(f"--rate {text}: give files a second, as 50/s", Exit.WRONG_USAGE)
    return float(match[1])
