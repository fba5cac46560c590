"""The numbers the matcher has to reach, as data: which classes, which least (or greatest) figure."""

from __future__ import annotations

from dataclasses import dataclass

CODECS = ("mp3_320", "mp3_128", "mp3_64", "mp3_v0", "aac_128", "ogg_q3", "opus_64", "opus_24", "flac", "wav", "aiff",
          "reencoded", "rate_48k", "rate_22k", "mono", "mono_8k")  # fmt: skip
TEMPO = ("tempo_+1", "tempo_-1", "tempo_+2", "tempo_-2", "tempo_+5", "tempo_-5")
SPEED = ("speed_+1", "speed_-1")


@dataclass(frozen=True, slots=True)
class Recall:
    """So much of the classes' copies is found."""

    goal: str
    classes: tuple[str, ...]
    least: float | None
    """None where it is only reported."""


RECALLS = (
    Recall("transcodes down to opus 24 kbit/s and 8 kHz mono", CODECS, 0.99),
    Recall("gain", ("gain_-12",), 0.99),
    Recall("loudness", ("loudness",), 0.99),
    Recall("compressor", ("compressor",), 0.99),
    Recall("low-pass 3 kHz", ("lowpass_3k",), 0.99),
    Recall("noise at 20 dB", ("noise_20",), 0.99),
    Recall("trims", ("trim_start", "trim_end"), 0.99),
    Recall("padding", ("pad_start", "pad_end"), 0.99),
    Recall("clips of 15 s and more", ("clip_60", "clip_30", "clip_15"), 0.99),
    Recall("tempo +-1 to 5 %", TEMPO, 0.99),
    Recall("bass +12 dB", ("bass_12",), 0.95),
    Recall("noise at 10 dB", ("noise_10",), 0.95),
    Recall("echo", ("echo",), 0.85),
    Recall("speed +-1 %", SPEED, 0.85),
    Recall("high-pass 300 Hz", ("highpass_300",), None),
    Recall("speed +-2 %", ("speed_+2", "speed_-2"), None),
)
OVERALL = 0.97
"""Over the classes with a number."""
ANYWHERE = 0.99
"""Clips of 15 s from anywhere, whole files fingerprinted."""
CUTDOWNS = 0.90
BORDER_SECONDS = 1.0
PARTS_OF_THREE = 2
RELATED_IN = 100_000
"""Unrelated pairs of which at most one may be called RELATED."""
SHORTS = 0.95
LEAST_OVERLAP = 15.0
"""Seconds that both fingerprints must cover, or the copy does not count."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A goal and what became of it."""

    goal: str
    figure: float
    bound: float | None
    """95 % lower bound, where the figure is a recall."""
    count: int
    wanted: str
    reached: bool | None
    """None where the figure is only reported."""
