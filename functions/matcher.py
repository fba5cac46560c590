"""Entry point: match what is new in the library, and bring pairs and groups up to date."""

import time
from dataclasses import asdict
from typing import Any

import functions_framework
import structlog
from flask import Request, Response

from audiodup import serving, wiring

log = structlog.get_logger()


@functions_framework.http
def matcher(request: Request) -> Response:
    """Answer one call of Cloud Scheduler with what the run did."""
    return serving.serve(request, _run, project=lambda: wiring.parts().project())


def _run() -> dict[str, Any]:
    # numpy: a start-up probe does not wait for it.
    from audiodup import matching  # noqa: PLC0415

    parts = wiring.parts()
    # What does not fit into one request is left to the next.
    ends = time.monotonic() + parts.settings.request_seconds - parts.settings.store_seconds
    matched = matching.match(parts.index, parts.duplicates, stop=lambda: time.monotonic() > ends)
    done = asdict(matched) | {"found": {verdict.value: count for verdict, count in matched.found.items()}}
    (log.warning if matched.refused else log.info)("matched", **done)
    return done
