"""Audio made on the spot: music-like sound by numpy, every container by ffmpeg. Cached for the session."""

from __future__ import annotations

import hashlib
import os
import subprocess
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from audiodup.model import FileIdentity
from audiodup.opened import OpenedFile

RATE = 44_100


class Audio:
    """Makes files in a folder of its own, each once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def wav(self, seconds: float, *, channels: int = 2, rate: int = RATE, seed: int = 1) -> Path:
        """16-bit WAV with chords that change twice a second: enough for Chromaprint to tell pieces apart."""
        path = self._folder / f"{seconds}_{channels}_{rate}_{seed}.wav"
        if not path.exists():
            write_wav(path, music(seconds, channels, rate, seed), rate)
        return path

    def make(self, ending: str, *options: str, seconds: float = 9.37, channels: int = 2, rate: int = RATE) -> Path:
        """The same music encoded by ffmpeg with these options."""
        source = self.wav(seconds, channels=channels, rate=rate)
        name = hashlib.sha256(repr((options, source.name)).encode()).hexdigest()[:16]
        path = self._folder / f"{name}.{ending}"
        if not path.exists():
            ffmpeg("-i", str(source), "-map_metadata", "-1", *options, str(path))
        return path

    def piped(self, form: str, *options: str, seconds: float = 9.37) -> bytes:
        """The same, written by ffmpeg to a pipe, where it cannot go back to fill in lengths."""
        return ffmpeg("-i", str(self.wav(seconds)), *options, "-f", form, "pipe:1")


def ffmpeg(*arguments: str) -> bytes:
    """Run ffmpeg; its standard output."""
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-v", "error", "-y", *arguments]
    completed = subprocess.run(command, capture_output=True, check=False)
    assert completed.returncode == 0, completed.stderr.decode()
    return completed.stdout


def music(seconds: float, channels: int, rate: int, seed: int) -> NDArray[Any]:
    """Samples, shape (frames, channels), float64 within -1 to 1."""
    random = np.random.default_rng(seed)
    frames = round(seconds * rate)
    sound = np.zeros(frames)
    step = rate // 2
    for start in range(0, frames, step):
        time = np.arange(min(step, frames - start)) / rate
        for note in random.integers(-24, 24, 3):
            frequency = 440 * 2 ** (note / 12)
            for harmonic in (1, 2, 3):
                sound[start : start + step] += np.sin(2 * np.pi * frequency * harmonic * time) / harmonic
    sound = 0.8 * sound / max(np.abs(sound).max(), 1) + random.normal(0, 0.003, frames)
    # Channels differ, so that a test would notice if they changed places.
    return np.stack([sound * (1 - 0.1 * channel) for channel in range(channels)], axis=1)


def write_wav(path: Path, samples: NDArray[Any], rate: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes())


def id3(content: int, *, version: int = 3, fill: bytes = b"\0") -> bytes:
    """An ID3v2 tag with `content` bytes, which are no valid frames."""
    size = bytes((content >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3" + bytes([version, 0, 0]) + size + fill * content


def ape_tag(content: int) -> bytes:
    """An APEv2 tag for the end of a file, header and footer, with one item of `content` bytes like a cover."""
    cover = np.random.default_rng(7).bytes(content)
    item = content.to_bytes(4, "little") + b"\2\0\0\0" + b"Cover Art (Front)\0" + cover
    fields = (2000).to_bytes(4, "little") + (len(item) + 32).to_bytes(4, "little") + (1).to_bytes(4, "little")
    header, footer = b"APETAGEX" + fields + b"\0\0\0\xa0" + bytes(8), b"APETAGEX" + fields + b"\0\0\0\x80" + bytes(8)
    return header + item + footer


ID3V1 = b"TAG" + b"title".ljust(125, b"\0")


@contextmanager
def opened(path: Path) -> Iterator[OpenedFile]:
    """The file as a Source would hand it out."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield OpenedFile(descriptor, str(path.absolute()), FileIdentity(size=path.stat().st_size), {})
    finally:
        os.close(descriptor)


@pytest.fixture(scope="session")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Audio:
    return Audio(tmp_path_factory.mktemp("audio"))
