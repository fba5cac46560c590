"""How fast and how well a large library is matched: `python -m analysis.benchmark_matching --tracks 100000 --json`.

A synthetic library (analysis/synthetic.py) goes through the production code: the index on the embedded store, its
candidates, the screen, the alignment and the verdict. All against all first, then 100 new tracks against all. What is
not in it: reading fingerprints from AUDIO_FINGERPRINT and writing AUDIO_DUPLICATE; decoding the compressed texts is
measured apart on a sample (`decode_seconds`), for one core. Speed and recall are of one and the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.degrade import Copy, load
from analysis.synthetic import FRAMES, Items, Veils, in_pieces, meetings_per_pair, originals_by_package
from audiodup import logs
from audiodup.alignment import align
from audiodup.compressed import decode, encode
from audiodup.embedded import open_embedded
from audiodup.frames import Frames, Library
from audiodup.index import Candidates, Index
from audiodup.index_rows import Decoded, make_page
from audiodup.keys import Setting, informative, setting_for
from audiodup.model import IndexedFile
from audiodup.schema import apply_schema
from audiodup.screening import SCREEN_KAPPA, screen
from audiodup.session import Session
from audiodup.verdict import Compared, judge

NEW = 100
PIECE = 20_000
DECODED = 2_000
LEAST_OVERLAP = 12.0
"""Seconds: of a copy that has less of the original in its first 120 s nobody could know."""
LEAST_FRAMES = 24
"""Of a copy that have anything to say: one of the corpus's clips is 15 s of silence."""


@dataclass(slots=True)
class Times:
    """Wall-clock and CPU seconds by what they were spent on."""

    wall: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    cpu: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall[name] += time.perf_counter() - wall
        self.cpu[name] += time.process_time() - cpu


