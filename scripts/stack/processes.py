"""Start processes, wait until they are ready, stop all of them again whatever happens."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from audiodup.errors import Unusable

from .guardian import Guardian

HOST = "127.0.0.1"
_POLL_SECONDS = 0.02
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_given_ports: set[int] = set()


class StackError(Unusable):
    """A part of the local stack is missing, does not start or has died."""


class Running:
    """A process that was started, leader of its own session and group."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process
        self._stopped = False

    @property
    def pid(self) -> int:
        """Its process id, which is its group's id too."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs. Does not reap it: until it is stopped its number stays its own."""
        if self._process.returncode is not None:
            return False
        if not hasattr(os, "waitid"):  # macOS before Python 3.13: reaped when it is looked at
            return self._process.poll() is None
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        except ChildProcessError:
            return False

    def tail(self, lines: int = 15) -> str:
        """The last lines of its log."""
        with contextlib.suppress(OSError), self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - 20_000))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
        return ""

    def check(self) -> None:
        """Raises:
        StackError: it has ended, with the last lines of its log.
        """
        if not self.alive:
            raise StackError(f"{self.name} ended by itself; the end of {self.log}:\n{self.tail()}")

    def wait_until(self, ready: Callable[[], bool], seconds: float = 30) -> None:
        """Wait until `ready()` is true.

        Raises:
            StackError: the process ended before, or the time is over.
        """
        end = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > end:
                raise StackError(f"{self.name} is not ready after {seconds:g} s; the end of {self.log}:\n{self.tail()}")
            time.sleep(_POLL_SECONDS)
        # Another process may have answered on its port.
        self.check()

    def cpu_seconds(self) -> tuple[float, float]:
        """CPU time so far of its session's processes, and of their ended children; zeros where there is no /proc."""
        own = children = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError, ValueError, IndexError):
                fields = stat.read_text(errors="replace").rsplit(")", 1)[1].split()
                if int(fields[3]) == self.pid:
                    own += int(fields[11]) + int(fields[12])
                    children += int(fields[13]) + int(fields[14])
        tick = os.sysconf("SC_CLK_TCK")
        return own / tick, children / tick

    def memory_bytes(self) -> int:
        """Resident memory of its session's processes now; 0 where there is no /proc.

        A child that leads a session of its own (fpcalc) does not count.
        """
        total = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError, ValueError, IndexError):
                fields = stat.read_text(errors="replace").rsplit(")", 1)[1].split()
                if int(fields[3]) == self.pid:
                    total += int(fields[21])
        return total * os.sysconf("SC_PAGE_SIZE")

    def stop(self, grace_seconds: float, hurry: Callable[[], bool]) -> None:
        """Ask it to stop, wait, then kill whatever is left of its group; reap it."""
        if self._stopped:
            return
        self._stopped = True
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
        end = time.monotonic() + grace_seconds
        while self.alive and time.monotonic() < end and not hurry():
            time.sleep(_POLL_SECONDS)
        self._kill()

    def kill(self) -> None:
        """Kill its group without a word, as kill -9, a crash or a machine that fails does; reap it."""
        self._stopped = True
        self._kill()

    def _kill(self) -> None:
        # PermissionError is how macOS says that only the unreaped leader is left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()


class Processes:
    """All processes of a stack, for the length of a `with` block.

    They are stopped in reverse order at its end, also after an exception, Ctrl-C or SIGTERM (which raise
    KeyboardInterrupt here). A second Ctrl-C does not interrupt the stopping: it kills instead of asking. Should this
    process be killed outright, the guardian stops them.
    """

    def __init__(self, folder: Path, grace_seconds: float = 10) -> None:
        self.folder = folder
        """One log file per process is written here."""
        self._grace_seconds = grace_seconds
        self._running: list[Running] = []
        self._guardian: Guardian | None = None
        self._handlers: dict[signal.Signals, Any] = {}
        self._interrupted = False
        self._hurry = False

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._guardian = Guardian()
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                # What is ignored stays ignored: `nohup`, and background jobs of a shell.
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._handlers[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._interrupted = True
        try:
            self.stop_all()
        finally:
            if self._guardian is not None:
                self._guardian.close()
            for number, handler in self._handlers.items():
                signal.signal(number, handler or signal.SIG_DFL)

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Running:
        """Start a process with its output in `folder/name.log`; `env` is added to our own environment.

        Raises:
            StackError: there is no such command.
        """
        if self._guardian is None:
            raise StackError(f"{name} started outside of the `with` block")
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            try:
                process = subprocess.Popen(
                    list(command),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **(env or {})},
                    cwd=cwd,
                    start_new_session=True,
                )
            except OSError as error:
                raise StackError(f"{name} cannot be started: {error.strerror}: {command[0]}") from error
        running = Running(name, process, log)
        self._running.append(running)
        self._guardian.watch(running.pid)
        return running

    def check(self) -> None:
        """Raises:
        StackError: one of them has ended by itself.
        """
        for running in self._running:
            running.check()

    def by_name(self) -> dict[str, Running]:
        """Those that were started and not stopped since."""
        return {running.name: running for running in self._running}

    def stop(self, running: Running) -> None:
        """Stop one of them now."""
        running.stop(self._grace_seconds, lambda: self._hurry)
        self._forget(running)

    def kill(self, running: Running) -> None:
        """Kill one of them now; it counts as stopped, not as one that ended by itself."""
        running.kill()
        self._forget(running)

    def _forget(self, running: Running) -> None:
        if self._guardian is not None:
            self._guardian.forget(running.pid)
        if running in self._running:
            self._running.remove(running)

    def stop_all(self) -> None:
        """Stop all of them, the last one first."""
        while self._running:
            self.stop(self._running[-1])

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._interrupted:
            self._hurry = True
            return
        self._interrupted = True
        raise KeyboardInterrupt


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now, never the same one twice."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            listener.bind((HOST, 0))
            port = int(listener.getsockname()[1])
        if port not in _given_ports:
            _given_ports.add(port)
            return port


def accepts(port: int) -> Callable[[], bool]:
    """A test for `wait_until`: something listens on this port."""

    def ready() -> bool:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return True
        return False

    return ready


def answers(url: str) -> Callable[[], bool]:
    """A test for `wait_until`: this http URL answers 2xx. Goes there directly, whatever proxy the environment names."""
    parts = urlsplit(url)

    def ready() -> bool:
        connection = http.client.HTTPConnection(parts.hostname or HOST, parts.port, timeout=2)
        try:
            connection.request("GET", parts.path or "/")
            return 200 <= connection.getresponse().status < 300
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return ready
