"""fpcalc as the fingerprint step runs it, and made-up programs in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiodup.chromaprint import Fpcalc, expected_items
from audiodup.compressed import decode, encode
from audiodup.model import Asset, AudioProperties, Fingerprint, Inspection
from audiodup.steps import Deadline
from tests.audio import Audio, opened

FPCALC = Fpcalc(processes=2)
LONG = 140.0
"""Seconds: more than the 120 that are fingerprinted."""


def fingerprint(path: Path, *, fpcalc: Fpcalc = FPCALC, format: str | None = None, seconds: float = 60) -> Fingerprint:
    """What the fingerprint step does with a file at hand."""
    asset = Asset("1", path.name, format=format)
    with opened(path) as file:
        inspection = fpcalc.inspect(file, asset)
        return fpcalc.fingerprint(file, inspection, Deadline(seconds))


def fingerprint_bytes(folder: Path, data: bytes, name: str = "file") -> Fingerprint:
    path = folder / name
    path.write_bytes(data)
    return fingerprint(path)


def items_of(found: Fingerprint) -> NDArray[Any]:
    return decode(found.text)[1]


def agreement(one: Fingerprint, other: Fingerprint) -> float:
    """Share of equal bits, item by item from the start."""
    a, b = items_of(one), items_of(other)
    length = min(len(a), len(b))
    return 1 - float(np.bitwise_count(a[:length] ^ b[:length]).mean()) / 32


def fake(folder: Path, text: str, version: str = "1.5.1") -> str:
    """A program that answers `-version` as fpcalc does, and otherwise runs `text`."""
    path = folder / "fake-fpcalc"
    answer_version = f'[ "$1" = -version ] && {{ echo "fpcalc version {version} (FFmpeg ...)"; exit; }}'
    path.write_text(f"#!/bin/sh\nPATH=/bin:/usr/bin\n{answer_version}\n{text}\n")
    path.chmod(0o755)
    return str(path)


def answer(items: int, duration: str = "9.37", stderr: str = "", status: int = 0) -> str:
    """Shell text that prints what fpcalc would, on both outputs, and exits."""
    text = encode(np.arange(items, dtype=np.uint32), 1)
    error = f"echo '{stderr}' >&2; " if stderr else ""
    return f"""{error}echo '{{"duration": {duration}, "fingerprint": "{text}"}}'; exit {status}"""


def run_fake(folder: Path, audio: Audio, text: str, declared: float | None = 9.37) -> Fingerprint:
    with opened(audio.wav(9.37)) as file:
        inspection = Inspection(AudioProperties(), "wav", declared_seconds=declared)
        return Fpcalc(fake(folder, text)).fingerprint(file, inspection, Deadline(60))


FULL = expected_items(9.37)
