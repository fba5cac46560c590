"""Numbers as analysis/scale.py writes them: two digits or three, and words where they are long."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from analysis.scale_inputs import DAY, HOUR


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown."""
    return "\n".join("| " + " | ".join(line) + " |" for line in (header, ["---"] * len(header), *rows))


def number(value: float) -> str:
    """Three digits, or all before the point."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}".rstrip("0").rstrip(".")


def about(value: float) -> str:
    """Two digits: what was assumed or extrapolated deserves no more."""
    return number(float(f"{value:.2g}"))


def large(value: float) -> str:
    """Two digits, in words where it is long."""
    if math.isinf(value):
        return "no number of"
    for size, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if value >= 0.995 * size:
            return f"{about(value / size)} {word}"
    return about(value)


def money(dollars: float) -> str:
    """Dollars, two digits; cents below ten."""
    if 0 < dollars < 0.005:
        return "< $0.01"
    return f"${dollars:,.2f}" if dollars < 10 else f"${about(dollars)}"


def percent(share: float) -> str:
    """A share."""
    return f"{number(100 * share)} %"


def volume(size: float) -> str:
    """Bytes, two digits."""
    for unit, word in ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if size >= unit:
            return f"{about(size / unit)} {word}"
    return f"{about(size)} B"


def span(seconds: float) -> str:
    """A time, two digits."""
    if seconds == 0:
        return "0 s"
    for least, unit, word in ((2, 365 * DAY, "years"), (2, DAY, "days"), (1, HOUR, "h"), (1, 60.0, "min")):
        if seconds >= least * unit:
            return f"{about(seconds / unit)} {word}"
    return f"{about(seconds)} s" if seconds >= 1e-3 else f"{about(1e9 * seconds)} ns"


def between(least: str, most: str) -> str:
    """A range, or one of them where both are the same."""
    return least if least == most else f"{least} to {most}"
