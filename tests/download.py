"""A download API on loopback, a DownloadApi that asks it, and a look at what stays behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from audiodup.errors import AudioDupError
from audiodup.model import Asset
from audiodup.source import DownloadApi
from audiodup.steps import Deadline
from tests.loopback import Exchange, Handler, Server, raw, serving

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


def expired(exchange: Exchange) -> None:
    exchange.answer(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
