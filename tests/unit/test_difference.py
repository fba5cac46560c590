"""The difference of two fingerprints on A's time line, on made fingerprints; files are in the integration tests."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tests.frames import Items, at_tempo, joined, music, silence, worn

from audiodup.alignment import align
from audiodup.difference import BAND_ROWS, MOST_COLUMNS, Difference, agreement_by_second, difference, picture
from audiodup.frames import FRAME_SECONDS, Frames
from audiodup.keys import SLOW_SPEED
from audiodup.model import IndexedFile, Judgement, MatchedRange
from audiodup.verdict import Compared, judge

BLUE, ORANGE, GREY = (33, 86, 165), (245, 158, 40), (225, 225, 225)
MIDDLE = 9 * FRAME_SECONDS
"""Of what a frame describes, behind its position."""


def judged(a: Items, b: Items, speed: float = 1.0) -> Judgement:
    """What the matcher says of them."""
    frames = [Frames.of(items, masked=speed == 1) for items in (a, b)]
    alignment = align(*frames)
    assert alignment is not None
    files = [
        IndexedFile(name, name, duration=(len(items) + 20.3) * FRAME_SECONDS * speed)
        for name, items in (("a", a), ("b", b))
    ]
    found = judge(*files, Compared.of(frames[0], frames[1], alignment, speed), 1)
    assert found is not None
    return found


def compared(a: Items, b: Items, speed: float = 1.0) -> Difference:
    """The two along the lines that the matcher finds."""
    found = difference(a, b, judged(a, b, speed), speed=speed)
    assert found.bits.shape == (32, len(found.agreement))
    assert (np.isnan(found.bits) == np.isnan(found.agreement)).all()
    assert np.allclose(1 - found.bits.mean(axis=0), found.agreement, equal_nan=True)
    return found


def frames_of_a(found: Difference) -> NDArray[np.int64]:
    """Which frame of A each column is."""
    first = round((found.start - MIDDLE * found.unit / FRAME_SECONDS) / found.unit)
    return first + np.arange(len(found.agreement))


def pixels(found: Difference) -> NDArray[np.uint8]:
    """The picture's points, shape (rows, columns, 3)."""
    with Image.open(io.BytesIO(picture(found))) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def test_equal_fingerprints_agree_in_every_bit() -> None:
    track = music(1)
    found = compared(track, track)
    assert found.agreement.tolist() == [1.0] * 900
    assert not found.bits.any()
    assert found.unit == FRAME_SECONDS
    assert found.start == pytest.approx(MIDDLE)


def test_what_was_replaced_is_where_they_differ() -> None:
    """And nothing around it: 80 frames, ten seconds."""
    track = music(1)
    found = compared(track, joined(track[:400], music(2, 80), track[480:]))
    assert found.agreement[400:480].mean() == pytest.approx(0.5, abs=0.02)
    assert found.agreement[:400].tolist() == [1.0] * 400
    assert found.agreement[480:].tolist() == [1.0] * 420


def test_it_is_the_bits_that_differ() -> None:
    track = music(1)
    found = compared(track, track ^ np.uint32(1 << 5 | 1 << 12))
    assert set(np.flatnonzero(found.bits.any(axis=1))) == {5, 12}
    assert found.bits[5].tolist() == [1.0] * 900
    assert found.agreement.tolist() == [30 / 32] * 900


@pytest.mark.parametrize(("lead", "swap"), [(59, False), (59, True), (300, False), (300, True)])
def test_what_only_one_of_them_has_is_not_compared(lead: int, swap: bool) -> None:
    """Seven seconds in front: B's lie before A's beginning, A's within it."""
    track = music(1, 600)
    longer = joined(music(3, lead), track)
    found = compared(longer, track) if swap else compared(track, longer)
    assert found.start == pytest.approx(MIDDLE - (0 if swap else lead) * FRAME_SECONDS)
    assert np.isnan(found.agreement[:lead]).all()
    assert found.agreement[lead:].tolist() == [1.0] * 600


def test_a_clip_lies_where_it_was_cut_from() -> None:
    track = music(1)
    found = compared(track[300:500], track)
    assert np.flatnonzero(~np.isnan(found.agreement)).tolist() == list(range(300, 500))
    assert frames_of_a(found)[300] == 0


@pytest.mark.parametrize("tempo", [0.95, 1.05])
def test_another_tempo_is_followed(tempo: float) -> None:
    """At one offset nothing after the first seconds would agree."""
    track = music(1)
    found = compared(track, worn(at_tempo(track, tempo), 0.02))
    assert np.count_nonzero(np.isnan(found.agreement)) < 5
    assert np.nanmean(found.agreement) > 0.95


def test_swapped_halves_agree_each_on_its_own_line() -> None:
    track = music(1)
    found = compared(track, joined(track[450:], track[:450]))
    inside = (frames_of_a(found) >= 0) & (frames_of_a(found) < 900)
    assert found.agreement[inside].tolist() == [1.0] * 900
    assert np.isnan(found.agreement[~inside]).all()


