"""The fault campaign in its two-minute version passes its audit; without a remedy the audit names the damage."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.parts import require_emulator

from campaign import run
from campaign.plan import POISON, Event, Extra, Kind, Plan, Trouble, make_plan
from campaign.remedies import functions_without
from campaign.trial import Trial, hold_trial
from stack.processes import Processes

CHAOS = Path(__file__).resolve().parents[2] / "scripts" / "chaos.py"
SEED, FILES = 1, 200


def chaos(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    return subprocess.run(
        [sys.executable, str(CHAOS), *options],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """All faults but the loss of the emulator's messages, after which the lease would take 700 s."""
    require_emulator()
    report = tmp_path_factory.mktemp("report")
    options = [f"--files={FILES}", f"--seed={SEED}", "--keep-messages", f"--report={report}", "--json"]
    return chaos(*options), report


@pytest.fixture
def figures(campaign: tuple[subprocess.CompletedProcess[str], Path]) -> dict[str, Any]:
    completed, _ = campaign
    assert completed.stdout, completed.stderr
    found: dict[str, Any] = json.loads(completed.stdout.splitlines()[-1])["summary"]
    return found


# It has to be waited for by the first test that asks for it.
@pytest.mark.timeout(1200)
def test_the_audit_passes(campaign: tuple[subprocess.CompletedProcess[str], Path], figures: dict[str, Any]) -> None:
    """Every rule of it was looked at."""
    assert [line for line in figures["audit"] if not line["holds"]] == []
    assert len(figures["audit"]) == 13
    assert [line["rule"] for line in figures["audit"] if line["unjudged"]] == ["memory is flat"]
    assert campaign[0].returncode == 0, campaign[0].stderr


@pytest.mark.timeout(1200)
def test_the_faults_really_happened(figures: dict[str, Any]) -> None:
    """Otherwise the audit would prove little."""
    assert {*Trouble} <= figures["faults"].keys()
    assert "fingerprint.2" in figures["kills"]
    assert sum(figures["kills"].values()) >= 5
    assert {outage["event"] for outage in figures["outages"]} == {Event.STORE_DOWN, Event.STORE_FROZEN}
    assert all(outage["answered_503"] for outage in figures["outages"])
    assert figures["answers"]["none"], "no request was cut off by a kill"
    assert figures["tried_again_for"].keys() >= {"API_UNAVAILABLE", "DOWNLOAD_FAILED", "STORE_UNAVAILABLE"}
    assert figures["messages_beside_the_schedulers"].keys() == {*Extra}
    assert figures["ticks"]["another_merge_ran"], "the two schedulers never met"
    assert figures["dead_letters"] >= len(POISON) + round(0.005 * FILES)


@pytest.mark.timeout(1200)
def test_the_report_is_written_for_people_and_programs(
    campaign: tuple[subprocess.CompletedProcess[str], Path], figures: dict[str, Any]
) -> None:
    """The same figures; neither the machine's name nor a path of it."""
    _, report = campaign
    assert json.loads((report / "chaos.json").read_text()) == figures
    text = (report / "chaos.md").read_text()
    assert text.count("- holds   ") == 12
    assert f"| deliveries | {figures['deliveries']} |" in text
    for private in (platform.node(), str(report), str(Path.home()), str(CHAOS.parents[1])):
        assert private not in text
        assert private not in json.dumps(figures)


def damage(trial: Trial) -> dict[str, tuple[str, ...]]:
    """What speaks against each rule that does not hold."""
    return {finding.rule: finding.against for finding in trial.findings if not finding.holds}


def small_plan(events: dict[Event, float]) -> Plan:
    """Nothing that takes long: no API that is dead, no body that drips."""
    plan = make_plan(SEED, 20, lose_messages=False)
    files = [file for file in plan.files if file.kind is not Kind.DEAD and file.trouble is not Trouble.SLOW_LORIS]
    return replace(plan, files=files, events=events)


@pytest.mark.parametrize(
    ("remedy", "events", "rule", "words"),
    [
        (
            "commit",
            {Event.STORE_DOWN: 0.1},
            "good files are SUCCESS or SHORT, others FAILED with their code",
            "is QUEUED, though its message was acknowledged: its outcome is lost",
        ),
        ("insert", {}, "exactly one row a file in AUDIO_FINGERPRINT", "has 2 rows"),
    ],
    ids=["commit", "insert"],
)
def test_without_a_remedy_the_audit_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remedy: str, events: dict[Event, float], rule: str, words: str
) -> None:
    """The lost and the doubled files are named."""
    require_emulator()
    # So often that a file's QUEUED and its outcome are not merged at once.
    monkeypatch.setattr(run, "TICK_SECONDS", 1)
    functions = functions_without(remedy, tmp_path)
    with Processes(tmp_path / "stack") as processes:
        trial = hold_trial(processes, small_plan(events), tmp_path / "library", functions=functions, quiet_seconds=15)
    assert not trial.passed
    assert [line for line in damage(trial)[rule] if words in line], damage(trial)


def test_wrong_usage_is_one_line() -> None:
    completed = chaos("--without", "nothing")
    assert completed.returncode == 2
    assert completed.stderr.startswith("--without nothing: no such remedy; there is `commit` (")
    assert completed.stderr.count("\n") == 1


def test_a_missing_part_is_one_line(tmp_path: Path) -> None:
    """Where there is no Java, or no emulator."""
    completed = chaos("--files", "20", PATH=str(tmp_path), HOME=str(tmp_path), JAVA_HOME="", TMPDIR=str(tmp_path))
    assert completed.returncode == 3, completed.stderr
    assert "the Pub/Sub emulator" in completed.stderr
    assert "Traceback" not in completed.stderr
    assert list(tmp_path.iterdir()) == []
