"""Entry point: match what is new in the library, and bring pairs and groups up to date."""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import functions_framework
import structlog
from flask import Request, Response

from audiodup import serving, wiring

log = structlog.get_logger()


class Pace:
    """Says stop as long as there is time for what follows: nobody can stop within a step, so none is begun that ends
    too late if it takes as long as the longest so far.

    Args:
        seconds: from now, for all steps.
        clock: in seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked = clock()
        self._end = self._asked + seconds
        self._longest = 0.0

    def __call__(self) -> bool:
        """Asked between two steps."""
        now = self._clock()
        self._longest = max(self._longest, now - self._asked)
        self._asked = now
        return now + self._longest > self._end


@functions_framework.http
def matcher(request: Request) -> Response:
    """Answer one call of Cloud Scheduler with what the run did."""
    return serving.serve(request, _run, project=lambda: wiring.parts().project())


def _run() -> dict[str, Any]:
    # numpy: a start-up probe does not wait for it.
    from audiodup import matching  # noqa: PLC0415

    parts = wiring.parts()
    # What does not fit into one request is left to the next; STORE_SECONDS are for the groups, which come last.
    pace = Pace(parts.settings.request_seconds - parts.settings.store_seconds)
    matched = matching.match(parts.index, parts.duplicates, stop=pace)
    done = asdict(matched) | {"found": {verdict.value: count for verdict, count in matched.found.items()}}
    (log.warning if matched.refused else log.info)("matched", **done)
    return done
