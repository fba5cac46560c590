"""Over the corpus: has a file the same row where only a part of it was fetched? `python -m analysis.bytes_parts`

With PARTIAL_DOWNLOADS the product says what it needs of a file of which only the head is there, and looks at a sparse
file with no more. Every piece of music in each format that it fetches in parts, and a long master of each package's.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis import corpus, degrade
from analysis.bytes_fetched import sparse
from analysis.bytes_made import FORMATS, PCM, masters
from analysis.corpus import Track
from analysis.media import FINGERPRINTER, WORKERS, ffmpeg
from audiodup.answers import CHUNK_BYTES
from audiodup.model import Asset, FileIdentity, Measured
from audiodup.opened import OpenedFile
from audiodup.steps import Deadline

_PATIENCE = 180.0


def main() -> int:
    """Print one JSON object; 1 where a row differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audio", type=Path)
    parser.add_argument("--tracks", type=int, default=40, help="so many, balanced over the packages")
    options = parser.parse_args()
    tracks = degrade.default_tracks(None, options.audio)
    packages = {one.package: [track for track in tracks if track.package == one.package] for one in tracks}
    with ThreadPoolExecutor(WORKERS) as pool:
        found = [row for rows in pool.map(_of_track, corpus.balanced(tracks, options.tracks)) for row in rows]
        found += [row for rows in pool.map(_of_masters, packages.values()) for row in rows]
    parts = [row for row in found if row["fetched"] < row["size"]]
    different = [row for row in found if not row["equal"]]
    print(
        json.dumps(
            {
                "files": len(found),
                "fetched_in_parts": len(parts),
                "equal_rows": len(found) - len(different),
                "different": different,
                "bytes": sum(row["size"] for row in found),
                "bytes_fetched": sum(row["fetched"] for row in found),
            }
        )
    )
    return 1 if different else 0


def _of_track(track: Track) -> list[dict[str, Any]]:
    rows = []
    for form in sorted(PCM):
        suffix, options = FORMATS[form]
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / f"whole.{suffix}"
            ffmpeg("-i", str(track.path), "-map", "0:a:0", "-map_metadata", "-1", *options, str(made))
            rows.append({"name": track.name, "format": form, **compare(made)})
    return rows


def _of_masters(tracks: list[Track]) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        wav = next(path for path in masters(tracks, Path(folder)).values() if path.suffix == ".wav")
        return [{"name": tracks[0].package, "format": "master", **compare(wav)}]


def compare(whole: Path) -> dict[str, Any]:
    """Sizes, and whether all that is stored is the same, but for the hashes that take every byte."""
    size = whole.stat().st_size
    head = sparse(whole, [(0, CHUNK_BYTES)], whole.with_stem("head"))
    with _opened(head, whole=False) as file:
        needed = FINGERPRINTER.needs(file)
    part = sparse(whole, needed, whole.with_stem("part"))
    fetched = sum(end - start for start, end in needed)
    return {"size": size, "fetched": fetched, "equal": _measured(part, whole=fetched == size) == _measured(whole)}


def _measured(path: Path, *, whole: bool = True) -> tuple[int, float | None, Measured]:
    with _opened(path, whole=whole) as file:
        deadline = Deadline(_PATIENCE)
        inspection = FINGERPRINTER.inspect(file, Asset("1", path.name), deadline)
        found = FINGERPRINTER.measure(file, inspection, deadline)
        properties = replace(found.properties, pcm_md5=None) if found.properties else None
        return file.identity.size, inspection.declared_seconds, replace(found, properties=properties)


@contextmanager
def _opened(path: Path, *, whole: bool) -> Iterator[OpenedFile]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield OpenedFile(descriptor, str(path), FileIdentity(path.stat().st_size), {}, None if whole else _no_more)
    finally:
        os.close(descriptor)


def _no_more(_: Deadline) -> OpenedFile:
    # Nothing calls this: steps.fingerprint would, where fpcalc fails on a part, and no part of the corpus fails.
    raise AssertionError("what the part lacks is not fetched here")


if __name__ == "__main__":
    raise SystemExit(main())
