"""The pictures of the study of thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from analysis.overlaps import Related, Unrelated
from analysis.paired import Paired
from analysis.report import figure, save
from analysis.tail import Tail
from audiodup.verdict import NORMAL_CHANCE

_COLOURS = ("#c44e52", "#dd8452", "#8172b3", "#4c72b0", "#55a868")


def plot(
    by_seconds: Mapping[int, tuple[Sequence[Related], Unrelated]],
    tails: Sequence[Tail],
    true: Sequence[Paired],
    false: Sequence[Paired],
) -> None:
    """results/thresholds.png: ROC, tail of chance, whole pairs."""
    made, (roc, chance, pairs) = figure(15, 5, 3)
    _plot_roc(roc, by_seconds)
    _plot_chance(chance, tails)
    _plot_pairs(pairs, true, false)
    save(made, "thresholds")


def _plot_roc(axes: Axes, by_seconds: Mapping[int, tuple[Sequence[Related], Unrelated]]) -> None:
    for colour, (seconds, (related, unrelated)) in zip(_COLOURS, by_seconds.items(), strict=True):
        for name, style in (("kappa", "-"), ("agreement", ":")):
            counts = getattr(unrelated, name)
            values = np.sort([getattr(r, name) for r in related])
            thresholds = np.linspace(-1, 1, len(counts), endpoint=False)
            false = np.cumsum(counts[::-1])[::-1] / counts.sum()
            recall = 1 - np.searchsorted(values, thresholds, "right") / len(values)
            shown = false > 0
            label = f"{seconds} s" if name == "kappa" else None
            axes.plot(false[shown], recall[shown], style, color=colour, label=label)
    axes.set(
        xscale="log",
        xlim=(1e-7, 0.1),
        ylim=(0.84, 1.003),
        xlabel="share of unrelated stretches above",
        ylabel="share of related stretches above",
        title="ROC at the true place (dotted: agreement)",
    )
    axes.axvline(1e-5, color="black", lw=0.8, ls="--")
    axes.legend(title="in common, by kappa", loc="lower right")


def _plot_chance(axes: Axes, tails: Sequence[Tail]) -> None:
    kappa = np.linspace(-1, 1, len(tails[0].counts), endpoint=False)
    for colour, tail in zip(_COLOURS, tails, strict=False):
        above = np.cumsum(tail.counts[::-1])[::-1] / tail.comparisons
        shown = (above > 0) & (kappa > 0)
        axes.plot(kappa[shown], above[shown], color=colour, label=f"{tail.frames} frames")
        model = np.array([NORMAL_CHANCE.expected_false(k, tail.frames, 1.0) for k in kappa[shown]])
        # Of one window: the model is of the best of `trials`, and it speaks of rare events only.
        rare = model < 1
        axes.plot(kappa[shown][rare], model[rare] / NORMAL_CHANCE.trials, "--", color=colour, lw=0.9)
    axes.set(
        yscale="log",
        ylim=(1e-9, 1),
        xlim=(0, 0.55),
        xlabel="kappa",
        ylabel="share of unrelated windows above",
        title="Chance, one window (dashed: model)",
    )
    axes.legend()


def _plot_pairs(axes: Axes, true: Sequence[Paired], false: Sequence[Paired]) -> None:
    for pairs, colour, label in ((false, "#c44e52", "unrelated"), (true, "#4c72b0", "related")):
        seen = [pair for pair in pairs if pair.frames]
        axes.plot(
            [p.agreement for p in seen],
            [p.kappa for p in seen],
            ".",
            ms=2.5,
            alpha=0.5,
            color=colour,
            label=f"{label}: {len(seen)} of {len(pairs)} aligned",
        )
    for threshold in (0.60, 0.80, 0.95):
        axes.axvline(threshold, color="black", lw=0.8, ls="--")
    axes.set(
        xlabel="agreement of the alignment",
        ylabel="kappa of its best range",
        xlim=(0.5, 1.01),
        ylim=(0, 1.02),
        title="Whole pairs, as aligned",
    )
    axes.legend(loc="upper left", markerscale=4)
