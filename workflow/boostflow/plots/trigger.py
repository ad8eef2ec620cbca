"""Plots of a trigger's menu: rates against efficiencies, and turn-on curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from boostflow.plots.style import PALETTE, Label, axis_label, label, name_of

WAYS = {"tag": ("-", "o"), "pt": ("--", "s")}
"""Lines and markers of what the model selects, and of one threshold on the momentum."""


def rate(figures: Mapping[str, Any], text: Label) -> Figure:
    """Rate of the background against the efficiency of each line's class; bands are statistical.

    Args:
        figures: from `evaluate.trigger.evaluate`.
        text: above the axes.
    """
    fig, ax = plt.subplots()
    grid = np.array(figures["grid"])
    for number, line in enumerate(figures["menu"]):
        ink = PALETTE[number % len(PALETTE)]
        for way, (dashes, marker) in WAYS.items():
            value, error = _columns(line[way]["curve"])
            ax.plot(grid, value, color=ink, ls=dashes, label=_title(line, way))
            low = np.maximum(value - error, value / 10)
            ax.fill_between(grid, low, value + error, color=ink, alpha=0.25, lw=0)
            if line[way]["efficiency"] is not None:
                at = (line[way]["efficiency"]["value"], line["rate"]["value"])
                ax.plot(*at, marker, color=ink, mec="black", ms=9)
    ax.set(
        xlabel="Efficiency of the class",
        ylabel=f"Rate of {_others(figures)} [Hz]",
        xlim=(0, 1),
        yscale="log",
    )
    low, high = ax.get_ylim()
    ax.set_ylim(low, high * (high / low) ** 0.45)
    power = int(np.floor(np.log10(figures["luminosity"])))
    intensity = f"{figures['luminosity'] / 10**power:.3g} $\\times$ 10$^{{{power}}}$"
    title = f"{intensity} cm$^{{-2}}$ s$^{{-1}}$, menu of {_hertz(figures['rate'])}"
    ax.legend(loc="upper left", fontsize=13, title=title, title_fontsize=13)
    label(ax, text)
    return fig


def turn_on(figures: Mapping[str, Any], text: Label) -> Figure:
    """Efficiency of each line at its cut against the momentum, a panel a line.

    Args:
        figures: from `evaluate.trigger.evaluate`.
        text: above the panels.
    """
    menu = figures["menu"]
    edges = np.array(figures["edges"], dtype=float)
    centre, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    fig, axes = plt.subplots(
        len(menu), 1, sharex=True, squeeze=False, figsize=(7.5, 1.5 + 3.4 * len(menu))
    )
    for number, (ax, line) in enumerate(zip(axes[:, 0], menu, strict=True)):
        for (way, (_, marker)), ink in zip(
            WAYS.items(), (PALETTE[number % len(PALETTE)], "grey"), strict=True
        ):
            value, error = _columns(line[way]["turn_on"])
            # Bars are errors, and no efficiency is outside of [0, 1].
            bars = np.clip([np.minimum(error, value), np.minimum(error, 1 - value)], 0, 1)
            style = {"color": ink, "marker": marker, "ls": "none", "capsize": 2}
            ax.errorbar(centre, value, bars, half, label=_title(line, way), **style)
        ax.set(ylabel=f"Efficiency of {name_of(line['signal'])}", ylim=(0, 1.5))
        title = f"{line['name']}: {_hertz(line['rate'])}, alone {_hertz(line['pure'])}"
        ax.legend(loc="upper left", fontsize=13, title=title, title_fontsize=13)
    axes[-1, 0].set_xlabel(axis_label(figures["column"]))
    label(axes[0, 0], text)
    return fig


def _columns(values: Sequence[Mapping[str, float] | None]) -> tuple[NDArray, NDArray]:
    """Values and errors, NaN where there are none."""
    there = [one or {"value": np.nan, "error": np.nan} for one in values]
    value, error = (np.array([one[key] for one in there]) for key in ("value", "error"))
    return value, error


def _title(line: Mapping[str, Any], way: str) -> str:
    """What selects: `tagged top, above 300 GeV`, or `a jet above 512 GeV`."""
    if way == "tag":
        above = f", $p_T$ > {line['pt_min']:g} GeV" if line["pt_min"] else ""
        return f"tagged {name_of(line['signal'])}{above}"
    if line["threshold"] is None:
        return f"$p_T$ alone, {name_of(line['signal'])}"
    return f"$p_T$ > {line['threshold']:.0f} GeV alone, {name_of(line['signal'])}"


def _others(figures: Mapping[str, Any]) -> str:
    """Names of the background classes."""
    return ", ".join(map(name_of, figures["background"]))


def _hertz(rate: Mapping[str, float]) -> str:
    """A rate with a unit in which it has few digits."""
    scale, unit = (1e3, "kHz") if rate["value"] >= 1e4 else (1.0, "Hz")
    return f"{rate['value'] / scale:.3g} {unit}"
