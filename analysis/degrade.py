"""Makes degraded copies of the corpus and keeps their fingerprints: `python -m analysis.degrade`.

No audio is kept. A copy's row lies in .cache/analysis/copies/<source's hash>/<class>.json and is made again only when
a version says so; the seed is the source's hash, the class and VERSION.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis import classes as table
from analysis import corpus, speech
from analysis.corpus import Track
from analysis.media import CACHE, RATE, WORKERS, Printed, ffmpeg, fingerprint, inspect, rms, samples
from analysis.recipes import FINGERPRINTED, HEAD_SECONDS, KEPT_SECONDS, Degradation, Material, Part, Recipe, whole
from audiodup.compressed import decode
from audiodup.errors import Permanent
from audiodup.keys import informative
from audiodup.model import AudioProperties

VERSION = 1
"""Of the seeds. A recipe's own version stands with it, in analysis.classes."""
ORIGINAL = "original"
ORIGINAL_WHOLE = "original_whole"
_NATIVE: dict[str | None, tuple[str, ...]] = {
    "vorbis": ("-c:a", "libvorbis", "-q:a", "5", "ogg"),
    "opus": ("-c:a", "libopus", "-b:a", "128k", "opus"),
    "mp3": ("-c:a", "libmp3lame", "-b:a", "192k", "mp3"),
    "aac": ("-c:a", "aac", "-b:a", "192k", "m4a"),
    "flac": ("-c:a", "flac", "flac"),
}


@dataclass(frozen=True, slots=True)
class Copy:
    """A fingerprint of a degraded copy, or of a source itself: classes `original`, and `original_whole`, all of it."""

    track: Track
    cls: str
    group: str
    text: str
    """Chromaprint's compressed fingerprint."""
    items: NDArray[np.uint32]
    seconds: int
    """How much was fingerprinted; 0 is the whole file."""
    duration: float
    """Seconds of the whole copy."""
    parts: tuple[Part, ...]
    may_be_identical: bool
    properties: AudioProperties
    sha256: str
    """Of the file; of a copy that was made only as far as it is fingerprinted, stands for what the whole would have."""

    @property
    def source(self) -> Path:
        """The original's path."""
        return self.track.path

    @property
    def package(self) -> str:
        """The bootstrap's unit."""
        return self.track.package

    @property
    def overlap(self) -> float:
        """Seconds of the copy that both its fingerprint and the original's (of 120 s) cover, in all parts."""
        limit = float(self.seconds) or self.duration
        return sum(part.a_end - part.a_start for part in (p.clipped(limit, FINGERPRINTED) for p in self.parts))


def load(
    tracks: int | Sequence[Track] | None = 60, classes: Iterable[str] | None = None, *, audio: Path | None = None
) -> list[Copy]:
    """The copies of the classes named (all of them unless given), made where the cache has none.

    Args:
        tracks: these, or so many balanced over the packages, or all (None). One rendering of each piece.
        classes: names out of analysis.classes, or `original`, `original_whole`.
        audio: the user's folder instead of the packages.
    """
    if not isinstance(tracks, Sequence):
        tracks = default_tracks(tracks, audio)
    names = list(classes) if classes is not None else [ORIGINAL, ORIGINAL_WHOLE, *table.BY_NAME]
    return build(tracks, names)


def default_tracks(count: int | None = 60, audio: Path | None = None) -> list[Track]:
    """So many tracks balanced over the packages, one rendering of each piece; all of them for None.

    A track that is silent for more than half of its fingerprint is left out: it is a short sound, however long.
    """
    from analysis.pieces import one_of_each  # noqa: PLC0415 it needs the originals' fingerprints, which are made here

    found = one_of_each(corpus.tracks(audio))
    chosen = found if count is None else corpus.balanced(found, count)
    return [copy.track for copy in build(chosen, [ORIGINAL]) if informative(copy.items).mean() >= 0.5]


def build(tracks: Sequence[Track], names: Sequence[str], say: Callable[[str], None] | None = None) -> list[Copy]:
    """Make what is missing, two tracks at once, and return all of it in the tracks' order."""
    done = 0
    copies: list[Copy] = []
    with ThreadPoolExecutor(WORKERS) as pool:
        for track, made in zip(tracks, pool.map(partial(_copies, names=names), tracks), strict=True):
            copies += made
            done += 1
            if say:
                say(f"{done}/{len(tracks)} {track.package} {track.path.name}: {len(made)}")
    return copies


def _copies(track: Track, names: Sequence[str]) -> list[Copy]:
    rows = {name: _read(track, name) for name in names}
    missing = [name for name, row in rows.items() if row is None]
    if missing:
        with tempfile.TemporaryDirectory(prefix="audiodup-analysis-") as folder:
            makers: dict[str, Callable[[], dict[str, Any]]] = {
                ORIGINAL: partial(_original, track, int(FINGERPRINTED)),
                ORIGINAL_WHOLE: partial(_original, track, 0),
            }
            degraded = [name for name in missing if name not in makers]
            material = material_of(track, Path(folder)) if degraded else None
            for name in missing:
                make = makers.get(name) or partial(_degraded, track, material, table.BY_NAME[name], Path(folder))
                rows[name] = _write(track, name, make)
    return [_copy(track, name, row) for name, row in rows.items() if row and "text" in row]


