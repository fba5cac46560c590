"""A file of which only a part was fetched has the row of the whole file, from real presigned URLs, format by format."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from tests.audio import ffmpeg, id3, music, write_wav

from audiodup import steps
from audiodup.messages import FingerprintRequest
from audiodup.model import Asset, Outcome
from audiodup.settings import read_settings
from audiodup.wiring import Parts
from stack.processes import Processes
from stack.provider import Provider, ProviderConfig, start_provider

SECONDS = 15
NOW = datetime(2026, 1, 1, tzinfo=UTC)
# What ffmpeg makes of the master; the name says what of it is special.
PARTS = {
    "16.wav": ["-c:a", "pcm_s16le"],
    "24 at 96 kHz.wav": ["-c:a", "pcm_s24le", "-ar", "96000"],
    "32.wav": ["-c:a", "pcm_s32le"],
    "8.wav": ["-c:a", "pcm_u8"],
    "float.wav": ["-c:a", "pcm_f32le"],
    "double.wav": ["-c:a", "pcm_f64le"],
    "mu-law.wav": ["-c:a", "pcm_mulaw"],
    "a-law.wav": ["-c:a", "pcm_alaw"],
    "six channels.wav": ["-c:a", "pcm_s16le", "-ac", "6"],
    "big.wav": ["-c:a", "pcm_s16le", "-rf64", "always"],
    "streamed.wav": ["pipe", "-c:a", "pcm_s16le", "-f", "wav"],
    "16.aiff": ["-c:a", "pcm_s16be"],
    "24.aif": ["-c:a", "pcm_s24be", "-f", "aiff"],
    "little endian.aifc": ["-c:a", "pcm_s16le", "-f", "aiff"],
}
WHOLE = {
    "wave64.wav": ["-c:a", "pcm_s16le", "-f", "w64"],
    "adpcm.wav": ["-c:a", "adpcm_ms"],
    "mp3 inside.wav": ["-c:a", "libmp3lame"],
    "two minutes.flac": ["-c:a", "flac"],
    "mu-law.aifc": ["-c:a", "pcm_mulaw", "-f", "aiff"],
}

# Each is a file in which a decoder may find another length or another sound than a part of it tells.
ODD = ["two formats.wav", "fewer bits are valid.wav", "four bits.wav", "sowt of 8 bits.aifc"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute of music in every dress."""
    folder = tmp_path_factory.mktemp("audio")
    write_wav(folder / "master", music(60, 2, 44_100, 3), 44_100)
    for name, options in (PARTS | WHOLE).items():
        piped = options[0] == "pipe"
        made = ffmpeg("-i", str(folder / "master"), *options[piped:], "pipe:1" if piped else str(folder / name))
        if piped:
            (folder / name).write_bytes(made)
    plain = (folder / "16.wav").read_bytes()
    (folder / "tag in front.wav").write_bytes(id3(100_000) + plain)
    (folder / "tags behind.wav").write_bytes(plain + b"id3 " + (400_000).to_bytes(4, "little") + bytes(400_000))
    (folder / "much behind.wav").write_bytes(plain + b"PAD " + (2_000_000).to_bytes(4, "little") + bytes(2_000_000))
    (folder / "late samples.wav").write_bytes(_with_chunk(plain, 300_000))
    (folder / "cut off.wav").write_bytes(plain[:-500_000])
    # Each frame has four bytes; the header says one, so that a quarter of what is needed would be fetched.
    (folder / "lies.wav").write_bytes(plain[:32] + b"\1\0" + plain[34:])
    (folder / "two formats.wav").write_bytes(plain[:12] + _fmt(1, 8_000, 8) + plain[12:])
    (folder / "fewer bits are valid.wav").write_bytes(_extensible(plain, valid=8))
    (folder / "four bits.wav").write_bytes(plain[:12] + _fmt(2, 44_100, 4) + plain[36:])
    (folder / "samples twice.wav").write_bytes(plain + b"data" + (800_000).to_bytes(4, "little") + plain[44:800_044])
    ffmpeg("-i", str(folder / "master"), "-ac", "1", "-c:a", "pcm_s8", "-f", "aiff", str(folder / "8 bits.aiff"))
    (folder / "sowt of 8 bits.aifc").write_bytes(_as_sowt((folder / "8 bits.aiff").read_bytes()))
    aiff = (folder / "16.aiff").read_bytes()
    common = aiff.index(b"COMM")
    (folder / "COMM behind too.aiff").write_bytes(aiff + _other_rate(aiff[common : common + 26]))
    (folder / "no audio.wav").write_bytes(b"<html>" + b"sorry " * 500_000)
    return folder


