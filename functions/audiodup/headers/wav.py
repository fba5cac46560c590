"""WAV in its four dresses: RIFF, RF64, BW64 and Sony's Wave64."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from audiodup.headers.header import Header, cut_off, positive
from audiodup.headers.pcm import PcmLayout, pcm_md5
from audiodup.headers.reader import Reader
from audiodup.model import SampleRange

_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 0x0001, 0x0003, 0x0006, 0x0007, 0xFFFE
_CODECS = {
    0x0002: "adpcm_ms",
    _ALAW: "pcm_alaw",
    _MULAW: "pcm_mulaw",
    0x0011: "adpcm_ima_wav",
    0x0050: "mp2",
    0x0055: "mp3",
    0x00FF: "aac",
    0x2000: "ac3",
}
_INTEGER_CODECS = {1: "pcm_u8", 2: "pcm_s16le", 3: "pcm_s24le", 4: "pcm_s32le"}
_FLOAT_CODECS = {4: "pcm_f32le", 8: "pcm_f64le"}
# KSDATAFORMAT_SUBTYPE_*: the format tag, then these bytes.
_SUBTYPE_TAIL = bytes.fromhex("000000001000800000aa00389b71")
# Writers that cannot seek back leave such sizes: 0xFFFFFFFF (ffmpeg), 0x7FFFF000 (sox), 0x7FFFFFFF, 0x80000000.
_LEAST_PLACEHOLDER = 0x7FFFF000
_LEAST_PLACEHOLDER_64 = 1 << 62
_MAX_CHUNKS = 10_000


@dataclass(frozen=True, slots=True)
class _Format:
    tag: int
    channels: int
    sample_rate: int
    byte_rate: int
    block_align: int
    bits: int
    valid_bits: int

    alone: bool = True
    """No other `fmt ` is to be had for one."""

    @property
    def is_plain(self) -> bool:
        """Whether nobody can read another length out of it: decoders differ in what they believe of such headers."""
        fits = self.block_align * 8 == self.channels * self.bits
        return fits and self.alone and self.bits == self.valid_bits and self.bits in (8, 16, 24, 32, 64)

    @property
    def sample_bytes(self) -> int:
        return self.block_align // self.channels if self.channels else 0


def read_wav(reader: Reader) -> Header:
    """Read the chunks up to the samples, and hash the samples if they are integers."""
    wave64 = reader.read(0, 4) == b"riff"
    form, sample_count, ds64_data_size = None, None, None
    for name, offset, size in _chunks_wave64(reader) if wave64 else _chunks(reader):
        if name == b"ds64":
            ds64_data_size = int(struct.unpack("<Q", reader.read(offset + 8, 8))[0])
        elif name == b"fmt ":
            found = _read_format(reader.upto(offset, min(size, 40)))
            # Of Wave64's names four bytes are looked at here, and sixteen by FFmpeg.
            form = found and replace(found, alone=form is None and not wave64)
        elif name == b"fact" and size >= 4:
            sample_count = int(struct.unpack("<I", reader.read(offset, 4))[0])
        elif name == b"data":
            declared = ds64_data_size if size == 0xFFFFFFFF and ds64_data_size is not None else size
            least = _LEAST_PLACEHOLDER if declared is size and not wave64 else _LEAST_PLACEHOLDER_64
            streamed = declared >= least and offset + declared > reader.size
            return _header(reader, form, sample_count, offset, 0 if streamed else declared)
    return Header()


def _header(reader: Reader, form: _Format | None, sample_count: int | None, offset: int, size: int) -> Header:
    """`size` 0: a stream, whose samples go on to the end of the file."""
    if form is None or not form.channels or not form.sample_rate:
        return Header(missing=cut_off("the data chunk", offset + size, reader.size))
    missing = cut_off("the data chunk", offset + size, reader.size)
    codec = _CODECS.get(form.tag)
    seconds, samples = None, None
    if form.tag in (_PCM, _FLOAT, _ALAW, _MULAW) and form.block_align:
        codec = {_PCM: _INTEGER_CODECS, _FLOAT: _FLOAT_CODECS}.get(form.tag, {}).get(form.sample_bytes, codec)
        seconds = size / form.block_align / form.sample_rate
        if form.is_plain and codec is not None:
            end = offset + size if size else reader.size
            samples = SampleRange(reader.start + offset, reader.start + end, form.block_align * form.sample_rate)
    elif sample_count is not None and size:
        seconds = sample_count / form.sample_rate
    md5 = None
    if form.tag == _PCM and codec is not None and not missing and form.bits == form.valid_bits == form.sample_bytes * 8:
        layout = PcmLayout(form.channels, form.sample_bytes, unsigned=form.sample_bytes == 1)
        md5 = pcm_md5(reader, offset, size or reader.size, layout)
    return Header(
        codec=codec,
        lossless=None if codec is None else form.tag in (_PCM, _FLOAT),
        channels=form.channels,
        sample_rate=form.sample_rate,
        bit_rate=form.byte_rate * 8 or None,
        pcm_md5=md5,
        declared_seconds=positive(seconds or 0),
        missing=missing,
        samples=samples,
    )


def _read_format(data: bytes) -> _Format | None:
    if len(data) < 16:
        return None
    tag, channels, sample_rate, byte_rate, block_align, bits = struct.unpack_from("<HHIIHH", data)
    valid_bits = bits
    if tag == _EXTENSIBLE and len(data) >= 40 and data[26:40] == _SUBTYPE_TAIL:
        valid_bits, tag = struct.unpack_from("<H", data, 18)[0], struct.unpack_from("<H", data, 24)[0]
    return _Format(tag, channels, sample_rate, byte_rate, block_align, bits, valid_bits)


def _chunks(reader: Reader) -> Iterator[tuple[bytes, int, int]]:
    """Name, offset and size of the content of each chunk."""
    position = 12
    for _ in range(_MAX_CHUNKS):
        head = reader.upto(position, 8)
        if len(head) < 8:
            return
        size = int.from_bytes(head[4:], "little")
        yield head[:4], position + 8, size
        position += 8 + size + size % 2


def _chunks_wave64(reader: Reader) -> Iterator[tuple[bytes, int, int]]:
    position = 40
    for _ in range(_MAX_CHUNKS):
        head = reader.upto(position, 24)
        size = int.from_bytes(head[16:], "little")
        if len(head) < 24 or size < 24:
            return
        # The name is the first four bytes of a GUID; the size counts its own 24 bytes.
        yield head[:4], position + 24, size - 24
        position += size + -size % 8
