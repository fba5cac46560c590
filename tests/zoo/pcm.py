"""WAV, AIFF, AU and CAF whose numbers lie."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from tests.audio import music
from tests.zoo.specimen import Content, Group, Make, Specimen, Surroundings, always, files, patched

RATE = 8_000
SOUND = (music(5.0, 1, RATE, 1)[:, 0] * 32_767).astype("<i2").tobytes()


def wav(
    data: bytes = SOUND,
    *,
    tag: int = 1,
    channels: int = 1,
    rate: int = RATE,
    bits: int = 16,
    align: int | None = None,
    size: int | None = None,
    before: bytes = b"",
) -> bytes:
    """A WAV with these numbers, right or wrong."""
    align = channels * bits // 8 % 65_536 if align is None else align
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * align % (1 << 32), align, bits)
    length = len(data) if size is None else size
    body = b"WAVE" + before + b"fmt \x10\0\0\0" + form + b"data" + struct.pack("<I", length) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def floats(samples: Sequence[float], form: str) -> bytes:
    """Five seconds of these samples over and over, as floats, in two channels."""
    data = np.resize(np.array(samples, form), 10 * RATE).tobytes()
    return wav(data, tag=3, channels=2, bits=8 * np.dtype(form).itemsize)


def aiff(rate: bytes, *, channels: int = 1, frames: int = len(SOUND) // 2, bits: int = 16) -> bytes:
    """An AIFF with these numbers; `rate` is an 80-bit float."""
    samples = np.frombuffer(SOUND, "<i2").astype(">i2").tobytes()
    common = struct.pack(">HIH", channels, frames, bits) + rate
    chunks = b"COMM" + struct.pack(">I", len(common)) + common
    chunks += b"SSND" + struct.pack(">I", 8 + len(samples)) + bytes(8) + samples
    return b"FORM" + struct.pack(">I", 4 + len(chunks)) + b"AIFF" + chunks


def extended(exponent: int, mantissa: int) -> bytes:
    return struct.pack(">HQ", exponent, mantissa)


RATE_80 = extended(16383 + 12, RATE << 51)


def au(*, rate: int = RATE, channels: int = 1, size: int = len(SOUND), offset: int = 24) -> bytes:
    return struct.pack(">4s5I", b".snd", offset, size, 3, rate, channels) + SOUND


def caf(rate: float) -> Make:
    """A CAF whose rate, a float64, is this."""

    def make(place: Surroundings) -> bytes:
        whole = place.audio.make("caf", "-c:a", "pcm_s16le").read_bytes()
        return patched(whole, b"desc", 8, struct.pack(">d", rate))

    return make


RF64 = b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0" + struct.pack("<QQQI", 8 << 30, 8 << 30, 1 << 32, 0)
EIGHT_GB = RF64 + wav(b"", size=0xFFFFFFFF)[12:]

GROUP = Group(
    "Samples with lying numbers",
    "Headers of a few bytes that promise anything.",
    (
        Specimen("WAV of 8 GB, a hole", "TOO_LARGE", always(Content(EIGHT_GB, 8 << 30)), folder=True),
        Specimen(
            "WAV of 500 MB, a hole: silence",
            "SUCCESS",
            always(Content(wav(b"", size=500_000_000), 500_000_044)),
            folder=True,
        ),
        *files(
            "CORRUPT",
            {
                "WAV, 8 GB announced, 80 kB there": always(EIGHT_GB + SOUND),
                "WAV, 2 GB announced, 80 kB there": always(wav(size=2_000_000_000)),
                "WAV, no sample rate": always(wav(rate=0)),
                "WAV of 65,535 channels": always(wav(channels=65_535, align=2)),
                "WAV without a format": always(b"RIFF\0\0\1\0WAVEdata" + struct.pack("<I", len(SOUND)) + SOUND),
                "AIFF, no sample rate": always(aiff(bytes(10))),
                "AIFF, rate infinite": always(aiff(extended(0x7FFF, 1 << 63))),
                "AIFF, rate NaN": always(aiff(extended(0x7FFF, 3 << 62))),
                "AIFF, rate negative": always(aiff(extended(0x8000 | 16395, RATE << 51))),
                "AIFF of 65,535 channels": always(aiff(RATE_80, channels=65_535)),
                "AIFF, 4 billion frames announced": always(aiff(RATE_80, frames=0xFFFFFFFF)),
                "AU, no sample rate": always(au(rate=0)),
                "AU of 4 billion channels": always(au(channels=0xFFFFFFFF)),
                "WAV of 1,000 channels": always(wav(SOUND * 50, channels=1000)),
                "WAV at 4 GHz": always(wav(rate=0xFFFFFFFF)),
                "WAV at 1 Hz": always(wav(rate=1)),
            },
        ),
        *files(
            "NOT_AUDIO",
            {
                "WAV, no channel": always(wav(channels=0)),
                "WAV, samples of 0 bits": always(wav(bits=0, align=2)),
                "WAV of an unknown codec": always(wav(tag=0x7777)),
                "CAF, rate NaN": caf(float("nan")),
                "CAF, rate negative": caf(-44_100.0),
            },
        ),
        *files(
            # FFmpeg repairs these.
            "SUCCESS",
            {
                "WAV, frames of 0 bytes": always(wav(align=0)),
                "WAV whose format comes after the samples": always(
                    b"RIFF\0\0\1\0WAVEdata" + struct.pack("<I", len(SOUND)) + SOUND + wav()[12:36]
                ),
                "WAV of 20,000 empty chunks before the samples": always(wav(before=b"junk\0\0\0\0" * 20_000)),
                "AU, samples begin at 4 GB": always(au(offset=0xFFFFFFFF)),
            },
        ),
        Specimen("CAF, rate infinite", "RESOURCE_LIMIT", caf(float("inf"))),
        Specimen(
            "WAV at 200 MHz, 60 MB of 8 bits",
            "RESOURCE_LIMIT",
            always(Content(wav(b"", rate=200_000_000, bits=8, size=60_000_000), 60_000_044)),
        ),
        Specimen(
            "WAV at 4 MHz, 120 MB of 8 bits, a hole",
            "SUCCESS",
            always(Content(wav(b"", rate=4_000_000, bits=8, size=120_000_000), 120_000_044)),
            folder=True,
        ),
        Specimen(
            "WAV of 64 channels, 60 MB, a hole",
            "CORRUPT",
            always(Content(wav(b"", channels=64, rate=48_000, bits=8, size=60_000_000), 60_000_044)),
            folder=True,
        ),
        Specimen(
            "WAV of 8 channels at 192 kHz, 8 s of zeros",
            "SUCCESS",
            always(Content(wav(b"", channels=8, rate=192_000, size=24_576_000), 24_576_044)),
            folder=True,
        ),
        Specimen("WAV of NaN", "SUCCESS", always(floats([float("nan")], "<f4"))),
        Specimen("WAV of infinities", "SUCCESS", always(floats([float("inf"), float("-inf")], "<f4"))),
        Specimen("WAV of 1e300", "SUCCESS", always(floats([1e300, -1e300, 3e299], "<f8"))),
        Specimen("WAV of 1e300 left, 1e-160 right", "SUCCESS", always(floats([1e300, 1e-160, -1e300, 1e-160], "<f8"))),
        Specimen("WAV of 1e-160 left, 1e300 right", "SUCCESS", always(floats([1e-160, 1e300, 1e-160, -1e300], "<f8"))),
        Specimen("WAV of 1e-310", "SUCCESS", always(floats([1e-310, -1e-310], "<f8"))),
        Specimen(
            "WAV, 10 MB of metadata before the samples",
            "SUCCESS",
            always(wav(before=b"LIST" + struct.pack("<I", 10_000_000) + bytes(10_000_000))),
        ),
    ),
)
