"""The download API, end to end: real servers that answer as providers do, and as they should not."""

from __future__ import annotations

import gzip
import hashlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from tests.loopback import Exchange, Handler, Server, drips, floods, raw, serving

from audiodup.errors import (
    ApiUnavailable,
    AudioDupError,
    DownloadFailed,
    ForbiddenHost,
    NoRoom,
    NotFound,
    Refused,
    SecretUnavailable,
    TimedOut,
    TooLarge,
    UnknownProvider,
)
from audiodup.model import Asset
from audiodup.source import ANSWER_BYTES, LONGEST_WAIT, QUICK_WAIT, DownloadApi
from audiodup.steps import Deadline, Source

# Servers that drip never end by themselves: without the remedy these tests hang, and the time-out is their failure.
pytestmark = pytest.mark.timeout(60)

ASSET = Asset("a1", "k/1.wav", "wav", "artlist")
QUESTION = "/assets/a1/files/k%2F1.wav"
CONTENT = bytes(range(256)) * 3000
TOKEN = "Bearer top-secret-token"
SIGNATURE = "X-Amz-Signature=0123456789abcdef"


@dataclass(frozen=True)
class Provider:
    url: str
    header: str = "Authorization"
    secret: str | None = "artlist-token"
    pointer: str = "/data/url"
    hosts: tuple[str, ...] = ("127.0.0.1",)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        server.on(QUESTION, names(server, f"/file?{SIGNATURE}"))
        server.on("/file", whole)
        yield server


def names(server: Server, target: str) -> Handler:
    return lambda exchange: exchange.answer_json({"data": {"url": server.url(target)}})


def whole(exchange: Exchange) -> None:
    exchange.answer(200, CONTENT, {"ETag": '"9b2cf5"'})


def status(number: int, headers: dict[str, str] | None = None) -> Handler:
    return lambda exchange: exchange.answer(number, b"<Error>told to</Error>", headers)


def sends(head: str, body: bytes = b"", *, reset: bool = False) -> Handler:
    return raw(f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + body, reset=reset)


class Api:
    """A DownloadApi on a server, with small limits and a sleep that only notes."""

    def __init__(self, server: Server, folder: Path, provider: Provider | None = None, **changes: Any) -> None:
        self.slept: list[float] = []
        self.folder = folder
        settings: dict[str, Any] = {
            "secret": lambda name: TOKEN,
            "api_seconds": 20,
            "download_seconds": 20,
            "max_file_bytes": 2_000_000,
            "files_in_flight_bytes": 3_000_000,
            "allow_loopback": True,
            "temporary_folder": str(folder),
            "sleep": self.slept.append,
        }
        provider = provider or Provider(server.url("/assets/{asset_id}/files/{file_key}"))
        self.source = DownloadApi({"artlist": provider}, **{**settings, **changes})

    def get(self, asset: Asset = ASSET, seconds: float = 30) -> bytes:
        with self.source.open(asset, Deadline(seconds)) as file:
            return Path(file.path).read_bytes()

    def fails(self, error: type[AudioDupError], words: str | None = None, seconds: float = 30) -> AudioDupError:
        with pytest.raises(error, match=words) as caught:
            self.get(seconds=seconds)
        return caught.value


@pytest.fixture
def api(server: Server, tmp_path: Path) -> Iterator[Api]:
    """With a check that nothing is left, whatever the test did."""
    api = Api(server, tmp_path)
    yield api
    assert leftovers(tmp_path) == []
    assert api.source.bytes_in_flight == 0
    api.source.close()


def leftovers(folder: Path) -> list[str]:
    """Files in the folder, by name or by a descriptor of this process that is still open."""
    return [str(path) for path in folder.iterdir()] + [path for path in open_files() if path.startswith(str(folder))]


def open_files(process: int | str = "self") -> list[str]:
    found = []
    for link in Path(f"/proc/{process}/fd").iterdir():
        try:
            found.append(str(link.readlink()))
        except FileNotFoundError:
            continue  # the descriptor that listed them
    return found


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


def test_a_file_larger_than_allowed_is_not_downloaded(api: Api, server: Server) -> None:
    """Its length tells beforehand."""
    server.on("/file", drips(b"x", after=b"HTTP/1.1 200 OK\r\nContent-Length: 2000001\r\n\r\n"))
    api.fails(TooLarge, "2000001 bytes")


