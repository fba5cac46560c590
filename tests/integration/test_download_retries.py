"""What is tried again at once, after which wait, and what is left to Pub/Sub."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from tests.download import ASSET, CONTENT, QUESTION, Api, expired, names, sends, status, whole
from tests.loopback import Server, raw

from audiodup.answers import LONGEST_WAIT, QUICK_WAIT
from audiodup.errors import ApiUnavailable, DownloadFailed
from audiodup.steps import Deadline

# Servers that drip never end by themselves: without the remedy these tests hang, and the time-out is their failure.
pytestmark = pytest.mark.timeout(60)


def test_an_api_that_fails_twice_is_asked_three_times(api: Api, server: Server) -> None:
    """The odd 500 does not cost a round through Pub/Sub."""
    server.on(QUESTION, status(500), status(502), names(server, "/file"))
    assert api.get() == CONTENT
    assert api.slept == [QUICK_WAIT, QUICK_WAIT]


def test_an_api_that_keeps_failing_is_left_to_pubsub(api: Api, server: Server) -> None:
    """Three times and no more."""
    server.on(QUESTION, status(500))
    api.fails(ApiUnavailable, "127.0.0.1 answered 500")
    assert len(server.requests) == 3


def test_an_api_that_resets_is_asked_again(api: Api, server: Server) -> None:
    """A connection that breaks is no answer."""
    server.on(QUESTION, sends("", reset=True), names(server, "/file"))
    assert api.get() == CONTENT


def test_an_api_that_has_too_many_requests_is_left_alone(api: Api, server: Server) -> None:
    """429 without a time: asking again at once would make it worse."""
    server.on(QUESTION, status(429))
    api.fails(ApiUnavailable)
    assert len(server.requests) == 1


@pytest.mark.parametrize("number", [429, 503])
def test_a_short_retry_after_is_waited_for(api: Api, server: Server, number: int) -> None:
    """In seconds."""
    server.on(QUESTION, status(number, {"Retry-After": "2"}), names(server, "/file"))
    assert api.get() == CONTENT
    assert api.slept == [2]


def test_a_short_retry_after_may_be_a_date(api: Api, server: Server) -> None:
    """Of the near future; the past asks for no wait, but asking at once would be no wait at all."""
    server.on(
        QUESTION,
        lambda exchange: exchange.answer(503, headers={"Retry-After": http_date(seconds=4)}),
        lambda exchange: exchange.answer(503, headers={"Retry-After": http_date(seconds=-60)}),
        names(server, "/file"),
    )
    assert api.get() == CONTENT
    assert 1 < api.slept[0] <= 4
    assert api.slept[1:] == [QUICK_WAIT]


def http_date(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("value", [str(int(LONGEST_WAIT) + 1), "86400", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_a_long_retry_after_is_left_to_pubsub(api: Api, server: Server, value: str) -> None:
    """A waiting thread is one that does nothing else."""
    server.on(QUESTION, status(503, {"Retry-After": value}))
    api.fails(ApiUnavailable)
    assert api.slept == []
    assert len(server.requests) == 1


SHORT = {
    "short of its length": sends("Content-Length: 100000\r\n", b"x" * 5000),
    "reset in the middle": sends("Content-Length: 100000\r\n", b"x" * 5000, reset=True),
    "nothing of it": sends("Content-Length: 100000\r\n"),
    "last chunk missing": sends("Transfer-Encoding: chunked\r\n", b"4\r\nxxxx\r\n"),
    "length lost among headers": sends("no colon\r\nContent-Length: 100\r\n", b"half"),
    "headers cut off": raw(b"HTTP/1.1 200 OK\r\nDate: x\r\n"),
}


@pytest.mark.parametrize("name", SHORT)
def test_a_broken_download_fails_after_a_second_try(api: Api, server: Server, name: str) -> None:
    """Half a file is never taken for a whole one."""
    server.on("/file", SHORT[name])
    api.fails(DownloadFailed)
    assert len(server.asked("/file")) == 2


@pytest.mark.parametrize("name", SHORT)
def test_a_second_try_has_nothing_of_the_first(api: Api, server: Server, name: str) -> None:
    """Neither bytes nor hash nor budget."""
    server.on("/file", SHORT[name], whole)
    with api.source.open(ASSET, Deadline(30)) as file:
        assert Path(file.path).read_bytes() == CONTENT
        assert file.identity.sha256 == hashlib.sha256(CONTENT).hexdigest()
        assert api.source.bytes_in_flight == len(CONTENT)
    assert api.slept == [QUICK_WAIT]


@pytest.mark.parametrize("number", [400, 401, 403])
def test_an_expired_url_is_asked_for_anew(api: Api, server: Server, number: int) -> None:
    """The message waited in the queue for longer than its URL lived."""
    server.on("/file", status(number), whole)
    server.on(QUESTION, names(server, "/file?1"), names(server, "/file?2"))
    assert api.get() == CONTENT
    assert [request.target for request in server.asked("/file")] == ["/file?1", "/file?2"]


def test_a_url_that_stays_expired_is_tried_again_later(api: Api, server: Server) -> None:
    """Asked for anew once, not for ever."""
    server.on("/file", expired)
    api.fails(DownloadFailed, "answered 403, with a new signed URL too")
    assert len(server.asked(QUESTION)) == len(server.asked("/file")) == 2
