"""What a degradation is: ffmpeg arguments, and where each second of the copy comes from."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

HEAD_SECONDS = 155.0
"""How much of a source is decoded once for all its copies: 120 s behind a trim of 30 s, and some for tempo."""
KEPT_SECONDS = 124.0
"""How much of a copy is made: a fingerprint of 120 s asks for no more."""
FINGERPRINTED = 120.0


class Part(NamedTuple):
    """A stretch of the copy and where it stands in the original, all in seconds."""

    a_start: float
    """In the copy."""
    a_end: float
    b_start: float
    """In the original, where `a_start` comes from."""
    tempo: float
    """Seconds of the original in a second of the copy: b = b_start + tempo * (a - a_start)."""

    def clipped(self, a_limit: float, b_limit: float) -> Part:
        """What of the part lies before both limits; a_end is a_start where nothing does."""
        a_end = min(self.a_end, a_limit, self.a_start + max(b_limit - self.b_start, 0.0) / self.tempo)
        return self._replace(a_end=max(a_end, self.a_start))


@dataclass(frozen=True, slots=True)
class Material:
    """What recipes are made of."""

    source: Path
    head: Path
    """The source's first HEAD_SECONDS as 16-bit stereo WAV of media.RATE."""
    duration: float
    """Seconds of the whole source."""
    rms: float
    """Of the head, full scale 1."""
    side: float
    """RMS of left minus right over that of left plus right."""
    speech: Path
    """Some minutes of synthetic speech, mono, RMS 0.1, in another order for each source."""
    mark: Path
    """A spoken watermark and silence, 20 s together, mono, the speech's RMS 0.1."""
    native: tuple[str, ...]
    """ffmpeg arguments for the source's own codec, sample rate and channels, and the suffix."""
    rng: random.Random

    @property
    def covered(self) -> float:
        """Seconds of the source that a 120 s fingerprint covers."""
        return min(self.duration, FINGERPRINTED)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one copy is made."""

    arguments: tuple[str, ...]
    """Of ffmpeg, inputs and filters; the encoder's follow."""
    encoder: tuple[str, ...]
    """Of ffmpeg; the last one is the suffix."""
    duration: float
    """Seconds of the copy, as if the whole source had been worked on."""
    parts: tuple[Part, ...]


Make = Callable[[Material], Recipe | None]
"""None where the source does not have what the class needs (length, two channels)."""


@dataclass(frozen=True, slots=True)
class Degradation:
    """One class of copies."""

    name: str
    group: str
    make: Make
    may_be_identical: bool = False
    """Whether the verdict IDENTICAL would be right."""
    version: int = 1
    """Of the recipe: another one makes the copies of this class anew."""


WAV = ("-c:a", "pcm_s16le", "wav")


def whole(duration: float, *, at: float = 0.0, tempo: float = 1.0) -> tuple[Part, ...]:
    """The map of a copy of `duration` seconds in one piece, which begins at the original's second `at`."""
    return (Part(0.0, duration, at, tempo),)


def encoded(*encoder: str) -> Make:
    """The source in another codec, sample rate or channel layout."""
    return lambda material: Recipe(("-i", str(material.head)), encoder, material.duration, whole(material.duration))


def filtered(filters: str | Callable[[Material], str], encoder: tuple[str, ...] = WAV) -> Make:
    """A filter that moves nothing in time."""

    def make(material: Material) -> Recipe:
        text = filters if isinstance(filters, str) else filters(material)
        return Recipe(("-i", str(material.head), "-af", text), encoder, material.duration, whole(material.duration))

    return make


def with_encoder(make: Make, *encoder: str) -> Make:
    """Another codec behind a degradation."""

    def chained(material: Material) -> Recipe | None:
        recipe = make(material)
        return recipe and Recipe(recipe.arguments, encoder, recipe.duration, recipe.parts)

    return chained


def natively(make: Make) -> Make:
    """In the source's own codec, sample rate and channels: nothing but the sound tells the copy from the source."""

    def chained(material: Material) -> Recipe | None:
        recipe = make(material)
        return recipe and Recipe(recipe.arguments, material.native, recipe.duration, recipe.parts)

    return chained
