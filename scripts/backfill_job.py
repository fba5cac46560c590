"""One backfill: page by page from ids to files to requests, with a checkpoint before and after each request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from asset_ids import Names
from audiodup.model import Asset, Outcome, Status
from audiodup.wiring import Parts
from checkpoint import Checkpoint, Progress
from id_sources import Source
from progress import Advance
from requesting import Requests, pages

WANTED = "wanted"
_FINISHED = {Status.SUCCESS: "done", Status.SHORT: "done", Status.FAILED: "failed_before"}

Tell = Callable[[str, Asset, str | None], None]
"""Is called with what became of a file or an id, which it is, and its error."""


@dataclass
class Seen:
    """What a run found, besides what it published; an id with nothing to publish is in one of these."""

    ids: int = 0
    files: int = 0
    """Files that were to be published."""
    unknown: Names = field(default_factory=Names)
    done: Names = field(default_factory=Names)
    in_flight: Names = field(default_factory=Names)
    failed_before: Names = field(default_factory=Names)
    """Before this run: redrive's."""
    header: str | None = None


class Backfill:
    """Publishes what nobody has done and nobody works on.

    Args:
        source: of the ids.
        requests: how they are published.
        checkpoint: of this source and this store.
        maybe_header: an id that is none if AUDIO_ASSET does not list it.
        tell: hears of each file, and of each unknown id.
    """

    def __init__(  # noqa: PLR0913 - what to do, how, and whom to tell
        self,
        parts: Parts,
        source: Source,
        requests: Requests,
        checkpoint: Checkpoint,
        *,
        batch_size: int,
        dry_run: bool,
        maybe_header: str | None,
        tell: Tell,
    ) -> None:
        self.seen = Seen()
        self.total = 0
        """Ids, with those of the runs that this one goes on with."""
        self._parts = parts
        self._source = source
        self._requests = requests
        requests.report = self._finished
        self._checkpoint = checkpoint
        self._batch_size = batch_size
        self._dry_run = dry_run
        self._maybe_header = maybe_header
        self._tell = tell
        self._at = Progress(source.name)
        self._ids: Iterator[str] = iter(())
        self._advance: Advance | None = None
        self._unfinished: Counter[str] = Counter()
        """Files of each id that are in flight."""

    @property
    def confirmed(self) -> int:
        """Ids that need not be looked at again."""
        return self._at.confirmed

    def open(self, at: Progress | None) -> int:
        """Begin, or go on; returns how many ids are left."""
        if at is not None:
            self._at = at
        elif not self._dry_run:
            self._save("", 0, ())
        left, self._ids = self._source.behind(self._at.in_hand[-1] if self._at.in_hand else self._at.last)
        left += len(self._at.in_hand)
        self.total = self._at.confirmed + left
        return left

    def run(self, advance: Advance) -> None:
        """Publish all that is left.

        Raises:
            Interrupted: on request; the checkpoint is where it was.
            StoreUnavailable, PublishFailed: they are away for good; the same.
        """
        self._advance = advance
        if self._at.in_hand:
            # Somebody was stopped while these were published: they may be QUEUED, and in no topic.
            self._page(self._at.in_hand, again=True)
        for page in pages(self._ids, self._batch_size):
            self._page(page, again=False)
        if not self._dry_run:
            self._checkpoint.remove()

    def _finished(self, outcome: Outcome) -> None:
        """One of the published files has its outcome; progress counts an id when all of its files have."""
        asset_id = outcome.asset.asset_id
        self._unfinished[asset_id] -= 1
        if not self._unfinished[asset_id]:
            del self._unfinished[asset_id]
            if self._advance is not None:
                self._advance()
        if outcome.status is Status.FAILED:
            self._tell("failed", outcome.asset, outcome.error)

    def _page(self, ids: Sequence[str], *, again: bool) -> None:
        found = self._look_up(ids, again=again)
        files = Counter(asset.asset_id for what, asset in found if what == WANTED)
        while files and not self._dry_run:
            room = self._requests.wait_for_room(files.total())
            count = _fitting(ids, files, room)
            part, ids = ids[:count], ids[count:]
            # Others publish too: what is read now is so when it is published.
            self._requests.merge()
            self._part(part, self._look_up(part, again=again), in_hand=ids if again else ())
            for asset_id in part:
                del files[asset_id]
        if ids:
            self._part(ids, found, in_hand=())

    def _part(self, ids: Sequence[str], found: Sequence[tuple[str, Asset]], *, in_hand: Sequence[str]) -> None:
        """Publish what is wanted of these ids; those of a stopped run that come behind them stay `in_hand`."""
        assets = [asset for what, asset in found if what == WANTED]
        self._name(ids, found)
        if assets and not self._dry_run:
            self._unfinished += Counter(asset.asset_id for asset in assets)
            self._save(self._at.last, self._at.confirmed, [*ids, *in_hand])
            self._requests.publish(assets)
        self._count(ids, assets)
        if not self._dry_run:
            self._save(ids[-1], self._at.confirmed + len(ids), in_hand)

    def _look_up(self, ids: Sequence[str], *, again: bool) -> list[tuple[str, Asset]]:
        """What is so of each file of these assets."""
        store = self._parts.store
        now, listed = self._requests.patiently(lambda: (store.clock(), list(store.library(ids))))
        over = now - timedelta(seconds=self._parts.pubsub.lease_seconds)
        found = []
        for file in listed:
            queued = file.status is Status.QUEUED and file.requested_at is not None and file.requested_at > over
            what = "in_flight" if queued and not again else WANTED
            found.append((_FINISHED.get(file.status, what) if file.status else what, file.asset))
        return found

    def _name(self, ids: Sequence[str], found: Sequence[tuple[str, Asset]]) -> None:
        for what, asset in found:
            if what != WANTED:
                names: Names = getattr(self.seen, what)
                names.add(asset.asset_id)
                self._tell(what, asset, None)
        known = {asset.asset_id for _, asset in found}
        for asset_id in ids:
            if asset_id == self._maybe_header and asset_id not in known:
                self.seen.header = asset_id
                self.seen.ids -= 1
            elif asset_id not in known:
                self.seen.unknown.add(asset_id)
                self._tell("unknown", Asset(asset_id, ""), None)

    def _count(self, ids: Sequence[str], assets: Sequence[Asset]) -> None:
        self.seen.ids += len(ids)
        self.seen.files += len(assets)
        for asset in assets:
            self._tell(WANTED if self._dry_run else "published", asset, None)
        settled = len(ids) - (0 if self._dry_run else len({asset.asset_id for asset in assets}))
        if self._advance is not None and settled:
            self._advance(settled)

    def _save(self, last: str, confirmed: int, in_hand: Sequence[str]) -> None:
        self._at = Progress(self._at.name, last, confirmed, tuple(in_hand))
        self._checkpoint.save(self._at)


def _fitting(ids: Sequence[str], files: Mapping[str, int], room: int) -> int:
    """How many of the first ids have no more files than that; one at least."""
    count = 0
    for place, asset_id in enumerate(ids):
        count += files.get(asset_id, 0)
        if place and count > room:
            return place
    return len(ids)
