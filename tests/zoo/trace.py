"""What strace saw: which files each program of a row opened or asked about, and which hosts were called.

Nobody lists what is allowed. Intact files show which paths fpcalc and ffmpeg look at anyway (libraries, /proc), and a
row may look at these and at its own file; our own process besides at Python's modules. Each look beyond is a finding,
whether the file was there or not.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

COMMAND = (
    *("strace", "-f", "-ff", "--seccomp-bpf", "-qq", "-y", "-s", "300"),
    *("-e", "trace=%file,%process,connect,sendto,sendmsg,sendmmsg"),
)
"""`-o` and what is to be run go behind it."""
_CALL = re.compile(
    r"(?P<name>(?!send|connect)\w+)\((?:(?:AT_FDCWD|\d+)(?:<(?P<base>[^>]*)>)?, )?"
    r'"(?P<path>(?:[^"\\]|\\.)+)"(?P<rest>.*)'
)
_CHILD = re.compile(r"(?:clone3?|v?fork)\(.*\)\s+= (\d+)$")
_ADDRESS = re.compile(r"(?:connect|sendto|sendmsg|sendmmsg)\(.*\{sa_family=AF_(\w+), (.*?)\}[,\]}]")
_NUMBER = re.compile(r"(?<=/)\d+(?=/|$)")


@dataclass
class Seen:
    """By program: what it looked at. And who was called."""

    files: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    hosts: set[str] = field(default_factory=set)

    def add(self, other: Seen) -> None:
        for program, paths in other.files.items():
            self.files[program] |= paths
        self.hosts |= other.hosts


def is_there() -> bool:
    """Whether strace can look at a process here: it may be installed, and forbidden."""
    try:
        return (
            subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode
            == 0
        )
    except FileNotFoundError:
        return False


def look(prefix: Path, process: int) -> Seen:
    """What the process, its threads and all that came of it did, by strace's files `PREFIX.PID`."""
    seen = Seen()
    waiting = [(process, "python")]
    while waiting:
        number, program = waiting.pop()
        file = Path(f"{prefix}.{number}")
        for line in file.read_text(errors="replace").splitlines() if file.exists() else ():
            if child := _CHILD.match(line):
                waiting.append((int(child[1]), program))
            elif address := _ADDRESS.match(line):
                seen.hosts.add(f"{address[1]}, {address[2]}")
            elif call := _CALL.match(line):
                path = os.path.normpath(Path(call["base"] or "/") / call["path"])
                if call["name"] == "execve" and call["rest"].endswith(" = 0"):
                    program = Path(path).name
                seen.files[program].add(_NUMBER.sub("N", path) if path.startswith("/proc/") else path)
    return seen


def beyond(seen: Seen, usual: Seen, own: Iterable[Path], provider: int) -> Iterator[str]:
    """In words, what was looked at or called that neither an intact file's row looks at nor this row may."""
    ours = tuple(map(str, (sys.prefix, sys.base_prefix, *own)))
    for program, paths in seen.files.items():
        for path in sorted(paths - usual.files.get(program, set())):
            if program != "python" or not path.startswith(ours):
                yield f"{program}: {path}"
    for host in sorted(seen.hosts):
        if host != f'INET, sin_port=htons({provider}), sin_addr=inet_addr("127.0.0.1")':
            yield f"called: {host}"
