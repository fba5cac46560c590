"""Which container a file is, by its magic bytes, and what its headers say; read before any decoder sees the file.

This table is what keeps playlists, scripts and URLs from fpcalc: FFmpeg follows them to other files and hosts. Only
what is named here passes, and fpcalc is told the demuxer by name, so that FFmpeg does not guess again.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace

from audiodup.errors import NotAudio
from audiodup.headers.aiff import read_aiff
from audiodup.headers.flac import read_flac
from audiodup.headers.header import Header
from audiodup.headers.mp4 import read_mp4_length
from audiodup.headers.mpeg import find_chain, parse_adts_frame, parse_mpeg_frame, read_adts, read_mpeg
from audiodup.headers.ogg import read_ogg
from audiodup.headers.reader import Reader
from audiodup.headers.streaminfo import read_with_mutagen
from audiodup.headers.wav import read_wav
from audiodup.model import AudioProperties, Inspection
from audiodup.steps import AudioFile, Deadline


@dataclass(frozen=True, slots=True)
class Container:
    """A container and FFmpeg's name of its demuxer; the codec where there is only one."""

    name: str
    demuxer: str
    codec: str | None = None
    lossless: bool | None = None


_WAV = Container("wav", "wav")
_AIFF = Container("aiff", "aiff")
_MP4 = Container("mp4", "mov")
_MOV = Container("mov", "mov")
_MP3 = Container("mp3", "mp3")
_AAC = Container("aac", "aac")
_ASF_GUID = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_W64_GUID = bytes.fromhex("726966662e91cf11a5d628db04c10000")

# Each row: the container, and (offset, bytes) pairs that must all be there.
_MAGIC: tuple[tuple[Container, tuple[tuple[int, bytes], ...]], ...] = (
    (_WAV, ((0, b"RIFF"), (8, b"WAVE"))),
    (_WAV, ((0, b"RF64"), (8, b"WAVE"))),
    (_WAV, ((0, b"BW64"), (8, b"WAVE"))),
    (Container("w64", "w64"), ((0, _W64_GUID), (24, b"wave"))),
    (_AIFF, ((0, b"FORM"), (8, b"AIFF"))),
    (_AIFF, ((0, b"FORM"), (8, b"AIFC"))),
    (Container("flac", "flac"), ((0, b"fLaC"),)),
    (Container("ogg", "ogg"), ((0, b"OggS\0"),)),
    (_MP4, ((4, b"ftyp"),)),
    # QuickTime files before 2001 begin with any of these.
    (_MOV, ((4, b"moov"),)),
    (_MOV, ((4, b"mdat"),)),
    (_MOV, ((4, b"wide"),)),
    (_MOV, ((4, b"free"),)),
    (_MOV, ((4, b"skip"),)),
    (_MOV, ((4, b"pnot"),)),
    (Container("matroska", "matroska"), ((0, b"\x1a\x45\xdf\xa3"),)),
    (Container("asf", "asf"), ((0, _ASF_GUID),)),
    (Container("wavpack", "wv", "wavpack"), ((0, b"wvpk"),)),
    (Container("ape", "ape", "ape", lossless=True), ((0, b"MAC "),)),
    (Container("tta", "tta", "tta", lossless=True), ((0, b"TTA1"),)),
    (Container("tak", "tak", "tak", lossless=True), ((0, b"tBaK"),)),
    (Container("shorten", "shn", "shorten", lossless=True), ((0, b"ajkg"),)),
    (Container("musepack", "mpc", "musepack7", lossless=False), ((0, b"MP+"),)),
    (Container("musepack", "mpc8", "musepack8", lossless=False), ((0, b"MPCK"),)),
    (Container("caf", "caf"), ((0, b"caff\0\1"),)),
    (Container("au", "au"), ((0, b".snd"),)),
    (Container("amr", "amr", "amr_wb", lossless=False), ((0, b"#!AMR-WB\n"),)),
    (Container("amr", "amr", "amr_nb", lossless=False), ((0, b"#!AMR\n"),)),
    (Container("dsf", "dsf", lossless=True), ((0, b"DSD \x1c\0\0\0"),)),
    (Container("dsdiff", "iff", lossless=True), ((0, b"FRM8"), (12, b"DSD "))),
    (Container("8svx", "iff"), ((0, b"FORM"), (8, b"8SVX"))),
    (Container("voc", "voc"), ((0, b"Creative Voice File\x1a"),)),
    (Container("avi", "avi"), ((0, b"RIFF"), (8, b"AVI "))),
    (Container("flv", "flv"), ((0, b"FLV\1"),)),
    (Container("realmedia", "rm"), ((0, b".RMF\0"),)),
    (Container("mpegps", "mpeg"), ((0, b"\0\0\1\xba"),)),
    (Container("mpegts", "mpegts"), ((0, b"\x47"), (188, b"\x47"), (376, b"\x47"), (564, b"\x47"))),
    (Container("mpegts", "mpegts"), ((4, b"\x47"), (196, b"\x47"), (388, b"\x47"), (580, b"\x47"))),
    (Container("dts", "dts", "dts"), ((0, b"\x7f\xfe\x80\x01"),)),
)
# ISO files that hold pictures: HEIF and AVIF, Canon's raw photographs, JPEG 2000.
_PICTURE_BRANDS = frozenset(b"heic heix heim heis hevc mif1 msf1 avif avis".split()) | {b"crx ", b"jp2 ", b"jpx "}
# Raw streams have no magic bytes at all: only who asks for them gets them.
_RAW = {
    "gsm": Container("gsm", "gsm", "gsm", lossless=False),
    "g722": Container("g722", "g722", "adpcm_g722", lossless=False),
}
# What no raw stream and no chain of frames may begin with: an mp3 may be hidden in it, and anything passes for g722.
_OTHER_FILES = (
    b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF", b"FORM", b"8BPS",
    b"PK\3\4", b"PK\5\6", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd",
    b"%PDF", b"%!PS", b"\x7fELF", b"MZ", b"SQLite format 3", b"MThd", b"OggS", b"\xd0\xcf\x11\xe0",
)  # fmt: skip
_HEAD_BYTES = 4096
_MAX_ID3_TAGS = 32
_GSM_FRAME_BYTES = 33


