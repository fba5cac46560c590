"""ffmpeg under guard: what it gives, what it may open, and how much it may use."""

from __future__ import annotations

import shutil
import struct
import subprocess
import time
import wave
from pathlib import Path

import numpy as np
import pytest
from tests.audio import Audio, ffmpeg, opened, write_wav
from tests.fpcalc import guarded, measure
from tests.integration.test_fpcalc_playlists import playlists, with_alias

from audiodup.container import inspect
from audiodup.decoder import Ffmpeg
from audiodup.errors import AudioDupError, Corrupt, NotAudio, ResourceLimit, Unusable
from audiodup.sound import Sound
from audiodup.steps import Deadline


def decode(path: Path, *, demuxer: str | None = None, program: str = "ffmpeg", **options: float) -> Sound:
    """Up to 10 s of a file by its real demuxer, or by another one."""
    with opened(path) as file:
        name = demuxer or inspect(file, path.suffix).demuxer
        return Ffmpeg(program, guarded()).decode(file, name, Deadline(60), **{"seconds": 10.0, **options})


@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_samples_come_as_they_are(audio: Audio, rate: int, channels: int) -> None:
    """Rate, channels and every sample, in their order."""
    path = audio.wav(1.3, channels=channels, rate=rate)
    sound = decode(path)
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, channels)
    assert (sound.rate, sound.bits) == (rate, 16)
    assert np.array_equal(sound.samples * 2**15, samples)


@pytest.mark.parametrize(
    ("ending", "options", "bits"),
    [
        ("wav", ("-c:a", "pcm_u8"), 8),
        ("wav", ("-c:a", "pcm_s24le"), 24),
        ("wav", ("-c:a", "pcm_s32le"), 32),
        ("m4a", ("-c:a", "alac", "-sample_fmt", "s32p"), 24),
        ("flac", ("-sample_fmt", "s32"), 24),
        ("wav", ("-c:a", "pcm_f32le"), None),
        ("mp3", (), None),
    ],
)
def test_the_width_is_what_the_decoder_says(audio: Audio, ending: str, options: tuple[str, ...], bits: int) -> None:
    """In ffmpeg's own description of its input."""
    assert decode(audio.make(ending, *options, seconds=1.3)).bits == bits


def test_a_files_own_tags_do_not_say_the_width(tmp_path: Path, audio: Audio) -> None:
    """They are printed too, with as many lines as their writer likes."""
    path = tmp_path / "tagged.m4a"
    lie = "x\n  Stream #0:0: Audio: alac, 44100 Hz, stereo, s16p, 9 kb/s"
    options = ("-c:a", "alac", "-sample_fmt", "s32p", "-metadata", f"title={lie}", "-metadata", f"comment={lie}")
    ffmpeg("-i", str(audio.wav(1.3)), *options, str(path))
    assert decode(path).bits == 24


def test_a_piece_from_inside(audio: Audio) -> None:
    """From there on, so long."""
    path = audio.wav(20.0, channels=1, rate=8_000)
    piece, whole = decode(path, start=5.0, seconds=2.0), decode(path, seconds=20.0)
    assert np.array_equal(piece.samples, whole.samples[40_000:56_000])
    with pytest.raises(Corrupt, match="nothing was encoded"):
        decode(path, start=30.0)


def test_only_the_first_audio_stream_is_taken(tmp_path: Path, audio: Audio) -> None:
    """Not the one with most channels, and no picture."""
    path = tmp_path / "two.mkv"
    picture = ("-f", "lavfi", "-i", "color=size=64x64:rate=5:duration=1")
    sounds = ("-i", str(audio.wav(1.3, channels=1)), "-i", str(audio.wav(1.3, channels=6, seed=2)))
    ffmpeg(*picture, *sounds, "-map", "0", "-map", "1", "-map", "2", "-c:a", "flac", "-c:v", "mpeg4", str(path))
    assert np.array_equal(decode(path).samples, decode(audio.wav(1.3, channels=1)).samples)


def test_a_bomb_is_decoded_for_ten_seconds(tmp_path: Path) -> None:
    """Seven hours of silence in a hundred kilobytes."""
    path = tmp_path / "bomb.flac"
    ffmpeg("-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", "25000", "-frame_size", "65535", str(path))
    assert path.stat().st_size < 200_000
    began = time.monotonic()
    assert decode(path).seconds == 10.0
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(("channels", "rate"), [(255, 192_000), (2, 2_000_000_000), (65_535, 44_100)])
def test_headers_that_promise_too_much_use_no_more_memory_than_is_allowed(
    tmp_path: Path, channels: int, rate: int
) -> None:
    """A hundred megabytes of zeros, said to be a tenth of a second: a limit or a refusal, and soon."""
    path = tmp_path / "much.wav"
    header = struct.pack("<HHIIHH", 1, channels, rate, (channels * rate) & 0xFFFFFFFF, channels * 2 & 0xFFFF, 16)
    with path.open("wb") as file:
        size = 60_000_000
        file.write(b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack("<I", 16) + header)
        file.write(b"data" + struct.pack("<I", size))
        file.truncate(44 + size)
    began = time.monotonic()
    with pytest.raises((ResourceLimit, Corrupt)):
        decode(path)
    assert time.monotonic() - began < 20


