"""The local stack against bare fpcalc, over the same files in one run; prints one JSON object.

Bare fpcalc on every core is the practical limit: most of its time is decoding. It runs before and after the stack,
since machines drift. CPU seconds come from /proc (Linux).
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from audiodup.wiring import command_line_parts
from cli import APP_OPTIONS, Exit, emit, errors_as_lines, fail, say
from stack.processes import HOST, Processes, answers, free_port
from stack.system import LocalSystem

app = typer.Typer(**APP_OPTIONS)

COLD_STARTS = 5
PATIENCE_SECONDS = 900.0


@app.command()
def main(
    audio: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of audio.")],
    files: Annotated[int, typer.Option(min=2, help="So many assets; the folder's files over and over.")] = 400,
    seconds: Annotated[int, typer.Option(min=0, help="FINGERPRINT_SECONDS of both.")] = 120,
) -> None:
    """Rates of both, their ratio, and what each part costs for one asset."""
    if not audio.is_dir():
        fail(f"{audio}: no such folder", Exit.WRONG_USAGE)
    with errors_as_lines(), tempfile.TemporaryDirectory(prefix="audiodup-bench-") as scratch:
        library = _library(audio, Path(scratch) / "library", files)
        say("bare fpcalc ...")
        before = _bare(library, seconds)
        say("local stack ...")
        with Processes(Path(scratch) / "stack") as processes:
            system = LocalSystem(
                processes, library, settings={"FINGERPRINT_SECONDS": str(seconds), "LOG_LEVEL": "DEBUG"}
            )
            stack = _stack(system, files)
        say("bare fpcalc again ...")
        after = _bare(library, seconds)
        say("cold starts ...")
        with Processes(Path(scratch) / "cold") as processes:
            cold = {name: _cold_start(processes, system, name) for name in system.functions}
    rate = statistics.mean((before["assets_per_second"], after["assets_per_second"]))
    emit(
        {
            "assets": files,
            "cores": os.cpu_count(),
            "fpcalc": {
                "assets_per_second": round(rate, 2),
                "cpu_seconds_per_asset": round((before["cpu"] + after["cpu"]) / 2 / files, 4),
            },
            "stack": {"assets_per_second": stack.pop("assets_per_second")},
            "ratio": round(stack.pop("rate") / rate, 3),
            **stack,
            "cold_start_to_import_of_connector": cold,
        }
    )


def _library(audio: Path, library: Path, files: int) -> Path:
    """A folder of `files` links to the audio files."""
    library.mkdir()
    listing = command_line_parts(folder=audio).folder.listing(lambda *_: None)
    sources = [audio / local.asset.file_key for local in listing]
    if not sources:
        fail(f"{audio}: no audio files", Exit.WRONG_USAGE)
    for number in range(files):
        source = sources[number % len(sources)]
        target = library / f"{number:05}{source.suffix}"
        try:
            os.link(source.resolve(), target)
        except OSError:
            target.write_bytes(source.read_bytes())
    return library


def _bare(library: Path, seconds: int) -> dict[str, float]:
    cores = str(os.cpu_count() or 1)
    command = ["xargs", "-0", "-P", cores, "-n", "1", "fpcalc", "-length", str(seconds)]
    names = b"\0".join(os.fsencode(path) for path in sorted(library.iterdir()))
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    subprocess.run(command, input=names, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    elapsed = time.monotonic() - started
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = now.ru_utime + now.ru_stime - usage.ru_utime - usage.ru_stime
    return {"assets_per_second": names.count(b"\0") / elapsed + 1 / elapsed, "cpu": cpu}


def _stack(system: LocalSystem, files: int) -> dict[str, Any]:
    processes = system.processes
    parts = processes.by_name()
    before = {name: running.cpu_seconds() for name, running in parts.items()}
    log = system.functions["fingerprint"].log
    started = time.time()
    system.tick()
    while len(done := _outcomes(log)) < files:
        processes.check()
        if time.time() - started > PATIENCE_SECONDS:
            fail(f"only {len(done)} of {files} after {PATIENCE_SECONDS:.0f} s", Exit.SOME_FAILED)
        time.sleep(0.2)
    elapsed = max(done) - started
    system.tick()
    after = {name: running.cpu_seconds() for name, running in parts.items()}
    own = {name: (after[name][0] - before[name][0]) / files for name in parts}
    fpcalc = (after["fingerprint"][1] - before["fingerprint"][1]) / files
    statements = Counter(
        line["name"] for running in system.functions.values() for line in _lines(running.log, "statement")
    )
    system.close()
    return {
        "rate": files / elapsed,
        "assets_per_second": round(files / elapsed, 2),
        "cpu_seconds_per_asset": {"fpcalc": round(fpcalc, 4), **{name: round(cpu, 4) for name, cpu in own.items()}},
        "function_cpu_to_fpcalc_cpu": round(own["fingerprint"] / fpcalc, 3),
        "statements_per_asset": round(statements.total() / files, 3),
        "inserts_per_asset": round(statements["append_outcomes"] / files, 3),
    }


def _lines(log: Path, message: str) -> list[dict[str, Any]]:
    wanted = f'"message": "{message}"'
    return [json.loads(line) for line in log.read_text().splitlines() if wanted in line and line.startswith("{")]


def _outcomes(log: Path) -> list[float]:
    """When each outcome was committed."""
    lines = _lines(log, "SUCCESS") + _lines(log, "FAILED")
    return [datetime.fromisoformat(line["time"]).timestamp() for line in lines]


def _cold_start(processes: Processes, system: LocalSystem, name: str) -> float:
    """Process start to the first 200 of /health over `import snowflake.connector`: the median of pairs."""
    ratios = []
    for _ in range(COLD_STARTS):
        started = time.monotonic()
        subprocess.run([sys.executable, "-c", "import snowflake.connector"], check=True)
        imported = time.monotonic() - started
        port = free_port()
        started = time.monotonic()
        running = system.start_function(name, port=port, processes=processes)
        running.wait_until(answers(f"http://{HOST}:{port}/health"), seconds=60)
        ratios.append((time.monotonic() - started) / imported)
        processes.stop(running)
    return round(statistics.median(ratios), 2)


if __name__ == "__main__":
    app()
