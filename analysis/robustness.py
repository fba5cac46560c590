"""What does the whole matcher find, by kind of copy, and what does it say of it? `python -m analysis.robustness`

Originals, copies and short sounds in one embedded store, matched by the real step. `--json` prints the goals alone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from analysis import candidates, checks, degrade, matcher, shorts
from analysis.classes import DEGRADATIONS, SHORT
from analysis.degrade import ORIGINAL, ORIGINAL_WHOLE, Copy
from analysis.goals import LEAST_OVERLAP, RECALLS
from analysis.matcher import Matches, name_of
from analysis.report import figure, save, write_csv
from analysis.shares import share

_NUMBERED = frozenset(name for recall in RECALLS if recall.least is not None for name in recall.classes)
_ANYWHERE = ("clip_15_any", "clip_30_any")


def main() -> None:
    """Match, write results/robustness*.csv and .png, say which goals are reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audio", type=Path)
    parser.add_argument("--tracks", default="60", help="how many, balanced over the packages, or all")
    parser.add_argument("--json", action="store_true", help="one object a goal, then a summary; no picture")
    options = parser.parse_args()
    tracks = degrade.default_tracks(None if options.tracks == "all" else int(options.tracks), options.audio)
    copies = degrade.build(tracks, [ORIGINAL, *(d.name for d in DEGRADATIONS)])
    sounds = shorts.load(options.audio)
    library = matcher.run([*copies, *sounds])
    clips = degrade.build(tracks, [ORIGINAL_WHOLE, *_ANYWHERE])
    whole = matcher.run([_as_whole(copy) for copy in clips], seconds=0)

    rows = [_row(library, name, [c for c in copies if c.cls == name]) for name in dict.fromkeys(c.cls for c in copies)]
    rows = [row for row in rows if row["class"] != ORIGINAL]
    write_csv("robustness", rows)
    write_csv("robustness_verdicts", _verdict_rows(library, copies))
    write_csv("robustness_missed", list(_missed(library, copies)) or [{"class": "none"}])
    write_csv("robustness_wrong", checks.wrong_rows(library) or [{"said": "nothing"}])
    write_csv("robustness_shorts", _short_rows(library, sounds))
    write_csv("robustness_settings", candidates.rows([*(c for c in copies if c.cls == ORIGINAL), *counted(copies)]))
    checked = checks.check(library, whole, copies, clips, sounds)
    write_csv("robustness_goals", [asdict(one) for one in checked])
    for one in checked:
        print(
            json.dumps(asdict(one))
            if options.json
            else f"{_word(one.reached):11} {one.goal}: {one.figure:.6g}"
            f" (lower bound {one.bound}, n {one.count}), wanted {one.wanted}"
        )
    if options.json:
        words = [_word(one.reached) for one in checked]
        print(
            json.dumps({"summary": {word.lower().replace(" ", "_"): words.count(word) for word in sorted(set(words))}})
        )
    else:
        _plot(rows)
        print(
            json.dumps(
                {
                    "files": len(library.entries),
                    "candidates": library.done.candidates,
                    "aligned": library.done.aligned,
                    "seconds": round(library.seconds, 1),
                    "found": library.done.found,
                    "groups": len(library.groups),
                }
            )
        )


def _as_whole(copy: Copy) -> Copy:
    return replace(copy, cls=ORIGINAL if copy.cls == ORIGINAL_WHOLE else copy.cls, seconds=0)


def counted(copies: Iterable[Copy]) -> list[Copy]:
    """Those of which both fingerprints of 120 s hold enough."""
    return [copy for copy in copies if copy.cls != ORIGINAL and copy.overlap >= LEAST_OVERLAP]


def original_of(copy: Copy) -> str:
    """The asset id of the copy's original."""
    return f"{copy.track.id} {ORIGINAL}"


def _row(library: Matches, name: str, copies: Sequence[Copy]) -> dict[str, Any]:
    copies = counted(copies)
    found = [(c.track, library.of(name_of(c), original_of(c)) is not None) for c in copies]
    among = [_is_candidate(library, c) for c in copies]
    all_found = share(found)
    return {
        "class": name,
        "group": copies[0].group if copies else "",
        "copies": len(copies),
        "candidates": sum(among) / max(len(copies), 1),
        "found_of_candidates": sum(f for (_, f), c in zip(found, among, strict=True) if c) / max(sum(among), 1),
        "recall": all_found.point,
        "lower_bound": all_found.lower_bound,
        "rule_of_three": all_found.rule_of_three,
        "numbered": "yes" if name in _NUMBERED else "",
    }


def _is_candidate(library: Matches, copy: Copy) -> bool:
    name, original = name_of(copy), original_of(copy)
    return (min(name, original), max(name, original)) in library.candidates or library.of(name, original) is not None


def _verdict_rows(library: Matches, copies: Sequence[Copy]) -> list[dict[str, Any]]:
    rows = []
    for name in dict.fromkeys(c.cls for c in copies if c.cls != ORIGINAL):
        said = matcher.verdicts(library.of(name_of(c), original_of(c)) for c in counted(copies) if c.cls == name)
        rows += [{"class": name, "verdict": verdict, "copies": count} for verdict, count in said.most_common()]
    return rows


def _missed(library: Matches, copies: Sequence[Copy]) -> Iterable[dict[str, Any]]:
    for copy in counted(copies):
        if copy.group != "pitch" and library.of(name_of(copy), original_of(copy)) is None:
            yield {
                "class": copy.cls,
                "package": copy.package,
                "track": copy.track.path.name,
                "overlap_seconds": round(copy.overlap),
                "candidate": "yes" if _is_candidate(library, copy) else "no",
            }


def _short_rows(library: Matches, sounds: Sequence[shorts.ShortCopy]) -> list[dict[str, Any]]:
    rows = []
    for degradation in SHORT:
        judged = [(s, checks.short_judgement(library, s)) for s in sounds if s.cls == degradation.name]
        found = share((s.track, j is not None) for s, j in judged)
        said = matcher.verdicts(j for _, j in judged)
        rows.append(
            {
                "class": degradation.name,
                "copies": found.count,
                "recall": found.point,
                "lower_bound": found.lower_bound,
                "verdicts": "; ".join(f"{verdict} {count}" for verdict, count in said.most_common()),
            }
        )
    return rows


def _word(reached: bool | None) -> str:
    return "reported" if reached is None else "reached" if reached else "NOT REACHED"


def _plot(rows: Sequence[dict[str, Any]]) -> None:
    made, (axes,) = figure(9, 11)
    rows = sorted(rows, key=lambda row: (row["recall"], row["candidates"]))
    places = range(len(rows))
    axes.barh(places, [row["candidates"] for row in rows], color="#d5dde8", label="candidates")
    axes.barh(places, [row["recall"] for row in rows], height=0.45, color="#1f6fb2", label="found")
    axes.plot([row["lower_bound"] for row in rows], places, "|", color="black", ms=8, label="95 % lower bound")
    goals = {name: recall.least for recall in RECALLS for name in recall.classes}
    wanted = [(goal, place) for place, row in enumerate(rows) if (goal := goals.get(row["class"])) is not None]
    axes.plot([goal for goal, _ in wanted], [place for _, place in wanted], ".", color="#d9822b", ms=4, label="wanted")
    axes.set_yticks(list(places), [f"{row['class']} ({row['copies']})" for row in rows], fontsize=7.5)
    axes.set(xlim=(0, 1.02), ylim=(-0.6, len(rows) - 0.4), xlabel="share of the copies (their number in brackets)")
    axes.legend(loc="lower right")
    save(made, "robustness")


if __name__ == "__main__":
    main()
