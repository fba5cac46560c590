"""Which bytes of a file the product reads: strace around it, told apart by the program that reads them.

The hashes (SHA-256 of the file, MD5 of the samples) are left out: they take every byte, and no range could give them.
As a program it is what runs under strace: `python -m analysis.bytes_read FILE...` prints what is seen in each.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from analysis import media
from audiodup.decoder import Ffmpeg
from audiodup.errors import Permanent
from audiodup.headers import aiff, wav

Range = tuple[int, int]
"""From this offset up to that one, which is not in it."""
SUCCESS = "SUCCESS"
_ROOT = Path(__file__).parents[1]
_STRACE = "strace"
_PATIENCE = 900
_CALL = re.compile(r"(\w+)\((.*)\) += (-?\d+|0x[0-9a-f]+)(?:<(.*)>)?")
_DESCRIPTOR = re.compile(r"(\d+)<(.+?)>")
_HARMLESS = frozenset({"close", "fadvise64", "fcntl", "fstat", "ioctl", "newfstatat", "statx"})


@dataclass(frozen=True, slots=True)
class Seen:
    """What the product makes of a file."""

    outcome: str
    """SUCCESS, or the error's code."""
    text: str | None
    """Chromaprint's compressed fingerprint."""
    duration: float | None
    properties: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Traced:
    """A file, and what was read of it."""

    seen: Seen
    by_program: dict[str, list[Range]]
    """`python` is our own look at headers, tails and a WAV's piece for the bandwidth."""

    @property
    def ranges(self) -> list[Range]:
        """All that was read, by whomever."""
        return joined(one for ranges in self.by_program.values() for one in ranges)


def joined(ranges: Iterable[Range], gap: int = 0) -> list[Range]:
    """The ranges in order, those that overlap or lie at most `gap` bytes apart as one."""
    result: list[Range] = []
    for start, end in sorted(ranges):
        if result and start <= result[-1][1] + gap:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def covered(ranges: Iterable[Range]) -> int:
    """Bytes in any of them."""
    return sum(end - start for start, end in joined(ranges))


@contextmanager
def without_hashes() -> Iterator[None]:
    """As the product is where whole files cannot be had: the hash of the samples is not asked for."""
    with ExitStack() as stack:
        for module in (wav, aiff):
            stack.enter_context(patch.object(module, "pcm_md5", return_value=None))
        stack.enter_context(patch.object(Ffmpeg, "sample_hashes", return_value=frozenset()))
        yield


def look(path: Path) -> Seen:
    """Inspect, fingerprint and measure the file as the product does."""
    try:
        measured = media.measure(path)
    except Permanent as error:
        return Seen(error.code, None, None, {})
    properties = asdict(measured.properties) if measured.properties else {}
    properties.pop("pcm_md5", None)
    found = measured.fingerprint
    return Seen(SUCCESS, found.text if found else None, found.duration if found else None, properties)


def trace(paths: Sequence[Path]) -> dict[Path, Traced]:
    """Look at each file under strace.

    Raises:
        RuntimeError: strace or the look failed, or the files were read in a way that is not counted.
    """
    with tempfile.TemporaryDirectory() as folder:
        prefix = Path(folder) / "trace"
        options = ["-ff", "--seccomp-bpf", "-y", "-s", "1", "-e", "trace=%desc,execve", "-o", str(prefix)]
        done = subprocess.run(
            [_STRACE, *options, sys.executable, "-m", "analysis.bytes_read", *(str(path) for path in paths)],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"under strace: {done.stderr.strip()[-500:]}")
        seen = [Seen(**json.loads(line)) for line in done.stdout.splitlines()]
        reads: dict[str, dict[str, list[Range]]] = {str(path): {} for path in paths}
        for file in sorted(Path(folder).glob("trace.*")):
            with file.open(errors="replace") as lines:
                count(lines, reads)
    return {path: Traced(one, reads[str(path)]) for path, one in zip(paths, seen, strict=True)}


def count(lines: Iterable[str], reads: dict[str, dict[str, list[Range]]]) -> None:
    """Add what one process or thread read of the files that are the keys of `reads`.

    Raises:
        RuntimeError: a call that is not known here had to do with one of them, or a thread read whose offset is shared.
    """
    program = ""
    offsets: dict[tuple[str, str], int] = {}
    for line in lines:
        call = _CALL.match(line)
        if call is None:
            continue
        name, arguments, result, opened = call.groups()
        if name == "execve":
            program = Path(arguments.split('"')[1]).name if result == "0" else program
        elif opened in reads and name == "openat":
            offsets[result, opened] = 0
        elif (descriptor := _DESCRIPTOR.match(arguments)) and descriptor[2] in reads and opened is None:
            file = (descriptor[1], descriptor[2])
            piece = _piece(name, arguments, int(result), offsets, file)
            if piece and not program:
                raise RuntimeError(f"a thread reads {file[1]}, and nobody knows at which offset")
            if piece:
                reads[file[1]].setdefault(re.sub(r"^python.*", "python", program), []).append(piece)
        elif opened in reads or any(f"<{path}>" in arguments for path in reads):
            raise RuntimeError(f"{name} of an audio file is not counted: {line.strip()[:200]}")


def _piece(
    name: str, arguments: str, result: int, offsets: dict[tuple[str, str], int], file: tuple[str, str]
) -> Range | None:
    """What the call read; keeps the descriptor's offset."""
    if name == "lseek":
        offsets[file] = result
    elif name == "read":
        start = offsets[file]
        offsets[file] = start + max(result, 0)
        return (start, start + result) if result > 0 else None
    elif name == "pread64":
        start = int(arguments.rsplit(", ", 1)[1])
        return (start, start + result) if result > 0 else None
    elif name not in _HARMLESS:
        raise RuntimeError(f"{name} of {file[1]} is not counted")
    return None


if __name__ == "__main__":
    with without_hashes():
        for argument in sys.argv[1:]:
            print(json.dumps(asdict(look(Path(argument)))))
