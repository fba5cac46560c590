"""Pub/Sub envelope <-> typed, versioned message.

The envelope is parsed here and not by functions-framework: a `@cloud_event` function loses attributes-only messages
(400), `subscription` and `deliveryAttempt`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from audiodup.errors import Malformed
from audiodup.model import ASSET_ID_LENGTH, FILE_KEY_LENGTH, Asset

VERSION = 1
REASON = "reason"
"""Attribute of a message that the fingerprint function itself put on the dead-letter topic."""
DELIVERY_COUNT = "CloudPubSubDeadLetterSourceDeliveryCount"
"""Attribute that Pub/Sub adds to a forwarded message
(https://cloud.google.com/pubsub/docs/handling-failures#track_delivery_attempts)."""


@dataclass(frozen=True, slots=True)
class FingerprintRequest:
    """Please fingerprint this one file. One message per file; ids were resolved through AUDIO_ASSET."""

    asset: Asset
    requested_at: datetime
    """UTC, microseconds, from the warehouse's clock."""

    def encode(self) -> bytes:
        """The message's data: JSON in UTF-8."""
        return json.dumps(
            {
                "version": VERSION,
                "asset_id": self.asset.asset_id,
                "file_key": self.asset.file_key,
                "format": self.asset.format,
                "provider": self.asset.provider,
                "requested_at": format_time(self.requested_at),
            }
        ).encode()


@dataclass(frozen=True, slots=True)
class PushMessage:
    """What a push subscription delivers."""

    message_id: str
    data: bytes
    attributes: Mapping[str, str]


def format_time(moment: datetime) -> str:
    """ISO 8601 in UTC with six digits, so that texts order as times do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """The inverse of `format_time`; a time without a zone is refused, since nobody knows what it means.

    Raises:
        ValueError: no such time.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    return moment.astimezone(UTC)


def decode_push(body: bytes) -> PushMessage:
    """Read the JSON body of a push request.

    Raises:
        Malformed: it is no Pub/Sub envelope.
    """
    try:
        message = json.loads(body)["message"]
        data = base64.b64decode(message.get("data") or "", validate=True)
        attributes = message.get("attributes") or {}
        message_id = message.get("messageId") or message.get("message_id") or ""
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
        raise Malformed("no Pub/Sub push envelope") from error
    if not isinstance(attributes, dict) or not isinstance(message_id, str):
        raise Malformed("no Pub/Sub push envelope")
    return PushMessage(message_id, data, {str(key): str(value) for key, value in attributes.items()})


def decode_request(data: bytes) -> FingerprintRequest:
    """Read a message's data.

    Raises:
        Malformed: with words that say which part is wrong.
    """
    fields = _json_object(data)
    version = fields.get("version")
    if type(version) is not int or version != VERSION:
        raise Malformed(f"version is {_short(version)}, this code reads {VERSION}")
    asset = _asset(fields)
    try:
        requested_at = parse_time(fields["requested_at"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        words = f"requested_at is {_short(fields.get('requested_at'))}, no ISO 8601 time with a zone"
        raise Malformed(words) from error
    return FingerprintRequest(asset, requested_at)


def decode_asset(data: bytes) -> Asset | None:
    """The asset that a malformed message names, if it does at all."""
    try:
        return _asset(_json_object(data))
    except Malformed:
        return None


def _json_object(data: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Malformed("data is not JSON in UTF-8") from error
    if not isinstance(fields, dict):
        raise Malformed("data is no JSON object")
    return fields


def _asset(fields: Mapping[str, Any]) -> Asset:
    return Asset(
        asset_id=_key(fields, "asset_id", ASSET_ID_LENGTH),
        file_key=_key(fields, "file_key", FILE_KEY_LENGTH),
        format=_optional(fields, "format"),
        provider=_optional(fields, "provider"),
    )


def _key(fields: Mapping[str, Any], name: str, length: int) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise Malformed(f"{name} is {_short(value)}, no text")
    if len(value) > length:
        raise Malformed(f"{name} has {len(value)} characters, at most {length} fit")
    if not _is_storable(value):
        raise Malformed(f"{name} is no UTF-8 text")
    return value


def _optional(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is not None and (not isinstance(value, str) or not _is_storable(value)):
        raise Malformed(f"{name} is {_short(value)}, no UTF-8 text")
    return value


def _is_storable(text: str) -> bool:
    """Whether UTF-8 and a text column can hold it: JSON may spell lone surrogates and NUL."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _short(value: object) -> str:
    text = "missing" if value is None else ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."
