"""What the measurements of the study on bytes come to, by format."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import mean, median
from typing import Any

from analysis.bytes_fetched import SECONDS, TAIL_BYTES
from analysis.bytes_loopback import LATENCY, MEGABITS, seconds_for
from analysis.bytes_made import MASTER, PCM
from analysis.bytes_read import SUCCESS

EGRESS_USD_PER_GB = 0.09
"""S3's first step for what leaves to the internet, as others quote it; inside one cloud and region it is 0."""
JUDGED_MEGABITS = 500
WORTH = 0.1
"""Share of the seconds that must be saved for it to pay."""
LONGEST = 300
"""Seconds: what pays for longer music only does not pay for a stock library."""
LENGTHS = (150, 180, 240, 600)
FILES = 100_000
LONG = 150
"""Seconds: of shorter files the first ones are nearly all."""
TRIALS = ("read", "prefix", "prefix + tail", "too short", "too short + tail", "fetched")
_RESULTS = ("equal", "failed", "different")

Summary = dict[str, Any]


def summaries(files: Sequence[Mapping[str, Any]], usd_per_gb: float) -> list[Summary]:
    """One a format, in the order in which they were made."""
    made = []
    for name in dict.fromkeys(row["format"] for row in files):
        rows = [row for row in files if row["format"] == name and row["outcome"] == SUCCESS]
        if rows:
            made.append(_summary(name, rows, usd_per_gb))
    short: dict[str, Counter[str]] = {}
    for summary in made:
        short.setdefault(_codec(summary), Counter()).update(summary["trials"][summary["short_trial"]])
    return [{**summary, "short_guesses": dict(short[_codec(summary)])} for summary in made]


def _codec(summary: Summary) -> str:
    name: str = summary["format"]
    return MASTER.get(name, name)


def _summary(name: str, rows: Sequence[Mapping[str, Any]], usd_per_gb: float) -> Summary:
    size, seconds = sum(row["size"] for row in rows), sum(row["seconds"] for row in rows)
    rate = size / seconds
    cuts = [row["cut"] for row in rows if row["cut"]]
    unnoticed = sum(whole != SUCCESS == fetched for whole, fetched, _ in cuts)
    # What the tail is fetched for, besides the length: that a file which is cut off is still noticed.
    adds_tail = unnoticed > 0 and all(row["is_prefix"] for row in rows)
    part = [row for row in rows if row["fetched"] < row["size"]]
    held = mean(row["fetched"] * row["seconds"] / row["size"] for row in part) if part else None
    requests = max(row["requests"] for row in part or rows) + adds_tail
    one_get = all(row["is_prefix"] for row in rows)
    trials = {label: Counter(row["trials"][label] for row in rows if label in row["trials"]) for label in TRIALS}
    tail = TAIL_BYTES * adds_tail
    known = {"rate": rate, "held": held, "tail": tail}
    return {
        "format": name,
        "files": len(rows),
        "guessed": MASTER.get(name, name) not in PCM,
        # Where the tail is there, sound out of it may fill up what is missing.
        "short_trial": "too short" if one_get and not adds_tail else "too short + tail",
        "mean_seconds": seconds / len(rows),
        "mean_bytes": size / len(rows),
        "bytes_per_second": rate,
        "read_share": sum(row["read"] for row in rows) / size,
        "read_share_by_program": {
            program: sum(row["programs"].get(program, 0) for row in rows) / size
            for program in ("fpcalc", "ffmpeg", "python")
        },
        "shapes": dict(Counter(row["shape"] for row in rows)),
        "most_stretches": max(row["stretches"] for row in rows),
        "prefix_over_even_share": _prefix_over_even_share(rows),
        "trials": {label: {result: counted[result] for result in _RESULTS} for label, counted in trials.items()},
        "changed": dict(Counter(key for row in rows for key in row["changed"])),
        "cut_off": {
            "files": len(cuts),
            "noticed_in_whole": sum(whole != SUCCESS for whole, _, _ in cuts),
            "noticed_in_fetched": sum(fetched != SUCCESS for _, fetched, _ in cuts),
            "noticed_with_tail": sum(tail != SUCCESS for *_, tail in cuts),
        },
        "damage_unnoticed_in_whole": Counter(row["damaged"] for row in rows if row["damaged"])["equal"],
        "damaged": sum(row["damaged"] is not None for row in rows),
        "left_out": len(part),
        "longest": max(row["seconds"] for row in rows),
        "fetched_share": sum(_sent(row, tail) for row in rows) / size,
        "requests": requests,
        "one_get_will_do": one_get,
        "adds_tail": adds_tail,
        "seconds_saved": {
            str(megabits): 1 - sum(_seconds(row, tail, megabits) for row in rows) / _whole_seconds(rows, megabits)
            for megabits in MEGABITS
        },
        "pays_from_seconds": {str(m): _pays_from(m, requests, **known) for m in MEGABITS},
        "one_get_pays_from_seconds": {
            str(m): _pays_from(m, 1 + adds_tail, **known) if one_get else None for m in MEGABITS
        },
        "bytes_saved_share_at": {str(t): _saved_share(t, **known) for t in LENGTHS},
        "usd_saved_at": {str(t): _saved_share(t, **known) * rate * t * FILES / 1e9 * usd_per_gb for t in LENGTHS},
    }


def _prefix_over_even_share(rows: Iterable[Mapping[str, Any]]) -> dict[str, float] | None:
    """How many times the bytes that their seconds would take in a file of one rate the first ones take."""
    found = [row["prefix"] * row["seconds"] / row["size"] / SECONDS for row in rows if row["seconds"] >= LONG]
    return {"median": median(found), "most": max(found)} if found else None


def _sent(row: Mapping[str, Any], tail: int) -> int:
    """By ranges, with the tail where a cut would else go unnoticed; and the whole file where that failed."""
    again = row["size"] if row["trials"].get("fetched") == "failed" else 0
    return int(min(row["fetched"] + tail, row["size"]) + again)


def _seconds(row: Mapping[str, Any], tail: int, megabits: float) -> float:
    more = bool(tail and row["fetched"] < row["size"]) + (row["trials"].get("fetched") == "failed")
    return seconds_for(row["requests"] + more, _sent(row, tail), megabits)


def _whole_seconds(rows: Iterable[Mapping[str, Any]], megabits: float) -> float:
    return sum(seconds_for(1, row["size"], megabits) for row in rows)


def _pays_from(megabits: float, requests: int, *, rate: float, held: float | None, tail: int) -> float | None:
    """Length of the music, s, from which fetching takes at least WORTH less time than the whole file does."""
    if held is None:
        return None
    needed = seconds_for(requests, math.ceil(held * rate + tail), megabits)
    return (needed / (1 - WORTH) - LATENCY) * megabits * 1e6 / 8 / rate


def _saved_share(seconds: float, *, rate: float, held: float | None, tail: int) -> float:
    return 0.0 if held is None else max(1 - (held + tail / rate) / seconds, 0.0)
