"""Which of several copies to keep, and why.

Step by step the copies that are clearly worse drop out, until one is left. Each step has a tolerance, so that noise
does not decide, and what is not known of a copy drops nobody. Why so: docs/adr/0013-groups-and-keep.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC
from itertools import accumulate
from math import inf

from audiodup.model import IndexedFile

FILLED_FROM = 12_000.0
"""Hz. Above it Opus has noise of its own up to 20 kHz, whatever it was made from (bandwidth.py): there its bandwidth
proves nothing, for it or against it, or it would win over the master it was made from."""
_FILLING_CODECS = frozenset({"opus"})

Span = tuple[float, float]
"""What a value is at least and at most: the same where it is known."""
_UNKNOWN: Span = -inf, inf


@dataclass(frozen=True, slots=True)
class _Step:
    """One question that parts better copies from worse ones; more is better."""

    span: Callable[[IndexedFile], Span]
    enough: Callable[[float], float]
    """From the best value: the least that counts as no worse."""
    words: Callable[[IndexedFile, IndexedFile], str]
    """Why the one is better than the other; both are known."""


def best(files: Sequence[IndexedFile]) -> tuple[IndexedFile, str]:
    """The copy to keep of one or more, and why: each step that dropped others. The order of `files` is all the same."""
    left = list(files)
    dropped: list[tuple[_Step, IndexedFile]] = []
    for step in _STEPS:
        if len(left) == 1:
            break
        spans = [step.span(file) for file in left]
        enough = step.enough(max(least for least, _ in spans))
        worse = [(most, file.key, file) for (_, most), file in zip(spans, left, strict=True) if most < enough]
        if worse:
            dropped.append((step, max(worse)[-1]))
            left = [file for (_, most), file in zip(spans, left, strict=True) if most >= enough]
    kept = min(left, key=lambda file: file.key)
    reasons = [step.words(kept, other) for step, other in dropped if step.span(kept)[0] > -inf]
    if len(left) > 1:
        reasons.append("first by its key")
    return kept, ", ".join(reasons) or "the only copy"


def ranked(files: Iterable[IndexedFile]) -> list[IndexedFile]:
    """All, the one to keep first; those that a step drops come after the others, by the same steps among themselves."""
    classes = [sorted(files, key=lambda file: file.key)]
    for step in _STEPS:
        classes = [part for each in classes for part in _divide(step, each)]
    return [file for each in classes for file in each]


def _divide(step: _Step, files: list[IndexedFile]) -> list[list[IndexedFile]]:
    """Classes of files that are no worse than the best of their class, the best class first, each in its old order."""
    if len(files) == 1:
        return [files]
    spans = [step.span(file) for file in files]
    if min(most for _, most in spans) >= step.enough(max(least for least, _ in spans)):
        return [files]
    falling = sorted(range(len(files)), key=lambda place: -spans[place][1])
    # The best of what is left from each place on.
    bests = list(accumulate((spans[place][0] for place in reversed(falling)), max))[::-1]
    classes: list[list[int]] = []
    enough = inf
    for place, best_left in zip(falling, bests, strict=True):
        if not classes or spans[place][1] < enough:
            classes.append([])
            enough = step.enough(best_left)
        classes[-1].append(place)
    return [[files[place] for place in sorted(each)] for each in classes]


def _known(value: float | None) -> Span:
    return _UNKNOWN if value is None else (value, value)


def _bandwidth(file: IndexedFile) -> Span:
    if file.bandwidth is not None and file.codec in _FILLING_CODECS:
        return min(file.bandwidth, FILLED_FROM), inf
    return _known(file.bandwidth)


def _lossless(file: IndexedFile) -> Span:
    # A copy of which it is not known is not a master.
    return _known(float(file.lossless is True))


def _sample_rate(file: IndexedFile) -> Span:
    """Of lossless files whose bandwidth nobody has measured: else a higher rate is known to hold nothing more."""
    return _known(file.sample_rate if file.lossless and file.bandwidth is None else None)


def _sample_bits(file: IndexedFile) -> Span:
    """Of uncompressed files; another lossless file's bit rate says how well it packs."""
    if not (file.lossless and (file.codec or "").startswith("pcm")):
        return _UNKNOWN
    if not (file.bit_rate and file.sample_rate and file.channels):
        return _UNKNOWN
    return _known(round(file.bit_rate / file.sample_rate / file.channels))


def _bit_rate(file: IndexedFile) -> Span:
    return _known(None if file.lossless else file.bit_rate)


def _uploaded(file: IndexedFile) -> Span:
    return _known(None if file.created_at is None else -file.created_at.replace(tzinfo=UTC).timestamp())


def _same(value: float) -> float:
    return value


def _amounts(
    what: str, amount: Callable[[IndexedFile], str], unit: str = ""
) -> Callable[[IndexedFile, IndexedFile], str]:
    return lambda kept, other: f"{what} ({amount(kept)} against {amount(other)}{unit})"


_STEPS = (
    _Step(
        _bandwidth,
        # An estimate from one piece of the file: a lossy copy of a master may read a sixth wider, for codecs add noise.
        # What was an mp3 at 128 kbit/s reads 16.5 of 20 kHz.
        lambda widest: 0.84 * widest,
        _amounts("wider bandwidth", lambda file: f"{(file.bandwidth or 0) / 1000:.1f}", " kHz"),
    ),
    _Step(lambda file: _known(file.channels), _same, _amounts("more channels", lambda file: str(file.channels))),
    _Step(
        lambda file: _known(file.duration),
        lambda longest: longest - 0.5,
        _amounts("fuller length", lambda file: f"{file.duration:.1f}", " s"),
    ),
    _Step(_lossless, _same, lambda _kept, _other: "lossless"),
    _Step(
        _sample_rate,
        # 44.1 and 48 kHz hold the same.
        lambda highest: 0.9 * highest,
        _amounts("higher sample rate", lambda file: f"{(file.sample_rate or 0) / 1000:g}", " kHz"),
    ),
    _Step(_sample_bits, _same, _amounts("more bits a sample", lambda file: f"{_sample_bits(file)[0]:g}")),
    _Step(
        _bit_rate,
        lambda highest: 0.98 * highest,
        _amounts("higher bit rate", lambda file: f"{(file.bit_rate or 0) / 1000:.0f}", " kbit/s"),
    ),
    _Step(_uploaded, _same, lambda _kept, _other: "uploaded earlier"),
)
