"""The library as people read it: table, statistics, last line."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from audiodup.model import Outcome, Status
from audiodup.texts import bytes_text, clock_time, printable
from audiodup.wiring import Parts

# A larger library has its table in the store; here its first rows show what it looks like.
ROWS_SHOWN = 100
DONE = frozenset({Status.SUCCESS, Status.SHORT})


def print_library(parts: Parts, failures: Sequence[Outcome] = (), failed: int = 0) -> None:
    """Print table, what failed in this run, statistics and, as the last line, `60 SUCCESS, 0 FAILED`.

    Args:
        failures: outcomes to be named, with all their words.
        failed: how many there were in all.
    """
    print_files(parts, failures, failed)
    print_counts(parts)


def print_files(parts: Parts, failures: Sequence[Outcome], failed: int) -> None:
    """Its first part: the table, and what failed."""
    console = new_console()
    statistics = statistics_record(parts)
    table = Table(
        title="AUDIO_FINGERPRINT", title_justify="left", box=None, pad_edge=False, header_style="bold", expand=True
    )
    table.add_column("file", overflow="fold", ratio=3)
    for name, width in (("format", 6), ("duration", 8), ("size", 8), ("status", 7)):
        table.add_column(
            name, justify="right" if name in {"duration", "size"} else "left", min_width=width, no_wrap=True
        )
    table.add_column("fingerprint or error", overflow="ellipsis", no_wrap=True, ratio=2)
    for row in parts.store.rows(ROWS_SHOWN):
        # Text and not str: a file called `[red].mp3` is no markup.
        table.add_row(
            Text(printable(row.file_key)),
            Text(printable(row.format or "")),
            clock_time(row.duration),
            bytes_text(row.file_size),
            Text(row.status, style="" if row.status in DONE else "red"),
            Text(printable(row.error or row.fingerprint or "")),
        )
    console.print(table)
    shown, done = table.row_count, statistics["total"] - statistics["pending"]
    if done > shown:
        console.print(f"... and {done - shown} more rows in the store")
    console.print()
    if failures:
        console.print("failed in this run", style="bold")
        for outcome in failures:
            name = outcome.asset.file_key or outcome.asset.asset_id
            console.print(Text(f"{printable(name)}: {printable(outcome.error or '')}"), soft_wrap=True)
        if failed > len(failures):
            console.print(f"... and {failed - len(failures)} more")
        console.print()


def print_counts(parts: Parts) -> None:
    """Its second part: the statistics, and the last line."""
    console = new_console()
    statistics = statistics_record(parts)
    print_statistics(statistics, console)
    short = f"{statistics['short']} SHORT, " if statistics["short"] else ""
    console.print(f"{statistics['success']} SUCCESS, {short}{statistics['failed']} FAILED", style="bold")


def statistics_record(parts: Parts) -> dict[str, Any]:
    """The object of `--stats --json`."""
    statistics = parts.store.statistics(parts.pubsub.lease_seconds)
    return {
        "total": statistics.total,
        "success": statistics.success,
        "short": statistics.short,
        "failed": statistics.failed,
        "queued": statistics.queued,
        "pending": statistics.pending,
        "by_error": statistics.by_error,
        "hours_of_audio": statistics.hours_of_audio,
        "assets_per_second": statistics.assets_per_second,
    }


def print_statistics(statistics: dict[str, Any], console: Console | None = None) -> None:
    """The same for people."""
    console = console or new_console()
    for name, value in statistics.items():
        text = ", ".join(f"{code} {count}" for code, count in value.items()) if isinstance(value, dict) else str(value)
        console.print(f"{name.replace('_', ' '):>18}  {printable(text) or 'none'}")
    console.print()


def new_console() -> Console:
    """What prints tables on stdout, for a person or into a pipe."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A Latin-1 terminal shows a question mark for what it has no letter for.
        sys.stdout.reconfigure(errors="replace")
    # No markup: error codes of the original system's rows may be anything.
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        # Into a file or a pipe: nobody has told how wide it is.
        console.width = 120
    return console