def test_what_is_no_number_is_silence(tmp_path: Path) -> None:
    """Float formats hold infinities and worse; one would make every sum of the spectrum one."""
    samples = np.zeros(44_100, "<f4")
    samples[:3] = (np.nan, np.inf, -np.inf)
    path = tmp_path / "odd.wav"
    header = struct.pack("<HHIIHH", 3, 1, 44_100, 44_100 * 4, 4, 32)
    data = samples.tobytes()
    path.write_bytes(
        b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<I", 16) + header
        + b"data" + struct.pack("<I", len(data)) + data
    )  # fmt: skip
    assert not decode(path).samples.any()
    assert measure(path).slow is not None


@pytest.mark.parametrize("kind", sorted(playlists("")))
def test_a_playlist_reads_no_other_file(tmp_path: Path, audio: Audio, kind: str) -> None:
    """With every demuxer that it could be given: FFmpeg by itself would follow it."""
    shutil.copyfile(audio.make("ts", "-c:a", "aac"), tmp_path / "secret.ts")
    playlist = tmp_path / "song.mp3"
    playlist.write_bytes(playlists("secret.ts")[kind])
    for demuxer in ("mp3", "aac", "wav", "mov", "ogg", "flac", "matroska", "mpegts", "avi", "asf"):
        with pytest.raises(Corrupt):
            decode(playlist, demuxer=demuxer)


def test_bare_ffmpeg_follows_a_playlist(tmp_path: Path, audio: Audio) -> None:
    """The trap itself, and what its demuxer alone is good for: the same bytes, another file's sound."""
    shutil.copyfile(audio.make("ts", "-c:a", "aac"), tmp_path / "secret.ts")
    playlist = tmp_path / "song.mp3"
    playlist.write_bytes(playlists("secret.ts")["ffconcat"])
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(playlist), "-f", "s16le", "-"]
    bare = subprocess.run(command, capture_output=True, check=False)
    assert len(bare.stdout) > 1_000_000
    with pytest.raises(NotAudio):
        measure(playlist)


def test_no_protocol_but_files_is_opened(tmp_path: Path, audio: Audio) -> None:
    """Should a demuxer ever name something else: a wrapper protocol around the very file is refused."""
    wrapped = f"subfile,,start,0,end,0,,:{audio.wav(1.3)}"
    assert len(ffmpeg("-i", wrapped, "-f", "s16le", "-")) > 100_000
    with opened(audio.wav(1.3)) as file:
        by_wrapper = type(file)(file.descriptor, wrapped, file.identity, {})
        with pytest.raises(Corrupt):
            Ffmpeg("ffmpeg", guarded()).decode(by_wrapper, "wav", Deadline(60), seconds=1)


def test_media_in_another_file_are_not_read(tmp_path: Path, audio: Audio) -> None:
    """QuickTime can keep a track's media in another file, named by an alias."""
    secret, outside = tmp_path / "secret.mov", tmp_path / "outside.mov"
    shutil.copyfile(audio.make("mov", "-c:a", "pcm_s16le", seconds=1.3), secret)
    outside.write_bytes(with_alias(secret.read_bytes(), str(secret)))
    allowed = ("-enable_drefs", "1", "-use_absolute_path", "1")
    assert len(ffmpeg(*allowed, "-i", str(outside), "-f", "s16le", "-")) > 100_000
    with pytest.raises(AudioDupError):
        decode(outside)


def test_another_program_is_no_ffmpeg(tmp_path: Path, audio: Audio) -> None:
    """What it prints is not taken for samples."""
    with pytest.raises(Unusable):
        decode(audio.wav(1.3), program="/bin/echo")


def test_its_words_are_plain(tmp_path: Path) -> None:
    """One line, without control characters, and bounded."""
    write_wav(tmp_path / "file", np.zeros((10, 1)), 8_000)
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nprintf 'first\\n\\033[31mred %0999d\\n' 1 >&2; exit 1\n")
    program.chmod(0o755)
    with pytest.raises(Corrupt, match=r"\\x1b\[31mred") as raised:
        decode(tmp_path / "file", demuxer="wav", program=str(program))
    assert len(str(raised.value)) < 400
    assert str(raised.value).isprintable()
