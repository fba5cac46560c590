"""Where sound ends and what only fills the room begins, on made samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from audiodup.bandwidth import bandwidth
from audiodup.sound import Sound

RATE = 44_100
BAND = 500
"""Hz: two bands, the precision that is promised."""
RANDOM = np.random.default_rng(3)


def drums(cut_off: float | None = None, seconds: float = 8, rate: int = RATE) -> NDArray[Any]:
    """Noise in strokes that die away, without anything from `cut_off` on; float64 within -0.5 to 0.5."""
    frames = round(seconds * rate)
    strokes = RANDOM.normal(0, 1, frames) * np.exp(-12 * (np.arange(frames) % (rate // 3)) / rate)
    if cut_off is not None:
        spectrum = np.fft.rfft(strokes)
        spectrum[round(cut_off * frames / rate) :] = 0
        strokes = np.fft.irfft(spectrum, frames)
    sound: NDArray[Any] = 0.5 * strokes / np.abs(strokes).max()
    return sound


def found(samples: NDArray[Any], rate: int = RATE) -> float | None:
    return bandwidth(Sound(samples.reshape(len(samples), -1), rate))


def quantised(samples: NDArray[Any], dither: NDArray[Any] | float = 0.0) -> NDArray[Any]:
    rounded: NDArray[Any] = np.rint(samples * 2**15 + dither) / 2**15
    return rounded


@pytest.mark.parametrize("cut_off", [4_000, 11_025, 16_000, 20_000])
def test_the_edge_is_found_to_a_band(cut_off: float) -> None:
    """Exact samples, and the same in 16 bits."""
    for samples in (drums(cut_off), quantised(drums(cut_off))):
        assert found(samples) == pytest.approx(cut_off, abs=BAND)


def test_sound_up_to_the_end_is_the_whole_band() -> None:
    """At every rate."""
    for rate in (8_000, 22_050, 44_100, 96_000):
        assert found(drums(rate=rate), rate) == pytest.approx(rate / 2, abs=BAND)


def fading(decibels: float, cut_off: float) -> NDArray[Any]:
    """The same, quieter by so many dB for each kHz, as music is."""
    samples = drums(cut_off)
    spectrum = np.fft.rfft(samples)
    spectrum *= 10 ** (-decibels / 20 * np.arange(len(spectrum)) / 8 / 1_000)
    faded: NDArray[Any] = np.fft.irfft(spectrum, len(samples))
    return faded


def test_dither_is_no_sound() -> None:
    """Triangular, and shaped so that it rises above 16 kHz to where the music was: steady, and quiet."""
    triangular = RANDOM.random(8 * RATE) - RANDOM.random(8 * RATE)
    shaped = np.fft.rfft(triangular)
    shaped *= 10 ** (30 / 20 * np.clip((np.arange(len(shaped)) / 8 - 12_000) / 6_000, -0.5, 1))
    for dither in (triangular, np.fft.irfft(shaped, 8 * RATE)):
        assert found(quantised(fading(2, 16_000), dither)) == pytest.approx(16_000, abs=BAND)


def test_an_image_far_above_is_no_sound() -> None:
    """Where 22 kHz were resampled badly: no louder than the last of the sound, and nothing between."""
    samples = fading(6, 11_000)
    image = np.fft.rfft(drums())
    image[: 21_500 * 8] = 0
    strokes = np.fft.irfft(image, len(samples))
    strokes /= np.abs(strokes).max()
    edge = found(samples + strokes * 10 ** (-88 / 20))
    assert edge is not None
    assert edge < 11_500
    assert found(samples + strokes * 0.2) == pytest.approx(RATE / 2, abs=BAND)


def test_what_fades_away_gently_is_sound_to_the_end() -> None:
    """3 dB for each kHz, as dark music does: no cliff."""
    edge = found(fading(3, RATE / 2))
    assert edge is not None
    assert edge > 20_000


@pytest.mark.parametrize("frequency", [1_000, 4_000, 15_000])
def test_a_pure_tone_is_its_own_frequency(frequency: float) -> None:
    """It is steady, but loud; what quantisation makes of it is not."""
    tone = 0.5 * np.sin(2 * np.pi * frequency * np.arange(8 * RATE) / RATE)
    assert found(quantised(tone)) == pytest.approx(frequency, abs=BAND)


def test_near_silence_says_nothing() -> None:
    """Nothing at all, the last bit at random, and too little to fill a frame."""
    assert found(np.zeros(RATE)) is None
    assert found(RANDOM.integers(-1, 2, 8 * RATE) / 2**15) is None
    assert found(drums()[:1000]) is None
    assert found(np.zeros(100), rate=1) is None


def test_quiet_music_is_music() -> None:
    """40 dB down, in 16 bits, as long as it stands above them."""
    assert found(quantised(drums(16_000) * 0.01)) == pytest.approx(16_000, abs=BAND)


def test_each_of_two_channels_counts() -> None:
    """What one of them has alone, and what both have in opposite phase."""
    samples = drums(16_000)
    for pair in ([samples, 0 * samples], [0 * samples, samples], [samples, -samples]):
        assert found(np.stack(pair, axis=1)) == pytest.approx(16_000, abs=BAND)
