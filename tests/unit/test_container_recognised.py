"""Which container it is: by magic bytes, behind tags, or by the asset's format."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.audio import Audio, ffmpeg, id3
from tests.containers import inspect, inspect_bytes

from audiodup import container
from audiodup.errors import NotAudio

WEBM_OPUS = ("-c:a", "libopus", "-b:a", "64k")
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
    tag = id3(1000)
    found, expected = inspect_bytes(tmp_path, tag + path.read_bytes()), inspect(path)
    assert replace(found, samples=None) == replace(expected, samples=None)
    assert (found.samples is not None) == (expected.samples is not None) == (ending == "wav")
    if found.samples and expected.samples:
        assert found.samples.start - expected.samples.start == found.samples.end - expected.samples.end == len(tag)
