"""Pairs of duplicates, and groups with the copy to keep, as people read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from audiodup.model import Action, Duplicate, FileKey, Group, Verdict
from audiodup.texts import clock_time, printable
from tables import new_console

# All are in the store, and in what --json and --csv write.
PAIRS_SHOWN = 100
GROUPS_SHOWN = 100
COPIES_SHOWN = 10


def print_pairs(pairs: Sequence[Duplicate], groups: Sequence[Group], found: Counter[Verdict], *, folder: bool) -> None:
    """Print the table of the pairs, the one of the groups, and `12 pairs: 3 IDENTICAL, ...; 4 groups`.

    Args:
        pairs: the first ones.
        groups: all.
        found: how many pairs there are in all, by verdict.
        folder: the files are those of a folder, where a key alone names a file.
    """
    console = new_console()
    if pairs:
        console.print(_pair_table(pairs[:PAIRS_SHOWN], folder))
        if (more := found.total() - len(pairs[:PAIRS_SHOWN])) > 0:
            console.print(f"... and {more} more: --json or --csv")
        console.print()
    if groups:
        console.print(_group_table(groups[:GROUPS_SHOWN], folder))
        if (more := len(groups) - GROUPS_SHOWN) > 0:
            console.print(f"... and {more} more in the table AUDIO_DUPLICATE_GROUP")
        console.print()
    by_verdict = ", ".join(f"{found[verdict]} {verdict.value}" for verdict in Verdict)
    console.print(f"{_count(found.total(), 'pair')}: {by_verdict}; {_count(len(groups), 'group')}", style="bold")


def _pair_table(pairs: Sequence[Duplicate], folder: bool) -> Table:
    table = _table("AUDIO_DUPLICATE")
    for name in ("file a", "file b"):
        table.add_column(name, overflow="fold", ratio=1, min_width=12)
    for name in ("verdict", "kind"):
        table.add_column(name, no_wrap=True)
    for name in ("similar", "offset", "overlap"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("action", no_wrap=True)
    for pair in pairs:
        judgement = pair.judgement
        table.add_row(
            _name(pair.a, folder),
            _name(pair.b, folder),
            judgement.verdict.value,
            "" if judgement.kind is None else judgement.kind.value,
            f"{judgement.similarity:.3f}",
            f"{round(judgement.offset_seconds, 1) + 0.0:+.1f} s",
            clock_time(judgement.overlap_seconds),
            Text(judgement.action.value, style="red" if judgement.action is Action.AUTO_DELETE_CANDIDATE else ""),
        )
    return table


def _group_table(groups: Sequence[Group], folder: bool) -> Table:
    table = _table("AUDIO_DUPLICATE_GROUP")
    for name, ratio in (("keep", 2), ("of", 2), ("because", 2)):
        table.add_column(name, overflow="fold", ratio=ratio)
    for group in groups:
        others = [member for member in group.members if member != group.kept]
        names = [_name(member, folder) for member in others[:COPIES_SHOWN]]
        if (more := len(others) - len(names)) > 0:
            names.append(Text(f"... and {more} more"))
        table.add_row(_name(group.kept, folder), Text("\n").join(names), Text(printable(group.reason)))
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold", expand=True)


def _name(key: FileKey, folder: bool) -> Text:
    # Text and not str: a file called `[red].mp3` is no markup.
    return Text(printable(key[1] if folder else f"{key[0]} {key[1]}"))


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
