"""Where two files match, drawn on A's time line: in percent of its width, so that a browser may stretch it."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np

from audiodup.coverage import HALF_SUPPORT_FRAMES
from audiodup.difference import Difference, agreement_by_second, picture
from audiodup.model import Judgement
from audiodup.texts import clock_time

_MOST_TICKS = 8
"""Their times have room on a telephone too."""
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
"""Seconds between two ticks."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of the time line, in percent."""

    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """What is drawn of a pair."""

    a: Stretch
    """All of A, as far as it was fingerprinted; more of it lies outside."""
    b: Stretch
    """All of B, put where it matches A."""
    matched: tuple[tuple[Stretch, Stretch], ...]
    """In A and in B."""
    ticks: tuple[tuple[float, str], ...]
    """Place and time of A."""
    difference: Stretch
    picture: str
    """A data: address of a PNG."""
    words: str
    """The same for whoever sees no picture."""


def timeline(found: Difference, judgement: Judgement, seconds: tuple[float | None, float | None]) -> Timeline:
    """Draw it.

    Args:
        found: where the fingerprints differ; it has a column at least.
        judgement: what is said of the pair.
        seconds: lengths of A and B; None where it is not known.
    """
    ends = found.start, found.start + found.unit * len(found.agreement)
    files = (
        (0.0, ends[1] if seconds[0] is None else seconds[0]),
        (_on_a(0.0, judgement), ends[1] if seconds[1] is None else _on_a(seconds[1], judgement)),
    )
    # A column stands in the middle of what it describes: the files begin before the first one, and end behind the last.
    reach = 2 * HALF_SUPPORT_FRAMES * found.unit
    begin = min(max(ends[0] - reach, min(start for start, _ in files)), ends[0])
    end = max(min(ends[1] + reach, max(stop for _, stop in files)), ends[1])

    def stretch(start: float, stop: float) -> Stretch:
        left, right = (min(max(100 * (at - begin) / (end - begin), 0.0), 100.0) for at in (start, stop))
        return Stretch(round(left, 3), round(max(right - left, 0.0), 3))

    return Timeline(
        stretch(*files[0]),
        stretch(*files[1]),
        tuple(
            (stretch(one.a_start, one.a_end), stretch(_on_a(one.b_start, judgement), _on_a(one.b_end, judgement)))
            for one in judgement.ranges
        ),
        tuple((round(100 * (at - begin) / (end - begin), 3), _clock(at)) for at in _ticks(begin, end)),
        stretch(*ends),
        "data:image/png;base64," + base64.b64encode(picture(found)).decode(),
        _words(found),
    )


def _on_a(position_b: float, judgement: Judgement) -> float:
    return (position_b - judgement.offset_seconds) / judgement.tempo


def _ticks(begin: float, end: float) -> list[float]:
    step = next((step for step in _STEPS if (end - begin) / step <= _MOST_TICKS), _STEPS[-1])
    return [number * step for number in range(-int(-begin // step), int(end // step) + 1)]


def _clock(at: float) -> str:
    """`4:05`, `-0:03` before A begins, `0.5 s` where whole seconds are too few."""
    if round(at, 1) != round(at):
        return f"{at:.1f} s"
    return f"-{clock_time(-at)}" if at < 0 else clock_time(at)


def _words(found: Difference) -> str:
    compared = found.agreement[~np.isnan(found.agreement)]
    if not compared.size:
        return "Nothing could be compared: where the one sounds, the other is silent or not there."
    worst = min(share for share in agreement_by_second(found) if share is not None)
    return (
        f"{compared.mean():.3f} of the bits are equal over the {compared.size * found.unit:.1f} s that were compared, "
        f"{worst:.3f} in the worst second."
    )
