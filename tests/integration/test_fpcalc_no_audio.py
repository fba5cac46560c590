"""Too little to hear, or nothing at all: each by its own error."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from tests.audio import Audio, ffmpeg, id3, opened
from tests.fpcalc import FPCALC, fingerprint, fingerprint_bytes

from audiodup.errors import Corrupt, NotAudio, ResourceLimit, TooShort
from audiodup.model import AudioProperties, Inspection
from audiodup.steps import Deadline


@pytest.mark.parametrize("ending", ["wav", "mp3", "ogg", "m4a", "aac", "flac"])
@pytest.mark.parametrize("seconds", [0.3, 2.0])
def test_two_seconds_are_too_short(audio: Audio, ending: str, seconds: float) -> None:
    """A permanent, named outcome."""
    with pytest.raises(TooShort, match=r"Empty fingerprint|Not enough audio data"):
        fingerprint(audio.make(ending, seconds=seconds))


def test_little_audio_where_much_is_declared_is_corrupt_not_short(audio: Audio) -> None:
    """Else a truncated album would be filed under sounds that are meant to be short."""
    with opened(audio.wav(2.0)) as file, pytest.raises(Corrupt, match="Empty fingerprint"):
        FPCALC.fingerprint(file, Inspection(AudioProperties(), "wav", declared_seconds=200.0), Deadline(60))


def test_a_video_without_sound_is_no_audio(tmp_path: Path) -> None:
    """A known container, but nothing to hear in it."""
    for name in ("mute.mp4", "mute.mkv", "mute.avi"):
        path = tmp_path / name
        ffmpeg("-f", "lavfi", "-i", "color=size=64x64:rate=5:duration=5", "-c:v", "mpeg4", str(path))
        with pytest.raises(NotAudio, match="audio stream"):
            fingerprint(path)


def test_a_cover_alone_is_no_audio(tmp_path: Path) -> None:
    """An ID3 tag with a picture, and no frames behind it."""
    picture = tmp_path / "cover.png"
    ffmpeg("-f", "lavfi", "-i", "color=size=64x64", "-frames:v", "1", str(picture))
    content = b"APIC" + struct.pack(">IH", picture.stat().st_size + 13, 0) + b"\0image/png\0\3\0" + picture.read_bytes()
    tag = id3(len(content))[:10] + content
    with pytest.raises(NotAudio):
        fingerprint_bytes(tmp_path, tag, "cover.mp3")


@pytest.mark.parametrize(
    "data", [b"", bytes(50_000), b"<html><body>403 Forbidden</body></html>"], ids=["nothing", "zeros", "page"]
)
def test_what_is_no_audio_is_said_to_be_none(tmp_path: Path, data: bytes) -> None:
    """Under an audio name."""
    with pytest.raises(NotAudio):
        fingerprint_bytes(tmp_path, data, "song.mp3")


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3", "m4a", "aiff", "wv", "mka", "wma"])
def test_a_head_without_a_body_is_refused(tmp_path: Path, audio: Audio, ending: str) -> None:
    """The first 600 bytes of a file, or its head and then noise."""
    head = audio.make(ending).read_bytes()[:600]
    for data in (head, head + np.random.default_rng(6).bytes(20_000)):
        # FFmpeg calls impossible channel layouts a want of memory.
        with pytest.raises((Corrupt, NotAudio, TooShort, ResourceLimit)):
            fingerprint_bytes(tmp_path, data, f"song.{ending}")
