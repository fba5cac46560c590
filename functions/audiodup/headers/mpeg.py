"""MPEG audio (mp1, mp2, mp3) and ADTS: raw chains of frames, found by their headers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from audiodup.headers.header import Header, cut_off, positive
from audiodup.headers.reader import Reader
from audiodup.headers.trailer import end_of_audio

_SEARCH_BYTES = 1 << 16
_CHAIN = 4
"""So many more frames in a row are no accident."""
_SAMPLE_FRAMES = 50
# Byte counts of Xing headers are off by a frame or two where writers count their own frame or not.
_SLOPPY_FRAMES = 4
_BIT_RATES = {  # kbit/s; by (MPEG 1, layer)
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_BIT_RATES[False, 3] = _BIT_RATES[False, 2]
_RATES = (44100, 48000, 32000)
_ADTS_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_ADTS_CHANNELS = (None, 1, 2, 3, 4, 5, 6, 8)


@dataclass(frozen=True, slots=True)
class Frame:
    """What one frame's header says."""

    codec: str
    sample_rate: int
    channels: int | None
    size: int
    """Bytes, header included."""
    samples: int
    bit_rate: int | None
    side_bytes: int = 0
    """Layer III: from the end of the header to where a Xing header stands."""

    def is_like(self, other: Frame) -> bool:
        """Whether both can belong to one stream."""
        return (self.codec, self.sample_rate) == (other.codec, other.sample_rate)


def parse_mpeg_frame(data: bytes) -> Frame | None:
    """Read a frame header of MPEG 1, 2 or 2.5, layers I to III; None if `data` begins with none."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        return None
    version, layer = data[1] >> 3 & 3, 4 - (data[1] >> 1 & 3)
    rate_index, bit_rate_index = data[2] >> 2 & 3, data[2] >> 4
    # Version 1, layer 4 and rate 3 are reserved; bit rate 0 is "free", which nobody writes and no size follows from.
    if version == 1 or layer == 4 or rate_index == 3 or bit_rate_index in (0, 15):
        return None
    mpeg1 = version == 3
    bit_rate = _BIT_RATES[mpeg1, layer][bit_rate_index - 1] * 1000
    sample_rate = _RATES[rate_index] // {3: 1, 2: 2, 0: 4}[version]
    samples = 384 if layer == 1 else 576 if layer == 3 and not mpeg1 else 1152
    padding = data[2] >> 1 & 1
    # Layer I counts slots of four bytes.
    slot = 4 if layer == 1 else 1
    size = (samples // 8 // slot * bit_rate // sample_rate + padding) * slot
    mono = data[3] >> 6 == 3
    side_bytes = (17 if mono else 32) if mpeg1 else (9 if mono else 17)
    return Frame(f"mp{layer}", sample_rate, 1 if mono else 2, size, samples, bit_rate, side_bytes)


def parse_adts_frame(data: bytes) -> Frame | None:
    """Read an ADTS header; None if `data` begins with none."""
    if len(data) < 7 or data[0] != 0xFF or data[1] & 0xF6 != 0xF0:
        return None
    rate_index = data[2] >> 2 & 15
    size = (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5
    if rate_index >= len(_ADTS_RATES) or size < 7:
        return None
    channels = _ADTS_CHANNELS[(data[2] & 1) << 2 | data[3] >> 6]
    return Frame("aac", _ADTS_RATES[rate_index], channels, size, 1024, None)


def find_chain(reader: Reader, parse: Callable[[bytes], Frame | None]) -> tuple[int, Frame] | None:
    """Offset and header of the first frame that others follow, past padding or rubbish; None if there is none."""
    end = end_of_audio(reader)
    head = reader.upto(0, min(_SEARCH_BYTES, end))
    position = head.find(b"\xff")
    while position >= 0:
        first = parse(head[position : position + 8])
        if first is not None and _is_chain(reader, parse, position, first, end):
            return position, first
        position = head.find(b"\xff", position + 1)
    return None


def _is_chain(reader: Reader, parse: Callable[[bytes], Frame | None], position: int, first: Frame, end: int) -> bool:
    at_start = position == 0
    for count, frame in enumerate(_frames(reader, parse, position)):
        if not frame.is_like(first):
            return False
        position += frame.size
        if count >= _CHAIN or position == end:
            return True
        if position > end:
            # The last frame is cut off: a truncated file if it begins like this, an accident anywhere else.
            return at_start
    return False


def _frames(reader: Reader, parse: Callable[[bytes], Frame | None], position: int) -> Iterator[Frame]:
    while frame := parse(reader.upto(position, 8)):
        yield frame
        position += frame.size


def read_adts(first: Frame) -> Header:
    """ADTS declares neither length nor bit rate."""
    return Header(codec=first.codec, lossless=False, channels=first.channels, sample_rate=first.sample_rate)


def read_mpeg(reader: Reader, offset: int, first: Frame) -> Header:
    """Read the Xing, Info or VBRI header in the first frame, if there is one."""
    header = Header(first.codec, False, first.channels, first.sample_rate, first.bit_rate)
    if first.codec != "mp3":
        return header
    frame = reader.upto(offset, first.size)
    frames, size, skipped = _xing(frame[4 + first.side_bytes :]) or _vbri(frame[36:]) or (0, 0, 0)
    if not frames:
        # Only frames of one bit rate tell the stream's; the first frame of a VBR stream tells nothing.
        rates = {each.bit_rate for each in islice(_frames(reader, parse_mpeg_frame, offset), _SAMPLE_FRAMES)}
        return header if len(rates) == 1 else replace(header, bit_rate=None)
    seconds = max(frames * first.samples - skipped, 0) / first.sample_rate
    mean_size = size / frames if size else first.size
    end = end_of_audio(reader)
    return replace(
        header,
        bit_rate=round(size * 8 * first.sample_rate / (frames * first.samples)) if size else first.bit_rate,
        declared_seconds=positive(seconds),
        missing=cut_off("the audio", offset + size, end, tolerance=round(_SLOPPY_FRAMES * max(mean_size, first.size))),
    )


def _xing(data: bytes) -> tuple[int, int, int] | None:
    """Frames, bytes, and samples that the decoder drops at both ends."""
    if data[:4] not in (b"Xing", b"Info"):
        return None
    flags, position = int.from_bytes(data[4:8], "big"), 8
    frames = size = skipped = 0
    if flags & 1:
        frames, position = int.from_bytes(data[position : position + 4], "big"), position + 4
    if flags & 2:
        size, position = int.from_bytes(data[position : position + 4], "big"), position + 4
    position += (100 if flags & 4 else 0) + (4 if flags & 8 else 0)
    lame = data[position : position + 24]
    if lame[:4] in (b"LAME", b"Lavf", b"Lavc") and len(lame) == 24:
        both = int.from_bytes(lame[21:24], "big")
        skipped = (both >> 12) + (both & 0xFFF)
    return frames, size, skipped


def _vbri(data: bytes) -> tuple[int, int, int] | None:
    if data[:4] != b"VBRI" or len(data) < 18:
        return None
    return int.from_bytes(data[14:18], "big"), int.from_bytes(data[10:14], "big"), 0
