"""The provider's download API: `GET /assets/{asset_id}/files/{file_key}` answers `{"data": {"url": signed}}`.

It can be told to misbehave, per asset: `Fault` says how. `GET /counts` tells how often each asset was asked for.
"""

from __future__ import annotations

import hmac
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from flask import Flask, Response, jsonify, request

from .signatures import raw_target


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to misbehave, for the next `times` questions about an asset; several happen one after the other."""

    times: int | None = 1
    """None: for ever."""
    status: int | None = None
    """Answer with this status instead."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of that answer, `Retry-After` for one."""
    body: str | None = None
    """Answer with this text instead (status 200 unless set)."""
    expired: bool = False
    """Give a URL that has expired."""
    reset: bool = False
    """Reset the connection."""
    seconds: float = 0
    """Wait before going on."""


class Faults:
    """What is still to go wrong, by asset id (or by the key of an object)."""

    def __init__(self, faults: Mapping[str, Sequence[Fault]] | None = None) -> None:
        self._left = {asset: [(fault, fault.times) for fault in listed] for asset, listed in (faults or {}).items()}
        self._lock = threading.Lock()
        self.happened: Counter[str] = Counter()

    def next(self, asset_id: str) -> Fault | None:
        """The fault for this question, if there is one left."""
        with self._lock:
            left = self._left.get(asset_id)
            if not left:
                return None
            fault, times = left[0]
            self.happened[asset_id] += 1
            if times is not None:
                left[0] = (fault, times - 1)
                if times <= 1:
                    del left[0]
            return fault


def make_app(  # noqa: PLR0913 - its ports
    find: Callable[[str, str], str | None],
    url: Callable[[str], str],
    expired_url: Callable[[str], str],
    authorization: str,
    faults: Faults | None = None,
    elsewhere: Callable[[], Mapping[str, Any]] = dict,
) -> Flask:
    """The application.

    Args:
        find: object key of (asset_id, file_key), which is there when this returns; None for an unknown file.
        url: presigned URL of an object key.
        expired_url: the same, its time over.
        authorization: value that the header of this name must have.
        faults: what goes wrong.
        elsewhere: what was counted elsewhere, to be told by /counts too.
    """
    app = Flask("download_api")
    # A reset is an exception that must reach the server.
    app.config["PROPAGATE_EXCEPTIONS"] = True
    faults = faults or Faults()
    asked: Counter[str] = Counter()
    lock = threading.Lock()

    @app.get("/health")
    def health() -> str:
        return "ok"

    @app.get("/counts")
    def counts() -> Response:
        with lock:
            return jsonify({"asked": dict(asked), "faults": dict(faults.happened), **elsewhere()})

    @app.get("/assets/<path:_rest>")
    def download(_rest: str) -> Response:
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), authorization.encode()):
            return _error(401, "unauthorized")
        asset_id, file_key = _names(raw_target(request.environ))
        fault = faults.next(asset_id)
        with lock:
            asked[asset_id] += 1
        if fault is not None:
            time.sleep(fault.seconds)
            if fault.reset:
                reset(request.environ)
            if fault.status is not None or fault.body is not None:
                status = fault.status or 200
                answer = _error(status, "fault") if fault.body is None else Response(fault.body, status)
                answer.headers.update(fault.headers)
                return answer
        key = find(asset_id, file_key)
        if key is None:
            return _error(404, "not found")
        signed = expired_url(key) if fault is not None and fault.expired else url(key)
        return jsonify({"data": {"url": signed}})

    return app


def _names(target: str) -> tuple[str, str]:
    """Asset id and file key of a raw path; a key's slashes may come encoded or not."""
    parts = target.partition("?")[0].split("/", 4)
    if len(parts) != 5 or parts[1] != "assets" or parts[3] != "files":
        return "", ""
    return unquote(parts[2]), unquote(parts[4])


def _error(status: int, words: str) -> Response:
    answer = jsonify({"error": words})
    answer.status_code = status
    return answer


def reset(environ: Mapping[str, Any]) -> None:
    """End a request's connection with RST: no lingering, then an error that gunicorn takes for a client gone away."""
    connection = environ.get("gunicorn.socket")
    if isinstance(connection, socket.socket):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise ConnectionResetError(104, "a reset was asked for")
