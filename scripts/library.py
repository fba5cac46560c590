"""Make AUDIO_ASSET of the embedded store list a folder, and tell which files have changed since."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from audiodup.errors import AudioDupError, InvalidValue
from audiodup.model import NEVER, Asset, FileIdentity, Outcome, Status
from audiodup.wiring import Parts

NOTE = "library"
"""The file in the store's folder that says which folder of audio it shows."""


def shown_folder(database: Path) -> Path | None:
    """The folder of audio that an embedded store shows, whether it is still there or not; None where it shows none."""
    note = database / NOTE
    return Path(note.read_text()) if note.is_file() else None


class FolderLibrary:
    """What is in the folder now.

    A file that was replaced under its name keeps its key: its size or the time it was written give it away. Another
    folder may have the same names, and share the store: there the bytes decide.
    """

    def __init__(self) -> None:
        self._files: dict[str, tuple[int, datetime]] = {}
        self._parts: Parts | None = None
        self._is_other_folder = False
        self._changed: dict[str, bool] = {}
        self.problems: list[Outcome] = []
        """What cannot be taken, each as a FAILED outcome without a row."""
        self.ignored = 0
        """Files that are no audio."""

    def load(self, parts: Parts) -> None:
        """List the folder in AUDIO_ASSET, in place of what was listed there."""
        self._parts = parts
        listing = parts.folder.listing(self._report)

        def assets() -> Iterator[tuple[Asset, datetime]]:
            for local in listing:
                self._files[local.asset.file_key] = (local.size, local.created_at)
                yield local.asset, local.created_at

        parts.store.replace_assets(assets())
        self.ignored = listing.ignored
        if (note := self._note()) is not None:
            self._is_other_folder = note.exists() and note.read_text() != str(parts.folder.root)

    def remember(self) -> None:
        """The store shows this folder now: call it when all of its files were looked at."""
        if self._parts is not None and (note := self._note()) is not None:
            note.write_text(str(self._parts.folder.root))

    def changed(self, asset: Asset, known: FileIdentity | None, requested_at: datetime | None) -> bool:
        """Whether the file is another one than that of its row."""
        if asset.file_key not in self._files or requested_at is None:
            return False
        size, written = self._files[asset.file_key]
        if written > requested_at or (known is not None and size != known.size):
            return True
        if not self._is_other_folder:
            return False
        if asset.file_key not in self._changed:
            self._changed[asset.file_key] = known is None or self._sha256(asset) != known.sha256
        return self._changed[asset.file_key]

    def _sha256(self, asset: Asset) -> str | None:
        if self._parts is None:
            return None
        try:
            with self._parts.folder.open(asset, self._parts.deadline()) as file:
                return file.identity.sha256
        except AudioDupError:
            # Doing it again says why.
            return None

    def _note(self) -> Path | None:
        """Where the store's folder remembers which library it shows."""
        database = self._parts.database if self._parts is not None else None
        return None if database is None else database / NOTE

    def _report(self, path: str, why: str) -> None:
        error = InvalidValue(why)
        self.problems.append(Outcome(Asset("", path), Status.FAILED, NEVER, error=str(error)))
