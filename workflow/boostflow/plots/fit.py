"""Plots of the statistical analysis: regions, systematics, parameters, the likelihood, limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
        fit: fit.json (`signal` samples, `variable`, `data`).
        stage: `prefit` or `postfit`.
        text: above the axes.
    """
    edges, signal, variable = np.asarray(yields["edges"]), fit["signal"], fit["variable"]
    expected = {n: np.asarray(part["values"]) for n, part in yields[stage].items()}
    total, error = expected.pop("total"), np.asarray(yields[stage]["total"]["errors"])
    title = kind_of(fit)
    data = np.asarray(yields["data"])
    if stage == "prefit" and "unfitted" in yields:
        data, title = np.asarray(yields["unfitted"]), "Data (not fitted)"
    samples = list(expected)
    background = sorted(
        (s for s in samples if s not in signal and expected[s].sum() > 1e-3),
        key=lambda s: expected[s].sum(),
    )
    base = np.sum([expected[s] for s in background], axis=0) + np.zeros(len(data))
    signals = np.sum([expected[s] for s in signal if s in expected], axis=0)
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
    shade = colour(signal[0], samples)
    called = " + ".join(name_of(s) for s in signal)
    mu = 1.0 if stage == "prefit" else fit["mu"]["value"]
    ax.stairs(
        total, edges, baseline=base, fill=True, color=shade, label=rf"{called} ($\mu$ = {mu:.2f})"
    )
    ax.stairs(signals, edges, color="black", ls="--", lw=1.2, label=f"{called} alone")
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
    ax.legend(ncols=2, loc="upper right", title=f"Region {name}", fontsize=12)
    filled = base > 1e-3
    safe = np.where(filled, base, 1.0)
    ratio, width = np.where(filled, total / safe, 1), np.where(filled, error / safe, 0)
    low.stairs(ratio + width, edges, baseline=np.maximum(ratio - width, 1e-9), **hatch)
    low.stairs(ratio, edges, color=shade, lw=1.5, baseline=None)
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
    # Beside the panels: anywhere in them it would cover some curve.
    fig.legend(
        *axes[0, 0].get_legend_handles_labels(),
        fontsize=12,
        title=declared.title or name,
        title_fontsize=13,
        ncols=3,
        loc="outside lower center",
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
    """Pulls (left) and impacts on mu (right) of the parameters that matter most.

    Impacts: filled with the post-fit error of the parameter, hollow with the pre-fit error.
    """
    entries = fit["parameters"][:most][::-1]
    fig, (left, right) = plt.subplots(
        1,
        2,
        sharey=True,
        figsize=(11.5, 0.36 * len(entries) + 3.0),
        gridspec_kw={"width_ratios": [1, 1.3]},
    )
    left.axvspan(-1, 1, color="0.92")
    left.axvline(0, color="0.5", lw=1)
    # A parameter without a constraint has no pull.
    pulled = [(i, e) for i, e in enumerate(entries) if e["pull"] is not None]
    left.errorbar(
        [e["pull"] for _, e in pulled],
        [i for i, _ in pulled],
        xerr=[e["constraint"] for _, e in pulled],
        fmt="ko",
        ms=4,
    )
    names = [f"{_title(e['name'], titles)} ({e['group'] or 'free'})" for e in entries]
    left.set_yticks(range(len(entries)), names, fontsize=11)
    reach = max([2.2, *(abs(e["pull"]) + e["constraint"] + 0.2 for _, e in pulled)])
    left.set(xlabel=r"$(\hat\theta - \theta_0)/\Delta\theta$", xlim=(-reach, reach))
    for side, shade, sign in (("up", "C3", "+"), ("down", "C0", "-")):
        right.barh(
            range(len(entries)),
            [e[f"prefit_{side}"] or 0 for e in entries],
            facecolor="none",
            edgecolor=shade,
            lw=1.2,
            height=0.8,
            label=rf"pre-fit, $\hat\theta {sign} \Delta\theta$",
        )
        right.barh(
            range(len(entries)),
            [e[side] for e in entries],
            color=shade,
            alpha=0.75,
            height=0.6,
            label=rf"post-fit, $\hat\theta {sign} \hat\sigma_\theta$",
        )
    right.axvline(0, color="0.3", lw=1)
    keys = ("up", "down", "prefit_up", "prefit_down")
    widest = max((abs(e[key] or 0) for e in entries for key in keys), default=1.0) or 1.0
    right.set(xlabel=r"$\Delta\hat\mu$", xlim=(-1.15 * widest, 1.15 * widest))
    for ax in (left, right):
        ax.tick_params(axis="y", which="both", left=False, right=False)
        ax.set_ylim(-0.8, len(entries) - 0.2)
    fig.legend(*right.get_legend_handles_labels(), fontsize=11, ncols=4, loc="outside lower center")
    label(left, Label(text.left))
    label(right, Label("", text.right))
    return fig


def correlation(
    fit: Mapping[str, Any], titles: Mapping[str, str], text: Label, most: int = 25
) -> Figure:
    """Correlations of mu and the parameters with the strongest ones."""
    names, matrix = fit["correlation"]["names"], np.asarray(fit["correlation"]["matrix"])
    strongest = np.abs(matrix - np.eye(len(names))).max(axis=0, initial=0.0)
    strongest[names.index("mu")] = 2.0
    kept = np.argsort(-strongest, kind="stable")[:most]
    shown = matrix[np.ix_(kept, kept)]
    size = 3.0 + 0.42 * len(kept)
    fig, ax = plt.subplots(figsize=(size + 1.5, size))
    image = ax.imshow(shown, cmap="RdBu_r", vmin=-1, vmax=1)
    for (i, j), value in np.ndenumerate(shown):
        if abs(value) >= 0.005:
            shade = "white" if abs(value) > 0.6 else "black"
            ax.text(j, i, f"{100 * value:.0f}", ha="center", va="center", size=9, color=shade)
    ticks = [r"$\mu$" if names[k] == "mu" else _title(names[k], titles) for k in kept]
    ax.set_xticks(range(len(kept)), ticks, rotation=90, fontsize=10)
    ax.set_yticks(range(len(kept)), ticks, fontsize=10)
    ax.tick_params(which="both", length=0)
    ax.minorticks_off()
    fig.colorbar(image, ax=ax, label="Correlation (numbers: in %)", shrink=0.7)
    label(ax, text)
    return fig


def scan(fit: Mapping[str, Any], text: Label) -> Figure:
    """Rise of -2 ln L with mu: profiled, and with the nuisance parameters held."""
    scanned, value = fit["scan"], fit["mu"]["value"]
    fig, ax = plt.subplots()
    for key, title, shade, line in (
        ("total", "all parameters profiled", "black", "-"),
        ("stat", "nuisance parameters held", "C0", "--"),
    ):
        rises = [np.nan if rise is None else rise for rise in scanned[key]]
        ax.plot(scanned["mu"], rises, line, color=shade, lw=2, label=title)
    for sigma in (1, 2):
        ax.axhline(sigma**2, color="0.6", lw=1, ls=":")
        ax.text(
            0.985,
            sigma**2 + 0.08,
            rf"{sigma}$\sigma$",
            color="0.4",
            size=12,
            ha="right",
            transform=ax.get_yaxis_transform(),
        )
    ax.axvline(value, color="0.6", lw=1)
    ax.axvspan(value - fit["mu"]["down"], value + fit["mu"]["up"], color="0.92", zorder=0)
    ax.set(
        xlabel=r"Signal strength $\mu$",
        ylabel=r"$-2\,\Delta\ln L$",
        ylim=(0, 10),
        xlim=(scanned["mu"][0], scanned["mu"][-1]),
    )
    ax.legend(loc="upper center", title=kind_of(fit))
    label(ax, text)
    return fig


def limit(fit: Mapping[str, Any], text: Label) -> Figure:
    """CLs against mu: expected for mu = 0 with its bands, observed where there is one."""
    found = fit["limit"]
    scanned = found["scan"]
    mu, expected = np.asarray(scanned["mu"]), np.asarray(scanned["expected"], dtype=float)
    level = 1 - found["level"]
    fig, ax = plt.subplots()
    ax.fill_between(
        mu, expected[0], expected[4], color="#FFDF7F", lw=0, label=r"Expected $\pm 2\sigma$"
    )
    ax.fill_between(
        mu, expected[1], expected[3], color="#85D1FB", lw=0, label=r"Expected $\pm 1\sigma$"
    )
    ax.plot(mu, expected[2], "k--", lw=1.5, label=_limit_of("Expected", found["expected"][2]))
    if "observed" in scanned:
        name = "Observed" if fit["data"] == "observed" else "Pseudo-data"
        said = f"{name}: undefined" if "note" in found else _limit_of(name, found["observed"])
        ax.plot(mu, np.asarray(scanned["observed"], dtype=float), "k-", lw=2, label=said)
    ax.axhline(level, color="C3", lw=1)
    ax.text(
        0.02,
        level * 1.1,
        f"{100 * found['level']:.0f} % CL",
        color="C3",
        size=12,
        transform=ax.get_yaxis_transform(),
    )
    ends = [x for x in (*found["expected"], found.get("observed")) if x is not None]
    right = min(1.3 * max(ends, default=mu[-1]), mu[-1])
    ax.set(
        yscale="log",
        ylim=(5e-3, 3),
        xlim=(0, right),
        xlabel=r"Signal strength $\mu$",
        ylabel=r"$\mathrm{CL}_s$",
    )
    ax.legend(loc="upper right", fontsize=12, borderaxespad=1.5)
    label(ax, text)
    return fig


def _limit_of(name: str, value: float | None) -> str:
    return f"{name}: beyond the scan" if value is None else rf"{name}: $\mu$ < {value:.3g}"


def kind_of(fit: Mapping[str, Any]) -> str:
    """What was fitted, for a legend."""
    return {"asimov": "Asimov data", "pseudo": "Pseudo-data", "observed": "Data"}[fit["data"]]


def _title(parameter: str, titles: Mapping[str, str]) -> str:
    """A parameter for the reader: bins of a region count from 1."""
    bin_of = re.fullmatch(r"staterror_(\w+)(\.signal|\.empty\.\w+)?\[(\d+)\]", parameter)
    if bin_of:
        kind, _, sample = (bin_of[2] or "")[1:].partition(".")
        of = {"signal": " of the signal", "empty": f" of no {sample}"}.get(kind, "")
        return f"MC statistics{of}, {bin_of[1]} bin {int(bin_of[3]) + 1}"
    return titles.get(parameter, parameter)


def _size(sign: str, error: float | None, at_limit: bool) -> str:
    """One side for the reader; one that ends at a bound of mu is at least so long."""
    if error is None:
        return "n/a"
    return f"{'beyond ' if at_limit else ''}{sign}{error:.3f}"


def breakdown(fit: Mapping[str, Any], text: Label) -> Figure:
    """Uncertainty of mu: total and by group; parts that are not known have no bar."""
    parts = fit["breakdown"]
    names = ["total", "stat", *parts["order"]]
    names = [name for name in names if parts[name]["error"] != 0]
    fig, ax = plt.subplots(figsize=(7.5, 1.9 + 0.75 * len(names)))
    for i, name in enumerate(reversed(names)):
        part = parts[name]
        ends = parts["total"].get("at_limit", []) if name == "total" else []
        ax.errorbar(
            fit["mu"]["value"],
            i,
            xerr=[[part["down"] or 0], [part["up"] or 0]],
            fmt="o",
            color="black" if name == "total" else "C0",
            lw=3 if name == "total" else 2,
            capsize=5,
        )
        ax.annotate(
            "  ".join(
                _size(sign, part[side], side in ends)
                for side, sign in (("up", "$+$"), ("down", "$-$"))
            ),
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
    ax.set_title(f"{result}  ({kind_of(fit)})", fontsize=12, pad=26)
    label(ax, text)
    return fig
