"""The local stack against bare fpcalc, over the same files in one run; prints one JSON object.

Bare fpcalc on every core is the practical limit: most of its time is decoding. It runs before and after the stack,
since machines drift. CPU seconds come from /proc (Linux).
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import APP_OPTIONS, Exit, emit, errors_as_lines, fail, say
from load import Load, make_library, put_through
from stack.processes import HOST, Processes, answers, free_port
from stack.system import LocalSystem

app = typer.Typer(**APP_OPTIONS)

COLD_STARTS = 5


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
        library = make_library(audio, Path(scratch) / "library", files)
        say("bare fpcalc ...")
        before = _bare(library, seconds)
        say("local stack ...")
        with Processes(Path(scratch) / "stack") as processes:
            system = LocalSystem(
                processes, library, settings={"FINGERPRINT_SECONDS": str(seconds), "LOG_LEVEL": "DEBUG"}
            )
            load = put_through(system, files)
            system.close()
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
            "stack": {"assets_per_second": round(files / load.seconds, 2)},
            "ratio": round(files / load.seconds / rate, 3),
            **_costs(load),
            "cold_start_to_import_of_connector": cold,
        }
    )


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


def _costs(load: Load) -> dict[str, Any]:
    fpcalc = load.cpu["fingerprint"][1]
    own = {name: load.per_file(own) for name, (own, _) in load.cpu.items()}
    return {
        "cpu_seconds_per_asset": {"fpcalc": load.per_file(fpcalc), **own},
        "function_cpu_to_fpcalc_cpu": round(load.cpu["fingerprint"][0] / fpcalc, 3),
        "bytes_per_asset": round(load.sent_bytes / load.files),
        "statements_per_asset": load.per_file(load.statements.total(), 3),
        "inserts_per_asset": load.per_file(load.statements["append_outcomes"], 3),
    }


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
