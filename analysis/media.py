"""ffmpeg and fpcalc as the studies use them: one thread each, because two files are worked on at once."""

from __future__ import annotations

import hashlib
import os
import subprocess
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from audiodup import container
from audiodup.chromaprint import Fpcalc
from audiodup.decoder import Ffmpeg
from audiodup.fingerprinter import AudioFingerprinter
from audiodup.guarded import GuardedRunner
from audiodup.model import AudioProperties, FileIdentity, Inspection, Measured
from audiodup.opened import OpenedFile
from audiodup.steps import Deadline

CACHE = Path(__file__).parents[1] / ".cache/analysis"
RATE = 44_100
"""Hz, of every file between source and copy."""
WORKERS = 2
_FULL_SCALE = 32_768
_PATIENCE = 180.0
_RUNNER = GuardedRunner(processes=WORKERS, wall_seconds=120, cpu_seconds=90, memory_bytes=1_500_000_000)
FINGERPRINTER = AudioFingerprinter(Fpcalc("fpcalc", _RUNNER), Ffmpeg("ffmpeg", _RUNNER), _RUNNER)
"""The product's."""


@dataclass(frozen=True, slots=True)
class Printed:
    """What is kept of an audio file: no audio."""

    text: str
    """Chromaprint's compressed fingerprint."""
    duration: float
    """Seconds of the file itself."""
    sha256: str
    properties: AudioProperties

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values."""
        return asdict(self)


def ffmpeg(*arguments: str) -> None:
    """Run ffmpeg, one thread.

    Raises:
        RuntimeError: with its words.
    """
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-filter_threads", "1", "-filter_complex_threads", "1"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=_PATIENCE, check=False)
    if done.returncode:
        raise RuntimeError(f"ffmpeg {' '.join(arguments)}: {done.stderr.strip()[:500]}")


def sha256_of(path: Path) -> str:
    """Hex digest of the file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def inspect(path: Path) -> Inspection:
    """What the file's headers say, as the product reads them.

    Raises:
        NotAudio: it is none.
    """
    with _opened(path) as file:
        return container.inspect(file, path.suffix)


def fingerprint(path: Path, seconds: int) -> Printed:
    """The file's fingerprint, made as the product makes it; `seconds` 0 is the whole file.

    Raises:
        audiodup.errors.Permanent: the file is too short, damaged, or no audio.
    """
    with _opened(path) as file:
        inspection = container.inspect(file, path.suffix)
        made = Fpcalc("fpcalc", _RUNNER, seconds=seconds).fingerprint(file, inspection, Deadline(_PATIENCE))
    return Printed(made.text, made.duration or 0.0, sha256_of(path), inspection.properties)


def measure(path: Path) -> Measured:
    """All that the product measures of a file: of a short sound the slow fingerprint and the hash of the samples too.

    Raises:
        audiodup.errors.Permanent: the file is too short, damaged, or no audio.
    """
    with _opened(path) as file:
        return FINGERPRINTER.measure(file, container.inspect(file, path.suffix), Deadline(_PATIENCE))


def samples(path: Path) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """A 16-bit WAV file's samples, frames by channels, full scale 1."""
    with wave.open(str(path)) as file:
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
    return data.astype(np.float64) / _FULL_SCALE


def rms(path: Path) -> float:
    """Root mean square of a 16-bit WAV file over all channels, full scale 1."""
    return float(np.sqrt(np.mean(samples(path) ** 2)))


@contextmanager
def _opened(path: Path) -> Iterator[OpenedFile]:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        yield OpenedFile(file.fileno(), str(path.resolve()), FileIdentity(size), {})
