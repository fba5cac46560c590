"""Reading a pull subscription. What is pulled is hidden from every other reader for the acknowledgement deadline (600 s
in production): acknowledge it, or release it.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from google.api_core.exceptions import DeadlineExceeded, GoogleAPIError, NotFound, PermissionDenied
from google.auth.exceptions import GoogleAuthError
from google.pubsub_v1 import SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from audiodup.errors import Unusable
from audiodup.messages import PushMessage

# Pub/Sub gives no more at once, and takes 512 kB of acknowledgement ids in one call; one of them has some 200 bytes.
AT_ONCE = 1000
_CALL_SECONDS = 30.0


class PubSubSubscriber:
    """One pull subscription; PUBSUB_EMULATOR_HOST points it at an emulator, as Google's client has it.

    Raises:
        Unusable: from everything it does, where Pub/Sub is away or refuses it.
    """

    def __init__(self, *, project: str, subscription: str) -> None:
        self._name = f"projects/{project}/subscriptions/{subscription}"
        with self._told():
            self._client = SubscriberClient(transport=_emulator_transport())

    def pull(self, seconds: float) -> dict[str, PushMessage]:
        """Messages by acknowledgement id; waits so long for the first one. None does not prove that there is none.

        Without waiting (0) it is Pub/Sub that answers; what has waited in vain has perhaps talked to nobody.
        """
        with self._told():
            try:
                with warnings.catch_warnings():
                    # Not to wait is deprecated, since some may be missed: hence the pulls that wait.
                    warnings.simplefilter("ignore", DeprecationWarning)
                    answer = self._client.pull(
                        subscription=self._name,
                        max_messages=AT_ONCE,
                        return_immediately=not seconds,
                        retry=None,
                        timeout=seconds or _CALL_SECONDS,
                    )
            except DeadlineExceeded:
                if not seconds:
                    raise
                return {}
        return {
            received.ack_id: PushMessage(
                received.message.message_id, received.message.data, dict(received.message.attributes)
            )
            for received in answer.received_messages
        }

    def acknowledge(self, ack_ids: list[str]) -> None:
        """These are done with: they do not come again."""
        with self._told():
            for some in _parts(ack_ids):
                self._client.acknowledge(subscription=self._name, ack_ids=some, timeout=_CALL_SECONDS)

    def release(self, ack_ids: list[str]) -> None:
        """The next reader may have these at once."""
        with self._told():
            for some in _parts(ack_ids):
                self._client.modify_ack_deadline(
                    subscription=self._name, ack_ids=some, ack_deadline_seconds=0, timeout=_CALL_SECONDS
                )

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except NotFound as error:
            raise Unusable(f"{self._name} is not there: check GOOGLE_CLOUD_PROJECT, or apply infra/") from error
        except PermissionDenied as error:
            raise Unusable(
                f"{self._name} may not be read: that takes roles/pubsub.subscriber, which `operators` of infra/ have"
            ) from error
        except GoogleAuthError as error:
            raise Unusable(f"{self._name} takes a sign-in to Google: {_words(error)}") from error
        except GoogleAPIError as error:
            raise Unusable(f"{self._name} is out of reach, try again later: {_words(error)}") from error


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _emulator_transport() -> SubscriberGrpcTransport | None:
    """Google's client takes messages of any size from Pub/Sub, and none above 4 MB from an emulator: there the pull of
    one that is larger would fail, and hide all that were pulled with it.
    """
    address = os.environ.get("PUBSUB_EMULATOR_HOST")
    if not address:
        return None
    channel = grpc.insecure_channel(address, options=[("grpc.max_receive_message_length", -1)])
    return SubscriberGrpcTransport(channel=channel)


def _parts(ack_ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ack_ids), AT_ONCE):
        yield ack_ids[start : start + AT_ONCE]
