"""Logs: one JSON object a line on stdout, whatever else has set up logging."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from audiodup.logs import TRACE_FIELD, trace_of


def run(program: str) -> list[dict[str, object]]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


SETUP = "import logging, structlog\nfrom audiodup import logs\nlog = structlog.get_logger()\n"


def test_info_comes_through_a_root_handler_at_warning() -> None:
    """functions-framework installs one (LOG_EXECUTION_ID), after which logging.basicConfig(level=INFO) is a no-op."""
    [line] = run(
        f"{SETUP}logging.basicConfig(level=logging.WARNING)\nlogs.configure('INFO')\n"
        "log.info('tick', published=3)\nlog.debug('statement')"
    )
    assert (line["severity"], line["message"], line["published"]) == ("INFO", "tick", 3)


def test_an_unforeseen_error_is_one_line_with_its_traceback() -> None:
    """Cloud Logging would make an entry of every line."""
    [line] = run(f"{SETUP}logs.configure()\ntry:\n    1 / 0\nexcept Exception:\n    log.exception('odd')")
    assert line["severity"] == "ERROR"
    assert "ZeroDivisionError" in str(line["exception"])


@pytest.mark.parametrize(
    ("headers", "trace"),
    [
        ({"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}, "a" * 32),
        ({"X-Cloud-Trace-Context": f"{'c' * 32}/1;o=1"}, "c" * 32),
        ({"traceparent": "nonsense", "X-Cloud-Trace-Context": "too short"}, None),
        ({}, None),
    ],
)
def test_the_trace_is_read_from_either_header(headers: dict[str, str], trace: str | None) -> None:
    """Then the lines of one request are found together."""
    assert trace_of(headers.get, "p") == (trace and f"projects/p/traces/{trace}")
    assert TRACE_FIELD == "logging.googleapis.com/trace"
