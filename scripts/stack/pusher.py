"""Delivers the emulator's messages to the functions, as Pub/Sub's push does: many at once, 2xx acknowledges.

The emulator's own push (0.8.20) delivers one message of a subscription at a time, which leaves a core idle, and where
two messages fail in the same millisecond its retries end for good: it notes both under one time, nacks one of them
twice, and the task that nacks dies of the second. So its subscriptions are pulled here, and what fails is nacked, which
is noted once; attempts, back-off and dead letters remain the emulator's.

It writes one line of JSON a delivery to its log.
"""

from __future__ import annotations

import base64
import itertools
import json
import signal
import sys
import threading
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import requests
from google.api_core.exceptions import GoogleAPICallError
from google.pubsub_v1 import ReceivedMessage, SubscriberClient
from urllib3.exceptions import NewConnectionError

from .processes import Processes, Running
from .subscriptions import subscriber

# What Pub/Sub takes for an acknowledgement.
ACKNOWLEDGED = frozenset({102, 200, 201, 202, 204})
POLL_SECONDS = 0.05
CALL_SECONDS = 10
# So long a request waits for an instance to start, as Cloud Run lets it.
# https://cloud.google.com/run/docs/about-instance-autoscaling
HOLD_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Push:
    """One subscription and where its messages go."""

    subscription: str
    urls: Sequence[str]
    """The instances that share its messages."""
    concurrency: int
    """Requests at once; Pub/Sub itself goes up slowly to what the endpoint bears."""
    seconds: int
    """The acknowledgement deadline, which is also the request's limit."""


def start_pusher(processes: Processes, address: str, pushes: list[Push]) -> Running:
    """Start delivering, in a process of its own."""
    file = processes.folder / "pusher.json"
    file.write_text(json.dumps({"address": address, "pushes": [asdict(push) for push in pushes]}))
    return processes.start(
        "pusher", [sys.executable, "-m", "stack.pusher", str(file.resolve())], cwd=Path(__file__).resolve().parents[1]
    )


class _Deliverer:
    """One subscription's loop."""

    def __init__(self, client: SubscriberClient, push: Push, stop: threading.Event) -> None:
        self._client, self._push, self._stop = client, push, stop
        self._free = threading.Semaphore(push.concurrency)
        self._urls = itertools.cycle(push.urls)
        self._local = threading.local()

    def run(self) -> None:
        """Pull and push until `stop`."""
        with ThreadPoolExecutor(self._push.concurrency) as pool:
            while not self._stop.is_set():
                messages = self._pull()
                for message in messages:
                    pool.submit(self._deliver, message)
                if not messages:
                    time.sleep(POLL_SECONDS)

    def _pull(self) -> list[ReceivedMessage]:
        """As many messages as there are free places (wait for some of them), each with its place taken."""
        # A quarter of the places at least, so that a busy function costs a pull for some messages and not for each.
        places = 0
        while places < self._push.concurrency and self._free.acquire(blocking=places < self._push.concurrency // 4):
            places += 1
        messages: list[ReceivedMessage] = []
        try:
            with warnings.catch_warnings():
                # Deprecated since it may miss some; it is asked again at once.
                warnings.simplefilter("ignore", DeprecationWarning)
                answer = self._client.pull(
                    subscription=self._push.subscription,
                    max_messages=places,
                    return_immediately=True,
                    timeout=CALL_SECONDS,
                )
            messages = list(answer.received_messages)
        except GoogleAPICallError as error:
            _write(f"pull: {error}")
            time.sleep(1)
        if unused := places - len(messages):
            self._free.release(unused)
        return messages

    def _deliver(self, received: ReceivedMessage) -> None:
        began = time.monotonic()
        status = None
        try:
            status = self._post(received)
            self._settle(received.ack_id, acknowledged=status in ACKNOWLEDGED)
        except GoogleAPICallError as error:
            # It stays delivered until its deadline, and comes again then.
            _write(f"settle: {error}")
            status = None
        finally:
            self._free.release()
            self._note(received, status, time.monotonic() - began)

    def _post(self, received: ReceivedMessage) -> int | None:
        """The status of the answer; None where there was none."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.trust_env = False
        envelope, end = self._envelope(received), time.monotonic() + HOLD_SECONDS
        while True:
            try:
                return session.post(next(self._urls), json=envelope, timeout=self._push.seconds).status_code
            except requests.RequestException as error:
                if not _refused(error) or time.monotonic() > end or self._stop.is_set():
                    _write(f"push: {type(error).__name__}")
                    return None
                time.sleep(POLL_SECONDS)

    def _note(self, received: ReceivedMessage, status: int | None, seconds: float) -> None:
        line = {
            "time": time.time(),
            "seconds": round(seconds, 3),
            "subscription": self._push.subscription.rpartition("/")[2],
            "message_id": received.message.message_id,
            "attempt": received.delivery_attempt,
            "status": status,
            "data": received.message.data.decode(errors="replace"),
        }
        _write(json.dumps(line))

    def _envelope(self, received: ReceivedMessage) -> dict[str, Any]:
        """https://cloud.google.com/pubsub/docs/push#receive_push"""
        message = received.message
        return {
            "message": {
                "data": base64.b64encode(message.data).decode(),
                "attributes": dict(message.attributes),
                "messageId": message.message_id,
                "message_id": message.message_id,
            },
            "subscription": self._push.subscription,
            "deliveryAttempt": received.delivery_attempt,
        }

    def _settle(self, ack_id: str, *, acknowledged: bool) -> None:
        name = self._push.subscription
        if acknowledged:
            self._client.acknowledge(subscription=name, ack_ids=[ack_id], timeout=CALL_SECONDS)
        else:
            self._client.modify_ack_deadline(
                subscription=name, ack_ids=[ack_id], ack_deadline_seconds=0, timeout=CALL_SECONDS
            )


def _write(line: str) -> None:
    """To the log, as one write: `print` makes two, and the lines of many threads would run into each other."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _refused(error: requests.RequestException) -> bool:
    """Whether nobody listened there: nothing was sent."""
    return isinstance(getattr(next(iter(error.args), None), "reason", None), NewConnectionError)


def main(file: str) -> None:
    """Deliver what the file says until SIGTERM."""
    plan = json.loads(Path(file).read_text())
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    client = subscriber(plan["address"])
    threads = [
        threading.Thread(target=_Deliverer(client, Push(**push), stop).run, daemon=True) for push in plan["pushes"]
    ]
    for thread in threads:
        thread.start()
    stop.wait()


if __name__ == "__main__":
    main(sys.argv[1])
