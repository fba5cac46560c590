"""Fingerprint a library: a folder into the embedded store, or the assets of Snowflake into Snowflake."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from audiodup.errors import NotFound
from audiodup.model import NEVER, Asset, FileIdentity, Outcome, Status
from audiodup.wiring import DEFAULT_DATABASE, Parts, command_line_parts
from bulk import Summary, fingerprint_all
from cli import APP_OPTIONS, Exit, emit, errors_as_lines, fail, say, stopping_gently
from library import FolderLibrary
from progress import progress
from tables import print_library, print_statistics, statistics_record

app = typer.Typer(**APP_OPTIONS)

# The rest is in the table of the store, and with --json each is a line.
FAILURES_SHOWN = 50

DONE = frozenset({Status.SUCCESS, Status.SHORT})
# While one file's outcome waits for its INSERT, the CPUs have others (300 files of 4 s on 2 CPUs: 2 workers 42 s, 8
# workers 12 s).
WORKERS = 4 * (os.cpu_count() or 1)


@dataclass
class Job:
    """What the command line asks for."""

    parts: Parts
    ids: list[str] | None
    skip: frozenset[Status]
    """Files with these statuses are left alone."""
    limit: int | None
    workers: int
    batch_size: int
    json_lines: bool
    folder: FolderLibrary | None
    summary: Summary = field(default_factory=Summary)
    failures: list[Outcome] = field(default_factory=list)
    """The first ones of this run, to be named at its end."""

    @property
    def how_to_go_on(self) -> str:
        """What to tell a person who has stopped it."""
        return "the same command with --resume goes on" if self.skip else "--reprocess begins anew"

    def wanted(self, summary: Summary) -> Iterator[Asset]:
        """The files to do, by key; the others are counted as skipped in `summary`."""
        begun = 0
        for listed in self.parts.store.library(self.ids):
            asset = listed.asset
            known = None if listed.file_size is None else FileIdentity(listed.file_size, listed.sha256)
            changed = self.folder is not None and self.folder.changed(asset, known, listed.requested_at)
            if listed.status in self.skip and not changed:
                summary.skipped += 1
            elif self.limit is None or begun < self.limit:
                begun += 1
                yield asset

    def report(self, outcome: Outcome) -> None:
        """Count one file, and print it where that was asked for."""
        self.summary.count(outcome)
        if self.json_lines:
            emit(outcome_record(outcome))
        elif outcome.status is Status.FAILED and len(self.failures) < FAILURES_SHOWN:
            self.failures.append(outcome)


@app.command()
def main(  # noqa: PLR0913 - one parameter per option
    local: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Fingerprint this folder into the embedded store.")
    ] = None,
    database: Annotated[
        Path | None, typer.Option(metavar="PATH", help=f"Folder of the embedded store (default {DEFAULT_DATABASE}/).")
    ] = None,
    asset_ids: Annotated[str | None, typer.Option(metavar="IDS", help='Only these assets: "1,2,3".')] = None,
    batch_size: Annotated[int, typer.Option(min=1, max=100_000, help="Files between two merges.")] = 500,
    resume: Annotated[bool, typer.Option("--resume", help="Leave FAILED files alone too.")] = False,
    reprocess: Annotated[bool, typer.Option("--reprocess", help="Do all, whatever their status.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Do at most so many files.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Files at once; one fpcalc per CPU.")] = WORKERS,
    stats: Annotated[
        bool, typer.Option("--stats", help="Only merge what is done and print the library's statistics.")
    ] = False,
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")] = False,
) -> None:
    """Fingerprint every file that is neither SUCCESS nor SHORT yet, then print the table and the statistics.

    --local or --database selects the embedded store, neither the Snowflake of the SNOWFLAKE_* settings.
    """
    if resume and reprocess:
        fail("--resume leaves more alone, --reprocess does all: give one of them", Exit.WRONG_USAGE)
    if local is not None and not local.is_dir():
        fail(f"--local {local}: no such folder", Exit.WRONG_USAGE)
    if database is not None and local is None and not stats:
        fail("--database without --local goes with --stats only: give the folder, --local DIR", Exit.WRONG_USAGE)
    if database is not None and database.exists() and not database.is_dir():
        fail(f"--database {database}: it is a file, and the embedded store is a folder", Exit.WRONG_USAGE)
    if stats and local is None and database is not None and not database.exists():
        fail(f"--database {database}: no such folder", Exit.WRONG_USAGE)
    ids = None if asset_ids is None else _ids(asset_ids)
    with errors_as_lines():
        parts = command_line_parts(database=database, folder=local)
        folder = FolderLibrary() if local is not None else None
        if stats:
            if folder is not None:
                folder.load(parts)
            # What waits in the inbox is done too; where another merge runs, that one counts it.
            parts.store.merge()
            record = statistics_record(parts)
            emit(record) if json_lines else print_statistics(record)
            return
        skip = frozenset[Status]() if reprocess else DONE | {Status.FAILED} if resume else DONE
        code = _run(Job(parts, ids, skip, limit, workers, batch_size, json_lines, folder))
    raise typer.Exit(code)


def _run(job: Job) -> Exit:
    parts, summary = job.parts, job.summary
    stop = threading.Event()
    fingerprint_library(job, stop)
    if job.json_lines:
        emit({"summary": summary.record()})
    else:
        if job.folder is not None and job.folder.ignored:
            say(f"Passed over in the folder, being no audio: {job.folder.ignored}")
        print_library(parts, job.failures, summary.failed)
    parts.store.close()
    if stop.is_set():
        say(f"Interrupted: what was in hand is stored; {job.how_to_go_on}.")
        return Exit.INTERRUPTED
    return Exit.SOME_FAILED if summary.failed else Exit.ALL_WELL


def fingerprint_library(job: Job, stop: threading.Event) -> None:
    """Do what `job` asks for; with `stop` set the files in hand are finished and no other is begun."""
    started = time.monotonic()
    parts, summary = job.parts, job.summary
    _list_problems(job)
    # What an earlier run left in the inbox (it was killed before its merge) counts as done.
    parts.store.merge()
    words = "Finishing the files in hand ... (again: not even those)"
    with (
        stopping_gently(stop, parts.interrupt, words),
        progress(sum(1 for _ in job.wanted(Summary()))) as advance,
    ):

        def report(outcome: Outcome) -> None:
            job.report(outcome)
            advance()

        fingerprint_all(
            parts,
            job.wanted(summary),
            workers=job.workers,
            batch_size=job.batch_size,
            report=report,
            stop=stop,
        )
    if job.folder is not None and job.ids is None and job.limit is None and not stop.is_set():
        job.folder.remember()
    summary.seconds = time.monotonic() - started


def _list_problems(job: Job) -> None:
    """Report what can never get a row: names that no table takes, ids that nobody knows."""
    problems: list[Outcome] = []
    if job.folder is not None:
        job.folder.load(job.parts)
    if job.ids is None:
        problems += job.folder.problems if job.folder is not None else []
    else:
        known = {listed.asset.asset_id for listed in job.parts.store.library(job.ids)}
        error = str(NotFound("AUDIO_ASSET lists no such asset"))
        for unknown in dict.fromkeys(asset_id for asset_id in job.ids if asset_id not in known):
            problems.append(Outcome(Asset(unknown, ""), Status.FAILED, NEVER, error=error))
    for problem in problems:
        job.report(problem)


def _ids(text: str) -> list[str]:
    ids = [part.strip() for part in text.split(",") if part.strip()]
    if not ids:
        fail('--asset-ids: give ids, as in --asset-ids "1,2,3"', Exit.WRONG_USAGE)
    return ids


def outcome_record(outcome: Outcome) -> dict[str, object]:
    """One file as --json prints it."""
    return {
        "asset_id": outcome.asset.asset_id or None,
        "file_key": outcome.asset.file_key or None,
        "status": outcome.status.value,
        "format": outcome.asset.format,
        "duration": outcome.duration,
        "file_size": outcome.identity.size if outcome.identity else None,
        "fingerprint": outcome.fingerprint.text if outcome.fingerprint else None,
        "error": outcome.error,
    }


if __name__ == "__main__":
    app()
