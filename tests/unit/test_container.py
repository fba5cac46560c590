"""Containers by magic bytes: what passes, what does not, and what the headers say."""

from __future__ import annotations

import hashlib
import re
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.audio import ID3V1, Audio, ape_tag, ffmpeg, id3, opened

from audiodup import container
from audiodup.errors import NotAudio
from audiodup.headers.reader import BoundedFile, Reader
from audiodup.headers.streaminfo import read_with_mutagen
from audiodup.model import Inspection

PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n/etc/passwd\n#EXT-X-ENDLIST\n"
WEBM_OPUS = ("-c:a", "libopus", "-b:a", "64k")


def inspect(path: Path, format: str | None = None) -> Inspection:
    with opened(path) as file:
        return container.inspect(file, format)


def inspect_bytes(folder: Path, data: bytes, format: str | None = None) -> Inspection:
    path = folder / "file"
    path.write_bytes(data)
    return inspect(path, format)


# ending, ffmpeg's options, container, demuxer, codec, lossless, sample rate, declares its length
MADE = [
    ("wav", ("-c:a", "pcm_s16le"), "wav", "wav", "pcm_s16le", True, 44100, True),
    ("wav", ("-c:a", "pcm_u8"), "wav", "wav", "pcm_u8", True, 44100, True),
    ("wav", ("-c:a", "pcm_f32le"), "wav", "wav", "pcm_f32le", True, 44100, True),
    ("wav", ("-c:a", "pcm_mulaw"), "wav", "wav", "pcm_mulaw", False, 44100, True),
    ("wav", ("-c:a", "adpcm_ms"), "wav", "wav", "adpcm_ms", False, 44100, True),
    ("wav", ("-c:a", "pcm_s24le", "-rf64", "always"), "wav", "wav", "pcm_s24le", True, 44100, True),
    ("w64", ("-c:a", "pcm_s16le"), "w64", "w64", "pcm_s16le", True, 44100, True),
    ("aiff", ("-c:a", "pcm_s16be"), "aiff", "aiff", "pcm_s16be", True, 44100, True),
    ("aifc", ("-c:a", "pcm_s16le", "-f", "aiff"), "aiff", "aiff", "pcm_s16le", True, 44100, True),
    ("flac", (), "flac", "flac", "flac", True, 44100, True),
    ("ogg", ("-c:a", "libvorbis"), "ogg", "ogg", "vorbis", False, 44100, True),
    ("opus", ("-c:a", "libopus"), "ogg", "ogg", "opus", False, 48000, True),
    ("oga", ("-c:a", "flac", "-f", "ogg"), "ogg", "ogg", "flac", True, 44100, True),
    ("spx", ("-c:a", "libspeex", "-ar", "16000"), "ogg", "ogg", "speex", False, 16000, True),
    ("mp3", ("-b:a", "128k"), "mp3", "mp3", "mp3", False, 44100, True),
    ("mp3", ("-b:a", "64k", "-ar", "22050"), "mp3", "mp3", "mp3", False, 22050, True),
    ("mp3", ("-b:a", "16k", "-ar", "8000", "-ac", "1"), "mp3", "mp3", "mp3", False, 8000, True),
    ("mp3", ("-q:a", "2"), "mp3", "mp3", "mp3", False, 44100, True),
    ("mp3", ("-q:a", "2", "-write_xing", "0"), "mp3", "mp3", "mp3", False, 44100, False),
    ("mp2", (), "mp3", "mp3", "mp2", False, 44100, False),
    ("aac", ("-c:a", "aac"), "aac", "aac", "aac", False, 44100, False),
    ("m4a", ("-c:a", "aac"), "mp4", "mov", "aac", False, 44100, True),
    ("m4a", ("-c:a", "aac", "-movflags", "+faststart"), "mp4", "mov", "aac", False, 44100, True),
    ("m4a", ("-c:a", "alac"), "mp4", "mov", "alac", True, 44100, True),
    ("mp4", ("-c:a", "aac", "-movflags", "+frag_keyframe+empty_moov"), "mp4", "mov", "aac", False, 44100, False),
    ("mov", ("-c:a", "pcm_s16le"), "mov", "mov", "pcm_s16le", True, 44100, True),
    ("wma", ("-c:a", "wmav2"), "asf", "asf", "wmav2", False, 44100, False),
    ("wv", (), "wavpack", "wv", "wavpack", True, 44100, False),
    ("tta", (), "tta", "tta", "tta", True, 44100, False),
    ("ac3", (), "ac3", "ac3", "ac3", False, 44100, False),
    ("eac3", (), "eac3", "eac3", "eac3", False, 44100, False),
    ("mka", WEBM_OPUS, "matroska", "matroska", None, None, None, False),
    ("webm", WEBM_OPUS, "webm", "matroska", None, None, None, False),
    ("caf", ("-c:a", "pcm_s16le"), "caf", "caf", None, None, None, False),
    ("au", (), "au", "au", None, None, None, False),
    ("voc", (), "voc", "voc", None, None, None, False),
    ("avi", ("-c:a", "mp3"), "avi", "avi", None, None, None, False),
    ("flv", ("-c:a", "mp3"), "flv", "flv", None, None, None, False),
    ("mpg", ("-c:a", "mp2"), "mpegps", "mpeg", None, None, None, False),
    ("ts", ("-c:a", "aac"), "mpegts", "mpegts", None, None, None, False),
    ("m2ts", ("-c:a", "ac3", "-mpegts_m2ts_mode", "1"), "mpegts", "mpegts", None, None, None, False),
]


