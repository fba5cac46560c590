"""Progress on stderr: a bar with rate and time left on a terminal, otherwise one line a minute."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

LINE_EVERY_SECONDS = 60.0


class Advance(Protocol):
    """What is called after each file, or after so many."""

    def __call__(self, count: int = 1, /) -> None: ...


@contextmanager
def progress(total: int | None, doing: str = "fingerprinting", *, things: str = "files") -> Iterator[Advance]:
    """Yields what to call after each of the `things`; `total` is None where nobody knows how many there are."""
    console = Console(stderr=True)
    if total == 0:
        yield lambda _count=1: None
    elif console.is_terminal:
        columns = (
            TextColumn(doing),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        # rich would print the results above the bar, on stderr: right on one terminal, wrong for `--json > file`.
        with Progress(*columns, console=console, redirect_stdout=sys.stdout.isatty()) as bar:
            task = bar.add_task("", total=total)
            yield lambda count=1: bar.advance(task, count)
    else:
        yield _Lines(total, doing, things).advance


class _Rate(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f}/s", style="progress.data.speed")


class _Lines:
    """One line a minute."""

    def __init__(self, total: int | None, doing: str, things: str) -> None:
        self._total = total
        self._doing, self._things = doing, things
        self._done = 0
        self._started = self._last = time.monotonic()

    def advance(self, count: int = 1) -> None:
        self._done += count
        now = time.monotonic()
        if now - self._last < LINE_EVERY_SECONDS:
            return
        self._last = now
        rate = self._done / (now - self._started)
        line = f"{self._doing}: {self._done} {self._things}, {rate:.1f}/s"
        if self._total is not None:
            left = (self._total - self._done) / rate
            line = f"{self._done} of {self._total} {self._things}, {rate:.1f}/s, {left / 60:.0f} min left"
        print(line, file=sys.stderr, flush=True)
