"""urllib3's connections, made safe for hosts one does not trust: checked addresses only, and an end for every answer.

On urllib3's own pools and not on requests: no cookies, no netrc, no proxies from the environment (a proxy resolves the
name itself, past the check), no rewriting of signed URLs; and one pool serves many threads.
"""

from __future__ import annotations

import io
import ipaddress
import logging
import math
import os
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from functools import partial
from http.client import RemoteDisconnected
from pathlib import Path
from typing import Any

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.response import assert_header_parsing

from audiodup.addresses import IPAddress, is_loopback, is_public
from audiodup.errors import ForbiddenHost

CONNECT_SECONDS = 10.0
"""For one address, so that a dead one does not use up the time of the others."""
BUFFER_BYTES = 64 * 1024
IDLE_CONNECTIONS = 64
"""Kept open for each host."""

Resolver = Callable[[str, int], Iterable[str]]
"""The addresses, as texts, that a host's name stands for."""


def resolve(host: str, port: int) -> list[str]:
    """Ask the system, whose own time-outs bound it (glibc's: 5 s, twice, for each name server)."""
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def pools(*, allow_loopback: bool, resolver: Resolver) -> urllib3.PoolManager:
    """https to public addresses. With `allow_loopback` https reaches loopback too, and http loopback alone."""
    _keep_urls_out_of_logs()
    manager = urllib3.PoolManager(num_pools=32, maxsize=IDLE_CONNECTIONS, ssl_context=_tls_context())
    over_plain = is_loopback if allow_loopback else _nothing
    over_tls = _loopback_or_public if allow_loopback else is_public
    # Not by the manager's own keywords: it refuses such as it does not know.
    classes: dict[str, Any] = {
        "http": partial(_HttpPool, resolver=resolver, allowed=over_plain),
        "https": partial(_HttpsPool, resolver=resolver, allowed=over_tls),
    }
    manager.pool_classes_by_scheme = classes
    return manager


class _Reader(io.BufferedReader):
    """Refuses an answer that is cut off in its headers.

    http.client takes the end of the stream for the end of the headers: the rest would count as a whole, empty answer.
    """

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if not line:
            raise RemoteDisconnected("closed in the middle of an answer")
        return line


class _Ending:
    """A socket whose reads stop at `end`.

    A socket's time-out holds for one read: a server that sends a byte a second, be it in its headers, would hold a
    thread for ever.
    """

    end = math.inf

    def recv_into(self, *arguments: Any, **options: Any) -> int:
        if self.end < math.inf:
            left = self.end - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer's time is used up")
            self.settimeout(left)  # type: ignore[attr-defined]
        return super().recv_into(*arguments, **options)  # type: ignore[misc,no-any-return]

    def makefile(self, mode: str = "rb", *_: Any, **__: Any) -> Any:
        """What http.client reads an answer from."""
        return _Reader(super().makefile(mode, buffering=0), BUFFER_BYTES)  # type: ignore[misc]


class _PlainSocket(_Ending, socket.socket):
    pass


class _TlsSocket(_Ending, ssl.SSLSocket):
    pass


class _Checked:
    """A connection that connects to an address it has checked, and to no other.

    The name is resolved here, once, and the address itself is connected to: a rebinding name server is not asked again.
    TLS still verifies the certificate against the name.
    """

    def __init__(
        self, *arguments: Any, allowed: Callable[[IPAddress], bool], resolver: Resolver, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self._allowed = allowed
        self._resolver = resolver

    def _new_conn(self: Any) -> socket.socket:
        end = time.monotonic() + self.timeout
        try:
            addresses = [ipaddress.ip_address(text) for text in self._resolver(self.host, self.port)]
        except (OSError, ValueError):
            raise OSError("its name does not resolve") from None
        allowed = [address for address in dict.fromkeys(addresses) if self._allowed(address)]
        if not allowed:
            raise ForbiddenHost(f"{self.host} stands for no address that may be contacted")
        for address in allowed:
            connection = _PlainSocket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_STREAM)
            try:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.settimeout(min(CONNECT_SECONDS, _left(end)))
                connection.connect((str(address), self.port))
                connection.settimeout(_left(end))  # for the TLS handshake, which counts it as a whole
            except OSError:
                connection.close()
                continue
            return connection
        raise OSError("none of its addresses answers")

    def getresponse(self: Any) -> Any:
        if self.sock is None:
            raise ConnectionResetError("closed while the request was sent")
        # urllib3 has set `timeout` to what is left of the request's total.
        self.sock.end = time.monotonic() + self.timeout
        response = super().getresponse()  # type: ignore[misc]
        if response.length_remaining is None and not response.chunked:
            # A line that is no header ends the parsing of headers, and the length stands below it: half a body would
            # pass for a whole one. urllib3 only logs it.
            assert_header_parsing(response._original_response.msg)  # noqa: SLF001 - it has no other name
        return response


class _HttpConnection(_Checked, HTTPConnection):
    pass


class _HttpsConnection(_Checked, HTTPSConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


def _tls_context() -> ssl.SSLContext:
    """Trusts the bundle that the usual variables name, else certifi's, as requests does.

    (The system's own store is missing in slim images.)
    """
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
    if bundle is None and "SSL_CERT_DIR" not in os.environ:
        bundle = certifi.where()
    is_folder = bundle is not None and Path(bundle).is_dir()
    context = ssl.create_default_context(capath=bundle) if is_folder else ssl.create_default_context(cafile=bundle)
    context.set_alpn_protocols(["http/1.1"])
    context.sslsocket_class = _TlsSocket
    return context


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("the request's time is used up")
    return left


def _loopback_or_public(address: IPAddress) -> bool:
    return is_loopback(address) or is_public(address)


def _nothing(_: IPAddress) -> bool:
    return False


def _keep_urls_out_of_logs() -> None:
    """urllib3 logs each request's path and query at DEBUG, and a URL whose answer has malformed headers at WARNING."""
    for name in ("urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry"):
        logging.getLogger(name).addFilter(_without_arguments)


def _without_arguments(record: logging.LogRecord) -> bool:
    record.args = ()
    record.exc_info = None
    return True
