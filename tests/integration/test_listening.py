"""How a browser hears a file of the folder, by real HTTP."""

from __future__ import annotations

import http.client
import os
import socket
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask, request
from tests.download import open_files
from tests.listening import CONTENT, query, serving

from audiodup.container import is_audio
from audiodup.errors import TooLarge
from audiodup.folder import LocalFolder
from audiodup.model import Asset
from audiodup.pages.audio import from_folder

# A FIFO that is opened in the ordinary way blocks for ever: the time-out is the failure then.
pytestmark = pytest.mark.timeout(60)

LARGEST = 50_000_000


@dataclass(frozen=True)
class Shelf:
    """A folder that is served."""

    folder: Path
    port: int

    def get(self, key: str, method: str = "GET", **headers: str) -> requests.Response:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.request(
            method,
            f"http://127.0.0.1:{self.port}/audio?{query(key)}",
            headers=fields,
            timeout=20,
            allow_redirects=False,
        )

    def wait_until_closed(self) -> None:
        """Until this process has no file of the folder open."""
        end = time.monotonic() + 20
        while left := [path for path in open_files() if path.startswith(str(self.folder))]:
            assert time.monotonic() < end, left
            time.sleep(0.01)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    """With a check that every file was closed, whatever the test did."""
    folder = tmp_path / "library"
    folder.mkdir()
    (folder / "a.wav").write_bytes(CONTENT)
    with serving(from_folder(LocalFolder(folder, is_audio, max_file_bytes=LARGEST))) as port:
        shelf = Shelf(folder, port)
        yield shelf
        shelf.wait_until_closed()


def test_a_file_comes_as_it_is(shelf: Shelf) -> None:
    answer = shelf.get("a.wav")
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Length"] == "300000"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("asked", "first", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, 300_000),
        ("bytes=65535-65536", 65_535, 65_537),
        ("bytes=100000-199999", 100_000, 200_000),
        ("bytes=299999-", 299_999, 300_000),
        ("bytes=-5", 299_995, 300_000),
        ("bytes=299990-900000", 299_990, 300_000),
    ],
)
def test_a_range_is_what_was_asked_for(shelf: Shelf, asked: str, first: int, end: int) -> None:
    answer = shelf.get("a.wav", Range=asked)
    assert (answer.status_code, answer.content) == (206, CONTENT[first:end])
    assert answer.headers["Content-Range"] == f"bytes {first}-{end - 1}/300000"
    assert answer.headers["Content-Length"] == str(end - first)


@pytest.mark.parametrize("asked", ["bytes=300000-", "bytes=5-2", "bytes=x-y", "seconds=0-5"])
def test_a_range_that_is_none_is_refused(shelf: Shelf, asked: str) -> None:
    answer = shelf.get("a.wav", Range=asked)
    assert answer.status_code == 416
    assert CONTENT[:100] not in answer.content


def test_an_empty_file_has_no_ranges(shelf: Shelf) -> None:
    (shelf.folder / "empty.wav").touch()
    answer = shelf.get("empty.wav", Range="bytes=0-")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("header", ["ETag", "Last-Modified"])
def test_ranges_of_a_file_that_was_replaced_are_not_put_together(shelf: Shelf, header: str) -> None:
    """With If-Range another file is sent from its beginning, and the same one where it was left."""
    os.utime(shelf.folder / "a.wav", (1_500_000_000, 1_500_000_000))
    version = shelf.get("a.wav", Range="bytes=0-9").headers[header]
    same = shelf.get("a.wav", Range="bytes=10-19", If_Range=version)
    assert (same.status_code, same.content) == (206, CONTENT[10:20])
    (shelf.folder / "a.wav").write_bytes(CONTENT[::-1])
    other = shelf.get("a.wav", Range="bytes=10-19", If_Range=version)
    assert (other.status_code, other.content) == (200, CONTENT[::-1])


def test_a_copy_with_the_same_time_and_size_is_another_file(shelf: Shelf) -> None:
    """As `cp -p` and `mv` leave it."""
    version = shelf.get("a.wav").headers["ETag"]
    times = (shelf.folder / "a.wav").stat()
    (shelf.folder / "b").write_bytes(CONTENT[::-1])
    os.utime(shelf.folder / "b", ns=(times.st_atime_ns, times.st_mtime_ns))
    (shelf.folder / "b").rename(shelf.folder / "a.wav")
    assert shelf.get("a.wav", Range="bytes=0-9", If_Range=version).status_code == 200


def test_what_the_browser_has_is_not_sent_again(shelf: Shelf) -> None:
    version = shelf.get("a.wav").headers["ETag"]
    answer = shelf.get("a.wav", If_None_Match=version)
    assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-9"}])
def test_head_tells_without_a_body(shelf: Shelf, headers: Mapping[str, str]) -> None:
    answer = shelf.get("a.wav", "HEAD", **headers)
    assert answer.content == b""
    assert answer.headers["Content-Length"] == ("10" if headers else "300000")
    assert answer.headers["Content-Type"] == "audio/wav"


