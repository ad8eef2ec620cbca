"""Plots of signal strengths: pulls and impacts, sources of the error, scans, limits, contours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from boostflow.plots.style import Label, label
from boostflow.plots.words import fitted_data, parameter, symbol


def ranking(
    fit: Mapping[str, Any], poi: str, titles: Mapping[str, str], text: Label, most: int = 20
) -> Figure:
    """Pulls (left) and impacts on a signal strength (right) of the parameters that matter most.

    Impacts: filled with the post-fit error of the parameter, hollow with the pre-fit error.
    """
    shifts = {entry["name"]: entry["impacts"][poi] for entry in fit["parameters"]}
    entries = sorted(
        fit["parameters"],
        key=lambda e: -max(abs(shifts[e["name"]][side]) for side in ("up", "down")),
    )[:most][::-1]
    moved = [shifts[entry["name"]] for entry in entries]
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
    names = [
        f"{parameter(e['name'], titles, fit['pois'])} ({e['group'] or 'free'})" for e in entries
    ]
    left.set_yticks(range(len(entries)), names, fontsize=11)
    reach = max([2.2, *(abs(e["pull"]) + e["constraint"] + 0.2 for _, e in pulled)])
    left.set(xlabel=r"$(\hat\theta - \theta_0)/\Delta\theta$", xlim=(-reach, reach))
    for side, shade, sign in (("up", "C3", "+"), ("down", "C0", "-")):
        right.barh(
            range(len(entries)),
            [shift[f"prefit_{side}"] or 0 for shift in moved],
            facecolor="none",
            edgecolor=shade,
            lw=1.2,
            height=0.8,
            label=rf"pre-fit, $\hat\theta {sign} \Delta\theta$",
        )
        right.barh(
            range(len(entries)),
            [shift[side] for shift in moved],
            color=shade,
            alpha=0.75,
            height=0.6,
            label=rf"post-fit, $\hat\theta {sign} \hat\sigma_\theta$",
        )
    right.axvline(0, color="0.3", lw=1)
    keys = ("up", "down", "prefit_up", "prefit_down")
    widest = max((abs(shift[key] or 0) for shift in moved for key in keys), default=1.0) or 1.0
    right.set(xlabel=rf"$\Delta$ {symbol(poi)}", xlim=(-1.15 * widest, 1.15 * widest))
    for ax in (left, right):
        ax.tick_params(axis="y", which="both", left=False, right=False)
        ax.set_ylim(-0.8, len(entries) - 0.2)
    fig.legend(*right.get_legend_handles_labels(), fontsize=11, ncols=4, loc="outside lower center")
    label(left, Label(text.left))
    label(right, Label("", text.right))
    return fig


def scan(fit: Mapping[str, Any], poi: str, text: Label) -> Figure:
    """Rise of -2 ln L with a signal strength: profiled, and with the nuisance parameters held."""
    found = fit["pois"][poi]
    scanned, value = found["scan"], found["value"]
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
    ax.axvspan(value - found["down"], value + found["up"], color="0.92", zorder=0)
    ax.set(
        xlabel=f"Signal strength {symbol(poi)}",
        ylabel=r"$-2\,\Delta\ln L$",
        ylim=(0, 10),
        xlim=(scanned["mu"][0], scanned["mu"][-1]),
    )
    ax.legend(loc="upper center", title=fitted_data(fit["data"]))
    label(ax, text)
    return fig


def limit(fit: Mapping[str, Any], poi: str, text: Label) -> Figure:
    """CLs against a signal strength: expected without it with bands, observed where there is one.

    Other signal strengths are fitted.
    """
    found = fit["pois"][poi]["limit"]
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
    ax.plot(mu, expected[2], "k--", lw=1.5, label=_limit_of(poi, "Expected", found["expected"][2]))
    if "observed" in scanned:
        name = "Observed" if fit["data"] == "observed" else "Pseudo-data"
        said = f"{name}: undefined" if "note" in found else _limit_of(poi, name, found["observed"])
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
        xlabel=f"Signal strength {symbol(poi)}",
        ylabel=r"$\mathrm{CL}_s$",
    )
    ax.legend(loc="upper right", fontsize=12, borderaxespad=1.5)
    label(ax, text)
    return fig


def _limit_of(poi: str, name: str, value: float | None) -> str:
    return f"{name}: beyond the scan" if value is None else f"{name}: {symbol(poi)} < {value:.3g}"


def _size(sign: str, error: float | None, at_limit: bool) -> str:
    """One side for the reader; one that ends at a bound of mu is at least so long."""
    if error is None:
        return "n/a"
    return f"{'beyond ' if at_limit else ''}{sign}{error:.3f}"


def breakdown(fit: Mapping[str, Any], poi: str, text: Label) -> Figure:
    """Error of a signal strength: total and by group; parts that are not known have no bar."""
    found = fit["pois"][poi]
    parts, value = found["breakdown"], found["value"]
    names = ["total", "stat", *parts["order"]]
    names = [name for name in names if parts[name]["error"] != 0]
    fig, ax = plt.subplots(figsize=(7.5, 1.9 + 0.75 * len(names)))
    for i, name in enumerate(reversed(names)):
        part = parts[name]
        ends = parts["total"].get("at_limit", []) if name == "total" else []
        ax.errorbar(
            value,
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
    ax.axvline(value, color="0.6", ls=":")
    ax.set_yticks(range(len(names)), list(reversed(names)))
    ax.tick_params(axis="y", which="both", left=False, right=False)
    reach = max(parts["total"]["up"], parts["total"]["down"])
    ax.set(
        xlim=(value - 1.25 * reach, value + (3.6 if "at_limit" in found else 2.3) * reach),
        ylim=(-0.6, len(names) - 0.4),
        xlabel=f"Signal strength {symbol(poi)}",
    )
    result, _, remark = found["text"].replace(poi, symbol(poi)).partition("; ")
    said = f"{result}  ({fitted_data(fit['data'])})"
    ax.set_title("\n".join(filter(None, (said, remark))), fontsize=12, pad=26)
    label(ax, text)
    return fig


def correlation(
    fit: Mapping[str, Any], titles: Mapping[str, str], text: Label, most: int = 25
) -> Figure:
    """Correlations of the signal strengths and of the parameters with the strongest ones."""
    names, matrix = fit["correlation"]["names"], np.asarray(fit["correlation"]["matrix"])
    strongest = np.abs(matrix - np.eye(len(names))).max(axis=0, initial=0.0)
    for rank, poi in enumerate(name for name in fit["pois"] if name in names):
        strongest[names.index(poi)] = 1e3 - rank
    kept = np.argsort(-strongest, kind="stable")[:most]
    shown = matrix[np.ix_(kept, kept)]
    size = 3.0 + 0.42 * len(kept)
    fig, ax = plt.subplots(figsize=(size + 1.5, size))
    image = ax.imshow(shown, cmap="RdBu_r", vmin=-1, vmax=1)
    for (i, j), value in np.ndenumerate(shown):
        if abs(value) >= 0.005:
            shade = "white" if abs(value) > 0.6 else "black"
            ax.text(j, i, f"{100 * value:.0f}", ha="center", va="center", size=9, color=shade)
    ticks = [parameter(names[k], titles, fit["pois"]) for k in kept]
    ax.set_xticks(range(len(kept)), ticks, rotation=90, fontsize=10)
    ax.set_yticks(range(len(kept)), ticks, fontsize=10)
    ax.tick_params(which="both", length=0)
    ax.minorticks_off()
    fig.colorbar(image, ax=ax, label="Correlation (numbers: in %)", shrink=0.7)
    label(ax, text)
    return fig


def contours(fit: Mapping[str, Any], found: Mapping[str, Any], text: Label) -> Figure:
    """Contours of two signal strengths that hold 68 % and 95 % together, all else fitted.

    Args:
        fit: fit.json.
        found: one of its `contours`.
        text: above the axes.
    """
    one, other = found["pois"]
    names, matrix = fit["correlation"]["names"], fit["correlation"]["matrix"]
    fig, ax = plt.subplots()
    for line, style, shade in zip(found["contours"], ("-", "--"), ("C0", "C3"), strict=True):
        x, y = (np.array(line[key], dtype=float) for key in ("x", "y"))
        if not line["cut"]:
            x, y = _smooth(x, y)
        ax.plot(
            *(np.append(side, side[0]) for side in (x, y)),
            style,
            color=shade,
            lw=2,
            label=f"{100 * line['level']:.0f} % ({'cut by bounds' if line['cut'] else 'joint'})",
        )
    ax.plot(*(fit["pois"][poi]["value"] for poi in (one, other)), "k+", ms=12, label="Best fit")
    ax.plot(1, 1, "o", mfc="none", mec="0.4", ms=8, label="Expectation")
    ax.set(xlabel=f"Signal strength {symbol(one)}", ylabel=f"Signal strength {symbol(other)}")
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.35 * (high - low))
    said = fitted_data(fit["data"])
    if {one, other} <= set(names):
        said += f", correlation {matrix[names.index(one)][names.index(other)]:.2f}"
    ax.legend(loc="upper right", ncols=2, title=said)
    label(ax, text)
    return fig


def _smooth(x: NDArray, y: NDArray) -> tuple[NDArray, NDArray]:
    """A closed curve through points, or the points alone where some are missing."""
    if not np.isfinite([x, y]).all():
        return x, y
    turns = np.arange(len(x) + 1)
    through = CubicSpline(
        turns, [[*pair] for pair in zip([*x, x[0]], [*y, y[0]], strict=True)], bc_type="periodic"
    )
    curve = through(np.linspace(0, len(x), 20 * len(x) + 1))
    return curve[:, 0], curve[:, 1]
