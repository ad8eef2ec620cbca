"""Efficiencies at equal purity, in ranges of a column: of a model, and of all beside each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from boostflow.plots.style import PALETTE, Label, axis_label, label, name_of

MARKERS = "os^Dv<>p"
Figures = Sequence[Mapping[str, float | None] | None]
"""Value and error of each range; None where there is none."""


def of_model(figures: Mapping[str, Any], text: Label) -> Figure:
    """Efficiency at each purity, and efficiency and purity of the decision, by class.

    Args:
        figures: from `evaluate.purity.evaluate`.
        text: above the axes.
    """
    ranges = [one for one in figures["ranges"] if one["range"]]
    number, signals = len(figures["purity"]), figures["signals"]
    decided = [one.get("decided", {}) for one in ranges]
    others = sorted({name for found in decided for name in found} - set(signals))
    classes = [*signals, *others]
    fig, axes = plt.subplots(
        number + 2, 1, sharex=True, squeeze=False, figsize=(8.5, 2.4 + 2.2 * (number + 2))
    )
    for j, purity in enumerate(figures["purity"]):
        for i, name in enumerate(signals):
            values = [_one(one.get("signals", {}), name, j, "efficiency") for one in ranges]
            _draw(axes[j, 0], ranges, values, i, len(classes), name_of(name))
        axes[j, 0].set_ylabel(f"Efficiency at\n{100 * purity:g} % purity", fontsize=14)
    for j, what in enumerate(("efficiency", "purity")):
        for i, name in enumerate(classes):
            values = [found.get(name, {}).get(what) for found in decided]
            _draw(axes[number + j, 0], ranges, values, i, len(classes), name_of(name))
        axes[number + j, 0].set_ylabel(f"{what.capitalize()} of\nthe decision", fontsize=14)
    for ax in axes[:, 0]:
        ax.set(ylim=(-0.05, 1.1))
    _end(fig, axes, figures, axes[-1, 0])
    label(axes[0, 0], text)
    return fig


def of_all(pairs: Iterable[Mapping[str, Any]], text: Label) -> Figure:
    """Efficiencies of all models at the first purity, and below them differences from them.

    Args:
        pairs: of `evaluate.compare.compare`, of a reference and each other model, with `purity`.
        text: above the axes.
    """
    found = [(pair["models"], pair["purity"]) for pair in pairs if pair["purity"]["ranges"]]
    if not found:
        fig, ax = plt.subplots()
        ax.text(0.5, 0.5, "no two models know these classes", ha="center", size=12)
        return fig
    (reference, _), first = found[0]
    signals, count = first["signals"], len(found) + 1
    fig, axes = plt.subplots(
        2,
        len(signals),
        sharex=True,
        sharey="row",
        squeeze=False,
        figsize=(1.5 + 6.2 * len(signals), 8.5),
        gridspec_kw={"height_ratios": [3, 2]},
    )
    for column, name in enumerate(signals):
        above, below = axes[:, column]
        for number, ((_, other), figures) in enumerate(found):
            ranges = [one for one in figures["ranges"] if one["range"]]
            if not number:
                values = [_one(one["signals"], name, 0, "one") for one in ranges]
                _draw(above, ranges, values, 0, count, reference)
            values = [_one(one["signals"], name, 0, "two") for one in ranges]
            _draw(above, ranges, values, number + 1, count, other)
            values = [_one(one["signals"], name, 0, None) for one in ranges]
            _draw(below, ranges, values, number + 1, count, other)
        below.axhline(0, color="0.3", lw=1)
        above.set_title(name_of(name), fontsize=15)
        above.set_ylim(-0.05, 1.1)
    axes[0, 0].set_ylabel(f"Efficiency at {100 * first['purity'][0]:g} % purity")
    axes[1, 0].set_ylabel(f"{reference} − other")
    _end(fig, axes, first, axes[0, 0])
    label(axes[0, 0], Label(text.left))
    label(axes[0, -1], Label("", text.right))
    return fig


def _one(
    signals: Mapping[str, Sequence[Mapping[str, Any]]], name: str, number: int, key: str | None
) -> Mapping[str, Any] | None:
    if name not in signals:
        return None
    point = signals[name][number]
    found: Mapping[str, Any] = point if key is None else point[key]
    return found


def _draw(
    ax: Axes,
    ranges: Sequence[Mapping[str, Any]],
    values: Figures,
    number: int,
    count: int,
    title: str,
) -> None:
    """Points with errors, side by side in each range."""
    x = np.arange(len(ranges)) + 0.7 * ((number + 0.5) / count - 0.5)
    nothing = {"value": np.nan, "error": np.nan}
    y, error = np.array([[(v or nothing)[k] for k in ("value", "error")] for v in values], float).T
    ax.errorbar(
        x,
        y,
        error,
        color=PALETTE[number % len(PALETTE)],
        marker=MARKERS[number % len(MARKERS)],
        ls="none",
        capsize=2,
        ms=6,
        label=title,
    )


def _end(fig: Figure, axes: Any, figures: Mapping[str, Any], named: Axes) -> None:
    """The ranges and the title of the axis below, and a legend below it."""
    spans = [one["range"] for one in figures["ranges"] if one["range"]]
    for ax in axes.ravel():
        for number in range(1, len(spans)):
            ax.axvline(number - 0.5, color="0.9", lw=0.8, zorder=0)
        ax.set_xlim(-0.5, len(spans) - 0.5)
        ax.tick_params(axis="x", which="both", bottom=False, top=False)
    for ax in axes[-1]:
        texts = [f"{low:g}–{high:g}" for low, high in spans]
        ax.set_xticks(range(len(spans)), texts, fontsize=12)
        ax.set_xlabel(figures["title"] or axis_label(figures["column"]))
    handles, names = named.get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=min(len(names), 5))
