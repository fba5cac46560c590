"""What the command lines share: exit codes, JSON lines, errors as one line."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import typer

from audiodup.errors import AudioDupError, SettingsInvalid, Transient, Unusable

APP_OPTIONS: dict[str, Any] = {
    "add_completion": False,
    # A traceback of ours is for us: short and without local variables, which may hold secrets.
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}


class Exit(IntEnum):
    """Exit codes of every script."""

    ALL_WELL = 0
    SOME_FAILED = 1
    WRONG_USAGE = 2
    OUT_OF_REACH = 3
    INTERRUPTED = 130


def say(text: str) -> None:
    """A line for a person, on stderr, so that stdout stays the result."""
    print(text, file=sys.stderr, flush=True)


def emit(record: dict[str, Any]) -> None:
    """One JSON object on one line of stdout."""
    print(json.dumps(record, ensure_ascii=True, allow_nan=False), flush=True)


def fail(error: AudioDupError | str, code: Exit) -> NoReturn:
    """End with one line that says what happened and what to do next."""
    if isinstance(error, AudioDupError):
        # The words of a plain UNUSABLE say it all.
        say(str(error) if error.remedy == Unusable.remedy else f"{error}\n  {error.remedy}")
    else:
        say(error)
    raise typer.Exit(code)


def check_database(database: Path | None, *, publishes: bool) -> None:
    """End where --database cannot be what it should be; None is Snowflake."""
    if database is None:
        return
    if not database.is_dir():
        fail(f"--database {database}: no such folder", Exit.WRONG_USAGE)
    if publishes and not os.environ.get("PUBSUB_EMULATOR_HOST"):
        # One machine's files are nothing for the topics of Google Cloud.
        fail("--database goes with Pub/Sub's emulator: set PUBSUB_EMULATOR_HOST (make local)", Exit.WRONG_USAGE)


@contextmanager
def errors_as_lines() -> Iterator[None]:
    """No traceback for what a user can cause."""
    try:
        yield
    except SettingsInvalid as error:
        fail(error, Exit.WRONG_USAGE)
    except (Unusable, Transient) as error:
        fail(error, Exit.OUT_OF_REACH)


@contextmanager
def stopping_gently(stop: threading.Event, at_once: Callable[[], None], words: str) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM sets `stop` and says `words`, each further one calls `at_once`."""
    asked = False

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            at_once()
            return
        asked = True
        # Past print: the signal may have come in the middle of one, which takes no other.
        os.write(sys.stderr.fileno(), f"\n{words}\n".encode())
        # By another thread: this one may be about to wait for `stop`, and hold its lock.
        threading.Thread(target=stop.set).start()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
