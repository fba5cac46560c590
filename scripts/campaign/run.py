"""Runs a plan against the local stack: kills, outages, extra messages, two schedulers; until nothing is left to do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import requests

from audiodup.errors import RetriesExhausted
from audiodup.messages import FingerprintRequest
from audiodup.model import Asset, Outcome, Status
from cli import say
from stack.processes import Processes, StackError
from stack.system import FUNCTIONS, LocalSystem, Tick

from .audit import Key
from .deliveries import Deliveries
from .disturbances import Disturbances
from .evidence import Tables
from .extras import Extras
from .memory import Sample
from .outages import Outages
from .plan import Event, Kind, Plan

# Two of what can be two; the matcher has no part in this.
INSTANCES = {"fingerprint": 2, "scheduler": 2, "matcher": 0}
# The statements are counted in the log.
SETTINGS = {"LOG_LEVEL": "DEBUG"}
SCHEDULERS = ("scheduler", "scheduler.2")
# They are never killed, so that their memory can be watched.
SURVIVORS = ("fingerprint", "scheduler")
TICK_SECONDS = 5.0
SAMPLE_SECONDS = 2.0
LOOK_SECONDS = 0.2
SAY_SECONDS = 60.0
CHECK_SECONDS = 20.0
"""Between two looks for what is lost, before its lease ends and heals it."""
MOST_ROUNDS = 3
"""Of asking again for what used up its attempts."""
MOST_LEASES = 3
"""Of one file: what is lost each time would be asked for again for ever."""
MOST_SECONDS_A_FILE = 0.5
MOST_SECONDS_BESIDE = 900.0
"""For what takes its time whatever the number of files: outages, attempts until a dead letter."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """One call of a scheduler."""

    tick: Tick | None
    """None: it was killed, gave no answer, or said that it should be tried again."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Kill:
    """One instance's end."""

    at: float
    """By time.time()."""
    victim: str


@dataclass
class Happened:
    """What really came to pass, for the report; times by time.time()."""

    began: float = 0.0
    ended: float = 0.0
    kills: list[Kill] = field(default_factory=list)
    ticks: list[Ticked] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    asked_again: list[str] = field(default_factory=list)
    """Asset ids whose attempts the faults had used up."""
    lost: dict[str, None] = field(default_factory=dict)
    """Asset ids that were acknowledged, and of which the store knew nothing when it was looked at."""
    given_up: str = ""
    """Why it was, with something still in flight."""


