"""How much do codec, bit rate, sample rate and channels change the fingerprint? `python -m analysis.formats`

And which other evidence survives them: equal bytes, equal samples, an equal fingerprint.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from analysis import kappa
from analysis.classes import DEGRADATIONS
from analysis.degrade import ORIGINAL, Copy, load
from analysis.report import figure, save, write_csv
from audiodup.keys import informative

_GROUPS = ("codec", "rate", "channels")
_MASTER = "wav"
_WINDOW = 96
_WORST = 16


def main() -> None:
    """Measure, write results/formats.csv and .png."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audio", type=Path)
    parser.add_argument("--tracks", type=int, default=60)
    options = parser.parse_args()
    names = [d.name for d in DEGRADATIONS if d.group in _GROUPS]
    copies = load(options.tracks, [ORIGINAL, *names], audio=options.audio)
    of_class = {name: {c.track: c for c in copies if c.cls == name} for name in (ORIGINAL, *names)}
    rows = [_row(name, of_class[name], of_class[ORIGINAL], of_class[_MASTER]) for name in names]
    rows.sort(key=lambda row: -row["agreement"])
    write_csv("formats", rows)
    _plot(of_class, [row["class"] for row in rows])
    for row in rows:
        print(
            " ".join(f"{key}={value:.3f}" if isinstance(value, float) else f"{value:14}" for key, value in row.items())
        )


def _row(name: str, copies: dict[Any, Copy], originals: dict[Any, Copy], masters: dict[Any, Copy]) -> dict[str, Any]:
    figures = np.array([measure(originals[track], copy) for track, copy in copies.items() if track in originals])
    pairs = [(copy, masters[track]) for track, copy in copies.items() if track in masters]
    return {
        "class": name,
        "tracks": len(figures),
        "agreement": float(figures[:, 0].mean()),
        "agreement_p10": float(np.quantile(figures[:, 0], 0.1)),
        "agreement_min": float(figures[:, 0].min()),
        "kappa": float(figures[:, 1].mean()),
        "kappa_min": float(figures[:, 1].min()),
        "worst_2s_p10": float(np.quantile(figures[:, 2], 0.1)),
        "worst_2s_min": float(figures[:, 2].min()),
        "same_bytes_as_wav": float(np.mean([a.sha256 == b.sha256 for a, b in pairs])),
        "same_samples_as_wav": float(np.mean([_same_samples(a, b) for a, b in pairs])),
        "same_fingerprint_as_wav": float(np.mean([a.text == b.text for a, b in pairs])),
    }


def _same_samples(a: Copy, b: Copy) -> bool:
    form_a, form_b = ((c.properties.pcm_md5, c.properties.sample_rate, c.properties.channels) for c in (a, b))
    return a.properties.pcm_md5 is not None and form_a == form_b


def measure(original: Copy, copy: Copy) -> tuple[float, float, float]:
    """Agreement, kappa and the worst 2 s of a copy that begins when its original does."""
    length = min(len(original.items), len(copy.items))
    a, b = original.items[:length], copy.items[:length]
    useful = informative(a) & informative(b)
    a, b = a[useful], b[useful]
    windows = max(len(a) // _WINDOW, 1)
    above = possible = 0.0
    for part in np.array_split(np.arange(len(a)), windows):
        numerator, denominator = kappa.terms(a[None, part], b[None, part])
        above, possible = above + float(numerator[0]) * len(part), possible + float(denominator[0]) * len(part)
    equal = 1 - np.bitwise_count(a ^ b) / kappa.BITS
    worst = np.convolve(equal, np.full(_WORST, 1 / _WORST), "valid").min()
    return float(equal.mean()), above / possible, float(worst)


def _plot(of_class: dict[str, dict[Any, Copy]], names: list[str]) -> None:
    made, (axes,) = figure(9, 5.5)
    originals = of_class[ORIGINAL]
    for row, name in enumerate(reversed(names)):
        figures = np.array([measure(originals[t], c) for t, c in of_class[name].items() if t in originals])
        for column, shift, label, colour in (
            (0, 0.22, "agreement", "#1f6fb2"),
            (1, 0.0, "kappa", "#d9822b"),
            (2, -0.22, "agreement of the worst 2 s", "#888888"),
        ):
            low, middle, high = np.quantile(figures[:, column], [0.0, 0.5, 1.0])
            axes.plot([low, high], [row + shift] * 2, color=colour, lw=1.2)
            axes.plot(middle, row + shift, "o", color=colour, ms=4, label=label if row == 0 else None)
    axes.set_yticks(range(len(names)), list(reversed(names)))
    axes.axvline(0.95, color="black", lw=0.8, ls="--")
    axes.text(0.951, len(names) - 0.45, "0.95", fontsize=8)
    axes.set_xlabel("against the original's first 120 s: median and range over the tracks")
    axes.legend(loc="upper left")
    save(made, "formats")


if __name__ == "__main__":
    main()
