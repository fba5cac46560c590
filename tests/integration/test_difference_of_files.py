"""Where real files differ, as fpcalc hears them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.audio import RATE, Audio, ffmpeg, music, write_wav
from tests.fpcalc import fingerprint, items_of, measure

from audiodup.alignment import align
from audiodup.compressed import decode
from audiodup.difference import Difference, agreement_by_second, difference
from audiodup.frames import Frames
from audiodup.keys import SLOW_SPEED
from audiodup.model import IndexedFile
from audiodup.verdict import Compared, judge

SECONDS = 60


def made(audio: Audio, tmp_path: Path, *options: str) -> Path:
    """An edit of one and the same piece of a minute."""
    path = tmp_path / "edit.wav"
    ffmpeg("-i", str(audio.wav(SECONDS)), *options, str(path))
    return path


def of_items(a: NDArray[np.uint32], b: NDArray[np.uint32], *durations: float, speed: float = 1.0) -> Difference:
    frames = [Frames.of(items, masked=speed == 1) for items in (a, b)]
    alignment = align(*frames)
    assert alignment is not None
    files = [IndexedFile(name, name, duration=seconds) for name, seconds in zip("ab", durations, strict=True)]
    found = judge(*files, Compared.of(frames[0], frames[1], alignment, speed), 1)
    assert found is not None
    return difference(a, b, found, speed=speed)


def between(one: Path, other: Path) -> Difference:
    prints = [fingerprint(path) for path in (one, other)]
    return of_items(*map(items_of, prints), *(found.duration or 0.0 for found in prints))


def seconds(found: Difference) -> dict[int, float]:
    """A's second -> agreement, where there is one."""
    first = int(np.floor(found.start))
    return {first + at: share for at, share in enumerate(agreement_by_second(found)) if share is not None}


def test_a_file_does_not_differ_from_its_flac(audio: Audio) -> None:
    wav, flac = audio.wav(SECONDS), audio.make("flac", seconds=float(SECONDS))
    agreement = between(wav, flac).agreement
    assert len(agreement) > 450
    assert set(agreement) == {1.0}


def test_ten_seconds_of_something_else_show_where_they_are(audio: Audio, tmp_path: Path) -> None:
    """A frame describes 2.6 s, so that a border is unsharp by half of that to both sides; not by more."""
    samples = music(SECONDS, 2, RATE, 1)
    samples[25 * RATE : 35 * RATE] = music(10, 2, RATE, 2)
    write_wav(tmp_path / "edit.wav", samples, RATE)
    found = seconds(between(audio.wav(SECONDS), tmp_path / "edit.wav"))
    assert all(found[at] < 0.7 for at in range(25, 35))
    # Neither earlier nor later than it is heard.
    assert min(found[24], found[35]) > 0.7
    assert all(share > 0.98 for at, share in found.items() if not 24 <= at < 36)


def test_a_shift_is_made_up_for(audio: Audio, tmp_path: Path) -> None:
    """7.3 s of silence in front, in no whole frames."""
    delayed = made(audio, tmp_path, "-af", "adelay=7300:all=1")
    found = between(audio.wav(SECONDS), delayed)
    assert found.start == pytest.approx(1.1 - 7.3, abs=0.2)
    assert min(seconds(found)) >= -1
    assert np.nanmean(found.agreement) > 0.9


def test_another_tempo_is_made_up_for(audio: Audio, tmp_path: Path) -> None:
    found = between(audio.wav(SECONDS), made(audio, tmp_path, "-af", "atempo=1.05"))
    assert np.nanmean(found.agreement) > 0.8
    assert np.nanmean(found.agreement[-60:]) > 0.75


def test_swapped_halves_agree_but_for_the_seam(audio: Audio, tmp_path: Path) -> None:
    text = "[0:a]asplit[x][y];[x]atrim=30,asetpts=PTS-STARTPTS[p];[y]atrim=0:30[q];[p][q]concat=v=0:a=1"
    found = seconds(between(audio.wav(SECONDS), made(audio, tmp_path, "-filter_complex", text)))
    # Frames across B's seam, or beyond its end, have no partner.
    assert set(range(2, 58)) - {28, 29, 30, 31} <= set(found)
    assert all(share > 0.85 for share in found.values())


def test_short_sounds_are_compared_by_their_slow_fingerprints(audio: Audio) -> None:
    """Two seconds of them, which fpcalc alone would refuse."""
    measured = [measure(path).slow for path in (audio.wav(2.0), audio.make("mp3", seconds=2.0))]
    assert measured[0]
    assert measured[1]
    items = [decode(slow.text)[1] for slow in measured if slow]
    found = of_items(items[0], items[1], *(slow.duration or 0.0 for slow in measured if slow), speed=SLOW_SPEED)
    assert len(found.agreement) > 80
    assert found.start + found.unit * len(found.agreement) == pytest.approx(1.9, abs=0.15)
    assert np.nanmean(found.agreement) > 0.9
