"""Chromaprint's compressed text: what comes out is what went in, and nothing hostile gets through."""

from __future__ import annotations

import base64
import tracemalloc
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from audiodup.compressed import MAX_ITEMS, CompressedFormatError, decode, encode

ITEM = st.one_of(st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 0x80000000, 0xFFFFFFFF, 0x55555555]))
ITEMS = arrays(np.uint32, st.integers(0, 60), elements=ITEM)


def text_of(*data: int) -> str:
    return base64.urlsafe_b64encode(bytes(data)).rstrip(b"=").decode()


def uint32(*items: int) -> NDArray[Any]:
    return np.array(items, np.uint32)


@given(ITEMS, st.integers(0, 255))
def test_an_array_comes_back_from_its_text(items: NDArray[Any], algorithm: int) -> None:
    """Any items, any algorithm number."""
    found, decoded = decode(encode(items, algorithm))
    assert found == algorithm
    assert decoded.dtype == np.uint32
    np.testing.assert_array_equal(decoded, items)


@given(ITEMS)
def test_the_codes_are_those_of_the_format(items: NDArray[Any]) -> None:
    """A slow encoder that reads like the format's description gives the same bytes."""
    normal: list[int] = []
    exceptions: list[int] = []
    before = 0
    for item in items.tolist():
        last = -1
        for bit in range(32):
            if (item ^ before) >> bit & 1:
                distance, last = bit - last, bit
                normal.append(min(distance, 7))
                exceptions += [distance - 7] if distance >= 7 else []
        normal.append(0)
        before = item
    data = bytes([1]) + len(items).to_bytes(3, "big")
    for codes, width in ((normal, 3), (exceptions, 5)):
        packed = sum(code << width * place for place, code in enumerate(codes))
        data += packed.to_bytes((len(codes) * width + 7) // 8, "little")
    assert encode(items, 1) == text_of(*data)


@pytest.mark.parametrize(
    ("items", "data"),
    [
        ((), (0, 0, 0, 0)),
        ((1,), (0, 0, 0, 1, 1)),
        ((7,), (0, 0, 0, 1, 73, 0)),
        ((1 << 6,), (0, 0, 0, 1, 7, 0)),
        ((1 << 8,), (0, 0, 0, 1, 7, 2)),
        ((1, 0), (0, 0, 0, 2, 65, 0)),
        ((1, 1), (0, 0, 0, 2, 1, 0)),
    ],
)
def test_known_vectors(items: tuple[int, ...], data: tuple[int, ...]) -> None:
    """The vectors of Chromaprint's own tests for its compressor."""
    assert encode(uint32(*items), 0) == text_of(*data)
    np.testing.assert_array_equal(decode(text_of(*data))[1], uint32(*items))


def test_the_start_of_a_real_fingerprint() -> None:
    """948 items of algorithm 1 begin with AQADt, as every fingerprint of 120 s of fpcalc does."""
    assert encode(np.zeros(948, np.uint32), 1).startswith("AQADt")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "header"),
        ("AAAA", "header"),
        ("AAAAA", "base64"),
        ("AAAAAQ=", "base64"),
        ("AAAAAQE=", "canonical"),
        ("AAAA AQE", "base64"),
        ("AAAAAQ+/", "canonical"),
        ("AAAAAQF", "canonical"),
        ("ÄÄÄÄ", "base64"),
        (text_of(0, 0, 0, 0, 0), "after the end"),
        (text_of(0, 0xFF, 0xFF, 0xFF, 0), "at most"),
        (text_of(0, 0x07, 0, 0, 0), "cannot hold"),
        (text_of(0, 0, 0, 1), "cannot hold"),
        (text_of(0, 0, 0, 2, 73), "truncated: 0 of 2"),
        (text_of(0, 0, 0, 1, 7), "truncated: 0 bytes for 1"),
        (text_of(0, 0, 0, 1, 1, 0), "after the end: 1 bytes"),
        (text_of(0, 0, 0, 1, 0x81), "after the last code"),
        (text_of(0, 0, 0, 1, 7, 0xE0), "after the last code"),
        (text_of(0, 0, 0, 1, 7, 26), "beyond the 32nd"),
        (text_of(0, 0, 0, 1, *sum(1 << 3 * code for code in range(33)).to_bytes(13, "little")), "more than 32 bits"),
    ],
)
def test_what_encode_cannot_give_is_refused(text: str, words: str) -> None:
    """Bad base64, wrong sizes, spare bits and bytes, bits that do not exist."""
    with pytest.raises(CompressedFormatError, match=words):
        decode(text)


