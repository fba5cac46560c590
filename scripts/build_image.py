"""Build the image that all functions run in, on this machine."""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from cli import APP_OPTIONS, Exit, emit, errors_as_lines, fail, say
from image.builder import find_builder
from image.source import copy_source, source_tag

app = typer.Typer(**APP_OPTIONS)

ROOT = Path(__file__).resolve().parents[1]


@app.command()
def main(
    reference: Annotated[str | None, typer.Option(metavar="NAME:TAG", help="Instead of audiodup:<source tag>.")] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="With the newest base image and packages, nothing from the last build.")
    ] = False,
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Build it with docker, podman or buildah, whichever works here; IMAGE_BUILD_ARGS adds options to their `build`."""
    # SIGTERM as Ctrl-C: neither the tool nor the folder it builds from is left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with errors_as_lines(), tempfile.TemporaryDirectory(prefix="audiodup-image-") as folder:
            builder = find_builder()
            reference = reference or f"audiodup:{source_tag(ROOT)}"
            copy_source(ROOT, Path(folder))
            builder.build(Path(folder), reference, fresh=fresh)
            size = builder.size(reference)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}; nothing was built", Exit.OUT_OF_REACH)
    except KeyboardInterrupt:
        say("Stopped; what was built so far is taken up by the next build.")
        raise typer.Exit(Exit.INTERRUPTED) from None
    if json_lines:
        emit({"summary": {"reference": reference, "size": size, "builder": builder.name}})
    else:
        print(f"{reference}  {size}")


if __name__ == "__main__":
    app()
