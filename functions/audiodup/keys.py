"""What a fingerprint is found by: which of its frames say anything, their keys, and the number of the whole.

Two copies of one recording share many subfingerprints bit for bit in a part of their 32 bits, at one distance in time.
The index holds those bits (the key) with the frame's position; candidates are pairs that share several keys at about
the same distance. Numpy only; frames are Chromaprint's items, 0.1238 s apart.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

SILENT_FRAMES = 8
"""A run of so many equal items (1 s) is silence or a constant tone. In real music 97 % of the runs are one frame long
and none of those measured had more than 6; an item covers 2.6 s of audio, so that a shorter run is no proof."""
SLOW_SPEED = 0.125
"""The speed at which sounds too short for fpcalc are fingerprinted a second time."""

# Bits of an item from the most to the least stable, over transcodes, echo, equalizers and changes of tempo and speed.
_BITS_BY_STABILITY = (
    29, 31, 27, 19, 21, 3, 28, 30, 15, 11, 23, 9, 7, 1, 2, 25,
    20, 14, 26, 22, 18, 6, 17, 5, 13, 0, 24, 8, 10, 12, 16, 4,
)  # fmt: skip
# Keys of slow fingerprints lie above every other key, so that one table holds both and no join brings them together.
_SLOW_KEYS = 1 << 32
_METHOD = 1
"""To be raised when anything but the numbers in the version changes the keys of a fingerprint."""


@dataclass(frozen=True, slots=True)
class KeyScheme:
    """How the keys of one index are made and what makes a candidate."""

    bits: int
    """How many of an item's most stable bits are the key."""
    one_in: int
    """Of so many different keys one is taken, chosen by the key's hash; a power of two."""
    keys_in_common: int = 2
    """A candidate shares at least so many keys at about one distance."""
    apart: int = 8
    """Frames between the first and the last of them. Frames next to each other are alike, so that two meetings within a
    few frames are hardly more than one: of unrelated candidates 15 in 16 have no more (24 bits, one in 2); of the
    recall it costs 0.002, and 0.03 of the hardest class."""
    common_key: int = 1_000
    """A key that occurs more often than this in the whole index says nothing and is left out. In the corpus less than
    1 % of the frames have a key whose share of all frames is so high. It is also how many versions of one recording
    there may be: the keys of more would be common."""
    slow: bool = False

    @property
    def version(self) -> str:
        """What makes the keys of two indexes comparable."""
        return f"{_METHOD}:{self.bits}/{self.one_in}{' slow' if self.slow else ''}"

    @property
    def mask(self) -> int:
        """The key's bits of an item."""
        return sum(1 << bit for bit in _BITS_BY_STABILITY[: self.bits])


@dataclass(frozen=True, slots=True)
class Setting:
    """The schemes for libraries of up to so many tracks."""

    tracks: int
    normal: KeyScheme
    slow: KeyScheme


# Slow fingerprints are short, at most 80 s of them, and their sounds are few: 8 frames apart would cost 0.01 of the
# recall, and 0.07 of sounds without silence at their end.
_SLOW = KeyScheme(24, 1, apart=2, slow=True)
SETTINGS = (
    Setting(5_000, KeyScheme(20, 1, common_key=2_000), _SLOW),
    Setting(20_000, KeyScheme(22, 1, common_key=2_000), _SLOW),
    Setting(200_000, KeyScheme(26, 1), _SLOW),
    Setting(2**63 - 1, KeyScheme(28, 2), replace(_SLOW, bits=28)),
)
"""By the size of the library: the work grows with its square, so what a small one can afford a large one cannot.

Recall of candidates, of 3,440 degraded copies of 60 tracks (transcodes, gain, trims, padding, edits and clips of 15 s
are 1.00 throughout but for one class at 0.97), and meetings of keys for each pair of unrelated tracks:

    keys   all    bass +12 dB   echo   high-pass   speed +-1 %   speed +-2 %   tempo +-5 %   meetings
    20/1   0.98   0.97          0.95   0.73        0.92          0.77          0.99          1.1
    22/1   0.97   0.97          0.93   0.65        0.88          0.69          0.99          0.40
    26/1   0.96   0.93          0.93   0.53        0.78          0.50          0.98          0.11
    26/2   0.94   0.85          0.88   0.48        0.70          0.38          0.95          0.05
    28/2   0.93   0.80          0.83   0.42        0.67          0.33          0.94          0.02

More bits and all keys are better than fewer bits and one key in two: 26/1 finds more than 24/2 with half its meetings.
"""


def setting_for(tracks: int) -> Setting:
    """The setting of a library of so many tracks."""
    return next(setting for setting in SETTINGS if tracks <= setting.tracks)


def setting_of(version: str) -> Setting | None:
    """The setting whose normal scheme has this version, if this program still knows it."""
    return next((setting for setting in SETTINGS if setting.normal.version == version), None)


def informative(items: NDArray[np.uint32], starts: NDArray[np.intp] | None = None) -> NDArray[np.bool_]:
    """Which frames are neither silent nor constant.

    Args:
        items: of one fingerprint, or of several one behind the other, shape (n,).
        starts: where each of several begins, ascending, the first at 0; none of them empty.

    Returns:
        Shape (n,).
    """
    first = _differs_from_before(items, starts)
    runs = np.flatnonzero(first)
    lengths = np.diff(np.append(runs, len(items)))
    return np.repeat(lengths < SILENT_FRAMES, lengths)


def track_id(items: NDArray[np.uint32], key_version: str) -> int:
    """A 63-bit hash of the fingerprint: files with equal fingerprints are one track."""
    content = np.ascontiguousarray(items, "<u4").tobytes()
    digest = hashlib.blake2b(content, digest_size=8, salt=key_version.encode()[:16]).digest()
    return int.from_bytes(digest, "big") >> 1


def make_keys(
    items: NDArray[np.uint32],
    useful: NDArray[np.bool_],
    scheme: KeyScheme,
    starts: NDArray[np.intp] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """The keys of one fingerprint, or of several, and the frames they stand at.

    Of equal keys in a row only the first counts: a held chord is one coincidence, not ten. On the corpus this halves
    the meetings of unrelated music and leaves a tenth of its candidates, at the price of 0.02 to 0.08 of the hardest
    classes' recall, which a smaller `keys_in_common` more than wins back.

    Args:
        items: shape (n,).
        useful: `informative(items, starts)`, shape (n,).
        scheme: of the index.
        starts: as there.

    Returns:
        Keys and where they stand in `items`, both of shape (m,), m <= n.
    """
    keys = items & np.uint32(scheme.mask)
    first = _differs_from_before(keys, starts)
    first[1:] |= ~useful[:-1]
    places = np.flatnonzero(first & useful)
    keys = keys[places]
    if scheme.one_in > 1:
        sampled = _hashed(keys) < (1 << 16) // scheme.one_in
        keys, places = keys[sampled], places[sampled]
    return keys.astype(np.int64) + (_SLOW_KEYS if scheme.slow else 0), places


def _differs_from_before(values: NDArray[np.uint32], starts: NDArray[np.intp] | None) -> NDArray[np.bool_]:
    differs = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=differs[1:])
    if starts is not None:
        differs[starts] = True
    return differs


def _hashed(keys: NDArray[np.uint32]) -> NDArray[np.uint16]:
    """16 bits that depend on all of the key's (the top of its product with 2**64 divided by the golden ratio)."""
    return ((keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(48)).astype(np.uint16)
