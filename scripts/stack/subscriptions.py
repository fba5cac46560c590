"""Topics and subscriptions in the emulator, as infra/pubsub.json has them; and a look at the dead letters."""

from __future__ import annotations

import contextlib
import json
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
from google.api_core.exceptions import AlreadyExists
from google.pubsub_v1 import PublisherClient, ReceivedMessage, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from google.pubsub_v1.types import DeadLetterPolicy, PubsubMessage, PushConfig, RetryPolicy, Subscription

from .emulator import Emulator

PUBSUB_FILE = Path(__file__).resolve().parents[2] / "infra" / "pubsub.json"
_CALL_SECONDS = 30
# The emulator refuses more (production keeps dead letters longer).
_LONGEST_RETENTION = 604_800


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message of the dead-letter topic."""

    message_id: str
    data: bytes
    attributes: Mapping[str, str]


class Topology:
    """The system's topics and subscriptions in one emulator."""

    def __init__(self, emulator: Emulator, profile: str = "local", file: Path = PUBSUB_FILE) -> None:
        plan = json.loads(file.read_text())
        self._topics: dict[str, str] = plan["topics"]
        self._subscriptions: dict[str, str] = plan["subscriptions"]
        self.limits: dict[str, int] = plan[profile]
        """Attempts, back-off, deadline and retention; change before `create` for tests that cannot wait."""
        self._emulator = emulator
        self.address = emulator.address
        self._channel = _channel(emulator.address)
        self._publisher = PublisherClient(transport=PublisherGrpcTransport(channel=self._channel))
        self._subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=self._channel))

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def create(self, *, fingerprint_url: str | None = None, dead_letter_url: str | None = None) -> None:
        """Make both topics and the three subscriptions; what is there already only gets its push URL.

        Without a URL the emulator does not push: `pusher` does.
        """
        for name in self._topics:
            with contextlib.suppress(AlreadyExists):
                self._publisher.create_topic(name=self.topic(name), timeout=_CALL_SECONDS)
        limits = self.limits
        deadline = limits["ack_deadline_seconds"]
        retention = {
            "request": _retention(limits["message_retention_seconds"]),
            "dead_letter": _retention(limits["dead_letter_retention_seconds"]),
        }
        retry = RetryPolicy(
            minimum_backoff=timedelta(seconds=limits["minimum_backoff_seconds"]),
            maximum_backoff=timedelta(seconds=limits["maximum_backoff_seconds"]),
        )
        self._subscribe(
            "request_push",
            "request",
            fingerprint_url,
            ack_deadline_seconds=deadline,
            message_retention_duration=retention["request"],
            retry_policy=retry,
            dead_letter_policy=DeadLetterPolicy(
                dead_letter_topic=self.topic("dead_letter"), max_delivery_attempts=limits["max_delivery_attempts"]
            ),
        )
        self._subscribe(
            "dead_letter_push",
            "dead_letter",
            dead_letter_url,
            ack_deadline_seconds=deadline,
            message_retention_duration=retention["dead_letter"],
            retry_policy=retry,
        )
        self._subscribe(
            "dead_letter_pull",
            "dead_letter",
            None,
            ack_deadline_seconds=deadline,
            message_retention_duration=retention["dead_letter"],
        )

    def topic(self, name: str) -> str:
        """Full name of the topic that infra/pubsub.json calls `name`."""
        return f"projects/{self._emulator.project}/topics/{self._topics[name]}"

    def subscription(self, name: str) -> str:
        """Full name of the subscription that infra/pubsub.json calls `name`."""
        return f"projects/{self._emulator.project}/subscriptions/{self._subscriptions[name]}"

    def publish(self, data: bytes, attributes: Mapping[str, str] | None = None, topic: str = "request") -> str:
        """Publish one message; its id."""
        message = PubsubMessage(data=data, attributes=dict(attributes or {}))
        answer = self._publisher.publish(topic=self.topic(topic), messages=[message], timeout=_CALL_SECONDS)
        return answer.message_ids[0]

    def dead_letters(self, *, acknowledge: bool = False, quiet_seconds: float = 1) -> list[DeadLetter]:
        """What waits in the dead-letter pull subscription: read until nothing comes for `quiet_seconds`.

        The emulator counts nothing (there is no Monitoring), so counting is reading. Unless they are acknowledged the
        messages are put back.
        """
        name = self.subscription("dead_letter_pull")
        found: dict[str, ReceivedMessage] = {}
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < quiet_seconds:
            with warnings.catch_warnings():
                # Deprecated since it may miss some, hence the loop; a pull that waits would have to be cancelled.
                warnings.simplefilter("ignore", DeprecationWarning)
                answer = self._subscriber.pull(
                    subscription=name, max_messages=1000, return_immediately=True, timeout=_CALL_SECONDS
                )
            for received in answer.received_messages:
                if received.message.message_id not in found:
                    quiet_since = time.monotonic()
                found[received.message.message_id] = received
            if not answer.received_messages:
                time.sleep(0.05)
        ids = [received.ack_id for received in found.values()]
        if ids and acknowledge:
            self._subscriber.acknowledge(subscription=name, ack_ids=ids, timeout=_CALL_SECONDS)
        elif ids:
            self._subscriber.modify_ack_deadline(
                subscription=name, ack_ids=ids, ack_deadline_seconds=0, timeout=_CALL_SECONDS
            )
        return [
            DeadLetter(received.message.message_id, received.message.data, dict(received.message.attributes))
            for received in found.values()
        ]

    def _subscribe(self, name: str, topic: str, push_url: str | None, **parts: Any) -> None:
        path = self.subscription(name)
        push = PushConfig(push_endpoint=push_url) if push_url else PushConfig()
        wanted = Subscription(name=path, topic=self.topic(topic), push_config=push, **parts)
        try:
            self._subscriber.create_subscription(wanted, timeout=_CALL_SECONDS)
        except AlreadyExists:
            self._subscriber.modify_push_config(subscription=path, push_config=push, timeout=_CALL_SECONDS)


def subscriber(address: str) -> SubscriberClient:
    """A client of the emulator at host:port."""
    return SubscriberClient(transport=SubscriberGrpcTransport(channel=_channel(address)))


def _channel(address: str) -> grpc.Channel:
    # Given explicitly, since PUBSUB_EMULATOR_HOST would have to be set in this process.
    return grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)])


def _retention(seconds: int) -> timedelta:
    return timedelta(seconds=min(seconds, _LONGEST_RETENTION))
