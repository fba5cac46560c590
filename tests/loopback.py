"""Real HTTP servers on loopback that misbehave byte by byte, as the tests tell them to."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Exchange:
    """One request, and the connection to answer it on."""

    target: str
    headers: dict[str, str]
    connection: socket.socket
    stopping: threading.Event
    keep: bool = True
    """Whether the connection stays open for another request."""

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def answer(self, status: int = 200, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        fields = {"Content-Length": str(len(body)), **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.send(f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode("latin-1") + body)

    def answer_json(self, value: object) -> None:
        self.answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def redirect(self, location: str, status: int = 302) -> None:
        self.answer(status, b"", {"Location": location})

    def drip(self, data: bytes) -> None:
        """Send `data` again and again, a byte at a time, until the client goes away."""
        while True:
            for byte in data:
                self.send(bytes([byte]))
                if self.stopping.wait(0.02):
                    return

    def end(self) -> None:
        """Close once this is answered."""
        self.keep = False

    def reset(self) -> None:
        """Close as a crashed host does: RST instead of FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.keep = False


Handler = Callable[[Exchange], None]


def raw(data: bytes, *, reset: bool = False) -> Handler:
    """Sends these very bytes, and closes."""

    def handler(exchange: Exchange) -> None:
        exchange.send(data)
        exchange.reset() if reset else exchange.end()

    return handler


def drips(data: bytes, *, after: bytes = b"") -> Handler:
    """Sends `after` at once and then `data` for ever, a byte now and then."""

    def handler(exchange: Exchange) -> None:
        exchange.send(after)
        exchange.drip(data)

    return handler


def floods(exchange: Exchange) -> None:
    """A body without length or end, as fast as it is read."""
    exchange.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while not exchange.stopping.is_set():
        exchange.send(b"x" * 65536)


def says_nothing(exchange: Exchange) -> None:
    exchange.stopping.wait()


class Server:
    """Answers by handlers, one for each path; several for one path are used up one after the other."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Exchange] = []
        self.connections = 0
        self.handlers: dict[str, list[Handler]] = {}
        self._tls = tls
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]

    def url(self, target: str, host: str = "127.0.0.1") -> str:
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{target}"

    def on(self, path: str, *handlers: Handler) -> None:
        """Answer `path` by these handlers; the last one stays."""
        self.handlers[path] = list(handlers)

    def asked(self, path: str) -> list[Exchange]:
        return [request for request in self.requests if request.target.partition("?")[0] == path]

    def wait_until_closed(self) -> None:
        """Until no connection is open on this side."""
        while self._open:
            time.sleep(0.005)

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        raw = connection
        with contextlib.suppress(OSError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            while self._serve_one(connection):
                pass
        connection.close()
        with self._lock:
            self._open.discard(raw)

    def _serve_one(self, connection: socket.socket) -> bool:
        head = b""
        while b"\r\n\r\n" not in head:
            received = connection.recv(65536)
            if not received:
                return False
            head += received
        lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines[1:] if line)
        exchange = Exchange(
            lines[0].split(" ")[1],
            {name.lower(): value.strip() for name, _, value in pairs},
            connection,
            self._stopping,
        )
        path = exchange.target.partition("?")[0]
        with self._lock:
            self.requests.append(exchange)
            handlers = self.handlers.get(path, [lambda exchange: exchange.answer(404)])
            handler = handlers.pop(0) if len(handlers) > 1 else handlers[0]
        handler(exchange)
        return exchange.keep

    def stop(self) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server for the length of the block."""
    server = Server(tls)
    accepting = threading.Thread(target=server.accept)
    accepting.start()
    try:
        yield server
    finally:
        server.stop()
        accepting.join(10)
