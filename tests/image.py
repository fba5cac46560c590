"""The image as `make image` builds it, and containers of it as Cloud Run starts them: Linux, as root, with buildah.

A private mount namespace holds all that buildah and a container mount, so that nothing of it is left behind.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stack.processes import HOST, Processes, Running, answers, free_port
from tests.registry import require

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = ROOT / "functions/Dockerfile"
CACHE = ROOT / ".cache/image"
[BASE] = set(re.findall(r"^FROM (\S+)", DOCKERFILE.read_text(), re.MULTILINE))
"""The one image that all stages begin with."""
SUITE = BASE.rpartition(":")[2].removesuffix("-slim")
BUNDLE = Path(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"))

# What the slim variants leave out, and keep apt from unpacking.
LEFT_OUT = [f"/usr/share/{name}/*" for name in ("doc", "groff", "info", "linda", "lintian", "locale", "man")]
IMPORT_BASE = """\
base=$(buildah from scratch)
buildah add -q "$base" "$1" /
buildah config --cmd bash --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$base"
buildah commit -q --rm "$base" "$2"
"""
UNPACK = """\
container=$(buildah from --pull=never "$1")
cp -a "$(buildah mount "$container")" "$2"
buildah rm "$container"
"""
ENTER = """\
mount --rbind / "$1"
exec chroot "$@"
"""
# $1: the root, $2: the user, then folders to share up to `--`, then the command. Of /dev only what a container has.
CONTAIN = """\
root=$1 user=$2
shift 2
mount --bind "$root" "$root"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in full null random urandom zero; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
while [ "$1" != -- ]; do
    mkdir -p "$root/$1"
    mount --bind "$1" "$root/$1"
    shift
done
shift
mount -o remount,bind,ro "$root"
exec chroot --userspec="$user" --groups= "$root" "$@"
"""


def require_image_tools() -> None:
    """Go on where an image can be built from nothing; otherwise skip, or fail where CI could have installed it."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("the image is built and started by root on Linux")
    require("buildah")
    require("debootstrap")
    if _private("true").returncode != 0:
        pytest.skip("root may not mount anything here: the image can be neither built nor started")