def test_between_the_parts_of_an_edit_they_differ() -> None:
    track = music(1)
    edit = joined(track[600:800], track[100:300], track[350:500])
    found = compared(track, edit)
    place = frames_of_a(found)
    for first, end in [(100, 300), (350, 500), (600, 800)]:
        # Each border to one frame: it is kept in milliseconds.
        assert np.nanmin(found.agreement[(place > first) & (place < end - 1)]) == 1.0
    assert np.nanmean(found.agreement[(place >= 0) & (place < 98)]) < 0.6


def test_silence_is_not_compared() -> None:
    """All silences are equal."""
    track = joined(music(1, 300), silence(60), music(2, 300))
    found = compared(track, track)
    assert np.flatnonzero(np.isnan(found.agreement)).tolist() == list(range(300, 360))


def test_slow_fingerprints_have_eight_columns_for_one() -> None:
    """Of a sound of ten seconds; in them nothing is taken for silence."""
    sound = joined(music(1, 300), silence(40), music(2, 300))
    found = compared(sound, sound, SLOW_SPEED)
    assert found.unit == FRAME_SECONDS / 8
    assert found.start == pytest.approx(MIDDLE / 8)
    assert found.agreement.tolist() == [1.0] * 640


def test_unrelated_fingerprints_under_an_old_judgement_are_not_compared() -> None:
    """The file was replaced, and the matcher has not seen it yet: there is no line to compare them along."""
    track = music(1)
    found = difference(track, music(2), judged(track, track))
    assert np.isnan(found.agreement).all()
    assert not [second for second in agreement_by_second(found) if second is not None]
    assert {tuple(point) for row in pixels(found) for point in row} == {GREY}


@pytest.mark.parametrize("offset", [1e12, -1e12])
def test_no_offset_makes_a_picture_without_end(offset: float) -> None:
    track = music(1, 200)
    wild = replace(judged(track, track), offset_seconds=offset, ranges=(MatchedRange(5.0, 5.0, 9.0, 9.0),))
    assert len(difference(track, track, wild).agreement) == 400


def test_the_agreement_of_each_second() -> None:
    """The first is the one in which the first column lies; what was not compared has none."""
    track = joined(music(1, 400), silence(60), music(2, 400))
    seconds = agreement_by_second(compared(track, joined(music(3, 59), worn(track, 0.1))))
    start = MIDDLE - 59 * FRAME_SECONDS
    assert len(seconds) == math.floor(start + 918 * FRAME_SECONDS) - math.floor(start) + 1
    heard = [second is not None for second in seconds]
    assert heard[:8] == [False] * 8  # A's second 0 is the seventh, and its first frame's middle is at 1.1 s.
    assert heard[8:58] == [True] * 50
    assert heard[59:64] == [False] * 5
    assert heard[66:] == [True] * (len(heard) - 66)
    assert np.mean([second for second in seconds if second is not None]) == pytest.approx(0.9, abs=0.01)


def test_a_picture_has_a_band_and_a_row_for_each_bit() -> None:
    """Blue, orange, and grey where nothing was compared."""
    bits = np.zeros((32, 4))
    bits[0, 1] = 1
    bits[:, 2] = 1
    bits[:, 3] = np.nan
    points = pixels(Difference(1.0, 0.0, 1 - bits.mean(axis=0), bits))
    assert points.shape == (BAND_ROWS + 32, 4, 3)
    for row in range(BAND_ROWS):
        assert [tuple(point) for point in points[row, [0, 2, 3]]] == [BLUE, ORANGE, GREY]
    assert [tuple(point) for point in points[BAND_ROWS]] == [BLUE, ORANGE, ORANGE, GREY]
    assert [tuple(point) for point in points[-1]] == [BLUE, BLUE, ORANGE, GREY]


def test_the_shades_rise_in_lightness() -> None:
    """So that they are told apart without any colour, and grey is lighter than all of them."""
    shares = np.linspace(0, 0.5, 100)
    points = pixels(Difference(1.0, 0.0, 1 - shares, np.tile(shares, (32, 1)))) / 255
    lightness = points[0] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) >= 0).all()
    assert lightness[-1] < 0.8 < GREY[0] / 255


def test_a_long_picture_is_averaged() -> None:
    """All of it is there, also what is narrower than a point; what was not compared does not count."""
    columns = 9_000
    bits = np.zeros((32, columns))
    bits[7, 4_500:4_505] = 1
    bits[:, 4_502] = np.nan
    bits[:, 8_000:] = np.nan
    points = pixels(Difference(1.0, 0.0, 1 - bits.mean(axis=0), bits))
    assert points.shape == (BAND_ROWS + 32, MOST_COLUMNS, 3)
    assert tuple(points[BAND_ROWS + 7, 1_000]) == ORANGE
    assert {tuple(point) for point in points[BAND_ROWS + 8, :1_777]} == {BLUE}
    assert {tuple(point) for point in points[BAND_ROWS + 7, 1_778:]} == {GREY}
