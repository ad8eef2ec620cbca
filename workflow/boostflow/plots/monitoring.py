"""The page for shifters: alarms in time, pulls of parameters by run, what caused the alarms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from boostflow.plots.models import value_text
from boostflow.plots.style import PALETTE, Label, label

RANKED = 15
"""Parameters of which the page says how often they caused an alarm."""


def page(figures: Mapping[str, Any], text: Label) -> Figure:
    """All that a shifter looks at.

    Args:
        figures: from `evaluate.monitoring.evaluate`.
        text: above the axes.
    """
    found = figures["page"]
    fig = plt.figure(figsize=(14, 15))
    grid = fig.add_gridspec(3, 2, height_ratios=[1, 1.6, 1.1])
    timeline = fig.add_subplot(grid[0, :])
    _timeline(timeline, figures, found)
    label(timeline, text)
    heat = fig.add_subplot(grid[1, :], sharex=timeline)
    _pulls(fig, heat, found)
    _causes(fig.add_subplot(grid[2, 0]), found)
    _rates(fig.add_subplot(grid[2, 1]), figures)
    return fig


def _timeline(ax: Axes, figures: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Largest score of each run against time."""
    days, score = np.asarray(found["days"]), np.asarray(found["score"])
    bad, alarm = np.asarray(found["bad"]), np.asarray(found["alarm"])
    for mine, tint, marker, title in (
        (~bad & ~alarm, "0.6", ".", "No fault"),
        (~bad & alarm, PALETTE[1], "X", "No fault, but an alarm"),
        (bad & alarm, PALETTE[2], "^", "Fault, found"),
        (bad & ~alarm, PALETTE[0], "v", "Fault, not found"),
    ):
        title = f"{title} ({int(mine.sum())})"
        ax.plot(days[mine], score[mine], ls="none", color=tint, marker=marker, ms=8, label=title)
    # Where no cut keeps to the rate there is no threshold to draw.
    if found["threshold"] is not None:
        rate = figures["points"][0]["false_alarms"]
        title = f"{rate:g} false alarm{'' if rate == 1 else 's'} a day"
        ax.axhline(found["threshold"], color="k", lw=1, ls="--", label=title)
    low, high = score.min(), score.max()
    if low > 0 and high > 10 * low:
        ax.set_yscale("log")
        ax.set_ylim(low / 1.5, high * (high / low) ** 0.6)
    else:
        room = (high - low) or 1.0
        ax.set_ylim(low - 0.1 * room, high + 0.7 * room)
    ax.set(ylabel="Largest score of the run")
    ax.legend(loc="upper left", ncols=3)


def _pulls(fig: Figure, ax: Axes, found: Mapping[str, Any]) -> None:
    """Mean pulls of the worst parameters in each run."""
    days, pulls = np.asarray(found["days"]), np.asarray(found["pulls"])
    width = np.median(np.diff(days)) if len(days) > 1 else 1.0
    names = found["parameters"]
    edges = np.append(days, days[-1] + width), np.arange(len(names) + 1)
    image = ax.pcolormesh(*edges, pulls, cmap="RdBu_r", vmin=-8, vmax=8, rasterized=True)
    ax.set_yticks(np.arange(len(names)) + 0.5, names, fontsize=9)
    ax.tick_params(axis="y", which="minor", left=False, right=False)
    ax.invert_yaxis()
    ax.set(xlabel="Time (days)", xlim=(days[0], edges[0][-1]))
    bar = fig.colorbar(image, ax=ax, pad=0.01, extend="both")
    bar.set_label("Mean distance from moving average / usual")


def _causes(ax: Axes, found: Mapping[str, Any]) -> None:
    """How often parameters are the first cause of an alarm."""
    ranked = found["causes"][:RANKED]
    if not ranked:
        ax.text(0.5, 0.5, "The model names no causes", ha="center", transform=ax.transAxes)
        ax.set_axis_off()
        return
    place = np.arange(len(ranked))
    right = np.array([one["right"] for one in ranked])
    wrong = np.array([one["alarms"] for one in ranked]) - right
    ax.barh(place, right, color=PALETTE[2], label="It was at fault")
    ax.barh(place, wrong, left=right, color="0.75", label="It was not")
    ax.set_yticks(place, [one["parameter"] for one in ranked], fontsize=11)
    ax.tick_params(axis="y", which="minor", left=False, right=False)
    ax.invert_yaxis()
    ax.set(xlabel="Alarms (intervals) of which it is the first cause")
    ax.legend(loc="lower right")


def _rates(ax: Axes, figures: Mapping[str, Any]) -> None:
    """Efficiency and precision against the false alarms a day."""
    curve = figures["curve"]
    x = np.asarray(curve["false_alarms"])
    for number, name in enumerate(("efficiency", "precision")):
        # null, which becomes NaN, where there is no alarm.
        value, error = (np.array(curve[name][key], dtype=float) for key in ("value", "error"))
        ax.plot(x, value, color=PALETTE[number], label=name.capitalize())
        ax.fill_between(x, value - error, value + error, color=PALETTE[number], alpha=0.3, lw=0)
    for point in figures["points"]:
        ax.axvline(point["false_alarms"], color="0.5", lw=1, ls=":")
    title = f"AUC {value_text(figures['auc'])}"
    ax.legend(loc="upper left", ncols=2, title=title)
    ax.set(xscale="log", xlim=(x[0], x[-1]), ylim=(0, 1.4))
    ax.set(xlabel="False alarms a day", ylabel="Of the intervals")
