"""Entry point: a dead letter becomes a FAILED row."""

import functions_framework
import structlog
from flask import Request, Response

from audiodup import serving, steps, wiring

log = structlog.get_logger()


@functions_framework.http
def dead_letter(request: Request) -> Response:
    """Answer one push request."""
    return serving.serve(request, lambda: _handle(request), project=lambda: wiring.parts().project())


def _handle(request: Request) -> None:
    parts = wiring.parts()
    message = serving.pushed(request)
    outcome = steps.record_dead_letter(message, parts.inbox, max_delivery_attempts=parts.pubsub.max_delivery_attempts)
    if outcome is None:
        log.error("dead letter names no asset", data=repr(message.data[:500]), attributes=dict(message.attributes))
    else:
        asset = outcome.asset
        log.error("dead letter", asset_id=asset.asset_id, file_key=asset.file_key, error=outcome.error)
