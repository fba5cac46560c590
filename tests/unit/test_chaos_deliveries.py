"""What the campaign reads from deliveries and /proc: what failed for no reason, what was lost, who holds a file."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from tests.delivered import ASKED, Log, request

from campaign.disturbances import AFTERMATH_SECONDS, Disturbances
from campaign.evidence import holders
from campaign.outages import Outage
from campaign.plan import Event

GOOD, BEEP, CUT, TIRED = ((name, f"{name}.wav") for name in ("good", "beep", "cut", "tired"))


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "pusher.log")


@pytest.mark.parametrize(
    ("status", "ended", "explained"),
    [
        (None, 500.5, True),
        (None, 498, False),
        (None, 504, False),
        (503, 500.5, False),
        (503, 101, True),
        (503, 132 + AFTERMATH_SECONDS, True),
        (503, 133 + AFTERMATH_SECONDS, False),
        (500, 105, True),
    ],
)
def test_what_explains_a_failure(log: Log, status: int | None, ended: float, *, explained: bool) -> None:
    """A kill while it lasted, of which there is no answer; an outage and its aftermath."""
    disturbances = Disturbances(kills=[500], outages=[Outage(Event.STORE_DOWN, 100, 130)])
    message = log.write("8", request(BEEP, later=9), status, at=ended).deliveries().requests[-1]
    assert disturbances.unexplained([message]) == [[] if explained else message.deliveries]


def test_a_files_own_faults_explain_no_more_than_there_are(log: Log) -> None:
    """Whatever message about it met them."""
    log.write("8", request(BEEP, later=1), 503, 503).write("9", request(BEEP, later=2), 503, 503)
    one, other = Disturbances(planned={"beep": 3}).unexplained(log.deliveries().requests[-2:])
    assert (len(one), len(other)) == (0, 1)


def test_a_lost_outcome_is_seen_before_its_lease_ends(log: Log) -> None:
    """The store has an outcome or a newer request of whatever was acknowledged."""
    for key in (GOOD, BEEP, CUT):
        log.write(key[0], request(key), 204)
    log.write("tired", request(TIRED), None, 503).write("again", request(TIRED, later=60), 204)
    later = timedelta(seconds=60)
    found = log.deliveries()
    states = {
        "good": (ASKED, True),
        "beep": (ASKED, True),
        "cut": (ASKED + later, False),
        "tired": (ASKED + later, True),
    }
    assert found.lost(states) == []
    assert found.lost({**states, "good": (ASKED, False)}) == ["good"]
    assert found.lost({**states, "tired": (ASKED, True)}) == ["tired"]
    assert found.lost({name: state for name, state in states.items() if name != "beep"}) == ["beep"]


def test_what_comes_again_after_each_lease_is_seen(log: Log) -> None:
    """Two schedulers that ask at once are no lease."""
    for later in (0, 1, 700, 1400):
        log.write(f"2{later}", request(GOOD, later=later), 204)
    assert log.deliveries().asked_after(600, more_often_than=1) == ["good"]
    assert log.deliveries().asked_after(600, more_often_than=2) == []


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="there is no /proc to see open files in")
def test_an_open_file_without_a_name_is_seen(tmp_path: Path) -> None:
    """Gunicorn's own is none of ours."""
    nameless = [os.open(tmp_path, os.O_TMPFILE | os.O_RDWR) for _ in range(2)]
    with (tmp_path / "wgunicorn-x").open("w"):
        [line] = holders(tmp_path)
    assert line.endswith(f"({os.getpid()}) holds 2 files")
    for descriptor in nameless:
        os.close(descriptor)
    assert holders(tmp_path) == []
