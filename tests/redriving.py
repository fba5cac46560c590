"""Files that have FAILED and their dead letters, in a store and in an emulator, for tests of redriving."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.api_core.exceptions import DeadlineExceeded

from audiodup import steps
from audiodup.messages import FingerprintRequest, PushMessage, decode_request
from audiodup.model import NEVER, Asset, Outcome, Status
from audiodup.wiring import Parts
from cli import Exit
from redrive import Job, redrive
from stack.subscriptions import Topology, subscriber

CODE = "RETRIES_EXHAUSTED"


@dataclass
class Bench:
    """A store, topics of the test's own, and what functions would do to both."""

    parts: Parts
    topology: Topology
    moment: datetime
    """When all that has FAILED was requested."""

    def list(self, *assets: Asset) -> None:
        self.parts.store.replace_assets((asset, NEVER) for asset in assets)

    def store(self, *outcomes: Outcome) -> None:
        self.parts.store.append(outcomes)
        assert self.parts.store.merge()

    def fail(self, *assets: Asset) -> None:
        """Every attempt was used up: the letter is there, and dead_letter has written the row."""
        for asset in assets:
            data = FingerprintRequest(asset, self.moment).encode()
            message_id = self.topology.publish(data, {"from": "Pub/Sub"}, topic="dead_letter")
            steps.record_dead_letter(PushMessage(message_id, data, {}), Inbox(self.parts), max_delivery_attempts=10)
        assert self.parts.store.merge()

    def run(self, **wanted: Any) -> Exit:
        given = {"code": None, "asset_ids": None, "limit": None, "max_in_flight": None, "discard": frozenset()}
        job = Job(self.parts, **{**given, "dry_run": False, "json_lines": True, **wanted})
        return redrive(job)

    def published(self) -> list[FingerprintRequest]:
        """What is new in the request topic."""
        client = subscriber(self.topology.address)
        name = self.topology.subscription("request_push")
        found: list[FingerprintRequest] = []
        while True:
            try:
                answer = client.pull(subscription=name, max_messages=1000, timeout=0.3, retry=None)
            except DeadlineExceeded:
                return found
            if not answer.received_messages:
                return found
            assert not any(dict(received.message.attributes) for received in answer.received_messages)
            found += [decode_request(received.message.data) for received in answer.received_messages]
            client.acknowledge(subscription=name, ack_ids=[received.ack_id for received in answer.received_messages])

    def waiting(self) -> list[str]:
        """The file keys of the letters that anybody can have now."""
        letters = self.topology.dead_letters(quiet_seconds=0.2)
        return sorted(decode_request(letter.data).asset.file_key for letter in letters)

    def rows(self) -> dict[str, tuple[Status | None, datetime | None]]:
        self.parts.store.merge()
        return {listed.asset.file_key: (listed.status, listed.requested_at) for listed in self.parts.store.library()}


@dataclass
class Inbox:
    """Without a batch."""

    parts: Parts

    def append(self, outcome: Outcome) -> Outcome:
        self.parts.store.append([outcome])
        return outcome


def assets(count: int) -> list[Asset]:
    return [Asset(f"a{number:04}", f"{number:04}.wav", "wav", "artlist") for number in range(count)]
