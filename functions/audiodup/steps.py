"""The system's steps: schedule, fingerprint, record a dead letter. Each reads as the picture in the README.

The ports they need are declared here; no adapter and no SDK is imported.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from audiodup.errors import InvalidValue, Malformed, Permanent, RetriesExhausted, TimedOut
from audiodup.messages import DELIVERY_COUNT, REASON, FingerprintRequest, PushMessage, decode_asset, decode_request
from audiodup.model import NEVER, Asset, AudioProperties, FileIdentity, Fingerprint, Inspection, Outcome, Status


class Deadline:
    """A point in time after which nobody waits for the answer any more."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self, at_most: float = float("inf")) -> float:
        """Seconds left, never more than `at_most`.

        Raises:
            TimedOut: none are left.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimedOut("the request's time is used up")
        return min(left, at_most)


class AudioFile(Protocol):
    """A file at hand, for the length of a `with` block; a seekable, regular file."""

    @property
    def descriptor(self) -> int:
        """Open for reading; its offset belongs to whoever reads."""

    @property
    def path(self) -> str:
        """Absolute path by which a child process that inherits `descriptor` opens the file."""

    @property
    def identity(self) -> FileIdentity: ...

    @property
    def milliseconds(self) -> Mapping[str, int]:
        """What getting it took, by part (api, download)."""


class Source(Protocol):
    """Where audio files come from."""

    def open(self, asset: Asset, deadline: Deadline) -> AbstractContextManager[AudioFile]:
        """Get the asset's file.

        Raises:
            Permanent, Transient: see audiodup.errors.
        """


class Fingerprinter(Protocol):
    """What turns a file into a fingerprint."""

    def inspect(self, file: AudioFile, asset: Asset) -> Inspection:
        """Read the file's headers, before any decoder sees it.

        Raises:
            NotAudio: no known audio container.
        """

    def fingerprint(self, file: AudioFile, inspection: Inspection, deadline: Deadline) -> Fingerprint:
        """Run Chromaprint over the file.

        Raises:
            Permanent, Transient: see audiodup.errors.
        """