def test_the_last_bit_is_within_and_the_next_one_beyond() -> None:
    """An exception of 25 is bit 32, one of 26 would be bit 33."""
    assert decode(text_of(0, 0, 0, 1, 7, 25))[1].tolist() == [0x80000000]


@given(st.one_of(st.text(max_size=80), st.binary(max_size=60).map(lambda data: text_of(*data))))
@settings(max_examples=400)
def test_hostile_text_is_refused_or_canonical(text: str) -> None:
    """No other exception, and whatever is taken encodes to the same text again."""
    try:
        algorithm, items = decode(text)
    except CompressedFormatError:
        return
    assert encode(items, algorithm) == text


@given(ITEMS.filter(len), st.data())
@settings(max_examples=400)
def test_a_flipped_bit_is_refused_or_canonical(items: NDArray[Any], data: st.DataObject) -> None:
    """Damage near a valid text finds the checks that random text never reaches."""
    text = encode(items, 1)
    raw = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    damaged = text_of(*raw)
    try:
        algorithm, found = decode(damaged)
    except CompressedFormatError:
        return
    assert encode(found, algorithm) == damaged


def test_more_items_than_allowed_are_refused_before_they_are_read() -> None:
    """By the announced number, and by the text's length."""
    text = encode(np.zeros(11, np.uint32), 1)
    assert len(decode(text, max_items=11)[1]) == 11
    with pytest.raises(CompressedFormatError, match="11 items"):
        decode(text, max_items=10)
    with pytest.raises(CompressedFormatError, match="characters"):
        decode("A" * 100_000_000)


def test_the_longest_text_of_a_bound_is_taken() -> None:
    """Every item sets all bits anew: 33 codes each."""
    items = np.where(np.arange(1000) % 2 == 0, 0xFFFFFFFF, 0).astype(np.uint32)
    np.testing.assert_array_equal(decode(encode(items, 1), max_items=1000)[1], items)


@pytest.mark.parametrize(
    "text",
    [
        encode(np.where(np.arange(MAX_ITEMS) % 2 == 0, 0xFFFFFFFF, 0).astype(np.uint32), 1),
        text_of(0, *(MAX_ITEMS - 1).to_bytes(3, "big"), *bytes([0xFF]) * 6_400_000),
        text_of(0, 0, 0, 1, *bytes([0b01001001, 0b10010010, 0b00100100]) * 2_100_000),
    ],
    ids=["all bits", "all exceptions", "one endless item"],
)
def test_hostile_text_takes_bounded_memory(text: str) -> None:
    """400 bytes an item of the bound, as promised (numpy reports its memory to tracemalloc)."""
    tracemalloc.start()
    try:
        with suppress(CompressedFormatError):
            decode(text)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 400 * MAX_ITEMS


@pytest.mark.parametrize(
    ("items", "algorithm", "words"),
    [
        (np.zeros(3, np.int32), 1, "int32"),
        (np.zeros(3, np.uint64), 1, "uint64"),
        (np.zeros((3, 3), np.uint32), 1, "2-D"),
        (np.zeros(MAX_ITEMS + 1, np.uint32), 1, "at most"),
        (np.zeros(3, np.uint32), 256, "algorithm"),
        (np.zeros(3, np.uint32), -1, "algorithm"),
    ],
)
def test_what_has_no_place_in_the_format_is_not_encoded(items: NDArray[Any], algorithm: int, words: str) -> None:
    """Wrong dtype, shape, number or algorithm: a ValueError, not a wrong text."""
    with pytest.raises(ValueError, match=words):
        encode(items, algorithm)


def test_the_array_given_is_not_changed() -> None:
    """`encode` works on a copy."""
    items = uint32(1, 2, 3)
    encode(items, 1)
    assert items.tolist() == [1, 2, 3]


def test_items_that_lie_apart_in_memory_are_encoded() -> None:
    """A slice with a step is an array like any other."""
    items = np.arange(20, dtype=np.uint32)[::2]
    np.testing.assert_array_equal(decode(encode(items, 1))[1], items)
