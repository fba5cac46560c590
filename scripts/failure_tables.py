"""What has FAILED and the dead letters, as people and `--json` read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from audiodup.errors import stored_codes
from audiodup.model import FileKey
from audiodup.texts import printable
from dead_letters import MEANING, Letters, State
from tables import new_console

_SAMPLE_SHOWN = 60


def failed_record(code: str, files: int, samples: Iterable[FileKey]) -> dict[str, Any]:
    """One code, and what to do about it."""
    return {
        "code": code,
        "files": files,
        "samples": [{"asset_id": asset_id, "file_key": file_key} for asset_id, file_key in samples],
        # Rows of the original system may have any text for a code.
        "remedy": next((error.remedy for error in stored_codes() if error.code == code), ""),
    }


def letters_records(letters: Letters) -> list[dict[str, Any]]:
    """One record for each state that some letter is in."""
    return [
        {
            "dead_letters": state.value,
            "count": letters.count[state],
            "acknowledged": letters.acknowledged[state],
            "samples": letters.samples[state],
            "meaning": MEANING[state],
        }
        for state in State
        if letters.count[state]
    ]


def print_failed(title: str, records: Sequence[Mapping[str, Any]], more: int = 0) -> None:
    """The table by code; `more` files have codes that are not in it."""
    console = new_console()
    table = _table(title, "code", "files", "what to do")
    for record in records:
        table.add_row(_short(record["code"]), str(record["files"]), _samples(record["samples"]), Text(record["remedy"]))
    console.print(table if records else Text(f"{title}: none"))
    if more:
        console.print(f"... and {more} files with other codes")
    console.print()


def print_letters(records: Sequence[Mapping[str, Any]], *, all_seen: bool) -> None:
    """The table by state."""
    console = new_console()
    table = _table("dead letters", "state", "letters", "what that means")
    for record in records:
        count, gone = record["count"], record["acknowledged"]
        text = f"{count}, acknowledged" if gone == count else str(count)
        table.add_row(Text(record["dead_letters"]), text, _samples(record["samples"]), Text(record["meaning"]))
    console.print(table if records else Text("dead letters: none"))
    if not all_seen:
        console.print("... and more may wait: not all were looked at")
    console.print()


def _table(title: str, name: str, count: str, meaning: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold", expand=True)
    table.add_column(name, overflow="fold", min_width=12)
    table.add_column(count, justify="right", no_wrap=True)
    table.add_column("for example", overflow="fold", ratio=1)
    table.add_column(meaning, overflow="fold", ratio=1)
    return table


def _samples(samples: Iterable[Mapping[str, Any]]) -> Text:
    return Text("\n").join(_sample(sample) for sample in samples)


def _sample(sample: Mapping[str, Any]) -> Text:
    if "reason" in sample:
        return _short(f"{sample['message_id']}: {sample['reason']}")
    return _short(f"{sample['asset_id']} {sample['file_key']}")


def _short(text: str) -> Text:
    # Text and not str: `[red].mp3` is no markup.
    text = printable(text)
    return Text(text if len(text) <= _SAMPLE_SHOWN else text[: _SAMPLE_SHOWN - 3] + "...")
