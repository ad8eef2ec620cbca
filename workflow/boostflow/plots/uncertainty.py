"""Plots of what the systematic variations do to a model's figures, and of differences of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from boostflow.models.family import Score
from boostflow.plots.style import Label, colour, label, name_of, score_label

STATISTICAL = {"facecolor": "none", "hatch": "////", "lw": 0}
MOST = 20
"""Parameters that are drawn, the largest shifts first."""
ACROSS = 3
"""Panels beside each other; with more the text would be too small in a report."""


def _band(ax: Axes, x: NDArray, low: NDArray, high: NDArray, shade: str) -> None:
    ax.fill_between(x, low, high, color=shade, alpha=0.25, lw=0)


def _hatched(ax: Axes, x: NDArray, low: NDArray, high: NDArray, shade: str) -> None:
    ax.fill_between(x, low, high, edgecolor=shade, **STATISTICAL)


def _legend_of_bands() -> list[Patch]:
    return [
        Patch(edgecolor="0.3", label="statistical", **STATISTICAL),
        Patch(color="0.3", alpha=0.25, lw=0, label="total"),
    ]


def text_of(figure: Mapping[str, Any], digits: int = 3) -> str:
    """`0.912 ± 0.004 (stat) +0.010 -0.008 (syst)`."""
    up, down = (figure["systematic"][side] for side in ("up", "down"))
    return (
        f"{figure['value']:.{digits}f} ± {figure['error']:.{digits}f} (stat) "
        f"+{up:.{digits}f} −{down:.{digits}f} (syst)"
    )


def roc(result: Mapping[str, Any], text: Label) -> Figure:
    """The ROC curve of each class with statistical (hatched) and total (filled) bands.

    Below each: the relative errors of the background efficiency.
    """
    curves = result["roc"]
    efficiency = np.asarray(curves["signal_efficiency"])
    classes = list(curves["background_efficiency"])
    rows, across = _grid(len(classes))
    fig, axes = plt.subplots(
        2 * rows,
        across,
        squeeze=False,
        figsize=(4.2 * across + 1.0, 6.4 * rows + 0.4),
        gridspec_kw={"height_ratios": [2, 1] * rows},
    )
    cells = [(axes[2 * row, i], axes[2 * row + 1, i]) for row in range(rows) for i in range(across)]
    for k, name in enumerate(classes):
        ax, low = cells[k]
        shade = colour(name, classes)
        background = np.asarray(curves["background_efficiency"][name])
        statistical = np.array(curves["error"][name], dtype=float)
        up, down = (np.array(curves["systematic"][name][side]) for side in ("up", "down"))
        up, down = np.hypot(up, statistical), np.hypot(down, statistical)
        shown = background > 0
        safe = np.where(shown, background, np.nan)
        ax.plot(efficiency, safe, color=shade)
        _band(ax, efficiency, background - down, background + up, shade)
        _hatched(ax, efficiency, background - statistical, background + statistical, shade)
        _band(low, efficiency, -100 * down / safe, 100 * up / safe, shade)
        relative = 100 * statistical / safe
        _hatched(low, efficiency, -relative, relative, shade)
        low.axhline(0, color=shade)
        figure = result["auc"][name]
        systematic = figure["systematic"]
        ax.text(
            0.05,
            0.96,
            f"{name_of(name)}\nAUC {figure['value']:.4f}\n± {figure['error']:.4f} (stat)\n"
            f"+{systematic['up']:.4f} −{systematic['down']:.4f} (syst)",
            transform=ax.transAxes,
            va="top",
            size=13,
        )
        ax.set(yscale="log", xlim=(0, 1), ylim=(1e-4, 200))
        low.set(xlim=(0, 1), ylim=(-60, 60), xlabel="Signal efficiency")
        low.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        ax.tick_params(labelbottom=False, labelleft=k % across == 0)
        low.tick_params(labelleft=k % across == 0)
        if k % across == 0:
            ax.set_ylabel("Background efficiency")
            low.set_ylabel("Rel. error [%]")
    _legend(fig, cells, len(classes), _legend_of_bands())
    label(axes[0, 0], Label(text.left))
    label(axes[0, -1], Label("", text.right))
    return fig


def _grid(number: int) -> tuple[int, int]:
    """Rows and columns of a number of panels: at most `ACROSS` in a row, as even as possible."""
    rows = -(-number // ACROSS)
    return rows, -(-number // rows)


def _legend(
    fig: Figure, cells: Sequence[Sequence[Axes]], used: int, handles: Sequence[Patch]
) -> None:
    """Remove the panels that nothing is drawn in; the legend takes their place, or goes below."""
    for cell in cells[used:]:
        for ax in cell:
            ax.set_axis_off()
    if used < len(cells):
        cells[used][0].legend(handles=handles, loc="center", fontsize=15)
    else:
        fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=14)


def auc_shifts(result: Mapping[str, Any], titles: Mapping[str, str], text: Label) -> Figure:
    """Shifts of the AUC of each class and of their mean by parameter, the largest first.

    Args:
        result: figures with their systematic errors.
        titles: of parameters, where not their names.
        text: above the axes.
    """
    parameters = result["parameters"]
    order = sorted(
        parameters,
        key=lambda p: max(abs(parameters[p]["auc"]["macro"][side]) for side in ("up", "down")),
    )[-MOST:]
    classes = list(result["auc"])
    names = [*(titles.get(parameter, parameter) for parameter in order), "all (bar), stat. (line)"]
    rows, across = _grid(len(classes))
    beside = 0.105 * max(map(len, names))
    fig, axes = plt.subplots(
        rows,
        across,
        sharey=True,
        squeeze=False,
        figsize=(3.3 * across + beside + 0.4, rows * (1.5 + 0.4 * len(names)) + 0.8),
    )
    cells = axes.ravel()
    for k, name in enumerate(classes):
        ax, figure = cells[k], result["auc"][name]
        for row, parameter in enumerate(order):
            shift = parameters[parameter]["auc"][name]
            for side, shade, offset in (("up", "C0", 0.17), ("down", "C1", -0.17)):
                ax.barh(row + offset, shift[side], height=0.32, color=shade)
                ax.errorbar(shift[side], row + offset, xerr=shift["error"], color="0.2", lw=1)
        top = len(order)
        systematic = figure["systematic"]
        ax.barh(top, systematic["up"] + systematic["down"], left=-systematic["down"], color="0.75")
        ax.errorbar(0, top, xerr=figure["error"], color="k", capsize=3)
        ax.axvline(0, color="0.3", lw=1)
        title = "Mean" if name == "macro" else name_of(name)
        ax.set_title(f"{title}: AUC {figure['value']:.3f}", fontsize=14, pad=7)
        ax.tick_params(axis="y", which="both", left=False, right=False)
        ax.tick_params(axis="x", labelsize=12)
        # Three numbers, of which none reaches into those of the next panel.
        ax.locator_params(axis="x", nbins=3, symmetric=True)
        most = 1.15 * max(map(abs, ax.get_xlim()))
        ax.set(xlim=(-most, most), ylim=(-0.7, top + 0.7))
        ax.set_xlabel(r"$\Delta$AUC", fontsize=14)
    for ax in axes[:, 0]:
        ax.set_yticks(range(len(names)), names, fontsize=13)
    sides = [Patch(color="C0", label="up"), Patch(color="C1", label="down")]
    _legend(fig, [(cell,) for cell in cells], len(classes), sides)
    label(axes[0, 0], Label(text.left), rise=24)
    label(axes[0, -1], Label("", text.right), rise=24)
    return fig


def significance(result: Mapping[str, Any], scores: Sequence[Score], text: Label) -> Figure:
    """Asimov significance with the background uncertainty of each cut, and that uncertainty.

    Args:
        result: figures with their systematic errors.
        scores: columns of the model, for the title of the axis.
        text: above the axes.
    """
    scan = result["significance"]
    cuts = np.asarray(scan["cuts"])
    values, statistical = (
        np.array(scan_of["asimov"], dtype=float) for scan_of in (scan, scan["errors"])
    )
    up, down = (np.array(scan["systematic"]["asimov"][side]) for side in ("up", "down"))
    fig, (ax, low) = plt.subplots(
        2, 1, sharex=True, figsize=(7.5, 8.0), gridspec_kw={"height_ratios": [2, 1]}
    )
    ax.plot(cuts, values, color="C0", label=r"Asimov $Z$ with $\sigma_b$")
    _band(ax, cuts, values - np.hypot(down, statistical), values + np.hypot(up, statistical), "C0")
    _hatched(ax, cuts, values - statistical, values + statistical, "C0")
    plain = np.array(scan["s/sqrt(b)"], dtype=float)
    ax.plot(cuts, plain, color="0.5", ls="--", label=r"$s/\sqrt{b}$, no $\sigma_b$")
    handles = [*ax.get_legend_handles_labels()[0], *_legend_of_bands()]
    best = scan["best"].get("asimov")
    if best:
        handles.append(
            ax.errorbar(
                best["cut"],
                best["value"],
                best["error"],
                fmt="o",
                color="k",
                capsize=3,
                label=f"cut {best['cut']:.3f} (chosen on {best['chosen_on']}):\n"
                f"Z = {text_of(best, 2)}",
            )
        )
        low.axvline(best["cut"], color="k", ls=":", lw=1)
    ax.set(ylabel="Significance", yscale="log")
    low_end, high_end = ax.get_ylim()
    low_end = max(low_end, float(np.nanmin(values[values > 0], initial=1.0)) / 3)
    ax.set_ylim(low_end, high_end * (high_end / low_end) ** 0.6)
    ax.legend(handles=handles, loc="upper left", fontsize=12)
    low.plot(cuts, 100 * np.asarray(scan["relative"]), color="C3", label=r"$\sigma_b / b$")
    low.set(
        ylabel=r"$\sigma_b / b$ [%]",
        xlabel=f"Cut on {score_label(scan['score'], scores)}",
        xlim=(0, 1),
        ylim=(0, None),
    )
    label(ax, text)
    return fig


def comparison(result: Mapping[str, Any], text: Label) -> Figure:
    """Differences of AUCs of pairs of models, in numbers and in units of their errors."""
    rows = [
        (pair["models"], name, figure)
        for pair in reversed(result["pairs"])
        for name, figure in reversed(pair["auc"].items())
    ]
    fig, (ax, pulls) = plt.subplots(
        1,
        2,
        sharey=True,
        figsize=(10.5, 2.2 + 0.45 * max(len(rows), 2)),
        gridspec_kw={"width_ratios": [3, 2]},
    )
    for row, (_, name, figure) in enumerate(rows):
        shade = "k" if name == "macro" else colour(name, [name])
        ax.errorbar(figure["value"], row, xerr=figure["error"], fmt="o", color=shade, capsize=3)
        if figure["pull"] is not None:
            pulls.barh(row, figure["pull"], height=0.6, color=shade, alpha=0.7)
    for axis in (ax, pulls):
        axis.axvline(0, color="0.3", lw=1)
        axis.tick_params(axis="y", which="both", left=False, right=False)
        axis.set_ylim(-0.7, max(len(rows), 1) - 0.3)
    for sigma in (-2, 2):
        pulls.axvline(sigma, color="0.6", ls=":", lw=1)
    ax.set_yticks(
        range(len(rows)),
        [
            f"{one} − {two}: {'mean' if name == 'macro' else name_of(name)}"
            for (one, two), name, _ in rows
        ],
        fontsize=12,
    )
    ax.set_xlabel(r"$\Delta$AUC (same jets)")
    pulls.set_xlabel(r"$\Delta$AUC / error")
    if not rows:
        ax.text(0.5, 0.5, "\n".join(result["notes"]), ha="center", transform=ax.transAxes, size=11)
    label(ax, Label(text.left))
    label(pulls, Label("", text.right))
    return fig
