"""A piece of a plain WAV, read by ourselves: ffmpeg's start alone costs as much CPU as fpcalc has for the file."""

from __future__ import annotations

import wave

import numpy as np

from audiodup.headers.reader import BoundedFile, Reader
from audiodup.sound import Sound

# What the standard library's parser says of other WAVs than integer PCM, and of what is none.
_NOT_PLAIN = (wave.Error, EOFError, OSError, RuntimeError, ValueError, OverflowError)


def read_wav_piece(descriptor: int, *, start: float, seconds: float) -> Sound | None:
    """At most so many seconds from `start` on; None where it is no RIFF file of integers that `wave` reads."""
    try:
        with wave.open(BoundedFile(Reader(descriptor)), "rb") as file:  # type: ignore[call-overload]
            rate, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
            file.setpos(round(start * rate))
            data = file.readframes(round(seconds * rate))
    except _NOT_PLAIN:
        return None
    frames = len(data) // (channels * width)
    if not frames or width > 4:
        return None
    upper = np.zeros((frames * channels, 4), np.uint8)
    upper[:, 4 - width :] = np.frombuffer(data, np.uint8, frames * channels * width).reshape(-1, width)
    if width == 1:
        # WAV's 8 bits are unsigned.
        upper[:, 3] ^= 0x80
    return Sound((upper.view("<i4") / 2.0**31).reshape(-1, channels), rate, 8 * width)
