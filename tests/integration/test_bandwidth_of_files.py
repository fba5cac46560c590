"""The real bandwidth of files that went through less than they look like, by the real ffmpeg."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.audio import ffmpeg, write_wav
from tests.fpcalc import measure

RATE = 44_100
BAND = 500


def drums(seconds: float, seed: int = 3) -> NDArray[np.float64]:
    """Strokes of noise that die away, over a chord: sound up to the end of the band."""
    time = np.arange(round(seconds * RATE)) / RATE
    strokes = np.random.default_rng(seed).normal(0, 0.1, len(time)) * np.exp(-8 * (time % 0.4))
    chord = sum(np.sin(2 * np.pi * note * time) for note in (220, 277, 330))
    sound: NDArray[np.float64] = np.stack([strokes + 0.05 * chord, strokes], axis=1)
    return sound


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Masters of 20 s, of which a piece is looked at, and of 5 s, which are decoded whole."""
    folder = tmp_path_factory.mktemp("bandwidth")
    for seconds in (5, 20):
        write_wav(folder / f"{seconds}.wav", drums(seconds), RATE)
    return folder


def bandwidth(path: Path) -> float | None:
    found = measure(path)
    assert found.fingerprint is not None
    assert found.properties is not None
    return found.properties.bandwidth


def through(folder: Path, seconds: int, *steps: tuple[str, ...]) -> Path:
    """The master encoded one way and then another; each step an ending and options."""
    path = folder / f"{seconds}.wav"
    for number, (ending, *options) in enumerate(steps):
        target = folder / f"{seconds}-{number}-through.{ending}"
        ffmpeg("-i", str(path), *options, str(target))
        path = target
    return path


LESS = {
    "8 kHz mono": (3_600, 4_400, [("wav", "-ac", "1", "-ar", "8000"), ("wav", "-ac", "2", "-ar", "44100")]),
    "22 kHz": (10_500, 12_800, [("wav", "-ar", "22050"), ("wav", "-ar", "44100")]),
    "22 kHz by flac": (10_500, 12_800, [("wav", "-ar", "22050"), ("flac", "-ar", "96000", "-sample_fmt", "s32")]),
    "mp3 64": (10_000, 11_500, [("mp3", "-b:a", "64k")]),
    "a wav of an mp3 64": (10_000, 11_500, [("mp3", "-b:a", "64k"), ("wav",)]),
    "a wav of an mp3 128": (15_000, 17_200, [("mp3", "-b:a", "128k"), ("wav",)]),
    "the same, dithered": (
        *(15_000, 17_200),
        [("mp3", "-b:a", "128k"), ("wav", "-af", "aresample=osf=s16:dither_method=shibata")],
    ),
    "a wav of an mp3 320": (19_000, 20_700, [("mp3", "-b:a", "320k"), ("wav",)]),
    "opus": (19_000, 20_700, [("opus", "-c:a", "libopus", "-b:a", "128k")]),
    "a low-pass": (2_500, 3_500, [("wav", "-af", "firequalizer=gain='if(lt(f,3000),0,-120)'")]),
    "nothing": (21_500, 22_050, [("flac",)]),
    "24 bits": (21_500, 22_050, [("m4a", "-c:a", "alac", "-sample_fmt", "s32p")]),
}


@pytest.mark.parametrize("seconds", [5, 20])
@pytest.mark.parametrize("name", LESS)
def test_what_went_through_less_holds_less(folder: Path, name: str, seconds: int) -> None:
    """Whatever its rate says."""
    least, most, steps = LESS[name]
    found = bandwidth(through(folder, seconds, *steps))
    assert found is not None
    assert least <= found <= most


def test_silence_has_none(tmp_path: Path) -> None:
    """Neither has the last bit at random."""
    for name, samples in (
        ("zeros", np.zeros((RATE * 20, 1))),
        ("noise", np.random.default_rng(1).integers(-1, 2, (RATE * 20, 1)) / 32_767),
    ):
        write_wav(tmp_path / f"{name}.wav", samples, RATE)
        assert bandwidth(tmp_path / f"{name}.wav") is None


def test_a_tone_is_its_frequency(tmp_path: Path) -> None:
    """Pure, of 20 s."""
    tone = 0.5 * np.sin(2 * np.pi * 3_000 * np.arange(RATE * 20) / RATE)
    write_wav(tmp_path / "tone.wav", tone[:, None], RATE)
    assert bandwidth(tmp_path / "tone.wav") == pytest.approx(3_000, abs=BAND)


def test_the_piece_is_from_inside_the_file(tmp_path: Path) -> None:
    """A quiet beginning says nothing of the rest, and neither does a wrong length in the header."""
    samples = np.concatenate([np.zeros((RATE * 8, 2)), drums(16)])
    write_wav(tmp_path / "late.wav", samples, RATE)
    assert bandwidth(tmp_path / "late.wav") == pytest.approx(RATE / 2, abs=BAND)
    ffmpeg("-i", str(tmp_path / "late.wav"), "-f", "adts", "-b:a", "256k", str(tmp_path / "late.aac"))
    assert (bandwidth(tmp_path / "late.aac") or 0) > 14_000
