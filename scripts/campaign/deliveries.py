"""What the pusher delivered, read from its log as it grows: the record that the audit holds the store to."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from audiodup.errors import Malformed
from audiodup.messages import FingerprintRequest, decode_request
from audiodup.model import NEVER
from stack.pusher import ACKNOWLEDGED

State = tuple[datetime, bool]
"""When the newest request was made that the store knows of, and whether it has its outcome."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of a message."""

    ended: float
    """By time.time()."""
    seconds: float
    """So long it took."""
    status: int | None
    """None: no answer, or none that Pub/Sub heard."""

    @property
    def began(self) -> float:
        return self.ended - self.seconds

    @property
    def acknowledged(self) -> bool:
        return self.status in ACKNOWLEDGED


@dataclass(slots=True)
class Message:
    """One message and how its deliveries ended."""

    data: bytes
    request: FingerprintRequest | None
    """None where it cannot be read."""
    deliveries: list[Delivery] = field(default_factory=list)

    @property
    def acknowledged(self) -> bool:
        return any(delivery.acknowledged for delivery in self.deliveries)


class Deliveries:
    """All of them so far.

    Args:
        log: the pusher's.
        request, dead_letter: the names of the two subscriptions that it delivers.
    """

    def __init__(self, log: Path, *, request: str, dead_letter: str) -> None:
        self._log, self._request, self._dead_letter = log, request, dead_letter
        self._offset = 0
        # The data too: an emulator that was started again begins to count anew.
        self._messages: dict[tuple[str, str, bytes], Message] = {}
        self.requests: list[Message] = []
        self.letters: list[Message] = []
        """Those of the dead-letter topic."""
        self.attempts: list[Delivery] = []
        """Deliveries of requests, one after the other."""
        self.answered: Counter[str] = Counter()
        """Acknowledged requests by asset id."""
        self.newest: dict[str, datetime] = {}
        """By asset id, when the newest acknowledged request was made."""
        self.first: dict[str, FingerprintRequest] = {}
        """By asset id, the first request that was delivered."""
        self.asked: defaultdict[str, set[datetime]] = defaultdict(set)
        """By asset id, when the requests that were delivered were made."""

    @property
    def count(self) -> int:
        """How many there were on both subscriptions."""
        return len(self.attempts) + sum(len(letter.deliveries) for letter in self.letters)

    def read(self) -> None:
        """Take in what the log has more by now."""
        with self._log.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                if line.startswith(b"{"):
                    self._take(json.loads(line))

    def asked_after(self, seconds: float, *, more_often_than: int) -> list[str]:
        """Asset ids of which so many requests were made such a time after the one before."""
        gap = timedelta(seconds=seconds)
        return [
            asset_id
            for asset_id, times in self.asked.items()
            if len(times) > more_often_than
            and sum(later - earlier >= gap for earlier, later in pairwise(sorted(times))) > more_often_than
        ]

    def lost(self, states: Mapping[str, State]) -> list[str]:
        """Asset ids whose newest acknowledged request has left neither an outcome nor a newer request.

        Args:
            states: of the store, read after the log was.
        """
        return [asset_id for asset_id, at in self.newest.items() if states.get(asset_id, (NEVER, False)) < (at, True)]

    def _take(self, line: dict[str, Any]) -> None:
        data = line["data"].encode()
        key = (line["subscription"], line["message_id"], data)
        message = self._messages.get(key)
        if message is None:
            message = self._messages[key] = Message(data, _request(data))
            (self.requests if line["subscription"] == self._request else self.letters).append(message)
        delivery = Delivery(line["time"], line["seconds"], line["status"])
        message.deliveries.append(delivery)
        if line["subscription"] != self._request:
            return
        self.attempts.append(delivery)
        if message.request is not None:
            asset_id = message.request.asset.asset_id
            at = message.request.requested_at
            self.first.setdefault(asset_id, message.request)
            self.asked[asset_id].add(at)
            if delivery.acknowledged:
                self.answered[asset_id] += 1
                self.newest[asset_id] = max(at, self.newest.get(asset_id, at))


def _request(data: bytes) -> FingerprintRequest | None:
    try:
        return decode_request(data)
    except Malformed:
        return None
