"""What may duration be used for, how are pairs best grouped, are 120 s enough? `python -m analysis.duration`"""

from __future__ import annotations

import argparse
import json
import random
import resource
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from analysis import clusters, degrade, matcher
from analysis.classes import DEGRADATIONS
from analysis.degrade import ORIGINAL, ORIGINAL_WHOLE, Copy
from analysis.goals import LEAST_OVERLAP
from analysis.matcher import Matches, name_of
from analysis.media import fingerprint
from analysis.report import figure, save, write_csv
from analysis.shares import share

_CLUSTERED = ("mp3_128", "opus_24", "flac", "wav", "trim_start", "trim_end", "clip_60", "cutdown", "tempo_+2",
              "bass_12",               "fades", "pad_start")  # fmt: skip
_CLUSTERED_TRACKS = 20
_ANYWHERE = ("clip_15_any", "clip_30_any")
_LONG_SECONDS = 150
_RULES: dict[str, Callable[[float, float], bool]] = {
    "0.1 s": lambda a, b: abs(a - b) <= 0.1,
    "1 s": lambda a, b: abs(a - b) <= 1,
    "3 s": lambda a, b: abs(a - b) <= 3,
    "2 %": lambda a, b: abs(a - b) <= 0.02 * max(a, b),
    "6 %": lambda a, b: abs(a - b) <= 0.06 * max(a, b),
    "10 %": lambda a, b: abs(a - b) <= 0.10 * max(a, b),
    "30 %": lambda a, b: abs(a - b) <= 0.30 * max(a, b),
}
_GROUPS = ("codec", "trim", "pad", "clip", "cutdown", "tempo", "speed")


