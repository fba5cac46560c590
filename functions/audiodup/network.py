"""HTTP GET from hosts one does not trust: each redirect checked, the whole answer within a given time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.client import HTTPException
from typing import TypeVar
from urllib.parse import urljoin

import urllib3
from urllib3.exceptions import HTTPError

from audiodup.addresses import HostList, Url, parse_url
from audiodup.connections import Resolver, pools, resolve
from audiodup.errors import Refused

MOST_REDIRECTS = 3

T = TypeVar("T")


class TransportError(Exception):
    """No answer, or not all of it. Of the URL its words hold the host alone, and it has neither cause nor context."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class Answer:
    """A response whose body is still to be read."""

    def __init__(self, response: urllib3.BaseHTTPResponse, host: str, end: float) -> None:
        self.host = host
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self.length: int | None = getattr(response, "length_remaining", None)
        """Bytes of the body, where they are declared."""
        self._response = response
        self._end = end

    def chunks(self, size: int) -> Iterator[bytes]:
        """The body as it was sent, never decompressed, in pieces of at most `size` bytes.

        Raises:
            TransportError: it ends before its declared length, stalls, or the connection breaks.
        """
        while chunk := _translated(partial(self._response.read, size), self.host, self._end):
            yield chunk

    def close(self) -> None:
        # Only a body that was read to its end has given its connection back for another request.
        self._response.close()
        self._response.release_conn()


class HttpClient:
    """GETs over pooled connections; many threads may use it at once."""

    def __init__(self, *, allow_loopback: bool = False, resolver: Resolver = resolve) -> None:
        """`allow_loopback` is for the stand-ins of one machine."""
        self._pools = pools(allow_loopback=allow_loopback, resolver=resolver)

    @contextmanager
    def get(
        self,
        url: Url,
        hosts: HostList,
        seconds: float,
        headers: Mapping[str, str] | None = None,
        credentials: Mapping[str, str] | None = None,
    ) -> Iterator[Answer]:
        """The answer, after at most three redirects; from here to its last byte in `seconds`.

        `credentials` are headers for the URL's own origin: a redirect to another one goes without.

        Raises:
            ForbiddenHost: the URL, a redirect or all addresses of one are not allowed.
            Refused: more redirects than that.
            TransportError: no answer.
        """
        end = time.monotonic() + seconds
        origin = url.origin
        for _ in range(1 + MOST_REDIRECTS):
            hosts.check(url)
            sent = {**(headers or {}), **((credentials or {}) if url.origin == origin else {})}
            answer = Answer(_translated(partial(self._send, url, sent, end), url.host, end), url.host, end)
            try:
                location = answer.headers.get("Location") if answer.status in (301, 302, 303, 307, 308) else None
                if location is None:
                    yield answer
                    return
            finally:
                answer.close()
            url = _join(url, location)
        raise Refused(f"{url.host} is behind more than {MOST_REDIRECTS} redirects")

    def close(self) -> None:
        """Close the idle connections."""
        # `clear` alone leaves them to the garbage collector, which a kept traceback can put off.
        for key in self._pools.pools.keys():  # noqa: SIM118 - this mapping refuses to be iterated
            if pool := self._pools.pools.get(key):
                pool.close()
        self._pools.clear()

    def _send(self, url: Url, headers: Mapping[str, str], end: float) -> urllib3.BaseHTTPResponse:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request's time is used up")
        return self._pools.connection_from_host(url.host, url.port, url.scheme).urlopen(
            "GET",
            url.target,
            headers={"User-Agent": "audiodup", "Accept-Encoding": "identity", **headers},
            timeout=urllib3.Timeout(total=left),
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )


def _join(url: Url, location: str) -> Url:
    try:
        text = urljoin(url.text, location)
    except ValueError:
        text = ""
    return parse_url(text)


def _translated(call: Callable[[], T], host: str, end: float) -> T:
    """The call's result; the network's errors become a TransportError.

    It is raised outside the `except`: urllib3's errors hold the whole URL, which `from None` only hides.
    """
    try:
        return call()
    except (HTTPError, HTTPException, OSError, ValueError) as error:
        words = "no whole answer in time" if time.monotonic() >= end else _words(error)
    raise TransportError(f"{host}: {words}")


def _words(error: BaseException) -> str:
    """What went wrong, without the URL: the text of an OSError, which never has it, else the error's class."""
    inner = error
    while not isinstance(inner, OSError) and inner.args and isinstance(inner.args[-1], Exception):
        inner = inner.args[-1]
    return str(inner) if isinstance(inner, OSError) else type(inner).__name__
