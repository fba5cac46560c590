"""Backfill against the emulator and a warehouse: what is published, what is left alone, what is said."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.backfilling import Surroundings, numbered, succeed, write_csv
from tests.parts import require_emulator
from tests.processor import wait_until

from audiodup.messages import FingerprintRequest
from audiodup.model import Asset, Outcome, Status
from stack.emulator import Emulator, start_emulator
from stack.processes import Processes
from stack.warehouse import Warehouse, start_warehouse

TRACEBACK = "Traceback"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Emulator, Warehouse]]:
    require_emulator()
    with Processes(tmp_path_factory.mktemp("stack")) as processes:
        # A killed client leaves its lock for a while, on Snowflake for up to five minutes.
        store = tmp_path_factory.mktemp("data") / "store"
        yield start_emulator(processes), start_warehouse(processes, store, idle_seconds=2)


@pytest.fixture
def around(servers: tuple[Emulator, Warehouse], tmp_path: Path) -> Iterator[Surroundings]:
    around = Surroundings(tmp_path, *servers)
    yield around
    around.close()


def test_what_nobody_has_done_is_published_and_the_rest_is_named(around: Surroundings) -> None:
    """Once each, QUEUED with the time of the message, through files of several per asset."""
    now = around.store.clock()
    new, done, failed, flying = numbered(4)
    second = Asset(new.asset_id, "b.wav", "wav", "artlist")
    around.library([new, second, done, failed, flying])
    around.store.append(
        [
            Outcome(done, Status.SHORT, now),
            Outcome(failed, Status.FAILED, now, error="CORRUPT: x"),
            Outcome(flying, Status.QUEUED, now),
        ]
    )
    table = '\ufeff"Asset ID";"Titel"\r\n' + "".join(f'"{one.asset_id}";"x"\r\n' for one in numbered(4))
    (around.home / "ids.csv").write_bytes((table + f'"nobody";""\r\n"{"9" * 51}";\r\n0000000;\r\n').encode())
    run = around.run("--file", "ids.csv", "--json")
    assert around.drain() == {new: 1, second: 1}
    assert {request.requested_at for request in around.received} == {
        listed.requested_at for listed in around.store.library([new.asset_id])
    }
    assert around.statuses() == {
        new.asset_id: "QUEUED",
        done.asset_id: "SHORT",
        failed.asset_id: "FAILED",
        flying.asset_id: "QUEUED",
    }
    told = sorted((record["asset_id"] or "", record["file_key"], record["state"]) for record in run.records)
    assert told == [
        ("", None, "malformed"),
        ("0000000", "0.mp3", "published"),
        ("0000000", "b.wav", "published"),
        ("0000001", "1.mp3", "done"),
        ("0000002", "2.mp3", "failed_before"),
        ("0000003", "3.mp3", "in_flight"),
        ("nobody", None, "unknown"),
    ]
    summary = {name: value for name, value in run.summary.items() if name != "seconds"}
    assert summary == {
        "ids": 5,
        "files": 2,
        "unknown": 1,
        "done": 1,
        "in_flight": 1,
        "failed_before": 1,
        "malformed": 1,
        "duplicates": 1,
        "header": "Asset ID",
        "published": 2,
        "success": 0,
        "short": 0,
        "failed": 0,
        "by_error": {},
        "expired": 0,
        "unfinished": 2,
    }
    assert run.status == 1
    assert run.stderr == ""


def test_ids_come_from_a_query_a_span_of_time_or_the_command_line(around: Surroundings) -> None:
    """And a second run, of the same, publishes nothing."""
    old, new = datetime(2020, 1, 1, tzinfo=UTC), datetime(2024, 6, 1, tzinfo=UTC)
    library = numbered(8)
    around.store.replace_assets((asset, old if place < 4 else new) for place, asset in enumerate(library))
    ways = [
        (("--query", "SELECT ASSET_ID FROM AUDIO_ASSET WHERE FILE_KEY LIKE '_.mp3' AND CREATED_AT < '2020-01-02';"), 4),
        (("--asset-ids", "'0000005', 0000005"), 1),
        (("--since", "2024-06-01", "--until", "2024-06-01T00:00:01+00:00"), 3),
        (("--all-pending",), 0),
    ]
    for options, published in ways:
        run = around.run(*options, "--json")
        assert (run.status, run.summary["published"]) == (0, published), options
    assert around.drain() == dict.fromkeys(library, 1)


def test_a_dry_run_publishes_and_stores_nothing(around: Surroundings) -> None:
    """It counts, by the table."""
    around.library(numbered(3))
    run = around.run("--all-pending", "--dry-run")
    assert (run.status, run.stdout, run.stderr) == (0, "   to publish  3 files\n", "")
    assert not around.drain()
    assert around.statuses() == {}
    assert [path.name for path in around.home.iterdir()] == ["secrets"]


def test_a_query_that_is_wrong_or_does_more_is_wrong_usage(around: Surroundings) -> None:
    """In a line each; nothing has happened."""
    around.library(numbered(3))
    for query, words in [
        ("SELECT NOTHING FROM NOWHERE", "--query: 002003 (42S02): "),
        ("SELECT 1, 2, 'x", "--query: a quote or a comment in it does not end; "),
        ("DELETE FROM AUDIO_ASSET", "--query: it does not begin with SELECT or WITH; "),
    ]:
        run = around.run("--query", query)
        assert (run.status, run.stdout) == (2, "")
        assert run.stderr.startswith(words)
        assert TRACEBACK not in run.stderr
    assert around.store.unfinished_ids("", 9)[1] == 3


def test_stats_are_the_librarys(around: Surroundings) -> None:
    """The same as the processor's."""
    around.library(numbered(3))
    run = around.run("--stats", "--json")
    assert json.loads(run.stdout)["pending"] == 3


