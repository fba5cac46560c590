"""The answer of every header parser."""

from __future__ import annotations

from dataclasses import dataclass

from audiodup.model import SampleRange

SLOPPY_BYTES = 1024
"""So many bytes a header may announce beyond the file's end without the file counting as cut off: writers forget pad
bytes or count the header itself. Downloads that break off lose whole network packets."""


@dataclass(frozen=True, slots=True)
class Header:
    """Each field None where the headers do not say."""

    codec: str | None = None
    """FFmpeg's name of the codec."""
    lossless: bool | None = None
    channels: int | None = None
    sample_rate: int | None = None
    bit_rate: int | None = None
    pcm_md5: str | None = None
    declared_seconds: float | None = None
    missing: str | None = None
    """What is cut off at the end of the file, in words."""
    samples: SampleRange | None = None
    """Where they lie, if they are uncompressed."""


def cut_off(what: str, end: int, size: int, tolerance: int = SLOPPY_BYTES) -> str | None:
    """Words for `Header.missing` if `what` ends (offset `end`) clearly after the file of `size` bytes."""
    if end <= size + tolerance:
        return None
    return f"{what} ends {end - size} bytes after the file does"


def positive(value: float) -> float | None:
    """None for the 0 by which headers say that they do not know."""
    return value if value > 0 else None
