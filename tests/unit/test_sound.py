"""The hash of decoded samples: equal for equal audio in whatever file, never equal for samples that differ."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from audiodup.sound import Sound

RANDOM = np.random.default_rng(1)


def integers(bits: int, frames: int = 1000, channels: int = 2) -> NDArray[Any]:
    return RANDOM.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (frames, channels))


def sound(values: NDArray[Any], scale_bits: int, bits: int | None = None) -> Sound:
    """As a decoder gives samples of that width, which it says or does not say."""
    return Sound(values / 2.0 ** (scale_bits - 1), 44_100, bits)


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def packed(values: NDArray[Any], width: int) -> bytes:
    """Little endian, by plain arithmetic."""
    return b"".join(int(value).to_bytes(width, "little", signed=True) for value in values.flatten())


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
@pytest.mark.parametrize("told", [True, False])
def test_lossless_samples_are_hashed_in_their_own_width(bits: int, told: bool) -> None:
    """As FLAC's encoder does; where the decoder does not say it, the samples show it."""
    values = integers(bits)
    expected = md5(packed(values, bits // 8))
    if bits == 8 and not told:
        expected = md5(packed(values * 256, 2))
    assert sound(values, bits, bits if told else None).pcm_md5(lossless=True) == expected


def test_quiet_or_padded_samples_keep_the_width_they_were_stored_with() -> None:
    """Silence of 24 bits, and 16 bits in 24, are hashed as the FLAC of the same samples is."""
    values = integers(16) * 256
    assert sound(values, 24, 24).pcm_md5(lossless=True) == md5(packed(values, 3))
    nothing = np.zeros((1000, 2), int)
    assert sound(nothing, 24, 24).pcm_md5(lossless=True) == md5(bytes(6000))
    assert sound(nothing, 24).pcm_md5(lossless=True) == md5(bytes(4000))


@pytest.mark.parametrize("told", [8, 16, None])
def test_a_width_that_is_told_too_small_is_not_believed(told: int | None) -> None:
    """The trap: two 24-bit masters that differ below the 16th bit have the same upper 16."""
    values = integers(24)
    other = values ^ 1
    one, two = (sound(each, 24, told).pcm_md5(lossless=True) for each in (values, other))
    assert one != two
    assert one == md5(packed(values, 3))
    upper = [sound(each, 24).pcm_md5(lossless=False) for each in (values & ~0xFF, (values & ~0xFF) ^ 1)]
    assert upper[0] == upper[1]


def test_floats_are_hashed_exactly() -> None:
    """Single and double precision, and what is beyond full scale."""
    values = RANDOM.normal(0, 1, (1000, 2))
    assert Sound(values, 44_100).pcm_md5(lossless=True) == md5(values.astype("<f8").tobytes())
    singles = values.astype("<f4").astype(np.float64)
    assert Sound(singles, 44_100).pcm_md5(lossless=None) == md5(singles.astype("<f4").tobytes())
    loud = np.full((10, 1), 1.0)
    assert Sound(loud, 44_100).pcm_md5(lossless=True) == md5(loud.astype("<f4").tobytes())


def test_what_may_be_lossless_counts_as_lossless() -> None:
    """An unknown codec: better no match than a wrong one."""
    values = integers(24)
    assert sound(values, 24, 24).pcm_md5(lossless=None) == md5(packed(values, 3))


def test_lossy_samples_are_hashed_as_16_bits() -> None:
    """Rounded, and clipped where the codec overshoots."""
    values = np.array([[0.4 / 32768, 0.6 / 32768], [1.5, -1.5]])
    assert Sound(values, 44_100).pcm_md5(lossless=False) == md5(packed(np.array([0, 1, 32767, -32768]), 2))


def test_no_samples_have_no_hash() -> None:
    """All empty files would be the same."""
    assert Sound(np.zeros((0, 2)), 44_100).pcm_md5(lossless=True) is None
