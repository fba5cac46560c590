"""What fetching takes in time: computed, and over a real HTTP server on loopback that is slow as told."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from analysis.bytes_fetched import HEAD_BYTES, Fetched, fetch, inspection_of, prefix_end, reading
from analysis.bytes_read import Range

LATENCY = 0.02
"""Seconds before each answer."""
MEGABITS = (100, 500, 2000)
"""Per second."""
_CHUNK = 64 * 1024
_PATIENCE = 120


@dataclass(frozen=True, slots=True)
class Trip:
    """One file fetched in one way."""

    path: Path
    way: str
    megabits: float
    requests: int
    received: int
    sent: int
    """By the server: what is on its way when the client breaks off counts, and is paid for."""
    seconds: float
    computed: float


def seconds_for(requests: int, sent: int, megabits: float) -> float:
    """Each request after the one before it."""
    return requests * LATENCY + sent * 8 / megabits / 1e6


def round_trips(path: Path, folder: Path) -> Iterator[Trip]:
    """The file fetched whole, by ranges and, where a prefix is enough, by one GET that is broken off."""
    target = folder / f"trip{path.suffix}"
    ways: dict[str, Callable[[Server], Fetched]] = {
        "whole": lambda server: fetch_whole(server, target),
        "ranges": lambda server: fetch(server.get, target),
        "broken off": lambda server: fetch_at_once(server, target),
    }
    if not fetch(reading(path), target).is_prefix:
        del ways["broken off"]
    for megabits in MEGABITS:
        for way, go in ways.items():
            with serving(path, megabits) as server:
                start = time.perf_counter()
                fetched = go(server)
                took = time.perf_counter() - start
            computed = seconds_for(server.requests, fetched.sent, megabits)
            yield Trip(target, way, megabits, server.requests, fetched.sent, server.sent, took, computed)


def fetch_at_once(server: Server, target: Path) -> Fetched:
    """As much as `fetch`, by one GET that is broken off."""
    with server.connection() as connection:
        connection.request("GET", "/")
        answer = connection.getresponse()
        fetched = Fetched(target, int(answer.headers["Content-Length"]))
        head = answer.read(HEAD_BYTES)
        fetched.add(0, head)
        fetched.add(len(head), answer.read(max(prefix_end(inspection_of(target), fetched.size) - len(head), 0)))
    return fetched


def fetch_whole(server: Server, target: Path) -> Fetched:
    """All of it by one GET."""
    with server.connection() as connection:
        connection.request("GET", "/")
        answer = connection.getresponse()
        fetched = Fetched(target, int(answer.headers["Content-Length"]))
        fetched.add(0, answer.read())
    return fetched


@dataclass(slots=True)
class Server:
    """Serves one file at a stated pace, and counts."""

    port: int
    requests: int = 0
    sent: int = 0
    """Bytes of bodies that the kernel took."""

    def connection(self) -> closing[http.client.HTTPConnection]:
        """To it, closed at the end of the block."""
        return closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE))

    def get(self, start: int, end: int) -> tuple[bytes, int]:
        """A range, over a connection of its own."""
        with self.connection() as connection:
            connection.request("GET", "/", headers={"Range": f"bytes={start}-{end - 1}"})
            answer = connection.getresponse()
            return answer.read(), int(answer.headers["Content-Range"].rpartition("/")[2])


@contextmanager
def serving(path: Path, megabits: float) -> Iterator[Server]:
    """A real HTTP server on loopback that waits before each answer and then keeps to its bandwidth."""
    counted = Server(0)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            counted.requests += 1
            time.sleep(LATENCY)
            size = path.stat().st_size
            start, end = _asked_for(self.headers.get("Range"), size)
            self.send_response(206 if "Range" in self.headers else 200)
            self.send_header("Content-Length", str(end - start))
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
            self.end_headers()
            with path.open("rb") as file, suppress(OSError):  # broken off by the client
                file.seek(start)
                _paced(self.connection, file.read(end - start), megabits, counted)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        counted.port = server.server_port
        server.daemon_threads = False  # so that the end waits for what is still being counted
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield counted
        finally:
            server.shutdown()
            thread.join()


def _asked_for(header: str | None, size: int) -> Range:
    if header is None:
        return 0, size
    first, _, last = header.removeprefix("bytes=").partition("-")
    return int(first), min(int(last) + 1, size)


def _paced(connection: socket.socket, body: bytes, megabits: float, counted: Server) -> None:
    start = time.perf_counter()
    for offset in range(0, len(body), _CHUNK):
        chunk = body[offset : offset + _CHUNK]
        connection.sendall(chunk)
        counted.sent += len(chunk)
        due = start + (offset + len(chunk)) * 8 / megabits / 1e6
        if (early := due - time.perf_counter()) > 0:
            time.sleep(early)
