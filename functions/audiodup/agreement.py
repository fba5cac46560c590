"""How well two fingerprints agree along a line, and on which stretches of it.

Agreement is the share of equal bits. Kappa is agreement corrected for chance, bit by bit (Cohen's kappa with each
bit's own frequency): (po - pe) / max(1 - pe, 0.125), where po is the agreement of a window and pe the mean over the 32
bits of pa*pb + (1-pa)*(1-pb). Drones, rain and near-silence agree with themselves everywhere, so that agreement alone
takes them for copies of each other; kappa does not. Over a range it is the sum of the windows' numerators over the sum
of their denominators.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiodup.frames import Frames
from audiodup.lines import Line, fit_points

WINDOW_FRAMES = 96
"""12 s: what the bits' frequencies are taken over."""
LEAST_DENOMINATOR = 0.125
"""Where nearly every bit is constant, chance explains everything and a few odd bits would decide."""
WORST_FRAMES = 16
"""2 s: the window in which a bleep shows."""
# A frame speaks for a match where its kappa is above this, against it where below. Unrelated music has 0.00 +- 0.06
# over 96 frames; the hardest true copies (1 % speed, high-pass) have 0.35 to 0.5.
_NEUTRAL_KAPPA = 0.27
# In units of agreement times frames. A stretch that does not match loses 0.13 a frame: 20 frames of it (2.5 s) end a
# range, a shorter one is bridged and lowers its agreement.
_DROP = 2.5
_RISE = 1.0
_BLOCK = 2
_SEARCH_FRAMES = 3
"""How far from the line the match may wander: fitting error, and the drift of a tempo that is not constant."""
_SMOOTH_FRAMES = 24
_STEP = 8
_LEAST_OVERLAP = 12
_REFITS = 2
_LEAST_POINTS = 24
# The local search makes up for less.
_WORTH_FOLLOWING = 0.5


@dataclass(frozen=True, slots=True)
class Range:
    """A stretch on which the two agree; frames, ends exclusive."""

    a: tuple[int, int]
    b: tuple[int, int]
    frames: int
    """Informative frames that were compared."""
    agreement: float
    kappa: float
    worst: float
    """Lowest agreement of any 16 frames of which one says something."""


@dataclass(frozen=True, slots=True)
class Path:
    """Two fingerprints side by side along a line; all arrays have shape (n,), one entry a frame of A."""

    line: Line
    a: NDArray[np.int64]
    b: NDArray[np.int64]
    compared: NDArray[np.bool_]
    """Both frames say something."""
    heard: NDArray[np.bool_]
    """At least one of them does: sound against silence counts for the worst window, though not for the range."""
    agreement: NDArray[np.float64]
    excess: NDArray[np.float64]
    """Agreement above what speaks neither for nor against a match; 0 where nothing was compared."""
    bits_a: NDArray[np.uint8]
    """Shape (n, 32)."""
    bits_b: NDArray[np.uint8]
    spans: tuple[tuple[int, int], ...]
    """Where they agree: indices into the arrays, ends exclusive."""
    score: float
    """What the spans have gained, in agreement above neutral times frames."""


def best_path(a: Frames, b: Frames, line: Line) -> Path | None:
    """Follow the line, fit it again to what agrees, follow it again; None where they overlap too little or not at
    all.
    """
    path = _follow(a, b, line)
    for _ in range(_REFITS):
        if path is None or not path.spans:
            return None
        inside = np.zeros(len(path.a), bool)
        for start, end in path.spans:
            inside[start:end] = True
        inside &= path.compared
        if np.count_nonzero(inside) < _LEAST_POINTS:
            break
        fitted = fit_points(path.a[inside], path.b[inside], path.line)
        if _moved(path, fitted) < _WORTH_FOLLOWING:
            break
        again = _follow(a, b, fitted)
        if again is None or again.score <= path.score:
            break
        path = again
    return path


def measure(path: Path, start: int, end: int) -> Range | None:
    """Agreement, kappa and the worst window of a stretch of the path; None where nothing of it was compared.

    Kappa in whole windows of about 96 frames.
    """
    # Stretches are made of blocks: their borders are moved to the first and the last frame that was compared.
    inside = start + np.flatnonzero(path.compared[start:end])
    if len(inside) == 0:
        return None
    start, end = int(inside[0]), int(inside[-1]) + 1
    windows = max(1, round((end - start) / WINDOW_FRAMES))
    above = possible = 0.0
    for indices in np.array_split(np.arange(start, end), windows):
        compared = indices[path.compared[indices]]
        if len(compared):
            chance = float(chance_agreement(path.bits_a[compared].mean(axis=0), path.bits_b[compared].mean(axis=0)))
            above += (float(path.agreement[compared].mean()) - chance) * len(compared)
            possible += max(1 - chance, LEAST_DENOMINATOR) * len(compared)
    agreement = path.agreement[start:end][path.compared[start:end]]
    heard = path.agreement[start:end][path.heard[start:end]]
    sums = np.concatenate(([0.0], np.cumsum(heard)))
    width = min(WORST_FRAMES, len(heard))
    return Range(
        a=(int(path.a[start]), int(path.a[end - 1]) + 1),
        b=(int(path.b[start:end].min()), int(path.b[start:end].max()) + 1),
        frames=len(agreement),
        agreement=float(agreement.mean()),
        kappa=above / possible,
        worst=float((sums[width:] - sums[:-width]).min() / width),
    )


