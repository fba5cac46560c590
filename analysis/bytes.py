"""Which bytes of a file does a fingerprint of its first 120 s need, and does it pay to fetch only these?
`python -m analysis.bytes --json`

By format, over real music in its real lengths and long masters made of it: what is read (bytes_read.py), whether the
product says the same of a file that has nothing else, and what a client fetches who has to find out (bytes_fetched.py).
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from analysis import bytes_figures, bytes_report, corpus, degrade
from analysis.bytes_fetched import SECONDS, SPARE_BYTES, TAIL_BYTES, fetch, reading, sparse
from analysis.bytes_loopback import round_trips
from analysis.bytes_made import MASTER_SECONDS, encode, masters
from analysis.bytes_read import SUCCESS, Range, Seen, Traced, covered, joined, look, trace, without_hashes
from analysis.corpus import Track
from analysis.media import WORKERS
from analysis.report import RESULTS

_CUT = 0.9
"""Of the bytes are left where a file is cut off, to see who notices."""
_TOO_SHORT = 0.9
"""Of the first stretch, as where too little was asked for."""
_CHECKED = ("wav 16/44.1", "flac 16/44.1", "mp3 CBR 192", "m4a, index last")
_CHECKED_SECONDS = 240


@dataclass(frozen=True, slots=True)
class Row:
    """One file."""

    format: str
    name: str
    seconds: float
    """Of the music, not of what a header estimates."""
    size: int
    outcome: str
    programs: dict[str, int]
    """Bytes that each one read."""
    read: int
    """Bytes that anyone read."""
    stretches: int
    """In which they lie, what is nearer than a read-ahead joined."""
    shape: str
    prefix: int
    """Where the first stretch ends."""
    requests: int
    fetched: int
    """Bytes, by ranges."""
    is_prefix: bool
    """Whether a client needs one range only."""
    trials: dict[str, str]
    """What the product says of a file with these bytes only, against the whole: equal, failed, different."""
    changed: list[str]
    """Other properties that differ where it has what a client fetched."""
    cut: list[str]
    """Outcomes of the file cut off at the end: of all that is left, of what a client fetches of that, and with the tail
    of that too."""
    damaged: str | None
    """What the product says of all of the file with some bytes spoilt behind the first seconds."""


def main() -> None:
    """Measure, write results/bytes.json and bytes.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audio", type=Path)
    parser.add_argument("--tracks", type=int, default=40, help="so many, balanced over the packages")
    parser.add_argument(
        "--egress-usd-per-gb", type=float, default=bytes_figures.EGRESS_USD_PER_GB, help="what the file's host charges"
    )
    parser.add_argument("--report-only", action="store_true", help="bytes.md again, from results/bytes.json")
    parser.add_argument("--json", action="store_true", help="one object a format, then a summary")
    options = parser.parse_args()
    results = RESULTS / "bytes.json"
    if not options.report_only:
        with without_hashes():
            write(results, study(options.tracks, options.audio))
    measured = json.loads(results.read_text())
    summaries = bytes_figures.summaries(measured["files"], options.egress_usd_per_gb)
    text = bytes_report.markdown(measured, summaries, options.egress_usd_per_gb)
    results.with_suffix(".md").write_text(text)
    if options.json:
        for summary in summaries:
            print(json.dumps(summary))
        print(json.dumps({"summary": {"files": len(measured["files"]), "formats": len(summaries)}}))
    else:
        print(text)


def study(count: int, audio: Path | None = None) -> dict[str, Any]:
    """All measurements, as plain values."""
    tracks = degrade.default_tracks(None, audio)
    jobs: list[Callable[[], list[Row]]] = [partial(_of_track, t) for t in corpus.balanced(tracks, count)]
    packages = {t.package: [one for one in tracks if one.package == t.package] for t in tracks}
    jobs += [partial(_of_masters, package, packages[package]) for package in sorted(packages)]
    with ThreadPoolExecutor(WORKERS) as pool:
        rows = [row for made in pool.map(lambda job: job(), jobs) for row in made]
    nearest = min(tracks, key=lambda t: abs(t.duration - _CHECKED_SECONDS))
    return {"files": [asdict(row) for row in rows], "loopback": _over_loopback(nearest)}