@pytest.mark.parametrize("row", MADE, ids=lambda row: "_".join((row[0], *row[1])).replace("-", ""))
def test_what_ffmpeg_writes_is_known(
    audio: Audio, row: tuple[str, tuple[str, ...], str, str, str, bool, int, bool]
) -> None:
    """Container, demuxer, codec, lossless or not, rate, and the length where the container declares one."""
    ending, options, name, demuxer, codec, lossless, sample_rate, declares = row
    found = inspect(audio.make(ending, *options))
    properties = found.properties
    assert (properties.container, found.demuxer) == (name, demuxer)
    assert (properties.codec, properties.lossless, properties.sample_rate) == (codec, lossless, sample_rate)
    assert found.missing is None
    if declares:
        # Blocks of ADPCM are whole; everything else is exact to a sample or a tick of the container's clock.
        assert found.declared_seconds == pytest.approx(9.37, abs=0.02 if "adpcm" in codec else 0.002)
    else:
        assert found.declared_seconds is None


def test_every_demuxer_is_known_to_ffmpeg() -> None:
    """A misspelt name would make fpcalc refuse every file of that container."""
    listed = ffmpeg("-demuxers").decode()
    known = {name for line in listed.splitlines() for name in [*line.split(), "", ""][1].split(",")}
    wanted = {each.demuxer for each, _ in container._MAGIC} | {each.demuxer for each in container._RAW.values()}
    assert wanted | {"mp3", "aac", "loas", "ac3", "eac3"} <= known


@pytest.mark.parametrize("row", container._MAGIC, ids=lambda row: row[0].name + "_" + row[1][0][1][:4].hex())
def test_every_magic_of_the_table_is_found(
    tmp_path: Path, row: tuple[container.Container, tuple[tuple[int, bytes], ...]]
) -> None:
    """Those too that ffmpeg cannot write: each row's own bytes lead to that row and to no earlier one."""
    expected, magic = row
    data = bytearray(2000)
    for offset, text in magic:
        data[offset : offset + len(text)] = text
    found = inspect_bytes(tmp_path, bytes(data))
    assert (found.properties.container, found.demuxer) == (expected.name, expected.demuxer)


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


@pytest.mark.parametrize(("ending", "rate"), [("gsm", 8000), ("g722", 16000)])
def test_raw_formats_go_by_what_the_asset_is_said_to_be(audio: Audio, ending: str, rate: int) -> None:
    """With or without the dot, in capitals too; unnamed they are nothing."""
    path = audio.make(ending, "-ac", "1", "-ar", str(rate))
    for format in (ending, "." + ending, ending.upper()):
        assert inspect(path, format).demuxer == ending
    with pytest.raises(NotAudio):
        inspect(path, "mp3")


def test_a_frame_header_by_accident_makes_no_stream(tmp_path: Path, audio: Audio) -> None:
    """Near the end of a small raw file, two bytes can announce a frame that reaches beyond the end."""
    data = bytearray(audio.make("g722", "-ac", "1", "-ar", "16000", seconds=3.2).read_bytes())
    data[-1000:-993] = b"\xff\xf1\x50\x83\xff\xfc\0"
    assert inspect_bytes(tmp_path, bytes(data), "g722").demuxer == "g722"


def test_noise_is_no_gsm(tmp_path: Path) -> None:
    """Each frame of 33 bytes begins with 0xD."""
    with pytest.raises(NotAudio):
        inspect_bytes(tmp_path, np.random.default_rng(4).bytes(3300), "gsm")


