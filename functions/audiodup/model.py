"""What the system speaks of: assets, fingerprints, what a file is made of, outcomes.

Frozen dataclasses, standard library only. Lengths are those of the warehouse's columns: the embedded store does not
check them, Snowflake refuses a longer text.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

ASSET_ID_LENGTH = 50
FILE_KEY_LENGTH = 500
FORMAT_LENGTH = 10

# Rows of the original system have no request: they count as older than everything.
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Status(StrEnum):
    """PROCESSING_STATUS of a row."""

    QUEUED = "QUEUED"
    SUCCESS = "SUCCESS"
    # fpcalc refuses it as too short, and only the slow fingerprint exists; written once short sounds are matched.
    SHORT = "SHORT"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of one asset, as AUDIO_ASSET lists it."""

    asset_id: str
    file_key: str
    format: str | None = None
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A Chromaprint fingerprint and the settings that made it; fingerprints of other settings do not compare."""

    text: str
    """Chromaprint's compressed form, base64 (URL alphabet, no padding), readable by every Chromaprint tool."""
    duration: float | None
    """Seconds, as the container declares or the decoder estimates; None when nobody knows."""
    algorithm: int
    """libchromaprint's number, the one inside `text` (fpcalc's `-algorithm` is this plus one)."""
    seconds: int
    """How much of the file was asked for; 0 is the whole file."""
    fpcalc_version: str


@dataclass(frozen=True, slots=True)
class AudioProperties:
    """What the file's headers say; None where they do not."""

    container: str | None = None
    codec: str | None = None
    lossless: bool | None = None
    channels: int | None = None
    sample_rate: int | None = None
    """Hz."""
    bit_rate: int | None = None
    """Bits per second."""
    pcm_md5: str | None = None
    """MD5 of the samples in the form of FLAC's STREAMINFO, for lossless files that tell it without being decoded."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a look at the headers gives: what is stored of it, and what fpcalc and the completeness rule need."""

    properties: AudioProperties
    demuxer: str
    """FFmpeg's name of the input format, given to fpcalc explicitly."""
    declared_seconds: float | None = None
    """The length the container declares; None where it declares none and every duration is an estimate."""
    missing: str | None = None
    """What the container itself shows to be cut off at the file's end, in words; None where nothing is."""


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """What tells that two downloads are the same bytes."""

    size: int
    """Bytes."""
    sha256: str | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request: one row of the inbox."""

    asset: Asset
    status: Status
    requested_at: datetime
    error: str | None = None
    """`CODE: words` of a FAILED outcome."""
    fingerprint: Fingerprint | None = None
    identity: FileIdentity | None = None
    properties: AudioProperties | None = None
    event_id: str = field(default_factory=lambda: uuid.uuid4().hex)
