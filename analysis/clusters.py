"""Three ways to make groups of pairs, over a library that tempts them: chains of ever more trimmed copies, medleys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from analysis.degrade import Copy
from analysis.matcher import Matches, name_of
from analysis.recipes import Part, whole
from audiodup.compressed import encode
from audiodup.frames import FRAME_SECONDS
from audiodup.groups import COPY_COVERAGE
from audiodup.model import Kind, Verdict

CHAIN_STEPS = 10
_STEP_FRAMES = 32
_FINGERPRINT_FRAMES = 948
_HALF_FRAMES = 474
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Grouped:
    """What came of one way of grouping."""

    way: str
    links: str
    groups: int
    largest: int
    mixed: int
    """Groups that hold different pieces."""
    unproven: float
    """Of the pairs within groups, the share that was not itself found to be copies of each other."""
    parted: float
    """Of the pairs found to be copies, the share that is in different groups or none."""
    kept_unproven: float
    """Of the files that would go for a kept one, the share that was not found to be a copy of it."""


def chain(original: Copy) -> list[Copy]:
    """Copies that lack 4, 8, 12 ... s of the beginning; as a whole file's fingerprint shows them."""
    copies = []
    for step in range(1, CHAIN_STEPS + 1):
        cut = step * _STEP_FRAMES
        seconds = cut * FRAME_SECONDS
        left = original.duration - seconds
        copies.append(_made(original, f"chain_{step:02d}", original.items[cut:], left, whole(left, at=seconds)))
    return copies


def medley(first: Copy, second: Copy) -> Copy:
    """A minute of each, one behind the other; counted as a copy of the first."""
    items = np.concatenate((first.items[:_HALF_FRAMES], second.items[:_HALF_FRAMES]))
    seconds = len(items) * FRAME_SECONDS
    return _made(first, "medley", items, seconds, (Part(0.0, seconds / 2, 0.0, 1.0),))


def _made(
    original: Copy,
    name: str,
    items: np.ndarray[tuple[int], np.dtype[np.uint32]],
    seconds: float,
    parts: tuple[Part, ...],
) -> Copy:
    items = items[:_FINGERPRINT_FRAMES]
    return replace(
        original,
        cls=name,
        group="made",
        items=items,
        text=encode(items, 1),
        seconds=120,
        duration=seconds,
        parts=parts,
        sha256=f"{original.sha256[:40]}{name}",
    )


def compare(library: Matches) -> list[Grouped]:
    """Each way, over links of copies and over all that is related."""
    copies = {pair for pair, j in library.judgements.items() if _are_copies(library, pair)}
    related = set(library.judgements)
    order = _by_worth(library)
    rows = []
    for links, name in ((copies, "copies"), (related, "anything found")):
        linked = _linked(links)
        rows += [
            _measure("connected components", name, library, copies, _components(order, linked)),
            _measure("star around the kept copy", name, library, copies, _stars(order, linked)),
            _measure("complete link", name, library, copies, _complete(order, linked)),
        ]
    product = [
        [key[0] for key in (group.kept, *(m for m in group.members if m != group.kept))] for group in library.groups
    ]
    return [*rows, _measure("audiodup.groups", "copies", library, copies, product)]


def _are_copies(library: Matches, pair: Pair) -> bool:
    judgement = library.judgements[pair]
    return (
        judgement.verdict is not Verdict.RELATED
        and judgement.kind is not Kind.VERSION_OR_PROCESSING
        and min(judgement.coverage_a, judgement.coverage_b) >= COPY_COVERAGE
    )


def _by_worth(library: Matches) -> list[str]:
    """The longest and then the original first: a simple rule for which copy to keep."""
    return sorted(library.entries, key=lambda n: (-_duration(library, n), not n.endswith(" original"), n))


def _duration(library: Matches, name: str) -> float:
    copy = library.entries[name].copy
    return round(copy.duration, 1) if isinstance(copy, Copy) else 0.0


def _linked(links: Iterable[Pair]) -> dict[str, set[str]]:
    linked: dict[str, set[str]] = {}
    for a, b in links:
        linked.setdefault(a, set()).add(b)
        linked.setdefault(b, set()).add(a)
    return linked


def _components(order: Sequence[str], linked: dict[str, set[str]]) -> list[list[str]]:
    groups, seen = [], set[str]()
    for name in order:
        if name in seen:
            continue
        group, waiting = [], [name]
        seen.add(name)
        while waiting:
            group.append(one := waiting.pop())
            fresh = linked.get(one, set()) - seen
            seen |= fresh
            waiting += sorted(fresh)
        groups.append(group)
    return [group for group in groups if len(group) > 1]


def _stars(order: Sequence[str], linked: dict[str, set[str]]) -> list[list[str]]:
    groups, left = [], dict.fromkeys(order)
    for name in order:
        if name in left:
            group = [name, *(other for other in order if other in linked.get(name, ()) and other in left)]
            for one in group:
                del left[one]
            groups.append(group)
    return [group for group in groups if len(group) > 1]


def _complete(order: Sequence[str], linked: dict[str, set[str]]) -> list[list[str]]:
    """Whoever is linked to all that are in a group joins it."""
    groups: list[list[str]] = []
    for name in order:
        near = linked.get(name, set())
        for group in groups:
            if near.issuperset(group):
                group.append(name)
                break
        else:
            groups.append([name])
    return [group for group in groups if len(group) > 1]


def _measure(way: str, links: str, library: Matches, copies: set[Pair], groups: list[list[str]]) -> Grouped:
    of = {name: number for number, group in enumerate(groups) for name in group}
    within = [pair for group in groups for pair in combinations(sorted(group), 2)]
    dropped = [(min(g[0], o), max(g[0], o)) for g in groups for o in g[1:]]
    # A medley is of two pieces: with either of them it is right, both of them in one group are not.
    pieces = [{library.entries[n].copy.track for n in group if not n.endswith(" medley")} for group in groups]
    return Grouped(
        way,
        links,
        len(groups),
        max(map(len, groups), default=0),
        mixed=sum(len(tracks) > 1 for tracks in pieces),
        unproven=sum(pair not in copies for pair in within) / max(len(within), 1),
        parted=sum(of.get(a, -1) != of.get(b, -2) for a, b in copies) / max(len(copies), 1),
        kept_unproven=sum(pair not in copies for pair in dropped) / max(len(dropped), 1),
    )


def names(copies: Iterable[Copy]) -> list[str]:
    """Asset ids."""
    return [name_of(copy) for copy in copies]
