"""Properties of the containers whose headers mutagen reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mutagen import StreamInfo
from mutagen.ac3 import AC3
from mutagen.asf import ASF
from mutagen.monkeysaudio import MonkeysAudio
from mutagen.mp4 import MP4
from mutagen.musepack import Musepack
from mutagen.trueaudio import TrueAudio
from mutagen.wavpack import WavPack

from audiodup.headers.header import Header
from audiodup.headers.reader import BoundedFile, Reader

_READERS: dict[str, Callable[..., Any]] = {
    "ac3": AC3,
    "ape": MonkeysAudio,
    "asf": ASF,
    "eac3": AC3,
    "mov": MP4,
    "mpc": Musepack,
    "mp4": MP4,
    "tta": TrueAudio,
    "wavpack": WavPack,
}
# MP4's object types and sample entries -> FFmpeg's names; others are stored as they stand.
_MP4_CODECS = {
    "ac-3": "ac3",
    "alac": "alac",
    "ec-3": "eac3",
    "fLaC": "flac",
    "in24": "pcm_s24be",
    "lpcm": "pcm",
    "mp4a.6B": "mp3",
    "mp4a.69": "mp3",
    "Opus": "opus",
    "samr": "amr_nb",
    "sawb": "amr_wb",
    "sowt": "pcm_s16le",
    "twos": "pcm_s16be",
    ".mp3": "mp3",
}
_LOSSLESS = frozenset({"alac", "flac"})
_WAVPACK_HYBRID = 1 << 3


def read_with_mutagen(container: str, reader: Reader) -> Header:
    """What mutagen finds; nothing where it finds nothing or stumbles.

    Its classes are named here and not guessed by content, and none of them looks into ID3 tags, whose compressed frames
    mutagen inflates without a bound. (MP3's and TTA's ID3v2 tags stand before `reader` begins.)
    """
    open_container = _READERS.get(container)
    if open_container is None:
        return Header()
    try:
        info = open_container(BoundedFile(reader)).info
    # mutagen parses what a stranger wrote and fails in many ways besides its own error: IndexError, struct.error, ...
    except Exception:  # noqa: BLE001
        return Header()
    codec, lossless = _codec(container, info, reader)
    return Header(
        codec=codec,
        lossless=lossless,
        channels=_count(info, "channels"),
        sample_rate=_count(info, "sample_rate"),
        bit_rate=_count(info, "bitrate"),
    )


def _codec(container: str, info: StreamInfo, reader: Reader) -> tuple[str | None, bool | None]:
    if container in ("mp4", "mov"):
        name = str(getattr(info, "codec", "") or "")
        codec = "aac" if name.startswith("mp4a.40") or name == "mp4a" else _MP4_CODECS.get(name, _stored(name))
        return codec, None if codec is None else codec in _LOSSLESS or codec.startswith("pcm")
    if container == "asf":
        kind = str(getattr(info, "codec_type", ""))
        lossless = "Lossless" in kind
        return ("wmalossless" if lossless else "wmav2" if kind else None), lossless if kind else None
    if container == "wavpack":
        # A hybrid file alone is lossy; what it lost is in a .wvc file beside it.
        return "wavpack", not int.from_bytes(reader.upto(24, 4), "little") & _WAVPACK_HYBRID
    return None, None


def _stored(name: str) -> str | None:
    """A codec's name that nobody here knows. It is any four bytes (QuickTime's MS ADPCM is `ms`, 0, 2), and one that no
    column takes would cost the file its fingerprint.
    """
    return name[:50] if name and name.isascii() and name.isprintable() else None


def _count(info: StreamInfo, name: str) -> int | None:
    value = getattr(info, name, None)
    return round(value) if isinstance(value, int | float) and 0 < value < 1 << 31 else None
