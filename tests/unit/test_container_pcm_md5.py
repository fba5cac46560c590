"""One master has one MD5 of its samples, in whichever lossless container."""

from __future__ import annotations

import hashlib
import re
import struct
from pathlib import Path

import pytest
from tests.audio import Audio, ffmpeg
from tests.containers import inspect, inspect_bytes


def ffmpeg_pcm_md5(path: Path, codec: str) -> str:
    return re.sub("^MD5=", "", ffmpeg("-i", str(path), "-c:a", codec, "-f", "md5", "-").decode().strip())


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize(
    ("wav_codec", "aiff_codec", "raw_codec"),
    [
        ("pcm_u8", "pcm_s8", "pcm_s8"),
        ("pcm_s16le", "pcm_s16be", "pcm_s16le"),
        ("pcm_s24le", "pcm_s24be", "pcm_s24le"),
        ("pcm_s32le", "pcm_s32be", "pcm_s32le"),
    ],
)
def test_wav_and_aiff_of_one_master_have_one_pcm_md5(
    audio: Audio, wav_codec: str, aiff_codec: str, raw_codec: str, channels: int
) -> None:
    """Equal to the MD5 that ffmpeg makes of the signed little-endian samples."""
    wav = audio.make("wav", "-c:a", wav_codec, channels=channels)
    expected = ffmpeg_pcm_md5(wav, raw_codec)
    assert inspect(wav).properties.pcm_md5 == expected
    assert inspect(audio.make("aiff", "-c:a", aiff_codec, channels=channels)).properties.pcm_md5 == expected
    # ffmpeg counts up to seven pad bytes of Wave64 as samples, writing and reading: compared with its own reading.
    wave64 = audio.make("w64", "-c:a", wav_codec, channels=channels)
    assert inspect(wave64).properties.pcm_md5 == ffmpeg_pcm_md5(wave64, raw_codec)


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize(("sample_format", "wav_codec"), [("s16", "pcm_s16le"), ("s32", "pcm_s24le")])
def test_flac_of_the_same_master_agrees(audio: Audio, sample_format: str, wav_codec: str, channels: int) -> None:
    """FLAC's own MD5 in STREAMINFO: 16 bit, and 24 bit (which ffmpeg calls s32)."""
    flac = inspect(audio.make("flac", "-sample_fmt", sample_format, channels=channels))
    assert flac.properties.pcm_md5 is not None
    assert (
        flac.properties.pcm_md5 == inspect(audio.make("wav", "-c:a", wav_codec, channels=channels)).properties.pcm_md5
    )


def test_aifc_in_little_endian_agrees(audio: Audio) -> None:
    """Compression type `sowt`."""
    aifc = inspect(audio.make("aifc", "-c:a", "pcm_s16le", "-f", "aiff"))
    assert aifc.properties.pcm_md5 == inspect(audio.make("wav", "-c:a", "pcm_s16le")).properties.pcm_md5


def test_a_streamed_wav_has_the_same_md5_and_declares_nothing(tmp_path: Path, audio: Audio) -> None:
    """ffmpeg leaves 0xFFFFFFFF in the sizes when it writes to a pipe, others 0 or 0x7FFFF000."""
    whole = inspect(audio.make("wav", "-c:a", "pcm_s16le"))
    data = bytearray(audio.piped("wav", "-c:a", "pcm_s16le", "-bitexact"))
    place = data.index(b"data") + 4
    for size in (0, 0xFFFFFFFF, 0x7FFFF000, 0x80000000):
        struct.pack_into("<I", data, place, size)
        found = inspect_bytes(tmp_path, bytes(data))
        assert (found.declared_seconds, found.missing) == (None, None)
        assert found.properties.pcm_md5 == whole.properties.pcm_md5


@pytest.mark.parametrize("codec", ["pcm_f32le", "pcm_f64le", "pcm_alaw", "adpcm_ms"])
def test_what_holds_no_integers_has_no_pcm_md5(audio: Audio, codec: str) -> None:
    """Float would have to be rounded by somebody's rule."""
    assert inspect(audio.make("wav", "-c:a", codec)).properties.pcm_md5 is None


def test_twenty_bits_in_three_bytes_have_no_pcm_md5(tmp_path: Path) -> None:
    """FLAC's form of them is another than the file's, which holds them at the upper end."""
    form = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 44_100, 132_300, 3, 24, 22, 20, 4)
    form += bytes.fromhex("0100000000001000800000aa00389b71")
    data = b"RIFF\0\0\0\0WAVEfmt \x28\0\0\0" + form + b"data" + (300).to_bytes(4, "little") + bytes(300)
    assert inspect_bytes(tmp_path, data).properties.pcm_md5 is None
    whole = data.replace(struct.pack("<HHI", 22, 20, 4), struct.pack("<HHI", 22, 24, 4))
    assert inspect_bytes(tmp_path, whole).properties.pcm_md5 == hashlib.md5(bytes(300)).hexdigest()


def test_a_last_frame_that_is_not_whole_is_not_hashed(tmp_path: Path, audio: Audio) -> None:
    """A data chunk of an odd size, and the rubbish after it."""
    data = bytearray(audio.make("wav", "-c:a", "pcm_s16le", "-bitexact").read_bytes())
    place = data.index(b"data") + 4
    size = struct.unpack_from("<I", data, place)[0]
    struct.pack_into("<I", data, place, size + 3)
    found = inspect_bytes(tmp_path, bytes(data) + b"abcLIST\4\0\0\0abcd")
    assert found.properties.pcm_md5 == hashlib.md5(data[place + 4 : place + 4 + size]).hexdigest()
