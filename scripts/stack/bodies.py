"""What leaves S3: counted, and as some answers end: a reset in mid-file, a file that comes a byte at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from .download_api import Fault, Faults, reset
from .signatures import raw_target

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Bodies:
    """A WSGI application around S3's: what the faults of an object say becomes of its body.

    Of a fault `reset` ends the connection half way, `seconds` is the time between two bytes.
    """

    def __init__(self, app: Application, bucket: str, faults: Faults) -> None:
        self._app, self._prefix, self._faults = app, f"/{bucket}/", faults
        self._lock = threading.Lock()
        self._sent_bytes = 0

    def counts(self) -> dict[str, Any]:
        """What was sent, and how often each object's faults happened."""
        return {"sent_bytes": self._sent_bytes, "bodies": dict(self._faults.happened)}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        body = self._app(environ, start_response)
        key = unquote(raw_target(environ).partition("?")[0]).removeprefix(self._prefix)
        fault = self._faults.next(key)
        return self._counted(body if fault is None else _spoiled(body, fault, environ))

    def _counted(self, body: Iterable[bytes]) -> Iterator[bytes]:
        for part in body:
            yield part
            with self._lock:
                self._sent_bytes += len(part)


def _spoiled(body: Iterable[bytes], fault: Fault, environ: Mapping[str, Any]) -> Iterator[bytes]:
    whole = b"".join(body)
    if fault.reset:
        yield whole[: len(whole) // 2]
        reset(environ)
    # Until it ends or the client has had enough.
    for byte in whole:
        yield bytes([byte])
        time.sleep(fault.seconds)
