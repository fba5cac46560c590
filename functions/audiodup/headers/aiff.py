"""AIFF and AIFC."""

from __future__ import annotations

import math
import struct

from audiodup.headers.header import Header, cut_off, positive
from audiodup.headers.pcm import PcmLayout, pcm_md5
from audiodup.headers.reader import Reader
from audiodup.model import SampleRange

_BIG_ENDIAN = {1: "pcm_s8", 2: "pcm_s16be", 3: "pcm_s24be", 4: "pcm_s32be"}
_LITTLE_ENDIAN = {1: "pcm_s8", 2: "pcm_s16le", 3: "pcm_s24le", 4: "pcm_s32le"}
_COMPRESSED = {
    b"fl32": ("pcm_f32be", True),
    b"FL32": ("pcm_f32be", True),
    b"fl64": ("pcm_f64be", True),
    b"FL64": ("pcm_f64be", True),
    b"alaw": ("pcm_alaw", False),
    b"ALAW": ("pcm_alaw", False),
    b"ulaw": ("pcm_mulaw", False),
    b"ULAW": ("pcm_mulaw", False),
    b"ima4": ("adpcm_ima_qt", False),
}
_MAX_CHUNKS = 10_000


def read_aiff(reader: Reader) -> Header:
    """Read all chunks (COMM may come after the samples), and hash the samples if they are integers."""
    common, sound = None, None
    names = []
    position = 12
    for _ in range(_MAX_CHUNKS):
        head = reader.upto(position, 8)
        if len(head) < 8:
            break
        size = int.from_bytes(head[4:], "big")
        names.append(head[:4])
        if head[:4] == b"COMM":
            common = reader.upto(position + 8, min(size, 22))
        elif head[:4] == b"SSND":
            skipped = int.from_bytes(reader.upto(position + 8, 4), "big")
            sound = (position + 16 + skipped, position + 8 + size)
        position += 8 + size + size % 2
    if common is None or len(common) < 18 or sound is None:
        return Header()
    return _header(reader, common, *sound, alone=names.count(b"COMM") == names.count(b"SSND") == 1)


def _header(reader: Reader, common: bytes, offset: int, end: int, *, alone: bool) -> Header:
    channels, frames, bits = struct.unpack_from(">HIH", common)
    sample_rate = _extended(common[8:18])
    kind = common[18:22] or b"NONE"
    missing = cut_off("the SSND chunk", end, reader.size)
    codec, lossless = _COMPRESSED.get(kind, (None, None))
    md5, bit_rate, samples = None, None, None
    sample_bytes = (bits + 7) // 8
    if kind in (b"NONE", b"twos", b"sowt") and 1 <= sample_bytes <= 4 and channels:
        codec = (_LITTLE_ENDIAN if kind == b"sowt" else _BIG_ENDIAN)[sample_bytes]
        lossless = True
        bit_rate = sample_rate * channels * sample_bytes * 8
        # FFmpeg takes 8 bits of `sowt` for 16; and what is there twice it may take where we do not.
        if alone and bits == sample_bytes * 8 and (kind != b"sowt" or bits >= 16):
            samples = SampleRange(reader.start + offset, reader.start + end, sample_rate * channels * sample_bytes)
        if bits % 8 == 0 and not missing:
            layout = PcmLayout(channels, sample_bytes, big_endian=kind != b"sowt")
            size = frames * channels * sample_bytes or reader.size
            md5 = pcm_md5(reader, offset, min(size, end - offset) if end > offset else size, layout)
    # ima4 counts packets of 64 samples in the place of frames.
    seconds = frames * (64 if kind == b"ima4" else 1) / sample_rate if sample_rate else 0
    return Header(
        codec, lossless, channels or None, sample_rate or None, bit_rate, md5, positive(seconds), missing, samples
    )


def _extended(data: bytes) -> int:
    """An 80-bit float (one bit sign, 15 bits exponent, 64 bits mantissa) as a whole number of Hz; 0 if it is none."""
    exponent, mantissa = struct.unpack(">HQ", data)
    if exponent & 0x8000 or exponent > 16383 + 30:
        return 0
    return round(math.ldexp(mantissa, exponent - 16383 - 63))
