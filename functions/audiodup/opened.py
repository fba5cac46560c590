"""A file at hand, and the path by which a child process opens it. Both sources hand out this."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from audiodup.model import FileIdentity

OUT_OF_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""The machine's limits, not the file's fault: another try may succeed."""


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """Fulfils steps.AudioFile."""

    descriptor: int
    path: str
    identity: FileIdentity
    milliseconds: Mapping[str, int]


def path_of(descriptor: int) -> str | None:
    """The path that opens the descriptor's very file, unlinked or renamed as it may be; None where there is none.

    It has the same number in a child process that inherits the descriptor (`pass_fds`). macOS has only /dev/fd, which
    shares the offset instead of opening the file anew.
    """
    path = f"/proc/self/fd/{descriptor}"
    return path if Path(path).exists() else None
