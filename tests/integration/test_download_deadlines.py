"""No question, wait or download goes on for longer than its time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.download import QUESTION, Api, leftovers, status
from tests.loopback import Server, drips

from audiodup.errors import ApiUnavailable, AudioDupError, DownloadFailed, TimedOut

# Servers that drip never end by themselves: without the remedy these tests hang, and the time-out is their failure.
pytestmark = pytest.mark.timeout(60)


def test_no_wait_goes_beyond_the_deadline(api: Api, server: Server) -> None:
    """Nobody is there any more to take the answer."""
    server.on(QUESTION, status(503, {"Retry-After": "4"}))
    api.fails(ApiUnavailable, seconds=3)
    assert api.slept == []


def test_a_deadline_that_has_passed_is_timed_out(api: Api, server: Server) -> None:
    """Before anything is asked."""
    api.fails(TimedOut, seconds=0)
    assert server.requests == []


@pytest.mark.parametrize(
    ("limits", "path", "error"),
    [
        ({"api_seconds": 0.4}, QUESTION, ApiUnavailable),
        ({"download_seconds": 0.4}, "/file", DownloadFailed),
    ],
)
@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n"])
def test_a_slow_loris_has_no_more_than_its_time(
    server: Server, tmp_path: Path, limits: dict[str, Any], path: str, error: type[AudioDupError], head: bytes
) -> None:
    """In the API's or the file's answer, in headers or body, and without another try."""
    server.on(path, drips(b"x", after=head))
    api = Api(server, tmp_path, **limits)
    api.fails(error, "no whole answer in time")
    assert len(server.asked(path)) == 1
    assert leftovers(tmp_path) == []


def test_the_requests_deadline_ends_a_download_too(api: Api, server: Server) -> None:
    """Whichever comes first."""
    server.on("/file", drips(b"x", after=b"HTTP/1.1 200 OK\r\n\r\n"))
    api.fails(DownloadFailed, seconds=0.5)