@pytest.mark.parametrize(
    "make_before",
    [lambda: id3(300), lambda: id3(300) + id3(70_000) + id3(0), lambda: id3(300) + bytes(3000), lambda: bytes(3000)],
    ids=["one", "three", "padded", "zeros"],
)
def test_mp3_is_found_behind_tags_and_padding(tmp_path: Path, audio: Audio, make_before: object) -> None:
    """Nested ID3v2 tags, zeros after them, zeros instead of them."""
    before = make_before()  # type: ignore[operator]
    found = inspect_bytes(tmp_path, before + audio.make("mp3", "-b:a", "128k", "-id3v2_version", "0").read_bytes())
    assert found.demuxer == "mp3"
    assert found.declared_seconds == pytest.approx(9.37, abs=0.001)


@pytest.mark.parametrize("ending", ["flac", "aac", "wav", "tta"])
def test_what_follows_an_id3_tag_may_be_another_container(tmp_path: Path, audio: Audio, ending: str) -> None:
    """Taggers put ID3v2 before everything."""
    path = audio.make(ending)
    found = inspect_bytes(tmp_path, id3(1000) + path.read_bytes())
    assert found == inspect(path)


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


def test_a_streamed_flac_declares_nothing(tmp_path: Path, audio: Audio) -> None:
    """No total of samples, no MD5."""
    found = inspect_bytes(tmp_path, audio.piped("flac"))
    assert (found.declared_seconds, found.properties.pcm_md5, found.missing) == (None, None, None)


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


CUT = [
    ("wav", ("-c:a", "pcm_s16le"), 4_000),
    ("wav", ("-c:a", "pcm_s16le", "-rf64", "always"), 4_000),
    ("w64", ("-c:a", "pcm_s16le"), 4_000),
    ("aiff", (), 4_000),
    ("flac", (), 20_000),
    ("ogg", ("-c:a", "libvorbis"), 100),
    ("opus", ("-c:a", "libopus"), 100),
    ("mp3", ("-b:a", "128k"), 4_000),
    ("mp3", ("-q:a", "5"), 4_000),
    ("m4a", ("-c:a", "aac"), 20_000),
    ("m4a", ("-c:a", "aac", "-movflags", "+faststart"), 2_000),
]


@pytest.mark.parametrize(
    ("ending", "options", "lost"), CUT, ids=lambda value: "_".join(value) if isinstance(value, tuple) else None
)
def test_what_is_cut_off_is_missed(
    tmp_path: Path, audio: Audio, ending: str, options: tuple[str, ...], lost: int
) -> None:
    """The container itself announces more bytes, or a later frame, than there is."""
    data = audio.make(ending, *options).read_bytes()
    assert inspect_bytes(tmp_path, data).missing is None
    assert inspect_bytes(tmp_path, data[:-lost]).missing
    assert inspect_bytes(tmp_path, data[: len(data) // 2]).missing


@pytest.mark.parametrize(
    "tail",
    [ID3V1, ape_tag(40_000) + ID3V1, bytes(3000), b"\0", b"LYRICSBEGIN" + b"a" * 300 + b"000311LYRICS200" + ID3V1],
    ids=["id3v1", "ape", "zeros", "pad", "lyrics"],
)
@pytest.mark.parametrize("ending", ["wav", "aiff", "flac", "ogg", "mp3", "m4a"])
def test_what_others_put_at_the_end_is_no_loss(tmp_path: Path, audio: Audio, ending: str, tail: bytes) -> None:
    """Tags, zeros and pad bytes after whole audio."""
    data = audio.make(ending).read_bytes()
    assert inspect_bytes(tmp_path, data + tail).missing is None


@pytest.mark.parametrize("ending", ["wav", "aiff", "mp3"])
def test_a_few_bytes_short_is_sloppy_not_cut(tmp_path: Path, audio: Audio, ending: str) -> None:
    """Writers that count a header or forget a pad byte; Xing counts that are a frame off."""
    data = audio.make(ending).read_bytes()
    assert inspect_bytes(tmp_path, data[:-300]).missing is None


def test_a_cut_that_a_tag_hides_is_missed(tmp_path: Path, audio: Audio) -> None:
    """Someone tagged the half file: its size is right again, its audio is not."""
    data = audio.make("mp3", "-b:a", "128k").read_bytes()
    assert inspect_bytes(tmp_path, data[:-30_000] + ape_tag(30_000) + ID3V1).missing


def test_a_tag_that_ends_after_the_file_is_a_cut(tmp_path: Path) -> None:
    """A download that broke off in a large cover picture."""
    found = inspect_bytes(tmp_path, id3(100_000)[:50_000])
    assert found.demuxer == "mp3"
    assert found.missing


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
