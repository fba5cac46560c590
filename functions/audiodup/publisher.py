"""Publishing to Pub/Sub: bounded, and confirmed before it returns.

The library's flow control defaults to IGNORE and its futures are easily forgotten; a function loses its CPU once it
has answered, so what is not confirmed by then may never be sent.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout

from google.api_core.exceptions import (
    Aborted,
    DeadlineExceeded,
    GoogleAPIError,
    InternalServerError,
    NotFound,
    ResourceExhausted,
    ServiceUnavailable,
)
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError
from google.cloud import pubsub_v1
from google.cloud.pubsub_v1 import types

from audiodup.errors import PublishFailed, Unusable
from audiodup.messages import REASON, FingerprintRequest, PushMessage

# 100 messages fill a publish request well below its 10 MB; 1,000 waiting ones are some 300 kB.
BATCH = types.BatchSettings(max_messages=100, max_bytes=1_000_000, max_latency=0.02)
FLOW = types.PublishFlowControl(
    message_limit=1000, byte_limit=20_000_000, limit_exceeded_behavior=types.LimitExceededBehavior.BLOCK
)
_RETRIED = (Aborted, DeadlineExceeded, InternalServerError, ResourceExhausted, ServiceUnavailable)


class PubSubPublisher:
    """The `Publisher` port; PUBSUB_EMULATOR_HOST points it at an emulator, as Google's client has it."""

    def __init__(self, *, project: str, request_topic: str, dead_letter_topic: str, seconds: float) -> None:
        try:
            self._client = pubsub_v1.PublisherClient(
                batch_settings=BATCH, publisher_options=types.PublisherOptions(flow_control=FLOW)
            )
        except GoogleAuthError as error:
            words = " ".join(str(error).split())[:300]
            raise Unusable(f"no sign-in to Google, which Pub/Sub needs: {words}") from error
        self._requests = self._client.topic_path(project, request_topic)
        self._dead_letters = self._client.topic_path(project, dead_letter_topic)
        self._seconds = seconds
        # The library's own retry goes on for ten minutes, longer than anyone waits for the answer.
        self._retry = Retry(predicate=if_exception_type(*_RETRIED), initial=0.1, maximum=5, timeout=seconds)

    def publish(self, requests: Sequence[FingerprintRequest]) -> None:
        """See the port."""
        self._send(self._requests, ((request.encode(), {}) for request in requests))

    def reject(self, message: PushMessage, reason: str) -> None:
        """See the port. The reason travels as an attribute, next to those the message had."""
        attributes = {**message.attributes, REASON: reason[:1000]}
        # Pub/Sub refuses a message with neither data nor attributes; this one has a reason at least.
        self._send(self._dead_letters, [(message.data, attributes)])

    def _send(self, topic: str, messages: Iterable[tuple[bytes, Mapping[str, str]]]) -> None:
        end = time.monotonic() + self._seconds
        futures: list[Future[str]] = []
        failures: list[Exception] = []
        for data, attributes in messages:
            try:
                futures.append(self._client.publish(topic, data, retry=self._retry, **attributes))
            except (GoogleAPIError, GoogleAuthError) as error:
                failures.append(error)
                break
        for future in futures:
            try:
                future.result(timeout=max(0.0, end - time.monotonic()))
            except (GoogleAPIError, GoogleAuthError, FutureTimeout) as error:
                failures.append(error)
        if failures:
            words = " ".join(str(failures[0]).split())[:200] or type(failures[0]).__name__
            if isinstance(failures[0], NotFound):
                words = f"{topic} is not there: check GOOGLE_CLOUD_PROJECT, or apply infra/"
            raise PublishFailed(f"at least {len(failures)} messages were not taken: {words}")
