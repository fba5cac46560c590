"""Secrets by name: from Secret Manager, or from a folder with one file a secret."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from audiodup.errors import SecretUnavailable

if TYPE_CHECKING:
    from google.cloud.secretmanager import SecretManagerServiceClient

KEEP_SECONDS = 300.0
"""A rotated secret arrives within this time; so long both versions must be valid."""

_SHORT_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_FULL_NAME = re.compile(
    r"projects/[^/]+/(?:locations/[^/]+/)?secrets/[A-Za-z0-9_-]{1,255}(?P<version>/versions/[^/]+)?"
)


def _new_client() -> SecretManagerServiceClient:
    from google.cloud.secretmanager import SecretManagerServiceClient  # noqa: PLC0415 - a second of start-up

    return SecretManagerServiceClient()


class SecretManager:
    """Google Secret Manager's newest versions, kept for some minutes; many threads may use it at once."""

    def __init__(
        self,
        project: str,
        *,
        seconds: float = 10.0,
        keep_seconds: float = KEEP_SECONDS,
        client: Callable[[], SecretManagerServiceClient] = _new_client,
    ) -> None:
        self._project = project
        self._seconds = seconds
        self._keep_seconds = keep_seconds
        self._new_client = client
        self._client: SecretManagerServiceClient | None = None
        self._kept: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def __call__(self, name: str) -> str:
        """The secret's text, without the line break that files and `echo` leave at its end.

        Raises:
            SecretUnavailable: naming the secret and the kind of failure, never the value.
        """
        full_name = self._full_name(name)
        # Held while reading, so that an expired secret is read once and not by every thread.
        with self._lock:
            read_at, value = self._kept.get(full_name, (float("-inf"), ""))
            if time.monotonic() - read_at >= self._keep_seconds:
                value = self._read(name, full_name)
                self._kept[full_name] = (time.monotonic(), value)
            return value

    def _full_name(self, name: str) -> str:
        if _SHORT_NAME.fullmatch(name):
            return f"projects/{self._project}/secrets/{name}/versions/latest"
        if match := _FULL_NAME.fullmatch(name):
            return name if match["version"] else f"{name}/versions/latest"
        raise SecretUnavailable(f"{name!r} is no name of a secret")

    def _read(self, name: str, full_name: str) -> str:
        from google.api_core.exceptions import GoogleAPIError  # noqa: PLC0415 - as above
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - as above

        try:
            if self._client is None:
                self._client = self._new_client()
            # No retry here: Pub/Sub comes again, and the client's own policy may take a minute.
            answer = self._client.access_secret_version(name=full_name, timeout=self._seconds, retry=None)
            return _text(answer.payload.data)
        except (GoogleAPIError, GoogleAuthError, UnicodeDecodeError) as error:
            kind = type(error).__name__
        raise SecretUnavailable(f"{name}: {kind}")


class SecretFiles:
    """A folder with one file a secret, read anew each time."""

    def __init__(self, folder: Path | str) -> None:
        self._folder = Path(folder)

    def __call__(self, name: str) -> str:
        """
        Raises:
            SecretUnavailable: naming the secret and the kind of failure, never the value.
        """
        if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,254}", name):
            raise SecretUnavailable(f"{name!r} is no name of a secret's file")
        try:
            return _text((self._folder / name).read_bytes())
        except (OSError, UnicodeDecodeError) as error:
            kind = type(error).__name__
        raise SecretUnavailable(f"{name}: {kind}")


def _text(data: bytes) -> str:
    return data.decode("utf-8").rstrip("\r\n")
