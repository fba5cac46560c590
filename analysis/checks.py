"""Which of the goals the matcher reaches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from analysis import goals, places
from analysis.classes import BY_NAME
from analysis.degrade import ORIGINAL, Copy
from analysis.goals import Checked
from analysis.matcher import Matches, name_of
from analysis.recipes import FINGERPRINTED, Part
from analysis.shares import Share, share
from analysis.shorts import ShortCopy
from audiodup.model import Judgement, MatchedRange, Verdict


def check(
    library: Matches, whole: Matches, copies: Sequence[Copy], clips: Sequence[Copy], sounds: Sequence[ShortCopy]
) -> list[Checked]:
    """Every goal with its figure.

    Args:
        library: originals, copies and short sounds, the first 120 s.
        whole: originals and clips from anywhere, whole files.
        copies: of the one library.
        clips: of the other.
        sounds: short ones.
    """
    enough = [c for c in copies if c.cls != ORIGINAL and c.overlap >= goals.LEAST_OVERLAP]
    checked = [_recall(r.goal, _found(library, enough, r.classes), r.least) for r in goals.RECALLS]
    numbered = tuple(name for r in goals.RECALLS if r.least is not None for name in r.classes)
    checked.append(_recall("all classes with a number", _found(library, enough, numbered), goals.OVERALL))
    anywhere = _found(whole, clips, ("clip_15_any",))
    checked.append(_recall("clips of 15 s from anywhere, whole files", anywhere, goals.ANYWHERE))
    cutdowns = [c for c in enough if c.cls == "cutdown"]
    cut = share((c.track, _parts_found(library, c) >= goals.PARTS_OF_THREE) for c in cutdowns)
    checked.append(_recall("cut-downs, two parts of three to 1 s", cut, goals.CUTDOWNS))
    any_place = share(
        (c.track, places.covered(library, c) >= goals.PARTS_OF_THREE) for c in enough if c.cls == "cutdown"
    )
    checked.append(_recall("cut-downs, two parts of three covered, at any repetition", any_place, None))
    short = share((s.track, short_judgement(library, s) is not None) for s in sounds if s.cls != ORIGINAL)
    checked.append(_recall("short sounds", short, goals.SHORTS))
    return [*checked, *_false(library), *_identical(library)]


def short_judgement(library: Matches, sound: ShortCopy) -> Judgement | None:
    """What is said of a copy of a short sound and its original."""
    return library.of(name_of(sound), f"{sound.track.id} {ORIGINAL}")


def _found(library: Matches, copies: Sequence[Copy], classes: Sequence[str]) -> Share:
    wanted = [c for c in copies if c.cls in classes]
    return share((c.track, library.of(name_of(c), f"{c.track.id} {ORIGINAL}") is not None) for c in wanted)


def _recall(goal: str, found: Share, least: float | None) -> Checked:
    reached = None if least is None else found.point >= least
    wanted = "reported" if least is None else f">= {least}"
    return Checked(goal, found.point, found.lower_bound, found.count, wanted, reached)


def _parts_found(library: Matches, copy: Copy) -> int:
    ranges = library.ranges(name_of(copy), f"{copy.track.id} {ORIGINAL}")
    parts = [part.clipped(FINGERPRINTED, FINGERPRINTED) for part in copy.parts]
    return sum(any(_same(part, one) for one in ranges) for part in parts)


def _same(part: Part, found: MatchedRange) -> bool:
    """Whether a range has the part's borders, in the copy and in the original."""
    b_end = part.b_start + part.tempo * (part.a_end - part.a_start)
    true = (part.a_start, part.a_end, part.b_start, b_end)
    said = (found.a_start, found.a_end, found.b_start, found.b_end)
    return all(abs(x - y) <= goals.BORDER_SECONDS for x, y in zip(true, said, strict=True))


def _false(library: Matches) -> list[Checked]:
    """What is said of files of different packages."""
    packages: dict[str, int] = {}
    for entry in library.entries.values():
        packages[entry.copy.track.package] = packages.get(entry.copy.track.package, 0) + 1
    total = sum(packages.values())
    unrelated = (total**2 - sum(count**2 for count in packages.values())) // 2
    said = [j.verdict for pair, j in library.judgements.items() if _packages_differ(library, pair)]
    high = sum(verdict is not Verdict.RELATED for verdict in said)
    related = len(said) - high
    return [
        Checked("unrelated pairs called SAME_CONTENT or IDENTICAL", high, None, unrelated, "0", high == 0),
        Checked(
            f"unrelated pairs called RELATED, in {goals.RELATED_IN:,}",
            related / unrelated * goals.RELATED_IN,
            None,
            unrelated,
            "<= 1",
            related * goals.RELATED_IN <= unrelated,
        ),
    ]


def _packages_differ(library: Matches, pair: tuple[str, str]) -> bool:
    a, b = (library.entries[name].copy.track.package for name in pair)
    return a != b


def _identical(library: Matches) -> list[Checked]:
    """IDENTICAL said of what is not."""
    wrong = wrongly_identical(library)
    said = sum(j.verdict is Verdict.IDENTICAL for j in library.judgements.values())
    return [Checked("IDENTICAL said of what is not", len(wrong), None, said, "0", not wrong)]


def wrongly_identical(library: Matches) -> list[tuple[str, str]]:
    """The pairs of which IDENTICAL is said though they are not."""
    return [p for p, j in library.judgements.items() if j.verdict is Verdict.IDENTICAL and not _may_be(library, p)]


def wrong_rows(library: Matches) -> list[dict[str, Any]]:
    """What is said and wrong, by the two classes: IDENTICAL of what is not, anything of different packages."""
    said = Counter(("IDENTICAL", *_classes(library, pair)) for pair in wrongly_identical(library))
    unrelated = [pair for pair in library.judgements if _packages_differ(library, pair)]
    said.update((f"unrelated {library.judgements[p].verdict}", *_classes(library, p)) for p in unrelated)
    return [{"said": key[0], "class_a": key[1], "class_b": key[2], "pairs": count} for key, count in said.most_common()]


def _classes(library: Matches, pair: tuple[str, str]) -> tuple[str, str]:
    a, b = sorted(library.entries[name].copy.cls for name in pair)
    return a, b


def _may_be(library: Matches, pair: tuple[str, str]) -> bool:
    a, b = (library.entries[name].copy for name in pair)
    if a.track != b.track:
        return False
    if isinstance(a, ShortCopy) or isinstance(b, ShortCopy):
        return "cut_100ms" not in (a.cls, b.cls)
    return a.sha256 == b.sha256 or all(c.cls == ORIGINAL or BY_NAME[c.cls].may_be_identical for c in (a, b))
