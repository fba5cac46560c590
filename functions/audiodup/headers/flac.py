"""FLAC: STREAMINFO, and the number of the last frame."""

from __future__ import annotations

from dataclasses import dataclass

from audiodup.headers.header import Header, positive
from audiodup.headers.reader import Reader
from audiodup.headers.trailer import end_of_audio

STREAMINFO_BYTES = 34
_MAX_BLOCKS = 1_000
_LEAST_TAIL_BYTES, _MOST_TAIL_BYTES = 1 << 17, 1 << 20


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """FLAC's STREAMINFO block, as far as anyone here asks."""

    min_block: int
    max_frame_bytes: int
    sample_rate: int
    channels: int
    total_samples: int
    md5: str | None


def parse_streaminfo(data: bytes) -> StreamInfo:
    """Read the block's 34 bytes."""
    if len(data) < STREAMINFO_BYTES:
        raise EOFError("STREAMINFO is not whole")
    packed = int.from_bytes(data[10:18], "big")
    md5 = data[18:34]
    return StreamInfo(
        min_block=int.from_bytes(data[0:2], "big"),
        max_frame_bytes=int.from_bytes(data[7:10], "big"),
        sample_rate=packed >> 44,
        channels=(packed >> 41 & 7) + 1,
        total_samples=packed & (1 << 36) - 1,
        # All zero: the encoder did not compute it.
        md5=md5.hex() if any(md5) else None,
    )


def flac_header(info: StreamInfo, bytes_of_audio: int, missing: str | None = None) -> Header:
    """What STREAMINFO says, in the common form."""
    seconds = info.total_samples / info.sample_rate if info.sample_rate else 0.0
    return Header(
        codec="flac",
        lossless=True,
        channels=info.channels,
        sample_rate=info.sample_rate or None,
        bit_rate=round(bytes_of_audio * 8 / seconds) if seconds and not missing else None,
        pcm_md5=info.md5,
        declared_seconds=positive(seconds),
        missing=missing,
    )


def read_flac(reader: Reader) -> Header:
    """Read STREAMINFO and look whether the last frame is there."""
    info = parse_streaminfo(reader.read(8, STREAMINFO_BYTES))
    position = 4
    for _ in range(_MAX_BLOCKS):
        head = reader.read(position, 4)
        position += 4 + int.from_bytes(head[1:], "big")
        if head[0] & 0x80:
            break
    end = end_of_audio(reader)
    if position > end:
        return flac_header(info, 0, "the metadata end after the file does")
    return flac_header(info, end - position, _missing(reader, info, position, end))


def _missing(reader: Reader, info: StreamInfo, first_frame: int, end: int) -> str | None:
    """FLAC has no byte count, but each frame tells its place: the last one must reach the end of the stream."""
    if not info.total_samples:
        return None
    tail_bytes = min(max(_LEAST_TAIL_BYTES, 2 * info.max_frame_bytes), _MOST_TAIL_BYTES)
    start = max(first_frame, end - tail_bytes)
    tail = reader.upto(start, end - start)
    last = 0
    position = tail.find(b"\xff")
    while position >= 0:
        frame_end = _frame_end(tail[position : position + 16], info.min_block)
        if frame_end is not None and last < frame_end <= info.total_samples:
            last = frame_end
        position = tail.find(b"\xff", position + 1)
    # No frame found says nothing: something unknown may stand at the end of the file.
    if last in (0, info.total_samples):
        return None
    return f"the last frame ends at sample {last} of {info.total_samples}"


def _frame_end(data: bytes, min_block: int) -> int | None:
    """The number of the sample after the frame whose header `data` begins with; None if it is no frame header."""
    if len(data) < 6 or data[1] & 0xFE != 0xF8 or data[3] & 1:
        return None
    size_code, rate_code = data[2] >> 4, data[2] & 15
    number_bytes = 8 - (~data[4] & 0xFF).bit_length()
    number_bytes = 1 if number_bytes == 0 else number_bytes
    if size_code == 0 or rate_code == 15 or data[4] & 0xC0 == 0x80 or number_bytes > 7:
        return None
    extra = {6: 1, 7: 2}.get(size_code, 0) + {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    length = 4 + number_bytes + extra
    if len(data) <= length or _crc8(data[:length]) != data[length]:
        return None
    number = data[4] & (0x7F if number_bytes == 1 else (1 << (7 - number_bytes)) - 1)
    for byte in data[5 : 4 + number_bytes]:
        number = number << 6 | byte & 0x3F
    if size_code in (6, 7):
        block = int.from_bytes(data[4 + number_bytes : 4 + number_bytes + size_code - 5], "big") + 1
    else:
        block = {1: 192}.get(size_code) or (576 << size_code - 2 if size_code < 6 else 256 << size_code - 8)
    variable = data[1] & 1
    return (number if variable else number * min_block) + block


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc
