"""Up to which frequency there really is sound: what was resampled, or was an mp3 once, holds less than its rate does.

The levels of bands of 250 Hz, over frames of some 46 ms, tell content from what only fills the room:

- noise of quantisation and of dither, also of shaped dither, is steady (from frame to frame 2 to 3 dB between the 10th
  and the 95th percentile), music and effects are not (12 dB and more, and what is steady in them is loud);
- above the low-pass of an mp3, and above half the rate of what was resampled, the level falls by 25 dB and more within
  1 kHz and never comes back, while music fades away gently;
- images of a resampler stand alone, far above the content, and far below it in level.

Tried on excerpts of 10 s of 24 tracks and 19 versions of each (16 bits): through 8 kHz 3.6 to 4.1 kHz, through 22 kHz
11.1 to 12.7, mp3 64 at most 11.1, mp3 96 at most 15.2, mp3 128 at most 16.8 with any dither afterwards, mp3 320 at most
20.2, a low-pass at 3 kHz 2.6 to 3.1; at -40 dB the same as long as the sound stands above the 16 bits. Opus fills
its bands up to 20 kHz with noise of its own, which nobody can tell from sound; what was resampled by repeating or
connecting samples has images as loud as content, and counts as what it sounds like. It takes 6 to 13 ms of CPU.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from audiodup.sound import Sound

_FRAME_SECONDS = 0.046
_BAND_HZ = 250
_CHANNELS = 2
_LOUD_PERCENTILE, _LOW_PERCENTILE = 95, 10

# Levels are dBFS of one band, where a sine of full scale has -3.
_FLOOR = -105.0
"""Below: nothing. Quantisation to 16 bits is at -114, with triangular dither at -109."""
_SILENCE = -85.0
"""The loudest band of what says nothing."""
_LOUD = -66.0
"""Steady sound counts from here: the noise of shaped dither stays 10 dB below."""
_NEAR = 40.0
"""Or from so many dB below the loudest band, as in quiet recordings."""
_STEADY = 6.0
"""dB between the percentiles: more is no noise of the format."""
_CLIFF = 25.0
"""dB."""
_GAP_HZ = 1_500
_IMAGE = 60.0
"""Above a gap, what is so many dB below the loudest band is an image."""


def bandwidth(sound: Sound) -> float | None:
    """The highest frequency with content, Hz, to a band or two, cliffs below 1 kHz not counted.

    None where there is next to no sound, or less than a frame of it.
    """
    found = _levels(sound)
    if found is None:
        return None
    width, levels = found
    loud, low = np.percentile(levels, [_LOUD_PERCENTILE, _LOW_PERCENTILE], axis=0)
    peak = float(loud.max())
    if peak < _SILENCE:
        return None
    content = (loud > _FLOOR) & ((loud - low > _STEADY) | (loud > min(_LOUD, peak - _NEAR)))
    level = np.where(content, loud, _FLOOR)
    edge = _before_gap(content, level, peak, round(_GAP_HZ / width))
    if edge is None:
        return None
    return float((_before_cliff(content[: edge + 1], level, max(round(1_000 / width), 1)) + 1) * width)


def _levels(sound: Sound) -> tuple[float, NDArray[np.float32]] | None:
    """The width of a band in Hz, and the levels: shape (frames, bands). None where there is not one."""
    size = 1 << max(round(math.log2(sound.rate * _FRAME_SECONDS)), 5)
    frames = len(sound.samples) // size
    bins = max(round(_BAND_HZ * size / sound.rate), 1)
    bands = size // 2 // bins
    if not frames or not bands:
        return None
    window = np.hanning(size).astype(np.float32)
    power = np.zeros((frames, bands), np.float32)
    for channel in sound.samples.T[:_CHANNELS]:
        pieces = channel[: frames * size].reshape(frames, size).astype(np.float32)
        spectrum = np.fft.rfft(pieces * window, axis=1)[:, 1 : bands * bins + 1]
        power += (spectrum.real**2 + spectrum.imag**2).reshape(frames, bands, bins).sum(axis=2)
    power *= 2 / (size * float((window**2).sum()))
    levels: NDArray[np.float32] = 10 * np.log10(power + np.float32(1e-20))
    return bins * sound.rate / size, levels


def _before_gap(content: NDArray[np.bool_], level: NDArray[np.float64], peak: float, gap: int) -> int | None:
    """The last band with content, or the last one before a gap above which there are but images."""
    bands = np.flatnonzero(content)
    if not len(bands):
        return None
    for last in bands[:-1][np.diff(bands) > gap]:
        if level[last + 1 :].max() < peak - _IMAGE:
            return int(last)
    return int(bands[-1])


def _before_cliff(content: NDArray[np.bool_], level: NDArray[np.float64], kilohertz: int) -> int:
    """The last band, or the one at the edge of the lowest cliff; `kilohertz` in bands."""
    last = len(content) - 1
    for band in range(kilohertz, last):
        local = float(np.median(level[band - kilohertz + 1 : band + 1]))
        above = float(level[band + kilohertz :].max(initial=_FLOOR))
        if content[band] and level[band] >= local - 6 and local - above >= _CLIFF:
            # It may go on a little before it falls.
            return band + int(np.flatnonzero(level[band : band + kilohertz] >= local - 10)[-1])
    return last
