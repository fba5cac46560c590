"""What is no audio does not pass: playlists, texts, pictures, archives, noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.audio import Audio, id3
from tests.containers import inspect_bytes

from audiodup.errors import NotAudio

PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n/etc/passwd\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        PLAYLIST,
        b"\xef\xbb\xbf" + PLAYLIST,
        PLAYLIST.decode().encode("utf-16"),
        PLAYLIST * 200,
        b"ffconcat version 1.0\nfile 'secret.wav'\n",
        b"concat:/a.wav|/b.wav",
        b"[playlist]\nFile1=http://127.0.0.1/a.mp3\n",
        b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
        b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nm=audio 5004 RTP/AVP 0\r\n",
        "<!DOCTYPE html><html><body>Zugriff verweigert: bitte später</body></html>".encode(),
        b'{"error": "expired"}',
        b"MAC and cheese\n",
        b"caff is a word",
        b"ftypftypftyp, says the text",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(100),
        b"GIF89a" + bytes(100),
        b"RIFF\x20\0\0\0WEBPVP8 " + bytes(100),
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100),
        b"\0\0\0\x18ftypavif\0\0\0\0avif" + bytes(100),
        b"FORM\0\0\0\x20ILBM" + bytes(100),
        b"MThd\0\0\0\6\0\1" + bytes(100),
        b"%PDF-1.7\n\x80\x81" + bytes(100),
        b"\x7fELF" + bytes(100),
        bytes(100_000),
        b"\xff" * 100_000,
        np.random.default_rng(3).bytes(100_000),
        id3(500),
        id3(500) + PLAYLIST,
        id3(500) + id3(20) + bytes(5000),
    ],
)
@pytest.mark.parametrize("format", [None, "mp3", "wav"])
def test_what_is_no_audio_does_not_pass(tmp_path: Path, data: bytes, format: str | None) -> None:
    """Playlists, scripts, pages, pictures, archives, noise, tags alone: whatever the asset is called."""
    with pytest.raises(NotAudio):
        inspect_bytes(tmp_path, data, format)


@pytest.mark.parametrize("format", ["gsm", "g722"])
@pytest.mark.parametrize(
    "data", [PLAYLIST, PLAYLIST.decode().encode("utf-16"), b"\x89PNG\r\n\x1a\n" + bytes(100), b"GIF89a" + bytes(9)]
)
def test_a_raw_format_lets_no_text_and_no_picture_pass(tmp_path: Path, data: bytes, format: str) -> None:
    """The formats without magic bytes would take anything."""
    with pytest.raises(NotAudio):
        inspect_bytes(tmp_path, data, format)


def test_an_archive_of_mp3_is_no_mp3(tmp_path: Path, audio: Audio) -> None:
    """Stored without compression, the frames stand in it in a row."""
    with pytest.raises(NotAudio):
        inspect_bytes(tmp_path, b"PK\3\4" + bytes(40) + audio.make("mp3", "-b:a", "128k").read_bytes())


def test_noise_is_no_gsm(tmp_path: Path) -> None:
    """Each frame of 33 bytes begins with 0xD."""
    with pytest.raises(NotAudio):
        inspect_bytes(tmp_path, np.random.default_rng(4).bytes(3300), "gsm")