class Shelf:
    """All fingerprints behind each other in a file that is mapped, with room for the new ones, and their numbers."""

    def __init__(self, folder: Path, frames: int) -> None:
        self._items = np.memmap(folder / "items", np.uint32, "w+", shape=(frames,))
        self._informative = np.memmap(folder / "informative", np.bool_, "w+", shape=(frames,))
        self._starts = [0]
        self._ids: list[NDArray[np.int64]] = []

    def __len__(self) -> int:
        return len(self._starts) - 1

    def add(self, tracks: list[Items], track_ids: NDArray[np.int64]) -> None:
        """Put tracks behind those that are there."""
        lengths = np.array([len(items) for items in tracks], np.intp)
        ends = self._starts[-1] + np.cumsum(lengths)
        start, end = self._starts[-1], int(ends[-1])
        items = np.concatenate(tracks)
        self._items[start:end] = items
        self._informative[start:end] = informative(items, ends - lengths - start)
        self._starts += ends.tolist()
        self._ids.append(track_ids)

    def library(self) -> Library:
        """As the screen and the alignment read it."""
        return Library(self._items, self._informative, np.array(self._starts, np.int64))

    def equal(self, pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """Which of these are one track: known to be equal without being compared."""
        ids = np.concatenate(self._ids)
        return [pair for pair in pairs if pair[1] < len(ids) and ids[pair[0]] == ids[pair[1]]]

    def numbers(self) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
        """Track ids in order, and the place on the shelf of each."""
        ids = np.concatenate(self._ids)
        order = np.argsort(ids)
        return ids[order], order


@dataclass(slots=True)
class Outcome:
    """What was found."""

    candidates: int = 0
    passed: int = 0
    met: set[tuple[int, int]] = field(default_factory=set)
    """Candidates among the planted pairs, by places on the shelf."""
    found: set[tuple[int, int]] = field(default_factory=set)
    """Pairs with a verdict."""


class Benchmark:
    """One library."""

    def __init__(self, folder: Path, tracks: int, copies: list[Copy], setting: Setting, seed: int) -> None:
        self.times = Times()
        self.setting = setting
        self._tracks = tracks
        self._veils = Veils(originals_by_package(copies), seed)
        usable = [one for one in copies if one.group == "original" or _findable(one)]
        plants = self._veils.plants(usable, tracks // 4)
        self._plants, self._late = plants[:-NEW], plants[-NEW:]
        self.common_share = self._veils.common_share
        session = Session(open_embedded(folder / "store", database="BI_PROD", schema="AI_DATA"))
        apply_schema(session)
        session.run("embedded/audio_asset")
        self.session = session
        self.index = Index(session, setting=setting)
        self._shelf = Shelf(folder, (tracks + NEW) * FRAMES + sum(len(p.copy) for p in plants))
        self._planted: dict[tuple[int, int], str] = {}
        self.sample: list[Items] = []

    def load_library(self) -> None:
        """All tracks but the new ones."""
        planted = [items for plant in self._plants for items in (plant.original, plant.copy)]
        for place, plant in enumerate(self._plants):
            self._planted[2 * place, 2 * place + 1] = plant.cls
        for place, plant in enumerate(self._late):
            self._planted[len(planted) + place, self._tracks + place] = plant.cls
        planted += [plant.original for plant in self._late]
        self._add(planted)
        for size in in_pieces(self._tracks - len(planted), PIECE):
            self._add(list(self._veils.tracks(size)))
        self._finish()

    def load_new(self) -> None:
        """The new ones: copies of what is there."""
        self._add([plant.copy for plant in self._late], "load_new")
        self._finish("load_new")

    def _add(self, tracks: list[Items], name: str = "load") -> None:
        self.sample = self.sample or tracks[:DECODED]
        with self.times.of(name):
            generation, making = self.index.filling.open()
            first = len(self._shelf)
            page = make_page(
                [Decoded(str(first + place), "k", "", items) for place, items in enumerate(tracks)], making
            )
            self.index.filling.load(page, generation)
            self._shelf.add(tracks, np.array(page.tracks["TRACK_ID"], np.int64))

    def _finish(self, name: str = "load") -> None:
        with self.times.of(name):
            self.index.filling.find_common_keys(self.index.filling.open()[1])

    def match(self, name: str) -> Outcome:
        """Everything that is not matched yet."""
        library = self._shelf.library()
        ids, order = self._shelf.numbers()
        equal = self._shelf.equal(self._planted)
        outcome = Outcome(met=set(equal), found=set(equal))
        pairs = len(ids) * (len(ids) - 1) / 2
        with self.times.of(f"{name}candidates"):
            batches = self.index.batches()
            batch = next(batches, None)
        while batch is not None:
            with self.times.of(f"{name}candidates"):
                candidates = self.index.candidates(batch)
                a, b = (order[np.searchsorted(ids, one)] for one in (candidates.track_a, candidates.track_b))
            with self.times.of(f"{name}align"):
                self._compare(library, a, b, candidates, pairs, outcome)
            with self.times.of(f"{name}candidates"):
                self.index.mark_matched(batch)
                batch = next(batches, None)
            say(f"{len(candidates):,} candidates, {outcome.passed:,} aligned so far, {peak_gb():.1f} GB")
        return outcome

    def _compare(  # noqa: PLR0913 - what matching.match does, with places on the shelf instead of files
        self,
        library: Library,
        a: NDArray[np.intp],
        b: NDArray[np.intp],
        candidates: Candidates,
        pairs: float,
        outcome: Outcome,
    ) -> None:
        scores = screen(library, a, b, candidates.meetings)
        outcome.candidates += len(candidates)
        outcome.met.update(pair for pair in in_order(a, b) if pair in self._planted)
        for place in np.flatnonzero(scores >= SCREEN_KAPPA):
            outcome.passed += 1
            one, other = library[int(a[place])], library[int(b[place])]
            alignment = align(one, other, candidates.meetings[place].tolist())
            if alignment and judge(
                _file(int(a[place]), one), _file(int(b[place]), other), Compared.of(one, other, alignment), pairs
            ):
                outcome.found.update(in_order(a[place : place + 1], b[place : place + 1]))

    def recall(self, pairs: set[tuple[int, int]], *, late: bool = False) -> dict[str, list[bool]]:
        """By class: which of the planted pairs are among these."""
        found: dict[str, list[bool]] = defaultdict(list)
        for pair, cls in self._planted.items():
            if (pair[1] >= self._tracks) == late:
                found[cls].append(pair in pairs)
        return found

    def false(self, outcome: Outcome) -> int:
        """Pairs with a verdict that were not planted."""
        return len(outcome.found - set(self._planted))


def _findable(copy: Copy) -> bool:
    return copy.overlap >= LEAST_OVERLAP and int(informative(copy.items).sum()) >= LEAST_FRAMES


def _file(place: int, frames: Frames) -> IndexedFile:
    return IndexedFile(str(place), "k", duration=len(frames) * 1365 / 11025 + 2.6)


def in_order(a: NDArray[np.intp], b: NDArray[np.intp]) -> list[tuple[int, int]]:
    """The pairs, lower place first."""
    return list(zip(np.minimum(a, b).tolist(), np.maximum(a, b).tolist(), strict=True))


def decode_seconds(sample: list[Items], tracks: int) -> float:
    """What decoding so many compressed fingerprints takes on one core, from a sample."""
    texts = [encode(items, 1) for items in sample]
    began = time.process_time()
    for text in texts:
        decode(text)
    return (time.process_time() - began) / len(sample) * tracks


def mean(hits: dict[str, list[bool]]) -> float:
    """Over all pairs."""
    every = [hit for one in hits.values() for hit in one]
    return round(sum(every) / max(1, len(every)), 4)


def peak_gb() -> float:
    """The most memory this process ever had resident, mapped files included (Linux: kB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def say(line: str) -> None:
    """To whoever waits."""
    print(line, file=sys.stderr, flush=True)


def run(tracks: int, setting: Setting, copies: list[Copy], seed: int) -> dict[str, Any]:
    """Measure one library."""
    with tempfile.TemporaryDirectory(prefix="audiodup-matching-") as name:
        benchmark = Benchmark(Path(name), tracks, copies, setting, seed)
        say("loading ...")
        benchmark.load_library()
        say(f"loaded in {benchmark.times.wall['load']:.1f} s, {peak_gb():.1f} GB")
        outcome = benchmark.match("")
        benchmark.load_new()
        late = benchmark.match("new_")
        benchmark.session.close()
    wall, cpu = benchmark.times.wall, benchmark.times.cpu
    met, found = benchmark.recall(outcome.met), benchmark.recall(outcome.found)
    scheme = setting.normal
    real = meetings_per_pair(list(originals_by_package(copies).values()), scheme)
    made = meetings_per_pair([[items] for items in Veils(originals_by_package(copies), seed + 1).tracks(1000)], scheme)
    names = ("load", "candidates", "align")
    return {
        "tracks": tracks,
        "setting": asdict(scheme),
        "load_seconds": round(wall["load"], 1),
        "candidate_seconds": round(wall["candidates"], 1),
        "align_seconds": round(wall["align"], 1),
        "total_seconds": round(sum(wall[one] for one in names), 1),
        "cpu_seconds": {one: round(cpu[one], 1) for one in names},
        "decode_seconds": round(decode_seconds(benchmark.sample, tracks), 1),
        "new_100_seconds": round(wall["new_candidates"] + wall["new_align"], 2),
        "new_100_load_seconds": round(wall["load_new"], 2),
        "peak_gb": round(peak_gb(), 2),
        "candidates": outcome.candidates,
        "aligned": outcome.passed,
        "planted": sum(len(hits) for hits in found.values()),
        "recall": mean(found),
        "recall_candidates": mean(met),
        "recall_new_100": mean(benchmark.recall(late.found, late=True)),
        "recall_by_class": {
            cls: [round(sum(hits) / len(hits), 3), round(sum(met[cls]) / len(hits), 3), len(hits)]
            for cls, hits in sorted(found.items())
        },
        "false_pairs": benchmark.false(outcome) + benchmark.false(late),
        "common_share": round(benchmark.common_share, 3),
        "meetings_per_pair": {"corpus": round(real, 5), "library": round(made, 5)},
        "cores": os.cpu_count(),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=int, default=60, help="how many of the corpus's tracks")
    parser.add_argument("--scheme", help="bits/one_in/keys_in_common/apart/common_key in place of the size's own")
    parser.add_argument("--json", action="store_true", help="one object on one line")
    options = parser.parse_args()
    logs.configure("ERROR", sys.stderr)
    setting = setting_for(options.tracks)
    if options.scheme:
        bits, one_in, keys_in_common, apart, common_key = map(int, options.scheme.split("/"))
        normal = replace(
            setting.normal,
            bits=bits,
            one_in=one_in,
            keys_in_common=keys_in_common,
            apart=apart,
            common_key=common_key,
        )
        setting = replace(setting, normal=normal)
    result = run(options.tracks, setting, load(options.corpus), options.seed)
    print(json.dumps(result, indent=None if options.json else 2))


if __name__ == "__main__":
    main()
