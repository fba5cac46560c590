"""Ogg: the first packets name the codec, the last page ends the stream."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from audiodup.headers.flac import STREAMINFO_BYTES, flac_header, parse_streaminfo
from audiodup.headers.header import Header, positive
from audiodup.headers.reader import Reader

_MAX_STREAMS = 32
_MAX_PAGE_BYTES = 27 + 255 + 255 * 255
_UNKNOWN_GRANULE = -1
_MAX_HEADER_PAGES = 1_000
# A stream cut out of a broadcast begins at another time than 0; no page of a whole stream begins that late.
_LATE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class _Page:
    offset: int
    end: int
    """Where it ends by its own word, which may be after the file does."""
    first: bool
    granule: int
    serial: int
    content: int
    """Offset of the content."""


def read_ogg(reader: Reader) -> Header:
    """Find the audio stream among the first pages, and its length in the last ones."""
    position = 0
    for _ in range(_MAX_STREAMS):
        page = _page(reader, position)
        if page is None or not page.first:
            return Header()
        packet = reader.upto(page.content, min(page.end - page.content, 128))
        header = _identify(packet)
        if header is not None:
            return _with_length(reader, page, packet, header)
        position = page.end
    return Header()


def _identify(packet: bytes) -> Header | None:
    if packet[:7] == b"\x01vorbis" and len(packet) >= 24:
        channels, sample_rate, _, nominal = struct.unpack_from("<BIiI", packet, 11)
        # Some writers store -1 for "no nominal bit rate".
        return Header("vorbis", False, channels, sample_rate, nominal if 0 < nominal < 1 << 31 else None)
    if packet[:8] == b"OpusHead" and len(packet) >= 19:
        # Opus always decodes at 48 kHz; the rate in its header is only what the encoder was fed with.
        return Header("opus", False, packet[9], 48_000)
    if packet[:5] == b"\x7fFLAC" and len(packet) >= 17 + STREAMINFO_BYTES:
        return flac_header(parse_streaminfo(packet[17:]), 0)
    if packet[:8] == b"Speex   " and len(packet) >= 56:
        sample_rate, channels, bit_rate = struct.unpack_from("<I8xIi", packet, 36)
        return Header("speex", False, channels, sample_rate, bit_rate if bit_rate > 0 else None)
    return None


def _with_length(reader: Reader, first: _Page, packet: bytes, header: Header) -> Header:
    pages = _last_pages(reader)
    missing = None
    if pages and pages[-1].end > reader.size:
        missing = f"the last page ends {pages[-1].end - reader.size} bytes after the file does"
    seconds = None
    ours = [page for page in pages if page.serial == first.serial and page.granule > 0]
    # None of ours at the end: streams one after the other, whose length only reading them all would tell.
    if ours and header.sample_rate:
        start = _start(reader, first, header.sample_rate)
        skipped = struct.unpack_from("<H", packet, 10)[0] if header.codec == "opus" else 0
        seconds = positive((ours[-1].granule - skipped - start) / header.sample_rate)
    return replace(header, declared_seconds=seconds, missing=missing)


def _start(reader: Reader, first: _Page, sample_rate: int) -> int:
    """The granule position at which the stream begins: 0 but for streams cut out of longer ones."""
    position = first.end
    for _ in range(_MAX_HEADER_PAGES):
        page = _page(reader, position)
        if page is None:
            break
        # Negative in real files whose first samples are to be dropped; -1 where no packet ends on the page.
        if page.serial == first.serial and page.granule > 0:
            return page.granule if page.granule > _LATE_SECONDS * sample_rate else 0
        position = page.end
    return 0


def _last_pages(reader: Reader) -> list[_Page]:
    """The pages that begin in the last 128 KiB; only the last may reach beyond the file's end."""
    start = max(reader.size - 2 * _MAX_PAGE_BYTES, 0)
    tail = reader.upto(start, 2 * _MAX_PAGE_BYTES)
    pages = []
    position = tail.find(b"OggS")
    while position >= 0:
        page = _page(reader, start + position)
        if page is None:
            # Cut inside its own header; or the letters stood in the sound by accident.
            if len(tail) - position < 27 + 255:
                offset = start + position
                pages.append(_Page(offset, max(reader.size, offset + 27) + 1, False, _UNKNOWN_GRANULE, -1, reader.size))
            position = tail.find(b"OggS", position + 4)
            continue
        pages.append(page)
        position = tail.find(b"OggS", max(page.end - start, position + 4))
    return pages


def _page(reader: Reader, offset: int) -> _Page | None:
    head = reader.upto(offset, 27 + 255)
    if len(head) < 27 or head[:5] != b"OggS\0" or head[5] > 7:
        return None
    segments = head[26]
    if len(head) < 27 + segments:
        return None
    granule, serial = struct.unpack_from("<qI", head, 6)
    content = offset + 27 + segments
    return _Page(offset, content + sum(head[27 : 27 + segments]), bool(head[5] & 2), granule, serial, content)
