"""A file fetched by ranges as by a client who knows nothing of it before, and what that costs.

First the head, which says what the file is and mostly how long; where that stands at the end the tail too; then as
much as the first seconds should take. What is not fetched reads as zeros, in a sparse file of the real length.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from analysis.bytes_read import Range
from analysis.media import inspect
from audiodup.errors import Permanent
from audiodup.model import Inspection

SECONDS = 120
"""FINGERPRINT_SECONDS."""
HEAD_BYTES = 256 * 1024
TAIL_BYTES = 256 * 1024
"""Our look at Ogg takes the last 128 KiB; the index of an m4a of 20 minutes fits."""
MARGIN = 1.25
"""The first seconds may take more bytes than later ones: so many times their share is fetched, but of PCM, which is
even."""
SPARE_SECONDS = 2
SPARE_BYTES = 64 * 1024
"""What decoders read ahead."""
_LENGTH_AT_END = frozenset({"ogg", "mp4", "mov"})

Get = Callable[[int, int], tuple[bytes, int]]
"""The bytes of a range, fewer at the file's end, and the whole file's size."""


@dataclass(slots=True)
class Fetched:
    """A sparse file that is being filled."""

    path: Path
    size: int
    ranges: list[Range] = field(default_factory=list)
    """One a request."""

    @property
    def sent(self) -> int:
        """Bytes, over all requests."""
        return sum(end - start for start, end in self.ranges)

    @property
    def is_prefix(self) -> bool:
        """Whether one range from the start would have done."""
        return all(start in (0, HEAD_BYTES) for start, _ in self.ranges)

    def add(self, start: int, data: bytes) -> None:
        """Put bytes in their place."""
        with self.path.open("r+b" if self.ranges else "wb") as file:
            file.truncate(self.size)
            file.seek(start)
            file.write(data)
        self.ranges.append((start, start + len(data)))


def sparse(source: Path, ranges: Iterable[Range], target: Path) -> Path:
    """A file of the source's length that has only these bytes of it."""
    get = reading(source)
    part = Fetched(target, source.stat().st_size)
    for start, end in ranges:
        part.add(start, get(start, end)[0])
    return target


def reading(path: Path) -> Get:
    """Ranges of a file at hand."""

    def get(start: int, end: int) -> tuple[bytes, int]:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(end - start), path.stat().st_size

    return get


def fetch(get: Get, target: Path) -> Fetched:
    """Fill `target` with what the first seconds should take: two requests, three where the length stands at the end."""
    head, size = get(0, HEAD_BYTES)
    fetched = Fetched(target, size)
    fetched.add(0, head)
    inspection, tail = inspection_of(target), size
    if inspection and inspection.declared_seconds is None and inspection.properties.container in _LENGTH_AT_END:
        tail = max(size - TAIL_BYTES, len(head))
        if tail < size:
            fetched.add(tail, get(tail, size)[0])
            inspection = inspection_of(target)
    end = min(prefix_end(inspection, size), tail)
    if len(head) < end:
        fetched.add(len(head), get(len(head), end)[0])
    return fetched


def prefix_end(inspection: Inspection | None, size: int) -> int:
    """How far the first seconds should reach; the file's size where nobody can tell."""
    if inspection is None:
        return size
    seconds, bit_rate = inspection.declared_seconds, inspection.properties.bit_rate
    if seconds is None and bit_rate:
        seconds = size * 8 / bit_rate
    if not seconds:
        return size
    margin = 1.0 if (inspection.properties.codec or "").startswith("pcm") else MARGIN
    return min(math.ceil(size * (SECONDS + SPARE_SECONDS) / seconds * margin) + SPARE_BYTES, size)


def inspection_of(path: Path) -> Inspection | None:
    """What the product reads in its headers; None where it is no audio so far."""
    try:
        return inspect(path)
    except Permanent:
        return None
