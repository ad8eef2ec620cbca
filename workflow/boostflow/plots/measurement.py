"""The figure of the measurement: spectra after the fit where the signals show, in one figure."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from boostflow.plots.style import Label, axis_label, colour, label, name_of
from boostflow.plots.words import fitted_data, symbol
from boostflow.quoted import plus_minus

MOST = 3
"""Regions that are drawn, those that measure best."""
TENTH = 0.1
"""Part of the best region's information from which on another one is drawn, too."""
HATCH = {"fill": True, "facecolor": "none", "edgecolor": "0.3", "hatch": "////", "lw": 0}


class Measured(NamedTuple):
    """A parameter of interest with the samples that it scales."""

    name: str
    samples: list[str]
    value: float
    up: float
    down: float


def parameters(fit: Mapping[str, Any]) -> list[Measured]:
    """The parameters of interest of fit.json, in their order."""
    return [
        Measured(name, *(found[key] for key in ("samples", "value", "up", "down")))
        for name, found in fit["pois"].items()
    ]


def shown(yields: Mapping[str, Any], found: list[Measured]) -> list[str]:
    """Regions where a signal shows, in the order of yields.json.

    For each parameter the regions are judged by the sum over bins of s^2 / (s + b) before the fit,
    which is the inverse square of the parameter's statistical error in that region alone; the best
    one is shown, and others with at least `TENTH` of its, at most `MOST` in all.
    """
    worth: dict[str, float] = {}
    for parameter in found:
        each = {region: _information(entry, parameter) for region, entry in yields.items()}
        best = max(each.values())
        for region, information in each.items():
            part = information / best if best > 0 else 0.0
            worth[region] = max(worth.get(region, 0.0), part)
    if not any(worth.values()):
        return [*yields][:1]
    kept = sorted((r for r in worth if worth[r] >= TENTH), key=lambda r: -worth[r])[:MOST]
    return [region for region in yields if region in kept]


def _information(entry: Mapping[str, Any], parameter: Measured) -> float:
    expected = entry["prefit"]
    total = np.asarray(expected["total"]["values"])
    own = [np.asarray(expected[s]["values"]) for s in parameter.samples if s in expected]
    signal = np.sum([np.zeros(len(total)), *own], axis=0)
    filled = total > 0
    return float(np.sum(signal[filled] ** 2 / total[filled]))


def measurement(yields: Mapping[str, Any], fit: Mapping[str, Any], text: Label) -> Figure:
    """Spectra after the fit of the regions `shown`: data, background, signals on top of it.

    Below, all divided by the background, where the signals stand above 1; the hatched band is the
    uncertainty of the sum after the fit.

    Args:
        yields: yields.json.
        fit: fit.json.
        text: above the axes.
    """
    found = parameters(fit)
    regions = shown(yields, found)
    width = 6.2 * len(regions) + 1.3 if len(regions) > 1 else 8.2
    fig, axes = plt.subplots(
        2,
        len(regions),
        sharex="col",
        squeeze=False,
        figsize=(width, 7.4),
        gridspec_kw={"height_ratios": [2.4, 1]},
    )
    for i, region in enumerate(regions):
        ax, low = axes[:, i]
        _spectrum(ax, low, yields[region], fit, found)
        ax.legend(title=f"Region {region}", loc="upper right", fontsize=11.5, title_fontsize=13)
        low.set_xlabel(axis_label(fit["variable"]))
    axes[1, 0].set_ylabel("Ratio to bkg.")
    label(axes[0, 0], Label(text.left))
    label(axes[0, -1], Label("", text.right))
    fig.draw_without_rendering()
    for ax, region in zip(axes[0], regions, strict=True):
        _make_room(ax, yields[region])
    return fig


