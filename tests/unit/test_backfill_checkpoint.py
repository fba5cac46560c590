"""A backfill's checkpoint: what it is bound to, whose it is, and what is said where it cannot be had."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import backfill
import checkpoint
from asset_ids import typed_ids
from audiodup.errors import Unusable
from checkpoint import Checkpoint, Progress, _locked
from id_sources import ListedIds

HELD = """
import sys, time
from pathlib import Path
from checkpoint import Checkpoint
with Checkpoint(Path(sys.argv[1]), ["x"]).held("ids.csv"):
    print("held", flush=True)
    time.sleep(60)
"""
BOUND_TO = {
    "snowflake_account": "a",
    "snowflake_host": "h",
    "snowflake_port": 1,
    "snowflake_database": "d",
    "snowflake_schema": "s",
    "google_cloud_project": "p",
}


def of(folder: Path, ids: str = "1,2", topic: str = "t", **settings: object) -> Checkpoint:
    """As the command line makes it."""
    parts: Any = SimpleNamespace(
        database=folder,
        settings=SimpleNamespace(**{**BOUND_TO, **settings}),
        pubsub=SimpleNamespace(request_topic=topic),
    )
    return backfill._checkpoint(parts, ListedIds("ids.csv", typed_ids(ids)))


@pytest.mark.parametrize("other", [{name: 2} for name in BOUND_TO] + [{"ids": "2,1"}, {"topic": "u"}])
def test_what_was_confirmed_elsewhere_is_not_confirmed_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: dict[str, Any]
) -> None:
    """In another store, into other topics, of other ids."""
    if isinstance(next(iter(other.values())), int):
        other = {name: str(value) for name, value in other.items()}
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    of(tmp_path).save(Progress("ids.csv", "1", 1))
    assert of(tmp_path).load() == Progress("ids.csv", "1", 1)
    assert of(tmp_path, **other).load() is None
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
    assert of(tmp_path).load() is None


def test_only_one_run_has_it(tmp_path: Path) -> None:
    """The second one is told; other ids are nobody's business, and nothing is left of the lock."""
    one, same, other = (Checkpoint(tmp_path / "new", [name]) for name in ("x", "x", "y"))
    with one.held("ids.csv"), other.held("more.csv"):
        with (
            pytest.raises(Unusable, match=r"ids.csv is being backfilled by another run.*--resume"),
            same.held("ids.csv"),
        ):
            pass
        one.save(Progress("ids.csv"))
        with pytest.raises(Unusable), same.held("ids.csv"):
            pass
    with same.held("ids.csv"):
        same.remove()
    assert list((tmp_path / "new").iterdir()) == []


def test_a_killed_run_has_it_no_more(tmp_path: Path) -> None:
    """The kernel sees to that."""
    command = [sys.executable, "-c", HELD, str(tmp_path)]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(checkpoint.__file__).parent)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(Unusable), Checkpoint(tmp_path, ["x"]).held("ids.csv"):
            pass
        process.send_signal(signal.SIGKILL)
    with Checkpoint(tmp_path, ["x"]).held("ids.csv"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_was_taken_away_meanwhile_is_none(tmp_path: Path) -> None:
    """Whoever opened it just before its run ended would else go on beside whoever comes next."""
    path = tmp_path / "x.lock"
    with path.open("w") as file:
        assert _locked(file.fileno(), path)
        path.unlink()
        assert not _locked(file.fileno(), path)
        path.touch()
        assert not _locked(file.fileno(), path)


def test_a_checkpoint_is_bound_to_its_input(tmp_path: Path) -> None:
    """Another input has none; it can say which there are."""
    one, other = Checkpoint(tmp_path, ["ids", "store"]), Checkpoint(tmp_path, ["ids", "another store"])
    progress = Progress("ids.csv", "7", 7, ("8", "9\u00fc"))
    one.save(progress)
    assert (one.load(), one.others()) == (progress, [])
    assert (other.load(), other.others()) == (None, [progress])
    one.remove()
    one.remove()
    assert one.load() is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"name": "x"}', b"\xff", json.dumps({"last": 1}).encode()]
)
def test_a_checkpoint_that_is_none_is_said(tmp_path: Path, content: bytes) -> None:
    """With what to do; it does not hide those of others."""
    checkpoint = Checkpoint(tmp_path, ["x"])
    checkpoint.save(Progress("x"))
    [file] = tmp_path.iterdir()
    file.write_bytes(content)
    with pytest.raises(Unusable, match="is no checkpoint: remove it"):
        checkpoint.load()
    assert Checkpoint(tmp_path, ["y"]).others() == []


def test_a_checkpoint_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """Where a file stands in the folder's place."""
    (tmp_path / "file").touch()
    with pytest.raises(Unusable, match="cannot be written: "):
        Checkpoint(tmp_path / "file", ["x"]).save(Progress("x"))
