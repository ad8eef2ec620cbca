"""Plots of the statistical analysis: templates before the fit, systematics, ranking, breakdown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import mplhep
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from boostflow.config.systematics import AnySystematic
from boostflow.infer.effects import sides
from boostflow.infer.workspace import affects, files_of
from boostflow.plots.style import Label, axis_label, colour, label, name_of
from boostflow.templates.files import TemplateSet


def _ratio_figure() -> tuple[Figure, Axes, Axes]:
    fig, (ax, low) = plt.subplots(
        2, 1, sharex=True, figsize=(7.5, 7.5), gridspec_kw={"height_ratios": [3, 1]}
    )
    return fig, ax, low


def prefit(
    spec: Mapping[str, Any], fit: Mapping[str, Any], variable: str, text: Label
) -> dict[str, Figure]:
    """Expected events per region: stacked processes, signal as a line, total pre-fit uncertainty.

    The band holds all parameters of the workspace at their pre-fit errors, uncorrelated
    (cabinetry's propagation). The ratio panel shows (data or Asimov data) / background, so that the
    signal stands out where it matters.

    Args:
        spec: the workspace.
        fit: fit.json (`edges` of the merged bins, `signal` samples).
        variable: on the axis.
        text: above the axes.
    """
    from cabinetry.model_utils import model_and_data, prediction

    model, _ = model_and_data(spec)
    expected = prediction(model)
    samples = model.config.samples
    signal = fit["signal"]
    result = {}
    for index, channel in enumerate(model.config.channels):
        edges = np.asarray(fit["edges"][channel])
        yields = dict(zip(samples, np.asarray(expected.model_yields[index]), strict=True))
        error = np.asarray(expected.total_stdev_model_bins[index][-1])
        data = np.asarray(next(o["data"] for o in spec["observations"] if o["name"] == channel))
        background = sorted(
            (name for name in samples if name not in signal and yields[name].sum() > 1e-3),
            key=lambda name, y=yields: y[name].sum(),
        )
        base = np.sum([yields[name] for name in background], axis=0) + np.zeros(len(data))
        signals = np.sum([yields[name] for name in signal if name in yields], axis=0)
        total = base + signals
        fig, ax, low = _ratio_figure()
        if background:
            mplhep.histplot(
                [yields[name] for name in background],
                edges,
                ax=ax,
                stack=True,
                histtype="fill",
                color=[colour(name, samples) for name in background],
                label=[name_of(name) for name in background],
            )
        shade = colour(signal[0], samples)
        title = " + ".join(name_of(name) for name in signal)
        ax.stairs(total, edges, baseline=base, fill=True, color=shade, label=f"{title} (signal)")
        ax.stairs(signals, edges, color="black", ls="--", lw=1.2, label=f"{title} alone")
        ax.stairs(
            total + error,
            edges,
            baseline=np.maximum(total - error, 1e-9),
            fill=True,
            facecolor="none",
            edgecolor="0.35",
            hatch="////",
            lw=0,
            label="Pre-fit uncertainty",
        )
        centres = (edges[1:] + edges[:-1]) / 2
        ax.errorbar(centres, data, np.sqrt(data), fmt="ko", ms=4, label="Asimov data")
        top = (total + error).max()
        # Down to the smallest process that one would look for, at most six decades.
        parts = np.concatenate([values[values > 0.1] for values in yields.values()])
        floor = max(parts.min(initial=top) / 2, 1e-6 * top)
        ax.set(yscale="log", ylim=(floor, top * (top / floor) ** 0.45))
        widths = np.diff(edges)
        uniform = np.allclose(widths, widths[0]) and axis_label(variable).endswith("[GeV]")
        ax.set_ylabel(f"Events / {widths[0]:g} GeV" if uniform else "Events / bin")
        ax.legend(ncols=2, loc="upper right", title=f"Region {channel}", fontsize=12)
        filled = base > 1e-3
        safe = np.where(filled, base, 1.0)
        low.stairs(
            np.where(filled, 1 + error / safe, 1),
            edges,
            baseline=np.where(filled, np.maximum(1 - error / safe, 0), 1),
            fill=True,
            facecolor="none",
            edgecolor="0.35",
            hatch="////",
            lw=0,
        )
        low.errorbar(
            centres[filled], (data / safe)[filled], (np.sqrt(data) / safe)[filled], fmt="ko", ms=4
        )
        low.axhline(1, color="0.3", lw=1)
        limit = np.nanmax(np.where(filled, data / safe, np.nan)) if filled.any() else 2.0
        if limit > 5:
            low.set(yscale="log", ylim=(0.3, 3 * limit))
        else:
            low.set_ylim(0, max(2.0, 1.2 * limit))
        low.set(xlabel=axis_label(variable), ylabel="Data / bkg.", xlim=(edges[0], edges[-1]))
        label(ax, text)
        result[channel] = fig
    return result


def systematic(
    name: str,
    declared: AnySystematic,
    templates: Mapping[str, TemplateSet],
    signal: list[str],
    text: Label,
) -> Figure:
    """Up and down over nominal of one systematic, for signal and background in each region.

    Thick lines are what the fit uses, thin ones the templates that it is made of, where they
    differ (envelopes, replicas, smoothing...). The grey band is the statistical error of the
    nominal template.
    """
    nominal = templates["nominal"]
    files = files_of(name, declared)
    fig, axes = plt.subplots(
        2, len(nominal), figsize=(5.4 * len(nominal) + 0.6, 7.2), sharex=True, squeeze=False
    )
    for column, region in enumerate(nominal):
        for row, title in enumerate(("Signal", "Background")):
            ax = axes[row, column]
            members = [s for s in nominal[region] if (s in signal) == (title == "Signal")]
            _ratio(ax, region, members, declared, templates, files)
            ax.set_title(f"{title}, region {region}", fontsize=13, pad=24 if row == 0 else 6)
            ax.set_ylabel("Varied / nominal", fontsize=14)
        axes[1, column].set_xlabel(axis_label(next(iter(nominal[region].values())).variable))
    axes[0, 0].legend(
        fontsize=11, title=declared.title or name, title_fontsize=12, loc="upper left"
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
        change = values.sum() / total.sum() - 1 if total.sum() > 0 else np.nan
        ax.stairs(ratio, edges, color=shade, lw=2, label=side.capitalize(), baseline=None)
        ax.text(
            0.97,
            0.94 if side == "up" else 0.87,
            f"{side}: yield {100 * change:+.1f} %",
            transform=ax.transAxes,
            ha="right",
            va="top",
            size=12,
            color=shade,
        )
        if filled.any():
            reach = max(reach, float(np.nanquantile(np.abs(ratio - 1), 0.9)))
    reach = min(reach, 1.0)
    ax.set(ylim=(1 - 1.5 * reach, 1 + 2.2 * reach), xlim=(edges[0], edges[-1]))


def ranking(
    fit: Mapping[str, Any], titles: Mapping[str, str], text: Label, most: int = 20
) -> Figure:
    """Pulls (left) and impacts on mu (right) of the parameters that matter most."""
    entries = fit["parameters"][:most][::-1]
    size = range(len(entries))
    fig, (left, right) = plt.subplots(
        1,
        2,
        sharey=True,
        figsize=(11.5, 0.36 * len(entries) + 2.2),
        gridspec_kw={"width_ratios": [1, 1.3]},
    )
    left.axvspan(-1, 1, color="0.92")
    left.axvline(0, color="0.5", lw=1)
    left.errorbar(
        [e["pull"] for e in entries], size, xerr=[e["constraint"] for e in entries], fmt="ko", ms=4
    )
    names = [f"{_title(e['name'], titles)} ({e['group']})" for e in entries]
    left.set_yticks(size, names, fontsize=11)
    left.set(xlabel=r"$(\hat\theta - \theta_0)/\Delta\theta$", xlim=(-2.2, 2.2))
    for side, shade in (("up", "C3"), ("down", "C0")):
        right.barh(
            size,
            [e[side] for e in entries],
            color=shade,
            alpha=0.75,
            height=0.7,
            label=rf"$\hat\theta {'+' if side == 'up' else '-'} \sigma_\theta$ (post-fit)",
        )
    right.axvline(0, color="0.3", lw=1)
    widest = max((max(abs(e["up"]), abs(e["down"])) for e in entries), default=1.0)
    right.set(xlabel=r"$\Delta\hat\mu$", xlim=(-1.25 * widest, 1.25 * widest))
    right.legend(fontsize=11, loc="lower right")
    for ax in (left, right):
        ax.tick_params(axis="y", which="both", left=False, right=False)
        ax.set_ylim(-0.8, len(entries) - 0.2)
    label(left, Label(text.left))
    label(right, Label("", text.right))
    return fig


def _title(parameter: str, titles: Mapping[str, str]) -> str:
    """A parameter for the reader: bins of a region count from 1."""
    bin_of = re.fullmatch(r"staterror_(\w+)\[(\d+)\]", parameter)
    if bin_of:
        return f"MC statistics, {bin_of[1]} bin {int(bin_of[2]) + 1}"
    return titles.get(parameter, parameter)


def breakdown(fit: Mapping[str, Any], text: Label) -> Figure:
    """Uncertainty of mu: total and by group."""
    parts = fit["breakdown"]
    names = ["total", "stat", *parts["order"]]
    names = [name for name in names if parts[name]["error"] > 0]
    fig, ax = plt.subplots(figsize=(7.5, 1.9 + 0.75 * len(names)))
    for i, name in enumerate(reversed(names)):
        part = parts[name]
        ax.errorbar(
            fit["mu"]["value"],
            i,
            xerr=[[part["down"]], [part["up"]]],
            fmt="o",
            color="black" if name == "total" else "C0",
            lw=3 if name == "total" else 2,
            capsize=5,
        )
        ax.annotate(
            f"$+${part['up']:.3f}  $-${part['down']:.3f}",
            (1.0, i),
            xytext=(-8, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va="center",
            size=13,
        )
    ax.axvline(fit["mu"]["value"], color="0.6", ls=":")
    ax.set_yticks(range(len(names)), list(reversed(names)))
    ax.tick_params(axis="y", which="both", left=False, right=False)
    reach = max(parts["total"]["up"], parts["total"]["down"])
    ax.set(
        xlim=(fit["mu"]["value"] - 1.25 * reach, fit["mu"]["value"] + 2.3 * reach),
        ylim=(-0.6, len(names) - 0.4),
        xlabel=r"Signal strength $\mu$",
    )
    result = fit["text"].replace("mu", r"$\mu$", 1)
    z = fit["significance"]
    kind = "expected" if z["expected"] else "observed"
    ax.set_title(f"{result};  {kind} $Z$ = {z['value']:.2f}", fontsize=12, pad=26)
    label(ax, text)
    return fig
