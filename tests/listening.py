"""What answers as the review page does when it is asked for a sound."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

from flask import Flask, Response, request
from werkzeug.serving import make_server

from audiodup.errors import AudioDupError, NotFound
from audiodup.model import Asset
from audiodup.pages.audio import Listen

CONTENT = os.urandom(300_000)


@contextmanager
def serving(listen: Listen) -> Iterator[int]:
    """A web server with one page; its port."""
    app = Flask("listening")

    @app.get("/audio")
    def audio() -> Response:
        return listen(Asset(request.args["asset"], request.args["key"], provider="artlist"), request)

    @app.errorhandler(AudioDupError)
    def failed(error: AudioDupError) -> tuple[str, int]:
        return str(error), 404 if isinstance(error, NotFound) else 502

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def query(key: str) -> str:
    return urlencode({"asset": "1", "key": key}, errors="surrogatepass")
