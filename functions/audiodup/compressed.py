"""Chromaprint's compressed fingerprint text <-> a numpy array of subfingerprints.

The format is that of chromaprint's fingerprint_compressor.cpp and fingerprint_decompressor.cpp, in base64 (URL
alphabet, no padding):

- one byte: libchromaprint's algorithm number;
- three bytes, big endian: how many subfingerprints ("items", 32 bits each) follow;
- 3-bit codes, least significant bit first, filled up with zero bits to a whole byte. Each item is XORed with the one
  before it; of each bit set in the result, lowest first, the code is its distance from the bit before it (the first
  bit's from a bit -1). 7 stands for 7 or more; 0 ends the item;
- 5-bit codes, packed the same way: what exceeds 7, for each code 7 in turn.

Decoding takes what `encode` can give and nothing else, so a text has one array and an array one text.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_ITEMS = 524_288
"""About 18 hours of audio. The format itself ends at 16,777,215."""
_HEADER_BYTES = 4
_ITEM_BITS = 32
_WORST_ITEM_CODES = _ITEM_BITS + 1
_NORMAL_BITS = 3
_EXCEPTION_BITS = 5
_ESCAPE = 7


class CompressedFormatError(ValueError):
    """The text, or the array, has no place in Chromaprint's compressed format."""


class TooManyItems(CompressedFormatError):
    """More than whoever asks wants to hold."""


def encode(items: NDArray[Any], algorithm: int) -> str:
    """Compress subfingerprints as `fpcalc` prints them.

    Args:
        items: 1-D, uint32; shape (n,) with n <= MAX_ITEMS.
        algorithm: libchromaprint's number, 0 to 255 (fpcalc's `-algorithm` is this plus one).

    Raises:
        CompressedFormatError: wrong shape, dtype, number of items or algorithm.
    """
    if items.dtype != np.uint32 or items.ndim != 1:
        raise CompressedFormatError(f"items are {items.ndim}-D {items.dtype}, not 1-D uint32")
    if len(items) > MAX_ITEMS:
        raise CompressedFormatError(f"{len(items)} items, at most {MAX_ITEMS} are taken")
    if not 0 <= algorithm <= 255:
        raise CompressedFormatError(f"algorithm {algorithm} does not fit one byte")

    changes = items.copy()
    changes[1:] ^= items[:-1]
    bits = np.unpackbits(changes.astype("<u4").view(np.uint8), bitorder="little")
    item, bit = np.divmod(np.flatnonzero(bits), _ITEM_BITS)
    distance = bit + 1
    same_item = item[1:] == item[:-1]
    distance[1:][same_item] -= bit[:-1][same_item] + 1

    codes = np.zeros(len(item) + len(items), np.uint8)
    # Before the code of a set bit stand the codes of the bits before it and one end for each item before its own.
    codes[np.arange(len(item)) + item] = np.minimum(distance, _ESCAPE)
    exceptions = (distance[distance >= _ESCAPE] - _ESCAPE).astype(np.uint8)
    data = (
        bytes([algorithm])
        + len(items).to_bytes(3, "big")
        + _pack(codes, _NORMAL_BITS)
        + _pack(exceptions, _EXCEPTION_BITS)
    )
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str, max_items: int = MAX_ITEMS) -> tuple[int, NDArray[np.uint32]]:
    """Read a compressed fingerprint of any origin.

    Memory stays below 400 bytes for each item of `max_items`, whatever the text.

    Returns:
        libchromaprint's algorithm number, and the subfingerprints: 1-D, uint32, shape (n,).

    Raises:
        CompressedFormatError: the text is longer than `max_items` can need, no base64, truncated, has bytes or bits
            that belong to nothing, sets bits beyond the 32nd, or has more than `max_items` items.
    """
    data = _from_base64(text, max_items)
    algorithm = int(data[0])
    count = int.from_bytes(data[1:_HEADER_BYTES].tobytes(), "big")
    body = data[_HEADER_BYTES:]
    if count > max_items:
        raise TooManyItems(f"{count} items are announced, at most {max_items} are taken")
    if count == 0:
        if len(body):
            raise CompressedFormatError("bytes after the end of an empty fingerprint")
        return algorithm, np.empty(0, np.uint32)
    if count * _NORMAL_BITS > len(body) * 8:
        raise CompressedFormatError(f"{count} items are announced, {len(body)} bytes cannot hold them")

    codes, ends, exceptions = _codes(body, count)
    starts = np.concatenate(([0], ends[:-1] + 1))
    if int((ends - starts).max()) > _ITEM_BITS:
        raise CompressedFormatError("an item sets more than 32 bits")
    distances = codes
    distances[codes == _ESCAPE] += exceptions
    # At most 32 distances of at most 38 each: the sums fit 16 bits, and once they are at most 32 they fit 8.
    if int(np.add.reduceat(distances, starts, dtype=np.uint16).max()) > _ITEM_BITS:
        raise CompressedFormatError("an item sets a bit beyond the 32nd")
    # Running sums modulo 256: within an item they are right, as the item's own sum is at most 32.
    running = np.cumsum(distances, dtype=np.uint8)
    before = np.concatenate((np.zeros(1, np.uint8), running[ends[:-1]]))
    place = running - np.repeat(before, ends - starts + 1)
    values = np.zeros(len(distances), np.uint32)
    np.left_shift(
        np.uint32(1), place - np.uint8(1), out=values, where=distances != 0, dtype=np.uint32, casting="unsafe"
    )
    items: NDArray[np.uint32] = np.bitwise_xor.accumulate(np.bitwise_or.reduceat(values, starts))
    return algorithm, items


