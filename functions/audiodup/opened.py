"""A file at hand, and the path by which a child process opens it. Both sources hand out this."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from audiodup.model import FileIdentity
from audiodup.steps import Deadline

OUT_OF_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""The machine's limits, not the file's fault: another try may succeed."""


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """Fulfils steps.AudioFile."""

    descriptor: int
    path: str
    identity: FileIdentity
    milliseconds: Mapping[str, int]
    complete: Callable[[Deadline], OpenedFile] | None = None
    """Fetches all of it; None where all of it is there."""

    @property
    def whole(self) -> bool:
        return self.complete is None

    def completed(self, deadline: Deadline) -> OpenedFile:
        return self if self.complete is None else self.complete(deadline)


def path_of(descriptor: int) -> str | None:
    """The path that opens the descriptor's very file, unlinked or renamed as it may be; None where there is none.

    It has the same number in a child process that inherits the descriptor (`pass_fds`). macOS has only /dev/fd, which
    shares the offset instead of opening the file anew.
    """
    path = f"/proc/self/fd/{descriptor}"
    return path if Path(path).exists() else None
