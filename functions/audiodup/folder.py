"""A directory of audio files as a source: what is in it, and each file opened without leaving it."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from audiodup.errors import DownloadFailed, NoRoom, NotFound, Refused, TooLarge, Unusable
from audiodup.listing import Listing, Report
from audiodup.model import Asset, FileIdentity
from audiodup.opened import OUT_OF_ROOM, OpenedFile, path_of
from audiodup.steps import Deadline

CHUNK_BYTES = 1024 * 1024

# O_PATH, where there is one: a folder that may be passed through need not be readable.
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK opening a FIFO waits for a writer, for ever.
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY
_NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO})


class LocalFolder:
    """Fulfils steps.Source; many threads may use it at once. FILE_KEY is the path in the folder, with `/`."""

    def __init__(self, root: Path | str, looks_like_audio: Callable[[bytes], bool], *, max_file_bytes: int) -> None:
        """`looks_like_audio` tells by a file's first bytes; it is asked where the name's extension says nothing.

        Raises:
            Unusable: there is no such folder, or it cannot be read.
        """
        self._root = Path(root).resolve()
        if not self._root.is_dir() or not os.access(self._root, os.R_OK | os.X_OK):
            raise Unusable(f"{str(root)!r} is no folder that can be read")
        self._looks_like_audio = looks_like_audio
        self._max_file_bytes = max_file_bytes

    @property
    def root(self) -> Path:
        """The folder, links resolved."""
        return self._root

    def listing(self, report: Report) -> Listing:
        """What is in the folder, in a stable order; `report` is told of each thing that cannot be taken, and why."""
        return Listing(self._root, self._looks_like_audio, report)

    @contextmanager
    def open(self, asset: Asset, deadline: Deadline) -> Iterator[OpenedFile]:
        """The asset's own file, no copy, for the length of the block.

        Raises:
            NotFound: there is none, or the way to it leaves the folder or passes a symbolic link.
            Refused: it may not be read.
            TooLarge: more than `max_file_bytes`.
            Transient: it may be readable later.
        """
        descriptor = self._descriptor(asset.file_key)
        try:
            start = time.monotonic()
            identity = self._identity(descriptor, deadline)
            yield OpenedFile(
                descriptor=descriptor,
                path=path_of(descriptor) or str(self._root / asset.file_key),
                identity=identity,
                milliseconds={"download": round(1000 * (time.monotonic() - start))},
            )
        finally:
            os.close(descriptor)

    def stream(self, asset: Asset) -> BinaryIO:
        """The asset's own file, to be listened to and closed by the caller; not read for its hash first.

        Raises:
            NotFound, Refused, TooLarge, Transient: as `open`.
        """
        descriptor = self._descriptor(asset.file_key)
        try:
            self._regular(descriptor)
            return os.fdopen(descriptor, "rb", buffering=0)
        except BaseException:
            os.close(descriptor)
            raise

    def _descriptor(self, file_key: str) -> int:
        """Open it folder by folder, none of them through a symbolic link.

        A check of the whole path beforehand would hold for the path as it was then.
        """
        *folders, name = parts = file_key.split("/")
        if any(part in ("", ".", "..") or "\0" in part for part in parts):
            raise NotFound("the file key is no plain path inside the folder")
        try:
            here = os.open(self._root, _FOLDER & ~os.O_NOFOLLOW)
            try:
                for folder in folders:
                    below = os.open(folder, _FOLDER, dir_fd=here)
                    os.close(here)
                    here = below
                return os.open(name, _FILE, dir_fd=here)
            finally:
                os.close(here)
        except UnicodeEncodeError:
            words = "the file key is no text that a file system takes"
        except OSError as error:
            words = os.strerror(error.errno or 0)
            if error.errno in OUT_OF_ROOM:
                raise NoRoom(words) from None
            if error.errno in (errno.EACCES, errno.EPERM):
                raise Refused(words) from None
            if error.errno not in _NOT_THERE:
                raise DownloadFailed(words) from None
            if error.errno == errno.ELOOP:
                words = "symbolic links are not followed"
        raise NotFound(words)

    def _regular(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NotFound("it is no regular file")
        if status.st_size > self._max_file_bytes:
            raise TooLarge(f"{status.st_size} bytes, at most {self._max_file_bytes} are taken")

    def _identity(self, descriptor: int, deadline: Deadline) -> FileIdentity:
        self._regular(descriptor)
        sha256 = hashlib.sha256()
        size = 0
        try:
            while chunk := os.pread(descriptor, CHUNK_BYTES, size):
                sha256.update(chunk)
                size += len(chunk)
                deadline.remaining()
        except OSError as error:
            words = os.strerror(error.errno or 0)
        else:
            return FileIdentity(size, sha256.hexdigest())
        raise DownloadFailed(words)
