"""The processor's command line as a user starts it: a process of its own, in a directory of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "audio_fingerprint_processor.py"
SECONDS = 120


@dataclass(frozen=True)
class Run:
    """How it ended and what it printed."""

    status: int
    stdout: str
    stderr: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """Of `--json`: one for each file."""
        return [record for record in self._lines() if "summary" not in record]

    @property
    def summary(self) -> dict[str, Any]:
        """Of `--json`: the last line."""
        summary: dict[str, Any] = self._lines()[-1]["summary"]
        return summary

    @property
    def counts(self) -> tuple[int, int, int]:
        """Successes, failures and skipped files of the summary."""
        return self.summary["success"], self.summary["failed"], self.summary["skipped"]

    def by_key(self) -> dict[str, dict[str, Any]]:
        """The records by file key."""
        return {record["file_key"]: record for record in self.records}

    def keys(self) -> set[str]:
        """The file keys of the records."""
        return set(self.by_key())

    def _lines(self) -> list[Any]:
        return [json.loads(line) for line in self.stdout.splitlines()]


@dataclass(frozen=True)
class Running:
    """A run that has not ended, its output in files."""

    process: subprocess.Popen[bytes]
    stdout: Path
    stderr: Path

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def wait_for_lines(self, count: int) -> None:
        """Until it has printed so many results."""
        wait_until(lambda: self.stdout.read_bytes().count(b"\n") >= count)

    def wait_for_children(self, program: Path) -> list[int]:
        """Until one of its processes runs `program`; all of them."""
        wait_until(lambda: any(str(program) in _command_line(pid) for pid in descendants(self.process.pid)))
        return descendants(self.process.pid)

    def ended(self) -> Run:
        self.process.wait(timeout=60)
        return Run(self.process.returncode, self.stdout.read_text(), self.stderr.read_text())


class Processor:
    """Starts the script in `home`, with a temporary directory there and none of the caller's settings."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.temporary = home / "tmp"
        self.temporary.mkdir()

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, str(SCRIPT), *map(str, arguments)]

    def environment(self, **settings: object) -> dict[str, str]:
        named = {name: str(value) for name, value in settings.items()}
        return {"PATH": os.environ["PATH"], "TMPDIR": str(self.temporary), **named}

    def run(self, *arguments: object, **settings: object) -> Run:
        """Run it to its end; `settings` are environment variables."""
        return self.run_command(self.command(*arguments), **settings)

    def run_command(self, command: list[str], **settings: object) -> Run:
        """The same for a command that ends in the script's."""
        completed = subprocess.run(
            command,
            cwd=self.home,
            env=self.environment(**settings),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        return Run(completed.returncode, completed.stdout.decode(), completed.stderr.decode())

    @contextmanager
    def started(self, *arguments: object, **settings: object) -> Iterator[Running]:
        """Start it; at the end of the block it does not run any more."""
        stdout, stderr = self.home / "stdout", self.home / "stderr"
        with stdout.open("wb") as out, stderr.open("wb") as err:
            process = subprocess.Popen(
                self.command(*arguments),
                cwd=self.home,
                env=self.environment(**settings),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        with process:
            try:
                yield Running(process, stdout, stderr)
            finally:
                # The fake fpcalc's own child, a pause, is nobody else's to end.
                children = descendants(process.pid)
                process.kill()
                for child in children:
                    with suppress(ProcessLookupError):
                        os.kill(child, signal.SIGKILL)

    def rows(self, sql: str, database: str = ".audiodup") -> list[tuple[Any, ...]]:
        """Ask the store's file itself, behind all of our own code."""
        with duckdb.connect(str(self.home / database / "BI_PROD.db"), read_only=True) as connection:
            connection.execute("USE AI_DATA")
            return connection.execute(sql).fetchall()

    def statuses(self) -> dict[str, str]:
        """PROCESSING_STATUS by file key; no key has two rows."""
        rows = self.rows("SELECT FILE_KEY, PROCESSING_STATUS FROM AUDIO_FINGERPRINT")
        assert len(rows) == len(dict(rows))
        return dict(rows)


def slow_fpcalc(folder: Path, seconds: float) -> Path:
    """An fpcalc that waits before it does what it should."""
    path = folder / "slow_fpcalc"
    sleep, fpcalc = shutil.which("sleep"), shutil.which("fpcalc")
    path.write_text(f'#!/bin/sh\n[ "$1" = -version ] || {sleep} {seconds}\nexec {fpcalc} "$@"\n')
    path.chmod(0o755)
    return path


def descendants(pid: int) -> list[int]:
    """The processes that this one has started, and those that these have, by /proc."""
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *descendants(child)]
    except FileNotFoundError:
        pass  # it has ended
    return found


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def alive(pids: list[int]) -> list[int]:
    """Which of these processes still run."""

    def runs(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in {"Z", "X"}
        except (FileNotFoundError, ProcessLookupError):
            return False

    return [pid for pid in pids if runs(pid)]


def wait_until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Look every 20 ms until it holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)
