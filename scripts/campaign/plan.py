"""What a campaign does, decided by its seed alone: which file is what, what goes wrong with it, what is killed when.

How far the work has come when something happens is the machine's business: one-off events and extra messages are tied
to a share of the files that are answered, not to a time.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from audiodup.model import Status

T = TypeVar("T")


class Kind(StrEnum):
    """What a file is."""

    GOOD = "good"
    SHORT = "short"
    CUT = "cut off"
    BRIEF = "too brief"
    PAGE = "a page"
    MISSING = "missing"
    DEAD = "API dead"


class Trouble(StrEnum):
    """What goes wrong with a file for a while."""

    API_500 = "API 500"
    API_429 = "API 429"
    RESET = "reset in mid-body"
    SLOW_LORIS = "slow loris"
    EXPIRED = "URL expired"


class Extra(StrEnum):
    """A message that nobody's tick sends."""

    DUPLICATE = "duplicate"
    STALE = "older request"
    NEWER = "newer request"
    NO_JSON = "no JSON"
    NO_ASSET = "no asset"
    UNKNOWN_ASSET = "unknown version, unknown asset"
    KNOWN_ASSET = "unknown version, known asset"


class Event(StrEnum):
    """What happens once."""

    STORE_DOWN = "store down"
    STORE_FROZEN = "store frozen"
    EMULATOR_LOST = "emulator killed, all messages lost"


EXPECTED: Mapping[Kind, tuple[Status, str]] = {
    Kind.GOOD: (Status.SUCCESS, ""),
    Kind.SHORT: (Status.SHORT, ""),
    Kind.CUT: (Status.FAILED, "CORRUPT"),
    Kind.BRIEF: (Status.FAILED, "TOO_SHORT"),
    Kind.PAGE: (Status.FAILED, "NOT_AUDIO"),
    Kind.MISSING: (Status.FAILED, "NOT_FOUND"),
    Kind.DEAD: (Status.FAILED, "RETRIES_EXHAUSTED"),
}
"""Status and code of a row."""

POISON = frozenset({Extra.NO_JSON, Extra.NO_ASSET, Extra.UNKNOWN_ASSET, Extra.KNOWN_ASSET})