def test_never_more_are_unfinished_than_asked_and_failures_are_named(around: Surroundings) -> None:
    """By the table: what has its row makes room, whoever wrote it; a FAILED one too, and it is not asked for again."""
    library = numbered(60)
    around.library(library)
    sizes: list[int] = []
    waiting: list[FingerprintRequest] = []

    def judge(requests: list[FingerprintRequest]) -> list[Outcome]:
        # Nothing is stored until no more comes: what waits then is all that was published.
        waiting.extend(requests)
        if requests or not waiting:
            return []
        sizes.append(len(waiting))
        failed = {request for request in waiting if request.asset.asset_id.endswith("7")}
        outcomes = [
            Outcome(request.asset, Status.FAILED, request.requested_at, error="CORRUPT: ends early")
            if request in failed
            else succeed(request)
            for request in waiting
        ]
        waiting.clear()
        return outcomes

    with around.functions(judge, pause=0.5):
        run = around.run("--all-pending", "--max-in-flight", 20, "--batch-size", 15, "--json")
    assert around.drain() == dict.fromkeys(library, 1)
    assert 15 <= max(sizes) <= 20
    assert run.summary["published"] == 60
    failed = [record for record in run.records if record["state"] == "failed"]
    assert {record["error"] for record in failed} == {"CORRUPT: ends early"}
    assert run.summary["failed"] == run.summary["by_error"]["CORRUPT"] == len(failed) > 0
    assert run.status == 1


def test_kill_at_any_moment_loses_nothing(around: Surroundings) -> None:
    """kill -9 while it publishes, again and again, then --resume: every file at least once, twice what was in hand."""
    library = numbered(2000)
    around.library(library)
    options = ("--file", write_csv(around.home / "ids.csv", library).name, "--resume", "--batch-size", 300)
    moments = random.Random(6)
    with around.functions():
        for kill in range(3):
            before = len(around.received)
            with around.started(*options, "--max-in-flight", 2000, "--rate", "400/s") as running:
                wait_until(lambda: len(around.received) > before, seconds=60)  # noqa: B023 - within its round
                time.sleep(moments.uniform(0, 0.7))
                assert running.process.poll() is None, f"it was done before kill {kill}"
                running.process.kill()
                running.process.wait()
        run = around.run(*options, "--json")
    times = around.drain()
    twice = sum(count - 1 for count in times.values())
    print(f"3 kills, {twice} of {len(library)} published twice")
    assert set(times) == set(library)
    assert twice <= 3 * 300
    assert run.status == 0
    assert around.statuses() == dict.fromkeys((asset.asset_id for asset in library), "SUCCESS")
    assert not list((around.home / ".audiodup").iterdir())


