"""The error tree. The kind of an error says who tries again, its code is what a row stores.

AudioDupError
├── Permanent    the same file gives the same error: a FAILED row, acknowledged; comes back only when asked for
├── Transient    another try may succeed: 503, Pub/Sub comes again with back-off, after the last try a dead letter
├── Malformed    the message itself is wrong: to the dead-letter topic with its reason, acknowledged
└── Unusable     a script or a service cannot start or go on: the person who runs it has to act
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar


class AudioDupError(Exception):
    """Base of all. `str(error)` is `CODE: words`, which is what tables, logs and command lines show."""

    code: ClassVar[str] = "ERROR"
    remedy: ClassVar[str] = ""
    """What a person can do next, for the table in docs/errors.md."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words

    def __str__(self) -> str:
        return f"{self.code}: {self.words}"


class Permanent(AudioDupError):
    """The same file gives the same error."""


class NotFound(Permanent):
    """The provider, or the folder, has no such file."""

    code = "NOT_FOUND"
    remedy = "Check the asset's id and file key with the provider; fingerprint it again when it is there."


class NotAudio(Permanent):
    """The bytes are no known audio container, or hold no audio stream."""

    code = "NOT_AUDIO"
    remedy = "Look at the file: often an error page, a playlist or a picture under an audio name."


class TooShort(Permanent):
    """Less than 0.4 s of audio."""

    code = "TOO_SHORT"
    remedy = "Nothing: under 0.4 s there is too little to tell sounds apart."


class TooLarge(Permanent):
    """More bytes than MAX_FILE_BYTES."""

    code = "TOO_LARGE"
    remedy = "Raise MAX_FILE_BYTES (and the instance's memory) if such files are wanted, then fingerprint them again."


class Corrupt(Permanent):
    """Truncated or damaged: decoding failed, or gave less audio than the container declares."""

    code = "CORRUPT"
    remedy = "Upload the file again."


class ResourceLimit(Permanent):
    """fpcalc or ffmpeg used up the CPU time or memory one file may take."""

    code = "RESOURCE_LIMIT"
    remedy = "Look at the file: a decompression bomb, or raise FPCALC_CPU_SECONDS or FPCALC_MEMORY_BYTES."


class ForbiddenHost(Permanent):
    """A URL names a host, address or scheme that is not allowed."""

    code = "FORBIDDEN_HOST"
    remedy = "If the host is the provider's, add it to `hosts` in PROVIDERS and fingerprint again."


class UnknownProvider(Permanent):
    """The asset's provider is not in PROVIDERS."""

    code = "UNKNOWN_PROVIDER"
    remedy = "Add the provider to PROVIDERS and fingerprint again."


class Refused(Permanent):
    """The provider refuses the request for good (a 4xx not named elsewhere) or answers what nobody can read."""

    code = "REFUSED"
    remedy = (
        "Check the provider's URL and pointer in PROVIDERS, or the local file's permissions; then fingerprint again."
    )


class InvalidValue(Permanent):
    """A value does not fit its column (too long, not finite, not UTF-8) and was stored as NULL; or a folder's entry is
    nothing that can be taken (its name fits no key, it is a link out of the folder, no regular file, unreadable).
    """

    code = "INVALID_VALUE"
    remedy = "The message names the column or the entry: mend it, or leave it out."


class RetriesExhausted(Permanent):
    """Written by dead_letter: every attempt ended in a transient error."""

    code = "RETRIES_EXHAUSTED"
    remedy = "Look for the transient errors in the log, then fingerprint again."


class Transient(AudioDupError):
    """Another try may succeed."""


class ApiUnavailable(Transient):
    """The download API answers 401, 403, 408, 429 or 5xx, or not at all."""

    code = "API_UNAVAILABLE"
    remedy = "Nothing: it is tried again; where it answers 401 or 403, check the provider's secret."


class DownloadFailed(Transient):
    """The file's host answers 5xx, resets, stalls, or the signed URL stays expired."""

    code = "DOWNLOAD_FAILED"
    remedy = "Nothing: it is tried again."


class StoreUnavailable(Transient):
    """The warehouse is away, refuses the session or a statement."""

    code = "STORE_UNAVAILABLE"
    remedy = (
        "Nothing if it passes; else see its words: a full disk, Snowflake's settings, the role's grants, `make schema`."
    )


class Conflict(Transient):
    """Another transaction has changed the same row, or holds its lock: another merge runs."""

    code = "CONFLICT"
    remedy = "Nothing: the other one does the work."


class PublishFailed(Transient):
    """Pub/Sub did not take a message."""

    code = "PUBLISH_FAILED"
    remedy = "Nothing: what was not published waits for its lease and is published again."


class NoRoom(Transient):
    """The files in flight use up FILES_IN_FLIGHT_BYTES, or the disk is full."""

    code = "NO_ROOM"
    remedy = "Nothing: it is tried again. If it is frequent, lower the concurrency or give the instance more memory."


class TimedOut(Transient):
    """A part of the work took longer than its limit."""

    code = "TIMED_OUT"
    remedy = "Nothing: it is tried again. If it is frequent, the instance has too little CPU for its concurrency."


class Interrupted(Transient):
    """The instance is being stopped."""

    code = "INTERRUPTED"
    remedy = "Nothing: it is tried again."


class SecretUnavailable(Transient):
    """A secret could not be read."""

    code = "SECRET_UNAVAILABLE"
    remedy = "Check that the secret has a version and that the service account may read it."


class KeysUnavailable(Transient):
    """The public keys of Identity-Aware Proxy could not be fetched."""

    code = "KEYS_UNAVAILABLE"
    remedy = "Nothing if it passes: load the page again; else see whether the service reaches www.gstatic.com."


class Malformed(AudioDupError):
    """The message is not a FingerprintRequest: no JSON, no asset_id, an unknown version, a key that does not fit."""

    code = "MALFORMED"
    remedy = "Look at the dead letter's `reason` and its sender; it is never republished."


class Unusable(AudioDupError):
    """Settings, tools or the store are not as they must be."""

    code = "UNUSABLE"
    remedy = "Do what the message says."


class SchemaInvalid(Unusable):
    """A table or the view AUDIO_ASSET is missing or has other columns than this version needs."""

    code = "SCHEMA_INVALID"
    remedy = "Run `make schema`; AUDIO_ASSET is your own view: its columns are in docs/schema.md."


class IndexMismatch(Unusable):
    """The index was made otherwise than this version, or a library of this size, needs; keys would not compare."""

    code = "INDEX_MISMATCH"
    remedy = "Run the matcher with `--all`: it makes the index anew and matches every file again."


class StoreInUse(Unusable):
    """Another process has the embedded store open."""

    code = "STORE_IN_USE"
    remedy = "Wait for it to end (stop the review page by Ctrl-C), or give another --database."


class ToolMissing(Unusable):
    """fpcalc or ffmpeg is not installed."""

    code = "TOOL_MISSING"
    remedy = (
        "Install what it names: Debian `libchromaprint-tools` (fpcalc), `ffmpeg`; Homebrew `chromaprint`, `ffmpeg`."
    )


class SettingsInvalid(Unusable):
    """A setting is missing or has no valid value."""

    code = "SETTINGS_INVALID"
    remedy = "The message names the setting; docs/settings.md has them all."


def stored_codes() -> Iterator[type[AudioDupError]]:
    """Every class of the tree that has a code of its own, in the order of this file."""

    def below(cls: type[AudioDupError]) -> Iterator[type[AudioDupError]]:
        for child in cls.__subclasses__():
            if "code" in vars(child):
                yield child
            yield from below(child)

    yield from below(AudioDupError)
