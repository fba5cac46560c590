"""The audit: what must hold at the end of a campaign; each rule says whether it does, and what is against it.

Which dead letters are right: those of the poison, each at least once (a function that is killed between passing a
message on and answering does it again), and of a sound file only where every one of its attempts was spoilt by a fault:
as many deliveries as there are attempts, none acknowledged, nearly all explained (`disturbances`). Such a file is
FAILED, RETRIES_EXHAUSTED, until somebody asks again; the campaign does that at its end, as redrive would, and its row
has to be what the file is like any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

from audiodup.model import Status

from .deliveries import Deliveries
from .disturbances import Disturbances
from .memory import FEWEST_TO_JUDGE, Growth
from .plan import EXPECTED, Kind
from .product import Product, differences, shared

EXAMPLES = 3
MOST_UNEXPLAINED = 0.02
"""Of all deliveries: a busy machine lets one time out now and then."""
FEW = 3
"""Of a campaign so small that this is more."""
MOST_ATTEMPTS_UNEXPLAINED = 2
"""Of the attempts of a file that may be a dead letter."""

Key = tuple[str, str]
"""Asset id and file key."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the plan asks for."""

    kinds: Mapping[Key, Kind]
    products: Mapping[Key, Product]
    """Of good files."""
    fingerprints: Mapping[Key, str]
    """Of a sample of them."""
    poison: Collection[bytes]
    """The messages that nobody can read."""
    malformed: Collection[Key]
    """Files that only such a message names: they have a row too."""
    max_attempts: int

    @property
    def keys(self) -> set[Key]:
        return {*self.kinds, *self.malformed}


@dataclass(frozen=True, slots=True)
class Row:
    """Of AUDIO_FINGERPRINT."""

    key: Key
    status: str
    error: str | None

    @property
    def code(self) -> str:
        return (self.error or "").partition(":")[0]


@dataclass(frozen=True, slots=True)
class FileRow:
    """Of AUDIO_FILE."""

    key: Key
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class Observed:
    """What is there in the end."""

    rows: Collection[Row]
    file_rows: Collection[FileRow]
    inbox: int
    claims: int
    deliveries: Deliveries
    disturbances: Disturbances
    products: Mapping[Key, Product]
    """Of rows that are SUCCESS or SHORT."""
    fingerprints: Mapping[Key, str | None]
    asked_again: Collection[str] = ()
    """Asset ids whose attempts were used up."""
    given_up: str = ""
    """Why the run did not come to its end."""
    lost: Collection[str] = ()
    """Asset ids that were acknowledged and of which the store knew nothing, whatever it has now."""
    temporary: Collection[str] = ()
    """What lies in the functions' folder for temporary files."""
    holders: Collection[str] = ()
    """Processes that hold a file there, nameless ones included, when all work is done."""
    orphans: Collection[str] = ()
    """Those that still do when all functions are stopped."""
    growths: Mapping[str, Growth | None] = field(default_factory=dict)
    """By instance that lived from beginning to end."""
    unforeseen: Collection[str] = ()
    """Log lines about errors that no code was written for."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the audit."""

    rule: str
    against: tuple[str, ...]
    """All that speaks against it."""
    unjudged: str = ""
    """Why nothing is said of it."""

    @property
    def holds(self) -> bool:
        return not self.against

    @property
    def text(self) -> str:
        """The line a person reads."""
        if self.unjudged:
            return f"        {self.rule}: not judged, {self.unjudged}"
        if self.holds:
            return f"holds   {self.rule}"
        more = len(self.against) - EXAMPLES
        named = "; ".join(self.against[:EXAMPLES]) + (f"; and {more} more" if more > 0 else "")
        return f"FAILS   {self.rule}: {named}"


def audit(expected: Expected, observed: Observed) -> list[Finding]:
    """All findings, those that hold too."""
    rules: Mapping[str, Callable[[Expected, Observed], Iterable[str]]] = {
        "the run came to its end": lambda _, seen: [seen.given_up] if seen.given_up else [],
        "exactly one row a file in AUDIO_FINGERPRINT": _fingerprint_rows,
        "exactly one row a file in AUDIO_FILE": _file_rows,
        "good files are SUCCESS or SHORT, others FAILED with their code": _outcomes,
        "each row holds its own file's hash, fingerprint, length and properties": _products,
        "each row shows the newest request that was acknowledged, or a newer one": _newest,
        "what was acknowledged had its row or its event in the inbox, at each look": lambda _, seen: seen.lost,
        "the dead letters are the poison, and files whose attempts the faults used up": _letters,
        f"a fault explains each failed delivery, but for {MOST_UNEXPLAINED:.0%}": _explained,
        "inbox and claim are empty": _emptied,
        "no temporary file is left, and no process that holds one": _left,
        "no unforeseen error in the functions' logs": lambda _, seen: seen.unforeseen,
    }
    findings = [Finding(rule, tuple(check(expected, observed))) for rule, check in rules.items()]
    too_few = f"too few files: it takes {FEWEST_TO_JUDGE:,}" if len(expected.kinds) < FEWEST_TO_JUDGE else ""
    return [*findings, Finding("memory is flat", () if too_few else tuple(_flat(observed)), too_few)]