def _fmt(channels: int, rate: int, bits: int) -> bytes:
    block = max(channels * bits // 8, 1)
    fields = (16).to_bytes(4, "little"), struct.pack("<HHIIHH", 1, channels, rate, rate * block, block, bits)
    return b"fmt " + b"".join(fields)


def _extensible(wav: bytes, valid: int) -> bytes:
    """WAVE_FORMAT_EXTENSIBLE that says 16 bits, of which not all are valid."""
    subtype = b"\1\0" + bytes.fromhex("000000001000800000aa00389b71")
    body = b"\xfe\xff" + wav[22:36] + struct.pack("<HHI", 22, valid, 3) + subtype
    return wav[:12] + b"fmt " + len(body).to_bytes(4, "little") + body + wav[36:]


def _as_sowt(aiff: bytes) -> bytes:
    """AIFC of type `sowt`, in eight bits, as some recorders write."""
    common = aiff.index(b"COMM")
    kind = b"sowt\0\0"
    chunk = b"COMM" + (24).to_bytes(4, "big") + aiff[common + 8 : common + 26] + kind
    end = common + 8 + int.from_bytes(aiff[common + 4 : common + 8], "big")
    return aiff[:8] + b"AIFC" + aiff[12:common] + chunk + aiff[end:]


def _other_rate(common: bytes) -> bytes:
    """The same chunk at half the sample rate."""
    exponent = int.from_bytes(common[16:18], "big") - 1
    return common[:16] + exponent.to_bytes(2, "big") + common[18:]


def _with_chunk(wav: bytes, size: int) -> bytes:
    """A chunk before the samples, larger than the first request."""
    return wav[:12] + b"junk" + size.to_bytes(4, "little") + bytes(size) + wav[12:]


@pytest.fixture(scope="module")
def provider(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with Processes(tmp_path_factory.mktemp("stack")) as processes:
        yield start_provider(processes, ProviderConfig(str(folder)))


class Inbox:
    def append(self, outcome: Outcome) -> Outcome:
        return outcome


def run(provider: Provider, name: str, *, partial: bool) -> tuple[Outcome, int]:
    """The outcome, and how many bytes came."""
    config = provider.config
    hosts = [f"127.0.0.1:{config.object_port}"]
    before = sent(provider)
    with tempfile.TemporaryDirectory() as secrets:
        (Path(secrets) / "token").write_text(config.authorization)
        settings = read_settings(
            partial_downloads=partial,
            fingerprint_seconds=SECONDS,
            providers={"local": {"url": provider.url_template, "secret": "token", "hosts": hosts}},
            secrets=secrets,
            allow_loopback=True,
        )
        parts = Parts(settings)
        request = FingerprintRequest(Asset(name, name, provider="local"), NOW)
        outcome = steps.fingerprint(request, parts.source, parts.fingerprinter, Inbox(), steps.Deadline(60)).outcome
    return replace(outcome, event_id=""), sent(provider) - before


def sent(provider: Provider) -> int:
    return int(requests.get(provider.counts_url, timeout=10).json()["sent_bytes"])


@pytest.mark.parametrize("name", [*PARTS, "8 bits.aiff", "tag in front.wav", "tags behind.wav"])
def test_a_third_of_the_bytes_gives_the_same_row(provider: Provider, folder: Path, name: str) -> None:
    """But for what only all bytes tell: SHA-256, and the hash of the samples."""
    whole, _ = run(provider, name, partial=False)
    part, received = run(provider, name, partial=True)
    assert whole.fingerprint is not None, whole.error
    assert whole.identity is not None
    assert whole.properties is not None
    assert part == replace(
        whole,
        identity=replace(whole.identity, sha256=None),
        properties=replace(whole.properties, pcm_md5=None),
    )
    assert received < 0.45 * (folder / name).stat().st_size


@pytest.mark.parametrize("name", ["samples twice.wav", "COMM behind too.aiff"])
def test_what_a_decoder_finds_behind_the_samples_is_there(provider: Provider, name: str) -> None:
    """Whichever it believes, it has the same choice."""
    whole, part = (run(provider, name, partial=partial)[0] for partial in (False, True))
    assert (part.error, part.fingerprint) == (whole.error, whole.fingerprint)
    assert part.properties is not None
    assert whole.properties is not None
    assert replace(part.properties, pcm_md5=None) == replace(whole.properties, pcm_md5=None)


@pytest.mark.parametrize(
    "name", [*WHOLE, *ODD, "lies.wav", "much behind.wav", "late samples.wav", "cut off.wav", "no audio.wav"]
)
def test_what_is_not_sure_is_fetched_whole(provider: Provider, folder: Path, name: str) -> None:
    """And has all its hashes, or the error of a whole file."""
    whole, _ = run(provider, name, partial=False)
    part, received = run(provider, name, partial=True)
    assert part == whole
    assert part.identity is not None
    assert part.identity.sha256 is not None
    assert received == (folder / name).stat().st_size
