"""Each target makes inputs, near to valid ones and far from them, and says what must hold of every one."""

from __future__ import annotations

import base64
import json
import math
import os
import struct
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from urllib3.util import parse_url as urllib3_parse_url

from audiodup import container
from audiodup.addresses import HostList, Url, parse_url
from audiodup.answers import retry_after
from audiodup.compressed import CompressedFormatError, decode, encode
from audiodup.errors import ForbiddenHost, Malformed, NotAudio, Refused
from audiodup.messages import FingerprintRequest, decode_asset, decode_push, decode_request
from audiodup.model import Asset, FileIdentity, Outcome, Status
from audiodup.opened import OpenedFile
from audiodup.providers import Endpoint
from audiodup.rows import storable
from audiodup.settings import Provider
from tests.zoo import pcm
from tests.zoo.bombs import flac_bomb
from tests.zoo.boxes import edit_lists

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GOOD = json.loads(FingerprintRequest(Asset("a1", "k/1.wav", "wav", "artlist"), NOW).encode())

edges = st.sampled_from(
    [0, 1, 7, 8, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63, 2**64 - 1]
)
numbers = st.one_of(
    *(
        edges.map(lambda value, form=form: struct.pack(form, value % 256 ** struct.calcsize(form)))
        for form in (">I", "<I", ">H", "<Q", ">Q", "B")
    )
)
names = st.sampled_from(
    b"fmt  data fact ds64 LIST COMM SSND moov trak mdia mdhd hdlr soun minf stbl stsd stsz mp4a alac edts elst mvhd "
    b"udta OggS OpusHead vorbis fLaC Xing Info LAME VBRI TAG APETAGEX LYRICS200 ID3 ftyp mdat wide".split()
).map(lambda name: name.ljust(4))
pieces = st.lists(st.one_of(numbers, names, st.binary(max_size=24), st.just(bytes(16))), max_size=30).map(b"".join)


