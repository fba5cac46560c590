"""A library of short distinct sounds, made quickly: 10,000 files of 12 s take half a minute and 1 GB."""

from __future__ import annotations

import hashlib
import io
import wave
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .plan import Kind, PlannedFile

RATE = 8000
_SECONDS = {Kind.SHORT: 1.0, Kind.BRIEF: 0.3}
# fpcalc alone fingerprints what is longer than 10 s; below, ffmpeg and a second fpcalc have their part.
_LONG_SECONDS = 12.0
_NOTES = 64
_STEP = RATE // 4


def make_library(folder: Path, files: Iterable[PlannedFile], seed: int) -> dict[str, str]:
    """Write all files; SHA-256 by key. The same seed gives the same bytes."""
    folder.mkdir(parents=True)
    # Sines are what takes the time: each note is made once.
    notes = np.sin(2 * np.pi * 110 * 2 ** (np.arange(_NOTES)[:, None] / 12) * np.arange(_STEP) / RATE)
    hashes = {}
    for number, file in enumerate(files):
        content = _content(file, notes, np.random.default_rng([seed, number]))
        (folder / file.key).write_bytes(content)
        hashes[file.key] = hashlib.sha256(content).hexdigest()
    return hashes


def _content(file: PlannedFile, notes: NDArray[np.float64], chance: np.random.Generator) -> bytes:
    if file.kind is Kind.PAGE:
        return f"<!DOCTYPE html><title>Sign in</title><!-- {file.key} -->".encode()
    frames = round(_SECONDS.get(file.kind, _LONG_SECONDS) * RATE)
    # Three notes at a time, four chords a second.
    chords = notes[chance.integers(0, _NOTES, (-(-frames // _STEP), 3))].sum(axis=1)
    whole = _wav((128 + 40 * chords.ravel()[:frames]).astype(np.uint8))
    return whole[: len(whole) // 2] if file.kind is Kind.CUT else whole


def _wav(samples: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return buffer.getvalue()
