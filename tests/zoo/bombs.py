"""A few bytes that become many."""

from __future__ import annotations

import functools
import struct
import zlib

from tests.zoo.boxes import MVHD
from tests.zoo.no_audio import encoded
from tests.zoo.specimen import Content, Group, Specimen, Surroundings, always, box


def crc(data: bytes, width: int, polynomial: int) -> int:
    found, top, mask = 0, 1 << width - 1, (1 << width) - 1
    for byte in data:
        found ^= byte << width - 8
        for _ in range(8):
            found = (found << 1 ^ polynomial if found & top else found << 1) & mask
    return found


def number(value: int) -> bytes:
    """A frame's number, in FLAC's stretch of UTF-8."""
    return chr(value).encode()


@functools.cache
def flac_bomb(frames: int, rate: int, channels: int, *, announced: int | None = None) -> bytes:
    """Frames of 65,535 equal samples, which take 3 bytes a channel; it announces all of them, or so many samples."""
    samples = 65_535
    total = frames * samples if announced is None else announced
    packed = rate << 44 | channels - 1 << 41 | 15 << 36 | total
    info = struct.pack(">HH", samples, samples) + bytes(6) + packed.to_bytes(8, "big") + b"\xaa" * 16
    data = [b"fLaC\x80\0\0\x22" + info]
    for frame in range(frames):
        head = b"\xff\xf8" + bytes([0x70, channels - 1 << 4]) + number(frame) + struct.pack(">H", samples - 1)
        head += bytes([crc(head, 8, 0x07)]) + b"\0\0\1" * channels
        data.append(head + struct.pack(">H", crc(head, 16, 0x8005)))
    return b"".join(data)


def compressed_tag(place: Surroundings) -> bytes:
    """An ID3v2.4 frame that inflates to 200 MB, before an mp3."""
    size = 200_000_000
    content = zlib.compress(bytes(size), 9)
    frame = b"APIC" + synchsafe(len(content) + 4) + b"\0\x09" + synchsafe(size) + content
    return b"ID3\4\0\0" + synchsafe(len(frame)) + frame + encoded("mp3")(place)


def synchsafe(value: int) -> bytes:
    return bytes(value >> shift & 0x7F for shift in (21, 14, 7, 0))


def inflated_track(place: Surroundings) -> bytes:
    """Matroska whose block is a zlib stream of 500 MB."""

    def element(name: str, *content: bytes) -> bytes:
        data = b"".join(content)
        return bytes.fromhex(name) + struct.pack(">Q", 1 << 56 | len(data)) + data

    def integer(name: str, value: int) -> bytes:
        return element(name, bytes([value]))

    encoding = element(
        "6240", integer("5031", 0), integer("5032", 1), integer("5033", 0), element("5034", integer("4254", 0))
    )
    sound = element("e1", element("b5", struct.pack(">d", 8000.0)), integer("9f", 1), integer("6264", 16))
    track = element(
        "ae",
        integer("d7", 1),
        integer("73c5", 1),
        integer("83", 2),
        element("86", b"A_PCM/INT/LIT"),
        sound,
        element("6d80", encoding),
    )
    packer = zlib.compressobj(9)
    block = b"".join(packer.compress(bytes(50_000_000)) for _ in range(10)) + packer.flush()
    cluster = element("1f43b675", integer("e7", 0), element("a3", b"\x81\0\0\x80" + block))
    head = element("1a45dfa3", element("4282", b"matroska"), integer("4287", 2), integer("4285", 2))
    return head + element(
        "18538067", element("1549a966", element("2ad7b1", b"\x0f\x42\x40")), element("1654ae6b", track), cluster
    )


def sample_table(count: int) -> Content:
    """QuickTime with a table of so many sample sizes of a byte each, in a hole of that size."""
    entry = box(b"mp4a", bytes(6), b"\0\1", bytes(8), struct.pack(">HHHHI", 1, 16, 0, 0, 8000 << 16))
    header = box(b"mdhd", bytes(12), struct.pack(">II", 8000, count), bytes(4))
    handler = box(b"hdlr", bytes(8), b"soun", bytes(12))
    tables = (
        box(b"stsd", bytes(4), struct.pack(">I", 1), entry),
        box(b"stts", bytes(4), struct.pack(">III", 1, count, 1)),
        box(b"stsc", bytes(4), struct.pack(">IIII", 1, 1, count, 1)),
        box(b"stco", bytes(4), struct.pack(">II", 1, 0)),
    )
    sizes = box(b"stz2", bytes(7), b"\x08", struct.pack(">I", count), size=20 + count)
    whole = b"".join(tables) + sizes
    length = len(whole) + count
    for name, before in (
        (b"stbl", b""),
        (b"minf", box(b"smhd", bytes(8))),
        (b"mdia", header + handler),
        (b"trak", box(b"tkhd", bytes(84))),
        (b"moov", MVHD),
    ):
        length += 8 + len(before)
        whole = struct.pack(">I", length) + name + before + whole
    head = box(b"ftyp", b"qt  ", bytes(4), b"qt  ") + whole
    return Content(head, len(head) + count)


GROUP = Group(
    "Decompression bombs",
    "What is heard of them is 120 s, as of every file; more is decoded only where its size is in proportion.",
    (
        Specimen("FLAC of 700 kB: 8 channels, 8 hours", "SUCCESS", lambda place: flac_bomb(20_000, 44_100, 8)),
        Specimen("FLAC of 700 kB: 8 channels at 655,350 Hz", "SUCCESS", lambda place: flac_bomb(20_000, 655_350, 8)),
        Specimen(
            "FLAC of 700 kB: 8 channels, 8 hours, 10 s announced",
            "SUCCESS",
            lambda place: flac_bomb(20_000, 44_100, 8, announced=441_000),
        ),
        Specimen("ID3 frame that inflates to 200 MB, before an mp3", "SUCCESS", compressed_tag),
        Specimen("Matroska block that inflates to 500 MB", "CORRUPT", inflated_track),
        Specimen(
            "QuickTime, a table of 260 million sample sizes (a hole)",
            "CORRUPT",
            always(sample_table(260_000_000)),
            folder=True,
        ),
    ),
)
