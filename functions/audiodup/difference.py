"""Where two fingerprints agree and where not, bit by bit on A's time line, and a picture of it."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from audiodup.agreement import Path, best_path
from audiodup.coverage import HALF_SUPPORT_FRAMES
from audiodup.frames import FRAME_SECONDS, Frames
from audiodup.lines import Line
from audiodup.model import Judgement, MatchedRange

MOST_COLUMNS = 2_000
BAND_ROWS = 12
"""Of agreement, above the 32 rows of bits."""
_SAME_LINE_FRAMES = 1.0
"""The local search makes up for more."""
# Equal, half way, and as unequal as music that has nothing in common: from dark to light, and never through a grey.
# Every kind of colour vision tells blue from orange.
_COLOURS = ((33, 86, 165), (176, 92, 122), (245, 158, 40))
_NOT_COMPARED = (225, 225, 225)
_CHANCE = 0.5
"""Share of bits that are unequal by chance."""
_SHADES = 255
"""Entries of the palette; one more is for what was not compared."""


@dataclass(frozen=True, eq=False)
class Difference:
    """One column for each frame of A, and for those of B where A has begun later or ended before."""

    unit: float
    """Seconds from one column to the next."""
    start: float
    """A's time of the first column, seconds; negative where B begins earlier."""
    agreement: NDArray[np.float64]
    """Share of equal bits, shape (columns,); NaN where only one of them is heard or neither says anything."""
    bits: NDArray[np.float64]
    """Share of unequal bits, lowest bit first, shape (32, columns); the same NaN."""


def difference(a: NDArray[np.uint32], b: NDArray[np.uint32], judgement: Judgement, *, speed: float = 1.0) -> Difference:
    """Compare them along the lines that the judgement found.

    Args:
        a: A's fingerprint.
        b: B's.
        judgement: its ranges each lie on a line of their own; outside of them the longest one's is followed.
        speed: of slow fingerprints, keys.SLOW_SPEED.
    """
    unit = FRAME_SECONDS * speed
    frames_a, frames_b = (Frames.of(items, masked=speed == 1) for items in (a, b))
    main = _main_line(judgement, unit, len(a), len(b))
    first = min(0, round(-main.offset / main.tempo))
    last = max(len(a), round((len(b) - main.offset) / main.tempo))
    agreement = np.full(last - first, np.nan)
    bits = np.full((32, last - first), np.nan)
    paths: dict[Line, Path | None] = {}
    for span, line in [(slice(0, len(a)), main), *(_own(each, main, unit, len(a)) for each in judgement.ranges)]:
        if line not in paths:
            paths[line] = best_path(frames_a, frames_b, line)
        if path := paths[line]:
            in_b = np.rint(path.line.tempo * path.a + path.line.offset)
            inside = (path.a >= span.start) & (path.a < span.stop) & (in_b >= 0) & (in_b < len(b))
            columns, compared = path.a[inside] - first, path.compared[inside]
            agreement[columns] = np.where(compared, path.agreement[inside], np.nan)
            unequal = path.bits_a[inside] != path.bits_b[inside]
            bits[:, columns] = np.where(compared, unequal.T, np.nan)
    # A frame is drawn in the middle of what it describes: there begins and ends what differs, as matched ranges do.
    return Difference(unit, (first + HALF_SUPPORT_FRAMES) * unit, agreement, bits)


def picture(difference: Difference) -> bytes:
    """A PNG, one point a column, at most MOST_COLUMNS: a band of the agreement, and below it a row for each bit.

    Blue is equal, orange as unequal as by chance or more, grey was not compared.
    """
    band = _averaged(1 - difference.agreement[None, :])
    unequal = np.vstack((np.repeat(band, BAND_ROWS, axis=0), _averaged(difference.bits)))
    shades = np.rint((unequal / _CHANCE).clip(0, 1) * (_SHADES - 1))
    image = Image.fromarray(np.where(np.isnan(shades), _SHADES, shades).astype(np.uint8))
    image.putpalette(_palette())
    file = io.BytesIO()
    image.save(file, "png")
    return file.getvalue()


def agreement_by_second(difference: Difference) -> list[float | None]:
    """For each second of A's time line, from the one on in which the first column lies; None where nothing was
    compared.
    """
    begins = math.floor(difference.start)
    seconds = np.floor(difference.start + difference.unit * np.arange(len(difference.agreement))).astype(np.int64)
    compared = ~np.isnan(difference.agreement)
    places = seconds[compared] - begins
    length = int(seconds[-1]) - begins + 1 if len(seconds) else 0
    counts = np.bincount(places, minlength=length)
    sums = np.bincount(places, difference.agreement[compared], minlength=length)
    return [float(total / count) if count else None for total, count in zip(sums, counts, strict=True)]


def _main_line(judgement: Judgement, unit: float, frames_a: int, frames_b: int) -> Line:
    """In frames. Both files at least touch: what is stored must not make a picture without end."""
    offset = judgement.offset_seconds / unit
    return Line(judgement.tempo, min(max(offset, -judgement.tempo * frames_a), float(frames_b)))


def _own(matched: MatchedRange, main: Line, unit: float, frames: int) -> tuple[slice, Line]:
    """The frames of A whose middle lies in the range, and the line that it lies on."""
    start, end = (math.ceil(at / unit) - HALF_SUPPORT_FRAMES for at in (matched.a_start, matched.a_end))
    span = slice(min(max(start, 0), frames), min(max(end, 0), frames))
    length = matched.a_end - matched.a_start
    if length <= 0 or matched.b_end <= matched.b_start:
        return span, main
    tempo = (matched.b_end - matched.b_start) / length
    line = Line(tempo, (matched.b_start - tempo * matched.a_start) / unit)
    apart = max(abs((line.tempo - main.tempo) * at + line.offset - main.offset) for at in (span.start, span.stop))
    return span, main if apart < _SAME_LINE_FRAMES else line


def _palette() -> bytes:
    places = np.linspace(0, len(_COLOURS) - 1, _SHADES)
    shades = [np.interp(places, range(len(_COLOURS)), channel) for channel in zip(*_COLOURS, strict=True)]
    return bytes(np.rint(np.vstack((np.stack(shades, axis=1), _NOT_COMPARED))).astype(np.uint8))


def _averaged(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each row with at most MOST_COLUMNS columns."""
    columns = rows.shape[1]
    if columns <= MOST_COLUMNS:
        return rows
    starts = np.arange(MOST_COLUMNS) * columns // MOST_COLUMNS
    compared = ~np.isnan(rows)
    counts = np.add.reduceat(compared, starts, axis=1, dtype=np.int64)
    sums = np.add.reduceat(np.where(compared, rows, 0.0), starts, axis=1)
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), np.nan))
