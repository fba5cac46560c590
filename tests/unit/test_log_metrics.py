"""infra/log_metrics.json counts the lines that the functions really log: a renamed one would make an alert silent."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
METRICS: dict[str, Any] = json.loads((ROOT / "infra" / "log_metrics.json").read_text())

# The functions as they are deployed, their logs included, over fakes at the ports.
SERVED = """
import base64, json
import functions_framework
from audiodup import wiring
from audiodup.errors import ApiUnavailable, NotFound
from audiodup.model import Measured
from tests.unit.test_steps import *

def call(name, body=None, **parts):
    wiring.parts().built.update(parts)
    app = functions_framework.create_app(target=name, source=f"functions/{name}.py")
    app.test_client().post("/", json=body)
"""
FINGERPRINT = f"""{SERVED}
def request(data, error=None, measured=None):
    message = {{"message": {{"messageId": "1", "data": base64.b64encode(data).decode()}}, "subscription": "s"}}
    fingerprinter = FakeFingerprinter(error, measured)
    call("fingerprint", message, source=FakeSource(), fingerprinter=fingerprinter, inbox=FakeInbox(),
         publisher=FakePublisher())

request(REQUEST.encode())
request(REQUEST.encode(), measured=Measured(HEARD, slow=SLOW))
request(REQUEST.encode(), NotFound("gone"))
request(REQUEST.encode(), ApiUnavailable("away"))
request(b"junk")
"""
SCHEDULER = f"""{SERVED}
for store in (FakeStore(), FakeStore(flying=3), FakeStore(waiting=[ASSET]), FakeStore(mergeable=False)):
    call("scheduler", store=store, publisher=FakePublisher())
"""


def lines_of(program: str) -> list[dict[str, Any]]:
    """What a program logs."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'scripts'}"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def counts(metric: str, line: Mapping[str, Any]) -> bool:
    """Whether the filter that infra/log_metrics.tf makes of the fields takes a line. (As JSON: False is not 0.)"""
    return all(
        field in line and json.dumps(line[field]) in [json.dumps(value) for value in values]
        for field, values in METRICS[metric]["fields"].items()
    )


def label(expression: str, line: Mapping[str, Any]) -> str:
    """What Cloud Logging extracts from a line; nothing where it finds nothing."""
    extract = re.fullmatch(r'(?:REGEXP_)?EXTRACT\(jsonPayload\.(\w+)(?:, "(.+)")?\)', expression)
    assert extract, expression
    found = re.search(extract[2] or "(.*)", str(line[extract[1]]))
    return found[1] if found else ""


def test_outcomes_are_counted_by_status_and_code() -> None:
    """Each outcome that is stored, and nothing that comes again or was never read."""
    assert METRICS["outcomes"]["function"] == "fingerprint"
    lines = lines_of(FINGERPRINT)
    assert [counts("outcomes", line) for line in lines] == [True, True, True, False, False]
    labels = METRICS["outcomes"]["labels"]
    assert [{name: label(how, line) for name, how in labels.items()} for line in lines[:3]] == [
        {"status": "SUCCESS", "code": ""},
        {"status": "SHORT", "code": ""},
        {"status": "FAILED", "code": "NOT_FOUND"},
    ]


def test_an_idle_tick_found_nothing_to_do() -> None:
    """One that saw something in flight, published something or could not merge is no sign that all is well."""
    assert METRICS["idle_ticks"]["function"] == "scheduler"
    lines = lines_of(SCHEDULER)
    assert [counts("idle_ticks", line) for line in lines] == [True, False, False, False]


@pytest.mark.parametrize("file", ["monitoring.tf", "dashboard.json.tftpl"])
def test_alert_and_dashboard_ask_for_statuses_that_are_counted(file: str) -> None:
    """They name them once more, in Monitoring's own languages."""
    asked = re.findall(r'status=~?\\?"([A-Z|]+)', (ROOT / "infra" / file).read_text())
    assert asked
    for statuses in asked:
        assert set(statuses.split("|")) <= set(METRICS["outcomes"]["fields"]["message"])