def _private(*command: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command whose mounts end with it."""
    return subprocess.run(
        [*_unshared(), *command], env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
    )


@functools.cache
def _unshared(*options: str) -> tuple[str, ...]:
    command = ("unshare", "--mount", *options)
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
        return command
    # In a chroot whose root is no mount: neither we nor buildah could say how mounts below it spread. Make it one.
    entrance = CACHE / "root"
    entrance.mkdir(parents=True, exist_ok=True)
    return (*command, "--propagation=unchanged", "sh", "-euc", ENTER, "enter", str(entrance))


def _run(*command: str, environment: Mapping[str, str] | None = None) -> str:
    done = _private(*command, environment=environment)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr[-3000:]}"
    return done.stdout


@dataclass(frozen=True)
class Image:
    """An image that was built, unpacked into a folder."""

    reference: str
    size: str
    """As `make image` prints it."""
    folder: Path
    config: Mapping[str, Any]
    """Of the Open Container Initiative: User, Env, Cmd, WorkingDir ..."""

    def command(
        self, *command: str, environment: Mapping[str, str] | None = None, shared: Sequence[Path] = ()
    ) -> list[str]:
        """What runs a command, by itself the image's own, in a container: the file system read-only save /tmp, no
        privileges, process number 1, the host's network as the only thing that Cloud Run does otherwise.

        Args:
            environment: over the image's own.
            shared: folders below /tmp that the container sees at the same place.
        """
        variables = [*self.config["Env"], *(f"{name}={value}" for name, value in (environment or {}).items())]
        return [
            *_unshared("--pid", "--fork", "--kill-child"),
            *("sh", "-euc", CONTAIN, "container", str(self.folder), self.config["User"], *map(str, shared), "--"),
            *("env", "-i", f"--chdir={self.config['WorkingDir']}", *variables, *(command or self.config["Cmd"])),
        ]

    def run(self, *command: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command in a container to its end."""
        return subprocess.run(
            self.command(*command, environment=environment), capture_output=True, text=True, check=False, timeout=60
        )


@contextmanager
def built_image() -> Iterator[Image]:
    """Build it by what `make image` calls; what did not change since the last time is in the cache."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        # Another run of the tests may be at it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        environment = _environment()
        _have_base(environment)
        built = _run(sys.executable, str(ROOT / "scripts/build_image.py"), "--json", environment=environment)
        summary = json.loads(built.splitlines()[-1])["summary"]
        _forget_others(summary["reference"], environment)
        folder, config = _unpacked(summary["reference"], environment)
        yield Image(summary["reference"], summary["size"], folder, config)


def _environment() -> dict[str, str]:
    """A buildah that has its own store, and in the build this machine's certificates and apt's proxies and mirrors."""
    programs = CACHE / "bin"
    programs.mkdir(exist_ok=True)
    for name in ("docker", "podman"):
        # An engine that does not answer, whatever this machine has: only buildah has the base.
        (programs / name).write_text("#!/bin/sh\nexit 1\n")
        (programs / name).chmod(0o755)
    # What a newer buildah gives by default may be more than this machine allows; and it lowers its own limit of
    # processes to the kernel's highest number, which only a privileged one raises again.
    ulimits = []
    for name, most in (("nofile", 1_048_576), ("nproc", int(Path("/proc/sys/kernel/pid_max").read_text()))):
        own = resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))
        soft, hard = (most if limit == resource.RLIM_INFINITY else min(limit, most) for limit in own)
        ulimits.append(f"--ulimit={name}={soft}:{hard}")
    arguments = [os.environ.get("IMAGE_BUILD_ARGS", ""), "--pull=never", *ulimits]
    if shutil.which("apt-config"):
        dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
        (CACHE / "apt.conf").write_text("".join(line for line in dump.splitlines(True) if line.startswith("Acquire::")))
        arguments.append(f"--volume={CACHE}/apt.conf:/etc/apt/apt.conf.d/zz-machine:ro")
    if BUNDLE.exists():
        arguments.append(f"--volume={BUNDLE.resolve()}:/usr/local/share/ca-certificates/machine.crt:ro")
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "BUILDAH_ISOLATION": "chroot",
        "IMAGE_BUILD_ARGS": " ".join(arguments),
    }
    # overlay copies nothing, and does not work on an overlay: where the tests are in a container themselves.
    for driver in ("overlay", "vfs"):
        storage = CACHE / f"{driver}.conf"
        storage.write_text(f'[storage]\ndriver = "{driver}"\ngraphroot = "{CACHE}/{driver}"\nrunroot = "{CACHE}/run"\n')
        environment["CONTAINERS_STORAGE_CONF"] = str(storage)
        info = _private("buildah", "info", environment=environment)
        if info.returncode == 0:
            return environment
    pytest.fail(f"buildah does not work here: {info.stderr}")


def _have_base(environment: Mapping[str, str]) -> None:
    """Debian's slim image, as far as it matters here, made from Debian's packages: no registry is asked."""
    tree, made = CACHE / SUITE, CACHE / f"{SUITE}.made"
    if not made.exists():
        shutil.rmtree(tree, ignore_errors=True)
        _run("debootstrap", "--variant=minbase", SUITE, str(tree))
        excluded = tree / "etc/dpkg/dpkg.cfg.d/docker"
        excluded.write_text("".join(f"path-exclude {pattern}\n" for pattern in LEFT_OUT))
        for pattern in (*LEFT_OUT, "/var/cache/apt/*", "/var/lib/apt/lists/*", "/var/log/*"):
            for path in tree.glob(pattern.lstrip("/")):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        made.touch()
    # Layers of other dependencies would only pile up.
    stamp = CACHE / "storage.stamp"
    wanted = hashlib.sha256(DOCKERFILE.read_bytes() + (ROOT / "requirements.lock").read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        for driver in ("overlay", "vfs", "run"):
            shutil.rmtree(CACHE / driver, ignore_errors=True)
        stamp.write_text(wanted)
    if _private("buildah", "inspect", "--type=image", BASE, environment=environment).returncode != 0:
        _run("sh", "-euc", IMPORT_BASE, "import", str(tree), BASE, environment=environment)


def _forget_others(reference: str, environment: Mapping[str, str]) -> None:
    """Images of earlier sources go; their layers stay as far as this one has them."""
    listed = _run("buildah", "images", "--format={{.Name}}:{{.Tag}}", "--noheading", environment=environment)
    others = [name for name in listed.split() if "/audiodup:" in name and not name.endswith(f"/{reference}")]
    if others:
        _run("buildah", "rmi", *others, environment=environment)


def _unpacked(reference: str, environment: Mapping[str, str]) -> tuple[Path, dict[str, Any]]:
    """The image's files in a folder, and its configuration."""
    folder, inspected = CACHE / "unpacked", CACHE / "unpacked.json"
    made = json.loads(inspected.read_text()) if inspected.exists() else {}
    now = json.loads(_run("buildah", "inspect", "--type=image", reference, environment=environment))
    if made.get("FromImageID") != now["FromImageID"]:
        inspected.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        _run("sh", "-euc", UNPACK, "unpack", reference, str(folder), environment=environment)
        inspected.write_text(json.dumps(now))
    return folder, now["OCIv1"]["config"]


class Container:
    """A function in a container, on its own port."""

    def __init__(
        self,
        processes: Processes,
        image: Image,
        function: str,
        environment: Mapping[str, str],
        shared: Sequence[Path] = (),
    ) -> None:
        port = free_port()
        self.url = f"http://{HOST}:{port}"
        own = {"FUNCTION_SOURCE": f"functions/{function}.py", "FUNCTION_TARGET": function, "PORT": str(port)}
        command = image.command(environment={**environment, **own}, shared=shared)
        self.running: Running = processes.start(function, command)
        self.running.wait_until(answers(f"{self.url}/health"), seconds=60)

    @property
    def first(self) -> int:
        """The process that has number 1 in the container."""
        [child] = _children(self.running.pid)
        return child

    def memory(self) -> int:
        """Bytes that its processes have resident, what they share counted once."""
        return sum(_proportional(process) for process in (self.first, *_children(self.first)))

    def terminate(self) -> None:
        """What Cloud Run does with an instance that it needs no more."""
        with suppress(ValueError, ProcessLookupError):
            os.kill(self.first, signal.SIGTERM)


def _children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def _proportional(process: int) -> int:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    [size] = [line.split()[1] for line in lines if line.startswith("Pss:")]
    return int(size) * 1024
