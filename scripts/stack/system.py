"""The whole cloud system on one machine: every stand-in, the functions, and the scheduler's tick.

The functions are the real ones, served as in production; only the addresses in their settings are this machine's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from audiodup.wiring import local_parts
from library import FolderLibrary

from .emulator import start_emulator
from .processes import HOST, Processes, Running, answers, free_port
from .provider import ProviderConfig, start_provider
from .pusher import Push, start_pusher
from .subscriptions import PUBSUB_FILE, Topology
from .warehouse import new_private_key, start_warehouse

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"
CREATE_APP = "functions_framework:create_app()"
NAMES = ("fingerprint", "dead_letter", "scheduler", "matcher")
KEY, TOKEN = "snowflake-key", "download-token"

# One machine's limits: all of them together stay below the local ack deadline of 60 s.
LOCAL_SETTINGS = {
    "PUBSUB_PROFILE": "local",
    "ALLOW_LOOPBACK": "true",
    "API_SECONDS": "8",
    "DOWNLOAD_SECONDS": "15",
    "FPCALC_SECONDS": "15",
    "STORE_SECONDS": "15",
    "REQUEST_SECONDS": "55",
    "SNOWFLAKE_NETWORK_SECONDS": "10",
    "SNOWFLAKE_SOCKET_SECONDS": "8",
    "THREADS": "48",
    # Two cores finish some ten files a second: they wait longer than in production, so that they share statements too,
    # and there are places enough for those that wait.
    "BATCH_MILLISECONDS": "1000",
    "HOST": HOST,
}


@dataclass(frozen=True, slots=True)
class Tick:
    """What the scheduler answered."""

    merged: bool
    in_flight: int
    published: int
    unstorable: int = 0

    @property
    def drained(self) -> bool:
        """Nothing is pending and nothing is in flight."""
        return self.merged and not self.in_flight and not self.published


class LocalSystem:
    """A running system over a folder of audio.

    Args:
        processes: runs what is started here; stops it at the end of its own `with` block.
        audio: the folder.
        faults: how the download API misbehaves, by asset id (fields of download_api.Fault).
        settings: environment variables of the functions, over LOCAL_SETTINGS.
        limits: values over those of pubsub.json's `local` block, for tests that cannot wait.
    """

    def __init__(
        self,
        processes: Processes,
        audio: Path,
        *,
        faults: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
        settings: Mapping[str, str] | None = None,
        limits: Mapping[str, int] | None = None,
    ) -> None:
        self.processes = processes
        self.library = FolderLibrary()
        emulator = start_emulator(processes)
        self.warehouse = start_warehouse(processes, processes.folder / "store")
        config = ProviderConfig(folder=str(audio.resolve()), faults=faults or {})
        secrets = processes.folder / "secrets"
        secrets.mkdir(mode=0o700)
        (secrets / KEY).write_bytes(new_private_key()[0])
        (secrets / TOKEN).write_text(config.authorization)
        self.provider = start_provider(processes, config)
        self.topology = Topology(emulator)
        self.topology.limits.update(limits or {})
        temporary = processes.folder / "in-flight"
        temporary.mkdir()
        self.environment = {
            **LOCAL_SETTINGS,
            **self.warehouse.environment,
            **emulator.environment,
            "SNOWFLAKE_PRIVATE_KEY": KEY,
            "SECRETS": str(secrets),
            "PROVIDERS": json.dumps(
                {
                    "local": {
                        "url": self.provider.url_template,
                        "secret": TOKEN,
                        "hosts": [f"{HOST}:{config.object_port}"],
                    }
                }
            ),
            "PUBSUB_FILE": str(self._pubsub_file()),
            "TMPDIR": str(temporary),
            **(settings or {}),
        }
        self.temporary = temporary
        self.parts = local_parts(self.environment, audio)
        self.list_folder()
        self.ports = {name: free_port() for name in NAMES}
        self.functions = {name: self.start_function(name) for name in NAMES}
        for name in NAMES:
            self.functions[name].wait_until(answers(self.url(name) + "/health"), seconds=60)
        self.topology.create()
        seconds = self.topology.limits["ack_deadline_seconds"]
        targets = {"request_push": "fingerprint", "dead_letter_push": "dead_letter"}
        places = int(self.environment["THREADS"])
        pushes = [
            Push(self.topology.subscription(subscription), self.url(function), places, seconds)
            for subscription, function in targets.items()
        ]
        self.pusher = start_pusher(processes, emulator.address, pushes)

    def list_folder(self) -> None:
        """Make AUDIO_ASSET list what is in the folder now."""
        self.library = FolderLibrary()
        self.library.load(self.parts)

    def start_function(
        self,
        name: str,
        *,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        processes: Processes | None = None,
    ) -> Running:
        """Start an instance of a function as the image does, on its own port unless another is given."""
        return (processes or self.processes).start(
            name,
            [*(sys.executable, "-m", "gunicorn"), *("-c", str(FUNCTIONS / "gunicorn.conf.py")), CREATE_APP],
            env={
                **self.environment,
                **(settings or {}),
                "PORT": str(port or self.ports[name]),
                "FUNCTION_SOURCE": str(FUNCTIONS / f"{name}.py"),
                "FUNCTION_TARGET": name,
            },
        )

    def url(self, name: str) -> str:
        """A function's address."""
        return f"http://{HOST}:{self.ports[name]}"

    def tick(self) -> Tick:
        """Call the scheduler, as Cloud Scheduler does every few minutes."""
        return Tick(**self._call("scheduler", 120))

    def match(self) -> None:
        """Call the matcher, as Cloud Scheduler does every hour, until it has left nothing to the next call."""
        while self._call("matcher", 600)["stopped"]:
            pass

    def _call(self, name: str, seconds: float) -> dict[str, Any]:
        self.processes.check()
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(self.url(name), timeout=seconds)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def close(self) -> None:
        """Close this process's own connections; the processes end with their block."""
        self.parts.store.close()
        self.topology.close()

    def _pubsub_file(self) -> Path:
        """The names and times in force, where the functions read them."""
        content = json.loads(PUBSUB_FILE.read_text())
        content["local"] = self.topology.limits
        file = self.processes.folder / "pubsub.json"
        file.write_text(json.dumps(content))
        return file
