"""Damaged and hostile headers cost neither the process nor its memory, nor the file's own offset."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.audio import Audio, opened
from tests.containers import inspect, inspect_bytes

from audiodup import container
from audiodup.errors import NotAudio
from audiodup.headers.reader import BoundedFile, Reader
from audiodup.headers.streaminfo import read_with_mutagen


@pytest.mark.parametrize(
    "ending", ["wav", "w64", "aiff", "flac", "ogg", "opus", "mp3", "aac", "m4a", "wma", "wv", "tta", "ac3"]
)
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_headers_raise_nothing_else(tmp_path: Path, audio: Audio, ending: str, data: st.DataObject) -> None:
    """Bytes changed, inserted or cut anywhere in the first two kilobytes."""
    whole = bytearray(audio.make(ending, seconds=3.2).read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, min(len(whole), 2000) - 1))
        whole[place : place + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    whole = whole[: data.draw(st.sampled_from([len(whole), 200, 2000, 20_000]))]
    try:
        found = inspect_bytes(tmp_path, bytes(whole))
    except NotAudio:
        return
    assert found.declared_seconds is None or found.declared_seconds > 0


def test_mutagen_is_stopped_when_it_reads_too_much(tmp_path: Path) -> None:
    """Bytes and calls are counted: a header can announce gigabytes, or send a reader round for hours."""
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(1 << 32)
    with opened(path) as file:
        with pytest.raises(OSError, match="bytes of headers"):
            BoundedFile(Reader(file.descriptor)).read()
        bounded = BoundedFile(Reader(file.descriptor))
        with pytest.raises(OSError, match="reads and seeks"):  # noqa: PT012 which of the calls it is does not matter
            while True:
                bounded.seek(0)
        with pytest.raises(OSError, match="before the start"):
            BoundedFile(Reader(file.descriptor)).seek(-1)


def test_a_box_of_gigabytes_takes_no_memory(tmp_path: Path) -> None:
    """An index that announces four gigabytes of metadata, in a sparse file that has them."""
    path = tmp_path / "huge.m4a"
    with path.open("wb") as file:
        file.write(b"\0\0\0\x18ftypM4A \0\0\0\0M4A isom" + struct.pack(">I", 0xFFFFFF00) + b"moov")
        file.write(struct.pack(">I", 0xFFFFFE00) + b"udta" + struct.pack(">I", 0xFFFFFD00) + b"meta")
        file.truncate(1 << 32)
    tracemalloc.start()
    try:
        inspect(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100_000_000


def test_compressed_tag_frames_are_not_inflated(tmp_path: Path, audio: Audio) -> None:
    """mutagen inflates them without a bound: 100 KB of tag would become 100 MB."""
    bomb = zlib.compress(bytes(100_000_000), 9)
    # ID3v2.4 frame flags: compressed, with its length after inflation.
    content = b"APIC" + _synchsafe(len(bomb) + 4) + b"\0\x09" + _synchsafe(100_000_000) + bomb
    tag = b"ID3\4\0\0" + _synchsafe(len(content)) + content
    wav = audio.make("wav", "-c:a", "pcm_s16le", seconds=3.2).read_bytes()
    files = [
        tag + audio.make("mp3", seconds=3.2).read_bytes(),
        tag + audio.make("tta", seconds=3.2).read_bytes(),
        wav + b"id3 " + len(tag).to_bytes(4, "little") + tag,
    ]
    for data in files:
        tracemalloc.start()
        try:
            inspect_bytes(tmp_path, data)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 20_000_000


def _synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def test_whatever_mutagen_raises_the_rest_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, audio: Audio
) -> None:
    """Its failure costs the properties, not the file."""

    def fail(file: object) -> None:
        raise RecursionError

    monkeypatch.setitem(read_with_mutagen.__globals__["_READERS"], "mp4", fail)
    found = inspect(audio.make("m4a", "-c:a", "aac"))
    assert (found.properties.container, found.properties.codec) == ("mp4", None)
    assert found.declared_seconds is not None


def test_many_tiny_chunks_come_to_an_end(tmp_path: Path) -> None:
    """A file of a hundred megabytes of empty chunks: given up after ten thousand."""
    data = (
        b"RIFF\0\0\0\0WAVE"
        + b"junk\0\0\0\0" * 12_000
        + b"fmt \x10\0\0\0"
        + struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    )
    assert inspect_bytes(tmp_path, data + b"data\4\0\0\0abcd").properties.sample_rate is None
    assert (
        inspect_bytes(tmp_path, data.replace(b"junk\0\0\0\0" * 5000, b"") + b"data\4\0\0\0abcd").properties.sample_rate
        == 8000
    )


def test_the_descriptors_own_offset_is_left_alone(audio: Audio) -> None:
    """It belongs to whoever reads."""
    import os

    with opened(audio.make("m4a", "-c:a", "aac")) as file:
        os.lseek(file.descriptor, 5, os.SEEK_SET)
        container.inspect(file, None)
        assert os.lseek(file.descriptor, 0, os.SEEK_CUR) == 5