def inspect(file: AudioFile, format: str | None, deadline: Deadline | None = None) -> Inspection:
    """Name the container and read its headers.

    Args:
        format: what the asset is said to be; asked only for raw formats, which nothing else tells.
        deadline: None waits as long as it takes.

    Raises:
        NotAudio: no known audio container.
        TimedOut: the deadline is over.
    """
    reader = Reader(file.descriptor, deadline=deadline, whole=file.whole)
    if reader.size == 0:
        raise NotAudio("the file is empty")
    start = _after_id3(reader)
    if start > reader.size:
        # Nothing but the beginning of a tag, as a download that broke off in a large cover leaves it.
        return _inspection(_MP3, Header(missing=f"the ID3 tag ends {start - reader.size} bytes after the file does"))
    reader = reader.tail(start)
    head = reader.upto(0, _HEAD_BYTES)
    if not head:
        raise NotAudio("nothing follows the ID3 tag")
    if _is_text(head):
        raise NotAudio("the file is text")
    for container, magic in _MAGIC:
        if all(head[offset : offset + len(text)] == text for offset, text in magic):
            return _inspection(*_read(container, head, reader))
    found = _by_frames(head, reader) or _raw(format, head)
    if found is None:
        raise NotAudio(f"no known audio container begins with {head[:8].hex(' ')}")
    return _inspection(*found)


def is_audio(head: bytes) -> bool:
    """Whether a file that begins so is a known container by its magic bytes; streams of bare frames are not looked for,
    since a name that says nothing and a pair of frame-like bytes would be too little.
    """
    return head[:3] == b"ID3" or any(
        all(head[offset : offset + len(text)] == text for offset, text in magic) for _, magic in _MAGIC
    )


def _after_id3(reader: Reader) -> int:
    """Offset after the ID3v2 tags at the start; taggers that do not know each other put one before the other."""
    start = 0
    for _ in range(_MAX_ID3_TAGS):
        head = reader.upto(start, 10)
        if len(head) < 10 or head[:3] != b"ID3" or head[3] == 0xFF or head[4] == 0xFF or max(head[6:10]) > 0x7F:
            break
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        has_footer = head[5] & 0x10
        start += 10 + size + (10 if has_footer else 0)
    return start


