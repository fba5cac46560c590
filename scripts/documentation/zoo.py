"""docs/hostile-input.md: what becomes of each hostile input, from the last full count of the zoo (tests/zoo)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from audiodup.wiring import settings_model

from .markdown import code, page, table

RESULTS = "tests/zoo/results.json"

INTRODUCTION = """
Files, answers and messages that are made to do harm, each through the whole fingerprint step as it is deployed: the
real source (a provider on loopback, or a folder), the real fpcalc and ffmpeg, the settings' default limits. All are
made by code in [tests/zoo](../tests/zoo), seeded, sparse where they are large. `code` is what the row, or the answer to
Pub/Sub, says ([errors](errors.md)); `SUCCESS` and `SHORT` are those of sound that could be heard in spite of all.
"""

PROOF = """
**Nothing else is read or called.** Each input is run a second time under strace. The paths that fpcalc, ffmpeg and our
own process look at must be those of an intact file (libraries, /proc), its own file, and Python's modules; the only
address that is connected to is the provider's. A good file beside the inputs and a socket that listens, which the
playlists name, are watched too.
"""

FIGURES = """
Seconds are wall clock on a shared machine of {cpus} CPUs, waits between tries included. Memory is the most that was
resident: `ours` of the Python process, {least} MB of which each row has for its modules; `fpcalc` of the larger one of
fpcalc and ffmpeg, looked at every 5 ms, - where neither was seen. fpcalc {fpcalc}, ffmpeg {ffmpeg}.

{count} inputs: {codes}. The longest took {seconds} s, the largest {ours} MB of ours and {children} MB of fpcalc's (its
limit, FPCALC_MEMORY_BYTES, is {limit} MB).

To count again: `python -m tests.zoo --results tests/zoo/results.json`, then `make docs`; `--only FLAC` for some.
"""


def render() -> str:
    """The page."""
    result = json.loads((Path(__file__).resolve().parents[2] / RESULTS).read_text(encoding="utf-8"))
    lines = [line for group in result["groups"] for line in group["inputs"]]
    sections = []
    for group in result["groups"]:
        rows = [_row(line) for line in group["inputs"]]
        sections += [
            f"## {group['title']}",
            group["words"],
            table(("input", "code", "s", "ours MB", "fpcalc MB"), rows),
        ]
    return page("Hostile input", "tests/zoo", INTRODUCTION, PROOF, _figures(result, lines), *sections)


def _figures(result: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> str:
    codes = Counter(line["code"] for line in lines)
    largest = {name: max(line[name] for line in lines) for name in ("seconds", "ours", "children")}
    return FIGURES.format(
        **{name: result[name] for name in ("cpus", "fpcalc", "ffmpeg")},
        **largest,
        least=min(line["ours"] for line in lines),
        count=len(lines),
        codes=", ".join(f"{number} {code(name)}" for name, number in codes.most_common()),
        limit=settings_model().model_fields["fpcalc_memory_bytes"].default // 1_000_000,
    )


def _row(line: Mapping[str, Any]) -> tuple[str, ...]:
    children = str(line["children"]) if line["children"] else "-"
    return line["input"], code(line["code"]), str(line["seconds"] or "<1"), str(line["ours"]), children