class Campaign:
    """One run.

    Args:
        processes: run the stack.
        library: the folder of `plan.files`.
        keys: the files' keys in the store, by file key.
        functions: the functions on trial.
        quiet_seconds: nothing is delivered for so long while something is in flight: given up. By default longer than
            any message waits.
    """

    def __init__(  # noqa: PLR0913 - what one run is made of
        self,
        processes: Processes,
        plan: Plan,
        library: Path,
        keys: dict[str, Key],
        *,
        functions: Path = FUNCTIONS,
        quiet_seconds: float | None = None,
    ) -> None:
        self.plan, self.keys = plan, keys
        self.system = LocalSystem(
            processes,
            library,
            faults={keys[file.key][0]: file.api_faults for file in plan.files if file.api_faults},
            body_faults={file.key: file.body_faults for file in plan.files if file.body_faults},
            settings=SETTINGS,
            instances=INSTANCES,
            functions=functions,
        )
        topology = self.system.topology
        self.deliveries = Deliveries(
            processes.by_name()["pusher"].log,
            request=topology.subscription("request_push").rpartition("/")[2],
            dead_letter=topology.subscription("dead_letter_push").rpartition("/")[2],
        )
        self.extras = Extras(plan.messages, keys, topology, self.deliveries)
        self.outages = Outages(self.system, plan.events, plan.outage_seconds)
        self.happened = Happened()
        limits = topology.limits
        longest_wait = limits["ack_deadline_seconds"] + limits["maximum_backoff_seconds"]
        self._settle_seconds = limits["maximum_backoff_seconds"] + TICK_SECONDS
        self._lease_seconds = lease = limits["max_delivery_attempts"] * longest_wait
        self._most_seconds = MOST_SECONDS_BESIDE + MOST_SECONDS_A_FILE * len(plan.files) + MOST_LEASES * lease
        self._quiet_seconds = quiet_seconds or longest_wait + (lease if Event.EMULATOR_LOST in plan.events else 0)
        self._kills = plan.kills()
        self._next_kill: tuple[float, str] | None = None
        self._pool = ThreadPoolExecutor(len(SCHEDULERS))
        self._ticks: list[Future[Ticked]] = []
        self._ticked = self._moved = self._sampled = self._said = self._checked = 0.0
        self._drained = False
        self._rounds = 0

    def run(self) -> None:
        """To its end; what came of it is in `happened`, `deliveries` and the store."""
        self.happened.began = time.time()
        self._work(killing=True)
        for _ in range(MOST_ROUNDS):
            if self.happened.given_up or not (exhausted := self._exhausted()):
                break
            say(f"asking again for {len(exhausted)} files whose attempts were used up")
            self._ask_again(exhausted)
            self._rounds += 1
            self._work(killing=False)
        self.happened.ended = time.time()
        self._pool.shutdown()

    @property
    def progress(self) -> float:
        """The share of the files that were answered."""
        return len(self.deliveries.answered) / len(self.plan.files)

    @property
    def disturbances(self) -> Disturbances:
        """What failed deliveries may be blamed on."""
        return Disturbances(
            planned={self.keys[file.key][0]: file.spoilt for file in self.plan.files},
            kills=[kill.at for kill in self.happened.kills if kill.victim.startswith("fingerprint")],
            outages=self.outages.over,
        )

    def _work(self, *, killing: bool) -> None:
        self._drained = False
        self._moved = time.monotonic()
        self._next_kill = self._kill_after(next(self._kills)) if killing else None
        while not (self._drained and self.outages.done() and self.extras.done()):
            self._observe()
            self.happened.given_up = self._reason_to_give_up()
            if self.happened.given_up:
                say(f"given up: {self.happened.given_up}")
                return
            if self.outages.go_on(self.progress) is Event.EMULATOR_LOST:
                self.extras.publish_again()
            self.extras.publish(self.progress)
            self._kill()
            self._tick()
            self.system.processes.check()
            time.sleep(LOOK_SECONDS)

    def _reason_to_give_up(self) -> str:
        """Empty while it is worth waiting."""
        if time.monotonic() - self._moved > self._quiet_seconds:
            return f"nothing was delivered for {self._quiet_seconds:.0f} s"
        if time.time() - self.happened.began > self._most_seconds and not self.outages.lasts:
            return f"it did not end within {self._most_seconds:.0f} s"
        # Those of `_ask_again` may have come so late too.
        circling = self.deliveries.asked_after(self._lease_seconds, more_often_than=MOST_LEASES + self._rounds)
        return f"{circling[0]} was asked for again after each lease" if circling else ""

    def _observe(self) -> None:
        now, before = time.monotonic(), self.deliveries.count
        self.deliveries.read()
        if self.deliveries.count > before or self.outages.lasts:
            self._moved = now
            self._drained = False
        if now - self._sampled > SAMPLE_SECONDS:
            self._sampled = now
            resident = {name: running.memory_bytes() for name, running in self.system.functions.items()}
            self.happened.samples.append(Sample(time.time(), len(self.deliveries.answered), resident))
        if now - self._checked > CHECK_SECONDS and not self.outages.lasts:
            self._checked = now
            self._look_for_lost()
        if now - self._said > SAY_SECONDS:
            self._said = now
            say(f"{len(self.deliveries.answered)} of {len(self.plan.files)} files are answered")

    def _look_for_lost(self) -> None:
        # What was acknowledged before the tables are read must be in them.
        tables = Tables(self.system.warehouse)
        self.happened.lost |= dict.fromkeys(self.deliveries.lost(tables.states()))
        tables.close()

    def _kill(self) -> None:
        if self._next_kill is not None and time.monotonic() >= self._next_kill[0]:
            victim = self._next_kill[1]
            self.happened.kills.append(Kill(time.time(), victim))
            self.system.kill_function(victim)
            self._next_kill = self._kill_after(next(self._kills))

    @staticmethod
    def _kill_after(kill: tuple[float, str]) -> tuple[float, str]:
        seconds, victim = kill
        return time.monotonic() + seconds, victim

    def _tick(self) -> None:
        """Both schedulers at once, again and again."""
        if not all(tick.done() for tick in self._ticks):
            return
        if self._ticks:
            ticked = [tick.result() for tick in self._ticks]
            self.happened.ticks += ticked
            # A second message about a file that has its row may be between two attempts: nothing is in flight then.
            quiet = self._ticked - self._moved > self._settle_seconds
            self._drained = quiet and any(one.tick and one.tick.drained for one in ticked)
            self._ticks = []
        elif time.monotonic() - self._ticked > TICK_SECONDS:
            self._ticked = time.monotonic()
            self._ticks = [self._pool.submit(self._one_tick, name) for name in SCHEDULERS]

    def _one_tick(self, name: str) -> Ticked:
        began, tick = time.monotonic(), None
        # It is killed now and then, and the store is away: it is called again in a moment.
        with suppress(requests.RequestException, StackError):
            tick = self.system.tick(name)
        return Ticked(tick, time.monotonic() - began)

    def _exhausted(self) -> list[Asset]:
        """Files that are not to blame for what their row says."""
        dead = {self.keys[file.key] for file in self.plan.files if file.kind is Kind.DEAD}
        tables = Tables(self.system.warehouse)
        found = [row.key for row in tables.rows() if row.code == RetriesExhausted.code and row.key not in dead]
        tables.close()
        return [self.deliveries.first[asset_id].asset for asset_id, _ in found]

    def _ask_again(self, assets: Sequence[Asset]) -> None:
        """As redrive does: QUEUED with a new time, committed, then published."""
        store = self.system.parts.store
        requested_at = store.clock()
        store.append([Outcome(asset, Status.QUEUED, requested_at) for asset in assets])
        for asset in assets:
            self.system.topology.publish(FingerprintRequest(asset, requested_at).encode())
        self.happened.asked_again += [asset.asset_id for asset in assets]
