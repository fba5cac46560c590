"""A file for people: all of it is there, or what was there before."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from cli import Exit, fail


def check_target(option: str, path: Path) -> None:
    """End where no file can be at the path, before anything else is done."""
    if path.exists() and not path.is_file():
        fail(f"{option} {path}: it is there, and no file", Exit.WRONG_USAGE)
    if not path.resolve().parent.is_dir():
        fail(f"{option} {path}: no such folder", Exit.WRONG_USAGE)


@contextmanager
def whole_file(path: Path, *, newline: str | None = None) -> Iterator[TextIO]:
    """Yields a text file; it is at the path when all is written, and what was there stays where that fails."""
    target = path.resolve()
    part = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with part.open("x", newline=newline, encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
