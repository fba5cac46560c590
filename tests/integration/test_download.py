"""The download as it should go: the question with its secret, and the file with its identity."""

from __future__ import annotations

import hashlib
import os
import traceback
from pathlib import Path

import pytest
from tests.download import ASSET, CONTENT, QUESTION, SIGNATURE, TOKEN, Api, Provider, sends
from tests.loopback import Handler, Server

from audiodup.errors import SecretUnavailable, UnknownProvider
from audiodup.model import Asset
from audiodup.steps import Deadline, Source

# Servers that drip never end by themselves: without the remedy these tests hang, and the time-out is their failure.
pytestmark = pytest.mark.timeout(60)


def test_a_file_comes_with_its_identity(api: Api, server: Server) -> None:
    """Bytes, SHA-256, ETag and the time of each part; the URL asked for is the template's, its keys encoded."""
    source: Source = api.source
    with source.open(ASSET, Deadline(30)) as file:
        assert Path(file.path).read_bytes() == CONTENT
        assert os.read(file.descriptor, 4) == CONTENT[:4]
        assert (file.identity.size, file.identity.etag) == (len(CONTENT), "9b2cf5")
        assert file.identity.sha256 == hashlib.sha256(CONTENT).hexdigest()
        assert set(file.milliseconds) == {"api", "download"}
        assert all(isinstance(spent, int) for spent in file.milliseconds.values())

    assert [request.target for request in server.requests] == [QUESTION, f"/file?{SIGNATURE}"]


def test_the_secret_goes_to_the_api_and_not_to_the_files_host(api: Api, server: Server) -> None:
    """Even where both are the same host: a signed URL is its own credential."""
    api.get()

    question, download = server.requests
    assert question.headers["authorization"] == TOKEN
    assert TOKEN not in download.headers.values()
    assert [request.headers["accept-encoding"] for request in server.requests] == ["identity", "identity"]


def test_a_provider_without_a_secret_is_asked_without(server: Server, tmp_path: Path) -> None:
    """And no secret is read."""
    provider = Provider(server.url("/assets/{asset_id}/files/{file_key}"), secret=None)
    assert Api(server, tmp_path, provider, secret=None).get() == CONTENT
    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize("value", ["", "two\r\nlines: x", "tokén", "tab\tbed"])
def test_a_secret_that_no_header_takes_is_not_sent_and_not_shown(server: Server, tmp_path: Path, value: str) -> None:
    """http.client's own error would hold it."""
    error = Api(server, tmp_path, secret=lambda name: value).fails(SecretUnavailable, "artlist-token holds characters")
    assert not value or value not in "".join(traceback.format_exception(error))
    assert server.requests == []


def test_an_unknown_provider_is_told(api: Api) -> None:
    """By name; an asset without one has an unknown one."""
    for provider in ("other", None):
        with pytest.raises(UnknownProvider, match=repr(provider)):
            api.get(Asset("a1", "k", provider=provider))


@pytest.mark.parametrize(
    "handler",
    [
        sends("Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"),
        sends("", b"hello world"),
        sends("Content-Length: 11\r\nContent-Encoding: aws-chunked\r\n", b"hello world"),
        sends("Content-Length: nonsense\r\n", b"hello world"),
    ],
)
def test_a_body_without_a_length_is_taken(api: Api, server: Server, handler: Handler) -> None:
    """Chunked, or until the connection is closed."""
    server.on("/file", handler)
    assert api.get() == b"hello world"


def test_an_empty_file_is_left_to_the_fingerprinter(api: Api, server: Server) -> None:
    """What it is not is for whoever looks into it to say."""
    server.on("/file", lambda exchange: exchange.answer(200))
    assert api.get() == b""


def test_an_etag_that_no_column_takes_is_left_out(api: Api, server: Server) -> None:
    """A hostile header does not fail a good file."""
    for etag, kept in {'W/"weak"': None, '"strong"': "strong", "x" * 5000: None, '"\xff"': None, '""': None}.items():
        server.on("/file", lambda exchange, etag=etag: exchange.answer(200, b"x", {"ETag": etag}))  # type: ignore[misc]
        with api.source.open(ASSET, Deadline(30)) as file:
            assert file.identity.etag == kept
