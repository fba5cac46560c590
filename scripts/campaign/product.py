"""What a row of a good file has to hold: known from making the file, and from a bare fpcalc for a sample of them."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path

from stack.processes import StackError

SAMPLE = 300
"""So many files are fingerprinted here too. For 10,000 that would take minutes; of the others it is known that each
sounds otherwise, and so has a fingerprint of its own.
"""


@dataclass(frozen=True, slots=True)
class Product:
    """All of a row but its fingerprint."""

    sha256: str | None
    file_size: int | None
    duration: float | None
    container: str | None
    codec: str | None
    channels: int | None
    sample_rate: int | None
    pcm_md5: str | None


def listen(folder: Path, keys: Sequence[str], seed: int) -> dict[str, str]:
    """Fingerprints by key, of a sample of the files, by fpcalc without any of the code on trial.

    Raises:
        StackError: it is not installed, or is not what it should be.
    """
    program = shutil.which("fpcalc")
    if program is None:
        raise StackError("fpcalc is missing: install libchromaprint-tools")

    def heard(key: str) -> str:
        # Its exit status is 3 for every file that ends before the length asked for.
        command = [program, "-json", "-length", "120", str(folder / key)]
        completed = subprocess.run(command, capture_output=True, check=False)
        try:
            return str(json.loads(completed.stdout)["fingerprint"])
        except (ValueError, KeyError) as error:
            raise StackError(f"fpcalc gives no fingerprint of {key}: {completed.stderr[:200]!r}") from error

    chosen = random.Random(f"{seed} listen").sample(keys, min(SAMPLE, len(keys)))  # noqa: S311 - it has to come again
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(chosen, pool.map(heard, chosen), strict=True))


def differences(expected: Product, found: Product) -> str:
    """In words; empty where there are none."""
    pairs = ((field.name, getattr(found, field.name), getattr(expected, field.name)) for field in fields(Product))
    return ", ".join(f"{name} {is_it!r} instead of {should!r}" for name, is_it, should in pairs if is_it != should)


def shared(fingerprints: Mapping[tuple[str, str], str | None]) -> Iterator[list[tuple[str, str]]]:
    """The files that have one and the same fingerprint."""
    having: defaultdict[str | None, list[tuple[str, str]]] = defaultdict(list)
    for key, text in sorted(fingerprints.items()):
        having[text].append(key)
    yield from (keys for text, keys in having.items() if text is not None and len(keys) > 1)
