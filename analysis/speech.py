"""Synthetic speech for voice-overs and watermarks, made once by ffmpeg's flite, the same every time."""

from __future__ import annotations

import random
import threading
import wave
from pathlib import Path

from analysis.media import CACHE, ffmpeg, rms

RMS = 0.1
_WORDS = (
    "the",
    "music",
    "of",
    "this",
    "film",
    "begins",
    "with",
    "a",
    "quiet",
    "river",
    "and",
    "nobody",
    "in",
    "our",
    "village",
    "knows",
    "why",
    "people",
    "came",
    "here",
    "before",
    "winter",
)
_SENTENCES = 60
_PIECE_SECONDS = 2
_lock = threading.Lock()


def speech() -> Path:
    """Some minutes of it: mono, RMS 0.1."""
    rng = random.Random(1)
    text = ". ".join(" ".join(rng.choices(_WORDS, k=rng.randint(6, 12))) for _ in range(_SENTENCES))
    return _say("speech", text, "anull")


def shuffled(rng: random.Random, path: Path) -> Path:
    """The speech in pieces of 2 s in another order: two tracks with one voice-over would truly have something in
    common.
    """
    with wave.open(str(speech())) as file:
        parameters, data = file.getparams(), file.readframes(file.getnframes())
    size = _PIECE_SECONDS * parameters.framerate * parameters.sampwidth
    pieces = [data[start : start + size] for start in range(0, len(data) - size, size)]
    rng.shuffle(pieces)
    with wave.open(str(path), "wb") as file:
        file.setparams(parameters)
        file.writeframes(b"".join(pieces))
    return path


def mark() -> Path:
    """A phrase of about 2 s, then silence up to 20 s: mono, the phrase's RMS 0.1."""
    return _say("mark", "This is a preview", "apad=whole_dur=20")


def _say(name: str, text: str, behind: str) -> Path:
    path = CACHE / f"{name}.wav"
    with _lock:
        if path.exists():
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        raw, part = CACHE / f"{name}.raw.wav", CACHE / f"{name}.part.wav"
        ffmpeg("-f", "lavfi", "-i", f"flite=text='{text}':voice=slt", "-ac", "1", "-ar", "44100", str(raw))
        ffmpeg("-i", str(raw), "-af", f"volume={RMS / rms(raw):.5f},{behind}", str(part))
        part.replace(path)
        raw.unlink()
    return path