def main() -> None:
    """Measure, write results/duration*.csv and .png."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audio", type=Path)
    parser.add_argument("--tracks", type=int, default=60)
    options = parser.parse_args()
    tracks = degrade.default_tracks(options.tracks, options.audio)
    every = degrade.build(degrade.default_tracks(None, options.audio), [ORIGINAL])
    copies = degrade.build(tracks, [ORIGINAL, ORIGINAL_WHOLE, *(d.name for d in DEGRADATIONS)])
    of_class = {name: [c for c in copies if c.cls == name] for name in dict.fromkeys(c.cls for c in copies)}

    blocking = [_blocking_row(rule, every, copies) for rule in _RULES]
    write_csv("duration_blocking", blocking)
    grouped = clusters.compare(matcher.run(_tempting(of_class)))
    write_csv("duration_clusters", [asdict(one) for one in grouped])
    clips = [copy for name in _ANYWHERE for copy in of_class[name]]
    head = matcher.run([*of_class[ORIGINAL], *clips])
    whole = matcher.run([*(replace(c, cls=ORIGINAL) for c in of_class[ORIGINAL_WHOLE]), *_as_whole(clips)], seconds=0)
    rows = [_anywhere_row(name, of_class[name], head, whole) for name in _ANYWHERE]
    long = [[c for c in of_class[name] if c.track.duration >= _LONG_SECONDS] for name in _ANYWHERE]
    rows += [
        _anywhere_row(f"{n}, tracks of 150 s and more", c, head, whole) for n, c in zip(_ANYWHERE, long, strict=True)
    ]
    write_csv("duration_anywhere", rows)
    cost = _cost(of_class)
    write_csv("duration_cost", cost)
    _plot(blocking, clips, head, whole)
    for row in (*blocking, *(asdict(one) for one in grouped), *rows, *cost):
        print(json.dumps(row))


def _blocking_row(rule: str, every: Sequence[Copy], copies: Sequence[Copy]) -> dict[str, Any]:
    """What is left of unrelated pairs, and what is lost of true ones, if only such durations are compared."""
    passes = _RULES[rule]
    unrelated = [passes(a.duration, b.duration) for a in every for b in every if a.package < b.package]
    row: dict[str, Any] = {"rule": rule, "unrelated_left": float(np.mean(unrelated))}
    for group in _GROUPS:
        kept = [passes(c.duration, c.track.duration) for c in copies if c.group == group]
        row[f"{group}_lost"] = 1 - float(np.mean(kept))
    return row


def _tempting(of_class: dict[str, list[Copy]]) -> list[Copy]:
    originals = [c for c in of_class[ORIGINAL] if c.duration > 70]
    rng = random.Random(1)
    originals = rng.sample(originals, min(_CLUSTERED_TRACKS, len(originals)))
    chosen = {original.track for original in originals}
    library = [*originals, *(c for name in _CLUSTERED for c in of_class[name] if c.track in chosen)]
    for whole in of_class[ORIGINAL_WHOLE]:
        if whole.track in chosen:
            library += clusters.chain(whole)
    library += [clusters.medley(a, b) for a, b in pairwise(originals) if _minute(a) and _minute(b)]
    return library


def _minute(copy: Copy) -> bool:
    return copy.duration >= 65


def _as_whole(copies: Sequence[Copy]) -> list[Copy]:
    return [replace(copy, seconds=0) for copy in copies]


def _anywhere_row(name: str, clips: Sequence[Copy], head: Matches, whole: Matches) -> dict[str, Any]:
    inside = [c for c in clips if c.overlap >= LEAST_OVERLAP - 0.01]
    by_head = share((c.track, _found(head, c)) for c in clips)
    by_whole = share((c.track, _found(whole, c)) for c in clips)
    return {
        "class": name,
        "clips": len(clips),
        "within_first_120_s": len(inside) / max(len(clips), 1),
        "found_by_120_s": by_head.point,
        "found_by_120_s_low": by_head.low,
        "found_by_120_s_of_those_within": share((c.track, _found(head, c)) for c in inside).point,
        "found_by_whole": by_whole.point,
        "found_by_whole_low": by_whole.low,
    }


def _found(library: Matches, clip: Copy) -> bool:
    return library.of(name_of(clip), f"{clip.track.id} {ORIGINAL}") is not None


def _cost(of_class: dict[str, list[Copy]]) -> list[dict[str, Any]]:
    """CPU seconds of fpcalc, measured now, and what it leaves behind; a mean track."""
    rows = []
    for name, seconds in ((ORIGINAL, 120), (ORIGINAL_WHOLE, 0)):
        copies = of_class[name]
        before = _children_cpu()
        for copy in copies:
            fingerprint(copy.source, seconds)
        took = (_children_cpu() - before) / len(copies)
        rows.append(
            {
                "fingerprinted": f"{seconds} s" if seconds else "whole",
                "tracks": len(copies),
                "mean_duration": float(np.mean([c.track.duration for c in copies])),
                "cpu_seconds": round(took, 2),
                "frames": float(np.mean([len(c.items) for c in copies])),
                "characters": float(np.mean([len(c.text) for c in copies])),
            }
        )
    return rows


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _plot(blocking: Sequence[dict[str, Any]], clips: Sequence[Copy], head: Matches, whole: Matches) -> None:
    made, (left, right) = figure(13, 5, 2)
    _plot_blocking(left, blocking)
    for library, height, label, colour in (
        (head, 1.0, "first 120 s", "#c44e52"),
        (whole, 0.0, "whole file", "#4c72b0"),
    ):
        for found, marker, shift in ((True, "o", 0.12), (False, "x", -0.12)):
            starts = [c.parts[0].b_start for c in clips if _found(library, c) is found]
            right.plot(
                starts,
                [height + shift] * len(starts),
                marker,
                ms=5,
                alpha=0.55,
                color=colour,
                label=f"{label}: {'found' if found else 'missed'} {len(starts)}",
            )
    right.axvline(120, color="black", lw=0.8, ls="--")
    right.set(
        xlabel="where in the original the clip of 15 or 30 s begins, s",
        yticks=[0, 1],
        ylim=(-0.5, 1.5),
        yticklabels=["whole", "120 s"],
        title="Clips from anywhere",
    )
    right.legend(loc="center", ncols=2)
    save(made, "duration")


def _plot_blocking(axes: Axes, blocking: Sequence[dict[str, Any]]) -> None:
    names = [row["rule"] for row in blocking]
    for group in _GROUPS:
        axes.plot(names, [row[f"{group}_lost"] for row in blocking], "o-", ms=3.5, label=f"{group}: lost")
    axes.plot(names, [row["unrelated_left"] for row in blocking], "k--", label="unrelated pairs left")
    axes.set(ylim=(-0.02, 1.02), xlabel="durations may differ by", ylabel="share", title="Blocking by duration")
    axes.legend(ncols=4, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.12))


if __name__ == "__main__":
    main()
