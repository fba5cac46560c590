"""The redrive's command line is killed, interrupted, or cut off, with the real emulator: nothing is lost."""

from __future__ import annotations

import fcntl
import gc
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.parts import require_emulator
from tests.redriving import CODE, Bench, assets

import dead_letters
from audiodup.messages import FingerprintRequest
from audiodup.model import Asset, Outcome, Status
from audiodup.settings import read_settings
from audiodup.wiring import Parts
from cli import Exit
from stack.emulator import Emulator, start_emulator
from stack.processes import Processes
from stack.subscriptions import Topology

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
# The script itself, in small pages, so that there is much to be killed between; and the emulator is near.
SCRIPT = """
import audiodup.subscriber, dead_letters, redrive
audiodup.subscriber.AT_ONCE = dead_letters.PAGE = redrive.PAGE = 50
dead_letters.WAIT_SECONDS = 0.2
redrive.app()
"""
# The shortest that Pub/Sub takes: so long the letters of a killed run are hidden.
DEADLINE_SECONDS = 10
KILLS, FILES = 5, 300


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    require_emulator()
    with Processes(tmp_path_factory.mktemp("stack")) as processes:
        yield start_emulator(processes)


@dataclass
class Commands:
    """The command line over a bench's store and topics."""

    bench: Bench
    database: Path
    environment: dict[str, str]

    def start(self, *options: object, **settings: str) -> subprocess.Popen[bytes]:
        """Its output comes as it is read: it is never far ahead of its reader."""
        # DuckDB lets one process have the store: ours gives it up before.
        self.bench.parts.store.close()
        self.bench.parts.built.clear()
        gc.collect()
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, "--database", str(self.database), *map(str, options)],
            env={**self.environment, **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        if process.stdout is not None and hasattr(fcntl, "F_SETPIPE_SZ"):
            fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
        return process

    def run(self, *options: object, **settings: str) -> tuple[int, str, str]:
        with self.start(*options, **settings) as process:
            stdout, stderr = process.communicate(timeout=60)
        return process.returncode, stdout.decode(), stderr.decode()

    def elsewhere(self, project: str) -> Bench:
        """The same store, and other topics."""
        topology = topology_of(Emulator(self.bench.topology.address, project))
        parts = Parts(self.bench.parts.settings.model_copy(update={"google_cloud_project": project}))
        return replace(self.bench, parts=parts, topology=topology)


def topology_of(emulator: Emulator) -> Topology:
    topology = Topology(emulator)
    topology.limits |= {"ack_deadline_seconds": DEADLINE_SECONDS}
    topology.create()
    return topology


@pytest.fixture
def commands(
    emulator: Emulator, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Commands]:
    project = "p-" + request.node.name.replace("_", "-")[-50:]
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator.address)
    monkeypatch.setattr(dead_letters, "WAIT_SECONDS", 0.2)
    topology = topology_of(Emulator(emulator.address, project))
    database = tmp_path / "store"
    parts = Parts(read_settings(google_cloud_project=project, pubsub_profile="local"), database=database)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(SCRIPTS),
        "HOME": str(tmp_path),
        "PUBSUB_PROFILE": "local",
        "PUBSUB_EMULATOR_HOST": emulator.address,
        "GOOGLE_CLOUD_PROJECT": project,
    }
    with capture_logs():
        yield Commands(Bench(parts, topology, parts.store.clock() - timedelta(hours=1)), database, environment)
        parts.store.close()
    topology.close()


def fail_many(bench: Bench, count: int) -> list[str]:
    """Files that have FAILED, each with its letter; their keys."""
    library = assets(count)
    bench.list(*library)
    bench.store(*(Outcome(asset, Status.FAILED, bench.moment, error=f"{CODE}: 10 attempts") for asset in library))
    for asset in library:
        bench.topology.publish(FingerprintRequest(asset, bench.moment).encode(), topic="dead_letter")
    return [asset.file_key for asset in library]


