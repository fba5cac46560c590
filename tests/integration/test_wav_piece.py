"""A piece of a WAV as we read it and as ffmpeg does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.audio import Audio, opened
from tests.fpcalc import guarded

from audiodup.decoder import Ffmpeg
from audiodup.sound import Sound
from audiodup.steps import Deadline
from audiodup.wav_piece import read_wav_piece


def read(path: Path, start: float = 5.0, seconds: float = 2.0) -> Sound | None:
    with opened(path) as file:
        return read_wav_piece(file.descriptor, start=start, seconds=seconds)


# ffmpeg writes 24 bits and more as WAVE_FORMAT_EXTENSIBLE, which Python's `wave` reads from 3.12 on.
@pytest.mark.parametrize("codec", ["pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le"])
@pytest.mark.parametrize("channels", [1, 2])
def test_it_is_what_ffmpeg_gives(tmp_path: Path, audio: Audio, codec: str, channels: int) -> None:
    """Sample for sample, from inside the file."""
    source = audio.make("wav", "-c:a", codec, seconds=9.37, channels=channels, rate=8_000)
    path = tmp_path / "plain.wav"
    path.write_bytes(plain(source.read_bytes()))
    found = read(path)
    with opened(path) as file:
        expected = Ffmpeg("ffmpeg", guarded()).decode(file, "wav", Deadline(60), seconds=2.0, start=5.0)
    assert found is not None
    assert (found.rate, found.bits) == (expected.rate, expected.bits)
    assert np.array_equal(found.samples, expected.samples)


def plain(data: bytes) -> bytes:
    """With the plain tag for PCM in the place of WAVE_FORMAT_EXTENSIBLE."""
    position = data.index(b"fmt ") + 8
    return data[:position] + b"\1\0" + data[position + 2 :]


def test_what_is_left_of_the_file_is_read(audio: Audio) -> None:
    """A stream of unknown length too."""
    found = read(audio.wav(9.37), start=9.0)
    assert found is not None
    assert found.seconds == pytest.approx(0.37)


@pytest.mark.parametrize(
    ("ending", "options"),
    [("wav", ("-c:a", "pcm_f32le")), ("wav", ("-c:a", "adpcm_ms")), ("wav", ("-rf64", "always")), ("flac", ())],
)
def test_other_files_are_left_to_ffmpeg(audio: Audio, ending: str, options: tuple[str, ...]) -> None:
    """Floats, compressed samples, RF64."""
    assert read(audio.make(ending, *options)) is None


@pytest.mark.parametrize("size", [0, 10, 30, 43, 44])
def test_what_is_cut_off_gives_nothing(tmp_path: Path, audio: Audio, size: int) -> None:
    """Nor does a start behind its end."""
    path = tmp_path / "cut.wav"
    path.write_bytes(audio.wav(9.37).read_bytes()[:size])
    assert read(path) is None
    assert read(audio.wav(9.37), start=20.0) is None


def test_a_hostile_header_ends_soon(tmp_path: Path, audio: Audio) -> None:
    """A million empty chunks before the samples, and more bytes promised than there are."""
    data = audio.wav(9.37).read_bytes()
    many = tmp_path / "many.wav"
    many.write_bytes(data[:12] + b"junk\0\0\0\0" * 1_000_000 + data[12:])
    assert read(many) is None
    odd = bytearray(data)
    odd[22:24] = b"\0\0"
    (tmp_path / "odd.wav").write_bytes(odd)
    assert read(tmp_path / "odd.wav") is None
    odd[22:28] = b"\xff\xff\xff\xff\xff\xff"
    (tmp_path / "odd.wav").write_bytes(odd)
    assert read(tmp_path / "odd.wav") is None
