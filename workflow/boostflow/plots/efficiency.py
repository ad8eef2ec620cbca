"""Efficiencies at fixed mistag rates, in ranges of a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from boostflow.plots.style import PALETTE, Label, axis_label, label, name_of


def at_mistag(figures: Mapping[str, Any], text: Label) -> Figure:
    """Efficiency of the signal, and rejection of other classes, at each mistag rate.

    Args:
        figures: from `evaluate.efficiency.evaluate`.
        text: above the axes.
    """
    ranges = [one for one in figures["ranges"] if one["range"]] or figures["ranges"]
    others = figures["others"]
    fig, axes = plt.subplots(
        1 + len(others), 1, sharex=True, squeeze=False, figsize=(7.5, 3.6 + 2.9 * len(others))
    )
    for i, mistag in enumerate(figures["mistag"]):
        points = [one["points"][i] for one in ranges]
        title = f"{100 * mistag:g} % of {name_of(figures['background'])}"
        _draw(axes[0, 0], ranges, [one["efficiency"] for one in points], i, title)
        for ax, other in zip(axes[1:, 0], others, strict=True):
            _draw(ax, ranges, [one["rejection"].get(other) for one in points], i, title)
    axes[0, 0].set(ylabel=f"Efficiency of {name_of(figures['signal'])}", ylim=(0, 1.35))
    axes[0, 0].legend(loc="upper left", ncols=2)
    for ax, other in zip(axes[1:, 0], others, strict=True):
        ax.set_ylabel(f"1 / efficiency of {name_of(other)}")
        low, high = ax.dataLim.intervaly
        if low > 0 and high > 10 * low:
            ax.set_yscale("log")
            # 20, not 2 x 10^1; of narrow axes also 30, 50 ...
            plain = LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 0.4))
            ax.yaxis.set(major_formatter=plain, minor_formatter=plain)
        else:
            ax.set_ylim(bottom=0)
    if ranges[0]["range"]:
        axes[-1, 0].set_xlabel(axis_label(figures["column"]))
    else:
        axes[-1, 0].set_xticks([0.5], ["all jets"])
    label(axes[0, 0], text)
    return fig


def _draw(
    ax: Axes,
    ranges: Sequence[Mapping[str, Any]],
    values: Sequence[Mapping[str, float] | None],
    number: int,
    title: str,
) -> None:
    """Points with errors; arrows up for lower limits, nothing where too few jets pass."""
    edges = np.array([one["range"] or [0, 1] for one in ranges], dtype=float)
    centre, half = edges.mean(axis=1), np.diff(edges, axis=1)[:, 0] / 2
    y = np.array([np.nan if x is None else x.get("value", x.get("limit")) for x in values])
    limit = np.array([x is not None and "limit" in x for x in values])
    error = np.array([0.0 if x is None else x.get("error", 0.0) for x in values])
    style = {"color": PALETTE[number], "marker": "os^Dv"[number % 5], "ls": "none", "capsize": 2}
    ax.errorbar(
        centre, y, np.where(limit, 0.2 * y, error), half, lolims=limit, label=title, **style
    )
