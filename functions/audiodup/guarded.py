"""A child process that reads what nobody trusts: limited in time, memory and output, and never left behind.

The limits are set by a shell that then becomes the program. The other way, `preexec_fn`, runs Python between fork and
exec: unsafe beside threads, and it costs vfork, that is a copy of the parent's page tables for each file.
"""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from audiodup.errors import Interrupted, NoRoom, ResourceLimit, TimedOut, ToolMissing
from audiodup.steps import Deadline

# Soft CPU limit: SIGXCPU, which has no other cause; hard limit one second later: SIGKILL for who ignores it. -f 0: no
# file can be written. A limit that the system does not know (macOS: -v) or has set lower itself is passed over.
_SCRIPT = """\
cpu=$1 memory=$2
shift 2
{
    ulimit -S -t "$cpu"; ulimit -H -t $((cpu + 1)); ulimit -v "$memory"; ulimit -f 0; ulimit -n 64; ulimit -c 0
} 2>/dev/null
unset cpu memory PWD OLDPWD SHLVL
exec "$@"
"""
_READ_BYTES = 1 << 16
_STDERR_BYTES = 1 << 14


@dataclass(frozen=True, slots=True)
class Completed:
    """How a process ended."""

    status: int
    """Exit status; minus the signal's number where one ended it."""
    stdout: bytes
    stderr: bytes
    """Its first 16 KiB."""


class GuardedRunner:
    """Runs programs, at most so many at once, each in its own session with no environment and in `/`.

    Safe to share between threads.
    """

    def __init__(self, *, processes: int, wall_seconds: float, cpu_seconds: int, memory_bytes: int) -> None:
        """`processes` 0 is one for each CPU this process may use."""
        self._free = processes or cpu_count()
        self._wall_seconds = wall_seconds
        self._limits = (str(cpu_seconds), str(memory_bytes // 1024))
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False
        # Its lock can be taken again by the same thread: `kill_all` may run in a signal handler.
        self._changed = threading.Condition()

    def run(
        self,
        program: str,
        arguments: Sequence[str],
        deadline: Deadline,
        *,
        max_stdout: int,
        descriptor: int | None = None,
    ) -> Completed:
        """Run `program` to its end.

        Args:
            descriptor: stays open in the child, under the same number.

        Raises:
            ToolMissing: there is no such program.
            NoRoom: no process could be started.
            TimedOut: the wall-clock limit or the deadline is over, in the queue or in the run.
            ResourceLimit: the CPU limit is used up, or more than `max_stdout` bytes were printed.
            Interrupted: `kill_all` was called, or someone else killed it.
        """
        command = _command(program, arguments, self._limits)
        with self._turn(deadline):
            end = time.monotonic() + deadline.remaining(self._wall_seconds)
            process = _start(command, descriptor)
            with process, self._registered(process):
                stdout, stderr = _collect(process, max_stdout, end)
                status = _wait(process, end)
        if self._stopped:
            raise Interrupted(f"stopped while {Path(program).name} ran")
        if status == -signal.SIGXCPU:
            raise ResourceLimit(f"more than {self._limits[0]} s of CPU time")
        if status == -signal.SIGKILL:
            # Not by us: the machine ran out of memory, or a person did it.
            raise Interrupted("killed from outside, perhaps for want of memory")
        return Completed(status, stdout, stderr)

    def kill_all(self) -> None:
        """Kill what runs and refuse what comes; calls in `run` raise Interrupted."""
        with self._changed:
            self._stopped = True
            for process in list(self._running):
                _kill_group(process)
            self._changed.notify_all()

    @contextmanager
    def _turn(self, deadline: Deadline) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._free > 0, deadline.remaining())
            if self._stopped:
                raise Interrupted("the instance is being stopped")
            if self._free <= 0:
                raise TimedOut("no turn came within the request's time")
            self._free -= 1
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify()

    @contextmanager
    def _registered(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        """Within: `kill_all` finds the process. However it is left, nothing of the process's group runs on."""
        with self._changed:
            self._running.add(process)
            if self._stopped:
                _kill_group(process)
        try:
            yield
        finally:
            with self._changed:
                self._running.discard(process)
            _kill_group(process)
            process.wait()


def cpu_count() -> int:
    """How many CPUs this process may use; Python 3.13 has it as os.process_cpu_count."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _command(program: str, arguments: Sequence[str], limits: tuple[str, str]) -> list[str]:
    path = shutil.which(program)
    if path is None:
        raise ToolMissing(f"{program} is not installed, or not on the PATH")
    command = ["/bin/sh", "-c", _SCRIPT, "sh", *limits, str(Path(path).absolute()), *arguments]
    # With it a worker that is killed itself takes its children along (measured: 1 ms); the signal comes when the thread
    # that started the child ends, and that thread is the one that waits here. Elsewhere the CPU limit ends orphans.
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--", *command] if setpriv else command


def _start(command: list[str], descriptor: int | None) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env={},
            pass_fds=() if descriptor is None else (descriptor,),
            start_new_session=True,
        )
    except OSError as error:
        raise NoRoom(f"no process could be started ({error.strerror})") from error


def _collect(process: subprocess.Popen[bytes], max_stdout: int, end: float) -> tuple[bytes, bytes]:
    """Both outputs up to their ends; of stderr no more than is kept."""
    stdout, stderr = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(_pipe(process.stdout), selectors.EVENT_READ, stdout)
        selector.register(_pipe(process.stderr), selectors.EVENT_READ, stderr)
        while selector.get_map():
            left = end - time.monotonic()
            events = selector.select(left) if left > 0 else []
            if not events and end <= time.monotonic():
                raise TimedOut("decoding took longer than its time")
            for key, _ in events:
                data = os.read(key.fd, _READ_BYTES)
                if not data:
                    selector.unregister(key.fileobj)
                key.data.extend(data)
            if len(stdout) > max_stdout:
                raise ResourceLimit(f"more than {max_stdout} bytes of output")
            del stderr[_STDERR_BYTES:]
    return bytes(stdout), bytes(stderr)


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise AssertionError("started without pipes")
    return stream


def _wait(process: subprocess.Popen[bytes], end: float) -> int:
    """Both outputs are closed: it has ended, or is about to."""
    try:
        return process.wait(max(end - time.monotonic(), 0.1))
    except subprocess.TimeoutExpired:
        raise TimedOut("decoding took longer than its time") from None


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    # Asked first: once it is reaped its number may be another's.
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
