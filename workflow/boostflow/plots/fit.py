"""Plots of what is fitted: regions before and after the fit, and systematics."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import matplotlib.pyplot as plt
import mplhep
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from boostflow.config.systematics import AnySystematic
from boostflow.effects import affects, files_of, sides
from boostflow.plots.style import Label, axis_label, colour, label, name_of
from boostflow.plots.words import fitted_data, symbol
from boostflow.templates.files import TemplateSet


def _ratio_figure() -> tuple[Figure, Axes, Axes]:
    fig, (ax, low) = plt.subplots(
        2, 1, sharex=True, figsize=(7.5, 7.5), gridspec_kw={"height_ratios": [3, 1]}
    )
    return fig, ax, low


def region(
    name: str,
    yields: Mapping[str, Any],
    fit: Mapping[str, Any],
    stage: str,
    text: Label,
) -> Figure:
    """Events of a region before or after the fit: stacked processes, signal, uncertainty, data.

    The ratio panel shows data / background, so that the signal stands out, and the expectation with
    signal as a line with its uncertainty. Collision data that was not fitted is drawn before the
    fit, where it may be seen. Points outside of the panel are arrows at its edge.

    Args:
        name: of the region.
        yields: its entry of yields.json.
        fit: fit.json (`pois` with their samples, `variable`, `data`).
        stage: `prefit` or `postfit`.
        text: above the axes.
    """
    edges, pois, variable = np.asarray(yields["edges"]), fit["pois"], fit["variable"]
    signal = [sample for poi in pois.values() for sample in poi["samples"]]
    expected = {n: np.asarray(part["values"]) for n, part in yields[stage].items()}
    total, error = expected.pop("total"), np.asarray(yields[stage]["total"]["errors"])
    title = fitted_data(fit["data"])
    data = np.asarray(yields["data"])
    if stage == "prefit" and "unfitted" in yields:
        data, title = np.asarray(yields["unfitted"]), "Data (not fitted)"
    samples = list(expected)
    background = sorted(
        (s for s in samples if s not in signal and expected[s].sum() > 1e-3),
        key=lambda s: expected[s].sum(),
    )
    base = np.sum([expected[s] for s in background], axis=0) + np.zeros(len(data))
    fig, ax, low = _ratio_figure()
    if background:
        mplhep.histplot(
            [expected[s] for s in background],
            edges,
            ax=ax,
            stack=True,
            histtype="fill",
            color=[colour(s, samples) for s in background],
            label=[name_of(s) for s in background],
        )
    below, alone = base, {}
    for parameter, poi in pois.items():
        values = np.sum([expected[s] for s in poi["samples"] if s in expected], axis=0)
        shade = colour(poi["samples"][0], samples)
        called = " + ".join(name_of(s) for s in poi["samples"])
        mu = 1.0 if stage == "prefit" else poi["value"]
        alone[f"{called} alone"] = values
        ax.stairs(
            below + values,
            edges,
            baseline=below,
            fill=True,
            color=shade,
            label=f"{called} ({symbol(parameter)} = {mu:.2f})",
        )
        below = below + values
    for (title_alone, values), line in zip(alone.items(), cycle(("--", ":", "-.")), strict=False):
        ax.stairs(values, edges, color="black", ls=line, lw=1.2, label=title_alone)
    hatch = {"fill": True, "facecolor": "none", "edgecolor": "0.35", "hatch": "////", "lw": 0}
    ax.stairs(
        total + error,
        edges,
        baseline=np.maximum(total - error, 1e-9),
        label="Pre-fit uncertainty" if stage == "prefit" else "Post-fit uncertainty",
        **hatch,
    )
    centres = (edges[1:] + edges[:-1]) / 2
    ax.errorbar(centres, data, np.sqrt(data), fmt="ko", ms=4, label=title)
    top = max((total + error).max(), data.max())
    # Down to the smallest process that one would look for, at most six decades.
    parts = np.concatenate([values[values > 0.1] for values in expected.values()])
    floor = max(parts.min(initial=top) / 2, 1e-6 * top)
    ax.set(yscale="log", ylim=(floor, top * (top / floor) ** 0.5))
    widths = np.diff(edges)
    uniform = np.allclose(widths, widths[0]) and axis_label(variable).endswith("[GeV]")
    ax.set_ylabel(f"Events / {widths[0]:g} GeV" if uniform else "Events / bin")
    ax.legend(
        ncols=2, loc="upper right", title=f"Region {name}", fontsize=12 if len(pois) == 1 else 10.5
    )
    filled = base > 1e-3
    safe = np.where(filled, base, 1.0)
    ratio, width = np.where(filled, total / safe, 1), np.where(filled, error / safe, 0)
    low.stairs(ratio + width, edges, baseline=np.maximum(ratio - width, 1e-9), **hatch)
    low.stairs(ratio, edges, color=colour(signal[0], samples), lw=1.5, baseline=None)
    low.errorbar(
        centres[filled], (data / safe)[filled], (np.sqrt(data) / safe)[filled], fmt="ko", ms=4
    )
    low.axhline(1, color="0.3", lw=1)
    limit = np.max(np.where(filled, np.maximum(data, total) / safe, 1), initial=1.0)
    if limit > 5:
        low.set(yscale="log", ylim=(0.3, 3 * limit))
    else:
        reach = max(limit - 1, np.max(np.where(filled, width, 0)), 0.1)
        low.set_ylim(max(1 - 1.3 * reach, 0), 1 + 1.5 * reach)
    _point_beyond(low, centres[filled], (data / safe)[filled])
    low.set(xlabel=axis_label(variable), ylabel="Data / bkg.", xlim=(edges[0], edges[-1]))
    label(ax, text)
    return fig


def _point_beyond(ax: Axes, x: NDArray, values: NDArray) -> None:
    """Arrows at the edge of a panel for points that lie outside of it."""
    low, high = ax.get_ylim()
    for beyond, place, marker in ((values < low, 0.06, "v"), (values > high, 0.94, "^")):
        if beyond.any():
            where = {"transform": ax.get_xaxis_transform(), "ls": "", "color": "k", "ms": 6}
            ax.plot(x[beyond], np.full(beyond.sum(), place), marker=marker, **where)


def systematic(
    name: str,
    declared: AnySystematic,
    templates: Mapping[str, TemplateSet],
    pois: Mapping[str, Mapping[str, Any]],
    text: Label,
) -> Figure:
    """Up and down over nominal of one systematic, for signals and background in each region.

    Thick lines are what the fit uses, thin ones the templates that it is made of, where they
    differ (envelopes, replicas, smoothing...). The grey band is the statistical error of the
    nominal template.
    """
    nominal = templates["nominal"]
    files = files_of(name, declared)
    rows = {
        "Signal" if len(pois) == 1 else " + ".join(map(name_of, found["samples"])): found["samples"]
        for found in pois.values()
    }
    signal = [sample for samples in rows.values() for sample in samples]
    background = [s for s in next(iter(nominal.values())) if s not in signal]
    if background:  # none is left where all of it is taken from data
        rows["Background"] = background
    width, height = 5.4 * len(nominal) + 0.6, 1.9 + 3.1 * len(rows)
    # Panels of one size at fixed places: to find places for many takes longer than to draw them.
    fig, axes = plt.subplots(
        len(rows),
        len(nominal),
        figsize=(width, height),
        sharex=True,
        squeeze=False,
        layout="none",
        gridspec_kw={
            "left": 0.95 / width,
            "right": 1 - 0.2 / width,
            "bottom": 1.5 / height,
            "top": 1 - 0.65 / height,
            "wspace": 0.25,
            "hspace": 0.16,
        },
    )
    for column, region in enumerate(nominal):
        for row, (title, samples) in enumerate(rows.items()):
            ax = axes[row, column]
            members = [s for s in nominal[region] if s in samples]
            _ratio(ax, region, members, declared, templates, files)
            ax.set_title(f"{title}, region {region}", fontsize=13, pad=24 if row == 0 else 6)
            if column == 0:
                ax.set_ylabel("Varied / nominal", fontsize=14)
            ax.minorticks_off()
        axes[-1, column].set_xlabel(axis_label(next(iter(nominal[region].values())).variable))
    # Beside the panels: anywhere in them it would cover some curve.
    fig.legend(
        *axes[0, 0].get_legend_handles_labels(),
        fontsize=12,
        title=declared.title or name,
        title_fontsize=13,
        ncols=3,
        loc="lower center",
    )
    label(axes[0, 0], Label(text.left))
    label(axes[0, -1], Label("", text.right))
    return fig


def _ratio(
    ax: Axes,
    region: str,
    members: list[str],
    declared: AnySystematic,
    templates: Mapping[str, TemplateSet],
    files: list[str],
) -> None:
    """Draw the ratios of the sum of some samples in one region."""
    nominal = templates["nominal"][region]
    edges = next(iter(nominal.values())).edges
    zero = np.zeros(len(edges) - 1)
    total = sum((nominal[s].values for s in members), zero)
    error = np.sqrt(sum((nominal[s].variances for s in members), zero))
    filled = total > 0
    safe = np.where(filled, total, 1.0)
    ax.stairs(
        np.where(filled, 1 + error / safe, 1),
        edges,
        baseline=np.where(filled, 1 - error / safe, 1),
        fill=True,
        color="0.85",
        label="Nominal, statistics",
    )
    ax.axhline(1, color="0.4", lw=1)
    reach = 0.02
    varied = {file: zero.copy() for file in [*files, "up", "down"]}
    for s in members:
        touched = affects(declared, region, s)
        parts = [(templates[f][region][s] if touched else nominal[s]).values for f in files]
        used = sides(declared, nominal[s], parts) if touched else [nominal[s].values] * 2
        for file, values in zip(varied, [*parts, *used], strict=True):
            varied[file] += values
    final = {side: varied.pop(side) for side in ("up", "down")}
    for values in varied.values():
        if not any(np.allclose(values, side) for side in final.values()):
            ax.stairs(np.where(filled, values / safe, np.nan), edges, color="0.55", baseline=None)
    for (side, values), shade in zip(final.items(), ("C3", "C0"), strict=True):
        ratio = np.where(filled, values / safe, np.nan)
        ax.stairs(ratio, edges, color=shade, lw=2, label=side.capitalize(), baseline=None)
        if not filled.any():
            continue
        ax.text(
            0.97,
            0.94 if side == "up" else 0.87,
            f"{side}: yield {100 * (values.sum() / total.sum() - 1):+.1f} %",
            transform=ax.transAxes,
            ha="right",
            va="top",
            size=12,
            color=shade,
            bbox={"facecolor": "white", "alpha": 0.8, "lw": 0, "pad": 1},
        )
        reach = max(reach, float(np.nanquantile(np.abs(ratio - 1), 0.9)))
    reach = min(reach, 1.0)
    ax.set(ylim=(1 - 1.5 * reach, 1 + 2.2 * reach), xlim=(edges[0], edges[-1]))
