"""infra/pubsub.json: names, attempts, back-off, deadlines and retention, the same for Terraform and for Python."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from audiodup.errors import SettingsInvalid


@dataclass(frozen=True, slots=True)
class PubSubConfig:
    """One block of the file, with the names."""

    request_topic: str
    dead_letter_topic: str
    request_push: str
    dead_letter_push: str
    dead_letter_pull: str
    max_delivery_attempts: int
    minimum_backoff_seconds: int
    maximum_backoff_seconds: int
    ack_deadline_seconds: int
    message_retention_seconds: int
    dead_letter_retention_seconds: int

    @property
    def lease_seconds(self) -> int:
        """After this long nobody can still be working on a request: every attempt and every pause is over."""
        return self.max_delivery_attempts * (self.maximum_backoff_seconds + self.ack_deadline_seconds)


def read_pubsub_config(file: Path, profile: str) -> PubSubConfig:
    """Read the file.

    Raises:
        SettingsInvalid: it is missing, no JSON, or lacks something.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        topics, subscriptions = content["topics"], content["subscriptions"]
        return PubSubConfig(
            request_topic=topics["request"],
            dead_letter_topic=topics["dead_letter"],
            request_push=subscriptions["request_push"],
            dead_letter_push=subscriptions["dead_letter_push"],
            dead_letter_pull=subscriptions["dead_letter_pull"],
            **content[profile],
        )
    except OSError as error:
        raise SettingsInvalid(f"PUBSUB_FILE: cannot read {file}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsInvalid(f"PUBSUB_FILE: {file} is no such file: {error}") from error
