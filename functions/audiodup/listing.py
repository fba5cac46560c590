"""What is in a folder: its assets one by one, what cannot be taken and why, and how many files are something else."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from audiodup.model import FILE_KEY_LENGTH, FORMAT_LENGTH, NEVER, Asset

PROVIDER = "local"
FIRST_BYTES = 4096
"""What a look at an unknown file reads."""

AUDIO_EXTENSIONS = frozenset(
    """3g2 3gp aac ac3 adts aif aifc aiff amr ape asf au avi bwf caf dff dsf dts eac3 flac flv g722 gsm m2ts m4a m4b m4r
    m4v mka mkv mov mp1 mp2 mp3 mp4 mpc mpeg mpg mpga mts oga ogg ogv opus ra rf64 rm snd spx tak ts tta voc vob w64 wav
    wave weba webm wma wmv wv""".split()  # noqa: SIM905 - as a literal it takes a line for each
)
"""Audio and video alike: such a file is always an asset, so that a broken one is reported and not passed over."""


@dataclass(frozen=True, slots=True)
class LocalAsset:
    """An audio file in the folder."""

    asset: Asset
    created_at: datetime
    """When it was last written, UTC."""
    size: int


Report = Callable[[str, str], None]
"""Told of what a person ought to look at: its path in the folder (bytes that are no UTF-8 as `\\xff`), and why."""


class Listing:
    """Iterates over the assets, folder by folder, each in the order of its names' bytes.

    Symbolic links are not followed: one that stays inside the folder leads to a file that is listed by its own name,
    and would only make it a duplicate of itself. Names with a leading dot are passed over.
    """

    def __init__(self, root: Path, looks_like_audio: Callable[[bytes], bool], report: Report) -> None:
        self._root = root
        self._prefix = os.fsencode(root) + b"/"
        self._looks_like_audio = looks_like_audio
        self._report = report
        self.ignored = 0
        """Files so far that are no audio, and links to what is listed elsewhere."""

    def __iter__(self) -> Iterator[LocalAsset]:
        # Bytes, since names need not be text; a stack of names, since 100,000 DirEntry objects take tens of megabytes.
        stack = [(b"", self._names(b""))]
        while stack:
            folder, names = stack[-1]
            if not names:
                stack.pop()
                continue
            name = folder + names.pop()
            try:
                status = os.lstat(self._prefix + name)
                if stat.S_ISDIR(status.st_mode):
                    stack.append((name + b"/", self._names(name + b"/")))
                elif self._is_audio(name, status.st_mode) and (file_key := self._file_key(name)) is not None:
                    asset = Asset(asset_id(file_key), file_key, _format(file_key), PROVIDER)
                    yield LocalAsset(asset, _time(status.st_mtime), status.st_size)
            except FileNotFoundError:
                pass  # removed since its folder was read
            except OSError as error:
                self._report(_printable(name), f"it cannot be read: {error.strerror}")

    def _names(self, folder: bytes) -> list[bytes]:
        """Last one first, to be popped."""
        try:
            with os.scandir(self._prefix + folder) as entries:
                return sorted((entry.name for entry in entries if not entry.name.startswith(b".")), reverse=True)
        except OSError as error:
            self._report(_printable(folder.rstrip(b"/")), f"the folder cannot be read: {error.strerror}")
            return []

    def _is_audio(self, name: bytes, mode: int) -> bool:
        if stat.S_ISLNK(mode):
            self._look_at_link(name)
            return False
        if not stat.S_ISREG(mode):
            self._report(_printable(name), "it is no regular file")
            return False
        if _extension(name) in AUDIO_EXTENSIONS or self._looks_like_audio(_first_bytes(self._prefix + name)):
            return True
        self.ignored += 1
        return False

    def _look_at_link(self, name: bytes) -> None:
        try:
            target = Path(os.fsdecode(self._prefix + name)).resolve(strict=True)
        except (OSError, RuntimeError):  # RuntimeError: a loop, before Python 3.13
            self._report(_printable(name), "it is a symbolic link that leads nowhere")
            return
        if target.is_relative_to(self._root):
            self.ignored += 1
        else:
            self._report(_printable(name), "it is a symbolic link that leads out of the folder")

    def _file_key(self, name: bytes) -> str | None:
        try:
            file_key = name.decode("utf-8")
        except UnicodeDecodeError:
            self._report(_printable(name), "its name is no UTF-8")
            return None
        if len(file_key) > FILE_KEY_LENGTH:
            self._report(file_key, f"its path has {len(file_key)} characters, at most {FILE_KEY_LENGTH} fit")
            return None
        return file_key


def asset_id(file_key: str) -> str:
    """A short hash of the path: the same for the same path on every machine, and free of what the path may hold."""
    # 80 bits: among a million files two share one with a probability of 4e-13.
    return hashlib.sha256(file_key.encode()).hexdigest()[:20]


def _format(file_key: str) -> str | None:
    extension = _extension(file_key.encode())
    return extension if 0 < len(extension) <= FORMAT_LENGTH and extension.isalnum() else None


def _extension(name: bytes) -> str:
    _, dot, extension = name.rpartition(b"/")[2].rpartition(b".")
    return extension.decode("utf-8", "replace").lower() if dot else ""


def _first_bytes(path: bytes) -> bytes:
    # It was a regular file a moment ago; should it be a link or a FIFO by now, this neither follows nor waits.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(descriptor, FIRST_BYTES)
    finally:
        os.close(descriptor)


def _time(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return NEVER


def _printable(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace") or "."
