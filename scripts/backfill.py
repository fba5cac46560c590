"""Backfill: publish historic ids for fingerprinting, as the scheduler does with new uploads."""

from __future__ import annotations

import os
import threading
import time
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from asset_ids import AssetIds
from audiodup.errors import AudioDupError, InvalidValue, StoreUnavailable, Transient, Unusable
from audiodup.model import Asset
from audiodup.texts import printable
from audiodup.wiring import DEFAULT_DATABASE, Parts, command_line_parts
from backfill_job import Backfill
from backfill_options import given_ids, given_rate, given_time, reading_query
from backfill_report import malformed_records, print_seen, print_shape, seen_record, shape_record
from checkpoint import Checkpoint
from cli import APP_OPTIONS, Exit, check_database, emit, errors_as_lines, fail, say, stopping_gently
from id_sources import PAGE, QUERY_PAGE, ListedIds, Source, StoredIds
from progress import progress
from requesting import MaxInFlight, Requests
from tables import print_statistics, statistics_record

app = typer.Typer(**APP_OPTIONS)


@dataclass(frozen=True)
class Asked:
    """Which assets, and how."""

    listed: AssetIds | None
    file: str | None
    query: str | None
    since: datetime | None
    until: datetime | None
    batch_size: int
    rate: float | None
    max_in_flight: int | None
    dry_run: bool
    resume: bool
    json_lines: bool


@app.command()
def main(  # noqa: PLR0913 - one parameter per option
    asset_ids: Annotated[str | None, typer.Option(metavar="IDS", help='These assets: "1,2,3".')] = None,
    file: Annotated[
        str | None, typer.Option(metavar="CSV", help="Those in the first column of a CSV file; - is stdin.")
    ] = None,
    query: Annotated[
        str | None, typer.Option(metavar="SQL", help="Those that one SELECT gives in its only column.")
    ] = None,
    all_pending: Annotated[bool, typer.Option("--all-pending", help="All that have no outcome yet.")] = False,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="The same, of assets made then or later: 2024-01-31 (UTC).")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="The same, of assets made before.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, max=2000, help="Ids between two checkpoints.")] = 1000,
    rate: Annotated[str | None, typer.Option(metavar="N/s", help="At most so many files a second.")] = None,
    max_in_flight: MaxInFlight = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Publish nothing; of ids that are given only the shape is checked.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the same command was stopped or killed.")
    ] = False,
    stats: Annotated[bool, typer.Option("--stats", help="Only print the library's statistics.")] = False,
    database: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help=f"Folder of the embedded store, as {DEFAULT_DATABASE}/; not Snowflake."),
    ] = None,
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")] = False,
) -> None:
    """Publish assets for fingerprinting, never so many at once that new uploads would find no room.

    What is done, in flight or FAILED is left alone (redrive.py asks for the FAILED again). It ends when all is
    published; --stats tells how far the library is.
    """
    spans = all_pending or since is not None or until is not None
    if sum(map(bool, (asset_ids is not None, file is not None, query is not None, spans, stats))) != 1:
        fail("give one of --asset-ids, --file, --query, --all-pending (or --since, --until), --stats", Exit.WRONG_USAGE)
    check_database(database, publishes=not (stats or dry_run))
    first, end = given_time("--since", since), given_time("--until", until)
    if first and end and first >= end:
        fail(f"--since {since} is not before --until {until}", Exit.WRONG_USAGE)
    asked = partial(
        Asked,
        file=file,
        query=None if query is None else reading_query(query),
        since=first,
        until=end,
        batch_size=batch_size,
        rate=given_rate(rate),
        max_in_flight=max_in_flight,
        dry_run=dry_run,
        resume=resume,
        json_lines=json_lines,
    )
    try:
        with errors_as_lines():
            if stats:
                record = statistics_record(command_line_parts(database=database))
                emit(record) if json_lines else print_statistics(record)
                return
            listed = given_ids(asset_ids, file)
            if listed is not None and dry_run:
                code = _show_shape(listed, json_lines=json_lines)
            else:
                code = _run(asked(listed=listed), command_line_parts(database=database))
    except KeyboardInterrupt:
        say("Interrupted.")
        code = Exit.INTERRUPTED
    raise typer.Exit(code)


def _show_shape(listed: AssetIds, *, json_lines: bool) -> Exit:
    """Of ids that were given: it needs no store and no cloud."""
    if json_lines:
        for record in malformed_records(listed):
            emit(record)
        emit({"summary": {"ids": len(listed.ids), "maybe_header": listed.maybe_header} | shape_record(listed)})
    else:
        print_shape(listed)
    return Exit.SOME_FAILED if listed.malformed.count else Exit.ALL_WELL


def _run(asked: Asked, parts: Parts) -> Exit:
    stop = threading.Event()
    if not asked.dry_run:
        # Without a sign-in to Google nothing is begun.
        _ = parts.publisher
    requests = Requests(parts, at_most=asked.max_in_flight, rate=asked.rate, stop=stop)
    source = _source(asked, parts, requests)
    checkpoint = _checkpoint(parts, source)
    backfill = Backfill(
        parts,
        source,
        requests,
        checkpoint,
        batch_size=asked.batch_size,
        dry_run=asked.dry_run,
        maybe_header=asked.listed.maybe_header if asked.listed else None,
        tell=_emit_file if asked.json_lines else _tell_nobody,
    )
    with nullcontext() if asked.dry_run else checkpoint.held(source.name):
        left = _open(asked, backfill, checkpoint, parts)
        return _to_the_end(asked, parts, backfill, requests, left, stop)


