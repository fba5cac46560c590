"""Deploy: have the image of these sources in the registry, then let Terraform bring the services to its digest."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Annotated, TextIO

import typer

from audiodup.errors import Unusable
from cli import APP_OPTIONS, Exit, emit, errors_as_lines, fail, say
from image.builder import find_builder
from image.registry import Credentials, ImageName, credentials, find_digest, parse_pinned
from image.source import copy_source, source_tag

app = typer.Typer(**APP_OPTIONS)

ROOT = Path(__file__).resolve().parents[1]
IMAGE = "audiodup"
"""The image's name in the repository."""
BOOTSTRAP = "terraform -chdir=infra/bootstrap"


@dataclass(frozen=True, slots=True)
class Deployable:
    """An image that is in the registry."""

    pinned: str
    """NAME@sha256:..., what Terraform gets: a tag that is pushed again would show it no difference."""
    tag: str | None = None
    built: bool = False


@app.command()
def main(  # noqa: PLR0913 - one parameter per option
    repository: Annotated[
        str | None, typer.Option(metavar="HOST/PROJECT/REPO", envvar="REPOSITORY", help="The Artifact Registry's.")
    ] = None,
    image: Annotated[
        str | None, typer.Option(metavar="NAME@sha256:...", help="Deploy this image; builds nothing (roll back).")
    ] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Build and push again from the newest base image (security updates).")
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only plan; the image is built and pushed if it is absent.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Apply without asking.")] = False,
    json_lines: Annotated[
        bool, typer.Option("--json", help="One JSON object a line on stdout; Terraform's words on stderr.")
    ] = False,
) -> None:
    """Build and push the image unless the registry has these very sources, then apply infra/ with its digest.

    The sources are those of this folder, committed or not.
    """
    if image is not None and rebuild:
        fail("--image deploys what is there, --rebuild builds: give one of them", Exit.WRONG_USAGE)
    if plan and yes:
        fail("--plan applies nothing, so that there is nothing to say --yes to: give one of them", Exit.WRONG_USAGE)
    try:
        name, digest = _wanted(repository, image)
    except ValueError as error:
        fail(str(error), Exit.WRONG_USAGE)
    # SIGTERM as Ctrl-C: temporary folders are removed, and terraform is not left alone.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    output = sys.stderr if json_lines else sys.stdout
    try:
        with errors_as_lines():
            # First, since it fails where somebody has to sign in, or to name the state's bucket; a build takes minutes.
            terraform = initialised(ROOT / "infra")
            login = credentials(name.host)
            deployable = present(name, digest, login) if digest else image_of_sources(name, login, rebuild=rebuild)
            if json_lines:
                emit({"image": deployable.pinned, "tag": deployable.tag, "built": deployable.built})
            arguments = ["plan"] if plan else ["apply", *(["-auto-approve"] if yes else [])]
            status = run(terraform, arguments, deployable, output)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}; nothing was applied", Exit.OUT_OF_REACH)
    except KeyboardInterrupt:
        say("Stopped. What was begun is safe to begin again: the same command goes on.")
        raise typer.Exit(Exit.INTERRUPTED) from None
    if json_lines:
        emit({"summary": {"image": deployable.pinned, "command": arguments[0], "status": status}})
    if status != 0:
        fail(f"terraform {arguments[0]} ended with status {status}: see its words above", Exit.SOME_FAILED)


def _wanted(repository: str | None, image: str | None) -> tuple[ImageName, str | None]:
    """The image's name, and its digest where one was given.

    Raises:
        ValueError: neither was, or it has not the form.
    """
    if image is not None:
        try:
            return parse_pinned(image)
        except ValueError as error:
            raise ValueError(f"--image {image!r}: {error}") from error
    if not repository:
        raise ValueError(f"REPOSITORY is missing: `make deploy REPOSITORY=$({BOOTSTRAP} output -raw repository)`")
    try:
        return ImageName.parse(repository) / IMAGE, None
    except ValueError as error:
        raise ValueError(
            f"REPOSITORY {repository!r}: HOST/PROJECT/REPO is wanted, {error}, as `{BOOTSTRAP} output -raw repository` "
            "prints it"
        ) from error


