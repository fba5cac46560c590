"""Thousands of files through the local stack in one go: whether memory stays level, and what a file costs."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from campaign.library import make_library as make_sounds
from campaign.memory import FEWEST_TO_JUDGE, MEGABYTE, growth
from campaign.plan import Kind, PlannedFile
from cli import APP_OPTIONS, Exit, emit, errors_as_lines, fail, say
from load import make_library, put_through
from stack.processes import Processes
from stack.system import LocalSystem

app = typer.Typer(**APP_OPTIONS)

SOUNDS = 500


@app.command()
def main(
    audio: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="A folder of audio; by default sounds of 12 s are made.")
    ] = None,
    files: Annotated[int, typer.Option(min=2, help="So many assets; the folder's files over and over.")] = 20_000,
) -> None:
    """Print one JSON object; exit code 1 where a file failed or memory grew."""
    if audio is not None and not audio.is_dir():
        fail(f"{audio}: no such folder", Exit.WRONG_USAGE)
    with errors_as_lines(), tempfile.TemporaryDirectory(prefix="audiodup-soak-") as scratch:
        library = make_library(audio or _sounds(Path(scratch) / "sounds"), Path(scratch) / "library", files)
        with Processes(Path(scratch) / "stack") as processes:
            system = LocalSystem(processes, library, settings={"LOG_LEVEL": "DEBUG"}, instances={"matcher": 0})
            load = put_through(system, files)
            found = system.parts.store.statistics(system.parts.pubsub.lease_seconds)
            system.close()
    growths = {name: one for name in system.functions if (one := growth(load.samples, name))}
    # Nothing measured (no /proc) is nothing proven.
    grew = files >= FEWEST_TO_JUDGE and not (growths and all(one.flat for one in growths.values()))
    emit(
        {
            "made_by": f"scripts/soak.py --files {files}" if audio is None else "scripts/soak.py over a folder",
            "files": files,
            "cores": os.cpu_count(),
            "seconds": round(load.seconds, 1),
            "files_per_second": round(files / load.seconds, 2),
            "success": found.success,
            "short": found.short,
            "failed": found.failed,
            "cpu_seconds": {
                "fpcalc_and_ffmpeg": round(load.cpu["fingerprint"][1], 1),
                **{name: round(own, 1) for name, (own, _) in load.cpu.items()},
            },
            "bytes_downloaded": load.sent_bytes,
            "messages": load.messages,
            "deliveries": load.deliveries,
            "statements": dict(load.statements.most_common()),
            "statements_per_file": load.per_file(load.statements.total()),
            "memory": "too few files to tell" if files < FEWEST_TO_JUDGE else "grew" if grew else "level",
            "memory_megabytes": {
                name: {
                    "second_quarter": round(one.before / MEGABYTE, 1),
                    "last_quarter": round(one.after / MEGABYTE, 1),
                    "peak": round(one.peak / MEGABYTE, 1),
                }
                for name, one in growths.items()
            },
        }
    )
    if found.success != files or grew:
        say("Memory grew." if grew else f"{files - found.success} of {files} files are no SUCCESS.")
        raise typer.Exit(Exit.SOME_FAILED)


def _sounds(folder: Path) -> Path:
    make_sounds(folder, [PlannedFile(f"{number}.wav", Kind.GOOD) for number in range(SOUNDS)], seed=1)
    return folder


if __name__ == "__main__":
    app()
