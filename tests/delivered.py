"""The pusher's log, written by hand, for tests of what the fault campaign reads from it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from audiodup.messages import FingerprintRequest
from audiodup.model import Asset
from campaign.audit import Key
from campaign.deliveries import Deliveries

ASKED = datetime(2026, 11, 1, tzinfo=UTC)
ENDED = 1000.0
"""When deliveries end, unless told; they take 2 s."""


def request(key: Key, *, later: int = 0) -> bytes:
    """A message about a file."""
    return FingerprintRequest(Asset(*key, "wav", "local"), ASKED + timedelta(seconds=later)).encode()


class Log:
    """What was delivered; the tests say how each delivery ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch()

    def write(
        self, message_id: str, data: bytes, *statuses: int | None, subscription: str = "requests", at: float = ENDED
    ) -> Log:
        with self._path.open("a") as file:
            for status in statuses:
                line = {"subscription": subscription, "message_id": message_id, "data": data.decode()}
                file.write(json.dumps({**line, "status": status, "time": at, "seconds": 2.0}) + "\n")
        return self

    def letter(self, message_id: str, data: bytes) -> Log:
        return self.write(message_id, data, 204, subscription="letters")

    def deliveries(self) -> Deliveries:
        deliveries = Deliveries(self._path, request="requests", dead_letter="letters")
        deliveries.read()
        return deliveries
