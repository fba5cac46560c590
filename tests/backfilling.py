"""A backfill's surroundings, all of them real but the functions: Pub/Sub's emulator, a warehouse, the script."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from unittest.mock import patch

import structlog
from typer.testing import CliRunner

import backfill
from audiodup.messages import FingerprintRequest, decode_request
from audiodup.model import Asset, Outcome, Status
from audiodup.schema import apply_schema
from audiodup.session import Session, connect_to_snowflake
from audiodup.store import Store
from stack.emulator import Emulator
from stack.subscriptions import Topology, subscriber
from stack.warehouse import Warehouse, new_private_key
from tests.processor import Run

SCRIPT = Path(backfill.__file__)
# What the kernel says of this process alone: getrusage counts what its parent had when it was forked.
PEAK = """
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    [peak] = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
    print(int(peak) // 1024, file=sys.stderr)
"""


def succeed(request: FingerprintRequest) -> Outcome:
    """What the function does with a good file."""
    return Outcome(request.asset, Status.SUCCESS, request.requested_at)


class Surroundings:
    """A project in the emulator and a database in the warehouse that are one test's own."""

    def __init__(self, home: Path, emulator: Emulator, warehouse: Warehouse) -> None:
        self.home = home
        self.emulator = Emulator(emulator.address, f"test-{uuid.uuid4().hex[:12]}")
        self.topology = Topology(self.emulator)
        self.topology.create()
        key, _ = new_private_key()
        (home / "secrets").mkdir()
        (home / "secrets" / "key").write_bytes(key)
        database = f"D{uuid.uuid4().hex}".upper()
        self.session = Session(
            partial(
                connect_to_snowflake,
                account="local",
                user="audiodup",
                private_key=key,
                database=database,
                schema="AI_DATA",
                host=warehouse.host,
                port=warehouse.port,
                protocol="http",
                network_seconds=20,
            )
        )
        apply_schema(self.session)
        self.session.run("embedded/audio_asset")
        self.store = Store(self.session)
        self.settings = {
            **self.emulator.environment,
            **warehouse.environment,
            "SNOWFLAKE_DATABASE": database,
            "SNOWFLAKE_PRIVATE_KEY": "key",
            "SECRETS": str(home / "secrets"),
            "SNOWFLAKE_NETWORK_SECONDS": "5",
            "PUBLISH_SECONDS": "5",
            "PUBSUB_PROFILE": "local",
        }
        self.received: list[FingerprintRequest] = []
        """All that was ever pulled, in any order."""
        self._name = self.topology.subscription("request_push")
        self._client = subscriber(emulator.address)

    def close(self) -> None:
        """Close the connections."""
        self.session.close()
        self.topology.close()

    def library(self, assets: Iterable[Asset], made: datetime | None = None) -> None:
        """Make AUDIO_ASSET list these."""
        moment = made or self.store.clock()
        self.store.replace_assets((asset, moment) for asset in assets)

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, str(SCRIPT), *map(str, arguments)]

    def environment(self, **settings: object) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], **self.settings, **{name: str(value) for name, value in settings.items()}}

    def run(self, *arguments: object) -> Run:
        """Run the script to its end, in this process: its imports take seconds in one of its own."""
        before = structlog.get_config()
        # What the script sets up would hold for all tests behind this one.
        with contextlib.chdir(self.home), patch("audiodup.logs.configure"):
            structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
            try:
                result = CliRunner().invoke(backfill.app, list(map(str, arguments)), env=self.settings)
            finally:
                structlog.configure(**before)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Run(int(result.exit_code), result.stdout, result.stderr)

    @contextmanager
    def started(self, *arguments: object, **settings: object) -> Iterator[Started]:
        """Start it; at the end of the block it does not run any more."""
        out, err = self.home / "stdout", self.home / "stderr"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                self.command(*arguments),
                cwd=self.home,
                env=self.environment(**settings),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )
        with process:
            try:
                yield Started(process, out, err)
            finally:
                process.kill()

    def pull(self) -> list[FingerprintRequest]:
        """What is in the topic now, acknowledged."""
        with warnings.catch_warnings():
            # Deprecated since it may miss some: whoever calls it calls it again.
            warnings.simplefilter("ignore", DeprecationWarning)
            answer = self._client.pull(subscription=self._name, max_messages=1000, return_immediately=True, timeout=30)
        requests = [decode_request(received.message.data) for received in answer.received_messages]
        if requests:
            ids = [received.ack_id for received in answer.received_messages]
            self._client.acknowledge(subscription=self._name, ack_ids=ids)
        self.received += requests
        return requests

    def drain(self) -> Counter[Asset]:
        """How often each file was requested, once nothing comes any more."""
        quiet = 0
        while quiet < 5:
            quiet = 0 if self.pull() else quiet + 1
            if quiet:
                time.sleep(0.02)
        return Counter(request.asset for request in self.received)

    @contextmanager
    def functions(
        self, judge: Callable[[list[FingerprintRequest]], list[Outcome]] | None = None, pause: float = 0.02
    ) -> Iterator[None]:
        """Whatever is requested gets the outcome that `judge` gives it, as soon as the function would, or later."""
        over = threading.Event()

        def work() -> None:
            while not over.is_set():
                requests = self.pull()
                outcomes = judge(requests) if judge else [succeed(request) for request in requests]
                if outcomes:
                    self.store.append(outcomes)
                if not requests:
                    over.wait(pause)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def statuses(self) -> dict[str, Status]:
        """By asset id, after a merge."""
        assert self.store.merge()
        return {listed.asset.asset_id: listed.status for listed in self.store.library() if listed.status}


class Started:
    """A run that has not ended."""

    def __init__(self, process: subprocess.Popen[bytes], stdout: Path, stderr: Path) -> None:
        self.process = process
        self.stdout = stdout
        self.stderr = stderr

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def ended(self) -> Run:
        self.process.wait(timeout=60)
        return Run(self.process.returncode, self.stdout.read_text(), self.stderr.read_text())


def numbered(count: int, first: int = 0) -> list[Asset]:
    """Assets of one file each."""
    return [Asset(f"{number:07}", f"{number}.mp3", "mp3", "artlist") for number in range(first, first + count)]


def write_csv(file: Path, assets: Sequence[Asset]) -> Path:
    """A header and their ids."""
    file.write_text("asset_id,title\n" + "".join(f"{asset.asset_id},x\n" for asset in assets))
    return file