def _spectrum(
    ax: Axes, low: Axes, entry: Mapping[str, Any], fit: Mapping[str, Any], found: list[Measured]
) -> None:
    """Draw one region: the spectrum, and below it all over the background."""
    edges, data = np.asarray(entry["edges"]), np.asarray(entry["data"])
    after = {name: np.asarray(part["values"]) for name, part in entry["postfit"].items()}
    total, error = after.pop("total"), np.asarray(entry["postfit"]["total"]["errors"])
    signals = {s for parameter in found for s in parameter.samples}
    background = sorted(
        (s for s in after if s not in signals and after[s].sum() > 1e-3),
        key=lambda s: -after[s].sum(),
    )
    scale = _scale(edges)
    unit = "GeV" if axis_label(fit["variable"]).endswith("[GeV]") else ""
    per = unit or "unit of the axis" if scale[0] != 1 else f"{edges[1] - edges[0]:g} {unit}".strip()
    ax.set_ylabel(f"Events / {per}")
    centres = (edges[1:] + edges[:-1]) / 2
    errors = np.sqrt(data)
    ax.errorbar(
        centres,
        data / scale,
        errors / scale,
        fmt="ko",
        ms=4,
        label=fitted_data(fit["data"]),
        zorder=5,
    )
    below, samples = np.zeros(len(data)), list(after)
    for name in background:
        _layer(ax, edges, below, after[name], scale, colour(name, samples), name_of(name))
        below = below + after[name]
    base = below
    filled = base > 1e-3
    safe = np.where(filled, base, np.inf)
    height = np.ones(len(data))
    for parameter in found:
        own = [after[s] for s in parameter.samples if s in after]
        if not own:
            continue
        values, shade = np.sum(own, axis=0), colour(parameter.samples[0], samples)
        # No line ends within a name.
        names = [
            name_of(s).replace(" ", "\N{NO-BREAK SPACE}") for s in parameter.samples if s in after
        ]
        called = textwrap.fill(", ".join(names), 22)
        quoted = f"{parameter.value:.2f} {plus_minus(parameter.up, parameter.down)}"
        value = f"{called}\n{symbol(parameter.name)} = {quoted}"
        _layer(ax, edges, below, values, scale, shade, value)
        below = below + values
        _layer(low, edges, height, values / safe, np.ones(len(data)), shade, None)
        height = height + values / safe
    ax.stairs(
        (total + error) / scale,
        edges,
        baseline=np.maximum(total - error, 0) / scale,
        label="Uncertainty",
        zorder=4,
        **HATCH,
    )
    ax.set(xlim=(edges[0], edges[-1]), ylim=(0, 1.1 * _heights(entry).max() or 1.0))
    low.stairs(
        np.where(filled, (total + error) / safe, 1),
        edges,
        baseline=np.where(filled, (total - error) / safe, 1),
        zorder=4,
        **HATCH,
    )
    ratio, spread = (data / safe)[filled], (errors / safe)[filled]
    low.errorbar(centres[filled], ratio, spread, fmt="ko", ms=4, zorder=5)
    low.axhline(1, color="0.3", lw=1)
    low.set_ylim(*_reach(ratio, spread, height[filled]))


def _scale(edges: NDArray) -> NDArray:
    """What bins are divided by: 1, or widths that differ, where the spectrum would jump."""
    widths = np.diff(edges)
    return np.ones(len(widths)) if np.allclose(widths, widths[0]) else widths


def _heights(entry: Mapping[str, Any]) -> NDArray:
    """The upper end of what is drawn in each bin, points and band."""
    data, total = np.asarray(entry["data"]), entry["postfit"]["total"]
    ends = np.maximum(data + np.sqrt(data), np.add(total["values"], total["errors"]))
    return ends / _scale(np.asarray(entry["edges"]))


def _make_room(ax: Axes, entry: Mapping[str, Any]) -> None:
    """Raise the upper end of a drawn axis until its legend covers nothing."""
    legend, heights = ax.get_legend(), _heights(entry)
    assert legend is not None
    box = legend.get_window_extent().transformed(ax.transAxes.inverted())
    left = ax.get_xlim()[0] + box.x0 * np.diff(ax.get_xlim())[0]
    under = heights[np.asarray(entry["edges"])[1:] > left].max(initial=0.0)
    # The lines of the legend stay where they are while the axis is scaled.
    room = max(box.y0 - 0.03, 0.2)
    ax.set_ylim(0, max(1.15 * heights.max(), under / room) or 1.0)


def _layer(
    ax: Axes,
    edges: NDArray,
    below: NDArray,
    values: NDArray,
    scale: NDArray,
    shade: str,
    title: str | None,
) -> None:
    """One layer of a stack."""
    ax.stairs(
        (below + values) / scale, edges, baseline=below / scale, fill=True, color=shade, label=title
    )


def _reach(ratio: NDArray, spread: NDArray, height: NDArray) -> tuple[float, float]:
    """Range of the lower panel: the signals and most of the points, never more than 0 to 10."""
    if not len(ratio):
        return 0.0, 2.0
    high = max(height.max(), float(np.quantile(ratio + spread, 0.9)), 1.02)
    low = min(float(np.quantile(ratio - spread, 0.1)), 0.98)
    margin = 0.15 * (high - low)
    return max(low - margin, 0.0), min(high + margin, 10.0)
