"""HTTP answers of the functions: health, what Pub/Sub and Cloud Scheduler take for success, failure and retry."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from flask import Request, Response

from audiodup.errors import AudioDupError, Malformed, Transient
from audiodup.logs import TRACE_FIELD, trace_of
from audiodup.messages import PushMessage, decode_push

log = structlog.get_logger()

HEALTH = "/health"
# Pub/Sub takes 102, 200, 201, 202 and 204 as acknowledged; everything else comes again.
ACKNOWLEDGED = 204
TRY_AGAIN = 503


def serve(
    request: Request, work: Callable[[], Mapping[str, Any] | Response | None], *, project: Callable[[], str]
) -> Response:
    """Answer a request: `/health` at once, 200 with what `work` returns as JSON, 204 where it returns nothing, or its
    own answer.

    A transient error is answered 503 and anything unforeseen 500, without its text: it may hold what nobody should
    see, and the log has it.
    """
    if request.path == HEALTH:
        return Response("ok\n", mimetype="text/plain")
    structlog.contextvars.clear_contextvars()
    if trace := trace_of(request.headers.get, project()):
        structlog.contextvars.bind_contextvars(**{TRACE_FIELD: trace})
    try:
        result = work()
    except Transient as error:
        log.warning("to be tried again", code=error.code, error=str(error))
        return Response(error.code + "\n", TRY_AGAIN, mimetype="text/plain")
    except AudioDupError as error:
        # The instance is not as it must be (no fpcalc, say): a person has to act; until then the message comes again.
        log.critical("cannot work", code=error.code, error=str(error), remedy=error.remedy)
        return Response(error.code + "\n", 500, mimetype="text/plain")
    except Exception:
        log.exception("unforeseen error")
        return Response("INTERNAL\n", 500, mimetype="text/plain")
    if result is None:
        return Response(status=ACKNOWLEDGED)
    if isinstance(result, Response):
        return result
    return Response(json.dumps(result) + "\n", mimetype="application/json")


def pushed(request: Request) -> PushMessage:
    """The message of a push request. A body that is no envelope is taken as the data itself, so that the step finds it
    malformed and it ends in the dead letters instead of coming again for ever.
    """
    body = request.get_data()
    try:
        message = decode_push(body)
    except Malformed:
        message = PushMessage("", body, {})
    structlog.contextvars.bind_contextvars(message_id=message.message_id)
    return message