def _original(track: Track, seconds: int) -> dict[str, Any]:
    printed = fingerprint(track.path, seconds)
    return _row(printed, seconds, track.duration, whole(track.duration))


def _degraded(track: Track, material: Material | None, degradation: Degradation, folder: Path) -> dict[str, Any]:
    assert material is not None  # noqa: S101 for the type checker: there is one where a degraded copy is missing
    rng = random.Random(f"{track.sha256} {degradation.name} {VERSION}")
    recipe = degradation.make(replace(material, rng=rng))
    if recipe is None:
        return {"none": "the source lacks what this class needs"}
    made = make_file(recipe, folder / "copy")
    printed = fingerprint(made, int(FINGERPRINTED))
    made.unlink()
    return _row(printed, int(FINGERPRINTED), recipe.duration, recipe.parts)


def make_file(recipe: Recipe, stem: Path) -> Path:
    """The recipe's audio file, as far as a fingerprint of 120 s needs it."""
    *encoder, suffix = recipe.encoder
    path = stem.with_suffix(f".{suffix}")
    seconds = min(recipe.duration, KEPT_SECONDS)
    ffmpeg(*recipe.arguments, "-map_metadata", "-1", "-t", f"{seconds:.6f}", "-threads", "1", *encoder, str(path))
    return path


def material_of(track: Track, folder: Path) -> Material:
    """Decode the source once for all its copies."""
    head = folder / "head.wav"
    ffmpeg("-i", str(track.path), "-map", "0:a:0", "-t", f"{HEAD_SECONDS:g}", "-ac", "2", "-ar", str(RATE), str(head))
    sound = samples(head)
    side, middle = sound[:, 0] - sound[:, 1], sound[:, 0] + sound[:, 1]
    return Material(
        source=track.path,
        head=head,
        duration=track.duration,
        rms=rms(head),
        side=float(np.sqrt(np.mean(side**2) / max(float(np.mean(middle**2)), 1e-12))),
        speech=speech.shuffled(random.Random(track.sha256), folder / "speech.wav"),
        mark=speech.mark(),
        native=_native(track),
        rng=random.Random(),
    )


def _native(track: Track) -> tuple[str, ...]:
    properties = inspect(track.path).properties
    encoder = _NATIVE.get(properties.codec, ("-c:a", "pcm_s16le", "wav"))
    return ("-ar", str(properties.sample_rate or RATE), "-ac", str(properties.channels or 2), *encoder)


def _row(printed: Printed, seconds: int, duration: float, parts: Iterable[Part]) -> dict[str, Any]:
    return {**printed.to_json(), "seconds": seconds, "duration": duration, "parts": [list(part) for part in parts]}


def _path(track: Track, name: str) -> Path:
    version = table.BY_NAME[name].version if name in table.BY_NAME else 1
    return CACHE / "copies" / track.id / f"{name}.{version}.json"


def _read(track: Track, name: str) -> dict[str, Any] | None:
    try:
        row: dict[str, Any] = json.loads(_path(track, name).read_bytes())
    except FileNotFoundError:
        return None
    return row


def _write(track: Track, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        row = make()
    except Permanent as error:
        row = {"none": str(error)}
    path = _path(track, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(row))
    part.replace(path)
    return row


def _copy(track: Track, name: str, row: dict[str, Any]) -> Copy:
    degradation = table.BY_NAME.get(name)
    properties = AudioProperties(**row["properties"])
    if degradation and row["duration"] > KEPT_SECONDS:
        # Of what is too long only a head was made, and heads are equal where whole copies (trimmed at the end) are not.
        row["sha256"] = _of_whole(row["sha256"], row)
        properties = replace(properties, pcm_md5=properties.pcm_md5 and _of_whole(properties.pcm_md5, row)[:32])
    return Copy(
        track=track,
        cls=name,
        group=degradation.group if degradation else ORIGINAL,
        text=row["text"],
        items=decode(row["text"])[1],
        seconds=row["seconds"],
        duration=row["duration"],
        parts=tuple(Part(*part) for part in row["parts"]),
        may_be_identical=degradation is None or degradation.may_be_identical,
        properties=properties,
        sha256=row["sha256"],
    )


def _of_whole(digest: str, row: dict[str, Any]) -> str:
    return hashlib.sha256(f"{digest} {row['duration']} {row['parts']}".encode()).hexdigest()


def main() -> None:
    """Build the cache and say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audio", type=Path, help="a folder of music instead of Debian's packages")
    parser.add_argument("--tracks", default="60", help="how many, balanced over the packages, or all")
    parser.add_argument("--classes", nargs="*", help="only these")
    options = parser.parse_args()
    began = time.monotonic()
    tracks = default_tracks(None if options.tracks == "all" else int(options.tracks), options.audio)
    names = options.classes or [ORIGINAL, ORIGINAL_WHOLE, *table.BY_NAME]
    copies = build(tracks, names, lambda line: print(f"{time.monotonic() - began:6.0f} s {line}", file=sys.stderr))
    print(json.dumps({"tracks": len(tracks), "copies": len(copies), "seconds": round(time.monotonic() - began, 1)}))


if __name__ == "__main__":
    main()
