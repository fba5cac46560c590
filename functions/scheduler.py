"""Entry point: one tick merges the inbox and publishes pending assets."""

from dataclasses import asdict
from typing import Any

import functions_framework
import structlog
from flask import Request, Response

from audiodup import serving, steps, wiring

log = structlog.get_logger()


@functions_framework.http
def scheduler(request: Request) -> Response:
    """Answer one call of Cloud Scheduler with what the tick did."""
    return serving.serve(request, _tick, project=lambda: wiring.parts().project())


def _tick() -> dict[str, Any]:
    parts = wiring.parts()
    tick = steps.schedule(
        parts.store, parts.publisher, room=parts.settings.room, lease_seconds=parts.pubsub.lease_seconds
    )
    done = asdict(tick)
    (log.warning if tick.unstorable else log.info)("tick", **done)
    return done
