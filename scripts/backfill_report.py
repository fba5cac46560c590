"""What a backfill says at its end, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.text import Text

from asset_ids import AssetIds, Names
from audiodup.model import Status
from audiodup.texts import printable
from backfill_job import Seen
from requesting import Requested
from tables import new_console


def shape_record(listed: AssetIds) -> dict[str, Any]:
    """What was no id in what was given."""
    return {"malformed": listed.malformed.count, "duplicates": listed.duplicates, "header": listed.header}


def malformed_records(listed: AssetIds) -> Iterator[dict[str, Any]]:
    """The first ones, in words: what is no id fits no field."""
    for words in listed.malformed.first:
        yield {"asset_id": None, "file_key": None, "state": "malformed", "error": words}


def seen_record(seen: Seen, listed: AssetIds | None) -> dict[str, Any]:
    """What a run found, besides what it published."""
    shape = {} if listed is None else shape_record(listed)
    header = {"header": seen.header} if seen.header else {}
    counts = {name: getattr(seen, name).count for name in ("unknown", "done", "in_flight", "failed_before")}
    return {"ids": seen.ids, "files": seen.files, **counts, **shape, **header}


def print_shape(listed: AssetIds) -> None:
    """--dry-run of ids that were given."""
    _print("ids", f"{len(listed.ids):,}")
    if listed.maybe_header:
        _print("header", f"{listed.maybe_header}, unless AUDIO_ASSET lists it (it counts as an id here)")
    _print_shape(listed)


def print_seen(seen: Seen, listed: AssetIds | None, requested: Requested | None) -> None:
    """A run's end; `requested` is None where nothing was to be published."""
    if requested is None:
        _print("to publish", f"{seen.files:,} files")
    else:
        _print("published", _published(requested))
    _print_names("done already", seen.done)
    _print_names("in flight", seen.in_flight, "others asked for them")
    _print_names("FAILED before", seen.failed_before, "scripts/redrive.py publishes them again")
    _print_names("unknown", seen.unknown, "AUDIO_ASSET does not list them")
    if seen.header:
        _print("header", seen.header)
    if listed is not None:
        _print_shape(listed)
    if requested is not None and requested.failures:
        _print_failures(requested)


def _published(requested: Requested) -> str:
    parts = [f"{count:,} {status}" for status in Status if (count := requested.by_status[status])]
    if requested.unfinished:
        parts.append(f"{requested.unfinished:,} not finished yet")
    if requested.expired:
        parts.append(f"{requested.expired:,} not done within their lease (the scheduler's now)")
    return f"{requested.published:,} files" + (f": {', '.join(parts)}" if parts else "")


def _print_shape(listed: AssetIds) -> None:
    if listed.header is not None:
        _print("header", listed.header)
    if listed.duplicates:
        _print("given twice", f"{listed.duplicates:,}")
    _print_names("malformed", listed.malformed)


def _print_failures(requested: Requested) -> None:
    console = new_console()
    console.print("\nfailed in this run", style="bold")
    for outcome in requested.failures:
        words = f"{outcome.asset.asset_id} {outcome.asset.file_key}: {outcome.error}"
        console.print(Text(printable(words)), soft_wrap=True)
    if more := requested.failed - len(requested.failures):
        console.print(f"... and {more:,} more")


def _print_names(what: str, names: Names, why: str = "") -> None:
    if names.count:
        _print(what, f"{names.count:,}{f' ({why})' if why else ''}: {names}")


def _print(what: str, words: str) -> None:
    new_console().print(Text(printable(f"{what:>13}  {words}")), soft_wrap=True)
