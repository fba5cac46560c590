"""Which copy is kept: what a librarian would keep, whatever the order in which the copies are given."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiodup.keep import best, ranked
from audiodup.model import IndexedFile

UPLOADED = datetime.fromisoformat("2024-05-01T12:00:00")
LATER = UPLOADED + timedelta(days=1)
WAV: dict[str, Any] = {
    "container": "wav",
    "codec": "pcm_s16le",
    "lossless": True,
    "channels": 2,
    "sample_rate": 44_100,
    "bit_rate": 1_411_200,
    "bandwidth": 20_000.0,
    "duration": 180.0,
}
FLAC = WAV | {"container": "flac", "codec": "flac", "bit_rate": 800_000}
MP3 = WAV | {"container": "mp3", "codec": "mp3", "lossless": False, "bit_rate": 320_000, "duration": 180.05}
OPUS = MP3 | {"container": "ogg", "codec": "opus", "sample_rate": 48_000, "bit_rate": 24_000}


def file(name: str, properties: dict[str, Any] | None = None, **others: Any) -> IndexedFile:
    return IndexedFile(name, f"{name}.x", **{"created_at": UPLOADED} | (properties or {}) | others)


@pytest.mark.parametrize(
    ("kept", "dropped", "reason"),
    [
        (WAV, MP3, "lossless"),
        (FLAC, MP3 | {"created_at": UPLOADED - timedelta(days=9)}, "lossless"),
        # A WAV of a telephone recording, resampled, over which an mp3 of the real thing is kept.
        (MP3, WAV | {"bandwidth": 3_900.0, "channels": 1}, "wider bandwidth (20.0 against 3.9 kHz)"),
        # A WAV made of an mp3 of 128 kbit/s.
        (FLAC | {"created_at": LATER}, WAV | {"bandwidth": 16_500.0}, "wider bandwidth (20.0 against 16.5 kHz)"),
        # What the estimate cannot tell apart does not decide.
        (WAV | {"bandwidth": 18_250.0}, MP3, "lossless"),
        (MP3, WAV | {"channels": 1, "bit_rate": 705_600}, "more channels (2 against 1)"),
        (MP3, WAV | {"duration": 170.0}, "fuller length (180.1 against 170.0 s)"),
        (MP3, MP3 | {"bit_rate": 128_000}, "higher bit rate (320 against 128 kbit/s)"),
        (MP3, MP3 | {"bit_rate": 316_000, "created_at": LATER}, "uploaded earlier"),
        # How well it packs says nothing of a lossless file.
        (FLAC, WAV | {"created_at": LATER}, "uploaded earlier"),
        (FLAC, FLAC | {"bit_rate": 900_000, "created_at": LATER}, "uploaded earlier"),
        (WAV | {"bit_rate": 2_116_800}, WAV, "more bits a sample (24 against 16)"),
        # Where the bandwidth is known, a higher rate holds nothing more.
        (WAV, WAV | {"sample_rate": 96_000, "bit_rate": 3_072_000, "created_at": LATER}, "uploaded earlier"),
        (
            FLAC | {"sample_rate": 96_000, "bandwidth": None, "created_at": LATER},
            FLAC | {"bandwidth": None},
            "higher sample rate (96 against 44.1 kHz)",
        ),
        # Opus fills its bands with noise: its master is not dropped for it, nor it for its master's missing treble.
        (FLAC | {"bandwidth": 15_000.0}, OPUS, "lossless"),
        (MP3 | {"bandwidth": 16_800.0, "bit_rate": 128_000}, OPUS, "higher bit rate (128 against 24 kbit/s)"),
        (OPUS, WAV | {"bandwidth": 3_900.0}, "wider bandwidth (20.0 against 3.9 kHz)"),
        # What is unknown drops nobody.
        (WAV | {"bandwidth": None}, MP3, "lossless"),
        (WAV, MP3 | {"channels": None, "duration": None, "bandwidth": None}, "lossless"),
        (WAV, WAV | {"lossless": None}, "lossless"),
        ({}, {}, "first by its key"),
    ],
)
def test_of_two_the_better_one_is_kept(kept: dict[str, Any], dropped: dict[str, Any], reason: str) -> None:
    """And the reason says which step decided."""
    a, b = file("a", kept), file("b", dropped)
    assert best([a, b]) == best([b, a]) == (a, reason)
    if reason != "first by its key":
        z = file("z", kept)
        assert best([b, z]) == (z, reason)


def test_of_several_each_step_that_dropped_some_is_named() -> None:
    """A person who asks why an mp3 is dropped reads more than that the other WAV is younger."""
    files = [file("a", WAV, created_at=LATER), file("b", WAV), file("c", MP3), file("d", MP3, bandwidth=11_000.0)]
    assert best(files) == (files[1], "wider bandwidth (20.0 against 11.0 kHz), lossless, uploaded earlier")
    assert best(files[:1]) == (files[0], "the only copy")


def test_steps_are_asked_in_their_order() -> None:
    """Each of these is worse than the one before it, though better by all that is asked later."""
    falling = [
        file("f", MP3, channels=2, duration=170.0, bit_rate=100_000, bandwidth=20_000.0, created_at=LATER),
        file("e", MP3, channels=2, duration=180.0, bit_rate=100_000, bandwidth=12_000.0, created_at=LATER),
        file("d", WAV, channels=2, duration=170.0, bandwidth=12_000.0),
        file("c", WAV, channels=1, duration=190.0, bandwidth=12_000.0, bit_rate=705_600),
        file("b", WAV, channels=2, duration=190.0, bandwidth=8_000.0),
    ]
    assert ranked(reversed(falling)) == falling
    assert best(falling)[0] == falling[0]


VALUES = st.fixed_dictionaries(
    {
        "bandwidth": st.sampled_from([None, 4_000.0, 15_000.0, 16_500.0, 18_100.0, 20_000.0]),
        "channels": st.sampled_from([None, 1, 2]),
        "duration": st.sampled_from([None, 99.2, 99.6, 100.0, 100.4]),
        "codec": st.sampled_from([None, "pcm_s16le", "flac", "mp3", "opus"]),
        "lossless": st.sampled_from([None, True, False]),
        "sample_rate": st.sampled_from([None, 44_100, 48_000]),
        "bit_rate": st.sampled_from([None, 128_000, 129_000, 320_000, 1_411_200]),
        "created_at": st.sampled_from([None, UPLOADED, LATER]),
    }
)


@given(st.lists(VALUES, min_size=1, max_size=7), st.randoms())
def test_the_order_in_which_they_come_does_not_matter(values: list[dict[str, Any]], random: Any) -> None:
    """Neither to the one that is kept nor to the reason nor to the ranking, which begins with the best."""
    files = [file(str(number), one) for number, one in enumerate(values)]
    shuffled = random.sample(files, len(files))
    assert best(shuffled) == best(files)
    assert ranked(shuffled) == ranked(files)
    assert sorted(ranked(files), key=lambda one: one.key) == files
    assert best(files)[0] == ranked(files)[0]
    assert best(files)[1]


@given(st.lists(VALUES, min_size=1, max_size=7))
def test_a_copy_of_the_best_that_came_later_changes_nothing(values: list[dict[str, Any]]) -> None:
    """What is kept stays kept while no better copy comes."""
    files = [file(str(number), one, created_at=UPLOADED) for number, one in enumerate(values)]
    kept = best(files)[0]
    same = {name: getattr(kept, name) for name in values[0]} | {"created_at": LATER}
    assert best([*files, file("z", same)])[0] == kept
