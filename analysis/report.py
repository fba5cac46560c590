"""Where and how a study writes its results: a CSV and a picture in analysis/results/."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

RESULTS = Path(__file__).parent / "results"
_DOTS = 110

mpl.use("Agg")
plt.rcParams.update(
    {
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.25,
        "axes.axisbelow": True,
    }
)


def write_csv(name: str, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write rows of the same keys; floats in four decimals, small ones in four digits."""
    rows = list(rows)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: _short(value) for key, value in row.items()} for row in rows)
    return path


def figure(width: float = 9.0, height: float = 5.0, columns: int = 1) -> tuple[Figure, Sequence[Axes]]:
    """A figure in inches with so many axes side by side."""
    made, axes = plt.subplots(1, columns, figsize=(width, height), layout="constrained", squeeze=False)
    return made, list(axes[0])


def save(made: Figure, name: str) -> Path:
    """Write the picture; the same bytes for the same figures."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.png"
    made.savefig(path, dpi=_DOTS, metadata={"Software": None})
    plt.close(made)
    return path


def _short(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return f"{value:.4f}" if abs(value) >= 0.01 or value == 0 else f"{value:.4g}"
