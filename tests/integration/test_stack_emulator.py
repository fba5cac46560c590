"""The Pub/Sub emulator: push, retry with back-off, dead letter; and what is said where it is missing."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.parts import require_emulator

from audiodup.messages import DELIVERY_COUNT, decode_push
from stack import emulator as emulator_module
from stack.emulator import Emulator, find_emulator, start_emulator
from stack.processes import HOST, Processes, StackError
from stack.subscriptions import PUBSUB_FILE, Topology


@dataclass
class Inbox:
    """A push endpoint that answers each message with the next of its statuses, the last one for ever."""

    statuses: list[int]
    deliveries: list[tuple[float, str, bytes, dict[str, str]]] = field(default_factory=list)

    def times(self, message_id: str) -> list[float]:
        return [when for when, found, _, _ in self.deliveries if found == message_id]

    def serve(self) -> ThreadingHTTPServer:
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                message = decode_push(body)
                status = inbox.statuses[min(len(inbox.times(message.message_id)), len(inbox.statuses) - 1)]
                entry = (time.monotonic(), message.message_id, message.data, dict(message.attributes))
                inbox.deliveries.append(entry)
                self.send_response(status)
                if status != 204:
                    self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer((HOST, 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return server


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    require_emulator()
    with Processes(tmp_path_factory.mktemp("stack")) as processes:
        yield start_emulator(processes)


@dataclass
class Bench:
    topology: Topology
    request: Inbox
    dead: Inbox


@pytest.fixture
def bench(emulator: Emulator, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """The system's topics in a project of the test's own, two push endpoints, and times that a test can wait for."""
    project = "p-" + request.node.name.replace("_", "-")[:50]
    topology = Topology(Emulator(emulator.address, project))
    topology.limits |= {"minimum_backoff_seconds": 1, "maximum_backoff_seconds": 2, "max_delivery_attempts": 5}
    inboxes = Inbox([204]), Inbox([204])
    servers = [inbox.serve() for inbox in inboxes]
    urls = [f"http://{HOST}:{server.server_address[1]}/" for server in servers]
    topology.create(fingerprint_url=urls[0], dead_letter_url=urls[1])
    # Once more: it is idempotent.
    topology.create(fingerprint_url=urls[0], dead_letter_url=urls[1])
    yield Bench(topology, *inboxes)
    topology.close()
    for server in servers:
        server.shutdown()
        server.server_close()


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not so after {seconds} s"
        time.sleep(0.02)


def test_a_message_is_pushed_once_and_204_acknowledges_it(bench: Bench) -> None:
    sent = bench.topology.publish(b"hello \xff", {"name": "value"})
    until(lambda: bench.request.times(sent) != [])
    time.sleep(2.5)  # longer than the back-off: that nothing comes has no event to wait for
    assert [delivery[1:] for delivery in bench.request.deliveries] == [(sent, b"hello \xff", {"name": "value"})]
    assert bench.topology.dead_letters() == []


def test_503_brings_it_again_after_the_back_off(bench: Bench) -> None:
    bench.request.statuses = [503, 503, 204]
    sent = bench.topology.publish(b"again")
    until(lambda: len(bench.request.times(sent)) == 3)
    first, second, third = bench.request.times(sent)
    assert 0.9 <= second - first <= 4
    assert 0.9 <= third - second <= 6


def test_the_last_attempt_ends_in_the_dead_letter_topic(bench: Bench) -> None:
    """It reaches both of its subscriptions, carries its data and attributes, and is pushed no more."""
    bench.request.statuses = [503]
    sent = bench.topology.publish(b"hopeless", {"name": "value"})
    until(lambda: bench.dead.deliveries != [])
    assert len(bench.request.times(sent)) == 5
    _, _, data, attributes = bench.dead.deliveries[0]
    assert (data, attributes["name"]) == (b"hopeless", "value")
    assert attributes[DELIVERY_COUNT] == "5"
    waiting = bench.topology.dead_letters()
    assert [letter.data for letter in waiting] == [b"hopeless"]
    assert [letter.data for letter in bench.topology.dead_letters(acknowledge=True)] == [b"hopeless"]
    assert bench.topology.dead_letters() == []
    assert len(bench.request.times(sent)) == 5


def test_the_local_block_of_the_file_is_taken_as_it_is(emulator: Emulator) -> None:
    topology = Topology(emulator)
    assert topology.limits == json.loads(PUBSUB_FILE.read_text())["local"]
    topology.create(fingerprint_url=f"http://{HOST}:1/", dead_letter_url=f"http://{HOST}:1/")
    topology.close()


def test_a_missing_emulator_is_one_line_that_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emulator_module, "_sdk_roots", lambda: [tmp_path])
    with pytest.raises(StackError, match="install the Google Cloud CLI and its emulator") as caught:
        find_emulator()
    assert "\n" not in str(caught.value)


def test_missing_java_is_said_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jar = tmp_path / "platform/pubsub-emulator/lib/cloud-pubsub-emulator-1-all.jar"
    jar.parent.mkdir(parents=True)
    jar.touch()
    monkeypatch.setattr(emulator_module, "_sdk_roots", lambda: [tmp_path])
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(StackError, match="needs Java"):
        find_emulator()


@pytest.mark.parametrize(
    ("ci", "gcloud", "outcome"),
    [("true", True, pytest.fail.Exception), ("true", False, pytest.skip.Exception), ("", True, pytest.skip.Exception)],
)
def test_where_the_emulator_is_missing_tests_skip_or_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ci: str, gcloud: bool, outcome: type[BaseException]
) -> None:
    if gcloud:
        (tmp_path / "gcloud").touch(mode=0o755)
    monkeypatch.setattr(emulator_module, "_sdk_roots", lambda: [tmp_path])
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="Pub/Sub emulator is missing"):
        require_emulator()
