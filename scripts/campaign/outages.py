"""What happens once in a campaign: the store is away, the store hangs, Pub/Sub loses everything."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass

from cli import say
from stack.system import LocalSystem

from .plan import Event

RECOVERY_SECONDS = 10.0
"""Between two of them."""


@dataclass(frozen=True, slots=True)
class Outage:
    """One event and how long it lasted, by time.time()."""

    event: Event
    began: float
    ended: float


class Outages:
    """Those of one campaign, one at a time, each when its share of the files is answered."""

    def __init__(self, system: LocalSystem, events: Mapping[Event, float], seconds: float) -> None:
        self._system, self._seconds = system, seconds
        self._left = sorted(events.items(), key=lambda event: event[1])
        self._lasts: tuple[Event, float] | None = None
        self.over: list[Outage] = []

    def done(self) -> bool:
        """Whether all are over."""
        return not self._left and self._lasts is None

    @property
    def lasts(self) -> bool:
        """Whether there is one now."""
        return self._lasts is not None

    def go_on(self, progress: float) -> Event | None:
        """End the one whose time is over, or begin the next, which is returned."""
        now = time.time()
        if self._lasts is not None:
            event, began = self._lasts
            if now - began >= (0 if event is Event.EMULATOR_LOST else self._seconds):
                self._end(event)
                self._lasts = None
                self.over.append(Outage(event, began, time.time()))
                say(f"{event}: over")
            return None
        rested = not self.over or now - self.over[-1].ended > RECOVERY_SECONDS
        if not (self._left and rested and progress >= self._left[0][1]):
            return None
        event, _ = self._left.pop(0)
        say(f"{event}, {progress:.0%} of the files are answered")
        self._lasts = (event, now)
        self._begin(event)
        return event

    def _begin(self, event: Event) -> None:
        match event:
            case Event.STORE_DOWN:
                self._system.kill_warehouse()
            case Event.STORE_FROZEN:
                self._signal_warehouse(signal.SIGSTOP)
            case Event.EMULATOR_LOST:
                self._system.restart_emulator()

    def _end(self, event: Event) -> None:
        match event:
            case Event.STORE_DOWN:
                self._system.restart_warehouse()
            case Event.STORE_FROZEN:
                self._signal_warehouse(signal.SIGCONT)

    def _signal_warehouse(self, number: signal.Signals) -> None:
        os.kill(self._system.processes.by_name()["warehouse"].pid, number)
