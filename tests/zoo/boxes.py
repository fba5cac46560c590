"""MP4 whose boxes lie, nest and multiply."""

from __future__ import annotations

import struct

from tests.zoo.no_audio import encoded
from tests.zoo.specimen import Group, Make, Specimen, Surroundings, always, box, files, patched

FTYP = box(b"ftyp", b"M4A ", bytes(4), b"M4A isom")
MVHD = box(b"mvhd", bytes(12), struct.pack(">II", 1000, 10_000), bytes(80))
MEDIA = box(
    b"mdia",
    box(b"mdhd", bytes(12), struct.pack(">II", 44_100, 441_000), bytes(4)),
    box(b"hdlr", bytes(8), b"soun", bytes(12)),
)


def m4a(marker: bytes, offset: int, replacement: bytes) -> Make:
    """A good one with other bytes after a marker."""
    return lambda place: patched(encoded("m4a", "-c:a", "aac")(place), marker, offset, replacement)


def without_edits(make: Make) -> Make:
    return lambda place: bytes(make(place)).replace(b"edts", b"free", 1)


def nested(depth: int) -> bytes:
    """Boxes in boxes: each as long as all that it holds."""
    return b"".join(struct.pack(">I", 8 * (depth - level)) + b"udta" for level in range(depth))


def edit_lists(tracks: int) -> bytes:
    """Tracks of 150 bytes, each with an edit list that reaches over the 800 tracks behind it."""
    edits = box(b"edts", box(b"elst", bytes(4), b"\0\xff\xff\xff", size=1 << 17))
    return FTYP + box(b"moov", MVHD, box(b"trak", MEDIA, edits) * tracks)


def empty_tracks(place: Surroundings) -> bytes:
    return FTYP + box(b"moov", MVHD, box(b"trak") * 6_000_000)


def codec(name: bytes) -> Make:
    return lambda place: encoded("m4a", "-c:a", "aac")(place).replace(b"mp4a", name, 1)


def samples(name: bytes) -> Make:
    """A sample table of four billion entries, in a box of its old size."""
    return m4a(name, 8 if name == b"stsz" else 4, b"\xff\xff\xff\xff")


def one_size(place: Surroundings) -> bytes:
    """Two billion samples of one byte each, for which no entry is stored at all."""
    return patched(encoded("m4a", "-c:a", "aac")(place), b"stsz", 4, struct.pack(">II", 1, 2_000_000_000))


GROUP = Group(
    "MP4 with lying numbers",
    "Every length is a number in the file, and so is every count of what follows.",
    (
        *files(
            "CORRUPT",
            {
                "MP4, nothing but its first box": always(FTYP),
                "MP4, an index of 16 exabytes": always(FTYP + struct.pack(">I4sQ", 1, b"moov", 2**64 - 1) + bytes(100)),
                "MP4, boxes 5,000 deep": always(FTYP + box(b"moov", MVHD, nested(5000))),
                "MP4, 1 million boxes of 8 bytes": always(FTYP + box(b"free") * 1_000_000),
                "MP4, samples of 4 billion sizes": samples(b"stsz"),
                "MP4, 4 billion runs of chunks": samples(b"stsc"),
                "MP4, 2 billion samples of one byte": one_size,
                "MP4, 27 hours announced": without_edits(m4a(b"mdhd", 16, b"\xff\xff\xff\xf0")),
            },
        ),
        *files(
            # FFmpeg takes 1,000 tracks and tables of some size, and says of more that there is no memory.
            "RESOURCE_LIMIT",
            {
                "MP4, 16,000 edit lists that lie over each other (1.6 MB)": always(edit_lists(16_000)),
                "MP4, 6 million empty tracks (48 MB)": empty_tracks,
                "MP4, 4 billion chunks": samples(b"stco"),
                "MP4, 4 billion runs of times": samples(b"stts"),
            },
        ),
        Specimen("MP4, a codec of NUL and escape characters", "SUCCESS", codec(b"\0\x1b[2")),
        Specimen("MP4, a codec of SQL", "SUCCESS", codec(b"';--")),
        Specimen(
            "MP4, 27 hours announced, and an edit list that knows better",
            "SUCCESS",
            m4a(b"mdhd", 16, b"\xff\xff\xff\xf0"),
        ),
        Specimen("MP4, time scale 0", "TOO_SHORT", m4a(b"mdhd", 12, bytes(4))),
    ),
)
