"""Snowflake's stand-in: starts fakesnow's server, as `warehouse_server` sets it up, on a store in a folder."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from .processes import HOST, Processes, accepts, free_port


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A running server."""

    port: int
    host: str = HOST

    @property
    def environment(self) -> dict[str, str]:
        """The settings that lead to it; the private key is a secret's name and belongs to whoever makes it."""
        return {
            "SNOWFLAKE_ACCOUNT": "local",
            "SNOWFLAKE_USER": "audiodup",
            "SNOWFLAKE_HOST": self.host,
            "SNOWFLAKE_PORT": str(self.port),
            "SNOWFLAKE_PROTOCOL": "http",
        }


def start_warehouse(
    processes: Processes, folder: Path, port: int | None = None, *, idle_seconds: float = 60
) -> Warehouse:
    """Start the server on the store in `folder`, which is made when missing.

    A transaction whose session had no statement for `idle_seconds` is undone, as if its client had been killed.

    Raises:
        StackError: it does not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    # fakesnow makes a folder for stages when it is imported, and leaves it behind.
    scratch = processes.folder / "warehouse"
    scratch.mkdir(mode=0o700, exist_ok=True)
    running = processes.start(
        "warehouse",
        [
            *(sys.executable, "-m", "uvicorn", "--factory", "stack.warehouse_server:make_app"),
            *(f"--host={HOST}", f"--port={port}", "--log-level=warning", "--no-access-log"),
        ],
        env={
            "WAREHOUSE_FOLDER": str(folder.resolve()),
            "WAREHOUSE_IDLE_SECONDS": str(idle_seconds),
            "TMPDIR": str(scratch.resolve()),
        },
        cwd=Path(__file__).resolve().parents[1],
    )
    running.wait_until(accepts(port), seconds=60)
    return Warehouse(port)


def new_private_key() -> tuple[bytes, bytes]:
    """A key for key-pair sign-in, which the server takes as it takes any: (PEM for a secret, DER for the connector)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encodings = serialization.Encoding
    pem, der = (
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        for encoding in (encodings.PEM, encodings.DER)
    )
    return pem, der
