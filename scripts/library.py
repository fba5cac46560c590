"""Make AUDIO_ASSET of the embedded store list a folder, and tell which files have changed since."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from audiodup.errors import InvalidValue
from audiodup.model import NEVER, Asset, Outcome, Status
from audiodup.wiring import Parts


class FolderLibrary:
    """What is in the folder now.

    A file that was replaced under its name keeps its key; its size gives it away (two folders may also share one
    store, and names).
    """

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}
        self.problems: list[Outcome] = []
        """What cannot be taken, each as a FAILED outcome without a row."""
        self.ignored = 0
        """Files that are no audio."""

    def load(self, parts: Parts) -> None:
        """List the folder in AUDIO_ASSET, in place of what was listed there."""
        listing = parts.folder.listing(self._report)

        def assets() -> Iterator[tuple[Asset, datetime]]:
            for local in listing:
                self._sizes[local.asset.file_key] = local.size
                yield local.asset, local.created_at

        parts.store.replace_assets(assets())
        self.ignored = listing.ignored

    def changed(self, file_key: str, known_size: int | None) -> bool:
        """Whether the file is another one than that of its row."""
        return known_size is not None and self._sizes.get(file_key, known_size) != known_size

    def _report(self, path: str, why: str) -> None:
        error = InvalidValue(why)
        self.problems.append(Outcome(Asset("", path), Status.FAILED, NEVER, error=str(error)))
