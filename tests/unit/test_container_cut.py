"""What is cut off is missed, and what others put at the end is no loss."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.audio import ID3V1, Audio, ape_tag, id3
from tests.containers import inspect_bytes

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
