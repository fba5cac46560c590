"""Groups: the copies of one recording, from the pairs of files. A group is a star around the copy to keep, no chain.

Whatever is in a group was itself compared with the copy to keep, and may be dropped for it.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from audiodup.keep import best, ranked
from audiodup.model import Duplicate, FileKey, Group, IndexedFile, Kind, Review, Verdict

COPY_COVERAGE = 0.95
"""So much of both files is in the other: less is an excerpt, and dropping the longer one would lose the rest."""
ONE_SECONDS = 0.1
"""Files that sound equal bit by bit and differ less in length are one and the same to all the others."""

_ANY_TIME = datetime.fromisoformat("1970-01-01")
Pair = tuple[FileKey, FileKey]
_COPIES = frozenset({Review.DUPLICATE, Review.KEEP_OTHER})
_NO_COPIES = frozenset({Review.NOT_DUPLICATE, Review.VARIANT})


def form_groups(
    pairs: Iterable[Duplicate], files: Mapping[FileKey, IndexedFile], reviews: Mapping[Pair, Review]
) -> list[Group]:
    """Groups of two and more files, ordered by the key of the one to keep.

    Args:
        pairs: what the matcher says.
        files: what is known of them; a pair or a review of other files is passed over.
        reviews: what people say, which overrules it.
    """
    words = {
        _in_order(*pair): review
        for pair, review in reviews.items()
        if review is not Review.UNDO and pair[0] in files and pair[1] in files
    }
    links, ones = [pair for pair, review in words.items() if review in _COPIES], _Sets()
    for one in pairs:
        pair = _in_order(one.a, one.b)
        if words.get(pair) in _NO_COPIES or not _are_copies(one) or one.a not in files or one.b not in files:
            continue
        links.append(pair)
        if _are_one(one, files):
            ones.join(*pair)
    stars = _Stars(files, links, ones, words)
    groups = [group for component in stars.components() for group in stars.of(component)]
    return sorted(groups, key=lambda group: group.kept)


def _are_copies(one: Duplicate) -> bool:
    judgement = one.judgement
    return (
        judgement.verdict is not Verdict.RELATED
        and judgement.kind is not Kind.VERSION_OR_PROCESSING
        and min(judgement.coverage_a, judgement.coverage_b) >= COPY_COVERAGE
    )


def _are_one(one: Duplicate, files: Mapping[FileKey, IndexedFile]) -> bool:
    """Equal content, or equal fingerprints of equally long files. A large class of these is stored as a star around any
    one of them, which need not be the copy to keep.
    """
    apart = (files[one.a].duration or 0.0) - (files[one.b].duration or 0.0)
    return one.judgement.similarity == 1 and one.judgement.offset_seconds == 0 and abs(apart) <= ONE_SECONDS


class _Sets:
    """Disjoint sets of files; each is named by one of its files."""

    def __init__(self) -> None:
        self._above: dict[FileKey, FileKey] = {}

    def name(self, key: FileKey) -> FileKey:
        """Of the set that `key` is in."""
        while (above := self._above.get(key, key)) != key:
            # Each look shortens the way for the next.
            self._above[key] = key = self._above.get(above, above)
        return key

    def join(self, one: FileKey, other: FileKey) -> None:
        """Make one set of two."""
        # The lower name stays: what a set is called does not depend on the order of joining.
        low, high = sorted((self.name(one), self.name(other)))
        if low != high:
            self._above[high] = low


class _Stars:
    """Takes components apart into stars. Files that are one are linked to whatever any of them is linked to."""

    def __init__(
        self, files: Mapping[FileKey, IndexedFile], links: Iterable[Pair], ones: _Sets, words: Mapping[Pair, Review]
    ) -> None:
        self._files = files
        self._ones = ones
        self._linked: dict[FileKey, set[FileKey]] = defaultdict(set)
        self._apart: dict[FileKey, set[FileKey]] = defaultdict(set)
        self._other: dict[FileKey, set[FileKey]] = defaultdict(set)
        self._left: dict[FileKey, dict[FileKey, None]] = defaultdict(dict)
        """Files that are in no group yet, by the name of their set."""
        self._components = _Sets()
        for pair in links:
            names = ones.name(pair[0]), ones.name(pair[1])
            self._components.join(*pair)
            for key, name, other in zip(pair, names, reversed(names), strict=True):
                self._linked[name].add(other)
                self._left[name][key] = None
        for (a, b), review in words.items():
            into = self._apart if review in _NO_COPIES else self._other if review is Review.KEEP_OTHER else None
            if into is not None:
                into[a].add(b)
                into[b].add(a)

    def components(self) -> Iterator[list[IndexedFile]]:
        """Files that hang together somehow."""
        found: dict[FileKey, list[IndexedFile]] = defaultdict(list)
        for keys in self._left.values():
            for key in keys:
                found[self._components.name(key)].append(self._files[key])
        yield from found.values()

    def of(self, component: Iterable[IndexedFile]) -> Iterator[Group]:
        """The best file that is in no group yet takes those that are linked to it, until none is left."""
        # Ranked once, and not again without those that were taken: a chain of n files would cost n times n.
        order = {file.key: place for place, file in enumerate(ranked(component))}
        for key in order:
            name = self._ones.name(key)
            if key not in self._left[name]:
                continue
            near = [each for set_name in self._linked[name] | {name} for each in self._left[set_name]]
            members = self._compatible(key, sorted(near, key=order.__getitem__))
            for member in members:
                del self._left[self._ones.name(member)][member]
            if len(members) > 1:
                kept, reason = self._keep(members)
                yield Group(_group_id([self._files[each] for each in members]), kept, reason, tuple(sorted(members)))

    def _compatible(self, first: FileKey, near: Sequence[FileKey]) -> list[FileKey]:
        """`first` and those near it of whom nobody has said that they are no copies of one in the group."""
        members = {first: None}
        for key in near:
            if members.keys().isdisjoint(self._apart.get(key, ())):
                members[key] = None
        return list(members)

    def _keep(self, members: Sequence[FileKey]) -> tuple[FileKey, str]:
        """Which member to keep, and why: the best of them, unless a person has said otherwise."""
        file, reason = best([self._files[key] for key in members])
        kept = file.key
        if kept != members[0] and not self._is_linked_to_all(kept, members):
            # Better by what is noise in the whole component: then it has to be one that was compared with all.
            kept, reason = members[0], "the best that is a copy of all the others"
        # A word is about two copies, of which the rule prefers the one that stands before the other.
        places = {key: place for place, key in enumerate([kept, *(key for key in members if key != kept)])}
        while chosen := [key for key in self._other.get(kept, ()) if places.get(key, -1) > places[kept]]:
            kept, reason = min(chosen, key=places.__getitem__), "a person chose it"
        return kept, reason

    def _is_linked_to_all(self, key: FileKey, members: Iterable[FileKey]) -> bool:
        name = self._ones.name(key)
        return all(other == name or other in self._linked[name] for other in map(self._ones.name, members))


def _group_id(members: Iterable[IndexedFile]) -> str:
    """Of the member that was uploaded first: it is there before the others come, whichever of them is kept."""
    first = min(members, key=lambda file: (file.created_at is None, file.created_at or _ANY_TIME, file.key))
    return hashlib.sha256(json.dumps(first.key).encode()).hexdigest()[:16]


def _in_order(one: FileKey, other: FileKey) -> Pair:
    return (one, other) if one < other else (other, one)
