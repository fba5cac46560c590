"""The provider: its download API and its S3, two ports of one process, since they share the bucket.

Served by gunicorn with threads: moto's own server (werkzeug) closes the connection after each answer.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .processes import HOST, Processes, answers, free_port

_THREADS = 24
_KEEP_ALIVE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """What the process is told, as JSON."""

    folder: str
    """Every file below it is known by its relative path as file key, also when it appears later."""
    files: Sequence[tuple[str, str, str]] = ()
    """(asset_id, file_key, path) of files that are known otherwise."""
    api_port: int = field(default_factory=free_port)
    object_port: int = field(default_factory=free_port)
    key_id: str = field(default_factory=lambda: "AKIA" + secrets.token_hex(8).upper())
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(30))
    authorization: str = field(default_factory=lambda: "Bearer " + secrets.token_urlsafe(24))
    url_seconds: int = 300
    faults: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """Asset id -> fields of download_api.Fault."""
    body_faults: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """File key -> fields of download_api.Fault, for the file itself (`bodies`)."""
    upload_first: bool = True
    """Fill the bucket before the first question, so that no answer waits for it; else when a file is asked for."""
    keep_bytes: int = 4_000_000_000
    """At most so much is held a second time, in temporary files."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A running provider."""

    config: ProviderConfig

    @property
    def url_template(self) -> str:
        """For PROVIDERS: the API's URL with its two places to fill in."""
        return f"http://{HOST}:{self.config.api_port}/assets/{{asset_id}}/files/{{file_key}}"

    @property
    def counts_url(self) -> str:
        """How often each asset was asked for, as JSON."""
        return f"http://{HOST}:{self.config.api_port}/counts"


def start_provider(processes: Processes, config: ProviderConfig) -> Provider:
    """Start it and wait until the bucket is filled.

    Raises:
        StackError: it does not start.
    """
    scratch = processes.folder / "provider"
    scratch.mkdir(mode=0o700, exist_ok=True)
    file = scratch / "config.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(asdict(config)))
    running = processes.start(
        "provider",
        [
            *(sys.executable, "-m", "gunicorn", f"stack.provider_app:make_app({str(file.resolve())!r})"),
            *(f"--bind={HOST}:{config.api_port}", f"--bind={HOST}:{config.object_port}"),
            *("--worker-class=gthread", f"--threads={_THREADS}", f"--keep-alive={_KEEP_ALIVE_SECONDS}"),
            # No time-out: the bucket is filled before the worker first reports. No socket in the user's home.
            *("--timeout=0", "--graceful-timeout=1", "--log-level=warning", "--no-control-socket"),
        ],
        env={"MOTO_S3_DEFAULT_KEY_BUFFER_SIZE": "65536", "TMPDIR": str(scratch.resolve())},
        cwd=Path(__file__).resolve().parents[1],
    )
    running.wait_until(answers(f"http://{HOST}:{config.api_port}/health"), seconds=300)
    return Provider(config)
