"""What the headers say of the sound: its length, bit rate, channels and codec."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from tests.audio import Audio, ffmpeg
from tests.containers import inspect, inspect_bytes


def test_a_vbri_header_declares_the_length(tmp_path: Path, audio: Audio) -> None:
    """Fraunhofer's encoder writes it 32 bytes after the first frame's header."""
    data = bytearray(audio.make("mp3", "-b:a", "128k", "-id3v2_version", "0", "-write_xing", "0").read_bytes())
    data[36:62] = b"VBRI" + struct.pack(">HHHIIHHHH", 1, 0, 75, len(data), 360, 0, 1, 2, 1)
    found = inspect_bytes(tmp_path, bytes(data))
    assert found.declared_seconds == pytest.approx(360 * 1152 / 44_100)
    assert found.missing is None
    assert "bytes after the file" in (inspect_bytes(tmp_path, bytes(data[:-20_000])).missing or "")


def test_the_bit_rate_of_vbr_without_a_header_is_unknown(audio: Audio) -> None:
    """The first frame's would be a guess; CBR's is the stream's."""
    bare = ("-write_xing", "0")
    assert inspect(audio.make("mp3", "-q:a", "2", *bare)).properties.bit_rate is None
    assert inspect(audio.make("mp3", "-b:a", "128k", *bare)).properties.bit_rate == 128_000


def test_multichannel_and_mono_are_counted(audio: Audio) -> None:
    """Six channels in WAV (EXTENSIBLE) and FLAC, one in Ogg."""
    assert inspect(audio.make("wav", "-c:a", "pcm_s16le", channels=6)).properties.channels == 6
    assert inspect(audio.make("flac", channels=6)).properties.channels == 6
    assert inspect(audio.make("ogg", "-c:a", "libvorbis", channels=1)).properties.channels == 1


def test_a_video_is_known_by_its_audio_track(tmp_path: Path, audio: Audio) -> None:
    """The declared length is the audio track's, not the longer picture's."""
    path = tmp_path / "video.mp4"
    picture = ("-f", "lavfi", "-i", "color=size=64x64:rate=5:duration=15")
    ffmpeg("-i", str(audio.wav(9.37)), *picture, "-c:a", "aac", "-c:v", "mpeg4", str(path))
    found = inspect(path)
    assert (found.properties.container, found.properties.codec) == ("mp4", "aac")
    assert found.declared_seconds == pytest.approx(9.37, abs=0.03)


def test_an_edit_list_shortens_what_is_declared(tmp_path: Path, audio: Audio) -> None:
    """The media go on for 9.37 s, the edit list plays 4 s of them, and decoders obey it."""
    data = bytearray(audio.make("m4a", "-c:a", "aac").read_bytes())
    place = data.index(b"elst") + 12
    struct.pack_into(">I", data, place, 4000)
    assert inspect_bytes(tmp_path, bytes(data)).declared_seconds == pytest.approx(4)


def test_a_streamed_flac_declares_nothing(tmp_path: Path, audio: Audio) -> None:
    """No total of samples, no MD5."""
    found = inspect_bytes(tmp_path, audio.piped("flac"))
    assert (found.declared_seconds, found.properties.pcm_md5, found.missing) == (None, None, None)
