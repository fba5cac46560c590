"""What the pusher delivered, read from its log as it grows: the record that the audit holds the store to."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from audiodup.errors import Malformed
from audiodup.messages import FingerprintRequest, decode_request
from stack.pusher import ACKNOWLEDGED


@dataclass(slots=True)
class Message:
    """One message and how its deliveries ended."""

    data: bytes
    request: FingerprintRequest | None
    """None where it cannot be read."""
    statuses: list[int | None] = field(default_factory=list)
    """None: no answer, or none that Pub/Sub heard."""

    @property
    def acknowledged(self) -> bool:
        return any(status in ACKNOWLEDGED for status in self.statuses)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of a request."""

    ended: float
    """By time.time()."""
    status: int | None


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

    @property
    def count(self) -> int:
        """How many there were on both subscriptions."""
        return len(self.attempts) + sum(len(letter.statuses) for letter in self.letters)

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

    def _take(self, line: dict[str, Any]) -> None:
        data = line["data"].encode()
        key = (line["subscription"], line["message_id"], data)
        message = self._messages.get(key)
        if message is None:
            message = self._messages[key] = Message(data, _request(data))
            (self.requests if line["subscription"] == self._request else self.letters).append(message)
        message.statuses.append(line["status"])
        if line["subscription"] != self._request:
            return
        self.attempts.append(Delivery(line["time"], line["status"]))
        if message.request is not None:
            asset_id = message.request.asset.asset_id
            self.first.setdefault(asset_id, message.request)
            if line["status"] in ACKNOWLEDGED:
                self.answered[asset_id] += 1
                at = message.request.requested_at
                self.newest[asset_id] = max(at, self.newest.get(asset_id, at))


def _request(data: bytes) -> FingerprintRequest | None:
    try:
        return decode_request(data)
    except Malformed:
        return None
