"""Files that are no sound at all, under names of such, and intact ones that show that sound passes."""

from __future__ import annotations

import io
import zipfile

from tests.audio import id3
from tests.zoo.specimen import Group, Make, Specimen, Surroundings, always, box, files

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0" + bytes(5000)


def encoded(ending: str, *options: str, seconds: float = 9.37) -> Make:
    return lambda place: place.audio.make(ending, *options, seconds=seconds).read_bytes()


def zipped(place: Surroundings) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("song.wav"), bytes(50_000_000))
    return target.getvalue()


def apic(picture: bytes) -> bytes:
    """An ID3v2.3 frame with a cover."""
    content = b"\0image/jpeg\0\3\0" + picture
    return b"APIC" + len(content).to_bytes(4, "big") + b"\0\0" + content


def tag(content: bytes, version: int = 3) -> bytes:
    """An ID3v2 tag with these frames."""
    return id3(len(content), version=version)[:10] + content


def video_only(place: Surroundings) -> bytes:
    """An MP4 with a picture track and no sound: what a cover without its song would be."""
    movie = place.audio.make("m4a", "-c:a", "aac").read_bytes()
    return movie.replace(b"soun", b"vide", 1)


INTACT = Group(
    "Intact files",
    "What the others are to be compared with.",
    (
        Specimen("WAV", "SUCCESS"),
        *files(
            "SUCCESS",
            {
                "mp3": encoded("mp3"),
                "FLAC": encoded("flac"),
                "AAC in MP4": encoded("m4a", "-c:a", "aac"),
                "Vorbis in Ogg": encoded("ogg", "-c:a", "libvorbis"),
                "Opus in Matroska": encoded("mkv", "-c:a", "libopus"),
            },
        ),
        Specimen("WAV of 1 s", "SHORT", lambda place: place.audio.wav(1.0).read_bytes()),
        Specimen("FLAC from a folder", "SUCCESS", encoded("flac"), folder=True),
    ),
)

GROUP = Group(
    "No sound",
    "Whatever comes in the place of a file.",
    (
        *files(
            "NOT_AUDIO",
            {
                "empty file": always(b""),
                "one byte": always(b"R"),
                "1 MB of zeros": always(bytes(1_000_000)),
                "1 MB of 0xFF": always(b"\xff" * 1_000_000),
                "HTML error page": always(b"<!DOCTYPE html><html><body>404</body></html>"),
                "S3's error page": always(b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'),
                "JSON": always(b'{"error": "no such file"}'),
                "PNG": always(PNG),
                "PNG with an mp3 behind it": lambda place: PNG + encoded("mp3")(place),
                "JPEG": always(JPEG),
                "HEIF picture": always(box(b"ftyp", b"heic", bytes(4), b"mif1heic") + bytes(1000)),
                "SVG with a script": always(b'<svg xmlns="http://www.w3.org/2000/svg"><script>x</script></svg>'),
                "zip of a WAV of 50 MB": zipped,
                "ELF program": always(b"\x7fELF\2\1\1" + bytes(2000)),
                "shell script": always(b"#!/bin/sh\nrm -rf /\n"),
                "MIDI": always(b"MThd\0\0\0\6\0\0\0\1\0`MTrk\0\0\0\4\0\xff/\0"),
                "PDF": always(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"),
                "ID3 tag with a cover, and nothing else": always(tag(apic(JPEG))),
                "MP4 without a sound track": video_only,
            },
        ),
    ),
)