def write(path: Path, measured: dict[str, Any]) -> None:
    """As JSON, a row a line, so that two runs can be compared."""
    parts = [f'"{k}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]" for k, rows in measured.items()]
    path.write_text("{" + ",\n".join(parts) + "}\n")


def _of_track(track: Track) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        made = encode(track.path, Path(folder))
        published = Path(folder) / f"published{track.path.suffix}"
        shutil.copyfile(track.path, published)
        made[f"{published.suffix[1:]}, as published"] = published
        return rows(made, track.name, track.duration)


def _of_masters(package: str, tracks: Sequence[Track]) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        made = masters(tracks, Path(folder))
        return rows(made, package, MASTER_SECONDS)


def rows(files: dict[str, Path], name: str, seconds: float) -> list[Row]:
    """Each file traced and tried."""
    traced = trace(list(files.values()))
    return [_row(form, name, seconds, path, traced[path]) for form, path in files.items()]


def _row(form: str, name: str, seconds: float, path: Path, traced: Traced) -> Row:
    size = path.stat().st_size
    stretches = joined(traced.ranges, SPARE_BYTES)
    fetched = fetch(reading(path), path.with_name(f"fetched{path.suffix}"))
    trials, changed, cut, damaged = {}, [], [], None
    for label, ranges in _parts(stretches, size).items():
        trials[label] = compare(traced.seen, look(sparse(path, ranges, path.with_name(f"part{path.suffix}"))))
    if fetched.sent < size:
        seen = look(fetched.path)
        trials["fetched"] = compare(traced.seen, seen)
        changed = [key for key, value in traced.seen.properties.items() if seen.properties.get(key, value) != value]
        cut = _cut_off(path)
        damaged = compare(traced.seen, look(_damaged(path, seconds)))
    return Row(
        format=form,
        name=name,
        seconds=round(seconds, 3),
        size=size,
        outcome=traced.seen.outcome,
        programs={program: covered(ranges) for program, ranges in sorted(traced.by_program.items())},
        read=covered(traced.ranges),
        stretches=len(stretches),
        shape=shape(stretches, size),
        prefix=stretches[0][1] if stretches[0][0] == 0 else 0,
        requests=len(fetched.ranges),
        fetched=fetched.sent,
        is_prefix=fetched.is_prefix,
        trials=trials,
        changed=changed,
        cut=cut,
        damaged=damaged,
    )


def shape(stretches: Sequence[Range], size: int) -> str:
    """How the bytes that are read lie in the file."""
    at_start, at_end = stretches[0][0] == 0, stretches[-1][1] == size
    if len(stretches) == 1 and at_start:
        return "whole" if at_end else "prefix"
    return "prefix + tail" if len(stretches) == 2 and at_start and at_end else "scattered"


def compare(whole: Seen, part: Seen) -> str:
    """Whether the same is said of a part as of the whole; `failed` is noticed, `different` is not."""
    if (whole.outcome, whole.text, whole.duration) == (part.outcome, part.text, part.duration):
        return "equal"
    return "different" if part.outcome == SUCCESS else "failed"


def _parts(stretches: Sequence[Range], size: int) -> dict[str, list[Range]]:
    """What may be enough, where it is less than the file."""
    prefix = (0, stretches[0][1])
    last = stretches[-1][0] if len(stretches) > 1 else size
    tail = (min(last, size - TAIL_BYTES), size)
    if prefix[1] >= tail[0]:
        return {}
    too_short = (0, round(prefix[1] * _TOO_SHORT))
    return {
        "read": list(stretches),
        "prefix": [prefix],
        "prefix + tail": [prefix, tail],
        "too short": [too_short],
        "too short + tail": [too_short, tail],
    }


def _cut_off(path: Path) -> list[str]:
    left = path.with_name(f"cut{path.suffix}")
    shutil.copyfile(path, left)
    with left.open("r+b") as file:
        file.truncate(round(path.stat().st_size * _CUT))
    get = reading(left)
    fetched = fetch(get, path.with_name(f"fetched{path.suffix}"))
    outcomes = [look(left).outcome, look(fetched.path).outcome]
    tail = max(fetched.size - TAIL_BYTES, 0)
    fetched.add(tail, get(tail, fetched.size)[0])
    return [*outcomes, look(fetched.path).outcome]


def _damaged(path: Path, seconds: float) -> Path:
    """A copy with other bytes half way between the end of the first seconds and the end of the file."""
    spoilt = path.with_name(f"spoilt{path.suffix}")
    shutil.copyfile(path, spoilt)
    with spoilt.open("r+b") as file:
        file.seek(round(path.stat().st_size * (SECONDS / seconds + 1) / 2))
        file.write(bytes(0xFF - byte for byte in range(256)) * 4)
    return spoilt


def _over_loopback(track: Track) -> list[dict[str, Any]]:
    """The same through a real server: what it counted, how long it took, and what is seen of that."""
    with tempfile.TemporaryDirectory() as folder:
        files = encode(track.path, Path(folder))
        trips = []
        for form in _CHECKED:
            expected = look(files[form])
            for trip in round_trips(files[form], Path(folder)):
                trips.append({"format": form, **asdict(trip), "seen": compare(expected, look(trip.path))})
                del trips[-1]["path"]
        return trips


if __name__ == "__main__":
    main()
