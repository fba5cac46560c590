"""Redrive: list what has FAILED and the dead letters; publish such files again, as new requests.

The rows drive: what is FAILED by the table is asked for again, by way of AUDIO_ASSET. Dead letters follow their rows.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from asset_ids import NoIds, typed_ids
from audiodup.errors import AudioDupError, Malformed, RetriesExhausted, stored_codes
from audiodup.model import Asset, FileKey, Status
from audiodup.texts import printable
from audiodup.wiring import DEFAULT_DATABASE, Parts, command_line_parts
from cli import APP_OPTIONS, Exit, check_database, emit, errors_as_lines, fail, say, stopping_gently
from dead_letters import SAMPLES, SETTLED, DeadLetters, State
from failure_tables import failed_record, letters_records, print_failed, print_letters
from requesting import MaxInFlight, Requests

app = typer.Typer(**APP_OPTIONS)

# Published, and told as published, at once.
PAGE = 1_000
CODES_SHOWN = 30
IDS_NAMED = 10
DISCARDED = (State.FAILED, State.GONE, State.MALFORMED)
"""Letters that stay until someone decides."""


@dataclass
class Job:
    """What the command line asks for."""

    parts: Parts
    code: str | None
    asset_ids: list[str] | None
    limit: int | None
    max_in_flight: int | None
    discard: frozenset[State]
    dry_run: bool
    json_lines: bool
    stop: threading.Event = field(default_factory=threading.Event)
    summary: dict[str, Any] = field(default_factory=dict)
    published: set[int] = field(default_factory=set)
    """Hashes of the keys of what this run has published, which take a quarter of what the keys would."""

    @property
    def republishes(self) -> bool:
        """Whether files are to be published again, or only looked at."""
        return self.code is not None or self.asset_ids is not None

    @property
    def changes(self) -> bool:
        """Whether letters may be acknowledged."""
        return not self.dry_run and (self.republishes or bool(self.discard))

    def emit(self, record: dict[str, Any]) -> None:
        """A line of --json."""
        if self.json_lines:
            emit(record)


@app.command()
def main(  # noqa: PLR0913 - one parameter per option
    code: Annotated[
        str | None, typer.Option(metavar="CODE", help=f"Publish again what has FAILED so: {RetriesExhausted.code}.")
    ] = None,
    asset_ids: Annotated[
        str | None, typer.Option(metavar="IDS", help='Publish again what has FAILED of these assets: "1,2,3".')
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Publish at most so many files.")] = None,
    max_in_flight: MaxInFlight = None,
    discard: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STATE",
            help="Acknowledge dead letters of this state too, for good: "
            f"{', '.join(DISCARDED)}. Rows stay as they are. May be repeated.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    database: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help=f"Folder of the embedded store, as {DEFAULT_DATABASE}/; not Snowflake."),
    ] = None,
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")] = False,
) -> None:
    """List what has FAILED by code, and the dead letters; with --code or --asset-ids publish such files again.

    A dead letter is acknowledged when its file is done, or was published again and Pub/Sub has confirmed it; what
    cannot be read is never published. Without --code, --asset-ids and --discard nothing is changed.
    """
    _check_usage(code, limit or max_in_flight, asset_ids, discard, database)
    ids = None if asset_ids is None else _ids(asset_ids)
    with errors_as_lines():
        parts = command_line_parts(database=database)
        known = {one.code for one in stored_codes()}
        # A row of an older version may have another.
        known |= {one.code for one in parts.failures.by_code(codes=99, samples=1)[0]}
        if code not in {None, *known}:
            fail(f"--code {code}: no error is called so; without options it lists what has FAILED", Exit.WRONG_USAGE)
        states = frozenset(State(state) for state in discard or ())
        job = Job(parts, code, ids, limit, max_in_flight, states, dry_run, json_lines)
        status = redrive(job)
    raise typer.Exit(status)


def _check_usage(
    code: str | None, bound: int | None, asset_ids: str | None, discard: list[str] | None, database: Path | None
) -> None:
    wrong = [state for state in discard or () if state not in DISCARDED]
    if wrong:
        fail(f"--discard {wrong[0]}: give one of {', '.join(DISCARDED)}", Exit.WRONG_USAGE)
    if discard and (code is not None or asset_ids is not None):
        fail(
            "--discard gives letters up, --code and --asset-ids bring files back: one after the other", Exit.WRONG_USAGE
        )
    if bound and code is None and asset_ids is None:
        fail("--limit and --max-in-flight go with --code or --asset-ids", Exit.WRONG_USAGE)
    if code == Malformed.code and asset_ids is None:
        fail(
            f"--code {code}: a message that cannot be read is never published again. Mend its sender; "
            "to ask for the files anew, name them: --asset-ids",
            Exit.WRONG_USAGE,
        )
    check_database(database, publishes=True)


def _ids(text: str) -> list[str]:
    try:
        typed = typed_ids(text)
    except NoIds as error:
        fail(f'--asset-ids: {error}, as in --asset-ids "1,2,3"', Exit.WRONG_USAGE)
    if typed.malformed.count:
        fail(f"--asset-ids: {typed.malformed}", Exit.WRONG_USAGE)
    return list(typed.ids)


def redrive(job: Job) -> Exit:
    """Do what `job` asks for."""
    parts = job.parts
    status = Exit.ALL_WELL

    def at_once() -> None:
        raise KeyboardInterrupt

    try:
        with stopping_gently(job.stop, at_once, "Stopping ... (again: at once)"):
            # What the functions have put into the inbox counts.
            parts.store.merge()
            if job.asset_ids is not None:
                status = _name_others(job, job.asset_ids)
            if not job.republishes:
                _list_failed(job)
            elif job.dry_run:
                _list_selected(job)
            else:
                _publish(job)
            _letters(job)
    except KeyboardInterrupt:
        job.stop.set()
    except AudioDupError:
        # Interrupted; or what the embedded store makes of an interrupt where a statement is running.
        if not job.stop.is_set():
            raise
    finally:
        parts.store.close()
    job.emit({"summary": job.summary})
    if job.stop.is_set():
        say("Interrupted: the same command goes on.")
        return Exit.INTERRUPTED
    return status


def _name_others(job: Job, asset_ids: list[str]) -> Exit:
    """Say which of these ids nobody knows, and how many of their files have not FAILED."""
    known: set[str] = set()
    others: Counter[str] = Counter()
    for listed in job.parts.store.library(asset_ids):
        known.add(listed.asset.asset_id)
        if listed.status is not Status.FAILED:
            others[listed.status or "PENDING"] += 1
    unknown = [asset_id for asset_id in asset_ids if asset_id not in known]
    job.summary |= {"unknown": unknown, "not_failed": dict(others)}
    if others and not job.json_lines:
        say("Left alone, for they have not FAILED: " + ", ".join(f"{n} {status}" for status, n in others.items()))
    if not unknown:
        return Exit.ALL_WELL
    named = ", ".join(printable(asset_id) for asset_id in unknown[:IDS_NAMED])
    more = f" and {len(unknown) - IDS_NAMED} more" if len(unknown) > IDS_NAMED else ""
    say(f"AUDIO_ASSET lists no such asset: {named}{more}")
    return Exit.SOME_FAILED


def _list_failed(job: Job) -> None:
    by_code, total = job.parts.failures.by_code(codes=CODES_SHOWN, samples=SAMPLES)
    records = [failed_record(one.code, one.files, one.samples) for one in by_code]
    job.summary["failed"] = total
    _show_failed(job, "FAILED files", records, total)
    if records and not job.json_lines:
        say("To publish them again: --code CODE or --asset-ids IDS, with --dry-run first.")


def _list_selected(job: Job) -> None:
    """What would be published."""
    files: Counter[str] = Counter()
    samples: dict[str, list[FileKey]] = {}
    for page in _selected(job, lambda read: read(), lambda count: count):
        for asset, code in page:
            files[code] += 1
            some = samples.setdefault(code, [])
            if len(some) < SAMPLES:
                some.append((asset.asset_id, asset.file_key))
    records = [failed_record(code, count, samples[code]) for code, count in files.most_common(CODES_SHOWN)]
    job.summary["would_publish"] = files.total()
    _show_failed(job, "would be published", records, files.total())


def _show_failed(job: Job, title: str, records: list[dict[str, Any]], total: int) -> None:
    for record in records:
        job.emit(record)
    if not job.json_lines:
        print_failed(title, records, total - sum(record["files"] for record in records))


def _publish(job: Job) -> None:
    """Publish what is FAILED, a page at a time; when this returns Pub/Sub has confirmed all of it."""
    # Without a sign-in to Google nothing is begun.
    _ = job.parts.dead_letters
    requests = Requests(job.parts, at_most=job.max_in_flight, stop=job.stop)
    try:
        for page in _selected(job, requests.patiently, requests.wait_for_room):
            requests.publish([asset for asset, _ in page])
            for asset, code in page:
                job.published.add(hash((asset.asset_id, asset.file_key)))
                job.emit({"asset_id": asset.asset_id, "file_key": asset.file_key, "code": code, "published": True})
        # The letters are judged by the rows, which have to show what was asked for.
        requests.merge()
        requests.finish()
    finally:
        done = requests.requested
        job.summary |= done.record()
        if not job.json_lines:
            say(f"Published again: {done.published} files; {done.unfinished} of them are not finished yet.")
            if not done.published:
                say("Without options it lists what has FAILED, by code.")


Page = list[tuple[Asset, str]]


def _selected(
    job: Job, patiently: Callable[[Callable[[], Page]], Page], wait_for_room: Callable[[int], int]
) -> Iterator[Page]:
    """The files that are asked for, with their codes, in pages; one that fails again meanwhile comes no second time."""
    after: FileKey | None = None
    left = job.limit
    while most := PAGE if left is None else min(PAGE, left):
        # What is read before there is room is old when there is some.
        size = wait_for_room(most)
        # One more shows whether there is something to wait for room for.
        read = partial(job.parts.failures.page, after=after, code=job.code, asset_ids=job.asset_ids, at_most=size + 1)
        found = patiently(read)
        page = found[:size]
        yield page
        if len(found) <= size:
            return
        left = None if left is None else left - size
        after = page[-1][0].asset_id, page[-1][0].file_key


def _letters(job: Job) -> None:
    if not job.json_lines:
        say("Looking at the dead letters ...")
    letters = DeadLetters(
        job.parts,
        acknowledge=SETTLED | job.discard if job.changes else (),
        republished=lambda key: hash(key) in job.published,
        report=job.emit,
        stop=job.stop,
    ).look()
    records = letters_records(letters)
    job.summary |= {
        "dead_letters": {state.value: count for state, count in letters.count.items()},
        "acknowledged": {state.value: count for state, count in letters.acknowledged.items()},
        "all_dead_letters_seen": letters.all_seen,
    }
    for record in records:
        job.emit(record)
    if not job.json_lines:
        print_letters(records, all_seen=letters.all_seen)


if __name__ == "__main__":
    app()
