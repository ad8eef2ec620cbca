"""Plots of a regression: from the figures of the stage evaluate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from boostflow.plots.style import Label, axis_label, label, name_of

TRUE = r"True jet $p_T$ [GeV]"
GOAL = 1.0
"""Half of the band of the bias that is drawn (GeV)."""


def _drawn(
    ax: Axes, bins: Sequence[Mapping[str, Any] | None], keys: tuple[str, ...], **how: Any
) -> None:
    """Points with errors at the middles of bins that have figures."""
    points = []
    for entry in bins:
        if entry is not None:
            figure: Any = entry
            for key in keys:
                figure = figure.get(key, {})
            if figure:
                middle, half = (
                    (entry["high"] + entry["low"]) / 2,
                    (entry["high"] - entry["low"]) / 2,
                )
                points.append((middle, half, figure["value"], figure["error"]))
    if points:
        x, half, y, error = np.array(points).T
        ax.errorbar(x, y, error, half, ls="", marker="o", ms=4, capsize=2, **how)


def _named(one: Mapping[str, Any], column: str) -> str:
    """A range of the centrality in words."""
    if one["range"] is None:
        return "all"
    low, high = one["range"]
    return f"{low:g} to {high:g} ({axis_label(column).lower()})"


def _headroom(ax: Axes, part: float) -> None:
    """Room for a legend above what is drawn."""
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + part * (high - low))


def _legend(ax: Axes) -> None:
    """A legend, where there is anything to name."""
    handles, _ = ax.get_legend_handles_labels()
    if handles:
        ax.legend(loc="upper right", fontsize=11)


def bias(figures: Mapping[str, Any], text: Label) -> Figure:
    """Bias and width in bins of the true value, beside those of the area method."""
    fig, (ax, below) = plt.subplots(2, 1, sharex=True, figsize=(8, 9))
    ranges = figures["ranges"]
    for k, one in enumerate(ranges):
        name = _named(one, figures["centrality"])
        _drawn(ax, one["bins"], ("bias",), color=f"C{k}", label=f"This model, {name}")
        _drawn(below, one["bins"], ("width",), color=f"C{k}", label=f"This model, {name}")
        for axes, key in ((ax, "bias"), (below, "width")):
            hollow = {"mfc": "white", "color": f"C{k}", "alpha": 0.7}
            _drawn(axes, one["bins"], ("area", key), label=f"Area method, {name}", **hollow)
    ax.axhspan(-GOAL, GOAL, color="0.85", zorder=0, lw=0)
    ax.axhline(0, color="0.5", lw=1)
    ax.set(ylabel=r"Mean of $p_T - p_T^\mathrm{true}$ [GeV]")
    below.set(xlabel=TRUE, ylabel="Half of the central 68 % [GeV]", ylim=(0, None))
    _headroom(ax, 0.22 * (1 + len(ranges)))
    _legend(ax)
    label(ax, text)
    return fig


def response(figures: Mapping[str, Any], text: Label) -> Figure:
    """Response matrix, and its condition number by the lowest pT."""
    edges = np.asarray(figures["edges"])
    matrix = np.asarray(figures["response"])
    fig, (ax, side) = plt.subplots(1, 2, figsize=(13, 6), width_ratios=[1.25, 1])
    image = ax.pcolormesh(edges, edges, matrix, cmap="Blues", vmin=0, vmax=1)
    middles = (edges[1:] + edges[:-1]) / 2
    for (i, j), value in np.ndenumerate(matrix):
        shade = "white" if value > 0.5 else "black"
        if value >= 0.005:
            where = (middles[j], middles[i])
            ax.text(*where, f"{value:.2f}", ha="center", va="center", size=10, color=shade)
    ax.set(xlabel=TRUE, ylabel=r"Corrected jet $p_T$ [GeV]")
    fig.colorbar(image, ax=ax).set_label("Part of the bin of the true value")
    found = np.array([np.nan if x is None else x for x in figures["conditions"]])
    side.plot(edges[: len(found)], found, "o-")
    side.axhline(10, color="0.5", ls=":")
    top = 2 * max(20.0, found[np.isfinite(found)].max(initial=0.0))
    side.set_ylim(0.8, top)
    side.set(yscale="log", ylabel="Condition number")
    side.set(xlabel=r"Lowest $p_T$ of the spectrum [GeV]")
    label(ax, Label(text.left))
    label(side, Label("", text.right))
    return fig


def finding(figures: Mapping[str, Any], text: Label) -> Figure:
    """Part of the leading true jets that are found, and of the jets that are fakes."""
    fig, (ax, below) = plt.subplots(2, 1, figsize=(8, 9))
    edges = np.asarray(figures["edges"])
    for k, one in enumerate(figures["ranges"]):
        name = _named(one, figures["centrality"])
        for axes, key in ((ax, "efficiency"), (below, "fakes")):
            _parts(axes, edges, one[key] or [], color=f"C{k}", label=name)
    ax.axhline(1, color="0.5", lw=1, ls=":")
    ax.set(xlabel=r"True $p_T$ of the leading jet [GeV]", ylabel="Part that is found")
    ax.set(ylim=(0, 1.45), xlim=(edges[0], edges[-1]))
    if figures["ranges"][0]["efficiency"] is None:
        ax.text(0.5, 0.5, "No leading true jet", ha="center", transform=ax.transAxes)
    below.set(xlabel=r"Corrected jet $p_T$ [GeV]", ylabel="Part without a true jet")
    below.set(ylim=(0, 1.45), xlim=(edges[0], edges[-1]))
    _legend(below)
    label(ax, text)
    return fig


def _parts(
    ax: Axes, edges: NDArray, parts: Sequence[Mapping[str, float] | None], **how: Any
) -> None:
    bins = [
        None if part is None else {"low": low, "high": high, "part": part}
        for part, low, high in zip(parts, edges[:-1], edges[1:], strict=False)
    ]
    _drawn(ax, bins, ("part",), **how)


def priors(figures: Mapping[str, Any], text: Label) -> Figure:
    """Bias in bins of the true value for the jets of each sample."""
    fig, ax = plt.subplots(figsize=(8, 6.5))
    names = list(figures["samples"])
    for k, name in enumerate(names):
        bins = figures["samples"][name]
        _drawn(ax, bins, ("bias",), color=f"C{k}", label=name_of(name))
    ax.axhspan(-GOAL, GOAL, color="0.85", zorder=0, lw=0)
    ax.axhline(0, color="0.5", lw=1)
    ax.set(xlabel=TRUE, ylabel=r"Mean of $p_T - p_T^\mathrm{true}$ [GeV]")
    _headroom(ax, 0.15 + 0.1 * len(names))
    _legend(ax)
    label(ax, text)
    return fig


def closure(figures: Mapping[str, Any], text: Label) -> Figure:
    """Unfolded over true spectrum of the half of the events that did not make the response."""
    fig, ax = plt.subplots(figsize=(8, 6))
    edges = np.asarray(figures["edges"])
    _parts(ax, edges, figures["closure"], color="C0", label="Unfolded / true")
    ax.axhline(1, color="0.5", lw=1)
    if figures["lowest"] is not None:
        title = f"Condition number at most 10 from {figures['lowest']:g} GeV on"
        ax.axvline(figures["lowest"], color="C3", ls=":", label=title)
    ax.set(xlabel=TRUE, ylabel="Unfolded / true spectrum", xlim=(edges[0], edges[-1]))
    _headroom(ax, 0.3)
    _legend(ax)
    label(ax, text)
    return fig
