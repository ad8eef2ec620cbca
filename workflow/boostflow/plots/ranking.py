"""Plots that have all classifiers: ROC curves, and accuracy against resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from boostflow.plots.models import value_text
from boostflow.plots.style import PALETTE, Label, label, name_of

COLUMNS = 3
"""Panels beside each other."""
LINES = ("-", "--", ":", "-.")
"""Of more models than there are colours."""


def resources(found: Mapping[str, Any], text: Label) -> Figure:
    """Macro AUC against look-up tables of the classifiers in logic, and lines of the others.

    Args:
        found: as `ranking.run` writes them.
        text: above the axes.
    """
    fig, ax = plt.subplots()
    for number, (name, row) in enumerate(found["models"].items()):
        ink = PALETTE[number % len(PALETTE)]
        value, error = row["macro_auc"]["value"], row["macro_auc"]["error"]
        if "logic" not in row:
            ax.axhline(value, color=ink, ls="--", label=f"{name} (floating point)")
            if name == found["reference"]:
                ax.axhspan(value - error, value + error, color=ink, alpha=0.15, lw=0)
            continue
        tables, (low, high) = row["logic"]["lut"], row["logic"]["lut_reports"]
        ax.errorbar(
            *(tables, value, error, [[tables - low], [high - tables]]),
            **{"color": ink, "marker": "o", "ls": "none", "capsize": 2},
            label=f"{name}, {row['logic']['latency_ns']:g} ns",
        )
    ax.set(xlabel="Look-up tables", ylabel="Macro AUC", xscale="log")
    low, high = ax.get_xlim()
    ax.set_xlim(low / 1.5, high * 1.5)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + (0.1 + 0.07 * len(found["models"])) * (high - low))
    ax.legend(loc="upper left", fontsize=13)
    label(ax, text)
    return fig


def roc(models: Mapping[str, Mapping[str, Any]], text: Label) -> Figure:
    """Background efficiency against signal efficiency of each class, a line a model.

    Bands are statistical errors, left out where too few jets pass.

    Args:
        models: evaluations by name of the model.
        text: above the panels.
    """
    classes = list(dict.fromkeys(name for found in models.values() for name in found["auc"]))
    rows = -(-len(classes) // COLUMNS)
    size = (4.9 * min(COLUMNS, len(classes)) + 0.4, 4.4 * rows + 0.8 + 0.35 * -(-len(models) // 2))
    fig, axes = plt.subplots(
        rows, min(COLUMNS, len(classes)), figsize=size, sharey=True, squeeze=False
    )
    for ax, of in zip(axes.flat, classes, strict=False):
        for number, (name, found) in enumerate(models.items()):
            if of not in found["auc"]:
                continue
            colour = PALETTE[number % len(PALETTE)]
            efficiency = np.asarray(found["roc"]["signal_efficiency"])
            background = np.asarray(found["roc"][of])
            shown = background > 0
            auc = value_text(found["macro_auc"])
            ax.plot(
                efficiency[shown],
                background[shown],
                color=colour,
                ls=LINES[number // len(PALETTE) % len(LINES)],
                label=f"{name}, macro AUC {auc}",
            )
            error = np.array(found["roc"]["error"][of], dtype=float)
            low, high = background - error, background + error
            ax.fill_between(efficiency, low, high, color=colour, alpha=0.25, lw=0)
        ax.set(yscale="log", xlim=(0, 1), ylim=(1e-4, 1.2))
        ax.set_title(name_of(of), fontsize=14, pad=24 if ax in axes[0] else 6)
        ax.set_xlabel("Signal efficiency", fontsize=14)
    for ax in axes.flat[len(classes) :]:
        ax.remove()
    for ax in axes[:, 0]:
        ax.set_ylabel("Background efficiency", fontsize=14)
    fig.legend(
        *axes[0, 0].get_legend_handles_labels(), fontsize=12, ncols=2, loc="outside lower center"
    )
    label(axes[0, 0], Label(text.left))
    label(axes[0, -1], Label("", text.right))
    return fig
