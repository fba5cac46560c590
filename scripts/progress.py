"""Progress on stderr: a bar with rate and time left on a terminal, otherwise one line a minute."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

LINE_EVERY_SECONDS = 60.0


@contextmanager
def progress(total: int) -> Iterator[Callable[[], None]]:
    """Yields what to call after each file."""
    console = Console(stderr=True)
    if not total:
        yield lambda: None
    elif console.is_terminal:
        columns = (
            TextColumn("fingerprinting"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        # rich would print the results above the bar, on stderr: right on one terminal, wrong for `--json > file`.
        with Progress(*columns, console=console, redirect_stdout=sys.stdout.isatty()) as bar:
            task = bar.add_task("", total=total)
            yield lambda: bar.advance(task)
    else:
        yield _Lines(total).advance


class _Rate(ProgressColumn):
    """Files per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f}/s", style="progress.data.speed")


class _Lines:
    """One line a minute."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._started = self._last = time.monotonic()

    def advance(self) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._last < LINE_EVERY_SECONDS:
            return
        self._last = now
        rate = self._done / (now - self._started)
        left = (self._total - self._done) / rate
        print(
            f"{self._done} of {self._total} files, {rate:.1f}/s, {left / 60:.0f} min left", file=sys.stderr, flush=True
        )
