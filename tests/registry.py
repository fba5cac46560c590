"""A real registry on loopback (Debian's docker-registry), and a buildah that knows nothing but it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from stack.processes import HOST, Processes, accepts, free_port

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def require(program: str) -> None:
    """Go on where this Debian package's program is; otherwise skip, or fail where CI could have installed it."""
    if shutil.which(program) is None:
        _missing(f"{program} is missing; as root on Debian: apt-get install {program}")


def require_terraform() -> None:
    """Go on where terraform is; Debian has no package of it."""
    if shutil.which("terraform") is None:
        pytest.skip("terraform is missing; install 1.11 or newer")


def _missing(words: str) -> None:
    if os.environ.get("CI") == "true" and os.geteuid() == 0 and shutil.which("apt-get"):
        pytest.fail(words)
    pytest.skip(words)


def buildah_environment(folder: Path) -> dict[str, str]:
    """The environment of a buildah with its own store, no credentials, and plain http to loopback only.

    It has built something where this returns: it may be there and lack the right or a part to do so.
    """
    require("buildah")
    folder.mkdir()
    storage, registries, users = folder / "storage.conf", folder / "registries.conf", folder / "auth.json"
    storage.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/images"\nrunroot = "{folder}/run"\n')
    registries.write_text(f'[[registry]]\nlocation = "{HOST}"\ninsecure = true\n')
    users.write_text("{}")
    environment = {
        "BUILDAH_ISOLATION": "chroot",
        "CONTAINERS_STORAGE_CONF": str(storage),
        "CONTAINERS_REGISTRIES_CONF": str(registries),
        "REGISTRY_AUTH_FILE": str(users),
    }
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    done = subprocess.run(
        ["buildah", "build", "--tag=probe", str(folder)],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0 and not _root_is_mounted():
        pytest.skip("buildah does not work in a chroot whose / is no mount: bind it to itself before (mount --bind)")
    if done.returncode != 0:
        _missing(f"buildah does not work here: {done.stderr.strip().splitlines()[-1]}")
    return environment


def _root_is_mounted() -> bool:
    """Whether our / is a mount; where it is not, no layer can be unpacked (`remount /: invalid argument`)."""
    return any(line.split()[4] == "/" for line in Path("/proc/self/mountinfo").read_text().splitlines())


@dataclass(frozen=True)
class Registry:
    """A running docker-registry, asked and damaged behind all of our own code."""

    port: int
    folder: Path
    log: Path

    @property
    def host(self) -> str:
        return f"{HOST}:{self.port}"

    def digest(self, path: str, tag: str) -> str | None:
        """SHA-256 of what the registry has under the tag, reckoned here."""
        with requests.Session() as session:
            session.trust_env = False
            url = f"http://{self.host}/v2/{path}/manifests/{tag}"
            answer = session.get(url, headers={"Accept": MANIFEST}, timeout=10)
        return "sha256:" + hashlib.sha256(answer.content).hexdigest() if answer.ok else None

    def pushes(self, path: str) -> int:
        """How many manifests were put there, by the access log."""
        return self.log.read_text().count(f'"PUT /v2/{path}/manifests/')

    def lose_manifest(self, digest: str) -> None:
        """Take the manifest away from under its tags, as a clean-up that was cut short."""
        algorithm, _, digits = digest.partition(":")
        [blob] = self.folder.rglob(f"blobs/{algorithm}/{digits[:2]}/{digits}/data")
        blob.unlink()


@dataclass
class RegistryOptions:
    """What a registry of Debian's package is told besides."""

    certificate: Path | None = None
    """PEM of certificate and key: https."""
    users: Path | None = None
    """An htpasswd file: nobody else is let in."""
    read_only: bool = False

    def text(self, port: int, folder: Path) -> str:
        """config.yml; what comes with the package listens on all addresses and wants passwords."""
        tls = f"  tls: {{certificate: {self.certificate}, key: {self.certificate}}}\n" if self.certificate else ""
        auth = f"auth: {{htpasswd: {{realm: tests, path: {self.users}}}}}\n" if self.users else ""
        maintenance = "  maintenance: {readonly: {enabled: true}}\n" if self.read_only else ""
        return (
            f"version: 0.1\nlog: {{accesslog: {{disabled: false}}}}\n{auth}"
            f"storage:\n  filesystem: {{rootdirectory: {folder}}}\n{maintenance}"
            f"http:\n  addr: {HOST}:{port}\n{tls}"
        )


def start_registry(processes: Processes, folder: Path, options: RegistryOptions | None = None) -> Registry:
    """Start one and wait until it answers."""
    require("docker-registry")
    port = free_port()
    folder.mkdir(parents=True)
    config = folder / "config.yml"
    config.write_text((options or RegistryOptions()).text(port, folder / "data"))
    running = processes.start(f"registry-{port}", ["docker-registry", "serve", str(config)], cwd=folder)
    running.wait_until(accepts(port))
    return Registry(port, folder / "data", running.log)
