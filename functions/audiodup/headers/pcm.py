"""MD5 of uncompressed samples, in the form in which FLAC keeps it in STREAMINFO.

That form is: channels interleaved, signed, little endian, whole bytes. So the WAV, AIFF and FLAC of one master agree.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from audiodup.headers.reader import Reader

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class PcmLayout:
    """How integer samples lie in a file."""

    channels: int
    sample_bytes: int
    """1 to 4."""
    big_endian: bool = False
    unsigned: bool = False
    """Only 8-bit samples of WAV are."""


def pcm_md5(reader: Reader, offset: int, size: int, layout: PcmLayout) -> str | None:
    """Hash `size` bytes of samples from `offset`; a last frame that is not whole is left out, as decoders do.

    None where there is no whole frame, or not the whole file.
    """
    if not reader.whole:
        return None
    frame_bytes = layout.channels * layout.sample_bytes
    left = min(size, reader.size - offset)
    left -= left % frame_bytes
    if left <= 0:
        return None
    digest = hashlib.md5(usedforsecurity=False)
    chunk_bytes = _CHUNK_BYTES - _CHUNK_BYTES % frame_bytes
    while left:
        data = reader.read(offset, min(chunk_bytes, left))
        digest.update(_as_flac_hashes(data, layout))
        offset += len(data)
        left -= len(data)
    return digest.hexdigest()


def _as_flac_hashes(data: bytes, layout: PcmLayout) -> bytes:
    if layout.unsigned:
        return (np.frombuffer(data, np.uint8) ^ 0x80).tobytes()
    if layout.big_endian and layout.sample_bytes > 1:
        return np.frombuffer(data, np.uint8).reshape(-1, layout.sample_bytes)[:, ::-1].tobytes()
    return data
