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
    # fpcalc refuses it as too short: only the slow fingerprint is there.
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
class SlowFingerprint:
    """The Chromaprint fingerprint of a short sound played slowly; it compares with others of the same speed only."""

    text: str
    """Chromaprint's compressed form, as in Fingerprint."""
    speed: float
    """0.125 is three octaves down, and eight times as long."""
    duration: float | None = None
    """Seconds of the sound at its own speed."""


@dataclass(frozen=True, slots=True)
class AudioProperties:
    """What the file's headers say, and what listening adds; None where neither knows."""

    container: str | None = None
    codec: str | None = None
    lossless: bool | None = None
    channels: int | None = None
    sample_rate: int | None = None
    """Hz."""
    bit_rate: int | None = None
    """Bits per second."""
    pcm_md5: str | None = None
    """MD5 of the decoded samples in the form of FLAC's STREAMINFO: of lossless files that tell it without being
    decoded, and of every sound of less than 10 s."""
    bandwidth: float | None = None
    """Hz: up to where there is sound, whatever the sample rate would hold."""
    balance: float | None = None
    """Level of the first channel over that of the second, dB."""


@dataclass(frozen=True, slots=True)
class SampleRange:
    """Where uncompressed samples lie in a file; bytes from its start."""

    start: int
    end: int
    bytes_per_second: int


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
    samples: SampleRange | None = None
    """None where they are compressed."""


@dataclass(frozen=True, slots=True)
class Measured:
    """All that looking at a file and listening to it gives."""

    properties: AudioProperties | None = None
    fingerprint: Fingerprint | None = None
    """None where the sound is too short for it."""
    slow: SlowFingerprint | None = None
    """Of sounds of less than 10 s."""


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
    slow: SlowFingerprint | None = None

    @property
    def duration(self) -> float | None:
        """Seconds; None where nobody knows, and where nothing could be fingerprinted."""
        heard = self.fingerprint or self.slow
        return None if heard is None else heard.duration


class Verdict(StrEnum):
    """What two files are to each other."""

    IDENTICAL = "IDENTICAL"
    SAME_CONTENT = "SAME_CONTENT"
    RELATED = "RELATED"


class Kind(StrEnum):
    """In which way, where they are not equal byte by byte or sample by sample."""

    TRANSCODE = "transcode"
    TRIMMED = "trimmed"
    EXCERPT = "excerpt"
    TEMPO_CHANGED = "tempo-changed"
    SHARED_PART = "shared part"
    EDITED = "edited"
    VERSION_OR_PROCESSING = "version-or-processing"


class Action(StrEnum):
    """What may be done about it; nothing is ever deleted by this system."""

    AUTO_DELETE_CANDIDATE = "AUTO_DELETE_CANDIDATE"
    MANUAL_REVIEW = "MANUAL_REVIEW"
    FLAG_VARIANT = "FLAG_VARIANT"


FileKey = tuple[str, str]
"""Asset id and file key."""


@dataclass(frozen=True, slots=True)
class MatchedRange:
    """One stretch that both files have, in seconds of each."""

    a_start: float
    a_end: float
    b_start: float
    b_end: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is said of two files, A and B, and why."""

    verdict: Verdict
    kind: Kind | None
    action: Action
    similarity: float
    """Share of equal bits over the matched ranges, 0 to 1; 1 where the content is known to be equal."""
    kappa: float
    """The same corrected for chance; 1 where the content is known to be equal."""
    expected_false: float
    """How many rows as good as this one the whole library would have by chance."""
    coverage_a: float
    """Share of A's sound that is in B, 0 to 1."""
    coverage_b: float
    offset_seconds: float
    """position_b = tempo * position_a + offset_seconds, along the longest range."""
    overlap_seconds: float
    """Length of the matched ranges in A, together."""
    tempo: float
    ranges: tuple[MatchedRange, ...]
    evidence: str
    """In words."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A pair of files and what is said of them; A comes before B by asset id, then file key."""

    a: FileKey
    b: FileKey
    judgement: Judgement


class Review(StrEnum):
    """What a person has said of a pair; the newest word counts."""

    DUPLICATE = "DUPLICATE"
    NOT_DUPLICATE = "NOT_DUPLICATE"
    VARIANT = "VARIANT"
    KEEP_OTHER = "KEEP_OTHER"
    """A duplicate, of which the copy that the rule would drop is to be kept."""
    UNDO = "UNDO"


@dataclass(frozen=True, slots=True)
class Group:
    """Copies of one recording."""

    group_id: str
    kept: FileKey
    reason: str
    """Why that copy is to be kept, in words."""
    members: tuple[FileKey, ...]
    """With the kept one; ordered."""


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A file of the library with what verdicts and the choice of the copy to keep go by; None where it is not known."""

    asset_id: str
    file_key: str
    format: str | None = None
    duration: float | None = None
    """Seconds."""
    file_size: int | None = None
    """Bytes."""
    container: str | None = None
    codec: str | None = None
    lossless: bool | None = None
    channels: int | None = None
    sample_rate: int | None = None
    """Hz."""
    bit_rate: int | None = None
    """Bits per second."""
    bandwidth: float | None = None
    """Hz."""
    balance: float | None = None
    """dB."""
    sha256: str | None = None
    etag: str | None = None
    pcm_md5: str | None = None
    created_at: datetime | None = None
    """Of the asset, UTC without a zone."""
    has_slow: bool = False
    """Whether it is short enough to have been fingerprinted at 1/8 speed too."""

    @property
    def key(self) -> FileKey:
        """What its rows go by."""
        return self.asset_id, self.file_key
