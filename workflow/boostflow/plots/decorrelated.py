"""Mass spectra of the background that passes cuts on a score, before and after decorrelation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from boostflow.plots.style import PALETTE, Label, axis_label, label

WHEN = {"before": "Score", "after": "Decorrelated"}
"""Titles of the two halves of a line."""
TINT = {"50": PALETTE[0], "95": PALETTE[2]}
"""Colours by the part of the background that is rejected, in percent."""


def spectra(figures: Mapping[str, Any], text: Label) -> Figure:
    """Mass spectra of all background jets and of those that pass, a line of plots for each score.

    Args:
        figures: `evaluate.decorrelated.evaluate`.
        text: above the plots.
    """
    scores = figures["scores"]
    edges = np.asarray(figures["edges"])
    fig = plt.figure(figsize=(13, 6.2 * len(scores)))
    lines = fig.subfigures(len(scores), 1, squeeze=False)[:, 0]
    for line, (name, score) in zip(lines, scores.items(), strict=True):
        axes = line.subplots(2, 2, sharex=True, height_ratios=[2, 1], gridspec_kw={"hspace": 0.04})
        title = " + ".join(score["columns"])
        for column, when in enumerate(WHEN):
            heading = title if when == "before" else f"ddt_{name}"
            half(*axes[:, column], figures, score[when], edges, f"{WHEN[when]}: {heading}")
            axes[1, column].set_xlabel(axis_label(figures["mass"]))
        highest = max(ax.dataLim.y1 for ax in axes[0])
        for ax in axes[0]:
            ax.set_ylim(0, 1.55 * highest)
        axes[0, 0].set_ylabel("Background jets (normalised)")
        axes[1, 0].set_ylabel("Passing / expected")
        label(axes[0, 0], Label(text.left))
        label(axes[0, 1], Label("", text.right))
    return fig


def half(
    top: Axes,
    below: Axes,
    figures: Mapping[str, Any],
    found: Mapping[str, Any],
    edges: NDArray,
    title: str,
) -> None:
    """Draw spectra above, and below the part that passes over its mean.

    Args:
        top: axes of the spectra.
        below: axes of the ratio.
        figures: `spectrum` of all jets.
        found: `evaluate.decorrelated.independence`.
        edges: of the bins of the mass (GeV).
        title: of the legend.
    """
    total = np.asarray(figures["spectrum"]["value"])
    share = total / total.sum()
    centres = (edges[1:] + edges[:-1]) / 2
    top.stairs(share, edges, fill=True, color="0.85", label="All")
    for part, tint in TINT.items():
        passing = np.asarray(found[part]["efficiency"]["value"])
        error = np.asarray(found[part]["efficiency"]["error"])
        mean = np.sum(passing * total) / total.sum()
        jsd = found[part]["inverse_jsd"]
        text = f"{part} % rejected, 1/JSD {_rounded(jsd)} (chance {jsd['random']:.0f})"
        drawn = {"fmt": "o", "ms": 4, "lw": 1.2, "color": tint}
        top.errorbar(centres, share * passing / mean, share * error / mean, label=text, **drawn)
        below.errorbar(centres, passing / mean, error / mean, **drawn)
    below.axhline(1, color="0.5", lw=1)
    below.set(ylim=(0, max(2.6, 1.1 * below.dataLim.y1)), xlim=(edges[0], edges[-1]))
    top.legend(title=title, loc="upper right", fontsize=11, title_fontsize=13)


def _rounded(figure: Mapping[str, float]) -> str:
    """A value with as many digits as it can have."""
    digits = 0 if figure["value"] >= 20 else 1
    return f"{figure['value']:.{digits}f} ± {figure['error']:.{digits}f}"
