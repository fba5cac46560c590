"""One specimen through the whole step, in a process of its own, and what that took.

A fresh process for each: the most memory a process ever had cannot be taken back. It is forked from one that has
imported everything, and holds the provider too, as threads.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, repeat
from multiprocessing.connection import Connection
from pathlib import Path

from audiodup.chromaprint import Fpcalc
from audiodup.container import is_audio
from audiodup.decoder import Ffmpeg
from audiodup.errors import AudioDupError
from audiodup.fingerprinter import AudioFingerprinter
from audiodup.folder import LocalFolder
from audiodup.guarded import GuardedRunner
from audiodup.messages import PushMessage
from audiodup.model import Outcome, Status
from audiodup.rows import storable
from audiodup.settings import Provider, Settings
from audiodup.source import DownloadApi
from audiodup.steps import Deadline, Source, fingerprint_message
from tests.loopback import Exchange, Server, serving
from tests.zoo.specimen import PROVIDER, Content, Specimen, Surroundings, Visit

API, FILE, HOST = "/api", "/file", "files.zoo"
_SAMPLE_SECONDS = 0.005


@dataclass
class Row:
    """What became of one specimen."""

    code: str
    words: str = ""
    seconds: float = 0.0
    ours: int = 0
    """Bytes of memory at the most, of our own process."""
    children: int = 0
    """The same of the largest of fpcalc and ffmpeg, looked at every 5 ms."""
    reached: list[str] = field(default_factory=list)
    """What it reached that it may not: empty, or the row is a finding."""
    outcome: Outcome | None = None
    process: int = 0
    port: int = 0
    """The provider's."""
    file: Path | None = None
    """Its own, which it may read."""


class Zoo:
    """Where specimens are kept."""

    def __init__(self, folder: Path, place: Surroundings, trap: socket.socket, settings: Settings) -> None:
        self._folder = folder
        self._place = place
        self._trap = trap
        self._settings = settings

    def keep(self, specimen: Specimen) -> Row:
        """Run it, in a process of its own."""
        cage = self._folder / "cage"
        cage.mkdir(exist_ok=True)
        file = cage / "input"
        intact = self._place.audio.wav(9.37)
        if specimen.make is None:
            file.write_bytes(intact.read_bytes())
        else:
            content = specimen.make(self._place)
            (Content(content) if isinstance(content, bytes) else content).write(file)
            del content
        os.utime(self._place.canary, (0, 0))
        context = multiprocessing.get_context("fork")
        here, there = context.Pipe()
        process = context.Process(target=self._in_cage, args=(specimen, file, there))
        process.start()
        there.close()
        try:
            row: Row = here.recv()
        except EOFError:
            row = Row("INTERNAL", "the process died")
        process.join()
        row.process = process.pid or 0
        row.reached += self._reached()
        file.unlink()
        return row

    def _in_cage(self, specimen: Specimen, file: Path, there: Connection) -> None:
        with serving() as server:
            visit = Visit(server, self._place, file)
            server.on(API, lambda exchange: (specimen.api or _names_file)(visit, exchange))
            server.on(FILE, lambda exchange: (specimen.host or Visit.send_file)(visit, exchange))
            row = self._run(specimen, self._source(specimen, file, server))
            row.port, row.file = server.port, file
            targets = [request.target for request in server.requests]
            row.reached = [f"the provider's {one}" for one in targets if one.partition("?")[0] not in (API, FILE)]
            there.send(row)

    def _source(self, specimen: Specimen, file: Path, server: Server) -> Source:
        if specimen.folder:
            return LocalFolder(file.parent, is_audio, max_file_bytes=specimen.largest)
        answers = chain(specimen.addresses, repeat(specimen.addresses[-1]))
        template = server.url(API + "?asset={asset_id}&key={file_key}")
        return DownloadApi(
            {PROVIDER: Provider(url=template, hosts=(HOST,))},
            lambda name: "",
            api_seconds=self._settings.api_seconds,
            download_seconds=self._settings.download_seconds,
            max_file_bytes=specimen.largest,
            files_in_flight_bytes=self._settings.files_in_flight_bytes,
            allow_loopback=True,
            resolver=lambda host, port: next(answers) if host == HOST else [host],
        )

    def _run(self, specimen: Specimen, source: Source) -> Row:
        settings = self._settings
        runner = GuardedRunner(
            processes=settings.fpcalc_processes,
            wall_seconds=settings.fpcalc_seconds,
            cpu_seconds=settings.fpcalc_cpu_seconds,
            memory_bytes=settings.fpcalc_memory_bytes,
        )
        fpcalc = Fpcalc(settings.fpcalc, runner, seconds=settings.fingerprint_seconds)
        fingerprinter = AudioFingerprinter(fpcalc, Ffmpeg(settings.ffmpeg, runner), runner)
        books = _Books()
        deadline = Deadline(specimen.seconds or settings.request_seconds - settings.store_seconds)
        message = PushMessage("1", specimen.data, {})
        _forget_peak()
        with _watched_children() as largest:
            started = time.monotonic()
            row = _outcome_of(
                lambda: fingerprint_message(message, source, fingerprinter, books, lambda: books, deadline), books
            )
            row.seconds = time.monotonic() - started
        row.children = largest()
        row.ours = _peak("self")
        return row

    def _reached(self) -> list[str]:
        found = []
        self._trap.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self._trap.accept()[0].close()
                found.append("the trap")
        # Reading moves it, unless the file system is mounted `noatime`; strace sees more.
        if self._place.canary.stat().st_atime_ns:
            found.append("the canary")
        return found


