"""Look at pairs of duplicates and decide, in the browser, on this machine."""

from __future__ import annotations

import getpass
import logging
import os
import socket
import threading
from pathlib import Path
from typing import Annotated

import typer
from werkzeug.serving import make_server

from audiodup.wiring import DEFAULT_DATABASE, Parts, command_line_parts, local_review_page
from cli import APP_OPTIONS, Exit, errors_as_lines, fail, say, stopping_gently
from library import shown_folder

app = typer.Typer(**APP_OPTIONS)

HOST = "127.0.0.1"
PORT = 8700


@app.command()
def main(
    local: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder of audio (default: the one the store shows).")
    ] = None,
    database: Annotated[
        Path | None, typer.Option(metavar="PATH", help=f"Folder of the embedded store (default {DEFAULT_DATABASE}/).")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes any free one.")] = PORT,
    person: Annotated[str | None, typer.Option("--as", metavar="NAME", help="Who decides (default: you).")] = None,
) -> None:
    """Serve the review page until Ctrl-C, for this machine only.

    --local or --database selects the embedded store, neither the Snowflake of the SNOWFLAKE_* settings. Nothing is
    deleted; what is decided is kept in AUDIO_DUPLICATE_REVIEW.
    """
    if database is not None and not database.is_dir():
        fail(f"--database {database}: no such folder; `make run` makes it", Exit.WRONG_USAGE)
    if local is not None and not local.is_dir():
        fail(f"--local {local}: no such folder", Exit.WRONG_USAGE)
    with errors_as_lines():
        if database is not None and local is None:
            local = _shown(database)
        parts = command_line_parts(database=database, folder=local)
        _serve(parts, (person or _user())[:200], port)


def _shown(database: Path) -> Path | None:
    folder = shown_folder(database)
    if folder is None or folder.is_dir():
        return folder
    say(f"{folder}, the folder that this store shows, is not there: pairs are shown, and nothing can be heard.")
    return None


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # KeyError: before Python 3.13
        # A container's user may have no name.
        return "unknown"


def _serve(parts: Parts, person: str, port: int) -> None:
    # A line for each request is nothing for a person.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    page = local_review_page(parts, person)
    try:
        listening = socket.create_server((HOST, port))
    except OSError as error:
        fail(f"port {port} cannot be used ({error.strerror}): --port 0 takes a free one", Exit.OUT_OF_REACH)
    server = make_server(HOST, port, page, threaded=True, fd=listening.fileno())
    bound = listening.getsockname()[1]
    listening.detach()
    say(f"http://{HOST}:{bound}/ shows the pairs; you decide as {person}. Ctrl-C stops it.")
    stop = threading.Event()
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    with stopping_gently(stop, lambda: None, "Stopped; what was decided is stored."):
        stop.wait()
    server.shutdown()
    server.server_close()
    parts.session.close()
    if threading.active_count() > 1:
        # A browser that holds a sound open has a thread here, and DuckDB would complain at length of being taken down
        # in its hands. All that was decided is committed.
        os._exit(Exit.ALL_WELL)


if __name__ == "__main__":
    app()
