"""With PARTIAL_DOWNLOADS: which bytes are asked for, and that no answer makes a part pass for the whole."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.download import ASSET, CONTENT, QUESTION, Api, leftovers, status
from tests.loopback import Exchange, Handler, Server

from audiodup.answers import CHUNK_BYTES
from audiodup.errors import DownloadFailed, NotFound, TooLarge
from audiodup.model import Asset
from audiodup.steps import AudioFile, Deadline

NEEDED = 500_000
SIZE = len(CONTENT)
BEHIND = SIZE - 1_000
PARTS = CONTENT[:NEEDED] + bytes(BEHIND - NEEDED) + CONTENT[BEHIND:]
VERSION = '"9b2cf5"'


@pytest.fixture
def api(server: Server, tmp_path: Path) -> Any:
    """What is needed is said by the file's first bytes, as its headers do."""

    def needs(file: AudioFile) -> list[tuple[int, int]]:
        assert not file.whole
        assert (file.identity.size, os.fstat(file.descriptor).st_size) == (SIZE, SIZE)
        assert os.pread(file.descriptor, SIZE, 0)[: CHUNK_BYTES + 9] == CONTENT[:CHUNK_BYTES] + bytes(9)
        return [(0, NEEDED), (BEHIND, SIZE)]

    api = Api(server, tmp_path, needs=needs)
    yield api
    assert leftovers(tmp_path) == []
    assert api.source.bytes_in_flight == 0
    api.source.close()


def ranges(
    etag: str | None = VERSION, size: int = SIZE, change: Callable[[str], str] = str, content: bytes = CONTENT
) -> Handler:
    """A host that gives the range it is asked for, or says so."""

    def handler(exchange: Exchange) -> None:
        first, last = wanted(exchange)
        headers = {"Content-Range": change(f"bytes {first}-{last}/{size}")} | ({"ETag": etag} if etag else {})
        exchange.answer(206, content[first : last + 1], headers)

    return handler


def wanted(exchange: Exchange) -> tuple[int, int]:
    match = re.fullmatch(r"bytes=(\d+)-(\d+)", next(v for k, v in exchange.headers.items() if k.lower() == "range"))
    assert match is not None
    return int(match[1]), min(int(match[2]), SIZE - 1)


def everything(exchange: Exchange) -> None:
    assert not any(name.lower() == "range" for name in exchange.headers)
    exchange.answer(200, CONTENT, {"ETag": VERSION})


def test_only_what_is_needed_is_fetched_and_stands_where_it_belongs(server: Server, api: Api) -> None:
    """On one connection, and all for the version that the first had."""
    server.on("/file", ranges())
    with api.source.open(ASSET, Deadline(30)) as file:
        assert Path(file.path).read_bytes() == PARTS
        assert api.source.bytes_in_flight == NEEDED + SIZE - BEHIND
        assert not file.whole
        assert (file.identity.size, file.identity.sha256, file.identity.etag) == (SIZE, None, "9b2cf5")
    asked = server.asked("/file")
    assert [wanted(one) for one in asked] == [(0, CHUNK_BYTES - 1), (CHUNK_BYTES, NEEDED - 1), (BEHIND, SIZE - 1)]
    for one in asked[1:]:
        assert one.connection is asked[0].connection
        assert {name.lower(): value for name, value in one.headers.items()}["if-match"] == VERSION


def test_the_rest_is_there_when_it_is_asked_for(server: Server, api: Api) -> None:
    """By a signed URL of its own: the first may be over by then."""
    server.on("/file", ranges(), ranges(), ranges(), everything)
    with api.source.open(ASSET, Deadline(30)) as part:
        file = part.completed(Deadline(30))
        assert Path(file.path).read_bytes() == CONTENT
        assert file.whole
        assert file.completed(Deadline(30)) is file
        assert file.identity.sha256 is not None
        assert file.identity.size == SIZE
    assert len(server.asked(QUESTION)) == 2


@pytest.mark.parametrize("asset", [Asset("a1", "k/1.wav", "mp3", "artlist"), Asset("a1", "k/1", None, "artlist")])
def test_other_formats_are_fetched_whole(server: Server, api: Api, asset: Asset) -> None:
    """Nobody knows how many of their bytes are two minutes."""
    server.handlers["/assets/a1/files/k%2F1"] = server.handlers[QUESTION]
    server.on("/file", everything)
    assert api.get(asset) == CONTENT
    assert len(server.asked("/file")) == 1


