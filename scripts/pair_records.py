"""A pair of duplicates as --json and --csv write it."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from audiodup.model import Duplicate
from audiodup.texts import csv_cell
from whole_file import whole_file

CSV_COLUMNS = (
    "a", "b", "a_asset_id", "b_asset_id", "similarity", "kappa", "expected_false", "verdict", "kind", "action",
    "offset_seconds", "overlap_seconds", "tempo", "evidence", "coverage_a", "coverage_b", "ranges",
)  # fmt: skip


def pair_record(pair: Duplicate) -> dict[str, Any]:
    """One pair as --json prints it."""
    judgement = pair.judgement
    return {
        "a": pair.a[1],
        "b": pair.b[1],
        "a_asset_id": pair.a[0],
        "b_asset_id": pair.b[0],
        "similarity": round(judgement.similarity, 4),
        "kappa": round(judgement.kappa, 4),
        # It may be anything down to 1e-200, and a spreadsheet or a person reads two digits of it.
        "expected_false": float(f"{judgement.expected_false:.2g}"),
        "verdict": judgement.verdict.value,
        "kind": None if judgement.kind is None else judgement.kind.value,
        "action": judgement.action.value,
        # Plus zero: a minus before it says nothing.
        "offset_seconds": round(judgement.offset_seconds, 3) + 0.0,
        "overlap_seconds": round(judgement.overlap_seconds, 2),
        "tempo": round(judgement.tempo, 5),
        "evidence": judgement.evidence,
    }


@contextmanager
def csv_file(path: Path) -> Iterator[Callable[[Duplicate], None]]:
    """Yields what writes a pair; the file is there when all are written, and as it was before where that fails."""
    with whole_file(path, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(CSV_COLUMNS)
        yield lambda pair: writer.writerow(_csv_row(pair))


def _csv_row(pair: Duplicate) -> list[object]:
    judgement = pair.judgement
    record = pair_record(pair) | {
        "coverage_a": round(judgement.coverage_a, 4),
        "coverage_b": round(judgement.coverage_b, 4),
        # a_start-a_end=b_start-b_end, in seconds.
        "ranges": "; ".join(
            f"{each.a_start:.2f}-{each.a_end:.2f}={each.b_start:.2f}-{each.b_end:.2f}" for each in judgement.ranges
        ),
    }
    return [csv_cell(record[name]) for name in CSV_COLUMNS]
