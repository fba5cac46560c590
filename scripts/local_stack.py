"""Run the whole cloud system on this machine over a folder of audio: until all of it has its row, and its pairs."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from audiodup.texts import printable
from cli import APP_OPTIONS, Exit, emit, errors_as_lines, fail, say
from pair_tables import print_pairs
from progress import progress
from stack.processes import Processes
from stack.system import LocalSystem
from tables import print_counts, print_files, statistics_record

app = typer.Typer(**APP_OPTIONS)

SECONDS_BETWEEN_TICKS = 2.0
# Ten attempts at the local back-off take seven minutes: a file whose download fails for good is in flight as long.
PATIENCE_SECONDS = 900.0


@app.command()
def main(
    audio: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of audio.")],
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave it running, and process new files, until Ctrl-C.")
    ] = False,
    json_lines: Annotated[bool, typer.Option("--json", help="The statistics as one JSON object on stdout.")] = False,
) -> None:
    """Start emulator, warehouse, S3, download API and functions; tick the scheduler until all is done; stop it all."""
    if not audio.is_dir():
        fail(f"{audio}: no such folder", Exit.WRONG_USAGE)
    code = Exit.INTERRUPTED
    try:
        with (
            errors_as_lines(),
            tempfile.TemporaryDirectory(prefix="audiodup-") as folder,
            Processes(Path(folder)) as processes,
        ):
            code = _run(processes, audio, keep=keep, json_lines=json_lines)
    except KeyboardInterrupt:
        say("Stopped; nothing is left running.")
    raise typer.Exit(code)


def _run(processes: Processes, audio: Path, *, keep: bool, json_lines: bool) -> Exit:
    say("Starting emulator, warehouse, S3, download API and functions ...")
    system = LocalSystem(processes, audio)
    for problem in system.library.problems:
        say(f"{printable(problem.asset.file_key)}: {problem.error}")
    if keep:
        _print_addresses(system)
    _drain(system)
    say(f"A second tick published {system.tick().published} messages.")
    system.match()
    if json_lines:
        pairs = sum(1 for _ in system.parts.duplicates.pairs())
        emit({"summary": statistics_record(system.parts) | {"pairs": pairs}})
    else:
        _print(system)
    while keep:
        time.sleep(SECONDS_BETWEEN_TICKS)
        system.list_folder()
        if published := system.tick().published:
            say(f"{published} new files")
            _drain(system)
            system.match()
            _print(system)
    failed = statistics_record(system.parts)["failed"] + len(system.library.problems)
    system.close()
    return Exit.SOME_FAILED if failed else Exit.ALL_WELL


def _print(system: LocalSystem) -> None:
    """The library, its pairs and groups, and the counts."""
    parts, problems = system.parts, system.library.problems
    print_files(parts, problems, len(problems))
    pairs = list(parts.duplicates.pairs())
    found = Counter(pair.judgement.verdict for pair in pairs)
    print_pairs(pairs, parts.duplicates.groups(), found, folder=True)
    print()
    print_counts(parts)


def _drain(system: LocalSystem) -> None:
    """Tick until nothing is pending and nothing is in flight."""
    progressed = time.monotonic()
    statistics = statistics_record(system.parts)
    done = statistics["total"] - statistics["pending"] - statistics["queued"]
    with progress(statistics["total"] - done) as advance:
        while not (tick := system.tick()).drained:
            if time.monotonic() - progressed > PATIENCE_SECONDS:
                fail(f"{tick.in_flight} files are in flight, none done for {PATIENCE_SECONDS:.0f} s", Exit.SOME_FAILED)
            statistics = statistics_record(system.parts)
            for _ in range(statistics["total"] - statistics["pending"] - statistics["queued"] - done):
                advance()
                done += 1
                progressed = time.monotonic()
            time.sleep(SECONDS_BETWEEN_TICKS)


def _print_addresses(system: LocalSystem) -> None:
    say("Running until Ctrl-C; files dropped into the folder are processed by the next tick.")
    for name in system.functions:
        say(f"  {name:12} {system.url(name)}")
    say(f"  {'Pub/Sub':12} {system.environment['PUBSUB_EMULATOR_HOST']}")
    say(f"  {'Snowflake':12} {system.warehouse.host}:{system.warehouse.port} (http)")
    say(f"  {'download API':12} {system.provider.url_template}")
    say(f"  {'logs':12} {system.processes.folder}")


if __name__ == "__main__":
    app()
