"""Fingerprints -> rows of AUDIO_INDEX_TRACK and AUDIO_INDEX_KEY, as Parquet; what does not fit is refused by name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from audiodup.compressed import CompressedFormatError, decode
from audiodup.keys import SLOW_SPEED, KeyScheme, Setting, informative, make_keys, track_id

IDS_AT_ONCE = 10_000
"""Track numbers in one statement: 22 characters each, and their texts are 35 MB."""
ORIGINAL_SECONDS = 120
"""The original system kept no note of it: fpcalc's own default."""

_TRACK = pa.schema(
    {
        "TRACK_ID": pa.int64(),
        "ASSET_ID": pa.string(),
        "FILE_KEY": pa.string(),
        "KEY_VERSION": pa.string(),
        "ALGORITHM": pa.int32(),
        "FINGERPRINT_SECONDS": pa.int32(),
        "EVENT_ID": pa.string(),
        "FRAMES": pa.int32(),
        "INFORMATIVE_FRAMES": pa.int32(),
        "KEYS": pa.int32(),
        "GENERATION": pa.int64(),
        # As text: Snowflake reads Parquet's own time stamps as numbers unless it is told otherwise.
        "INDEXED_AT": pa.string(),
    }
)
# Known only when the rows are loaded.
_ADDED = ("GENERATION", "INDEXED_AT")


@dataclass(frozen=True, slots=True)
class Making:
    """How the index is made, as AUDIO_INDEX_STATE says."""

    setting: Setting
    algorithm: int
    fingerprint_seconds: int


@dataclass(frozen=True, slots=True)
class Decoded:
    """One fingerprint of one file."""

    asset_id: str
    file_key: str
    event_id: str
    items: NDArray[np.uint32]
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that cannot be indexed."""

    asset_id: str
    file_key: str
    reason: str

    def __str__(self) -> str:
        return f"{self.asset_id}/{self.file_key}: {self.reason}"


@dataclass(slots=True)
class Page:
    """Rows to be added together. The keys are four arrays: two with an entry for each key, two for each track."""

    tracks: dict[str, list[Any]]
    """Columns of AUDIO_INDEX_TRACK."""
    keys: NDArray[np.int64]
    positions: NDArray[np.int32]
    track_ids: NDArray[np.int64]
    """Whose keys these are, in their order; each once."""
    counts: NDArray[np.int64]
    """How many keys each has."""

    def write_tracks(self, file: Path, generation: int, moment: str) -> None:
        """The rows of AUDIO_INDEX_TRACK."""
        count = len(self.tracks["TRACK_ID"])
        columns = {**self.tracks, "GENERATION": [generation] * count, "INDEXED_AT": [moment] * count}
        pq.write_table(pa.table(columns, _TRACK), file, compression="zstd")

    def write_keys(self, file: Path, known: set[int]) -> int:
        """The rows of AUDIO_INDEX_KEY but for tracks that are `known`, track by track.

        Sorted by key they would take twice the room, for a track's number is then another in each row, and the join,
        which hashes, is no faster (40 million rows).

        Returns:
            How many they are.
        """
        new = ~np.isin(self.track_ids, np.array(sorted(known), np.int64))
        keys, positions = self.keys, self.positions
        if not new.all():
            wanted = np.repeat(new, self.counts)
            keys, positions = keys[wanted], positions[wanted]
        tracks = np.repeat(self.track_ids[new], self.counts[new])
        table = pa.table({"KEY": keys, "TRACK_ID": tracks, "POSITION": positions})
        pq.write_table(table, file, compression="zstd", use_dictionary=["TRACK_ID"])
        return len(keys)


def make_page(fingerprints: Sequence[Decoded], making: Making) -> Page:
    """The rows of these fingerprints; equal ones share a track."""
    parts = [
        _make_part([one for one in fingerprints if one.slow == scheme.slow], making, scheme)
        for scheme in (making.setting.normal, making.setting.slow)
    ]
    return Page(
        {name: [value for part in parts for value in part.tracks[name]] for name in parts[0].tracks},
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("keys", "positions", "track_ids", "counts")
        ),
    )


def _make_part(fingerprints: Sequence[Decoded], making: Making, scheme: KeyScheme) -> Page:
    """The rows of fingerprints of one kind, all at once: one by one numpy's calls would cost more than the work."""
    numbers = [track_id(one.items, scheme.version) for one in fingerprints]
    distinct = dict(zip(numbers, fingerprints, strict=True))
    # Keys begin anew at each track, so an empty fingerprint, which has none, must not be among them.
    filled = {number: one.items for number, one in distinct.items() if len(one.items)}
    lengths = np.array([len(items) for items in filled.values()], np.intp)
    starts = np.cumsum(lengths) - lengths
    items = np.concatenate([np.zeros(0, np.uint32), *filled.values()])
    # Eight times slower, a note of a second holds its item for some eight seconds: that is no silence.
    useful = np.ones(len(items), np.bool_) if scheme.slow else informative(items, starts)
    keys, places = make_keys(items, useful, scheme, starts)
    counts = np.diff(np.searchsorted(places, np.append(starts, len(items))))
    useful_counts = np.add.reduceat(useful, starts, dtype=np.int64) if len(starts) else counts
    told = {
        number: (int(useful_count), int(count))
        for number, useful_count, count in zip(filled, useful_counts, counts, strict=True)
    }
    rows = [
        (
            *(number, one.asset_id, one.file_key, scheme.version, making.algorithm, making.fingerprint_seconds),
            *(one.event_id, len(one.items), *told.get(number, (0, 0))),
        )
        for number, one in zip(numbers, fingerprints, strict=True)
    ]
    names = _TRACK.names[: -len(_ADDED)]
    return Page(
        {name: [row[place] for row in rows] for place, name in enumerate(names)},
        keys,
        (places - np.repeat(starts, counts)).astype(np.int32),
        np.array(list(filled), np.int64),
        counts.astype(np.int64),
    )


