"""The Flask app: its routes in blueprints, what templates know, and errors as pages."""

from __future__ import annotations

from typing import Any

import structlog
from flask import Flask, Response, g, render_template, request
from werkzeug.exceptions import HTTPException, InternalServerError

from audiodup.decisions import Changed, NoSuchPair
from audiodup.errors import AudioDupError, NotFound, Permanent, Transient
from audiodup.pages import deciding, listing, media, overview
from audiodup.pages.desk import EXTENSION, BadQuery, Desk
from audiodup.pages.environment import equip
from audiodup.pages.identity import NotSignedIn
from audiodup.pages.security import guard
from audiodup.serving import HEALTH

log = structlog.get_logger()

# A form with a filter and a pair: a few kilobytes at most.
_FORM_BYTES = 64_000


def make_app(desk: Desk) -> Flask:
    """The app over these ports; it is a WSGI application, and many threads may use it."""
    # Not /static: functions-framework keeps that for itself.
    app = Flask("audiodup.pages", static_url_path="/assets")
    app.extensions[EXTENSION] = desk
    app.config["MAX_CONTENT_LENGTH"] = _FORM_BYTES
    equip(app)
    guard(app)
    app.add_url_rule(HEALTH, "health", lambda: Response("ok\n", mimetype="text/plain"))
    for blueprint in (listing.pages, deciding.pages, media.pages, overview.pages):
        app.register_blueprint(blueprint)
    for kind, answer in _ANSWERS:
        app.register_error_handler(kind, answer)
    return app


def _refuse(status: int, words: str, remedy: str = "") -> tuple[Any, int]:
    if request.accept_mimetypes.best == "application/json":
        return {"error": words, "remedy": remedy}, status
    return render_template("error.html", status=status, words=words, remedy=remedy, who=g.get("who", "")), status


def _of_http(error: HTTPException) -> tuple[Any, int]:
    return _refuse(error.code or 500, error.description or error.name)


def _of_query(error: BadQuery) -> tuple[Any, int]:
    return _refuse(400, f"The address cannot be read: {error}.", "Go back to the list.")


def _of_pair(_: NoSuchPair) -> tuple[Any, int]:
    return _refuse(
        404, "There is no such pair.", "The matcher may have looked at these files again since: see the list."
    )


def _of_change(error: Changed) -> tuple[Any, int]:
    return _refuse(409, error.words)


def _of_stranger(error: NotSignedIn) -> tuple[Any, int]:
    return _refuse(401, str(error))


def _of_ours(error: AudioDupError) -> tuple[Any, int]:
    # The file's own fault, or ours to wait for; an alert counts what is above.
    status = next((code for kind, code in _STATUSES if isinstance(error, kind)), 500)
    log.warning("page refused", path=request.path, code=error.code, error=str(error))
    return _refuse(status, str(error), error.remedy)


def _of_anything(error: Exception) -> tuple[Any, int]:
    log.error("unforeseen error", path=request.path, exc_info=error)
    # Without its text: it may hold what nobody should see, and the log has it.
    return _refuse(500, InternalServerError.description, "The log says more.")


_STATUSES = ((Transient, 503), (NotFound, 404), (Permanent, 422))
_ANSWERS: tuple[tuple[type[Exception], Any], ...] = (
    (HTTPException, _of_http),
    (BadQuery, _of_query),
    (NoSuchPair, _of_pair),
    (Changed, _of_change),
    (NotSignedIn, _of_stranger),
    (AudioDupError, _of_ours),
    (Exception, _of_anything),
)
