"""What the zoo has found and a code alone does not show: work that a few bytes could cause."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.audio import Audio, opened
from tests.fpcalc import fake, make_fingerprinter, measure
from tests.zoo.bombs import flac_bomb
from tests.zoo.boxes import FTYP, MVHD, box, edit_lists
from tests.zoo.pcm import wav

from audiodup.errors import TimedOut
from audiodup.headers.mp4 import read_mp4_length
from audiodup.headers.reader import Reader
from audiodup.model import Asset
from audiodup.steps import Deadline

SAYS_WHEN_IT_HASHES = (
    'case "$*" in *" md5 "*) : > "$0.hashed";; esac; case "$*" in *"-t 10.500"*) : > "$0.bounded";; esac'
)


class Counting(Reader):
    """Counts what is read."""

    reads = bytes_read = 0

    def upto(self, offset: int, count: int) -> bytes:
        data = super().upto(offset, count)
        self.reads += 1
        self.bytes_read += len(data)
        return data


@pytest.mark.parametrize(
    "data",
    [
        edit_lists(16_000),
        FTYP + box(b"moov", MVHD, box(b"trak", box(b"free") * 30) * 20_000),
        FTYP + box(b"moov", MVHD, box(b"trak", box(b"mdia", box(b"free") * 1000)) * 1000),
    ],
    ids=["edit lists over each other", "tracks of other boxes", "media of other boxes"],
)
def test_boxes_are_counted_in_the_whole_file(tmp_path: Path, data: bytes) -> None:
    """Bounds for each level multiply: 1.6 MB took 5 s, 48 MB 14 s."""
    path = tmp_path / "input"
    path.write_bytes(data)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        reader = Counting(descriptor)
        read_mp4_length(reader)
    finally:
        os.close(descriptor)
    assert reader.reads < 110_000
    assert reader.bytes_read < 20_000_000


class Patience(Deadline):
    """Ends after so many looks, whatever the clock says."""

    def __init__(self, looks: int) -> None:
        super().__init__(60)
        self._looks = looks

    def remaining(self, at_most: float = float("inf")) -> float:
        self._looks -= 1
        if self._looks < 0:
            raise TimedOut("the request's time is used up")
        return super().remaining(at_most)


@pytest.mark.parametrize("looks", [0, 3, 20])
def test_inspection_ends_with_the_request(tmp_path: Path, looks: int) -> None:
    """Before the first byte, between headers, and in the midst of hashing the samples."""
    path = tmp_path / "input.wav"
    path.write_bytes(wav(b"", size=100_000_000))
    os.truncate(path, 100_000_044)
    with opened(path) as file:
        with pytest.raises(TimedOut):
            make_fingerprinter().inspect(file, Asset("1", "input.wav"), Patience(looks))
        assert make_fingerprinter().inspect(file, Asset("1", "input.wav"), Deadline(60)).properties.pcm_md5


def test_the_hash_of_a_bomb_is_not_verified(tmp_path: Path, audio: Audio) -> None:
    """700 kB would be 90 s of CPU. What is in proportion is verified, and no longer than it says to last."""
    ffmpeg = fake(tmp_path, SAYS_WHEN_IT_HASHES)
    hashed, bounded = Path(f"{ffmpeg}.hashed"), Path(f"{ffmpeg}.bounded")
    bomb = tmp_path / "bomb.flac"
    bomb.write_bytes(flac_bomb(20_000, 44_100, 8))
    fingerprinter = make_fingerprinter(ffmpeg=ffmpeg)
    measured = measure(bomb, fingerprinter=fingerprinter)
    assert measured.fingerprint is not None
    assert measured.properties is not None
    assert measured.properties.pcm_md5 is None
    assert not hashed.exists()
    bomb.write_bytes(flac_bomb(20_000, 44_100, 8, announced=441_000))
    measure(bomb, fingerprinter=fingerprinter)
    assert hashed.exists()
    assert bounded.exists()
