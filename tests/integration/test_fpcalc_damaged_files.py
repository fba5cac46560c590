"""Cut and damaged files are corrupt: no part of a fingerprint is taken for the whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.audio import Audio, opened
from tests.fpcalc import FPCALC, LONG, fingerprint, fingerprint_bytes, items_of, make_fpcalc

from audiodup.chromaprint import expected_items
from audiodup.errors import Corrupt
from audiodup.model import AudioProperties, Inspection
from audiodup.steps import Deadline

CUT = [
    ("wav", ("-c:a", "pcm_s16le")),
    ("aiff", ()),
    ("flac", ()),
    ("ogg", ("-c:a", "libvorbis")),
    ("opus", ("-c:a", "libopus")),
    ("mp3", ("-b:a", "128k")),
    ("mp3", ("-q:a", "3")),
    ("m4a", ("-c:a", "aac")),
    ("m4a", ("-c:a", "aac", "-movflags", "+faststart")),
]


@pytest.mark.parametrize("kept", [0.5, 0.97])
@pytest.mark.parametrize(
    ("ending", "options"), CUT, ids=lambda value: value if isinstance(value, str) else "".join(value)
)
def test_a_cut_file_is_corrupt(
    tmp_path: Path, audio: Audio, ending: str, options: tuple[str, ...], kept: float
) -> None:
    """Inside the first 120 s, and after them, where fpcalc itself sees nothing wrong."""
    data = audio.make(ending, *options, seconds=LONG, rate=22_050).read_bytes()
    with pytest.raises(Corrupt):
        fingerprint_bytes(tmp_path, data[: int(len(data) * kept)])


@pytest.mark.parametrize(
    ("ending", "options"), CUT, ids=lambda value: value if isinstance(value, str) else "".join(value)
)
def test_a_long_whole_file_is_not(audio: Audio, ending: str, options: tuple[str, ...]) -> None:
    """The same files, uncut."""
    found = fingerprint(audio.make(ending, *options, seconds=LONG, rate=22_050))
    assert len(items_of(found)) == 948
    assert found.duration == pytest.approx(LONG, abs=0.03)


@pytest.mark.parametrize(
    ("ending", "options"),
    [*CUT, ("aac", ("-c:a", "aac"))],
    ids=lambda value: value if isinstance(value, str) else "".join(value),
)
def test_damage_in_the_middle_is_corrupt_or_heard_over(
    tmp_path: Path, audio: Audio, ending: str, options: tuple[str, ...]
) -> None:
    """Four kilobytes of noise: what a decoder plays through to the end is taken, a partial fingerprint never."""
    data = bytearray(audio.make(ending, *options, seconds=20).read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4096] = np.random.default_rng(5).bytes(4096)
    try:
        found = fingerprint_bytes(tmp_path, bytes(data))
    except Corrupt:
        return
    assert len(items_of(found)) >= expected_items(20) - 3


def test_a_damaged_flac_is_corrupt(tmp_path: Path, audio: Audio) -> None:
    """Whether FFmpeg stops at frames whose checksums are wrong or drops them: a second is missing in the end."""
    data = bytearray(audio.make("flac", seconds=20).read_bytes())
    data[len(data) // 2 : len(data) // 2 + 60_000] = np.random.default_rng(5).bytes(60_000)
    with pytest.raises(Corrupt):
        fingerprint_bytes(tmp_path, bytes(data))


def test_less_audio_than_declared_is_corrupt_even_if_fpcalc_is_content(audio: Audio) -> None:
    """One second less is noticed, what decoders drop at the ends is not."""
    with opened(audio.wav(20)) as file:
        for declared in (20.0, 20.2):
            inspection = Inspection(AudioProperties(), "wav", declared_seconds=declared)
            assert FPCALC.fingerprint(file, inspection, Deadline(60)).duration == declared
        with pytest.raises(Corrupt, match=r"cut off: 140 of 148"):
            FPCALC.fingerprint(file, Inspection(AudioProperties(), "wav", declared_seconds=21.0), Deadline(60))


def test_what_the_container_misses_is_corrupt_before_fpcalc_runs(audio: Audio) -> None:
    """No CPU is spent on it: the program is not even there."""
    inspection = Inspection(AudioProperties(), "wav", missing="the end is gone")
    with opened(audio.wav(9.37)) as file, pytest.raises(Corrupt, match="the end is gone"):
        make_fpcalc("no-such-program").fingerprint(file, inspection, Deadline(60))
