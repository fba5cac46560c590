"""Bounded access to a file that nobody trusts."""

from __future__ import annotations

import io
import os

from audiodup.steps import Deadline

_MUTAGEN_BYTES = 32 * 1024 * 1024
_MUTAGEN_CALLS = 100_000


class Reader:
    """Reads at given offsets (pread), so that the descriptor's own offset is nobody's concern."""

    def __init__(
        self, descriptor: int, start: int = 0, deadline: Deadline | None = None, *, whole: bool = True
    ) -> None:
        """`deadline` ends it in the middle of whatever reads: parsers bound their work, a disk bounds nothing."""
        self._descriptor = descriptor
        self.start = start
        """Where offset 0 lies in the file."""
        self.whole = whole
        """False: behind its beginning the file is a hole, which reads as zeros."""
        self._deadline = deadline
        self.size = max(os.fstat(descriptor).st_size - start, 0)
        """Bytes from `start` to the end of the file."""

    def tail(self, start: int) -> Reader:
        """The same file, with offsets counted from `start`."""
        return Reader(self._descriptor, self.start + start, self._deadline, whole=self.whole)

    def upto(self, offset: int, count: int) -> bytes:
        """At most `count` bytes; fewer at the end of the file.

        Raises:
            TimedOut: the deadline is over.
        """
        if self._deadline is not None:
            self._deadline.remaining()
        if offset < 0 or offset >= self.size or count <= 0:
            return b""
        return os.pread(self._descriptor, min(count, self.size - offset), self.start + offset)

    def read(self, offset: int, count: int) -> bytes:
        """Exactly `count` bytes.

        Raises:
            EOFError: the file ends before.
        """
        data = self.upto(offset, count)
        if len(data) < count:
            raise EOFError(f"{count} bytes at {offset} reach beyond the end")
        return data


class BoundedFile(io.RawIOBase):
    """A file object for mutagen that gives up (OSError) when a crafted file makes it read or seek too much."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._position = 0
        self._bytes_left = _MUTAGEN_BYTES
        self._calls_left = _MUTAGEN_CALLS

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._count_call()
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._reader.size}[whence]
        if base + offset < 0:
            raise OSError("seek before the start of the file")
        self._position = base + offset
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        self._count_call()
        rest = max(self._reader.size - self._position, 0)
        count = rest if size is None or size < 0 else min(size, rest)
        self._bytes_left -= count
        if self._bytes_left < 0:
            raise OSError(f"more than {_MUTAGEN_BYTES} bytes of headers")
        data = self._reader.upto(self._position, count)
        self._position += len(data)
        return data

    def _count_call(self) -> None:
        self._calls_left -= 1
        if self._calls_left < 0:
            raise OSError(f"more than {_MUTAGEN_CALLS} reads and seeks for the headers")
