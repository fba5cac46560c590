"""The real matcher over copies: an embedded store, the index, the step, and what it wrote."""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from analysis.degrade import Copy
from analysis.shorts import ShortCopy
from audiodup import logs, matching
from audiodup.duplicates import Duplicates
from audiodup.embedded import open_embedded
from audiodup.index import Batch, Candidates, Index
from audiodup.model import Asset, FileIdentity, Fingerprint, Group, Judgement, MatchedRange, Outcome, Status
from audiodup.schema import apply_schema
from audiodup.session import Session
from audiodup.store import Store

_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
_ALGORITHM = 1
_AT_ONCE = 500
_VERSION = "1.5.1"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the library that is matched."""

    copy: Copy | ShortCopy
    name: str
    """Asset id and file key."""


@dataclass(slots=True)
class Matches:
    """What the matcher says of a library."""

    entries: dict[str, Entry]
    judgements: dict[tuple[str, str], Judgement]
    """By the names of A and B, A before B."""
    candidates: set[tuple[str, str]]
    """Pairs of files whose fingerprints share enough keys, or are equal; the lower name first."""
    groups: list[Group]
    seconds: float
    done: matching.Matched = field(default_factory=matching.Matched)

    def of(self, name: str, other: str) -> Judgement | None:
        """What is said of two files."""
        return self.judgements.get((min(name, other), max(name, other)))

    def ranges(self, copy: str, original: str) -> list[MatchedRange]:
        """The matched ranges with the copy as A."""
        judgement = self.of(copy, original)
        if judgement is None:
            return []
        if copy < original:
            return list(judgement.ranges)
        return [MatchedRange(r.b_start, r.b_end, r.a_start, r.a_end) for r in judgement.ranges]


class _Watched(Index):
    """The index, with an eye on the candidates."""

    def __init__(self, session: Session, seconds: int) -> None:
        super().__init__(session, algorithm=_ALGORITHM, fingerprint_seconds=seconds)
        self.seen: set[tuple[int, int]] = set()

    def candidates(self, batch: Batch) -> Candidates:
        found = super().candidates(batch)
        self.seen.update(zip(found.track_a.tolist(), found.track_b.tolist(), strict=True))
        return found


def name_of(copy: Copy | ShortCopy) -> str:
    """The asset id of a copy."""
    return f"{copy.track.id} {copy.cls}"


def run(copies: Iterable[Copy | ShortCopy], seconds: int = 120) -> Matches:
    """Match them in a store of their own."""
    logs.configure("ERROR", sys.stderr)
    entries = {name_of(copy): Entry(copy, name_of(copy)) for copy in copies}
    with tempfile.TemporaryDirectory(prefix="audiodup-analysis-") as folder:
        session = Session(open_embedded(Path(folder), database="BI_PROD", schema="AI_DATA"))
        apply_schema(session)
        session.run("embedded/audio_asset")
        _fill(session, list(entries.values()), seconds)
        index, duplicates = _Watched(session, seconds), Duplicates(session)
        began = time.monotonic()
        done = matching.match(index, duplicates)
        took = time.monotonic() - began
        judgements = {(one.a[0], one.b[0]): one.judgement for one in duplicates.pairs()}
        groups = duplicates.groups()
        candidates = _files(index)
    return Matches(entries, judgements, candidates, groups, took, done)


def verdicts(judgements: Iterable[Judgement | None]) -> Counter[str]:
    """How often each verdict and kind was given; `-` for none."""
    return Counter("-" if j is None else f"{j.verdict}/{j.kind}" if j.kind else str(j.verdict) for j in judgements)


def _fill(session: Session, entries: Sequence[Entry], seconds: int) -> None:
    store = Store(session)
    store.replace_assets((_asset(entry), _MOMENT) for entry in entries)
    for start in range(0, len(entries), _AT_ONCE):
        chunk = entries[start : start + _AT_ONCE]
        store.append([_outcome(entry, seconds) for entry in chunk])
        store.merge()


def _asset(entry: Entry) -> Asset:
    return Asset(entry.name, entry.name)


def _outcome(entry: Entry, seconds: int) -> Outcome:
    copy = entry.copy
    if isinstance(copy, ShortCopy):
        measured = copy.measured
        status = Status.SUCCESS if measured.fingerprint else Status.SHORT
        return Outcome(
            _asset(entry),
            status,
            _MOMENT,
            fingerprint=measured.fingerprint,
            identity=FileIdentity(1, copy.sha256),
            properties=measured.properties,
            event_id=entry.name,
            slow=measured.slow,
        )
    made = Fingerprint(copy.text, copy.duration, _ALGORITHM, seconds, _VERSION)
    return Outcome(
        _asset(entry),
        Status.SUCCESS,
        _MOMENT,
        fingerprint=made,
        identity=FileIdentity(1, copy.sha256),
        properties=copy.properties,
        event_id=entry.name,
    )


def _files(index: _Watched) -> set[tuple[str, str]]:
    members = index.members(sorted({number for pair in index.seen for number in pair}))
    names = {number: [file.asset_id for file in files] for number, files in members.items()}
    pairs: set[tuple[str, str]] = set()
    for a, b in index.seen:
        pairs.update((min(x, y), max(x, y)) for x in names.get(a, []) for y in names.get(b, []))
    for equal in names.values():
        pairs.update((min(x, y), max(x, y)) for x in equal for y in equal if x != y)
    return pairs
