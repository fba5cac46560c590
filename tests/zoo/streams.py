"""FLAC, Ogg, MPEG and other streams whose numbers lie."""

from __future__ import annotations

import struct

from tests.audio import id3
from tests.zoo.no_audio import encoded
from tests.zoo.specimen import Group, Make, Specimen, Surroundings, always, files, patched


def flac(offset: int, replacement: bytes) -> Make:
    """A FLAC with other bytes in its STREAMINFO."""
    return lambda place: patched(encoded("flac")(place), b"fLaC", 4 + offset, replacement)


def ogg(codec: str, offset: int, replacement: bytes, marker: bytes) -> Make:
    """An Ogg with other bytes after a marker; whose pages' checksums are then wrong."""
    return lambda place: patched(encoded("ogg", "-c:a", codec)(place), marker, offset, replacement)


def last_granule(granule: int) -> Make:
    def make(place: Surroundings) -> bytes:
        data = bytearray(encoded("ogg", "-c:a", "libvorbis")(place))
        struct.pack_into("<q", data, data.rindex(b"OggS") + 6, granule)
        return bytes(data)

    return make


def many_streams(place: Surroundings) -> bytes:
    page = bytearray(encoded("ogg", "-c:a", "libvorbis")(place)[:58])
    return b"".join(bytes(page[:14]) + struct.pack("<I", serial) + bytes(page[18:]) for serial in range(5000))


def mp3(marker: bytes, offset: int, replacement: bytes) -> Make:
    return lambda place: patched(encoded("mp3", "-q:a", "4")(place), marker, offset, replacement)


def matroska(marker: bytes, value: float) -> Make:
    """A Matroska whose number after `marker` is this."""
    return lambda place: patched(encoded("mkv", "-c:a", "flac")(place), marker, 0, struct.pack(">d", value))


DURATION, SAMPLING = b"\x44\x89\x88", b"\xb5\x88"
NAN, INFINITE = float("nan"), float("inf")

GROUP = Group(
    "Streams with lying numbers",
    "A decoder that stops where it understands no more may still have heard all there was: then it is a SUCCESS.",
    (
        *files(
            "CORRUPT",
            {
                "FLAC, no sample rate": flac(10, bytes(3)),
                "FLAC, 68 billion samples announced": flac(13, b"\xff\xff\xff\xff\xff"),
                "FLAC, metadata of 16 MB announced": lambda place: (
                    encoded("flac")(place)[:42] + b"\x84\xff\xff\xff" + bytes(90)
                ),
                "FLAC, nothing but its header": lambda place: encoded("flac")(place)[:42],
                "FLAC, nothing but a cover": lambda place: (
                    encoded("flac")(place)[:4] + b"\0" + encoded("flac")(place)[5:42] + b"\x86\0\x10\0" + bytes(4096)
                ),
                "Vorbis, a comment of 4 GB announced": ogg("libvorbis", 0, b"\xff\xff\xff\xff", b"\3vorbis"),
                "Vorbis, length of 9 quintillion samples": last_granule(2**63 - 1),
                "Vorbis, no channel": ogg("libvorbis", 4, b"\0", b"\1vorbis"),
                "Vorbis, no sample rate": ogg("libvorbis", 5, bytes(4), b"\1vorbis"),
                "Opus of 255 channels": ogg("libopus", 1, b"\xff", b"OpusHead"),
                "Ogg of 5,000 streams that only begin": many_streams,
                "mp3, 4 billion frames announced": mp3(b"Xing", 4, b"\xff\xff\xff\xff"),
                "mp3, 4 GB announced": mp3(b"Xing", 8, b"\xff\xff\xff\xff"),
                "ID3 tag of 256 MB announced": always(id3(0)[:6] + b"\x7f\x7f\x7f\x7f" + bytes(5000)),
                "Wave64 with chunks of 9 quintillion bytes": always(
                    bytes.fromhex("726966662e91cf11a5d628db04c10000") + b"\xff" * 8 + b"wave" + b"\xff" * 60
                ),
                "Monkey's Audio of 4 billion frames": always(b"MAC " + b"\x96\x0f" + b"\xff" * 200),
                "TTA without a sample rate": always(b"TTA1\1\0\2\0\x10\0" + bytes(4) + b"\xff" * 8),
                "TTA of 4 billion samples": always(b"TTA1\1\0\2\0\x10\0\x44\xac\0\0\xff\xff\xff\xff" + bytes(500)),
                "WavPack with a block of 4 GB": always(b"wvpk\xff\xff\xff\xff\x10\4" + b"\xff" * 50),
                "DSF with sizes of 18 quintillion bytes": always(b"DSD \x1c\0\0\0" + b"\xff" * 100),
                "ASF of objects of 18 quintillion bytes": always(
                    bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + b"\xff" * 100
                ),
                "AVI of 10,000 nested lists": always(
                    b"RIFF\xff\xff\xff\x7fAVI " + b"LIST\xff\xff\xff\x7fhdrl" * 10_000
                ),
                "FLV whose script is 50,000 nested arrays": always(
                    b"FLV\1\5\0\0\0\x09\0\0\0\0\x12\x04\0\0\0\0\0\0\0\0\0\2\0\x0aonMetaData" + b"\x0a\0\0\0\1" * 50_000
                ),
                "MPEG-TS of nothing but sync bytes": always((b"\x47" + b"\xff" * 187) * 2000),
                "AMR of reserved frames": always(b"#!AMR\n" + b"\xff" * 5000),
            },
        ),
        Specimen(
            "Matroska of 1,000 nested clusters",
            "NOT_AUDIO",
            always(b"\x1a\x45\xdf\xa3\x80" + b"\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff" * 1000),
        ),
        Specimen(
            "VOC of blocks of no length",
            "SUCCESS",
            always(b"Creative Voice File\x1a\x1a\0\x0a\1\x29\x11" + b"\1\0\0\0" * 5000),
        ),
        Specimen("FLAC with another hash than its samples'", "SUCCESS", flac(18, b"\xee" * 16)),
        Specimen("Vorbis, length negative", "SUCCESS", last_granule(-5)),
        Specimen("Matroska, duration NaN", "SUCCESS", matroska(DURATION, NAN)),
        Specimen("Matroska, duration infinite", "SUCCESS", matroska(DURATION, INFINITE)),
        Specimen("Matroska, rate NaN", "SUCCESS", matroska(SAMPLING, NAN)),
        Specimen("Matroska, no sample rate", "SUCCESS", matroska(SAMPLING, 0.0)),
    ),
)
