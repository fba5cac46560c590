"""Entry point: a pushed FingerprintRequest becomes a row."""

import functions_framework
import structlog
from flask import Request, Response

from audiodup import serving, steps, wiring
from audiodup.model import Status

log = structlog.get_logger()


@functions_framework.http
def fingerprint(request: Request) -> Response:
    """Answer one push request."""
    return serving.serve(request, lambda: _handle(request), project=lambda: wiring.parts().project())


def _handle(request: Request) -> None:
    parts = wiring.parts()
    result = steps.fingerprint_message(
        serving.pushed(request),
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
    level = log.info if outcome.status is Status.SUCCESS else log.warning
    level(
        outcome.status.value,
        asset_id=outcome.asset.asset_id,
        file_key=outcome.asset.file_key,
        error=outcome.error,
        milliseconds=result.milliseconds,
    )