def test_killed_at_any_point_nothing_is_lost_and_nothing_acknowledged_that_was_not_published(
    commands: Commands,
) -> None:
    """kill -9 at random points of publishing and of acknowledging, each time over files and topics of its own: a letter
    is away only if its file was published, the next run does the rest, and once the files are done so are all letters.
    """
    bench, dice = commands.bench, random.Random(6)
    library = assets(KILLS * FILES)
    bench.list(*library)
    bench.store(*(Outcome(asset, Status.FAILED, bench.moment, error=f"{CODE}: 10 attempts") for asset in library))
    places: list[tuple[Bench, list[Asset], int]] = []
    for number in range(KILLS):
        place, files = commands.elsewhere(f"p-killed-{number}"), library[number * FILES : (number + 1) * FILES]
        for asset in files:
            place.topology.publish(FingerprintRequest(asset, bench.moment).encode(), topic="dead_letter")
        # A line for each file that was published, then one for each letter that was acknowledged.
        point = dice.randrange(1, 2 * FILES // KILLS - 20) + number * 2 * FILES // KILLS
        ids = ",".join(asset.asset_id for asset in files)
        with commands.start("--asset-ids", ids, "--json", GOOGLE_CLOUD_PROJECT=f"p-killed-{number}") as process:
            assert process.stdout is not None
            assert len(list(islice(process.stdout, point))) == point
            process.kill()
        places.append((place, files, point))
    time.sleep(DEADLINE_SECONDS + 1)
    session = bench.parts.session
    acknowledged_in_all = 0
    for place, files, point in places:
        place.parts.built["session"] = session
        keys = {asset.file_key for asset in files}
        published = {request.asset.file_key for request in place.published()}
        acknowledged = keys - set(place.waiting())
        assert acknowledged <= published
        assert place.run(asset_ids=[asset.asset_id for asset in files]) is Exit.ALL_WELL
        again = {request.asset.file_key for request in place.published()}
        print(f"killed at line {point}: {len(published)} of {FILES} files were published,", end=" ")
        print(f"{len(acknowledged)} letters acknowledged; the next run published {len(again)}")
        rows = place.rows()
        assert {rows[key][0] for key in keys} == {Status.QUEUED}
        acknowledged_in_all += len(acknowledged)
    # Both halves were met; and what was queued but not published is the scheduler's when its lease is over.
    assert 0 < acknowledged_in_all < KILLS * FILES
    assert len(bench.parts.store.pending(2 * KILLS * FILES, 0)) == KILLS * FILES
    moment = bench.parts.store.clock()
    bench.store(*(Outcome(asset, Status.SUCCESS, moment) for asset in library))
    for place, _, _ in places:
        place.run(code=CODE)
        assert place.waiting() == []
        place.topology.close()


def test_killed_between_the_row_and_the_message_the_letter_stays(commands: Commands) -> None:
    """A QUEUED row is no proof of a publication: played by a Pub/Sub that takes the connection and answers nothing."""
    keys = fail_many(commands.bench, 3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with commands.start("--code", CODE, PUBSUB_EMULATOR_HOST=address) as process:
            silent.settimeout(60)
            with silent.accept()[0]:
                process.kill()
    code, stdout, stderr = commands.run("--code", CODE, "--json")
    assert code == 0, stderr
    summary = json.loads(stdout.splitlines()[-1])["summary"]
    assert (summary["published"], summary["dead_letters"], summary["acknowledged"]) == (0, {"in flight": 3}, {})
    assert commands.bench.published() == []
    assert commands.bench.waiting() == keys
    assert {status for status, _ in commands.bench.rows().values()} == {Status.QUEUED}


def test_an_interrupt_ends_the_wait_for_room_and_acknowledges_nothing(commands: Commands) -> None:
    """With a line that says how to go on; the rest is as it was."""
    keys = fail_many(commands.bench, 3)
    with commands.start("--code", CODE, "--max-in-flight", 1, "--json") as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130, stderr.decode()
    assert (first["file_key"], first["published"]) == (keys[0], True)
    assert json.loads(stdout.splitlines()[-1])["summary"]["published"] == 1
    assert b"Interrupted: the same command goes on." in stderr
    assert commands.bench.waiting() == keys
    assert [status for status, _ in commands.bench.rows().values()].count(Status.FAILED) == 2


def test_pubsub_out_of_reach_is_a_line(commands: Commands) -> None:
    """What has FAILED is printed all the same; where something was to be published the letters are left alone."""
    keys = fail_many(commands.bench, 3)
    away = {"PUBSUB_EMULATOR_HOST": "127.0.0.1:1", "PUBLISH_SECONDS": "1"}
    code, stdout, stderr = commands.run(**away)
    assert code == 3
    assert CODE in stdout
    assert stderr.splitlines()[-1].startswith("UNUSABLE: projects/")
    assert "is out of reach, try again later: " in stderr
    code, stdout, stderr = commands.run("--code", CODE, **away)
    assert code == 3
    assert stderr.splitlines()[-2].startswith("PUBLISH_FAILED: at least 3 messages were not taken")
    assert "Traceback" not in stderr
    assert commands.bench.waiting() == keys
