"""One input: a file, an answer or a message; what it may not reach; and the code it must end with."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from audiodup.messages import FingerprintRequest
from audiodup.model import Asset
from tests.audio import Audio
from tests.loopback import Exchange, Server

PROVIDER = "artlist"
REQUESTED_AT = datetime(2026, 1, 1, tzinfo=UTC)
ASSET = Asset("zoo", "input", provider=PROVIDER)


@dataclass(frozen=True)
class Surroundings:
    """What inputs are made of, and what they try to reach."""

    audio: Audio
    canary: Path
    """Music in a file beside the inputs. Nobody may read it."""
    trap: str
    """The URL of a socket that listens. Nobody may call it."""


@dataclass(frozen=True)
class Content:
    """A file's bytes; beyond them a hole up to `size`."""

    head: bytes
    size: int = 0

    def write(self, path: Path) -> None:
        with path.open("wb") as file:
            file.write(self.head)
            file.truncate(max(self.size, len(self.head)))


Make = Callable[[Surroundings], bytes | Content]


@dataclass(frozen=True)
class Visit:
    """What answers while the step runs."""

    server: Server
    """The provider."""
    surroundings: Surroundings
    file: Path

    def send_file(self, exchange: Exchange) -> None:
        """By the kernel, so that the zoo's own memory is none of the row's."""
        with self.file.open("rb") as file:
            exchange.send(f"HTTP/1.1 200 OK\r\nContent-Length: {self.file.stat().st_size}\r\n\r\n".encode())
            exchange.connection.sendfile(file)


Serve = Callable[[Visit, Exchange], None]


@dataclass(frozen=True)
class Specimen:
    """One row of the table."""

    name: str
    code: str
    """What becomes of it: SUCCESS, SHORT, or the code of the error."""
    make: Make | None = None
    """The file; None is a small intact one."""
    folder: bool = False
    """Taken from a folder; else downloaded from a provider."""
    asset: Asset = ASSET
    message: bytes | None = None
    """Instead of a request for `asset`."""
    api: Serve | None = None
    """How the download API answers; None names the file's URL."""
    host: Serve | None = None
    """How the file's host answers; None sends the file."""
    addresses: tuple[tuple[str, ...], ...] = (("127.0.0.1",),)
    """What the file's host stands for, each time its name is asked; the last one stays."""
    seconds: float | None = None
    """Of the whole step; None is the settings' default, less is for answers that never end by themselves."""
    largest: int = 2_000_000_000
    """MAX_FILE_BYTES."""

    @property
    def data(self) -> bytes:
        return self.message or FingerprintRequest(self.asset, REQUESTED_AT).encode()


@dataclass(frozen=True)
class Group:
    """Rows of one kind, and what they have in common."""

    title: str
    words: str
    specimens: tuple[Specimen, ...]


def files(code: str, made: dict[str, Make]) -> tuple[Specimen, ...]:
    """Downloaded files that all end the same way."""
    return tuple(Specimen(name, code, make) for name, make in made.items())


def text(template: str) -> Make:
    """A text with `{path}`, `{name}` and `{url}` in the places of what may not be reached."""

    def make(place: Surroundings) -> bytes:
        filled = template.replace("{path}", str(place.canary)).replace("{name}", place.canary.name)
        return filled.replace("{url}", place.trap).encode()

    return make


def always(data: bytes | Content) -> Make:
    return lambda place: data


def redirect(location: str) -> Serve:
    """`{port}` is the provider's own, where the redirect would be answered if it were followed."""

    def serve(visit: Visit, exchange: Exchange) -> None:
        target = location.format(port=visit.server.port, trap=visit.surroundings.trap)
        exchange.send(f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode())

    return serve


def names(url: str) -> Serve:
    """A download API's answer with this signed URL."""
    return lambda visit, exchange: exchange.answer_json(
        {"data": {"url": url.format(port=visit.server.port, trap=visit.surroundings.trap)}}
    )


def replies(data: bytes) -> Serve:
    """These very bytes, then the end."""

    def serve(visit: Visit, exchange: Exchange) -> None:
        exchange.send(data)
        exchange.end()

    return serve


def box(name: bytes, *content: bytes, size: int | None = None) -> bytes:
    """A box of MP4, or with `size` one that lies about it."""
    data = b"".join(content)
    return struct.pack(">I", (8 + len(data)) if size is None else size) + name + data


def patched(data: bytes, marker: bytes, offset: int, replacement: bytes) -> bytes:
    """`replacement` written so many bytes after the end of the first `marker`."""
    place = data.index(marker) + len(marker) + offset
    return data[:place] + replacement + data[place + len(replacement) :]


def unique(groups: Iterable[Group]) -> tuple[Group, ...]:
    """The groups, after a look that no name stands twice."""
    found = tuple(groups)
    seen = [specimen.name for group in found for specimen in group.specimens]
    twice = {name for name in seen if seen.count(name) > 1}
    if twice:
        raise ValueError(f"named twice: {', '.join(sorted(twice))}")
    return found
