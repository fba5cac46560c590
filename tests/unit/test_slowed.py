"""The short sound as fpcalc is to hear it."""

from __future__ import annotations

import numpy as np
import pytest

from audiodup.slowed import slowed
from audiodup.sound import Sound


def test_the_samples_are_the_same_at_an_eighth_of_the_rate() -> None:
    """Mono, brought up to full scale, with a second of silence behind."""
    left = np.sin(np.arange(8_000) / 5) / 4
    slow = slowed(Sound(np.stack([left, left / 2], axis=1), 8_000))
    assert (slow.rate, slow.seconds, slow.speed) == (1_000, 9.0, 0.125)
    samples = np.frombuffer(slow.data, "<i2")
    assert np.abs(samples[:8_000]).max() == 30_000
    assert np.allclose(samples[:8_000] / 30_000, left / np.abs(left).max(), atol=1e-4)
    assert not samples[8_000:].any()


@pytest.mark.parametrize(
    ("rate", "told"), [(44_100, 5_512), (48_000, 6_000), (22_050, 2_756), (192_000, 24_000), (3, 1)]
)
def test_rates_that_eight_does_not_divide_are_rounded(rate: int, told: int) -> None:
    """To the nearest whole Hz, which is all that fpcalc takes."""
    assert slowed(Sound(np.ones((10, 1)), rate)).rate == told


def test_silence_stays_silence() -> None:
    """It has no peak to be brought up."""
    assert not slowed(Sound(np.zeros((800, 2)), 8_000)).samples.any()
