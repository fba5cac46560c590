"""What a failed delivery may be blamed on: a fault planned for its file, an outage, the kill of an instance.

A system that answers 503 without a reason gets there too, for Pub/Sub asks again: only the count of such answers shows
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .deliveries import Delivery, Message
from .outages import Outage

AFTERMATH_SECONDS = 10.0
"""After an outage: sessions are opened again, and what waited is tried again, all at once."""
SLACK_SECONDS = 1.0
"""Between a kill and the note of it."""


@dataclass(frozen=True, slots=True)
class Disturbances:
    """Those of one campaign; times by time.time()."""

    planned: Mapping[str, float] = field(default_factory=dict)
    """By asset id, how many deliveries the file's own faults can spoil."""
    kills: Sequence[float] = ()
    """Of instances of the function that gets the requests."""
    outages: Sequence[Outage] = ()

    def unexplained(self, messages: Iterable[Message]) -> list[list[Delivery]]:
        """For each message its failed deliveries that nothing explains."""
        left = dict(self.planned)
        found = []
        for message in messages:
            failed = [one for one in message.deliveries if not one.acknowledged and not self._disturbed(one)]
            asset_id = message.request.asset.asset_id if message.request else ""
            spoilt = int(min(left.get(asset_id, 0), len(failed)))
            if spoilt:
                left[asset_id] -= spoilt
            found.append(failed[spoilt:])
        return found

    def _disturbed(self, one: Delivery) -> bool:
        # Killed in the midst of it: there is no answer then.
        killed = one.status is None and any(
            one.began - SLACK_SECONDS <= kill <= one.ended + SLACK_SECONDS for kill in self.kills
        )
        return killed or any(
            outage.began <= one.ended and one.began <= outage.ended + AFTERMATH_SECONDS for outage in self.outages
        )
