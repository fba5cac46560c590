"""Keys: what says nothing gives none, the same sound gives the same ones, and they depend on nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.frames import joined, music, silence

from audiodup.keys import (
    SETTINGS,
    SILENT_FRAMES,
    KeyScheme,
    informative,
    make_keys,
    setting_for,
    setting_of,
    track_id,
)

ALL = KeyScheme(32, 1)


@pytest.mark.parametrize(("run", "masked"), [(1, False), (6, False), (SILENT_FRAMES - 1, False), (SILENT_FRAMES, True)])
def test_a_constant_stretch_is_masked_frame_by_frame(run: int, masked: bool) -> None:
    """Real music holds an item for up to 6 frames."""
    items = joined(music(1, 20), silence(run), music(2, 20))
    useful = informative(items)
    assert useful[:20].all()
    assert useful[-20:].all()
    assert not useful[20:-20].any() if masked else useful[20:-20].all()


def test_nothing_is_informative_of_silence_and_of_nothing() -> None:
    assert not informative(silence(100)).any()
    assert informative(np.zeros(0, np.uint32)).shape == (0,)


def test_several_fingerprints_at_once_are_as_each_alone() -> None:
    """A silence that ends one and another that begins the next are two, and so are equal keys at the seam."""
    parts = [joined(music(1, 30), silence(5)), silence(7), joined(silence(4), music(2, 30)), music(2, 30)[-1:]]
    starts = np.cumsum([0, *(len(part) for part in parts[:-1])])
    items = np.concatenate(parts)
    useful = informative(items, starts)
    assert np.array_equal(useful, np.concatenate([informative(part) for part in parts]))
    keys, places = make_keys(items, useful, ALL, starts)
    alone = [make_keys(part, informative(part), ALL) for part in parts]
    assert np.array_equal(keys, np.concatenate([one[0] for one in alone]))
    assert np.array_equal(places, np.concatenate([one[1] + start for one, start in zip(alone, starts, strict=True)]))


def test_of_equal_keys_in_a_row_the_first_counts() -> None:
    """Equal in the key's bits; an item between them parts them."""
    scheme = KeyScheme(24, 1)
    other_bits = np.uint32(~scheme.mask & 0xFFFFFFFF)
    items = np.repeat(music(1, 3), 3)
    items[1] ^= other_bits
    items[7] ^= np.uint32(1) << np.uint32(29)
    keys, places = make_keys(items, informative(items), scheme)
    assert places.tolist() == [0, 3, 6, 7, 8]
    assert keys[2] == keys[4] == int(items[6]) & scheme.mask


def test_a_masked_frame_has_no_key_and_does_not_hide_one() -> None:
    """The sound after a silence begins with what was before it."""
    items = joined(music(1, 3), silence(20), music(1, 3)[::-1])
    keys, places = make_keys(items, informative(items), ALL)
    assert places.tolist() == [0, 1, 2, 23, 24, 25]
    assert keys[2] == keys[3]


def test_keys_are_sampled_by_their_value() -> None:
    """The same key is taken in every track or in none, and one in so many is."""
    items = music(1, 40_000)
    useful = np.ones(len(items), np.bool_)
    every = make_keys(items, useful, KeyScheme(32, 1))[0]
    for one_in in (2, 4, 16):
        taken, places = make_keys(items, useful, KeyScheme(32, one_in))
        assert len(taken) == pytest.approx(len(items) / one_in, rel=0.05)
        assert np.array_equal(taken, every[places])
        again = make_keys(items[::-1].copy(), useful, KeyScheme(32, one_in))[0]
        assert set(again.tolist()) == set(taken.tolist())


def test_sampling_favours_no_bit_of_the_key() -> None:
    """Keys that differ in one bit only, and so do the keys of real music, are taken one in so many too."""
    near = np.uint32(0x5A5A5A5A) ^ (np.uint32(1) << np.arange(32, dtype=np.uint32))
    around = (music(1, 2_000)[:, None] ^ near[None, :]).ravel()
    taken, _ = make_keys(around, np.ones(len(around), np.bool_), KeyScheme(32, 2))
    assert len(taken) == pytest.approx(len(around) / 2, rel=0.02)


def test_keys_of_slow_sounds_are_no_keys_of_others() -> None:
    items = music(1)
    normal = make_keys(items, informative(items), KeyScheme(24, 1))[0]
    slow = make_keys(items, informative(items), KeyScheme(24, 1, slow=True))[0]
    assert not set(normal.tolist()) & set(slow.tolist())
    assert len(set(slow.tolist())) == len(set(normal.tolist()))


def test_equal_fingerprints_are_one_track_and_others_are_not() -> None:
    items = music(1)
    number = track_id(items, "1:24/1")
    assert 0 <= number < 1 << 63
    assert number == track_id(items.copy()[:], "1:24/1")
    assert number == track_id(items.astype(">u4").astype(np.uint32), "1:24/1")
    changed = items.copy()
    changed[-1] ^= 1
    others = {track_id(changed, "1:24/1"), track_id(items[:-1], "1:24/1"), track_id(items, "1:24/1 slow")}
    assert number not in others
    assert len(others) == 3


@pytest.mark.parametrize(
    ("tracks", "version"), [(0, "1:20/1"), (5_000, "1:20/1"), (5_001, "1:22/1"), (200_000, "1:26/1"), (10**7, "1:28/2")]
)
def test_the_setting_goes_by_the_librarys_size(tracks: int, version: str) -> None:
    setting = setting_for(tracks)
    assert setting.normal.version == version
    assert setting_of(version) == setting


def test_a_version_names_all_that_changes_the_keys() -> None:
    """And nothing else: what makes a candidate may change without making the index anew."""
    schemes = [one for setting in SETTINGS for one in (setting.normal, setting.slow)]
    for scheme in schemes:
        assert scheme.mask.bit_count() == scheme.bits
        assert len(scheme.version) <= 20
        assert scheme.one_in & (scheme.one_in - 1) == 0
        assert replace(scheme, keys_in_common=9, apart=1, common_key=1).version == scheme.version
        assert replace(scheme, one_in=8).version != scheme.version
    assert len({setting.normal.version for setting in SETTINGS}) == len(SETTINGS)
    assert setting_of("1:31/1") is None
