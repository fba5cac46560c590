"""Short sounds and degraded copies of them, with all that the product measures of each; cached as the other copies."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from analysis import corpus
from analysis.classes import SHORT
from analysis.corpus import Track
from analysis.degrade import ORIGINAL, make_file, material_of
from analysis.media import CACHE, WORKERS, measure, sha256_of
from analysis.recipes import Degradation, Material
from audiodup.errors import Permanent
from audiodup.model import AudioProperties, Fingerprint, Measured, SlowFingerprint

VERSION = 1


@dataclass(frozen=True, slots=True)
class ShortCopy:
    """A short sound (class `original`) or a copy of one."""

    track: Track
    cls: str
    measured: Measured
    sha256: str


def load(audio: Path | None = None) -> list[ShortCopy]:
    """Every short sound of the corpus with its copies; those that the product refuses are left out."""
    sounds = corpus.short_sounds(audio)
    with ThreadPoolExecutor(WORKERS) as pool:
        return [copy for copies in pool.map(_copies, sounds) for copy in copies]


def _copies(track: Track) -> list[ShortCopy]:
    path = CACHE / "shorts" / f"{track.id}.{VERSION}.json"
    if not path.exists():
        with tempfile.TemporaryDirectory(prefix="audiodup-analysis-") as folder:
            rows = _make(track, Path(folder))
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(rows))
        part.replace(path)
    rows = json.loads(path.read_bytes())
    return [ShortCopy(track, name, _measured(row["measured"]), row["sha256"]) for name, row in rows.items()]


def _make(track: Track, folder: Path) -> dict[str, Any]:
    rows = {}
    if row := _row(track.path):
        rows[ORIGINAL] = row
    material = material_of(track, folder)
    for degradation in SHORT:
        if (made := _file(degradation, material, folder)) and (row := _row(made)):
            rows[degradation.name] = row
    return rows


def _file(degradation: Degradation, material: Material, folder: Path) -> Path | None:
    recipe = degradation.make(material)
    return None if recipe is None else make_file(recipe, folder / degradation.name)


def _row(path: Path) -> dict[str, Any] | None:
    try:
        return {"measured": asdict(measure(path)), "sha256": sha256_of(path)}
    except Permanent:
        return None


def _measured(row: dict[str, Any]) -> Measured:
    return Measured(
        AudioProperties(**row["properties"]),
        row["fingerprint"] and Fingerprint(**row["fingerprint"]),
        row["slow"] and SlowFingerprint(**row["slow"]),
    )


def counts(copies: Sequence[ShortCopy]) -> dict[str, int]:
    """How many of each class there are."""
    return {name: sum(copy.cls == name for copy in copies) for name in (ORIGINAL, *(d.name for d in SHORT))}
