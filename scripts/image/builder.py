"""Build and push an image with docker, podman or buildah, whichever works on this machine."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from audiodup.errors import SettingsInvalid, Unusable

from .source import DOCKERFILE

NAMES = ("docker", "podman", "buildah")
BUILD_ARGS = "IMAGE_BUILD_ARGS"
"""Environment variable: what this machine or company adds to the build (certificates, a mirror)."""
_INFO_SECONDS = 30


class ImageError(Unusable):
    """No image could be built or pushed."""


@dataclass(frozen=True, slots=True)
class Builder:
    """A tool that answers `info`. All three take the same commands."""

    name: str
    """docker, podman or buildah."""

    def build(self, context: Path, reference: str, *, fresh: bool = False) -> None:
        """Build the image for Cloud Run's machines; what was built before and did not change is taken as it is.

        Args:
            context: the folder that `copy_source` made.
            reference: the image's name and tag.
            fresh: take the newest base image and build everything again, for Debian's security updates.

        Raises:
            ImageError: it does not build.
            SettingsInvalid: IMAGE_BUILD_ARGS cannot be read.
        """
        self._run(
            *("build", "--platform=linux/amd64", f"--file={context / DOCKERFILE}", f"--tag={reference}"),
            # Without it buildah keeps nothing from one build to the next.
            *(["--layers"] if self.name == "buildah" else []),
            *(["--pull", "--no-cache"] if fresh else []),
            *_build_args(),
            str(context),
            remedy=f"If a host is out of reach or not trusted, options in {BUILD_ARGS} may help",
        )

    def push(self, reference: str) -> None:
        """Push an image to the registry that its name begins with.

        Raises:
            ImageError: it does not get there.
        """
        self._run("push", reference, remedy="Check the reference's host, and that you are logged in there")

    def login(self, host: str, user: str, password: str) -> None:
        """Log in to a registry.

        Raises:
            ImageError: the registry refuses, or cannot be reached.
        """
        # On stdin: every user of the machine can read a command's arguments.
        self._run(
            *("login", f"--username={user}", "--password-stdin", host),
            remedy=f"Check the user and password for {host}",
            stdin=password,
        )

    def size(self, reference: str) -> str:
        """How large an image on this machine is when unpacked, in the tool's words.

        Raises:
            ImageError: there is none of this name.
        """
        command = [self.name, "images", "--format={{.Size}}", reference]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0 or not done.stdout.strip():
            raise ImageError(f"{self.name} has no image {reference}; build it with `make image`")
        return done.stdout.split("\n", 1)[0].strip()

    def _run(self, *arguments: str, remedy: str, stdin: str = "") -> None:
        """Run the tool, its output on our stderr as it comes: a build takes minutes."""
        last: deque[str] = deque(maxlen=1)
        try:
            process = subprocess.Popen(
                [self.name, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
        except OSError as error:
            raise ImageError(f"{self.name} cannot be started: {error.strerror}") from error
        with process:
            try:
                _feed(process, stdin)
                for line in process.stdout or ():
                    print(line, end="", file=sys.stderr, flush=True)
                    last.append(line)
            except BaseException:
                # We are being stopped: it must not go on without its context.
                process.terminate()
                process.wait()
                raise
        if process.returncode != 0:
            said = next(reversed(last), "nothing").strip()
            raise ImageError(
                f"{self.name} {arguments[0]} ended with {process.returncode}: {said}\n  {remedy}; all it said is above"
            )


def find_builder() -> Builder:
    """The first of docker, podman and buildah that works here.

    Raises:
        ImageError: none does, with what each of them says.
    """
    problems = []
    for name in NAMES:
        problem = _problem(name)
        if problem is None:
            return Builder(name)
        problems.append(f"{name}: {problem}")
    raise ImageError("\n".join(["install docker, podman or buildah, or start its engine; here none works:", *problems]))


def _problem(name: str) -> str | None:
    """Why this tool cannot be used, or None. A docker client without its engine is there, and does not answer."""
    if shutil.which(name) is None:
        return "not installed"
    try:
        done = subprocess.run(
            [name, "info"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_INFO_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    return next(reversed(done.stderr.strip().splitlines()), f"`{name} info` ended with {done.returncode}")


def _build_args() -> list[str]:
    try:
        return shlex.split(os.environ.get(BUILD_ARGS, ""))
    except ValueError as error:
        raise SettingsInvalid(f"{BUILD_ARGS}: {error}") from error


def _feed(process: subprocess.Popen[str], text: str) -> None:
    stdin = process.stdin
    if stdin is not None:
        # It may have ended without reading; its status says why.
        with suppress(BrokenPipeError), stdin:
            stdin.write(text)