def read_page(rows: Sequence[tuple[Any, ...]], making: Making) -> tuple[list[Decoded], list[Refused]]:
    """Decode rows of sql/index/page.sql; a file of which any part cannot be read or compared is refused whole."""
    decoded: list[Decoded] = []
    refused: list[Refused] = []
    for asset_id, file_key, status, algorithm, seconds, slow_speed, slow_text, event_id, text in rows:
        try:
            _check("ALGORITHM", algorithm, making.algorithm)
            _check("FINGERPRINT_SECONDS", ORIGINAL_SECONDS if seconds is None else seconds, making.fingerprint_seconds)
            parts = []
            if status == "SUCCESS":
                parts.append(Decoded(asset_id, file_key, event_id, _decode(text, making.algorithm)))
            if slow_text is not None:
                _check("SLOW_SPEED", slow_speed, SLOW_SPEED)
                parts.append(Decoded(asset_id, file_key, event_id, _decode(slow_text, making.algorithm), slow=True))
            if not parts:
                raise CompressedFormatError("SHORT without a slow fingerprint")
            decoded += parts
        except CompressedFormatError as error:
            refused.append(Refused(asset_id, file_key, str(error)))
    return decoded, refused


def _check(name: str, found: float | None, expected: float) -> None:
    if found is not None and found != expected:
        raise CompressedFormatError(f"{name} is {found}, the index has {expected}")


def _decode(text: str | None, algorithm: int) -> NDArray[np.uint32]:
    if text is None:
        raise CompressedFormatError("no fingerprint")
    found, items = decode(text)
    _check("ALGORITHM", found, algorithm)
    return items


def in_parts(track_ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """So many of them as go into one statement."""
    for start in range(0, len(track_ids), IDS_AT_ONCE):
        yield track_ids[start : start + IDS_AT_ONCE]


def as_json(track_ids: Sequence[int]) -> str:
    """As the statements take them: as texts, since not every reader of JSON keeps 63 bits of a number."""
    return json.dumps([str(number) for number in track_ids], separators=(",", ":"))