def test_a_file_without_a_length_is_stopped_at_the_limit(api: Api, server: Server) -> None:
    """One that would never end."""
    server.on("/file", floods)
    api.fails(TooLarge)


def test_a_file_of_exactly_the_limit_is_taken(server: Server, tmp_path: Path) -> None:
    """The limit is the largest size allowed."""
    assert Api(server, tmp_path, max_file_bytes=len(CONTENT)).get() == CONTENT
    Api(server, tmp_path, max_file_bytes=len(CONTENT) - 1).fails(TooLarge)


def test_a_file_larger_than_the_whole_budget_is_too_large(server: Server, tmp_path: Path) -> None:
    """It would never find room; that is to be said at once, not after the last attempt."""
    Api(server, tmp_path, files_in_flight_bytes=len(CONTENT) - 1).fails(TooLarge)


@pytest.mark.parametrize("declared", [True, False])
def test_files_in_flight_share_the_budget(server: Server, tmp_path: Path, declared: bool) -> None:
    """A second file finds no room while the first is open, at once; afterwards it does."""
    server.on("/file", whole if declared else sends("", CONTENT))
    api = Api(server, tmp_path, files_in_flight_bytes=len(CONTENT) * 3 // 2)
    with api.source.open(ASSET, Deadline(30)):
        assert api.source.bytes_in_flight == len(CONTENT)
        api.fails(NoRoom)
        assert api.source.bytes_in_flight == len(CONTENT)
    assert api.get() == CONTENT
    assert api.source.bytes_in_flight == 0


def test_room_is_taken_before_the_first_byte(server: Server, tmp_path: Path) -> None:
    """So that files that do not fit together are not all downloaded half way."""
    slow = threading.Event()

    def slowly(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n")
        slow.wait()
        exchange.send(bytes(2_000_000))

    server.on("/file", slowly, sends("Content-Length: 1500000\r\n"), whole)
    api = Api(server, tmp_path)
    first = threading.Thread(target=api.get)
    first.start()
    while api.source.bytes_in_flight < 2_000_000:
        time.sleep(0.005)

    api.fails(NoRoom)
    slow.set()
    first.join()
    assert api.get() == CONTENT


@pytest.mark.parametrize("path", [QUESTION, "/file"])
@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip", "GZIP"])
def test_a_compressed_body_is_refused_unread(api: Api, server: Server, path: str, encoding: str) -> None:
    """200 MB of zeros in 200 kB, which nobody asked for."""
    bomb = gzip.compress(bytes(20_000_000))
    server.on(path, lambda exchange: exchange.answer(200, bomb, {"Content-Encoding": encoding}))
    api.fails(Refused, "compressed")


@pytest.mark.parametrize(
    "handler",
    [
        lambda exchange: exchange.answer(200, b" " * (ANSWER_BYTES + 1)),
        sends("", b" " * 2 * ANSWER_BYTES),
        floods,
    ],
)
def test_a_huge_answer_of_the_api_is_refused(api: Api, server: Server, handler: Handler) -> None:
    """It is read up to a limit, whether its length is declared or not."""
    server.on(QUESTION, handler)
    api.fails(Refused, "more than 1000000 bytes")


@pytest.mark.parametrize("answer", [b"<html>", b"{}", b'{"data": {"url": 7}}', b'{"data": {"url": "later"}}'])
def test_an_answer_without_a_url_is_refused(api: Api, server: Server, answer: bytes) -> None:
    """More of them in tests/unit/test_providers.py."""
    server.on(QUESTION, lambda exchange: exchange.answer(200, answer))
    api.fails(Refused)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token",
        "http://2130706433:{port}/private",
        "http://0x7f.1:{port}/private",
        "http://0177.0.0.1:{port}/private",
        "http://[::ffff:127.0.0.1]:{port}/private",
        "http://localhost:{port}/private",
        "http://127.0.0.1@localhost:{port}/private",
        "https://files.evil.com/private",
        "file:///etc/passwd",
        "data:audio/wav;base64,UklGRg==",
    ],
)
@pytest.mark.parametrize("redirected", [False, True])
def test_other_hosts_are_forbidden(api: Api, server: Server, url: str, redirected: bool) -> None:
    """Whether the API names them, or the file's host redirects there."""
    url = url.format(port=server.port)
    server.on("/private", whole)
    if redirected:
        server.on("/file", lambda exchange: exchange.redirect(url))
    else:
        server.on(QUESTION, lambda exchange: exchange.answer_json({"data": {"url": url}}))
    api.fails(ForbiddenHost)
    assert server.asked("/private") == []


