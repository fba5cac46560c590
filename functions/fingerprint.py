"""Entry point: a pushed FingerprintRequest becomes a row."""

import functions_framework
import structlog
from flask import Request, Response

from audiodup import serving, steps, wiring
from audiodup.messages import decode_asset
from audiodup.model import Status

log = structlog.get_logger()


@functions_framework.http
def fingerprint(request: Request) -> Response:
    """Answer one push request."""
    return serving.serve(request, lambda: _handle(request), project=lambda: wiring.parts().project())


def _handle(request: Request) -> None:
    parts = wiring.parts()
    message = serving.pushed(request)
    if asset := decode_asset(message.data):
        structlog.contextvars.bind_contextvars(asset_id=asset.asset_id, file_key=asset.file_key)
    result = steps.fingerprint_message(
        message,
        parts.source,
        parts.fingerprinter,
        parts.inbox,
        lambda: parts.publisher,
        parts.deadline(),
    )
    if result is None:
        log.error("malformed message put on the dead-letter topic")
        return
    outcome = result.outcome
    level = log.warning if outcome.status is Status.FAILED else log.info
    level(
        outcome.status.value,
        error=outcome.error,
        milliseconds=result.milliseconds,
    )
