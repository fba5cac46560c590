"""A library of short distinct sounds, made quickly: 10,000 files of 12 s take half a minute and 1 GB."""

from __future__ import annotations

import hashlib
import io
import wave
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiodup.model import Status

from .plan import EXPECTED, Kind, PlannedFile
from .product import Product

RATE = 8000
_SECONDS = {Kind.SHORT: 1.0, Kind.BRIEF: 0.3}
# fpcalc alone fingerprints what is longer than 10 s; below, ffmpeg and a second fpcalc have their part.
_LONG_SECONDS = 12.0
_NOTES = 64
_STEP = RATE // 4


def make_library(folder: Path, files: Iterable[PlannedFile], seed: int) -> dict[str, Product]:
    """Write all files; by key, what the rows of the sounds must hold. The same seed gives the same bytes."""
    folder.mkdir(parents=True)
    # Sines are what takes the time: each note is made once.
    notes = np.sin(2 * np.pi * 110 * 2 ** (np.arange(_NOTES)[:, None] / 12) * np.arange(_STEP) / RATE)
    products = {}
    for number, file in enumerate(files):
        content = _content(file, notes, np.random.default_rng([seed, number]))
        (folder / file.key).write_bytes(content)
        if EXPECTED[file.kind][0] is not Status.FAILED:
            products[file.key] = _product(content, _frames(file))
    return products


def _product(content: bytes, frames: int) -> Product:
    # FLAC's hash is of signed samples, those of 8 bits in a WAV are unsigned.
    signed = np.frombuffer(content[-frames:], np.uint8) ^ 128
    return Product(
        sha256=hashlib.sha256(content).hexdigest(),
        file_size=len(content),
        duration=frames / RATE,
        container="wav",
        codec="pcm_u8",
        channels=1,
        sample_rate=RATE,
        pcm_md5=hashlib.md5(signed.tobytes(), usedforsecurity=False).hexdigest(),
    )


def _content(file: PlannedFile, notes: NDArray[np.float64], chance: np.random.Generator) -> bytes:
    if file.kind is Kind.PAGE:
        return f"<!DOCTYPE html><title>Sign in</title><!-- {file.key} -->".encode()
    frames = _frames(file)
    # Three notes at a time, four chords a second.
    chords = notes[chance.integers(0, _NOTES, (-(-frames // _STEP), 3))].sum(axis=1)
    whole = _wav((128 + 40 * chords.ravel()[:frames]).astype(np.uint8))
    return whole[: len(whole) // 2] if file.kind is Kind.CUT else whole


def _frames(file: PlannedFile) -> int:
    return round(_SECONDS.get(file.kind, _LONG_SECONDS) * RATE)


def _wav(samples: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return buffer.getvalue()