def _from_base64(text: str, max_items: int) -> NDArray[np.uint8]:
    # The worst item takes 33 codes; every code 7 (8 bits with its exception) does the work of seven codes (21 bits).
    worst_bytes = _HEADER_BYTES + (max_items * _WORST_ITEM_CODES * _NORMAL_BITS + 7) // 8 + 1
    if len(text) > (worst_bytes * 4 + 2) // 3:
        raise TooManyItems(f"{len(text)} characters are more than {max_items} items can need")
    try:
        raw = text.encode("ascii")
        data = base64.urlsafe_b64decode(raw + b"=" * (-len(raw) % 4))
    except (UnicodeEncodeError, binascii.Error) as error:
        raise CompressedFormatError("no base64 text") from error
    # The decoder skips foreign characters and ignores spare bits; only the canonical form encodes back to itself.
    if base64.urlsafe_b64encode(data).rstrip(b"=") != raw:
        raise CompressedFormatError("no canonical base64 text in the URL alphabet without padding")
    if len(data) < _HEADER_BYTES:
        raise CompressedFormatError(f"{len(data)} bytes are less than the header's {_HEADER_BYTES}")
    return np.frombuffer(data, np.uint8)


def _codes(body: NDArray[np.uint8], count: int) -> tuple[NDArray[np.uint8], NDArray[np.intp], NDArray[np.uint8]]:
    """The 3-bit codes, the positions of the codes 0 that end the items, and the exceptions; all of `body` is used."""
    codes = _unpack(body, len(body) * 8 // _NORMAL_BITS, _NORMAL_BITS)
    ends = np.flatnonzero(codes == 0)[:count]
    if len(ends) < count:
        raise CompressedFormatError(f"truncated: {len(ends)} of {count} items are there")
    codes = codes[: int(ends[-1]) + 1]
    size = _packed_size(len(codes), _NORMAL_BITS)
    _check_filling(body[:size], len(codes) * _NORMAL_BITS)

    rest = body[size:]
    exception_count = int(np.count_nonzero(codes == _ESCAPE))
    if len(rest) != _packed_size(exception_count, _EXCEPTION_BITS):
        problem = "truncated" if len(rest) < _packed_size(exception_count, _EXCEPTION_BITS) else "bytes after the end"
        raise CompressedFormatError(f"{problem}: {len(rest)} bytes for {exception_count} exceptions")
    _check_filling(rest, exception_count * _EXCEPTION_BITS)
    return codes, ends, _unpack(rest, exception_count, _EXCEPTION_BITS)


def _check_filling(packed: NDArray[np.uint8], used_bits: int) -> None:
    if used_bits % 8 and int(packed[-1]) >> (used_bits % 8):
        raise CompressedFormatError("bits after the last code")


def _packed_size(count: int, width: int) -> int:
    return (count * width + 7) // 8


def _pack(values: NDArray[np.uint8], width: int) -> bytes:
    bits = np.unpackbits(values.reshape(-1, 1), axis=1, count=width, bitorder="little")
    return np.packbits(bits, bitorder="little").tobytes()


def _unpack(data: NDArray[np.uint8], count: int, width: int) -> NDArray[np.uint8]:
    bits = np.unpackbits(data, count=count * width, bitorder="little").reshape(count, width)
    return np.packbits(bits, axis=1, bitorder="little").reshape(count)
