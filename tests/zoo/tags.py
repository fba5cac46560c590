"""Tags: large, nested, and full of what is code elsewhere."""

from __future__ import annotations

import base64
import struct

from tests.audio import ID3V1, ape_tag, id3
from tests.zoo.no_audio import JPEG, apic, encoded, tag
from tests.zoo.pcm import wav
from tests.zoo.specimen import Group, Make, Specimen, Surroundings, files

SQL = "'); DROP TABLE AUDIO_FINGERPRINT; --"
SHELL = "$(touch /tmp/pwned) `id` ; rm -rf / | cat &"
ESCAPES = "\x1b]0;title\x07\x1b[2J\r\nERROR: forged\nINFO forged"
LARGE = 10_000_000


def tagged(ending: str, *options: str, text: str) -> Make:
    """A file with the text as its title and as its artist."""
    words = ("-metadata", f"title={text}", "-metadata", f"artist={text}")
    return lambda place: place.audio.make(ending, *options, *words).read_bytes()


def frame(name: bytes, content: bytes) -> bytes:
    return name + len(content).to_bytes(4, "big") + b"\0\0" + content


def nested(place: Surroundings) -> bytes:
    """A tag within a frame of a tag, 30 deep."""
    content = b""
    for _ in range(30):
        content = tag(apic(content))
    return content + encoded("mp3")(place)


def large_comment(place: Surroundings) -> bytes:
    """A FLAC with a Vorbis comment of 10 MB before its first frame."""
    whole = encoded("flac")(place)
    text = b"COMMENT=" + b"x" * LARGE
    block = struct.pack("<I", 0) + struct.pack("<II", 1, len(text)) + text
    return whole[:4] + b"\0" + whole[5:42] + b"\4" + len(block).to_bytes(3, "big") + block + frames_of(whole)


def frames_of(flac: bytes) -> bytes:
    """All after its metadata, a last empty padding before."""
    position = 4
    while True:
        last, size = flac[position] & 0x80, int.from_bytes(flac[position + 1 : position + 4], "big")
        position += 4 + size
        if last:
            return b"\x81\0\0\0" + flac[position:]


def cover_in_ogg(place: Surroundings) -> bytes:
    """A cover of 2 MB in base64, as players write it into Vorbis comments."""
    text = base64.b64encode(bytes(2_000_000)).decode()
    source = place.audio.wav(9.37)
    notes = source.with_name("cover.ffmetadata")
    notes.write_text(f";FFMETADATA1\nMETADATA_BLOCK_PICTURE={text}\n".replace("==\n", "\\=\\=\n"))
    target = source.with_name("cover.ogg")
    from tests.audio import ffmpeg

    ffmpeg("-i", str(source), "-i", str(notes), "-map_metadata", "1", "-c:a", "libvorbis", str(target))
    return target.read_bytes()


def user_data(place: Surroundings) -> bytes:
    """An MP4 with 10 MB of user data behind everything else."""
    return encoded("m4a", "-c:a", "aac")(place) + struct.pack(">I", 8 + LARGE) + b"udta" + bytes(LARGE)


def info_list(text: str) -> bytes:
    """A RIFF list with a title."""
    data = text.encode() + b"\0" * (2 - len(text.encode()) % 2)
    content = b"INFOINAM" + struct.pack("<I", len(data)) + data
    return b"LIST" + struct.pack("<I", len(content)) + content


GROUP = Group(
    "Tags",
    "None of their text is stored; what is around them is sound.",
    (
        *files(
            "SUCCESS",
            {
                "40 ID3 tags one after the other, then an mp3": lambda place: id3(50) * 40 + encoded("mp3")(place),
                "ID3 tags nested 30 deep, then an mp3": nested,
                "ID3 tag of 10 MB, then an mp3": lambda place: (
                    tag(frame(b"TXXX", b"\0" * LARGE)) + encoded("mp3")(place)
                ),
                "ID3 tag of frames without length, then an mp3": lambda place: (
                    tag(b"TIT2\0\0\0\0\0\0" * 100_000) + encoded("mp3")(place)
                ),
                "ID3 tag before a FLAC": lambda place: id3(5000) + encoded("flac")(place),
                "APE tag of 10 MB behind an mp3": lambda place: encoded("mp3")(place) + ape_tag(LARGE) + ID3V1,
                "Vorbis comment of 10 MB in FLAC": large_comment,
                "cover of 2 MB in Vorbis comments": cover_in_ogg,
                "user data of 10 MB in MP4": user_data,
                "SQL as title of an mp3": tagged("mp3", text=SQL),
                "shell as title of a FLAC": tagged("flac", text=SHELL),
                "escape sequences and forged log lines as title of an Ogg": tagged(
                    "ogg", "-c:a", "libvorbis", text=ESCAPES
                ),
                "a text that is a stream's description for whoever reads ffmpeg's words": tagged(
                    "flac", text="x\n  Stream #0:0: Audio: flac, 44100 Hz, stereo, s32 (24 bit)"
                ),
            },
        ),
        # FFmpeg takes 1,000 streams, and a cover is one.
        Specimen(
            "ID3 tag of 3,000 covers, then an mp3",
            "RESOURCE_LIMIT",
            lambda place: tag(apic(JPEG[:600]) * 3000) + encoded("mp3")(place),
        ),
        Specimen("SQL in the metadata of a WAV", "SUCCESS", lambda place: wav(before=info_list(SQL))),
        Specimen("a tag cut off in its cover", "CORRUPT", lambda place: tag(apic(bytes(90_000)))[:50_000]),
    ),
)
