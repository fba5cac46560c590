"""The index: which tracks share keys. It is filled from AUDIO_FINGERPRINT, and candidates are pairs found in it by SQL.

A track is a fingerprint: files whose fingerprints are equal share one. Works on Snowflake and on the embedded store
alike. Who changes the index first updates the one row of AUDIO_INDEX_STATE, whose number GENERATION tells everyone else
that it has changed; a process killed anywhere leaves whole pages or nothing.
"""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiodup.compressed import CompressedFormatError, decode
from audiodup.errors import Conflict, IndexMismatch
from audiodup.index_rows import Making, Page, Refused, make_page, read_page
from audiodup.keys import KeyScheme, Setting, setting_for, setting_of
from audiodup.model import IndexedFile
from audiodup.rows import database_time
from audiodup.session import Session

PAGE = 20_000
"""Files read, decoded and loaded together: some 70 MB of text, and files that Snowflake loads well."""
IDS_AT_ONCE = 10_000
"""Track numbers in one statement: 20 characters each, and Snowflake takes 1 MB."""
MOST_IDS = 40_000
JOIN_ROWS = 25_000_000
"""Meetings of keys that one statement may group, as far as can be foreseen: some 2 GB in the embedded store."""
COUNTED = 10_000
"""The keys of so many new files are all counted; where more are new, an eighth of them tells which keys to count."""
REFUSED_NAMED = 20
# More than any position (compressed.MAX_ITEMS); sql/index/candidates.sql has it too.
_POSITIONS = 1 << 20


