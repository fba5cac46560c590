"""Structured logs: one JSON object a line on stdout, as Cloud Logging reads it.

structlog's own printer is used and not the logging module: functions-framework may have installed a root handler at
WARNING (LOG_EXECUTION_ID), after which `logging.basicConfig(level=INFO)` does nothing.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO

import structlog

# https://cloud.google.com/logging/docs/structured-logging#special-payload-fields
TRACE_FIELD = "logging.googleapis.com/trace"


def configure(level: str = "INFO", file: TextIO | None = None) -> None:
    """Set up logging for this process, to `file` (default: stdout)."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.format_exc_info,
            _for_cloud_logging,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(file or sys.stdout),
        cache_logger_on_first_use=True,
    )


def trace_of(header: Callable[[str, str], str], project: str) -> str | None:
    """The trace a request belongs to, in Cloud Logging's form, from the W3C header or Google's older one."""
    if match := re.match(r"[0-9a-f]{2}-([0-9a-f]{32})-", header("traceparent", "")):
        return f"projects/{project}/traces/{match[1]}"
    if match := re.match(r"([0-9a-f]{32})", header("X-Cloud-Trace-Context", "")):
        return f"projects/{project}/traces/{match[1]}"
    return None


def _for_cloud_logging(_: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["severity"] = {"exception": "ERROR", "warn": "WARNING"}.get(method, method.upper())
    event["message"] = event.pop("event", "")
    return event