class _Books:
    """Inbox and publisher: what was stored, as it would be, and what was refused."""

    def __init__(self) -> None:
        self.outcome: Outcome | None = None
        self.reason: str | None = None

    def append(self, outcome: Outcome) -> Outcome:
        self.outcome = storable(outcome)
        return self.outcome

    def publish(self, requests: object) -> None:
        raise AssertionError("nobody asks for that")

    def reject(self, message: PushMessage, reason: str) -> None:
        self.reason = reason


def _outcome_of(run: Callable[[], object], books: _Books) -> Row:
    try:
        run()
    except AudioDupError as error:
        return Row(error.code, error.words)
    except Exception as error:  # noqa: BLE001 - the zoo is for finding them
        return Row("INTERNAL", repr(error))
    if books.outcome is None:
        return Row("MALFORMED", books.reason or "")
    outcome = books.outcome
    code, _, words = (outcome.error or outcome.status.value).partition(": ")
    return Row(code if outcome.status is Status.FAILED else outcome.status.value, words, outcome=outcome)


def _names_file(visit: Visit, exchange: Exchange) -> None:
    exchange.answer_json({"data": {"url": visit.server.url(FILE, HOST)}})


def _forget_peak() -> None:
    """From now on VmHWM counts anew. Where the system has no such thing the peak is that of the whole life."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak(process: int | str) -> int:
    """Bytes; 0 for a child that is still a copy of us."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    fields = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    if "VmHWM" not in fields or (process != "self" and fields["Name"][0].startswith("python")):
        return 0
    return int(fields["VmHWM"][0]) * 1024


@contextmanager
def _watched_children() -> Iterator[Callable[[], int]]:
    """Looks at the peaks of this thread's children while the block runs.

    What the system says of ended children (RUSAGE_CHILDREN) counts what they were before they became a program: a copy
    of us.
    """
    peaks = [0]
    done = threading.Event()
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children")

    def watch() -> None:
        while not done.wait(_SAMPLE_SECONDS):
            with contextlib.suppress(OSError):
                peaks.extend(_peak(int(child)) for child in children.read_text().split())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield lambda: max(peaks)
    finally:
        done.set()
        watcher.join()