@dataclass(slots=True)
class Filled:
    """What a filling did, in files."""

    indexed: int = 0
    removed: int = 0
    """Rows of files that left the library or changed; those that changed are among the indexed again."""
    refused: int = 0
    """Files that cannot be compared with the others."""
    refused_first: list[Refused] = field(default_factory=list)


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
        self._session = session
        self._algorithm = algorithm
        self._seconds = fingerprint_seconds
        self._setting = setting
        self._join_rows = join_rows

    # --- What the index holds

    def fill(self) -> Filled:
        """Bring the index up to date with AUDIO_FINGERPRINT and AUDIO_ASSET.

        Raises:
            IndexMismatch: the index was made otherwise than this program would make it for this library.
            Conflict: another process changes the index.
        """
        generation, making = self.open()
        filled = Filled(removed=self._drop_stale(generation))
        last = ("", "")
        while True:
            # Read before the page: what others add later makes this page void.
            generation = self._state()[0]
            rows = self._session.run(
                "index/page",
                algorithm=making.algorithm,
                fingerprint_seconds=making.fingerprint_seconds,
                after_asset_id=last[0],
                after_file_key=last[1],
                at_most=PAGE,
            )
            if not rows:
                break
            decoded, refused = read_page(rows, making)
            filled.refused += len(refused)
            filled.refused_first += refused[: REFUSED_NAMED - len(filled.refused_first)]
            if decoded:
                self.load(make_page(decoded, making), generation)
            filled.indexed += len(rows) - len(refused)
            last = (rows[-1][0], rows[-1][1])
        self.find_common_keys(making)
        return filled

    def forget(self) -> None:
        """Empty the index; the next filling makes it anew, as suits the library's size by then."""
        with self._session.transaction():
            self._lock(None)
            for name in ("forget_state", "forget_tracks", "forget_keys", "forget_common_keys"):
                self._session.run(f"index/{name}")

    def load(self, page: Page, generation: int) -> None:
        """Add rows to the index, all or none.

        Args:
            page: of files that the index did not have when it was at this generation.
            generation: then.

        Raises:
            Conflict: another process has changed the index since.
        """
        known = self._known(page)
        moment = self._session.run("clock")[0][0]
        with tempfile.TemporaryDirectory(prefix="audiodup-index-") as name:
            folder = Path(name)
            keys, tracks = folder / f"{uuid.uuid4().hex}.parquet", folder / f"{uuid.uuid4().hex}.parquet"
            any_keys = page.write_keys(keys, known)
            page.write_tracks(tracks, generation + 1, database_time(moment))
            for file in (keys, tracks) if any_keys else (tracks,):
                self._session.run("index/put", file=f"file://{file}")
            with self._session.transaction():
                self._lock(generation)
                if any_keys:
                    self._session.run("index/load_keys", staged=f"@AUDIO_INDEX_STAGE/{keys.name}")
                self._session.run("index/load_tracks", staged=f"@AUDIO_INDEX_STAGE/{tracks.name}")

    def open(self) -> tuple[int, Making]:
        """Generation and making of the index; an empty one is told how it will be made.

        Raises:
            IndexMismatch, Conflict: as `fill`.
        """
        generation, version, algorithm, seconds = self._state()
        files = int(self._session.run("index/fingerprinted")[0][0])
        if version is None:
            making = Making(self._setting or setting_for(files), self._algorithm, self._seconds)
            with self._session.transaction():
                self._lock(generation)
                self._session.run(
                    "index/begin",
                    key_version=making.setting.normal.version,
                    algorithm=making.algorithm,
                    fingerprint_seconds=making.fingerprint_seconds,
                )
            return generation + 1, making
        setting = self._setting_of(version)
        problems = []
        if setting is None:
            problems.append(f"has keys of version {version}, which this version does not make")
        elif files > 2 * setting.tracks:
            problems.append(f"was made for up to {setting.tracks:,} files, and there are {files:,}")
        if algorithm != self._algorithm:
            problems.append(f"has fingerprints of algorithm {algorithm}, not {self._algorithm}")
        if seconds != self._seconds:
            problems.append(f"has fingerprints of {seconds} s, FINGERPRINT_SECONDS is {self._seconds}")
        if setting is None or problems:
            raise IndexMismatch(f"the index {'; '.join(problems)}: `--all` makes it anew")
        return generation, Making(setting, self._algorithm, self._seconds)

    def _setting_of(self, version: str) -> Setting | None:
        if self._setting is not None:
            return self._setting if self._setting.normal.version == version else None
        return setting_of(version)

    def _drop_stale(self, generation: int) -> int:
        with self._session.transaction():
            self._lock(generation)
            [(removed, *_)] = self._session.run("index/drop_stale_tracks")
            if removed:
                self._session.run("index/drop_stale_keys")
            self._session.run("index/drop_stale_pairs")
        return int(removed)

    def find_common_keys(self, making: Making) -> None:
        """Leave out of the candidates what has become too common; the last step of a filling."""
        with self._session.transaction():
            self._lock(None)
            [(files, matched)] = self._session.run("index/progress")
            mostly_new = files - matched > max(matched, COUNTED)
            name = "index/common_keys_of_all" if mostly_new else "index/common_keys"
            self._session.run(name, common_key=making.setting.normal.common_key)

    def _state(self) -> tuple[int, str | None, int | None, int | None]:
        [(generation, version, algorithm, seconds)] = self._session.run("index/state")
        return int(generation), version, algorithm, seconds

    def _lock(self, generation: int | None) -> None:
        """Make the open transaction the one that changes the index, if that is still at `generation`."""
        self._session.run("index/lock")
        if generation is not None and self._state()[0] != generation + 1:
            raise Conflict("another process has changed the index meanwhile")

    def _known(self, page: Page) -> set[int]:
        return {
            int(row[0])
            for part in _parts(page.track_ids.tolist())
            for row in self._session.run("index/known_tracks", track_ids=_as_json(part))
        }

    # --- The work queue

    def batches(self) -> Iterator[Batch]:
        """What is not matched yet, in parts: each is to be matched with what was matched before and with itself, and
        marked before the next is asked for.
        """
        version = self._state()[1]
        setting = None if version is None else self._setting_of(version)
        if setting is None:
            return
        for scheme in (setting.normal, setting.slow):
            generation = self._state()[0]
            rows = self._session.run("index/unmatched", key_version=scheme.version)
            numbers = np.array([row[0] for row in rows], np.int64)
            key_rows = np.cumsum([row[1] for row in rows], dtype=np.int64)
            size = self._batch_keys(setting)
            start = 0
            while start < len(numbers):
                before = int(key_rows[start - 1]) if start else 0
                end = int(np.searchsorted(key_rows, before + size, side="right"))
                end = min(max(end, start + 1), start + MOST_IDS)
                yield Batch(numbers[start:end], scheme, generation)
                start = end

    def _batch_keys(self, setting: Setting) -> int:
        """How many keys a batch may have, so that a statement can group all that they meet."""
        [(meetings, keys)] = self._session.run("index/meetings", common_key=setting.normal.common_key)
        return int(self._join_rows / max(1.0, float(meetings) / float(keys))) if keys else self._join_rows

    def mark_matched(self, batch: Batch) -> None:
        """Take a batch from the queue; called in the transaction that writes what came of it."""
        for part in _parts(batch.track_ids.tolist()):
            self._session.run("index/mark_matched", track_ids=_as_json(part), generation=batch.generation)

    # --- What is asked of it

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
            track_ids=_as_json(batch.track_ids.tolist()),
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
        for part in _parts(track_ids):
            for number, version, text, slow_text in self._session.run("index/fingerprints", track_ids=_as_json(part)):
                try:
                    found[int(number)] = decode(slow_text if version.endswith(" slow") else text)[1]
                except CompressedFormatError:
                    continue
        return found

    def members(self, track_ids: Sequence[int]) -> dict[int, list[IndexedFile]]:
        """The files of each track."""
        found: dict[int, list[IndexedFile]] = {}
        for part in _parts(track_ids):
            for row in self._session.run("index/members", track_ids=_as_json(part)):
                found.setdefault(int(row[0]), []).append(IndexedFile(*row[1:]))
        return found


def _parts(track_ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(track_ids), IDS_AT_ONCE):
        yield track_ids[start : start + IDS_AT_ONCE]


def _as_json(track_ids: Sequence[int]) -> str:
    # As texts: not every reader of JSON keeps 63 bits of a number.
    return json.dumps([str(number) for number in track_ids], separators=(",", ":"))