def present(name: ImageName, digest: str, login: Credentials | None) -> Deployable:
    """An image that somebody named.

    Raises:
        Unusable: the registry does not have it.
    """
    if find_digest(name, digest, login) is None:
        raise Unusable(
            f"{name.host} has no {name.path}@{digest}; choose one of `gcloud artifacts docker images list {name}`, or "
            "deploy the sources of that time: check them out"
        )
    say(f"{digest} is in the registry.")
    return Deployable(f"{name}@{digest}")


def image_of_sources(name: ImageName, login: Credentials | None, *, rebuild: bool) -> Deployable:
    """The image of this folder's sources, built and pushed unless the registry has it.

    Two who deploy at once may both build: either digest is right, and Terraform's lock lets one apply after the other.

    Raises:
        Unusable: the registry does not answer, or the image can be neither built nor pushed.
    """
    tag = source_tag(ROOT)
    found = find_digest(name, tag, login)
    build = rebuild or found is None
    if build:
        say(f"{tag} is {'to be rebuilt' if found else 'not in the registry'}: building {name}:{tag}")
        _build_and_push(name, tag, login, fresh=rebuild)
        found = find_digest(name, tag, login)
        if found is None:
            raise Unusable(f"{name}:{tag} was pushed, and {name.host} does not have it; push it again: --rebuild")
        say(f"Pushed as {found}.")
    else:
        say(f"{tag} is already in the registry: {found}")
    return Deployable(f"{name}@{found}", tag, build)


def _build_and_push(name: ImageName, tag: str, login: Credentials | None, *, fresh: bool) -> None:
    builder = find_builder()
    if login is not None:
        builder.login(name.host, *login)
    with tempfile.TemporaryDirectory(prefix="audiodup-") as context:
        copy_source(ROOT, Path(context))
        builder.build(Path(context), f"{name}:{tag}", fresh=fresh)
    try:
        builder.push(f"{name}:{tag}")
    except Unusable as error:
        # A missing image and a missing repository look the same until then.
        raise Unusable(
            f"{error.words}\nIf the repository does not exist yet, apply infra/bootstrap first: `{BOOTSTRAP} apply`"
        ) from error


def initialised(folder: Path) -> list[str]:
    """The command that runs Terraform in `folder`, after `terraform init`.

    It is run each time: where nothing is to be done it takes less time than to find that out.

    Raises:
        Unusable: terraform is missing or does not start here.
    """
    program = shutil.which("terraform")
    if program is None:
        raise Unusable("terraform is not installed; install 1.11 or newer: https://developer.hashicorp.com/terraform")
    command = [program, f"-chdir={folder}"]
    done = subprocess.run(
        [*command, "init", "-input=false", "-no-color"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise Unusable(
            f"terraform init ended with status {done.returncode}. The first time give it the state's bucket: "
            f"`terraform -chdir=infra init -backend-config=bucket=NAME`. It said:\n{done.stderr.strip()}"
        )
    return command


def run(terraform: list[str], arguments: list[str], deployable: Deployable, output: TextIO) -> int:
    """Terraform's exit status.

    A signal does not end us before it: left alone or killed, it would leave its lock, and resources that its state
    does not know.

    Raises:
        KeyboardInterrupt: it was stopped.
    """
    colour = [] if output.isatty() else ["-no-color"]
    command = [*terraform, *arguments, "-input=false", *colour, f"-var=image={deployable.pinned}"]
    stopped = False
    process: subprocess.Popen[bytes] | None = None

    def on_signal(number: int, _frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = True
        # Ctrl-C reaches it from the terminal, and a second one would make it exit at once.
        if number == signal.SIGTERM and process is not None:
            process.terminate()

    # Before it starts: a signal in between would end us and leave it alone.
    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        process = subprocess.Popen(command, stdout=output)
        if stopped:
            process.terminate()
        status = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if stopped and status != 0:
        raise KeyboardInterrupt
    return status


if __name__ == "__main__":
    app()