def _moved(path: Path, line: Line) -> float:
    """How far the line is from the path's own, in frames, where they are farthest apart."""
    change, ends = line.tempo - path.line.tempo, path.a[[0, -1]]
    return float(np.abs(change * ends + line.offset - path.line.offset).max())


def _follow(a: Frames, b: Frames, line: Line) -> Path | None:
    """Compare frame by frame along the line, with a local search to both sides."""
    on_line = np.floor(line.tempo * np.arange(len(a)) + line.offset + 0.5).astype(np.int64)
    positions = np.flatnonzero((on_line >= -_SEARCH_FRAMES) & (on_line < len(b) + _SEARCH_FRAMES))
    if len(positions) < _LEAST_OVERLAP:
        return None
    shifts = np.arange(-_SEARCH_FRAMES, _SEARCH_FRAMES + 1)[:, None]
    candidates = on_line[positions] + shifts
    there = (candidates >= 0) & (candidates < len(b))
    candidates = candidates.clip(0, len(b) - 1)
    compared = there & a.informative[positions] & b.informative[candidates]
    equal = 1 - np.bitwise_count(a.items[positions] ^ b.items[candidates]) / 32
    index = np.arange(len(positions))
    # Smoothed, so that no single frame chooses its best neighbour: that would flatter unrelated music.
    above_chance = _windowed(np.where(compared, equal - 0.5, 0.0), index, _SMOOTH_FRAMES)
    above_chance[_SEARCH_FRAMES] += 1e-6
    choice = above_chance.argmax(axis=0)
    compared, agreement, partner = compared[choice, index], equal[choice, index], candidates[choice, index]
    heard = there[choice, index] & (a.informative[positions] | b.informative[partner])
    bits_a, bits_b = a.bits[positions], b.bits[partner]
    chance = _chance(bits_a, bits_b, compared)
    excess = agreement - chance - _NEUTRAL_KAPPA * np.maximum(1 - chance, LEAST_DENOMINATOR)
    excess = np.where(compared, excess, 0.0)
    spans, score = rising(excess)
    return Path(line, positions, partner, compared, heard, agreement, excess, bits_a, bits_b, spans, score)


def _windowed(values: NDArray[np.float64], index: NDArray[np.intp], width: int) -> NDArray[np.float64]:
    """Sums over `width` frames around each, along the last axis."""
    sums = np.zeros((*values.shape[:-1], values.shape[-1] + 1))
    np.cumsum(values, axis=-1, out=sums[..., 1:])
    half = width // 2
    high, low = np.minimum(index + half, len(index)), np.maximum(index - half, 0)
    return np.asarray(sums[..., high] - sums[..., low])


def _chance(bits_a: NDArray[np.uint8], bits_b: NDArray[np.uint8], compared: NDArray[np.bool_]) -> NDArray[np.float64]:
    """pe of the window around each frame, to the nearest _STEP frames."""
    steps = np.arange(0, len(compared), _STEP)
    half = WINDOW_FRAMES // 2 // _STEP
    index = np.arange(len(steps))
    high, low = np.minimum(index + half + 1, len(steps)), np.maximum(index - half, 0)

    def over_windows(values: NDArray[np.uint8]) -> NDArray[np.float32]:
        sums = np.zeros((len(steps) + 1, values.shape[1]), np.float32)
        np.cumsum(np.add.reduceat(values, steps, axis=0, dtype=np.float32), axis=0, out=sums[1:])
        return np.asarray(sums[high] - sums[low])

    weights = compared[:, None].astype(np.uint8)
    count = np.maximum(over_windows(weights), 1)
    chance = chance_agreement(over_windows(bits_a * weights) / count, over_windows(bits_b * weights) / count)
    return np.repeat(chance, _STEP)[: len(compared)].astype(np.float64)


def chance_agreement(share_a: NDArray[np.floating], share_b: NDArray[np.floating]) -> NDArray[np.floating]:
    """pe: how often bits that are 1 so often would be equal by chance; shares of shape (..., 32) -> (...)."""
    # pa*pb + (1-pa)*(1-pb) = 1/2 + 2*(pa-1/2)*(pb-1/2)
    chance: NDArray[np.floating] = 0.5 + 2 * ((share_a - 0.5) * (share_b - 0.5)).mean(axis=-1)
    return chance


def rising(excess: NDArray[np.float64]) -> tuple[tuple[tuple[int, int], ...], float]:
    """Stretches whose sum has risen by _RISE and not yet fallen by _DROP from its height (X-drop, as in BLAST); and
    what they have gained together.
    """
    ends = [*range(_BLOCK, len(excess), _BLOCK), len(excess)]
    heights = np.cumsum(excess)[np.asarray(ends) - 1].tolist()
    spans: list[tuple[int, int]] = []
    score = 0.0
    is_rising = False
    low_at, low = 0, 0.0
    high_at, high = 0, 0.0
    for at, height in zip(ends, heights, strict=True):
        if not is_rising:
            if height <= low:
                low_at, low = at, height
            elif height - low > _RISE:
                is_rising = True
                high_at, high = at, height
        elif height > high:
            high_at, high = at, height
        elif high - height > _DROP:
            spans.append((low_at, high_at))
            score += high - low
            is_rising = False
            low_at, low = at, height
    if is_rising:
        spans.append((low_at, high_at))
        score += high - low
    return tuple(spans), score