def _fingerprint_rows(expected: Expected, observed: Observed) -> Iterable[str]:
    return _one_each(expected.keys, (row.key for row in observed.rows))


def _file_rows(expected: Expected, observed: Observed) -> Iterable[str]:
    return _one_each(expected.keys, (row.key for row in observed.file_rows))


def _one_each(expected: Collection[Key], found: Iterable[Key]) -> Iterable[str]:
    counts = Counter(found)
    yield from (f"{name(key)} has no row" for key in sorted(expected) if not counts[key])
    yield from (f"{name(key)} has {count} rows" for key, count in sorted(counts.items()) if count > 1)
    yield from (f"{name(key)} was never asked for" for key in sorted(counts) if key not in expected)


def _outcomes(expected: Expected, observed: Observed) -> Iterable[str]:
    for row in observed.rows:
        kind = expected.kinds.get(row.key)
        status, code = EXPECTED[kind] if kind else (Status.FAILED, "MALFORMED")
        if (row.status, row.code) == (status, code):
            continue
        words = f"{name(row.key)} ({kind or 'malformed'}) is {row.status} {row.error or ''}".rstrip()
        if row.status == Status.QUEUED and observed.deliveries.answered[row.key[0]]:
            words += ", though its message was acknowledged: its outcome is lost"
        yield words


def _products(expected: Expected, observed: Observed) -> Iterable[str]:
    for key, product in sorted(expected.products.items()):
        # Where there is none another rule says so.
        if found := observed.products.get(key):
            if words := differences(product, found):
                yield f"{name(key)} has {words}"
            text, right = observed.fingerprints[key], expected.fingerprints.get(key)
            if not text:
                yield f"{name(key)} has no fingerprint"
            elif right is not None and text != right:
                yield f"{name(key)} has a fingerprint that is not its own"
    for keys in shared(observed.fingerprints):
        yield f"{', '.join(name(key) for key in keys[:EXAMPLES])} ({len(keys)} files) have one and the same fingerprint"


def _newest(_: Expected, observed: Observed) -> Iterable[str]:
    for row in observed.file_rows:
        newest = observed.deliveries.newest.get(row.key[0])
        if newest is not None and row.requested_at < newest:
            yield f"{name(row.key)} shows the request of {row.requested_at}, acknowledged was that of {newest}"


def _letters(expected: Expected, observed: Observed) -> Iterable[str]:
    dead = {key[0]: key for key, kind in expected.kinds.items() if kind is Kind.DEAD}
    requests = observed.deliveries.requests
    used_up = {
        message.data
        for message, unexplained in zip(requests, observed.disturbances.unexplained(requests), strict=True)
        if len(message.deliveries) >= expected.max_attempts
        and not message.acknowledged
        and len(unexplained) <= MOST_ATTEMPTS_UNEXPLAINED
    }
    excused = set()
    seen: set[bytes | str] = set()
    for letter in observed.deliveries.letters:
        if letter.data in expected.poison:
            seen.add(letter.data)
        elif letter.request is None:
            yield f"{letter.data[:60]!r} is a dead letter that nobody sent"
        elif (asset_id := letter.request.asset.asset_id) in dead:
            seen.add(asset_id)
        elif letter.data in used_up:
            excused.add(asset_id)
        else:
            yield f"{asset_id} is a dead letter, though no faults used up its attempts"
    yield from (
        f"{asset_id} was asked for again, and is no such dead letter"
        for asset_id in observed.asked_again
        if asset_id not in excused
    )
    yield from (f"{name(key)} (API dead) is no dead letter" for asset_id, key in dead.items() if asset_id not in seen)
    yield from (f"{data[:60]!r} is no dead letter" for data in sorted(expected.poison) if data not in seen)


def _explained(_: Expected, observed: Observed) -> Iterable[str]:
    unexplained = list(chain(*observed.disturbances.unexplained(observed.deliveries.requests)))
    if len(unexplained) > max(FEW, MOST_UNEXPLAINED * len(observed.deliveries.attempts)):
        answers = Counter("no answer" if one.status is None else str(one.status) for one in unexplained)
        words = ", ".join(f"{answer}: {count}" for answer, count in answers.most_common())
        yield f"{len(unexplained)} of {len(observed.deliveries.attempts)} failed without one ({words})"


def _emptied(_: Expected, observed: Observed) -> Iterable[str]:
    if observed.inbox:
        yield f"{observed.inbox} events in AUDIO_FINGERPRINT_INBOX"
    if observed.claims:
        yield f"{observed.claims} events in AUDIO_INBOX_CLAIM"


def _left(_: Expected, observed: Observed) -> Iterable[str]:
    yield from (f"{entry} is left" for entry in observed.temporary)
    yield from (f"{holder} when all work is done" for holder in observed.holders)
    yield from (f"{orphan} when all functions are stopped" for orphan in observed.orphans)


def _flat(observed: Observed) -> Iterable[str]:
    for instance, growth in observed.growths.items():
        if growth is not None and not growth.flat:
            yield f"{instance} grew from {growth.before / 1e6:.0f} to {growth.after / 1e6:.0f} MB"


def name(key: Key) -> str:
    """As a person finds it."""
    return f"{key[0]} {key[1]}"
