"""MP4, M4A and QuickTime: whether all boxes are there, and how long the audio tracks are."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from audiodup.headers.header import cut_off
from audiodup.headers.reader import Reader

# Rubbish after the last box (an ID3v1 tag, zeros) reads like a box of any size: only these names are believed.
_TOP_LEVEL = frozenset(
    b"ftyp styp moov mdat moof mfra sidx ssix prft emsg free skip wide uuid meta udta pdin pnot".split()
)
_MAX_BOXES = 100_000
"""In the whole file, each counted as often as it is read: boxes within boxes multiply."""
_MAX_TRACKS = 256
_MAX_TABLE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Box:
    """A box's name and the place of its content."""

    name: bytes
    start: int
    end: int


def read_mp4_length(reader: Reader) -> tuple[float | None, str | None]:
    """Seconds of the (shortest) audio track, and what is missing at the file's end."""
    boxes = _Boxes(reader)
    index = None
    missing = None
    end = 0
    for box in boxes.within(0, None):
        if box.name not in _TOP_LEVEL:
            # Something else stands here: whether an index follows, nobody can tell.
            end = 0
            break
        end = box.end
        missing = missing or cut_off(f"the box {box.name.decode()}", box.end, reader.size)
        if box.name == b"moov":
            index = box
    if index is None:
        return None, missing or ("the index (moov) is not there" if end else None)
    lengths = [length for length in islice(_audio_lengths(boxes, index), _MAX_TRACKS) if length]
    return min(lengths, default=None), missing


class _Boxes:
    """Walks boxes, and stops for good after so many."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._left = iter(range(_MAX_BOXES))

    def within(self, position: int, end: int | None) -> Iterator[Box]:
        """The boxes from `position` to `end`, the file's end for None; they may reach beyond it by their own word."""
        limit = self.reader.size if end is None else min(end, self.reader.size)
        for _ in self._left:
            head = self.reader.upto(position, 16)
            if position + 8 > limit or len(head) < 8:
                return
            size, start = int.from_bytes(head[:4], "big"), position + 8
            if size == 1 and len(head) == 16:
                size, start = int.from_bytes(head[8:], "big"), position + 16
            elif size == 0:
                size = limit - position
            if size < start - position:
                return
            yield Box(head[4:8], start, position + size)
            position += size

    def child(self, parent: Box, name: bytes) -> Box | None:
        """The first one in `parent` of that name."""
        return next((box for box in self.within(parent.start, parent.end) if box.name == name), None)


def _audio_lengths(boxes: _Boxes, index: Box) -> Iterator[float | None]:
    movie_scale = 0
    for box in boxes.within(index.start, index.end):
        if box.name == b"mvhd":
            movie_scale, _ = _times(boxes.reader, box)
        elif box.name == b"trak":
            media = boxes.child(box, b"mdia")
            handler = media and boxes.child(media, b"hdlr")
            if media and handler and boxes.reader.upto(handler.start + 8, 4) == b"soun":
                yield _track_seconds(boxes, box, media, movie_scale)


def _track_seconds(boxes: _Boxes, track: Box, media: Box, movie_scale: int) -> float | None:
    header = boxes.child(media, b"mdhd")
    scale, duration = _times(boxes.reader, header) if header else (0, 0)
    # 0 in a fragmented file, whose fragments have their own lengths.
    if not scale or not duration:
        return None
    seconds = duration / scale
    edits = boxes.child(track, b"edts")
    table = edits and boxes.child(edits, b"elst")
    if table and movie_scale:
        # An edit list can play less than is stored, and decoders obey it.
        edited = _edited(boxes.reader, table) / movie_scale
        seconds = min(seconds, edited) if edited > 0 else seconds
    return seconds


def _times(reader: Reader, box: Box) -> tuple[int, int]:
    """Time scale and duration of mvhd or mdhd; a duration of all ones means unknown."""
    data = reader.upto(box.start, 36)
    if len(data) < 36:
        data = data.ljust(36, b"\0")
    if data[0] == 1:
        scale, duration = struct.unpack_from(">IQ", data, 20)
        return scale, 0 if duration == (1 << 64) - 1 else duration
    scale, duration = struct.unpack_from(">II", data, 12)
    return scale, 0 if duration == (1 << 32) - 1 else duration


def _edited(reader: Reader, table: Box) -> int:
    """Sum of the edits that play media (a media time of -1 is a pause), in the movie's scale."""
    data = reader.upto(table.start, min(table.end - table.start, _MAX_TABLE_BYTES))
    if len(data) < 8:
        return 0
    form = ">Qq4x" if data[0] == 1 else ">Ii4x"
    entries = data[8 : 8 + int.from_bytes(data[4:8], "big") * struct.calcsize(form)]
    entries = entries[: len(entries) - len(entries) % struct.calcsize(form)]
    return sum(duration for duration, media_time in struct.iter_unpack(form, entries) if media_time >= 0)
