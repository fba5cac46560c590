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
    # Places enough for those that wait for their batch.
    "THREADS": "48",
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
        body_faults: how S3 misbehaves, by file key (the same fields).
        instances: how many run of a function, where it is not one; the second `fingerprint` is `fingerprint.2`.
        functions: a folder of functions other than ours.
    """

    def __init__(  # noqa: PLR0913 - what a test may want otherwise, each by its name
        self,
        processes: Processes,
        audio: Path,
        *,
        faults: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
        settings: Mapping[str, str] | None = None,
        limits: Mapping[str, int] | None = None,
        body_faults: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
        instances: Mapping[str, int] | None = None,
        functions: Path = FUNCTIONS,
    ) -> None:
        self.processes = processes
        self.library = FolderLibrary()
        self._sources = functions
        emulator = start_emulator(processes)
        self.warehouse = start_warehouse(processes, self._store)
        config = ProviderConfig(folder=str(audio.resolve()), faults=faults or {}, body_faults=body_faults or {})
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
        self.ports = {name: free_port() for name in _names(instances or {})}
        self.functions = {name: self.start_function(name) for name in self.ports}
        for name, running in self.functions.items():
            running.wait_until(answers(self.url(name) + "/health"), seconds=60)
        self.topology.create()
        seconds = self.topology.limits["ack_deadline_seconds"]
        targets = {"request_push": "fingerprint", "dead_letter_push": "dead_letter"}
        places = int(self.environment["THREADS"])
        pushes = [
            Push(self.topology.subscription(subscription), urls, places * len(urls), seconds)
            for subscription, function in targets.items()
            if (urls := [self.url(name) for name in self.ports if _function(name) == function])
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
        function = _function(name)
        return (processes or self.processes).start(
            name,
            [*(sys.executable, "-m", "gunicorn"), *("-c", str(self._sources / "gunicorn.conf.py")), CREATE_APP],
            env={
                **self.environment,
                **(settings or {}),
                "PYTHONPATH": str(self._sources),
                "PORT": str(port or self.ports[name]),
                "FUNCTION_SOURCE": str(self._sources / f"{function}.py"),
                "FUNCTION_TARGET": function,
            },
        )

    def kill_function(self, name: str) -> None:
        """Kill an instance without a word and start another in its place, as Cloud Run does."""
        self.processes.kill(self.functions[name])
        self.functions[name] = self.start_function(name)

    def kill_warehouse(self) -> None:
        """The store is away until `restart_warehouse`; what was committed is not lost."""
        self.processes.kill(self.processes.by_name()["warehouse"])

    def restart_warehouse(self) -> None:
        """Start it again where it was."""
        start_warehouse(self.processes, self._store, self.warehouse.port)

    def restart_emulator(self) -> None:
        """Kill Pub/Sub and start it again: it has lost topics, subscriptions and messages; the first two are made."""
        self.processes.kill(self.processes.by_name()["pubsub"])
        start_emulator(self.processes, int(self.topology.address.rpartition(":")[2]))
        self.topology.create()

    def url(self, name: str) -> str:
        """A function's address."""
        return f"http://{HOST}:{self.ports[name]}"

    def tick(self, name: str = "scheduler") -> Tick:
        """Call the scheduler, or another instance of it, as Cloud Scheduler does every few minutes."""
        return Tick(**self._call(name, 120))

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

    @property
    def _store(self) -> Path:
        return self.processes.folder / "store"

    def _pubsub_file(self) -> Path:
        """The names and times in force, where the functions read them."""
        content = json.loads(PUBSUB_FILE.read_text())
        content["local"] = self.topology.limits
        file = self.processes.folder / "pubsub.json"
        file.write_text(json.dumps(content))
        return file


def _names(instances: Mapping[str, int]) -> list[str]:
    """The instances' names, those of one function after the other."""
    return [
        name if number == 1 else f"{name}.{number}" for name in NAMES for number in range(1, instances.get(name, 1) + 1)
    ]


def _function(name: str) -> str:
    """Whose instance that is."""
    return name.partition(".")[0]
