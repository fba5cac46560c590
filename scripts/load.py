"""The local stack under load: a folder's files, over and over, each once through the whole system; and the cost."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from audiodup.wiring import command_line_parts
from campaign.deliveries import Deliveries
from campaign.evidence import log_lines
from campaign.memory import Sample
from cli import Exit, fail, say
from stack.system import LocalSystem

# As infra/ has it.
TICK_SECONDS = 60.0
SAMPLE_SECONDS = 2.0
SAY_SECONDS = 60.0
STANDSTILL_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Load:
    """What one run took."""

    files: int
    seconds: float
    """From the first tick to the last answer."""
    cpu: Mapping[str, tuple[float, float]]
    """CPU seconds by process: its own, and its children's (fpcalc and ffmpeg, where it is a function)."""
    statements: Counter[str]
    """By name, all functions together."""
    messages: int
    deliveries: int
    sent_bytes: int
    """By S3."""
    samples: Sequence[Sample]

    def per_file(self, count: float, digits: int = 4) -> float:
        """Rounded, for a report."""
        return round(count / self.files, digits)


def make_library(audio: Path, library: Path, files: int) -> Path:
    """A folder of `files` links to the audio files."""
    library.mkdir()
    listing = command_line_parts(folder=audio).folder.listing(lambda *_: None)
    sources = [audio / local.asset.file_key for local in listing]
    if not sources:
        fail(f"{audio}: no audio files", Exit.WRONG_USAGE)
    for number in range(files):
        source = sources[number % len(sources)]
        target = library / f"{number:05}{source.suffix}"
        try:
            os.link(source.resolve(), target)
        except OSError:
            target.write_bytes(source.read_bytes())
    return library


def put_through(system: LocalSystem, files: int) -> Load:
    """Tick until each of the `files` assets has its answer, and merge. The functions' LOG_LEVEL must be DEBUG."""
    parts = system.processes.by_name()
    topology = system.topology
    deliveries = Deliveries(
        parts["pusher"].log,
        request=topology.subscription("request_push").rpartition("/")[2],
        dead_letter=topology.subscription("dead_letter_push").rpartition("/")[2],
    )
    before = {name: running.cpu_seconds() for name, running in parts.items()}
    samples: list[Sample] = []
    began = moved = said = time.time()
    ticked = 0.0
    while len(deliveries.answered) < files:
        system.processes.check()
        now = time.time()
        if now - ticked > TICK_SECONDS:
            ticked = now
            system.tick()
        if now - said > SAY_SECONDS:
            said = now
            say(f"{len(deliveries.answered)} of {files} files are answered")
        if not samples or now - samples[-1].at > SAMPLE_SECONDS:
            resident = {name: running.memory_bytes() for name, running in system.functions.items()}
            samples.append(Sample(now, len(deliveries.answered), resident))
        count = deliveries.count
        deliveries.read()
        if deliveries.count > count:
            moved = now
        elif now - moved > STANDSTILL_SECONDS:
            done = len(deliveries.answered)
            fail(f"{done} of {files} answered, and nothing was delivered for {now - moved:.0f} s", Exit.SOME_FAILED)
        time.sleep(0.2)
    system.tick()
    after = {name: running.cpu_seconds() for name, running in parts.items()}
    return Load(
        files=files,
        seconds=max(delivery.ended for delivery in deliveries.attempts) - began,
        cpu={name: (after[name][0] - own, after[name][1] - children) for name, (own, children) in before.items()},
        statements=Counter(
            line["name"]
            for line in log_lines(running.log for running in system.functions.values())
            if line.get("message") == "statement"
        ),
        messages=len(deliveries.requests),
        deliveries=len(deliveries.attempts),
        sent_bytes=_sent_bytes(system),
        samples=samples,
    )


def _sent_bytes(system: LocalSystem) -> int:
    with requests.Session() as session:
        session.trust_env = False
        counts: dict[str, Any] = session.get(system.provider.counts_url, timeout=30).json()
    return int(counts["sent_bytes"])
