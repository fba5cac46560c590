"""Find the duplicates of a library: from a folder, of the embedded store, or of Snowflake."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from audio_fingerprint_processor import DONE, WORKERS, Job, fingerprint_library
from audiodup import matching
from audiodup.errors import AudioDupError
from audiodup.matching import Matched
from audiodup.model import Duplicate, Group, Kind, Status, Verdict
from audiodup.texts import printable
from audiodup.wiring import DEFAULT_DATABASE, Parts, command_line_parts, report
from cli import APP_OPTIONS, Exit, emit, errors_as_lines, fail, say, stopping_gently
from library import FolderLibrary, shown_folder
from pair_records import csv_file, pair_record
from pair_tables import PAIRS_SHOWN, print_pairs
from progress import progress
from tables import print_counts, print_files, statistics_record
from whole_file import check_target, whole_file

app = typer.Typer(**APP_OPTIONS)


FILES_BETWEEN_MERGES = 500


@dataclass
class Found:
    """The duplicates that the store holds."""

    groups: list[Group]
    first: list[Duplicate] = field(default_factory=list)
    by_verdict: Counter[Verdict] = field(default_factory=Counter)
    by_kind: Counter[Kind] = field(default_factory=Counter)

    def count(self, pair: Duplicate) -> None:
        """Add one; the first ones are kept, to be shown."""
        self.by_verdict[pair.judgement.verdict] += 1
        if pair.judgement.kind is not None:
            self.by_kind[pair.judgement.kind] += 1
        if len(self.first) < PAIRS_SHOWN:
            self.first.append(pair)


@app.command()
def main(  # noqa: PLR0913 - one parameter per option
    local: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Fingerprint what is missing of this folder first.")
    ] = None,
    database: Annotated[
        Path | None, typer.Option(metavar="PATH", help=f"Folder of the embedded store (default {DEFAULT_DATABASE}/).")
    ] = None,
    anew: Annotated[
        bool, typer.Option("--all", help="Make index and pairs anew; what people have said of pairs stays.")
    ] = False,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write all pairs to this file too.")] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a report to this file too, to read in any browser.")
    ] = None,
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")] = False,
) -> None:
    """Match what is new in the library, then print every pair of duplicates and the groups with the copy to keep.

    --local or --database selects the embedded store, neither the Snowflake of the SNOWFLAKE_* settings. Nothing is
    deleted.
    """
    if local is not None and not local.is_dir():
        fail(f"--local {local}: no such folder", Exit.WRONG_USAGE)
    if database is not None and database.exists() and not database.is_dir():
        fail(f"--database {database}: it is a file, and the embedded store is a folder", Exit.WRONG_USAGE)
    if database is not None and local is None and not database.exists():
        fail(f"--database {database}: no such folder", Exit.WRONG_USAGE)
    if csv is not None:
        check_target("--csv", csv)
    if html is not None:
        check_target("--html", html)
    if csv is not None and html is not None and csv.resolve() == html.resolve():
        fail(f"--csv and --html {html}: they are one file, and each writes its own", Exit.WRONG_USAGE)
    try:
        with errors_as_lines():
            parts = command_line_parts(database=database, folder=local)
            job = None if local is None else _job(parts)
            code = _run(parts, job, anew=anew, csv=csv, html=html, json_lines=json_lines)
    except KeyboardInterrupt:
        _say_interrupted(anew=anew)
        code = Exit.INTERRUPTED
    raise typer.Exit(code)


def _job(parts: Parts) -> Job:
    """Fingerprint what is missing, as the processor does with --resume; the lines of --json are the pairs alone."""
    skip = DONE | {Status.FAILED}
    return Job(parts, None, skip, None, WORKERS, FILES_BETWEEN_MERGES, json_lines=False, folder=FolderLibrary())


def _run(  # noqa: PLR0913 - the options
    parts: Parts, job: Job | None, *, anew: bool, csv: Path | None, html: Path | None, json_lines: bool
) -> Exit:
    started = time.monotonic()
    stop = threading.Event()
    if job is None:
        # What an earlier run left in the inbox counts too.
        parts.store.merge()
    else:
        fingerprint_library(job, stop)
    begun = not stop.is_set()
    matched = _match(parts, stop, anew=anew) if begun else Matched(stopped=True)
    if job is not None and not json_lines:
        print_files(parts, job.failures, job.summary.failed)
    found = _read(parts, csv, json_lines=json_lines)
    if html is not None:
        # The folder that was given, or else the one that the store shows.
        _write_report(parts, html, parts.folder.root if job else parts.database and shown_folder(parts.database))
    if json_lines:
        emit({"summary": _summary(parts, matched, found, job) | {"seconds": round(time.monotonic() - started, 3)}})
    else:
        if begun:
            print_pairs(found.first, found.groups, found.by_verdict, folder=parts.database is not None)
        if job is not None:
            print()
            print_counts(parts)
    parts.store.close()
    _say_what_was_left_out(matched, job, json_lines=json_lines)
    if stop.is_set():
        _say_interrupted(anew=anew and begun)
        return Exit.INTERRUPTED
    failed = matched.refused or (job is not None and job.summary.failed)
    return Exit.SOME_FAILED if failed else Exit.ALL_WELL


def _match(parts: Parts, stop: threading.Event, *, anew: bool) -> Matched:
    given_up = threading.Event()

    def at_once() -> None:
        given_up.set()
        raise KeyboardInterrupt

    words = "Finishing the batch in hand ... (again: not even that)"
    with stopping_gently(stop, at_once, words), progress(None, "matching") as advance:
        try:
            if anew:
                parts.index.forget()
            return matching.match(parts.index, parts.duplicates, report=advance, stop=stop.is_set)
        except AudioDupError:
            # The embedded store makes an error of its own of it, where a statement is running.
            if given_up.is_set():
                raise KeyboardInterrupt from None
            raise


def _read(parts: Parts, csv: Path | None, *, json_lines: bool) -> Found:
    """Read all pairs once, and write them where that was asked for."""
    found = Found(parts.duplicates.groups())
    try:
        with ExitStack() as stack:
            write = None if csv is None else stack.enter_context(csv_file(csv))
            for pair in parts.duplicates.pairs():
                found.count(pair)
                if write is not None:
                    write(pair)
                if json_lines:
                    emit(pair_record(pair))
    except BrokenPipeError:
        # Whoever read the lines has gone.
        raise
    except OSError as error:
        fail(f"--csv {csv}: {error.strerror}", Exit.OUT_OF_REACH)
    return found


def _write_report(parts: Parts, html: Path, folder: Path | None) -> None:
    try:
        with whole_file(html) as file:
            file.writelines(report(parts, folder))
    except OSError as error:
        fail(f"--html {html}: {error.strerror}", Exit.OUT_OF_REACH)


def _summary(parts: Parts, matched: Matched, found: Found, job: Job | None) -> dict[str, Any]:
    """The object of `--json`'s last line, without its seconds."""
    statistics = statistics_record(parts)
    summary: dict[str, Any] = {
        "files": statistics["total"],
        "new": matched.indexed,
        "refused": matched.refused,
        "tracks": matched.tracks,
        "candidates": matched.candidates,
        "compared": matched.aligned,
        "pairs": found.by_verdict.total(),
        "by_verdict": {verdict.value: found.by_verdict[verdict] for verdict in Verdict},
        "by_kind": {kind.value: found.by_kind[kind] for kind in Kind if found.by_kind[kind]},
        "groups": len(found.groups),
    }
    return summary if job is None else summary | {"fingerprinting": job.summary.record()}


def _say_what_was_left_out(matched: Matched, job: Job | None, *, json_lines: bool) -> None:
    """On stderr, what stands in no line and in no table."""
    if job is not None and job.folder is not None and job.folder.ignored:
        say(f"Passed over in the folder, being no audio: {job.folder.ignored}")
    if job is not None and json_lines:
        for outcome in job.failures:
            say(printable(f"{outcome.asset.file_key}: {outcome.error}"))
        if more := job.summary.failed - len(job.failures):
            say(f"... and {more} more")
    for refused in matched.refused_first:
        say(printable(f"not compared: {refused}"))
    if more := matched.refused - len(matched.refused_first):
        say(f"... and {more} more")


def _say_interrupted(*, anew: bool) -> None:
    """What a person does next; `anew`: what was there before is gone already."""
    without = " without --all" if anew else ""
    say(f"Interrupted: what was done until then is stored; the same command{without} goes on.")


if __name__ == "__main__":
    app()
