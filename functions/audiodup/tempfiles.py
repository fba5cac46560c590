"""Files that vanish with the process that fills them, and the budget of bytes that all of them share."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from audiodup.errors import NoRoom
from audiodup.opened import OUT_OF_ROOM, path_of


class Budget:
    """Bytes that all files in flight share: on Cloud Run the file system is the instance's memory."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._taken = 0
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        return self._taken

    def take(self, size: int) -> None:
        """
        Raises:
            NoRoom: at once; waiting would hold a thread that others need in order to end and give back.
        """
        with self._lock:
            if self._taken + size > self.total:
                raise NoRoom(f"{self._taken} of {self.total} bytes are in flight, {size} more do not fit")
            self._taken += size

    def give_back(self, size: int) -> None:
        with self._lock:
            self._taken -= size


class TemporaryFile:
    """One file being filled; it hashes what it is given."""

    def __init__(self, descriptor: int, path: str, budget: Budget) -> None:
        self.descriptor = descriptor
        self.path = path
        self.size = 0
        """Bytes that were written."""
        self._budget = budget
        self._reserved = 0
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def reserve(self, size: int) -> None:
        """Take the budget for a file of so many bytes before the first one arrives.

        Raises:
            NoRoom: the budget does not have them.
        """
        if size > self._reserved:
            self._budget.take(size - self._reserved)
            self._reserved = size

    def write(self, chunk: bytes) -> None:
        """
        Raises:
            NoRoom: budget or disk are full.
        """
        self.reserve(self.size + len(chunk))
        self._hash.update(chunk)
        rest = memoryview(chunk)
        while rest:
            with _no_room():
                rest = rest[os.write(self.descriptor, rest) :]
        self.size += len(chunk)

    def extend(self, size: int) -> None:
        """Make it this long: behind what was written is a hole, which takes no room and reads as zeros."""
        with _no_room():
            os.ftruncate(self.descriptor, size)

    def skip_to(self, offset: int) -> None:
        """What is written next stands there."""
        os.lseek(self.descriptor, offset, os.SEEK_SET)

    def rewind(self) -> None:
        """To the start, for whoever reads it."""
        os.lseek(self.descriptor, 0, os.SEEK_SET)

    def clear(self) -> None:
        """Empty it, for another try."""
        self.rewind()
        os.ftruncate(self.descriptor, 0)
        self._hash = hashlib.sha256()
        self.size = 0
        self.give_back()

    def give_back(self) -> None:
        self._budget.give_back(self._reserved)
        self._reserved = 0


class TemporaryFiles:
    """Makes temporary files; many threads may use it at once."""

    def __init__(
        self, budget: Budget, folder: str | None = None, *, tmpfile_flag: int | None = getattr(os, "O_TMPFILE", None)
    ) -> None:
        """`tmpfile_flag=None` shows what happens on a system without O_TMPFILE."""
        self._budget = budget
        self._folder = folder or tempfile.gettempdir()
        self._tmpfile_flag = tmpfile_flag

    @contextmanager
    def create(self) -> Iterator[TemporaryFile]:
        """An empty file for the length of the block.

        Raises:
            NoRoom: the disk is full, or the process has too many files open.
        """
        with _no_room():
            descriptor, path, private_folder = self._open_unlinked() or self._open_in_private_folder()
        file = TemporaryFile(descriptor, path, self._budget)
        try:
            yield file
        finally:
            os.close(descriptor)
            file.give_back()
            if private_folder is not None:
                shutil.rmtree(private_folder, ignore_errors=True)

    def _open_unlinked(self) -> tuple[int, str, None] | None:
        """O_TMPFILE: the file never has a name, so that even kill -9 leaves nothing."""
        if self._tmpfile_flag is None:
            return None
        try:
            descriptor = os.open(self._folder, self._tmpfile_flag | os.O_RDWR | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if error.errno in OUT_OF_ROOM:
                raise
            return None  # the kernel or this file system does not know it (EOPNOTSUPP, EISDIR, EINVAL, ENOENT)
        if (path := path_of(descriptor)) is None:
            os.close(descriptor)
            return None
        return descriptor, path, None

    def _open_in_private_folder(self) -> tuple[int, str, str]:
        private_folder = tempfile.mkdtemp(prefix="audiodup-", dir=self._folder)
        path = f"{private_folder}/audio"
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), path, private_folder
        except OSError:
            shutil.rmtree(private_folder, ignore_errors=True)
            raise


@contextmanager
def _no_room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in OUT_OF_ROOM:
            raise
        words = f"no room for a temporary file: {error.strerror}"
    else:
        return
    raise NoRoom(words)
