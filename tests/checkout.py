"""A small checkout with the command line of `make deploy` in it, and how a deployment ended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.processor import Run

ROOT = Path(__file__).resolve().parents[1]
SERVICES = """\
variable "image" {}

resource "terraform_data" "service" {
  for_each = toset(["scheduler", "fingerprint"])
  input    = var.image
}

resource "terraform_data" "topic" {
  input = "requests"
}
"""
"""A root without a provider: two parts that depend on the image, and one that does not."""


@dataclass(frozen=True)
class Deployed:
    """What went well: the image by digest, its tag, whether it was built, and all that was said."""

    image: str
    tag: str
    built: bool
    said: str

    @property
    def digest(self) -> str:
        return self.image.partition("@")[2]


@dataclass
class Checkout:
    """A folder as this repository, small: the real command line, an image of two files, a root without a provider."""

    folder: Path
    repository: str
    environment: dict[str, str]

    def __post_init__(self) -> None:
        scripts, functions, infra = (self.folder / name for name in ("scripts", "functions", "infra"))
        for folder in (scripts, functions, infra, self.temporary, self.programs):
            folder.mkdir(parents=True)
        shutil.copytree(ROOT / "scripts/image", scripts / "image", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("cli.py", "deploy.py"):
            shutil.copy(ROOT / "scripts" / name, scripts)
        (functions / "Dockerfile").write_text("FROM scratch\nCOPY functions /functions\n")
        (functions / "main.py").write_text("print()\n")
        (infra / "pubsub.json").write_text("{}")
        (infra / "main.tf").write_text(SERVICES)
        for name in ("requirements.lock", "LICENSE"):
            (self.folder / name).touch()
        # buildah, whatever else this machine has.
        for name in ("docker", "podman"):
            self.program(name, "exit 1")

    @property
    def programs(self) -> Path:
        """First on the PATH."""
        return self.folder / "bin"

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    @property
    def path(self) -> str:
        """The image's name in the registry."""
        return f"{self.repository.partition('/')[2]}/audiodup"

    @property
    def image(self) -> str:
        """The name in full, without tag and digest."""
        return f"{self.repository}/audiodup"

    @property
    def state(self) -> Path:
        """Terraform's, which is there once something was applied."""
        return self.folder / "infra/terraform.tfstate"

    @property
    def resources(self) -> dict[str, str]:
        """What Terraform's state says that there is, and what each was given."""
        return {
            instance.get("index_key", resource["name"]): (instance["attributes"]["input"] or {}).get("value")
            for resource in json.loads(self.state.read_text())["resources"]
            for instance in resource["instances"]
        }

    def program(self, name: str, script: str) -> None:
        """A stand-in for a program."""
        file = self.programs / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def change(self) -> None:
        """One byte of the sources."""
        source = self.folder / "functions/main.py"
        source.write_text(source.read_text() + "#")

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Start the command line in a process group of its own, as a terminal does; none of it outlives the block."""
        process = subprocess.Popen(
            # Where the tests run in the background, a shell had SIGINT ignored, and children inherit that.
            [
                *("/usr/bin/env", "--default-signal=INT", sys.executable),
                *(str(self.folder / "scripts/deploy.py"), *arguments),
            ],
            cwd=self.folder,
            env={
                "PATH": f"{self.programs}:{os.environ['PATH']}",
                "HOME": str(self.folder),
                "TMPDIR": str(self.temporary),
                "CHECKPOINT_DISABLE": "1",
                "REPOSITORY": self.repository,
                **self.environment,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        with process:
            try:
                yield process
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def ended(self, process: subprocess.Popen[str], stdin: str = "") -> Run:
        """How it ended; whatever happened, it has left no temporary file."""
        stdout, stderr = process.communicate(stdin, timeout=120)
        assert list(self.temporary.iterdir()) == [], stderr
        return Run(process.returncode, stdout, stderr)

    def deploy(self, *arguments: str, stdin: str = "") -> Run:
        with self.started(*arguments) as process:
            return self.ended(process, stdin)

    def deployed(self, *arguments: str) -> Deployed:
        """Deploy without being asked; it must be well."""
        run = self.deploy("--yes", "--json", *arguments)
        assert run.status == 0, run.stderr
        [record] = run.records
        assert run.summary == {"image": record["image"], "command": "apply", "status": 0}
        return Deployed(record["image"], record["tag"], record["built"], run.stderr)
