"""The system's steps: schedule, fingerprint, record a dead letter. Each reads as the picture in the README.

The ports they need are declared here; no adapter and no SDK is imported.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from audiodup.errors import AudioDupError, InvalidValue, Malformed, Permanent, ResourceLimit, RetriesExhausted, TimedOut
from audiodup.messages import DELIVERY_COUNT, REASON, FingerprintRequest, PushMessage, decode_asset, decode_request
from audiodup.model import NEVER, Asset, FileIdentity, Inspection, Measured, Outcome, Status


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
    def whole(self) -> bool:
        """False: what lies behind the part to be fingerprinted was not fetched, and reads as zeros."""

    def completed(self, deadline: Deadline) -> AudioFile:
        """The same file with all its bytes, where it is not whole.

        Raises:
            Permanent, Transient: see audiodup.errors.
        """

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
    """What turns a file into fingerprints."""

    def inspect(self, file: AudioFile, asset: Asset, deadline: Deadline) -> Inspection:
        """Read the file's headers, before any decoder sees it.

        Raises:
            NotAudio: no known audio container.
            TimedOut: the deadline is over.
        """

    def measure(self, file: AudioFile, inspection: Inspection, deadline: Deadline) -> Measured:
        """Listen to the file: fingerprint it, a short sound slowly too, and see what else its sound tells.

        Raises:
            TooShort: even for a slow fingerprint.
            Permanent, Transient: see audiodup.errors.
        """


class Inbox(Protocol):
    """Where outcomes go."""

    def append(self, outcome: Outcome) -> Outcome:
        """Returns when the outcome is committed, as it was stored: FAILED with INVALID_VALUE where a value did not fit.

        Raises:
            InvalidValue: the warehouse refuses its data.
            Malformed: its key does not fit.
            StoreUnavailable: try again.
        """


class Queue(Protocol):
    """What whoever asks for fingerprints needs of the store."""

    def clock(self) -> datetime: ...

    def append(self, outcomes: Sequence[Outcome]) -> None: ...


class Pending(Queue, Protocol):
    """What the scheduler asks of it besides."""

    def merge(self) -> bool: ...

    def in_flight(self, lease_seconds: int) -> int: ...

    def pending(self, at_most: int, lease_seconds: int) -> list[Asset]: ...

    def unstorable(self) -> int: ...


class Publisher(Protocol):
    """Where requests go."""

    def publish(self, requests: Sequence[FingerprintRequest]) -> None:
        """Returns when Pub/Sub has confirmed every one.

        Raises:
            PublishFailed: some were not taken.
        """

    def reject(self, message: PushMessage, reason: str) -> None:
        """Put a message that cannot be read on the dead-letter topic.

        Raises:
            PublishFailed: it was not taken.
        """


@dataclass(frozen=True, slots=True)
class Scheduled:
    """What one tick did."""

    merged: bool
    """False: another merge runs, and the tick ended there."""
    in_flight: int = 0
    published: int = 0
    unstorable: int = 0
    """Files whose id or key fits no row: the view AUDIO_ASSET has to be mended."""


@dataclass(frozen=True, slots=True)
class Fingerprinted:
    """What became of one request."""

    outcome: Outcome
    milliseconds: dict[str, int] = field(default_factory=dict)
    """By part: api, download, fpcalc (with ffmpeg), store."""


def schedule(store: Pending, publisher: Publisher, *, room: int, lease_seconds: int) -> Scheduled:
    """inbox -> rows; pending assets -> QUEUED -> topic, never more in flight than there is room for."""
    if not store.merge():
        return Scheduled(merged=False)
    done = Scheduled(merged=True, in_flight=store.in_flight(lease_seconds), unstorable=store.unstorable())
    assets = store.pending(max(0, room - done.in_flight), lease_seconds)
    if not assets:
        return done
    request(store, publisher, assets)
    return replace(done, published=len(assets))


def request(store: Queue, publisher: Publisher, assets: Sequence[Asset]) -> datetime:
    """assets -> QUEUED -> topic, with one and the same time in both, which it returns.

    Raises:
        PublishFailed: some were not taken; all are QUEUED.
        StoreUnavailable: nothing is published.
    """
    requested_at = store.clock()
    # Committed before anything is published: what is then not published waits for its lease, nothing circles.
    store.append([Outcome(asset, Status.QUEUED, requested_at) for asset in assets])
    publisher.publish([FingerprintRequest(asset, requested_at) for asset in assets])
    return requested_at


def fingerprint(
    request: FingerprintRequest, source: Source, fingerprinter: Fingerprinter, inbox: Inbox, deadline: Deadline
) -> Fingerprinted:
    """message -> asset -> audio file -> fingerprint -> row.

    What only the slow fingerprint could be made of is SHORT.

    Raises:
        Transient: nothing was stored; another try may succeed.
    """
    asset = request.asset
    identity: FileIdentity | None = None
    measured = Measured()
    error: Permanent | None = None
    milliseconds: dict[str, int] = {}
    began = time.monotonic()
    try:
        with source.open(asset, deadline) as opened:
            file = opened
            while True:
                identity = file.identity
                milliseconds |= file.milliseconds
                started = time.monotonic()
                try:
                    inspection = fingerprinter.inspect(file, asset, deadline)
                    measured = Measured(inspection.properties)
                    measured = fingerprinter.measure(file, inspection, deadline)
                    break
                except Permanent as failure:
                    if file.whole or isinstance(failure, ResourceLimit):
                        raise
                    # What is missing may be to blame.
                    file = file.completed(deadline)
                finally:
                    milliseconds["fpcalc"] = _since(started)
    except Permanent as permanent:
        error = permanent
        if identity is None:
            milliseconds["source"] = _since(began)
    outcome = Outcome(
        asset,
        Status.FAILED if error is not None else Status.SUCCESS if measured.fingerprint else Status.SHORT,
        request.requested_at,
        error=None if error is None else str(error),
        fingerprint=measured.fingerprint,
        slow=measured.slow,
        identity=identity,
        properties=measured.properties,
    )
    started = time.monotonic()
    outcome = _store(outcome, inbox)
    milliseconds["store"] = _since(started)
    return Fingerprinted(outcome, milliseconds)


def fingerprint_message(  # noqa: PLR0913 - its ports, and the message
    message: PushMessage,
    source: Source,
    fingerprinter: Fingerprinter,
    inbox: Inbox,
    publisher: Callable[[], Publisher],
    deadline: Deadline,
) -> Fingerprinted | None:
    """The same for a message; one that cannot be read goes to the dead-letter topic, and None comes back.

    Only then is the publisher asked for: Google's client takes most of a second to import.
    """
    try:
        request = decode_request(message.data)
    except Malformed as malformed:
        publisher().reject(message, malformed.words)
        return None
    return fingerprint(request, source, fingerprinter, inbox, deadline)


def record_dead_letter(message: PushMessage, inbox: Inbox, *, max_delivery_attempts: int) -> Outcome | None:
    """dead letter -> FAILED row; None where the message names no asset, and there is no row to write."""
    error: AudioDupError
    try:
        request = decode_request(message.data)
        asset, requested_at = request.asset, request.requested_at
        # The emulator does not count deliveries; the subscription's own limit is what was used up.
        attempts = message.attributes.get(DELIVERY_COUNT, str(max_delivery_attempts))
        error = RetriesExhausted(f"{attempts} attempts")
    except Malformed as malformed:
        named = decode_asset(message.data)
        if named is None:
            return None
        # Older than everything: it fills the row of an asset that has none, and overrules nothing.
        asset, requested_at = named, NEVER
        error = Malformed(message.attributes.get(REASON, malformed.words))
    return _store(Outcome(asset, Status.FAILED, requested_at, error=str(error)), inbox)


def _store(outcome: Outcome, inbox: Inbox) -> Outcome:
    try:
        return inbox.append(outcome)
    except InvalidValue as refused:
        # Its own data spoil it: what is left is whose it is and why it failed.
        asset = Asset(outcome.asset.asset_id, outcome.asset.file_key)
        return inbox.append(Outcome(asset, Status.FAILED, outcome.requested_at, error=str(refused)))


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
