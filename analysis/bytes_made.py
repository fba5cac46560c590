"""The files of the study on bytes: real music in every format, and long masters joined of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analysis.corpus import Track
from analysis.media import RATE, ffmpeg

MASTER_SECONDS = 600
MASTER = {"wav 24/96 master": "wav 24/96", "flac 24/96 master": "flac 16/44.1"}
"""And the format that tells as much of the codec: what is unsafe for one is for both."""
_RATE = ("-ar", str(RATE))
FORMATS: dict[str, tuple[str, tuple[str, ...]]] = {
    "wav 16/44.1": ("wav", (*_RATE, "-c:a", "pcm_s16le")),
    "wav 24/96": ("wav", ("-ar", "96000", "-c:a", "pcm_s24le")),
    "aiff 16/44.1": ("aiff", (*_RATE, "-c:a", "pcm_s16be")),
    "flac 16/44.1": ("flac", (*_RATE, "-c:a", "flac", "-sample_fmt", "s16")),
    "mp3 CBR 192": ("mp3", (*_RATE, "-c:a", "libmp3lame", "-b:a", "192k")),
    "mp3 VBR": ("mp3", (*_RATE, "-c:a", "libmp3lame", "-q:a", "2")),
    "m4a, index last": ("m4a", (*_RATE, "-c:a", "aac", "-b:a", "192k")),
    "vorbis": ("ogg", (*_RATE, "-c:a", "libvorbis", "-q:a", "5")),
    "opus 128": ("opus", ("-c:a", "libopus", "-b:a", "128k")),
}
_REMUXED: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "mp3 CBR 192, no Xing": ("mp3 CBR 192", "mp3", ("-write_xing", "0")),
    "mp3 VBR, no Xing": ("mp3 VBR", "mp3", ("-write_xing", "0")),
    "m4a, index first": ("m4a, index last", "m4a", ("-movflags", "+faststart")),
}
PCM = frozenset(name for name, (_, options) in FORMATS.items() if options[-1].startswith("pcm_"))
"""Of these a header tells exactly how far the first seconds reach; of others it is guessed."""


def encode(source: Path, folder: Path) -> dict[str, Path]:
    """The music in every format."""
    made: dict[str, Path] = {}
    for number, (name, (suffix, options)) in enumerate(FORMATS.items()):
        made[name] = folder / f"{number}.{suffix}"
        ffmpeg("-i", str(source), "-map", "0:a:0", "-map_metadata", "-1", *options, str(made[name]))
    for number, (name, (origin, suffix, options)) in enumerate(_REMUXED.items(), len(FORMATS)):
        made[name] = folder / f"{number}.{suffix}"
        ffmpeg("-i", str(made[origin]), "-c", "copy", *options, str(made[name]))
    return made


def masters(tracks: Sequence[Track], folder: Path) -> dict[str, Path]:
    """Ten minutes of a package's music end to end, 24 bits at 96 kHz."""
    sources: list[Track] = []
    for track in tracks:
        if sum(one.duration for one in sources) < MASTER_SECONDS:
            sources.append(track)
    form = "aresample=96000,aformat=sample_fmts=s32:channel_layouts=stereo"
    chains = ";".join(f"[{n}:a:0]{form}[a{n}]" for n in range(len(sources)))
    joint = "".join(f"[a{n}]" for n in range(len(sources))) + f"concat=n={len(sources)}:v=0:a=1[out]"
    inputs = [option for one in sources for option in ("-i", str(one.path))]
    wav, flac = folder / "master.wav", folder / "master.flac"
    limits = ("-map", "[out]", "-t", str(MASTER_SECONDS), "-map_metadata", "-1")
    ffmpeg(*inputs, "-filter_complex", f"{chains};{joint}", *limits, "-c:a", "pcm_s24le", str(wav))
    ffmpeg("-i", str(wav), "-c:a", "flac", str(flac))
    return dict(zip(MASTER, (wav, flac), strict=True))