def _to_the_end(  # noqa: PLR0913 - all that a run is made of
    asked: Asked, parts: Parts, backfill: Backfill, requests: Requests, left: int, stop: threading.Event
) -> Exit:
    started, given_up = time.monotonic(), threading.Event()

    def at_once() -> None:
        given_up.set()
        raise KeyboardInterrupt

    problem: AudioDupError | None = None
    words = "Finishing the page in hand ... (again: not even that)"
    try:
        with stopping_gently(stop, at_once, words), progress(left, "backfilling", things="ids") as advance:
            backfill.run(advance)
    except KeyboardInterrupt:
        stop.set()
    except AudioDupError as error:
        # The embedded store makes an error of its own of an interrupt, where a statement is running.
        problem = None if stop.is_set() else error
    if problem is None and not given_up.is_set() and not asked.dry_run:
        requests.finish()
    _show(asked, backfill, requests, time.monotonic() - started)
    parts.store.close()
    interrupted = stop.is_set() and backfill.confirmed < backfill.total
    return _end(asked, backfill, problem, interrupted=interrupted, failed=requests.requested.failed)


def _source(asked: Asked, parts: Parts, requests: Requests) -> Source:
    """Where the ids come from; the store is asked with patience."""
    if asked.listed is not None:
        return ListedIds(asked.file or "the ids given", asked.listed)
    store, query = parts.store, asked.query
    if query is not None:
        return StoredIds(
            query,
            lambda after, at_most: requests.patiently(partial(store.asked_ids, query, after, at_most)),
            QUERY_PAGE,
        )
    span = "".join(f" {word} {time}" for word, time in (("since", asked.since), ("until", asked.until)) if time)
    page = partial(store.unfinished_ids, since=asked.since, until=asked.until)
    return StoredIds(
        f"all pending{span}", lambda after, at_most: requests.patiently(partial(page, after, at_most)), PAGE
    )


def _checkpoint(parts: Parts, source: Source) -> Checkpoint:
    """Of these ids, this store, and these topics: what was confirmed by others is not confirmed here."""
    settings = parts.settings
    store = (settings.snowflake_account, settings.snowflake_host or "", str(settings.snowflake_port))
    names = (settings.snowflake_database, settings.snowflake_schema)
    topics = (settings.google_cloud_project, parts.pubsub.request_topic, os.environ.get("PUBSUB_EMULATOR_HOST", ""))
    return Checkpoint(parts.database or DEFAULT_DATABASE, [source.identity, *store, *names, *topics])


def _open(asked: Asked, backfill: Backfill, checkpoint: Checkpoint, parts: Parts) -> int:
    """Begin or go on; returns how many ids are left."""
    at = None if asked.dry_run else checkpoint.load()
    if at is not None and not asked.resume:
        say(f"It begins anew; with --resume it would go on behind the {at.confirmed:,} ids that are confirmed.")
        at = None
    elif at is None and asked.resume:
        if others := checkpoint.others():
            stopped = "; ".join(f"{printable(other.name[:60])} ({other.confirmed:,} ids confirmed)" for other in others)
            fail(
                "--resume: these ids, in this order, for this store and these topics, were never begun. "
                f"What was: {stopped}. Without --resume they are begun.",
                Exit.WRONG_USAGE,
            )
        say("There is nothing to go on with: it begins.")
    try:
        return backfill.open(at)
    except (StoreUnavailable, InvalidValue) as error:
        if asked.query is None:
            raise
        # Where it is the store that is away, this says so.
        parts.store.clock()
        fail(f"--query: {error.words}", Exit.WRONG_USAGE)


def _show(asked: Asked, backfill: Backfill, requests: Requests, seconds: float) -> None:
    requested = None if asked.dry_run else requests.requested
    if asked.json_lines:
        for record in malformed_records(asked.listed) if asked.listed else ():
            emit(record)
        record = seen_record(backfill.seen, asked.listed) | (requested.record() if requested else {})
        emit({"summary": record | {"seconds": round(seconds, 3)}})
    else:
        print_seen(backfill.seen, asked.listed, requested)


def _end(asked: Asked, backfill: Backfill, problem: AudioDupError | None, *, interrupted: bool, failed: int) -> Exit:
    if problem or interrupted:
        say(
            f"{'Stopped' if problem else 'Interrupted'}: {backfill.confirmed:,} of {backfill.total:,} ids are "
            f"confirmed; the same command {'begins anew' if asked.dry_run else 'with --resume goes on'}."
        )
    if isinstance(problem, (Transient, Unusable)):
        raise problem
    if problem:
        fail(problem, Exit.OUT_OF_REACH)
    if interrupted:
        return Exit.INTERRUPTED
    seen, malformed = backfill.seen, asked.listed.malformed.count if asked.listed else 0
    return Exit.SOME_FAILED if failed or malformed or seen.unknown.count or seen.failed_before.count else Exit.ALL_WELL


def _emit_file(state: str, asset: Asset, error: str | None) -> None:
    emit({"asset_id": asset.asset_id, "file_key": asset.file_key or None, "state": state, "error": error})


def _tell_nobody(_state: str, _asset: Asset, _error: str | None) -> None: ...


if __name__ == "__main__":
    app()
