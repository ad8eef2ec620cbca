"""Plot of the health check: systematics against regions and samples, yield effects and flags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from boostflow.plots.style import Label, name_of

MARKS = {
    "nan": "N",
    "empty": "E",
    "zero": "0",
    "large": "L",
    "one_sided": "1",
    "flipped": "F",
    "insignificant": "",
}
"""Letters of the flags; what is insignificant is grey."""
LINEAR, LARGEST = 0.1, 100.0
"""Per cent at which the colour scale ceases to be linear, and at which it ends."""


def effects(found: Sequence[Mapping[str, Any]], titles: Mapping[str, str], text: Label) -> Figure:
    """A cell for each effect: its colour and number are the up change of the yield in per cent.

    Args:
        found: `effects` of health.json.
        titles: of systematics.
        text: above the axes.
    """
    rows = list(dict.fromkeys(e["entry"] for e in found))
    regions = list(dict.fromkeys(e["region"] for e in found))
    samples = list(dict.fromkeys(e["sample"] for e in found))
    columns = [(region, sample) for region in regions for sample in samples]
    values = np.full((len(rows), len(columns)), np.nan)
    fig, ax = plt.subplots(figsize=(0.85 * len(columns) + 5.5, 0.36 * len(rows) + 3.2))
    norm = SymLogNorm(LINEAR, vmin=-LARGEST, vmax=LARGEST, base=10)
    colours = plt.get_cmap("RdBu_r")
    for effect in found:
        i = rows.index(effect["entry"])
        j = columns.index((effect["region"], effect["sample"]))
        flags = effect["flags"]
        marks = "".join(MARKS[flag] for flag in flags)
        if effect["up"] is None:
            shown = "nan"
        else:
            values[i, j] = np.nan if "insignificant" in flags else 100 * effect["up"]
            shown = _percent(effect["up"])
        if np.isnan(values[i, j]):
            box = plt.Rectangle((j - 0.5, i - 0.5), 1, 1, color="0.85", lw=0, zorder=0)
            ax.add_patch(box)
        dark = not np.isnan(values[i, j]) and abs(norm(values[i, j]) - 0.5) > 0.35
        ax.text(
            j - (0.12 if marks else 0),
            i,
            shown,
            ha="center",
            va="center",
            size=9,
            color="white" if dark else "black",
        )
        if marks:
            ax.text(
                j + 0.46,
                i,
                marks,
                ha="right",
                va="center",
                size=9,
                weight="bold",
                color="yellow" if dark else "darkgreen",
            )
    image = ax.imshow(values, cmap=colours, norm=norm, aspect="auto")
    ax.set_yticks(range(len(rows)), [titles.get(name, name) for name in rows], fontsize=11)
    ax.set_xticks(
        range(len(columns)),
        [name_of(sample) for _, sample in columns],
        fontsize=11,
        rotation=45,
        ha="right",
    )
    ax.tick_params(which="both", length=0)
    ax.minorticks_off()
    for i, region in enumerate(regions):
        ax.text(
            (i + 0.5) * len(samples) - 0.5,
            -0.6,
            f"Region {region}",
            ha="center",
            va="bottom",
            size=12,
        )
        ax.axvline((i + 1) * len(samples) - 0.5, color="black", lw=1)
    bar = fig.colorbar(image, ax=ax, fraction=0.04, pad=0.02)
    bar.set_label("Up change of the yield [%]", fontsize=12)
    bar.set_ticks(
        [-100, -10, -1, 0, 1, 10, 100], labels=["-100", "-10", "-1", "0", "1", "10", "100"]
    )
    bar.ax.tick_params(labelsize=11)
    handles = [
        Line2D([], [], ls="", marker=f"${mark}$", color="darkgreen", ms=8, label=flag)
        for flag, mark in MARKS.items()
        if mark and any(flag in e["flags"] for e in found)
    ]
    handles.append(Line2D([], [], ls="", marker="s", color="0.85", ms=10, label="insignificant"))
    fig.legend(
        handles=handles, loc="outside lower center", ncols=len(handles), fontsize=11, frameon=False
    )
    # Above the names of the regions.
    shared = {
        "xycoords": "axes fraction",
        "textcoords": "offset points",
        "va": "bottom",
        "size": 14,
    }
    ax.annotate(text.left, (0, 1), (0, 24), ha="left", weight="bold", **shared)
    ax.annotate(text.right, (1, 1), (0, 24), ha="right", **shared)
    return fig


def _percent(change: float) -> str:
    """Two digits, none below 0.01 and none after the point from 10 on."""
    value = 100 * change
    if abs(value) >= 1000:
        return ">1000" if value > 0 else "<-1000"
    return f"{value:+.0f}" if abs(value) >= 9.95 else f"{value:+.2g}" if abs(value) >= 0.01 else "0"