@st.composite
def mutated(draw: st.DrawFn, valid: st.SearchStrategy[bytes]) -> bytes:
    """Valid bytes with some replaced, inserted or cut off."""
    data = bytearray(draw(valid))
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(data)))
        data[place : place + draw(st.integers(0, 8))] = draw(st.one_of(numbers, names, st.binary(max_size=8)))
    return bytes(data[: draw(st.sampled_from([len(data), len(data), len(data) // 2, 40]))])


odd_texts = st.sampled_from(["\0", "a\0b", "\ud800", "x" * 50, "x" * 51, "x" * 501, "9999-12-31T23:59:59-23:59"])
values = st.recursive(
    odd_texts | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
some_fields = st.dictionaries(st.sampled_from(sorted(GOOD)), values, max_size=3)
request_bodies = st.one_of(
    some_fields.map(lambda fields: json.dumps({**GOOD, **fields}).encode()),
    mutated(st.just(json.dumps(GOOD).encode())),
    st.binary(max_size=200),
)


@st.composite
def envelopes(draw: st.DrawFn) -> bytes:
    message = {"data": base64.b64encode(draw(request_bodies)).decode(), "messageId": "1", "attributes": {"a": "b"}}
    message |= draw(
        st.dictionaries(st.sampled_from(["data", "messageId", "message_id", "attributes"]), values, max_size=2)
    )
    whole = json.dumps({"message": message, "subscription": "s"}).encode()
    return draw(
        st.one_of(st.just(whole), mutated(st.just(whole)), values.map(lambda value: json.dumps(value).encode()))
    )


def check_envelope(body: bytes) -> None:
    with suppress(Malformed):
        message = decode_push(body)
        assert isinstance(message.data, bytes)
        assert all(isinstance(text, str) for pair in message.attributes.items() for text in pair)
        check_request(message.data)


def check_request(data: bytes) -> None:
    """What is read can be written, stored, and read again."""
    asset = decode_asset(data)
    try:
        request = decode_request(data)
    except Malformed:
        return
    assert request.asset == asset
    assert decode_request(request.encode()) == request
    # Where a key fits no row this is Malformed too: it should have been so before.
    storable(Outcome(request.asset, Status.QUEUED, request.requested_at))


arrays = st.lists(st.integers(0, 2**32 - 1) | st.sampled_from([0, 1, 2**31, 2**32 - 1]), max_size=40)
fingerprints = st.builds(
    lambda items, algorithm: encode(np.array(items, np.uint32), algorithm), arrays, st.integers(0, 255)
)
packed = fingerprints.map(lambda text: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
texts = st.one_of(
    fingerprints,
    mutated(packed).map(lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()),
    mutated(fingerprints.map(str.encode)).map(lambda data: data.decode("latin-1")),
    st.text(max_size=60),
)


def check_compressed(text: str) -> None:
    """Refused by name, or the one text of its array."""
    with suppress(CompressedFormatError):
        algorithm, items = decode(text)
        assert encode(items, algorithm) == text


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    """A file that begins like a known container, with its header's numbers and chunks in any order behind."""
    _, magic = draw(st.sampled_from(container._MAGIC))
    data = bytearray(max(offset + len(text) for offset, text in magic))
    for offset, text in magic:
        data[offset : offset + len(text)] = text
    return draw(st.sampled_from([b"", b"", b"ID3\3\0\0\0\0\0\x0a" + bytes(10)])) + bytes(data) + draw(pieces)


frames = st.sampled_from(
    [b"\xff\xfb\x90\x00", b"\xff\xf1\x50\x80\x2e\x7f\xfc", b"\x0b\x77\0\0\x14\x40\x43", b"\x56\xe0\x10", b"\xd0"]
)
streams = st.lists(st.one_of(frames, pieces, st.just(bytes(417))), max_size=8).map(b"".join)
whole = st.sampled_from(
    [
        pcm.wav(pcm.SOUND[:200]),
        pcm.wav(pcm.SOUND[:200], tag=0xFFFE),
        pcm.aiff(pcm.RATE_80)[:200],
        pcm.au(),
        edit_lists(2),
        flac_bomb(3, 44_100, 2),
    ]
)
contents = st.one_of(heads(), mutated(heads()), mutated(whole), streams, pieces)
formats = st.sampled_from([None, "wav", "gsm", "g722", ".GSM", "'; DROP TABLE x", ""])
# By hand, not by the table on trial: none of these opens another file or host.
DEMUXERS = {
    "aac", "ac3", "aiff", "amr", "ape", "asf", "au", "avi", "caf", "dsf", "dts", "eac3", "flac", "flv", "g722",
    "gsm", "iff", "loas", "matroska", "mov", "mp3", "mpc", "mpc8", "mpeg", "mpegts", "ogg", "rm", "shn", "tak",
    "tta", "voc", "w64", "wav", "wv",
}  # fmt: skip


def check_magic(content: bytes, format: str | None) -> None:
    """No container, or one whose every property can be stored and whose demuxer opens nothing else."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        opened = OpenedFile(file.fileno(), "", FileIdentity(len(content)), {})
        try:
            found = container.inspect(opened, format)
        except NotAudio:
            return
        assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == len(content)
    assert found.demuxer in DEMUXERS
    assert found.declared_seconds is None or 0 < found.declared_seconds < math.inf
    outcome = Outcome(Asset("a", "k"), Status.SUCCESS, NOW, properties=found.properties)
    assert storable(outcome) == outcome


ENDPOINT = Endpoint.of(
    "p", Provider(url="https://api.example.com/{asset_id}/{file_key}", hosts=("*.example.com",)), allow_loopback=False
)
odd = st.sampled_from(
    [
        *"/:@?#[]\\.%_-\t\r\n\0 \u3002\uff0e\uff10\u2100\u00df\ud800",
        *("example.com", "files.example.com", "127.0.0.1", "::1", "https", "//", "%2f", "0x7f", "..", "443", "xn--"),
    ]
)
url_texts = st.lists(odd | st.text(max_size=3), max_size=12).map("".join)
urls = st.one_of(url_texts.map("https://files.example.com".__add__), url_texts.map("https://".__add__), url_texts)


def check_url(text: str) -> None:
    """Refused, or what is connected to is what every other reader of the URL takes for its host."""
    with suppress(ForbiddenHost):
        url = parse_url(text)
        assert parse_url(url.text) == url
        other = urllib3_parse_url(url.text)
        assert ((other.host or "").strip("[]"), other.port) == (url.host, url.port)
        assert (urllib3_parse_url(text).host or "").strip("[]").removesuffix(".").lower() == url.host
        with suppress(ForbiddenHost):
            HostList(["*.example.com"]).check(url)
            assert url.scheme == "https"
            assert url.port == 443
            assert url.host.endswith(".example.com")


def check_answer(text: str, spoil: bytes) -> None:
    """A URL, or a refusal; and a key goes into the path and nowhere else."""
    body = json.dumps({"data": {"url": text}}).encode()
    for data in (body, body[: len(body) // 2] + spoil + body[len(body) // 2 :], spoil):
        with suppress(Refused, ForbiddenHost):
            assert isinstance(ENDPOINT.signed_url(data), Url)
    with suppress(Refused):
        question = ENDPOINT.question(Asset("a", text))
        assert question.origin == ("https", "api.example.com", 443)
        assert question.target.startswith("/a/")
        assert question.target.count("/") == 2


dates = st.lists(
    st.sampled_from(
        [
            "Wed,",
            "31",
            "Feb",
            "2026",
            "99999",
            "-1",
            "25:61:61",
            "07:28:00",
            "GMT",
            "+9999",
            "-0000",
            "(",
            ")",
            "\\",
            "\x00",
        ]
    )
    | st.text(max_size=4),
    max_size=8,
).map(" ".join)


def check_retry_after(text: str) -> None:
    seconds = retry_after(text, NOW)
    assert seconds is None or 0 <= seconds < math.inf


TARGETS: dict[str, tuple[Callable[..., None], tuple[st.SearchStrategy[Any], ...]]] = {
    "envelope": (check_envelope, (envelopes(),)),
    "request": (check_request, (request_bodies,)),
    "compressed fingerprint": (check_compressed, (texts,)),
    "magic bytes": (check_magic, (contents, formats)),
    "URL": (check_url, (urls,)),
    "download API's answer": (check_answer, (urls, st.binary(max_size=12))),
    "Retry-After": (check_retry_after, (dates,)),
}


def fuzz(name: str, cases: int, *, random: bool = False) -> None:
    """Run a target over so many cases: the same ones each time, or others."""
    check, strategies = TARGETS[name]
    bounds = settings(
        max_examples=cases,
        deadline=None,
        derandomize=not random,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    bounds(given(*strategies)(check))()