def test_an_interrupt_ends_the_page_and_says_how_to_go_on(around: Surroundings) -> None:
    """Other ids have nothing to go on with, nor have these in another store; the same go on."""
    library = numbered(40)
    around.library(library)
    file = write_csv(around.home / "ids.csv", library)
    # Nobody does anything: it waits for room.
    with around.started("--file", file.name, "--batch-size", 10, "--max-in-flight", 20) as running:
        wait_until(lambda: around.pull() and len(around.received) == 19, seconds=60)
        second = around.run("--file", file.name)
        assert (second.status, second.stdout) == (3, "")
        assert second.stderr.startswith("UNUSABLE: ids.csv is being backfilled by another run")
        running.interrupt()
        run = running.ended()
    assert run.status == 130
    assert "Interrupted: 20 of 41 ids are confirmed; the same command with --resume goes on.\n" in run.stderr
    assert "published  19 files: 19 not finished yet" in run.stdout
    other = around.run("--all-pending", "--resume")
    assert (other.status, other.stdout) == (2, "")
    assert "What was: ids.csv (20 ids confirmed)" in other.stderr
    write_csv(file, library[1:])
    assert around.run("--file", file.name, "--resume").status == 2
    write_csv(file, library)
    with around.functions():
        run = around.run("--file", file.name, "--resume", "--json")
    assert (run.status, run.summary["ids"], run.summary["published"]) == (0, 21, 21)
    assert around.drain() == dict.fromkeys(library, 1)


LISTED = """
import sys
from pathlib import Path
from audiodup.model import NEVER, Asset
from audiodup.wiring import command_line_parts
store = command_line_parts(database=Path("store")).store
store.replace_assets((Asset(f"a{number}", "k", "mp3", "p"), NEVER) for number in range(30))
"""


def test_the_embedded_store_does_too(around: Surroundings) -> None:
    """All on one machine; its checkpoint is beside it, and what it has queued it does not publish again."""
    subprocess.run([sys.executable, "-c", LISTED], cwd=around.home, env=around.environment(), check=True)
    options = ("--all-pending", "--database", "store", "--batch-size", 10, "--json")
    for published in (30, 0):
        with around.started(*options) as running:
            run = running.ended()
        assert (run.status, run.stderr) == (0, "")
        assert (run.summary["published"], run.summary["in_flight"]) == (published, 30 - published)
    assert around.drain() == {Asset(f"a{number}", "k", "mp3", "p"): 1 for number in range(30)}
    assert not list((around.home / "store").glob("backfill-*"))
    assert not (around.home / ".audiodup").exists()


def test_it_goes_on_when_pubsub_and_the_store_are_back(tmp_path: Path) -> None:
    """Both go away in the middle; each file is published once and confirmed, and what was waited for is said."""
    require_emulator()
    with Processes(tmp_path / "stack") as processes:
        emulator, warehouse = start_emulator(processes), start_warehouse(processes, tmp_path / "store")
        (tmp_path / "home").mkdir()
        around = Surroundings(tmp_path / "home", emulator, warehouse)
        library = numbered(120)
        around.library(library)
        with around.started(
            "--all-pending", "--batch-size", 10, "--rate", "20/s", "--json", PUBLISH_SECONDS=2
        ) as running:
            wait_until(lambda: running.stdout.read_bytes().count(b"\n") >= 20, seconds=60)
            processes.kill(processes.by_name()["pubsub"])
            wait_until(lambda: b"trying again" in running.stderr.read_bytes(), seconds=60)
            start_emulator(processes, int(emulator.address.rpartition(":")[2]))
            around.topology.create()
            wait_until(lambda: b"That is over: going on." in running.stderr.read_bytes(), seconds=60)
            processes.kill(processes.by_name()["warehouse"])
            time.sleep(2)
            # What is not said: the connector itself tries a statement again that was on its way.
            start_warehouse(processes, tmp_path / "store", warehouse.port)
            run = running.ended()
        around.close()
    published = Counter(record["asset_id"] for record in run.records if record["state"] == "published")
    assert published == dict.fromkeys((asset.asset_id for asset in library), 1)
    assert run.stderr.startswith("PUBLISH_FAILED: ")
    assert TRACEBACK not in run.stderr
    assert (run.status, run.summary["published"]) == (0, 120)
