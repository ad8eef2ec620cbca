"""The plot of a compression: bits of each column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from boostflow.plots.style import Label, axis_label, label

BARS = (
    ("lossless", "All digits (pcodec)"),
    ("rounded", "Rounded to the bound (pcodec)"),
    ("bits", "Given what is coded before it"),
)
"""What is drawn of each column, with its name in the legend."""


def bits(figures: Mapping[str, Any], text: Label) -> Figure:
    """Bits of each column: as they are, rounded, and coded by the model."""
    columns = figures["columns"]
    fig, ax = plt.subplots(figsize=(8.5, max(4.0, 1.8 + 0.5 * len(columns))))
    place = np.arange(len(columns))
    for number, (key, title) in enumerate(BARS):
        values = [one[key] for one in columns.values()]
        total = sum(values) + (figures["latents"] if key == "bits" else 0)
        ax.barh(place + 0.27 * (number - 1), values, 0.25, label=f"{title}: {total:.1f} bits a jet")
    ax.set_yticks(place, [axis_label(name) for name in columns])
    ax.invert_yaxis()
    ax.set(xlabel="Bits", xlim=(0, 1.05 * max(one["lossless"] for one in columns.values())))
    ax.margins(y=0.02)
    # Above the bars: there is no free place among them.
    low, high = ax.get_ylim()
    ax.set_ylim(low, high - 0.16 * (low - high))
    ax.legend(loc="upper right")
    label(ax, text)
    return fig
