"""Playlists and references: no other file is read, nobody is called."""

from __future__ import annotations

import json
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.audio import Audio, ffmpeg, opened
from tests.fpcalc import FPCALC, fake, fingerprint, make_fpcalc

from audiodup.errors import AudioDupError, Corrupt, NotAudio, TooShort
from audiodup.model import AudioProperties, Inspection
from audiodup.steps import Deadline


def playlists(target: str) -> dict[str, bytes]:
    return {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n".encode(),
        "ffconcat": f"ffconcat version 1.0\nfile '{target}'\n".encode(),
        "concat": f"concat:{target}|{target}".encode(),
        "pls": f"[playlist]\nFile1={target}\nNumberOfEntries=1\nVersion=2\n".encode(),
        "m3u": f"{target}\n".encode(),
        "dash": f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011">{target}</MPD>'.encode(),
        "sdp": b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5004 RTP/AVP 0\r\n",
    }


def test_bare_fpcalc_follows_a_playlist(tmp_path: Path, audio: Audio) -> None:
    """The trap itself: a file called mp3 makes it read another local file (ffconcat refuses absolute names)."""
    shutil.copyfile(audio.make("ts", "-c:a", "aac"), tmp_path / "secret.ts")
    playlist = tmp_path / "song.mp3"
    playlist.write_bytes(playlists("secret.ts")["ffconcat"])
    bare = subprocess.run(["fpcalc", "-json", str(playlist)], capture_output=True, check=False)
    assert json.loads(bare.stdout)["fingerprint"]
    with pytest.raises(NotAudio):
        fingerprint(playlist)


@pytest.mark.parametrize("kind", sorted(playlists("")))
def test_a_playlist_reads_no_other_file(tmp_path: Path, audio: Audio, kind: str) -> None:
    """It is refused by its first bytes; were it let through, the demuxer that fpcalc is told finds nothing in it."""
    secret = tmp_path / "secret.wav"
    shutil.copyfile(audio.wav(9.37), secret)
    for target in ("secret.wav", str(secret)):
        playlist = tmp_path / "song.mp3"
        playlist.write_bytes(playlists(target)[kind])
        with pytest.raises(NotAudio):
            fingerprint(playlist)
        for demuxer in ("mp3", "aac", "wav", "mov", "ogg", "flac", "matroska", "mpegts", "gsm"):
            with opened(playlist) as file, pytest.raises((Corrupt, NotAudio, TooShort)):
                FPCALC.fingerprint(file, Inspection(AudioProperties(), demuxer), Deadline(60))


def test_fpcalc_never_sees_a_playlist(tmp_path: Path) -> None:
    """The program is not started at all: this one would leave a trace."""
    program = fake(tmp_path, ': > "$0.started"')
    for data in playlists("/etc/passwd").values():
        (tmp_path / "song.mp3").write_bytes(data)
        with pytest.raises(NotAudio):
            fingerprint(tmp_path / "song.mp3", fpcalc=make_fpcalc(program))
    assert not Path(f"{program}.started").exists()


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A port that nobody has a reason to call, and who did."""
    callers: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        done = threading.Event()

        def listen() -> None:
            while not done.is_set():
                try:
                    connection, address = server.accept()
                except TimeoutError:
                    continue
                callers.append(str(address))
                connection.close()

        thread = threading.Thread(target=listen)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/secret.wav", callers
        # What was sent before is accepted in the order of arrival: our own call is the last.
        with socket.create_connection(server.getsockname()):
            end = time.monotonic() + 20
            while len(callers) < 1 and time.monotonic() < end:
                time.sleep(0.01)
        done.set()
        thread.join()


def test_a_url_in_a_playlist_calls_nobody(tmp_path: Path, listener: tuple[str, list[str]]) -> None:
    """Refused; and with a demuxer that is told, nobody is called either."""
    url, callers = listener
    for data in playlists(url).values():
        (tmp_path / "song.mp3").write_bytes(data)
        with pytest.raises(NotAudio):
            fingerprint(tmp_path / "song.mp3")
        for demuxer in ("mp3", "mov", "ogg", "flac"):
            with opened(tmp_path / "song.mp3") as file, pytest.raises((Corrupt, NotAudio, TooShort)):
                FPCALC.fingerprint(file, Inspection(AudioProperties(), demuxer), Deadline(60))
    assert callers == []


def test_media_in_another_file_are_not_read(tmp_path: Path, audio: Audio) -> None:
    """QuickTime can keep a track's media in another file, named by an alias: FFmpeg has that off by default."""
    secret = tmp_path / "secret.mov"
    shutil.copyfile(audio.make("mov", "-c:a", "pcm_s16le"), secret)
    outside = tmp_path / "outside.mov"
    outside.write_bytes(with_alias(secret.read_bytes(), str(secret)))
    allowed = ("-enable_drefs", "1", "-use_absolute_path", "1")
    assert len(ffmpeg(*allowed, "-i", str(outside), "-f", "s16le", "-")) > 1_000_000
    with pytest.raises(AudioDupError):
        fingerprint(outside)


def with_alias(movie: bytes, path: str) -> bytes:
    """The QuickTime file without its media, and an alias to `path` in the place of "in this file"."""
    media = movie.index(b"mdat") - 4
    media_size = struct.unpack_from(">I", movie, media)[0]
    absolute = path.encode() + bytes(len(path) % 2)
    record = bytes(10 + 1 + 27 + 12 + 1 + 63 + 16 + 2 + 2 + 16) + struct.pack(">HH", 2, len(absolute)) + absolute
    entry = b"alis" + bytes(4) + record + b"\xff\xff\0\0"
    entry = struct.pack(">I", len(entry) + 4) + entry
    index = bytearray(movie[media + media_size :])
    for name in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        place = index.index(name) - 4
        size = struct.unpack_from(">I", index, place)[0]
        struct.pack_into(">I", index, place, size - 12 + len(entry))
    place = index.index(b"dref") + 12
    index[place : place + 12] = entry
    return movie[:media] + struct.pack(">I", 8) + b"mdat" + bytes(index)
