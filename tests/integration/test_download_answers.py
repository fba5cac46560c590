"""What an answer that is no file means: found by nobody, refused for good, or to be tried again later."""

from __future__ import annotations

import pytest
from tests.download import QUESTION, Api, status
from tests.loopback import Server

from audiodup.errors import ApiUnavailable, AudioDupError, DownloadFailed, NotFound, Refused

# Servers that drip never end by themselves: without the remedy these tests hang, and the time-out is their failure.
pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (204, Refused),
        (302, Refused),
        (400, Refused),
        (401, ApiUnavailable),
        (403, ApiUnavailable),
        (404, NotFound),
        (410, NotFound),
        (418, Refused),
        (408, ApiUnavailable),
        (429, ApiUnavailable),
        (500, ApiUnavailable),
        (503, ApiUnavailable),
    ],
)
def test_the_apis_status_says_who_tries_again(
    api: Api, server: Server, number: int, error: type[AudioDupError]
) -> None:
    """404 is not found, 408, 429 and 5xx pass, the rest is refused for good; nothing is downloaded."""
    server.on(QUESTION, status(number))
    api.fails(error)
    assert server.asked("/file") == []


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (404, NotFound),
        (410, NotFound),
        (204, Refused),
        (206, Refused),
        (405, Refused),
        (408, DownloadFailed),
        (429, DownloadFailed),
        (500, DownloadFailed),
        (503, DownloadFailed),
    ],
)
def test_the_files_status_says_who_tries_again(
    api: Api, server: Server, number: int, error: type[AudioDupError]
) -> None:
    """As with the API; a part of the file is not the file."""
    server.on("/file", status(number))
    api.fails(error)


@pytest.mark.parametrize("answer", [b"<html>", b"{}", b'{"data": {"url": 7}}', b'{"data": {"url": "later"}}'])
def test_an_answer_without_a_url_is_refused(api: Api, server: Server, answer: bytes) -> None:
    """More of them in tests/unit/test_providers.py."""
    server.on(QUESTION, lambda exchange: exchange.answer(200, answer))
    api.fails(Refused)