# Shares of the files. Poison is 1 % of the messages: half of it the files whose API is dead, half what nobody can read.
_KINDS = {Kind.SHORT: 0.03, Kind.CUT: 0.01, Kind.BRIEF: 0.01, Kind.PAGE: 0.01, Kind.MISSING: 0.01, Kind.DEAD: 0.005}
_TROUBLES = {
    Trouble.API_500: 0.03,
    Trouble.API_429: 0.02,
    Trouble.RESET: 0.02,
    Trouble.SLOW_LORIS: 0.01,
    Trouble.EXPIRED: 0.01,
}
_EXTRAS = {
    Extra.DUPLICATE: 0.02,
    Extra.STALE: 0.01,
    Extra.NEWER: 0.01,
    Extra.NO_JSON: 0.002,
    Extra.NO_ASSET: 0.001,
    Extra.UNKNOWN_ASSET: 0.001,
    Extra.KNOWN_ASSET: 0.001,
}
# When, as shares of the files answered. Early, so that there is work left to be disturbed by each of them.
_EVENTS = {Event.STORE_DOWN: 0.1, Event.STORE_FROZEN: 0.3, Event.EMULATOR_LOST: 0.45}
# Who is killed how often; `fingerprint` and `scheduler` themselves live on, so that their memory can be watched.
_VICTIMS = {"fingerprint.2": 3, "scheduler.2": 1, "dead_letter": 1}
LARGE = 1_000
"""Files: a campaign of fewer is to take minutes, and has shorter outages."""
KILL_SECONDS = (4.0, 12.0)
"""Between two kills."""


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file of the library."""

    key: str
    kind: Kind
    trouble: Trouble | None = None
    times: int = 0
    """So often it goes wrong."""

    @property
    def api_faults(self) -> list[dict[str, Any]]:
        """How the download API answers for it first (fields of download_api.Fault)."""
        if self.kind is Kind.DEAD:
            return [{"status": 500, "times": None}]
        if self.kind is Kind.MISSING:
            return [{"status": 404, "times": None}]
        match self.trouble:
            case Trouble.API_500:
                return [{"status": 500, "times": self.times}]
            case Trouble.API_429:
                # With and without a time to wait for.
                return [{"status": 429, "headers": {"Retry-After": "1"}}, {"status": 429, "times": self.times}]
            case Trouble.EXPIRED:
                return [{"expired": True, "times": self.times}]
        return []

    @property
    def spoilt(self) -> float:
        """So many deliveries may fail for its faults."""
        if self.kind is Kind.DEAD:
            return math.inf
        if self.kind is Kind.MISSING:
            return 0
        return sum(float(fault.get("times", 1)) for fault in (*self.api_faults, *self.body_faults))

    @property
    def body_faults(self) -> list[dict[str, Any]]:
        """How S3 serves it first."""
        match self.trouble:
            case Trouble.RESET:
                return [{"reset": True, "times": self.times}]
            case Trouble.SLOW_LORIS:
                return [{"seconds": 1.0, "times": 1}]
        return []


@dataclass(frozen=True, slots=True)
class PlannedMessage:
    """A message beside those of the scheduler."""

    at: float
    """The share of the files that are answered by then."""
    extra: Extra
    key: str
    """The file it is about; of poison it only makes it one of its own."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A campaign."""

    seed: int
    files: Sequence[PlannedFile]
    messages: Sequence[PlannedMessage]
    """In the order of their time."""
    events: Mapping[Event, float] = field(default_factory=dict)
    outage_seconds: float = 30
    """In any case longer than an outcome waits for the store (half of STORE_SECONDS, 7.5 s)."""

    def kills(self) -> Iterator[tuple[float, str]]:
        """Seconds to wait, and whom to kill then; for ever."""
        chance = random.Random(f"{self.seed} kills")  # noqa: S311 - it has to come again
        while True:
            [victim] = chance.choices(list(_VICTIMS), list(_VICTIMS.values()))
            yield chance.uniform(*KILL_SECONDS), victim


def make_plan(seed: int, files: int, *, lose_messages: bool) -> Plan:
    """The campaign over so many files; of every kind and trouble there is at least one."""
    chance = random.Random(seed)  # noqa: S311 - it has to come again
    keys = [f"{number:06}.wav" for number in range(files)]
    chance.shuffle(keys)
    kinds = _drawn(keys, _KINDS, files)
    # A file that always fails shows no trouble that passes.
    sound = [key for key in keys if kinds.get(key) not in {Kind.MISSING, Kind.DEAD}]
    chance.shuffle(sound)
    troubles = _drawn(sound, _TROUBLES, files)
    planned = [
        PlannedFile(key, kinds.get(key, Kind.GOOD), troubles.get(key), chance.randint(1, 4)) for key in sorted(keys)
    ]
    chance.shuffle(sound)
    extras = _drawn(sound, _EXTRAS, files)
    messages = [PlannedMessage(chance.uniform(0.02, 0.9), extra, key) for key, extra in sorted(extras.items())]
    events = {event: at for event, at in _EVENTS.items() if lose_messages or event is not Event.EMULATOR_LOST}
    in_order = sorted(messages, key=lambda message: message.at)
    return Plan(seed, planned, in_order, events, outage_seconds=30 if files >= LARGE else 12)


def _drawn(keys: Sequence[str], shares: Mapping[T, float], files: int) -> dict[str, T]:
    """The first keys, each with what it drew; the shares are of all files."""
    drawn: dict[str, T] = {}
    rest = iter(keys)
    for what, share in shares.items():
        for _ in range(max(1, round(share * files))):
            drawn[next(rest)] = what
    return drawn
