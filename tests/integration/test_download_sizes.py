"""How much is read and kept: the largest file, the budget of all in flight, the API's answer, no compression."""

from __future__ import annotations

import gzip
import threading
import time
from pathlib import Path

import pytest
from tests.download import ASSET, CONTENT, QUESTION, Api, sends, whole
from tests.loopback import Exchange, Handler, Server, drips, floods

from audiodup.answers import ANSWER_BYTES
from audiodup.errors import NoRoom, Refused, TooLarge
from audiodup.steps import Deadline

# Servers that drip never end by themselves: without the remedy these tests hang, and the time-out is their failure.
pytestmark = pytest.mark.timeout(60)


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
