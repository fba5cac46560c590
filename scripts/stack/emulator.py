"""Google's Pub/Sub emulator: find it and start it.

Its jar is run directly: one process, ready in under a second. `gcloud beta emulators pubsub start` does the same by way
of a Python interpreter and a shell, and leaves the emulator behind when only gcloud is stopped.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from .processes import HOST, Processes, StackError, answers, free_port

PROJECT = "audiodup-local"
"""The emulator takes any project of three or more characters."""
_JAR = "platform/pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar"
_MISSING = (
    "the Pub/Sub emulator is missing: install the Google Cloud CLI and its emulator (`gcloud components install "
    "pubsub-emulator`, or Google's Debian package google-cloud-cli-pubsub-emulator)"
)
_NO_JAVA = "the Pub/Sub emulator needs Java: install one (Debian: default-jre-headless) or set JAVA_HOME"
# Two cores are shared with fpcalc: no parallel collector, no second compiler.
_JAVA_OPTIONS = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulator."""

    address: str
    """host:port, the value of PUBSUB_EMULATOR_HOST."""
    project: str = PROJECT

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to publish to it."""
        return {"PUBSUB_EMULATOR_HOST": self.address, "GOOGLE_CLOUD_PROJECT": self.project}


def find_emulator() -> list[str]:
    """The command that starts the emulator, without its arguments.

    Raises:
        StackError: it, or Java, is missing; one line that says what to install.
    """
    jars = sorted(jar for root in _sdk_roots() for jar in root.glob(_JAR))
    if not jars:
        raise StackError(_MISSING)
    return [_java(), *_JAVA_OPTIONS, "-jar", str(jars[-1])]


def start_emulator(processes: Processes, port: int | None = None) -> Emulator:
    """Start the emulator on loopback and wait until it answers. It keeps everything in memory.

    Raises:
        StackError: it is missing or does not start.
    """
    command = find_emulator()
    port = port or free_port()
    running = processes.start("pubsub", [*command, f"--host={HOST}", f"--port={port}"], cwd=processes.folder)
    running.wait_until(answers(f"http://{HOST}:{port}/"), seconds=60)
    return Emulator(f"{HOST}:{port}")


def _sdk_roots() -> list[Path]:
    """Where a Google Cloud SDK may be: around the gcloud of the PATH, links followed, and the usual places."""
    roots = [Path("/usr/lib/google-cloud-sdk"), Path.home() / "google-cloud-sdk"]
    if gcloud := shutil.which("gcloud"):
        roots.insert(0, Path(gcloud).resolve().parents[1])
    return roots


def _java() -> str:
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else None
    java = java or shutil.which("java")
    if java is None:
        raise StackError(_NO_JAVA)
    return java
