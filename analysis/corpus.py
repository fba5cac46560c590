"""The music of the studies: Debian packages, fetched into .cache/analysis/, or any folder.

A package is the unit of the bootstrap: its tracks share composer, instruments and encoder, so that they are no
independent samples. Unrelated means: from different packages, since a package holds pieces in several renderings.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.media import CACHE, inspect, sha256_of
from audiodup.errors import AudioDupError

PACKAGES = ("warzone2100-music", "drascula-music", "hyperrogue-music", "davegnukem-data")
TRACK_SECONDS = 30.0
SHORT_SECONDS = (0.4, 10.0)
_SUFFIXES = frozenset({".aif", ".aiff", ".flac", ".m4a", ".mp3", ".ogg", ".opus", ".wav", ".wma"})


@dataclass(frozen=True, slots=True)
class Track:
    """One file of the corpus."""

    path: Path
    package: str
    name: str
    """Path within the package."""
    sha256: str
    duration: float
    """Seconds, as the container declares."""

    @property
    def id(self) -> str:
        """Short, unique, the same on every machine."""
        return self.sha256[:16]


def fetch(packages: Iterable[str] = PACKAGES) -> Path:
    """The folder with one folder of unpacked files for each package; downloads what is missing.

    Raises:
        RuntimeError: apt-get or dpkg-deb says no.
    """
    root = CACHE / "packages"
    for package in packages:
        if (root / package).is_dir():
            continue
        work = root / f".{package}"
        work.mkdir(parents=True, exist_ok=True)
        _run(["apt-get", "download", package], work)
        (archive,) = work.glob("*.deb")
        _run(["dpkg-deb", "-x", archive.name, "unpacked"], work)
        (work / "unpacked").rename(root / package)  # whole or not at all
        archive.unlink()
        work.rmdir()
    return root


def files(audio: Path | None = None, *, shortest: float = 0.0, longest: float = float("inf")) -> list[Track]:
    """Every readable audio file of the corpus whose duration (s) lies between the two, in a fixed order.

    Args:
        audio: a folder of the user's instead of the packages; its top folders are the bootstrap's units.
    """
    root = audio or fetch()
    tracks = []
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() not in _SUFFIXES or not path.is_file():
            continue
        within = path.relative_to(root)
        try:
            duration = inspect(path).declared_seconds
        except AudioDupError:
            continue
        if duration is not None and shortest <= duration <= longest:
            package = within.parts[0] if len(within.parts) > 1 else root.name
            tracks.append(Track(path, package, str(within.relative_to(within.parts[0])), sha256_of(path), duration))
    return _without_equal_bytes(tracks)


def tracks(audio: Path | None = None) -> list[Track]:
    """Music: 30 s and longer."""
    return files(audio, shortest=TRACK_SECONDS)


def short_sounds(audio: Path | None = None) -> list[Track]:
    """Effects: 0.4 to 10 s."""
    shortest, longest = SHORT_SECONDS
    return files(audio, shortest=shortest, longest=longest)


def balanced(tracks: Sequence[Track], count: int, seed: int = 1) -> list[Track]:
    """About `count` of the tracks, from each package as many as from the others, as far as it has them."""
    rng = random.Random(seed)
    waiting = {package: [t for t in tracks if t.package == package] for package in sorted({t.package for t in tracks})}
    for group in waiting.values():
        rng.shuffle(group)
    chosen: list[Track] = []
    while len(chosen) < count and any(waiting.values()):
        chosen += [group.pop() for group in waiting.values() if group]
    return sorted(chosen[:count], key=lambda t: (t.package, t.name))


def _without_equal_bytes(tracks: Sequence[Track]) -> list[Track]:
    return list({track.sha256: track for track in reversed(tracks)}.values())[::-1]


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[:500]}")
