"""Plots of a background from data: the pass/fail ratio with its function, and the bias."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from boostflow.observables.catalogue import column
from boostflow.plots.style import PALETTE, Label, axis_label, label, name_of
from boostflow.plots.words import fitted_data

TITLES = {
    "bernstein": "Bernstein",
    "chebyshev": "Chebyshev",
    "exp_bernstein": "exp(Bernstein)",
    "exp_chebyshev": "exp(Chebyshev)",
}
"""How legends call the bases."""


def ratio(region: str, found: Mapping[str, Any], text: Label) -> Figure:
    """The events of a background in a pass region, and their ratio to the fail region below.

    Points are what was fitted less all other samples, and the simulation; the line is the fitted
    function with its error. In hidden windows there are no data, and the function is a prediction.

    Args:
        region: pass region, or validation region.
        found: what the checks wrote (`infer.closure`).
        text: above the axes.
    """
    apart = found["validation"].get("regions", {})
    mine = apart[region] if region in apart else found["regions"][region]
    edges = np.asarray(mine["edges"])
    centres, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    values, errors = (np.asarray(mine["function"][key]) for key in ("values", "errors"))
    fig, (ax, low) = plt.subplots(
        2, 1, sharex=True, figsize=(7.5, 8.0), gridspec_kw={"height_ratios": [3, 1]}
    )
    function = f"{TITLES[found['basis']]}, order {order_of(mine)}"
    ax.stairs(
        values + errors,
        edges,
        baseline=values - errors,
        fill=True,
        color=PALETTE[0],
        alpha=0.35,
        label="Error of the fit",
    )
    ax.stairs(values, edges, color=PALETTE[0], lw=2, baseline=None, label=function)
    seen = {key: _numbers(mine["points"][key]) for key in ("values", "errors")}
    pulls, simulated = _numbers(mine["pulls"]), mine["simulation"]
    for panel in (ax, low):
        for k, i in enumerate(np.flatnonzero(np.isnan(seen["values"]))):
            title = "Data hidden" if panel is ax and not k else None
            panel.axvspan(edges[i], edges[i + 1], color="0.93", lw=0, zorder=0, label=title)
    ax.errorbar(
        centres + 0.15 * half,
        simulated["values"],
        simulated["errors"],
        fmt="s",
        color="0.55",
        mfc="white",
        ms=5,
        label="Simulation",
    )
    kind = fitted_data(mine["points"]["kind"])
    ax.errorbar(centres, seen["values"], seen["errors"], fmt="ko", ms=4, label=kind)
    top = max(np.max(values + errors), np.nanmax(seen["values"] + seen["errors"]))
    ax.set_ylim(0, 1.4 * top)
    ax.set_ylabel(f"{name_of(found['name'])}: {region} / {mine['fail']}")
    p = mine["closure"]["p"]
    own = "not tested" if p is None else f"p = {p:.2g}"
    # Beside the panels: the errors of few simulated events reach everywhere.
    fig.legend(
        *ax.get_legend_handles_labels(),
        fontsize=12,
        title=f"{'Validation region' if region in apart else 'Region'} {region}; simulation"
        f" against its own fit: {own}",
        title_fontsize=13,
        ncols=4,
        loc="outside lower center",
    )
    low.axhline(0, color="0.3", lw=1)
    low.stairs(pulls, edges, baseline=None, color="black", lw=1.4, label="Fit to data")
    low.plot(
        centres, mine["closure"]["pulls"], "s", color="0.55", mfc="white", ms=5, label="Simulation"
    )
    reach = max(3.0, 1.1 * np.nanmax(np.abs([*pulls, *mine["closure"]["pulls"]])))
    low.set(
        xlabel=axis_label(found["variable"]),
        ylabel="Pull",
        ylim=(-reach, reach),
        xlim=(edges[0], edges[-1]),
    )
    label(ax, text)
    return fig


def _numbers(values: Sequence[float | None]) -> NDArray:
    """Values, NaN where they are hidden (null)."""
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def order_of(entry: Mapping[str, Any]) -> str:
    """The order of a function as a text: of one variable, or of each of two."""
    order = entry["order"]
    return str(order) if isinstance(order, int) else " x ".join(map(str, order))


def curves(name: str, found: Mapping[str, Any], text: Label) -> Figure:
    """A function of two variables: a curve with its error for each range of the second one.

    Args:
        name: of the function.
        found: what the checks wrote (`infer.closure`).
        text: above the axes.
    """
    fig, ax = plt.subplots(figsize=(7.5, 6.5))
    mine = {region: x for region, x in found["regions"].items() if x["of"] == name}
    top = 0.0
    along = column(found["along"])
    for i, (region, entry) in enumerate(mine.items()):
        edges, color = np.asarray(entry["edges"]), PALETTE[i % len(PALETTE)]
        centres, width = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
        values, errors = (np.asarray(entry["function"][key]) for key in ("values", "errors"))
        ax.fill_between(centres, values - errors, values + errors, color=color, alpha=0.3, lw=0)
        at = f"{along.title} {entry['at']:.4g} {along.unit.value}".rstrip()
        ax.plot(centres, values, color=color, lw=2, label=f"{region} ({at})")
        shift = 0.3 * width * ((i + 0.5) / len(mine) - 0.5)
        seen, bars = (_numbers(entry["points"][key]) for key in ("values", "errors"))
        ax.errorbar(centres + shift, seen, bars, fmt="o", ms=3.5, lw=1, color=color)
        top = max(top, np.max(values + errors), np.nanmax(seen + bars))
    ax.set(
        xlabel=axis_label(found["variable"]),
        ylabel=f"{name_of(found['name'])}: pass / fail",
        xlim=(edges[0], edges[-1]),
        ylim=(0, 1.1 * top),
    )
    data = fitted_data(entry["points"]["kind"])
    function = f"{TITLES[found['basis']]}, order {order_of(entry)}; points: {data}"
    fig.legend(
        *ax.get_legend_handles_labels(),
        fontsize=12,
        title=function,
        title_fontsize=13,
        ncols=2,
        loc="outside lower center",
    )
    label(ax, text)
    return fig


def bias(found: Mapping[str, Any], text: Label) -> Figure:
    """Mean pull of each parameter of interest against the injected signal, and what is accepted.

    Args:
        found: what the checks wrote (`infer.closure`).
        text: above the axes.
    """
    fig, ax = plt.subplots(figsize=(7.5, 5.5))
    ax.axhspan(-0.2, 0.2, color="0.88", label="20 % of the error")
    ax.axhline(0, color="0.3", lw=1)
    rows = found["bias"]
    series = list(dict.fromkeys((row["poi"], row["truth"]) for row in rows))
    for i, (poi, truth) in enumerate(series):
        mine = [row for row in rows if (row["poi"], row["truth"]) == (poi, truth)]
        shift = 0.08 * (i - (len(series) - 1) / 2)
        ax.errorbar(
            [row["injected"] + shift for row in mine],
            [row["mean"] for row in mine],
            [row["mean_error"] for row in mine],
            fmt="o" if truth == "same function" else "s",
            color=PALETTE[i],
            label=f"{poi}, toys of the {truth}",
        )
    size = max(abs(row["mean"]) + row["mean_error"] for row in rows)
    reach = max(0.5, 1.15 * size)
    ax.set(
        xlabel="Injected signal strength",
        ylabel="Mean of (fitted - injected) / error",
        ylim=(-reach, 1.9 * reach),
    )
    ax.legend(loc="upper left", fontsize=12)
    label(ax, text)
    return fig