def test_the_api_may_not_redirect_to_the_files_hosts(api: Api, server: Server, tmp_path: Path) -> None:
    """Its own host is all it may reach; files' hosts are for files."""
    provider = Provider(server.url("/assets/{asset_id}/files/{file_key}"), hosts=("localhost", "127.0.0.1"))
    server.on(QUESTION, lambda exchange: exchange.redirect(server.url("/moved", "localhost")))
    Api(server, tmp_path, provider).fails(ForbiddenHost, "localhost")
    assert server.asked("/moved") == []


def test_a_redirected_file_is_taken(api: Api, server: Server) -> None:
    """Within the hosts allowed."""
    server.on("/file", lambda exchange: exchange.redirect("/moved"))
    server.on("/moved", whole)
    assert api.get() == CONTENT


def test_loopback_is_out_of_reach_in_production(server: Server, tmp_path: Path) -> None:
    """Without `allow_loopback` nothing of this file works; nobody is connected to."""
    provider = Provider(f"https://127.0.0.1:{server.port}/{{asset_id}}")
    Api(server, tmp_path, provider, allow_loopback=False).fails(ForbiddenHost)
    assert server.connections == 0


def expired(exchange: Exchange) -> None:
    exchange.answer(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")


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


def test_an_etag_that_no_column_takes_is_left_out(api: Api, server: Server) -> None:
    """A hostile header does not fail a good file."""
    for etag, kept in {'W/"weak"': "weak", "x" * 5000: None, '"\xff"': None, '""': None}.items():
        server.on("/file", lambda exchange, etag=etag: exchange.answer(200, b"x", {"ETag": etag}))  # type: ignore[misc]
        with api.source.open(ASSET, Deadline(30)) as file:
            assert file.identity.etag == kept


FAILURES: dict[str, tuple[str, Handler]] = {
    "API 500": (QUESTION, status(500)),
    "API refuses": (QUESTION, status(403)),
    "API resets": (QUESTION, sends("", reset=True)),
    "API no JSON": (QUESTION, lambda exchange: exchange.answer(200, f"oops {SIGNATURE}".encode())),
    "API no URL": (QUESTION, lambda exchange: exchange.answer_json({"data": {"url": f"x?{SIGNATURE}"}})),
    "API odd URL": (QUESTION, lambda exchange: exchange.answer_json({"data": {"url": f"https://u@h/?{SIGNATURE}"}})),
    "API other host": (QUESTION, lambda exchange: exchange.answer_json({"data": {"url": f"https://h/?{SIGNATURE}"}})),
    "nobody there": (
        QUESTION,
        lambda exchange: exchange.answer_json({"data": {"url": f"http://127.0.0.1:1/?{SIGNATURE}"}}),
    ),
    "file missing": ("/file", status(404)),
    "file expired": ("/file", expired),
    "file 503": ("/file", status(503)),
    "file short": ("/file", sends("Content-Length: 100\r\n", b"half")),
    "file resets": ("/file", sends("Content-Length: 100\r\n", b"half", reset=True)),
    "file no HTTP": ("/file", raw(b"nonsense\r\n\r\n")),
    "file compressed": ("/file", sends("Content-Encoding: gzip\r\n")),
    "file too large": ("/file", sends("Content-Length: 99999999\r\n")),
    "file redirects away": ("/file", lambda exchange: exchange.redirect(f"https://h/?{SIGNATURE}")),
    "file redirects for ever": ("/file", lambda exchange: exchange.redirect(f"/file?{SIGNATURE}")),
    "file malformed header": ("/file", sends("no colon\r\nContent-Length: 100\r\n", b"half")),
    "success": ("/file", whole),
}


@pytest.mark.parametrize("name", FAILURES)
def test_neither_url_nor_secret_gets_out(api: Api, server: Server, caplog: pytest.LogCaptureFixture, name: str) -> None:
    """Not by the error, its arguments, its causes and contexts, hidden ones included, nor by any log at DEBUG."""
    for logger in ("urllib3", "urllib3.connection", "urllib3.connectionpool"):
        caplog.set_level(logging.DEBUG, logger=logger)
    caplog.set_level(logging.DEBUG)
    path, handler = FAILURES[name]
    server.on(path, handler)

    texts = [caplog.text]
    try:
        api.get()
    except AudioDupError as error:
        chain: list[BaseException] = [error]
        while chain:
            link = chain.pop()
            texts += [str(link), repr(link), repr(link.args), repr(vars(link)), *traceback.format_exception(link)]
            chain += [other for other in (link.__cause__, link.__context__) if other is not None]
    else:
        assert name == "success"
    texts += [caplog.text, *(record.getMessage() for record in caplog.records)]
    for text in texts:
        assert "0123456789abcdef" not in text
        assert "top-secret-token" not in text


@pytest.mark.parametrize("name", FAILURES)
def test_nothing_stays_open_after_a_failure(server: Server, tmp_path: Path, name: str) -> None:
    """Descriptors, sockets and temporary files: as many as before."""
    path, handler = FAILURES[name]
    server.on(path, handler)
    server.on("/warm", status(404))
    before = len([path for path in open_files() if not path.startswith("socket:")])

    api = Api(server, tmp_path)
    errors = []  # whose tracebacks hold what was not closed
    for _ in range(3):
        try:
            api.get()
        except AudioDupError as error:
            errors.append(error)
    assert leftovers(tmp_path) == []
    assert api.source.bytes_in_flight == 0
    assert len([path for path in open_files() if not path.startswith("socket:")]) == before

    # What was kept for another request is closed with the pool, and the server sees it closed.
    api.source.close()
    server.wait_until_closed()


def test_an_error_of_whoever_uses_the_file_passes_through(api: Api) -> None:
    """And the file is gone all the same."""
    with pytest.raises(ZeroDivisionError), api.source.open(ASSET, Deadline(30)):
        raise ZeroDivisionError


def test_connections_are_used_again(api: Api, server: Server) -> None:
    """API and file on one host, ten files: one connection."""
    for _ in range(10):
        api.get()
    assert len(server.requests) == 20
    assert server.connections == 1


def test_many_threads_use_one_source(server: Server, tmp_path: Path) -> None:
    """Each gets its own file, over no more connections than threads."""
    contents = {str(number): os.urandom(50_000 + number) for number in range(8)}
    for name, content in contents.items():
        server.on(f"/assets/{name}/files/k", names(server, f"/content/{name}"))
        server.on(f"/content/{name}", lambda exchange, content=content: exchange.answer(200, content))  # type: ignore[misc]
    api = Api(server, tmp_path)
    wrong: list[str] = []

    def get_all(first: int) -> None:
        for number in range(8):
            name = str((first + number) % 8)
            with api.source.open(Asset(name, "k", provider="artlist"), Deadline(30)) as file:
                sha256 = hashlib.sha256(contents[name]).hexdigest()
                if Path(file.path).read_bytes() != contents[name] or file.identity.sha256 != sha256:
                    wrong.append(name)

    run_all([lambda first=first: get_all(first) for first in range(8)])  # type: ignore[misc]

    assert wrong == []
    assert len(server.requests) == 8 * 8 * 2
    assert server.connections <= 8
    assert api.source.bytes_in_flight == 0
    assert leftovers(tmp_path) == []
    api.source.close()


def run_all(calls: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


DOWNLOADER = """
import sys
from tests.integration.test_source import ASSET, Provider
from audiodup.source import DownloadApi
from audiodup.steps import Deadline

source = DownloadApi({"artlist": Provider(sys.argv[1])}, lambda name: "x", api_seconds=30, download_seconds=30,
    max_file_bytes=10**9, files_in_flight_bytes=10**9, allow_loopback=True, temporary_folder=sys.argv[2])
with source.open(ASSET, Deadline(30)):
    pass
"""


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="this system has no O_TMPFILE")
def test_kill_9_in_the_middle_of_a_download_leaves_nothing(server: Server, tmp_path: Path) -> None:
    """The file never had a name."""
    server.on("/file", floods)
    url = server.url("/assets/{asset_id}/files/{file_key}")
    process = subprocess.Popen(
        [sys.executable, "-c", DOWNLOADER, url, str(tmp_path)], cwd=Path(__file__).parents[2], stderr=subprocess.PIPE
    )
    try:
        while not any(path.startswith(str(tmp_path)) for path in open_files(process.pid)):
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
    finally:
        process.kill()
        process.communicate()

    assert process.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []
