"""What the container's headers say of a file, or of bytes made into one."""

from __future__ import annotations

from pathlib import Path

from audiodup import container
from audiodup.model import Inspection
from tests.audio import opened


def inspect(path: Path, format: str | None = None) -> Inspection:
    with opened(path) as file:
        return container.inspect(file, format)


def inspect_bytes(folder: Path, data: bytes, format: str | None = None) -> Inspection:
    path = folder / "file"
    path.write_bytes(data)
    return inspect(path, format)