@pytest.mark.parametrize("asset", [Asset("a1", "k/1.wav", "WAV", "artlist"), Asset("a1", "k/1.wav", None, "artlist")])
def test_the_format_is_the_assets_or_the_names(server: Server, api: Api, asset: Asset) -> None:
    """However it is written."""
    server.on("/file", ranges())
    assert api.get(asset) == PARTS


def test_a_host_that_knows_no_ranges_sends_all_at_once(server: Server, api: Api) -> None:
    """One request, as before."""
    server.on("/file", lambda exchange: exchange.answer(200, CONTENT, {"ETag": VERSION}))
    with api.source.open(ASSET, Deadline(30)) as file:
        assert Path(file.path).read_bytes() == CONTENT
        assert file.whole
        assert file.identity.sha256 is not None
    assert len(server.asked("/file")) == 1


def test_a_file_that_is_no_larger_than_its_head_is_whole(server: Server, api: Api) -> None:
    """And has its hash."""
    small = CONTENT[:1000]
    server.on(
        "/file", lambda exchange: exchange.answer(206, small, {"Content-Range": "bytes 0-999/1000", "ETag": '"e"'})
    )
    with api.source.open(ASSET, Deadline(30)) as file:
        assert Path(file.path).read_bytes() == small
        assert file.whole
        assert file.identity.sha256 is not None
    assert len(server.asked("/file")) == 1


SPOILT = {
    "no version": [ranges(etag=None)],
    "weak version": [ranges(etag='W/"9b2cf5"')],
    "empty file's 416": [status(416)],
    "no Content-Range": [lambda exchange: exchange.answer(206, CONTENT[:CHUNK_BYTES], {"ETag": VERSION})],
    "another start": [ranges(change=lambda text: text.replace("bytes 0-", "bytes 1-"))],
    "unknown size": [ranges(change=lambda text: re.sub(r"/\d+", "/*", text))],
    "more than it says": [ranges(change=lambda text: re.sub(r"-\d+", "-9", text))],
    "nonsense": [ranges(change=lambda text: "bytes 9-0/5")],
    "several parts": [ranges(change=lambda text: f"{text}, {text}")],
    "another version then": [ranges(), ranges(etag='"other"')],
    "gone then": [ranges(), status(412)],
    "all of it then": [ranges(), lambda exchange: exchange.answer(200, CONTENT, {"ETag": VERSION})],
    "another part then": [ranges(), ranges(change=lambda text: text.replace(f"{CHUNK_BYTES}-", "0-"))],
    "another size then": [ranges(), ranges(size=SIZE + 1)],
    "expired then": [ranges(), status(403)],
    "another version at last": [ranges(), ranges(), ranges(etag='"other"')],
    "gone at last": [ranges(), ranges(), status(412)],
    "less than it says then": [ranges(), ranges(content=CONTENT[: NEEDED - 1])],
}


@pytest.mark.parametrize("first", SPOILT.values(), ids=SPOILT)
def test_a_host_that_does_not_play_along_is_asked_for_all(server: Server, api: Api, first: list[Handler]) -> None:
    """Within the same try; the result is the whole file."""
    server.on("/file", *first, everything)
    with api.source.open(ASSET, Deadline(30)) as file:
        assert Path(file.path).read_bytes() == CONTENT
        assert file.whole
        assert file.identity.etag == "9b2cf5"
    assert len(server.asked("/file")) == len(first) + 1


def test_a_hiccup_in_either_part_is_tried_again(server: Server, api: Api) -> None:
    """From the beginning, once; more is Pub/Sub's."""
    server.on("/file", status(503), ranges())
    assert api.get() == PARTS
    server.on("/file", ranges(), status(500), ranges())
    assert api.get() == PARTS
    server.on("/file", ranges(), status(500), ranges(), status(500))
    api.fails(DownloadFailed, "answered 500")


def test_a_refused_url_is_asked_for_anew(server: Server, api: Api) -> None:
    """As for whole files."""
    server.on("/file", status(403), ranges())
    assert api.get() == PARTS
    assert len(server.asked(QUESTION)) == 2


def test_what_is_too_large_or_not_there_is_said_at_once(server: Server, api: Api) -> None:
    """The size is the whole file's, however small the part."""
    for size in (2_000_001, 10**17):
        server.on("/file", ranges(size=size))
        api.fails(TooLarge, f"{size} bytes")
    server.on("/file", status(404))
    api.fails(NotFound)
