"""Where do related and unrelated pairs part, and do 0.95, 0.80 and 0.60 stand right? `python -m analysis.thresholds`

Agreement and kappa over 5 to 60 s in common, ROC down to one false pair in 100,000, the tail of chance, precision and
recall of the thresholds over whole pairs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analysis import degrade, overlaps, threshold_plots
from analysis.classes import DEGRADATIONS
from analysis.degrade import ORIGINAL, Copy
from analysis.overlaps import Related, Unrelated, frames_of
from analysis.paired import Paired, related_pairs, unrelated_pairs
from analysis.report import write_csv
from analysis.shares import share
from analysis.tail import Tail, tail

# pitch is another recording to Chromaprint, voice and echo are in a class of their own: not what thresholds are for.
LEFT_OUT = frozenset({"pitch_+1", "pitch_-1"})
TAIL_FRAMES = {24: 3, 48: 4, 96: 6, 200: 8}
"""Frames of a window, and frames from one window to the next."""
_STEPS = {5: 4, 10: 5, 15: 6, 30: 10, 60: 16}
_THRESHOLDS = (0.60, 0.80, 0.90, 0.95)
_UNRELATED_PAIRS = 60_000
# A library of 300,000 files.
_LIBRARY_PAIRS = 300_000**2 / 2


def main() -> None:
    """Measure, write results/thresholds*.csv and .png."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audio", type=Path)
    parser.add_argument("--tracks", type=int, default=60)
    options = parser.parse_args()
    names = [d.name for d in DEGRADATIONS if d.name not in LEFT_OUT and d.group != "clip_any"]
    copies = degrade.load(options.tracks, [ORIGINAL, *names], audio=options.audio)
    every = degrade.default_tracks(None, options.audio)
    originals = degrade.build(every, [ORIGINAL])
    degraded = [copy for copy in copies if copy.cls != ORIGINAL]

    tails = [tail([(c.package, c.items) for c in originals], n, step) for n, step in TAIL_FRAMES.items()]
    write_csv("thresholds_chance", map(_tail_row, tails))
    by_seconds = {s: (_related(degraded, originals, s), _unrelated(originals, s)) for s in overlaps.SECONDS}
    write_csv("thresholds_overlap", [_overlap_row(s, r, u) for s, (r, u) in by_seconds.items()])
    true = related_pairs(degraded, originals)
    false = unrelated_pairs(degraded, originals, _UNRELATED_PAIRS)
    write_csv("thresholds_pairs", [_pair_row(t, true, false, gated) for gated in (False, True) for t in _THRESHOLDS])
    write_csv("thresholds_groups", _group_rows(true))
    threshold_plots.plot(by_seconds, tails, true, false)
    for name in ("chance", "overlap", "pairs", "groups"):
        print((Path(__file__).parent / "results" / f"thresholds_{name}.csv").read_text())


def _related(copies: Sequence[Copy], originals: Sequence[Copy], seconds: int) -> list[Related]:
    return overlaps.related(copies, {c.track: c for c in originals}, frames_of(seconds))


def _unrelated(originals: Sequence[Copy], seconds: int) -> Unrelated:
    return overlaps.unrelated(originals, frames_of(seconds), _STEPS[seconds])


def _tail_row(tail: Tail) -> dict[str, Any]:
    return {
        "frames": tail.frames,
        "comparisons": tail.comparisons,
        "mean": tail.mean,
        "deviation": tail.deviation,
        **{f"one_in_1e{power}": tail.exceeded_by(10.0**-power) for power in range(2, 8)},
        "highest": tail.highest,
        "kappa_a_decade": tail.decade(),
    }


def _overlap_row(seconds: int, related: Sequence[Related], unrelated: Unrelated) -> dict[str, Any]:
    row: dict[str, Any] = {
        "seconds": seconds,
        "frames": frames_of(seconds),
        "related": len(related),
        "unrelated": int(unrelated.kappa.sum()),
    }
    for name, counts in (("agreement", unrelated.agreement), ("kappa", unrelated.kappa)):
        values = [getattr(r, name) for r in related]
        row[f"{name}_related_p1"] = float(np.quantile(values, 0.01))
        row[f"{name}_related_median"] = float(np.median(values))
        for power in (3, 5):
            threshold = unrelated.exceeded_by(10.0**-power, counts)
            found = share((r.track, getattr(r, name) > threshold) for r in related)
            row[f"{name}_at_1e-{power}"] = threshold
            row[f"{name}_recall_at_1e-{power}"] = found.point
            row[f"{name}_recall_low"] = found.low
    return row


def _pair_row(threshold: float, true: Sequence[Paired], false: Sequence[Paired], gated: bool) -> dict[str, Any]:
    """Precision and recall where a pair is reported from this agreement on, with or without kappa as a gate."""

    def reported(pair: Paired) -> bool:
        return pair.agreement >= threshold and (not gated or pair.proven(_LIBRARY_PAIRS))

    recall = share((pair.b.track, reported(pair)) for pair in true)
    hits = [(pair.b.track, 1.0) for pair in true if reported(pair)]
    wrong = [(pair.b.track, 0.0) for pair in false if reported(pair)]
    precision = share([*hits, *wrong])
    return {
        "agreement_from": threshold,
        "kappa_gate": "yes" if gated else "no",
        "recall": recall.point,
        "recall_low": recall.low,
        "recall_high": recall.high,
        "precision": precision.point,
        "precision_low": precision.low,
        "precision_high": precision.high,
        "false": len(wrong),
        "false_in_100000": 1e5 * len(wrong) / len(false),
    }


def _group_rows(true: Sequence[Paired]) -> list[dict[str, Any]]:
    rows = []
    for name in dict.fromkeys(pair.b.cls for pair in true):
        pairs = [pair for pair in true if pair.b.cls == name]
        agreement = [pair.agreement for pair in pairs]
        quantiles = np.quantile(agreement, [0.0, 0.1, 0.5, 0.9])
        rows.append(
            {
                "class": name,
                "pairs": len(pairs),
                **dict(zip(("lowest", "p10", "median", "p90"), map(float, quantiles), strict=True)),
                "lowest_kappa": min(pair.kappa for pair in pairs),
                **{f"from_{t:.2f}": float(np.mean([a >= t for a in agreement])) for t in (0.60, 0.80, 0.95)},
            }
        )
    return sorted(rows, key=lambda row: -row["median"])


if __name__ == "__main__":
    main()
