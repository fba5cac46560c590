"""How far a run has come, in a file that outlives it, whenever and however it ends."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from audiodup.errors import Unusable


@dataclass(frozen=True, slots=True)
class Progress:
    """Up to where all is confirmed, and what was being published then."""

    name: str
    """Of the input, for people."""
    last: str = ""
    """The last id that is confirmed."""
    confirmed: int = 0
    in_hand: tuple[str, ...] = ()
    """The ids behind it that may be QUEUED and not published."""


class Checkpoint:
    """The file of one input and one store.

    Args:
        folder: where the files are.
        bound_to: whatever else must be the same when it is gone on with.
    """

    def __init__(self, folder: Path, bound_to: Sequence[str]) -> None:
        self._folder = folder
        digest = hashlib.sha256("\0".join(bound_to).encode()).hexdigest()
        self._file = folder / f"backfill-{digest[:16]}.json"

    def load(self) -> Progress | None:
        """What was saved last; None where nothing was.

        Raises:
            Unusable: it cannot be read.
        """
        return _read(self._file) if self._file.exists() else None

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """By this run alone, of this machine; the kernel lets go of it for whoever is killed.

        Args:
            name: of the input, for people.

        Raises:
            Unusable: another run has it, or it cannot be written.
        """
        path = self._file.with_suffix(".lock")
        with self._written():
            self._folder.mkdir(parents=True, exist_ok=True)
            file = path.open("w")
        with file:
            with self._written():
                mine = _locked(file.fileno(), path)
            if not mine:
                raise Unusable(
                    f"{name} is being backfilled by another run: "
                    "let it end, or stop it (Ctrl-C) and go on with --resume"
                )
            try:
                yield
            finally:
                path.unlink(missing_ok=True)

    def save(self, progress: Progress) -> None:
        """Whole or not at all, and still there after the power was cut.

        Raises:
            Unusable: it cannot be written.
        """
        new = self._file.with_suffix(".new")
        with self._written():
            self._folder.mkdir(parents=True, exist_ok=True)
            with new.open("w", encoding="utf-8") as file:
                json.dump(asdict(progress), file)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._file)
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def remove(self) -> None:
        """There is nothing to go on with."""
        self._file.unlink(missing_ok=True)

    def others(self) -> list[Progress]:
        """Those of other inputs, as far as they can be read."""
        found = []
        for file in sorted(set(self._folder.glob("backfill-*.json")) - {self._file}):
            with suppress(Unusable):
                found.append(_read(file))
        return found

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Unusable(f"the checkpoint {self._file} cannot be written: {error.strerror}") from error


def _locked(descriptor: int, path: Path) -> bool:
    """Whether nobody else has it, and it is still what stands at the path: who ends takes it away."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except (BlockingIOError, FileNotFoundError):
        return False


def _read(file: Path) -> Progress:
    try:
        fields = json.loads(file.read_text(encoding="utf-8"))
        return Progress(
            str(fields["name"]), str(fields["last"]), int(fields["confirmed"]), tuple(map(str, fields["in_hand"]))
        )
    except OSError as error:
        raise Unusable(f"the checkpoint {file} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Unusable(f"{file} is no checkpoint: remove it and run without --resume") from error
