"""How many events of each sample survive each cut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from boostflow.errors import BoostflowError
from boostflow.plots.style import Label, colour, label, name_of


def cutflow(cutflows: Mapping[str, Mapping[str, Any]], text: Label) -> Figure:
    """Expected events per 1/fb (where known, else raw events) above, cumulative efficiency below.

    Args:
        cutflows: the JSON beside the selected jets, by sample.
        text: above the axes.

    Raises:
        BoostflowError: the samples have not the same cuts.
    """
    steps = {name: [cut["name"] for cut in data["cutflow"]] for name, data in cutflows.items()}
    first = next(iter(steps))
    for name, cuts in steps.items():
        if cuts != steps[first]:
            raise BoostflowError(f"cutflow: {name} and {first} have different cuts")
    expected = all(
        cut.get("expected") is not None for data in cutflows.values() for cut in data["cutflow"]
    )
    key = "expected" if expected else "events"
    positions = np.arange(len(steps[first]))
    fig, (ax, low) = plt.subplots(
        2, 1, sharex=True, figsize=(8.5, 8), gridspec_kw={"height_ratios": [1.6, 1]}
    )
    for name, data in cutflows.items():
        counts = np.array([cut[key] for cut in data["cutflow"]], dtype=float)
        raw = np.array([cut["events"] for cut in data["cutflow"]], dtype=float)
        edges = np.append(positions, len(positions)) - 0.5
        shade = colour(name, list(cutflows))
        ax.stairs(counts, edges, color=shade, lw=2, label=name_of(name), baseline=None)
        share = counts / counts[0] if counts[0] else np.zeros_like(counts)
        error = np.sqrt(np.clip(share * (1 - share), 0, None) / max(raw[0], 1))
        low.errorbar(positions, share, error, fmt="o-", ms=4, color=shade, lw=1.2)
    ax.set(yscale="log", ylabel="Expected events per fb$^{-1}$" if expected else "Events")
    bottom, top = ax.get_ylim()
    ax.set_ylim(bottom, top * (top / bottom) ** 0.25)
    ax.legend(ncols=3, loc="upper right")
    low.set(ylabel="Cumulative efficiency", ylim=(0, 1.1), xlim=(-0.5, len(positions) - 0.5))
    low.set_xticks(positions, steps[first], rotation=25, ha="right", fontsize=12)
    for axis in (ax, low):
        axis.tick_params(axis="x", which="minor", bottom=False, top=False)
    label(ax, text)
    return fig
