"""The hash of short sounds' samples by the real ffmpeg: one for all files of the same audio, another for any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.audio import Audio, ffmpeg, music, write_wav
from tests.fpcalc import measure

DEEP = ("-c:a", "pcm_s24le")


def pcm_md5(path: Path) -> str:
    found = measure(path).properties
    assert found is not None
    assert found.pcm_md5 is not None
    return found.pcm_md5


def encoded(source: Path, name: str, *options: str) -> Path:
    path = source.parent / name
    ffmpeg("-i", str(source), *options, str(path))
    return path


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    """24 bits, the lowest of them in use."""
    path = tmp_path / "deep.wav"
    samples = (np.clip(music(1.3, 2, 44_100, 5), -1, 1) * (2**31 - 1)).astype("<i4").tobytes()
    raw = tmp_path / "raw"
    raw.write_bytes(samples)
    ffmpeg("-f", "s32le", "-ar", "44100", "-ac", "2", "-i", str(raw), *DEEP, str(path))
    return path


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.m4a", ("-c:a", "alac")),
        ("a.wv", ()),
        ("a.tta", ()),
        ("a.caf", ("-c:a", "pcm_s16le")),
        ("a.au", ("-c:a", "pcm_s16be")),
        ("a.mka", ("-c:a", "flac")),
        ("a.oga", ("-c:a", "flac")),
        ("a.flac", ()),
        ("a.aiff", ()),
        ("a.mov", ("-c:a", "pcm_s16be")),
    ],
)
def test_lossless_files_of_one_master_have_its_hash(
    tmp_path: Path, audio: Audio, name: str, options: tuple[str, ...]
) -> None:
    """Whether the header tells it or the samples do; tags change nothing, one sample changes it."""
    source = tmp_path / "source.wav"
    source.write_bytes(audio.wav(1.3).read_bytes())
    copy = encoded(source, name, *options, "-metadata", "title=another")
    assert pcm_md5(copy) == pcm_md5(source)
    samples = np.round(music(1.3, 2, 44_100, 1) * 32_767) / 32_767
    samples[1000, 0] += 2 / 32_767
    write_wav(source, samples, 44_100)
    assert pcm_md5(encoded(source, f"other-{name}", *options)) != pcm_md5(copy)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.m4a", ("-c:a", "alac", "-sample_fmt", "s32p")),
        ("a.caf", DEEP),
        ("a.flac", ("-sample_fmt", "s32")),
        ("a.mka", ("-c:a", "flac", "-sample_fmt", "s32")),
    ],
)
def test_24_bits_are_hashed_as_24_bits(tmp_path: Path, deep: Path, name: str, options: tuple[str, ...]) -> None:
    """The trap: hashed as 16 bits a master and its copy cut to 16 would be equal."""
    copy = encoded(deep, name, *options)
    assert pcm_md5(copy) == pcm_md5(deep)
    shallow = encoded(deep, "shallow.wav", "-c:a", "pcm_s16le")
    assert pcm_md5(encoded(shallow, f"shallow-{name}", *options)) != pcm_md5(copy)


def test_16_bits_stored_in_24_agree_with_each_other(tmp_path: Path, audio: Audio) -> None:
    """As FLAC's hash has it, the stored width belongs to the form."""
    padded = tmp_path / "padded.wav"
    ffmpeg("-i", str(audio.wav(1.3)), *DEEP, str(padded))
    assert pcm_md5(encoded(padded, "a.m4a", "-c:a", "alac", "-sample_fmt", "s32p")) == pcm_md5(padded)
    assert pcm_md5(padded) != pcm_md5(audio.wav(1.3))


def test_a_flac_that_does_not_tell_its_hash_is_decoded(tmp_path: Path, audio: Audio) -> None:
    """Written to a pipe the hash in it is all zero; a tag around it is none of the sound."""
    piped = tmp_path / "piped.flac"
    piped.write_bytes(audio.piped("flac"))
    assert piped.read_bytes()[26:42] == bytes(16)
    assert pcm_md5(piped) == pcm_md5(audio.wav(9.37))


@pytest.mark.parametrize(
    ("ending", "options"),
    [
        ("mp3", ("-b:a", "128k")),
        ("ogg", ("-c:a", "libvorbis")),
        ("opus", ("-c:a", "libopus")),
        ("m4a", ("-c:a", "aac")),
    ],
)
def test_a_lossy_file_under_other_tags_is_the_same(
    tmp_path: Path, audio: Audio, ending: str, options: tuple[str, ...]
) -> None:
    """And one of another sound, or encoded otherwise, is another."""
    first = audio.make(ending, *options, seconds=1.3)
    tagged = tmp_path / f"tagged.{ending}"
    ffmpeg("-i", str(first), "-c", "copy", "-metadata", "title=" + "another " * 40, str(tagged))
    assert tagged.read_bytes() != first.read_bytes()
    assert pcm_md5(tagged) == pcm_md5(first)
    other = tmp_path / f"other.{ending}"
    ffmpeg("-i", str(audio.wav(1.3, seed=2)), *options, str(other))
    assert pcm_md5(other) != pcm_md5(first)


def test_long_files_are_not_hashed_by_decoding(audio: Audio) -> None:
    """It would cost as much as fpcalc; a WAV's own samples are hashed however many they are."""
    found = measure(audio.make("mp3", seconds=12.0)).properties
    assert found is not None
    assert found.pcm_md5 is None
    assert pcm_md5(audio.wav(12.0))