def _is_text(head: bytes) -> bool:
    """UTF-8 or UTF-16 without the control characters that every container has in its first bytes."""
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    try:
        # Backed off from the end, where a character may be cut.
        text = head.decode(encoding, errors="strict" if len(head) < _HEAD_BYTES else "ignore")
    except UnicodeDecodeError:
        return False
    if len(text.encode(encoding, errors="ignore")) < len(head) - 4:
        return False
    return all(character >= " " or character in "\t\n\r\f" for character in text)


def _read(container: Container, head: bytes, reader: Reader) -> tuple[Container, Header]:
    if container.name == "mp4":
        if head[8:12] in _PICTURE_BRANDS:
            raise NotAudio(f"a picture ({head[8:12].decode().strip()})")
        container = _MOV if head[8:12] == b"qt  " else _MP4
    elif container.name == "matroska" and b"webm" in head[:64]:
        container = Container("webm", container.demuxer)
    try:
        return container, _HEADERS.get(container.name, _by_mutagen(container))(reader)
    except (EOFError, struct.error):
        # The headers themselves are cut off or nonsense: what the decoder says of the file decides.
        return container, Header()


def _by_mutagen(container: Container) -> Callable[[Reader], Header]:
    return lambda reader: read_with_mutagen("mpc" if container.name == "musepack" else container.name, reader)


def _read_mp4(reader: Reader) -> Header:
    seconds, missing = read_mp4_length(reader)
    found = read_with_mutagen("mp4", reader)
    return replace(found, declared_seconds=seconds, missing=missing)


_HEADERS: dict[str, Callable[[Reader], Header]] = {
    "wav": read_wav,
    "w64": read_wav,
    "aiff": read_aiff,
    "flac": read_flac,
    "ogg": read_ogg,
    "mp4": _read_mp4,
    "mov": _read_mp4,
}


def _by_frames(head: bytes, reader: Reader) -> tuple[Container, Header] | None:
    """Streams without a file header, known by frames in a row."""
    if head.startswith(_OTHER_FILES):
        return None
    if head[:2] == b"\x0b\x77" and len(head) > 6:
        # Bit stream ids up to 10 are AC-3, 11 to 16 E-AC-3.
        name = "ac3" if head[5] >> 3 <= 10 else "eac3"
        return Container(name, name, name, lossless=False), read_with_mutagen(name, reader)
    if head[0] == 0x56 and head[1:2] and head[1] & 0xE0 == 0xE0:
        size = 3 + (int.from_bytes(head[1:3], "big") & 0x1FFF)
        following = reader.upto(size, 2)
        if len(following) == 2 and following[0] == 0x56 and following[1] & 0xE0 == 0xE0:
            return Container("loas", "loas", "aac", lossless=False), Header()
    adts, mpeg = find_chain(reader, parse_adts_frame), find_chain(reader, parse_mpeg_frame)
    if mpeg and (not adts or mpeg[0] < adts[0]):
        return _MP3, read_mpeg(reader, *mpeg)
    return (_AAC, read_adts(adts[1])) if adts else None


def _raw(format: str | None, head: bytes) -> tuple[Container, Header] | None:
    container = _RAW.get((format or "").lower().lstrip("."))
    if container is None or head.startswith(_OTHER_FILES):
        return None
    if container.name == "gsm" and any(byte >> 4 != 0xD for byte in head[::_GSM_FRAME_BYTES]):
        return None
    return container, Header(channels=1, sample_rate=8_000 if container.name == "gsm" else 16_000)


def _inspection(container: Container, header: Header) -> Inspection:
    return Inspection(
        properties=AudioProperties(
            container=container.name,
            codec=header.codec or container.codec,
            lossless=container.lossless if header.lossless is None else header.lossless,
            channels=header.channels,
            sample_rate=header.sample_rate,
            bit_rate=header.bit_rate,
            pcm_md5=header.pcm_md5,
        ),
        demuxer=container.demuxer,
        declared_seconds=header.declared_seconds,
        missing=header.missing,
        samples=header.samples,
    )
