"""fpcalc and ffmpeg as the fingerprint step runs them, and made-up programs in their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiodup.chromaprint import Fpcalc, expected_items
from audiodup.compressed import decode, encode
from audiodup.container import inspect
from audiodup.decoder import Ffmpeg
from audiodup.fingerprinter import AudioFingerprinter
from audiodup.guarded import GuardedRunner
from audiodup.model import Asset, AudioProperties, Fingerprint, Inspection, Measured, SlowFingerprint
from audiodup.steps import Deadline
from tests.audio import Audio, opened

LONG = 140.0
"""Seconds: more than the 120 that are fingerprinted."""


def guarded(
    *, processes: int = 2, wall_seconds: float = 120, cpu_seconds: int = 90, memory_bytes: int = 1_500_000_000
) -> GuardedRunner:
    """The limits that the settings have by default."""
    return GuardedRunner(
        processes=processes, wall_seconds=wall_seconds, cpu_seconds=cpu_seconds, memory_bytes=memory_bytes
    )


def make_fpcalc(program: str = "fpcalc", *, seconds: int = 120, **limits: Any) -> Fpcalc:
    return Fpcalc(program, guarded(**limits), seconds=seconds)


def make_fingerprinter(
    fpcalc: str = "fpcalc", ffmpeg: str = "ffmpeg", *, seconds: int = 120, **limits: Any
) -> AudioFingerprinter:
    runner = guarded(**limits)
    return AudioFingerprinter(Fpcalc(fpcalc, runner, seconds=seconds), Ffmpeg(ffmpeg, runner), runner)


FPCALC = make_fpcalc()
FINGERPRINTER = make_fingerprinter()


def fingerprint(path: Path, *, fpcalc: Fpcalc = FPCALC, format: str | None = None, seconds: float = 60) -> Fingerprint:
    """What fpcalc makes of a file at hand."""
    with opened(path) as file:
        return fpcalc.fingerprint(file, inspect(file, format or path.suffix), Deadline(seconds))


def measure(
    path: Path, *, fingerprinter: AudioFingerprinter = FINGERPRINTER, format: str | None = None, seconds: float = 60
) -> Measured:
    """What the fingerprint step does with a file at hand."""
    with opened(path) as file:
        inspection = fingerprinter.inspect(file, Asset("1", path.name, format=format))
        return fingerprinter.measure(file, inspection, Deadline(seconds))


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


def slow_agreement(one: SlowFingerprint | None, other: SlowFingerprint | None) -> float:
    """The same for slow ones, at the best of a few offsets: encoders add some milliseconds, and slow ones are long."""
    assert one is not None
    assert other is not None
    a, b = decode(one.text)[1], decode(other.text)[1]
    shares = []
    for offset in range(-6, 7):
        x, y = a[max(offset, 0) :], b[max(-offset, 0) :]
        length = min(len(x), len(y))
        shares.append(1 - float(np.bitwise_count(x[:length] ^ y[:length]).mean()) / 32)
    return max(shares)


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
        return make_fpcalc(fake(folder, text)).fingerprint(file, inspection, Deadline(60))


FULL = expected_items(9.37)
