"""The index: which tracks share keys. It is filled from AUDIO_FINGERPRINT, and candidates are pairs found in it by SQL.

A track is a fingerprint: files whose fingerprints are equal share one. Works on Snowflake and on the embedded store
alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from audiodup.compressed import CompressedFormatError, decode
from audiodup.index_filling import Filled, Filling
from audiodup.index_rows import as_json, in_parts
from audiodup.keys import KeyScheme, Setting
from audiodup.model import IndexedFile
from audiodup.session import Session

MOST_IDS = 40_000
"""Track numbers in one statement where it has to be one: 22 characters each, and Snowflake takes 1 MB."""
JOIN_ROWS = 25_000_000
"""Meetings of keys that one statement may group, as far as can be foreseen: some 2 GB in the embedded store."""
FEW_MEETINGS = 250
"""More than a key meets on average in any library seen: as few new ones as fit by that need no look at the table."""
# More than any position (compressed.MAX_ITEMS); sql/index/candidates.sql has it too.
_POSITIONS = 1 << 20


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """Tracks to be matched together."""

    track_ids: NDArray[np.int64]
    """Ascending, shape (n,)."""
    scheme: KeyScheme
    generation: int
    """Of the index when the batch was made."""

    @property
    def slow(self) -> bool:
        """Whether they are of sounds at 1/8 speed."""
        return self.scheme.slow

    def part(self, start: int, end: int) -> Batch:
        """So many of its tracks, as a batch: with the lowest first each of them meets what it would have met."""
        return replace(self, track_ids=self.track_ids[start:end])


@dataclass(frozen=True, eq=False, slots=True)
class Candidates:
    """Pairs of tracks with keys in common at about one distance; n pairs."""

    track_a: NDArray[np.int64]
    """Of the batch, shape (n,)."""
    track_b: NDArray[np.int64]
    """Shape (n,)."""
    meetings: NDArray[np.int32]
    """Positions in a and in b, in frames, of the first and of the last key in common; shape (n, 2, 2)."""
    keys: NDArray[np.int32]
    """How many they have in common at that distance; shape (n,)."""

    @property
    def offset(self) -> NDArray[np.int32]:
        """Frames: the position in b less the position in a, between the two meetings; shape (n,)."""
        distances = self.meetings[:, :, 1] - self.meetings[:, :, 0]
        return np.asarray(np.rint(distances.mean(axis=1)), np.int32)

    def __len__(self) -> int:
        return len(self.keys)


class Index:
    """All that the matcher asks of the index.

    Args:
        session: with the warehouse.
        algorithm: libchromaprint's number of the fingerprints that are compared.
        fingerprint_seconds: how much of each file they cover; 0 is all of it.
        setting: in place of the one for the library's size.
        join_rows: how many meetings of keys a batch may have, as far as can be foreseen.
    """

    def __init__(
        self,
        session: Session,
        *,
        algorithm: int = 1,
        fingerprint_seconds: int = 120,
        setting: Setting | None = None,
        join_rows: int = JOIN_ROWS,
    ) -> None:
        self.filling = Filling(session, algorithm=algorithm, fingerprint_seconds=fingerprint_seconds, setting=setting)
        self._session = session
        self._join_rows = join_rows

    def fill(self, stop: Callable[[], bool] = lambda: False) -> Filled:
        """Bring the index up to date with AUDIO_FINGERPRINT and AUDIO_ASSET.

        Args:
            stop: asked after each page, so that every call adds one; when it says so the rest is left to the next.

        Raises:
            IndexMismatch: the index was made otherwise than this program would make it for this library.
            Conflict: another process changes the index.
        """
        return self.filling.fill(stop)

    def forget(self) -> None:
        """Empty the index; the next filling makes it anew, as suits the library's size by then."""
        self.filling.forget()

    def batches(self) -> Iterator[Batch]:
        """What is not matched yet, in parts: each is to be matched with what was matched before and with itself, and
        marked before the next is asked for.
        """
        version = self.filling.state()[1]
        setting = None if version is None else self.filling.setting_of(version)
        if setting is None:
            return
        for scheme in (setting.normal, setting.slow):
            generation = self.filling.state()[0]
            rows = self._session.run("index/unmatched", key_version=scheme.version)
            if not rows:
                continue
            numbers = np.array([row[0] for row in rows], np.int64)
            key_rows = np.cumsum([row[1] for row in rows], dtype=np.int64)
            size = self._batch_keys(setting, int(key_rows[-1]))
            start = 0
            while start < len(numbers):
                before = int(key_rows[start - 1]) if start else 0
                end = int(np.searchsorted(key_rows, before + size, side="right"))
                end = min(max(end, start + 1), start + MOST_IDS)
                yield Batch(numbers[start:end], scheme, generation)
                start = end

    def _batch_keys(self, setting: Setting, waiting: int) -> int:
        """How many keys a batch may have, so that a statement can group all that they meet."""
        if waiting * FEW_MEETINGS <= self._join_rows:
            return waiting
        [(meetings, keys)] = self._session.run("index/meetings", common_key=setting.normal.common_key)
        return int(self._join_rows / max(1.0, float(meetings) / float(keys))) if keys else self._join_rows

    def mark_matched(self, batch: Batch) -> None:
        """Take a batch from the queue; called in the transaction that writes what came of it."""
        for part in in_parts(batch.track_ids.tolist()):
            self._session.run("index/mark_matched", track_ids=as_json(part), generation=batch.generation)

    def tracks(self, batch: Batch) -> int:
        """How many tracks there are of the batch's key version, matched or not."""
        return int(self._session.run("index/tracks", key_version=batch.scheme.version)[0][0])

    def candidates(self, batch: Batch) -> Candidates:
        """Pairs with enough keys in common at about one distance: of the batch with what is matched and with itself."""
        [(higher,)] = self._session.run(
            "index/any_higher", track_id=int(batch.track_ids[0]), key_version=batch.scheme.version
        )
        rows = self._session.run(
            "index/candidates",
            track_ids=as_json(batch.track_ids.tolist()),
            any_higher=bool(higher),
            keys_in_common=batch.scheme.keys_in_common,
            apart=batch.scheme.apart,
        )
        table = np.array(rows, np.int64).reshape(-1, 5)
        # A meeting is its position in a and its position in b, in one number.
        meetings = np.stack(np.divmod(table[:, 3:], _POSITIONS), axis=-1).astype(np.int32)
        return Candidates(table[:, 0], table[:, 1], meetings, table[:, 2].astype(np.int32))

    def fingerprints(self, track_ids: Sequence[int]) -> dict[int, NDArray[np.uint32]]:
        """The items of each track; one whose files have changed since it was indexed is missing."""
        found: dict[int, NDArray[np.uint32]] = {}
        for part in in_parts(track_ids):
            for number, version, text, slow_text in self._session.run("index/fingerprints", track_ids=as_json(part)):
                try:
                    found[int(number)] = decode(slow_text if version.endswith(" slow") else text)[1]
                except CompressedFormatError:
                    continue
        return found

    def members(self, track_ids: Sequence[int]) -> dict[int, list[IndexedFile]]:
        """The files of each track."""
        found: dict[int, list[IndexedFile]] = {}
        for part in in_parts(track_ids):
            for row in self._session.run("index/members", track_ids=as_json(part)):
                found.setdefault(int(row[0]), []).append(IndexedFile(*row[1:]))
        return found
