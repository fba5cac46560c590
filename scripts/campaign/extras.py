"""The messages that no tick sends: what comes twice, from an older or a newer request, and what nobody can read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from stack.subscriptions import Topology

from .audit import Key
from .deliveries import Deliveries
from .plan import POISON, Extra, PlannedMessage

_OLDER, _NEWER = timedelta(hours=-1), timedelta(seconds=1)


class Extras:
    """Those of one campaign: what is still to be sent, and what became of the others."""

    def __init__(
        self, planned: Sequence[PlannedMessage], keys: Mapping[str, Key], topology: Topology, deliveries: Deliveries
    ) -> None:
        self._left = list(planned)
        self._keys, self._topology, self._deliveries = keys, topology, deliveries
        self._sent: list[tuple[bytes, PlannedMessage]] = []

    @property
    def published(self) -> Counter[Extra]:
        """How many were sent."""
        return Counter(message.extra for _, message in self._sent)

    @property
    def poison(self) -> dict[bytes, PlannedMessage]:
        """Those sent that nobody can read."""
        return {data: message for data, message in self._sent if message.extra in POISON}

    def publish(self, progress: float) -> None:
        """Send those whose time has come; one about a file that was not asked for yet waits for that."""
        left = []
        for message in self._left:
            data = self._data(message) if message.at <= progress else None
            if data is None:
                left.append(message)
            else:
                self._topology.publish(data)
                self._sent.append((data, message))
        self._left = left

    def publish_again(self) -> None:
        """After Pub/Sub lost its messages: a sender would not have to, for Pub/Sub keeps what it has taken."""
        for data in self._unsettled():
            self._topology.publish(data)

    def done(self) -> bool:
        """Whether all were sent and have come to their end."""
        return not self._left and not self._unsettled()

    def _unsettled(self) -> list[bytes]:
        """Neither acknowledged nor, of poison, a dead letter."""
        attempts = self._topology.limits["max_delivery_attempts"]
        settled = {
            message.data
            for message in self._deliveries.requests
            if message.acknowledged or len(message.deliveries) >= attempts
        }
        letters = {letter.data for letter in self._deliveries.letters if letter.acknowledged}
        return [data for data, sent in self._sent if data not in (letters if sent.extra in POISON else settled)]

    def _data(self, message: PlannedMessage) -> bytes | None:
        asset_id, file_key = self._keys[message.key]
        match message.extra:
            case Extra.NO_JSON:
                return f"poison {file_key}".encode()
            case Extra.NO_ASSET:
                return f'{{"version": 1, "file_key": "{file_key}"}}'.encode()
            case Extra.UNKNOWN_ASSET:
                return f'{{"version": 7, "asset_id": "{unknown(file_key)[0]}", "file_key": "{file_key}"}}'.encode()
            case Extra.KNOWN_ASSET:
                return f'{{"version": 7, "asset_id": "{asset_id}", "file_key": "{file_key}"}}'.encode()
        request = self._deliveries.first.get(asset_id)
        if request is None:
            return None
        shift = {Extra.STALE: _OLDER, Extra.NEWER: _NEWER}.get(message.extra, timedelta(0))
        return replace(request, requested_at=request.requested_at + shift).encode()


def unknown(file_key: str) -> Key:
    """A key that only a message of an unknown version names."""
    return f"unknown {file_key}", file_key
