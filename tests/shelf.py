"""A library of made fingerprints in a store, for tests of what is matched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from audiodup.compressed import encode
from audiodup.frames import FRAME_SECONDS
from audiodup.model import Asset, AudioProperties, FileIdentity, Fingerprint, Outcome, SlowFingerprint, Status
from audiodup.store import Store
from tests.frames import Items

UPLOADED = datetime(2026, 1, 1, tzinfo=UTC)


class Shelf:
    """Files that are put into the store, and listed in AUDIO_ASSET as long as they are not taken away."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._listed: dict[str, Asset] = {}
        self._waiting: list[Outcome] | None = None

    def put(
        self,
        name: str,
        items: Items | None,
        *,
        duration: float | None = None,
        algorithm: int = 1,
        seconds: int = 120,
        status: Status = Status.SUCCESS,
        error: str | None = None,
        slow: Items | None = None,
        sha256: str | None = None,
        etag: str | None = None,
        **properties: Any,
    ) -> None:
        """Add a file, or another version of it."""
        asset = Asset(name, f"{name}.mp3")
        self._listed[name] = asset
        length = duration if duration is not None or items is None else (len(items) + 20) * FRAME_SECONDS
        outcome = Outcome(
            asset,
            status,
            self._store.clock(),
            error=error,
            fingerprint=None
            if items is None
            else Fingerprint(encode(items, algorithm), length, algorithm, seconds, "1.5.1"),
            slow=None if slow is None else SlowFingerprint(encode(slow, algorithm), 0.125, duration or 1.0),
            identity=FileIdentity(1000, sha256, etag),
            properties=AudioProperties(**{"codec": "mp3", "channels": 1, "sample_rate": 44100, **properties}),
        )
        if self._waiting is not None:
            self._waiting.append(outcome)
            return
        self._store.append([outcome])
        self.show()

    @contextmanager
    def at_once(self) -> Iterator[Shelf]:
        """Within: files are collected, and put into the store together at the end."""
        self._waiting = []
        yield self
        self._store.append(self._waiting)
        self._waiting = None
        self.show()

    def take_away(self, name: str) -> None:
        """The file leaves the library; its row stays."""
        del self._listed[name]
        self.show()

    def show(self) -> None:
        """Merge, and list what there is."""
        self._store.merge()
        self._store.replace_assets((asset, UPLOADED) for asset in self._listed.values())
