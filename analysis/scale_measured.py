"""What analysis/scale.py needs and no other study measures: `python -m analysis.scale_measured`.

Keys and bytes of real fingerprints, how often keys meet in libraries made of them, and what one tick of the scheduler
takes over libraries of two sizes on the embedded store. Writes results/scale_inputs.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from analysis.degrade import ORIGINAL, Copy, load
from analysis.scale_inputs import MEASURED
from analysis.synthetic import FRAMES, Veils, in_pieces, originals_by_package
from audiodup import logs, steps
from audiodup.embedded import open_embedded
from audiodup.index_rows import Decoded, Making, make_page
from audiodup.keys import SETTINGS, Setting, informative, make_keys
from audiodup.messages import FingerprintRequest, PushMessage
from audiodup.model import Asset, FileIdentity, Fingerprint, Outcome, Status
from audiodup.rows import as_row, encode_rows
from audiodup.schema import apply_schema
from audiodup.session import Session
from audiodup.store import Store

LIBRARIES = (300_000, 3_000_000)
MET = (100_000, 300_000)
"""Tracks of the libraries in which meetings of keys are counted."""
PIECE = 20_000
TICKS = 3
"""Of each kind, of which the fastest counts: others use the machine too."""
ROOM = 5_000
"""Files that a tick finishes and files that it publishes."""
LEASE_SECONDS = 3_600
# A library whose files are all done, and files that nobody has seen yet, which are newer.
ROWS = (
    """INSERT INTO AUDIO_ASSET SELECT SEQ4()::VARCHAR, 'k', 'mp3', 'p', SYSDATE()
    FROM TABLE(GENERATOR(ROWCOUNT => {files} + {new}))""",
    """INSERT INTO AUDIO_FINGERPRINT (ASSET_ID, FILE_KEY, FINGERPRINT, PROCESSING_STATUS)
    SELECT ASSET_ID, FILE_KEY, 'AQAA', 'SUCCESS' FROM AUDIO_ASSET WHERE ASSET_ID::BIGINT < {files}""",
    """INSERT INTO AUDIO_FILE (ASSET_ID, FILE_KEY, REQUESTED_AT, EVENT_ID)
    SELECT ASSET_ID, FILE_KEY, '2026-01-01', UUID_STRING() FROM AUDIO_FINGERPRINT""",
)


class Nowhere:
    """Takes requests and rejects, and does nothing with them."""

    def __init__(self) -> None:
        self.assets: list[Asset] = []

    def publish(self, requests: Sequence[FingerprintRequest]) -> None:
        self.assets = [request.asset for request in requests]

    def reject(self, message: PushMessage, reason: str) -> None:
        # A tick publishes; only the fingerprint function rejects.
        raise AssertionError(f"{message.message_id}: {reason}")


def main() -> None:
    """Measure, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--libraries", type=int, nargs=2, default=LIBRARIES, help="files, for the scheduler's tick")
    parser.add_argument("--output", type=Path, default=MEASURED)
    options = parser.parse_args()
    logs.configure("ERROR", sys.stderr)
    originals = load(None, [ORIGINAL])
    measured = {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        **of_fingerprints(originals),
        "meetings": [
            {"made_of": len(copies), "tracks": tracks, "skew": skew(copies, tracks)}
            for copies in (load(classes=[ORIGINAL]), originals)
            for tracks in MET
        ],
        "ticks": [tick(files, originals) for files in options.libraries],
    }
    options.output.write_text(json.dumps(measured, indent=2) + "\n")
    print(json.dumps(measured))


def of_fingerprints(originals: Sequence[Copy]) -> dict[str, Any]:
    """Keys of a track by the index's setting, and bytes of its rows; of tracks that are longer than their fingerprint,
    as nearly all of stock music are, and all in the benchmark.
    """
    originals = [copy for copy in originals if len(copy.items) >= FRAMES - 1]
    keys, key_bytes = zip(*(keys_of(originals, setting) for setting in SETTINGS), strict=True)
    return {
        "tracks": len(originals),
        "keys_per_track": {s.normal.version: round(k / len(originals), 1) for s, k in zip(SETTINGS, keys, strict=True)},
        "bytes_per_key": round(key_bytes[-1] / keys[-1], 2),
        "bytes_per_outcome": round(statistics.mean(len(encode_rows([as_row(outcome(c))])) for c in originals)),
    }


def skew(copies: Sequence[Copy], tracks: int) -> float:
    """How often equal keys meet in a library of so many tracks made of these, times as often as if all keys were
    equally frequent; those that are too common are left out.
    """
    scheme = SETTINGS[-1].normal
    library = Veils(originals_by_package(copies), seed=1)
    keys = []
    for size in in_pieces(tracks, PIECE):
        items = library.tracks(size).reshape(-1)
        starts = np.arange(size, dtype=np.intp) * FRAMES
        keys.append(make_keys(items, informative(items, starts), scheme, starts)[0])
    every = np.concatenate(keys)
    occurrences = np.unique(every, return_counts=True)[1]
    kept = occurrences[occurrences <= scheme.common_key]
    uniform = len(every) ** 2 / (2**scheme.bits / scheme.one_in)
    return round(float((kept * (kept - 1)).sum() / uniform), 2)


def keys_of(originals: Sequence[Copy], setting: Setting) -> tuple[int, int]:
    """Rows of AUDIO_INDEX_KEY, and bytes of them as Parquet."""
    decoded = [Decoded(copy.track.id, "k", "", copy.items) for copy in originals]
    page = make_page(decoded, Making(setting, algorithm=1, fingerprint_seconds=120))
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "keys.parquet"
        return page.write_keys(file, set()), file.stat().st_size


def outcome(copy: Copy, asset: Asset | None = None, requested_at: datetime | None = None) -> Outcome:
    """A SUCCESS with this fingerprint."""
    return Outcome(
        asset or Asset(copy.track.id, copy.track.name, "mp3", "provider"),
        Status.SUCCESS,
        requested_at or datetime.now(UTC),
        fingerprint=Fingerprint(copy.text, copy.duration, 1, copy.seconds, "1.5.1"),
        identity=FileIdentity(10_000_000, copy.sha256, "0" * 32),
        properties=copy.properties,
    )


def tick(files: int, originals: Sequence[Copy]) -> dict[str, Any]:
    """Seconds of a tick over so many files: one that merges and publishes ROOM of them, and one with nothing to do."""
    with tempfile.TemporaryDirectory(prefix="audiodup-scale-") as name:
        connect = open_embedded(Path(name), database="BI_PROD", schema="AI_DATA")
        session = Session(connect)
        apply_schema(session)
        session.run("embedded/audio_asset")
        with closing(connect()) as connection:
            for rows in ROWS:
                connection.cursor().execute(rows.format(files=files, new=(TICKS + 1) * ROOM))
        store, publisher = Store(session), Nowhere()

        def run() -> float:
            began = time.perf_counter()
            done = steps.schedule(store, publisher, room=ROOM, lease_seconds=LEASE_SECONDS)
            seconds = time.perf_counter() - began
            if not done.merged:
                raise RuntimeError("another merge runs in a store of our own")
            answered = store.clock()
            finished = [
                outcome(originals[n % len(originals)], asset, answered) for n, asset in enumerate(publisher.assets)
            ]
            publisher.assets = []
            store.append(finished)
            return seconds

        run()
        full = min(run() for _ in range(TICKS))
        run()
        idle = min(run() for _ in range(TICKS))
        session.close()
    return {"files": files, "room": ROOM, "full_seconds": round(full, 2), "idle_seconds": round(idle, 2)}


if __name__ == "__main__":
    main()