def test_two_listen_at_once_and_each_hears_his_own(shelf: Shelf) -> None:
    (shelf.folder / "b.wav").write_bytes(CONTENT[::-1])
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(shelf.get, ["a.wav", "b.wav"] * 20))
    assert [answer.content for answer in answers] == [CONTENT, CONTENT[::-1]] * 20


def test_a_browser_that_goes_away_leaves_no_file_open(shelf: Shelf) -> None:
    """As each one does that seeks: it asks for all the rest, and closes."""
    with (shelf.folder / "long.wav").open("wb") as file:
        file.truncate(LARGEST)
    for range_ in ("", "Range: bytes=1000-\r\n"):
        with socket.create_connection(("127.0.0.1", shelf.port)) as browser:
            browser.sendall(f"GET /audio?{query('long.wav')} HTTP/1.1\r\nHost: x\r\n{range_}\r\n".encode())
            assert browser.recv(1000)
            assert any(path.endswith("long.wav") for path in open_files())
        shelf.wait_until_closed()


@pytest.mark.parametrize("asks", [{"method": "HEAD"}, {"headers": {"If-None-Match": "*"}}])
def test_no_file_stays_open_where_no_body_is_sent(shelf: Shelf, asks: Mapping[str, Any]) -> None:
    """Neither until the response is forgotten: nobody closes a body that nobody reads."""
    listen = from_folder(LocalFolder(shelf.folder, is_audio, max_file_bytes=LARGEST))
    with Flask("listening").test_request_context("/audio", **asks):
        response = listen(Asset("1", "a.wav"), request)
        assert not [path for path in open_files() if path.startswith(str(shelf.folder))]
        assert response.status_code in {200, 304}


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.mp3", "audio/mpeg"),
        ("a.b.FLAC", "audio/flac"),
        ("a.m4a", "audio/mp4"),
        ("a.html", "application/octet-stream"),
        ("a.svg", "application/octet-stream"),
        ("a.wav.js", "application/octet-stream"),
        ("no extension", "application/octet-stream"),
        (".mp3", "application/octet-stream"),
        ("mp3/a.xhtml", "application/octet-stream"),
    ],
)
def test_no_file_is_ever_a_page(shelf: Shelf, name: str, content_type: str) -> None:
    """Whatever its name and its content say."""
    path = shelf.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"<html><script>alert(1)</script>")
    answer = shelf.get(name)
    assert answer.headers["Content-Type"] == content_type
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == "inline"


@pytest.mark.parametrize(
    "name", ['"; filename=evil.html; x="', "a\r\nSet-Cookie: a=b\r\n\r\n.mp3", "ünï ☃.mp3", "<b>.mp3", "%0d%0a.mp3"]
)
def test_no_name_gets_into_the_headers(shelf: Shelf, name: str) -> None:
    """Quotes, line breaks and other scripts."""
    (shelf.folder / name).write_bytes(CONTENT)
    answer = shelf.get(name)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert "Set-Cookie" not in answer.headers
    assert not [value for value in answer.headers.values() if "evil" in value or "%0d" in value]


@pytest.mark.parametrize(
    "key", ["../outside.wav", "sub/../../outside.wav", "/etc/passwd", "link.wav", "out/outside.wav"]
)
def test_nothing_outside_the_folder_is_heard(shelf: Shelf, key: str) -> None:
    (shelf.folder.parent / "outside.wav").write_bytes(b"private")
    (shelf.folder / "sub").mkdir()
    (shelf.folder / "link.wav").symlink_to("../outside.wav")
    (shelf.folder / "out").symlink_to("..")
    answer = shelf.get(key)
    assert answer.status_code == 404
    assert answer.text.startswith("NOT_FOUND")


@pytest.mark.parametrize("key", ["missing.wav", "fifo.wav", "folder", "", "a\0b", "\ud800.wav"])
def test_what_is_no_file_is_not_found(shelf: Shelf, key: str) -> None:
    """And nobody waits for what a FIFO may bring."""
    os.mkfifo(shelf.folder / "fifo.wav")
    (shelf.folder / "folder").mkdir()
    assert shelf.get(key).status_code == 404


def test_a_file_larger_than_allowed_is_refused(shelf: Shelf) -> None:
    with (shelf.folder / "large.wav").open("wb") as file:
        file.truncate(LARGEST + 1)
    assert shelf.get("large.wav").text.startswith(TooLarge.code)


def test_a_file_that_shrinks_while_it_is_sent_ends_the_answer(shelf: Shelf) -> None:
    """The browser sees that it has not got all."""
    with (shelf.folder / "long.wav").open("wb") as file:
        file.truncate(LARGEST)
    connection = http.client.HTTPConnection("127.0.0.1", shelf.port, timeout=20)
    connection.request("GET", f"/audio?{query('long.wav')}")
    answer = connection.getresponse()
    os.truncate(shelf.folder / "long.wav", 1_000)
    with pytest.raises(http.client.IncompleteRead):
        answer.read()
    connection.close()
