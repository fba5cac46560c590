"""Publishing to the real emulator: bounded, confirmed, and told where it fails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from google.cloud.pubsub_v1.types import LimitExceededBehavior
from tests.parts import require_emulator

from audiodup.errors import PublishFailed
from audiodup.messages import REASON, FingerprintRequest, PushMessage, decode_request
from audiodup.model import Asset
from audiodup.publisher import FLOW, PubSubPublisher
from stack.emulator import start_emulator
from stack.processes import Processes
from stack.subscriptions import Topology, subscriber

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def topology(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    require_emulator()
    with Processes(tmp_path_factory.mktemp("stack")) as processes, pytest.MonkeyPatch.context() as patch:
        emulator = start_emulator(processes)
        for name, value in emulator.environment.items():
            patch.setenv(name, value)
        topology = Topology(emulator)
        topology.create()
        yield topology
        topology.close()


def publisher(topology: Topology, request_topic: str | None = None) -> PubSubPublisher:
    _, project, _, topic = topology.topic("request").split("/")
    dead_letters = topology.topic("dead_letter").rpartition("/")[2]
    return PubSubPublisher(
        project=project, request_topic=request_topic or topic, dead_letter_topic=dead_letters, seconds=10
    )


def test_flow_control_blocks() -> None:
    """The library's default is IGNORE: a large tick would hold all of its messages in memory at once."""
    assert FLOW.limit_exceeded_behavior == LimitExceededBehavior.BLOCK
    assert FLOW.message_limit < 2500


def test_more_messages_than_the_bound_are_all_there_when_it_returns(topology: Topology) -> None:
    """Every future is resolved: what is told as published is in the topic."""
    publisher(topology).publish([FingerprintRequest(Asset(str(number), "k"), NOW) for number in range(2500)])
    client = subscriber(topology.address)
    name = topology.subscription("request_push")
    found: set[str] = set()
    for _ in range(200):
        answer = client.pull(subscription=name, max_messages=100, timeout=10)
        found |= {decode_request(received.message.data).asset.asset_id for received in answer.received_messages}
        client.acknowledge(subscription=name, ack_ids=[received.ack_id for received in answer.received_messages])
        if len(found) == 2500:
            break
    assert len(found) == 2500


def test_what_is_not_taken_is_told(topology: Topology) -> None:
    """A topic that is not there."""
    with pytest.raises(PublishFailed, match="no-such-topic is not there: check GOOGLE_CLOUD_PROJECT"):
        publisher(topology, "no-such-topic").publish([FingerprintRequest(Asset("a", "k"), NOW)])


def test_a_topic_out_of_reach_is_told_within_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library itself goes on for ten minutes; and more messages than may wait do not block for ever."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
    away = PubSubPublisher(project="project", request_topic="topic", dead_letter_topic="other", seconds=1)
    with pytest.raises(PublishFailed):
        away.publish([FingerprintRequest(Asset(str(number), "k"), NOW) for number in range(1500)])


def test_a_rejected_message_keeps_its_data_and_says_why(topology: Topology) -> None:
    """With the attributes it had; an empty one is published too, although Pub/Sub takes no empty message."""
    publisher(topology).reject(PushMessage("1", b"junk", {"from": "someone"}), "data is not JSON")
    publisher(topology).reject(PushMessage("2", b"", {}), "data is not JSON")
    letters = topology.dead_letters(acknowledge=True)
    assert sorted((letter.data, dict(letter.attributes)) for letter in letters) == [
        (b"", {REASON: "data is not JSON"}),
        (b"junk", {"from": "someone", REASON: "data is not JSON"}),
    ]
