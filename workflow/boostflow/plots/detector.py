"""Plots of a detector: from the figures of the stage evaluate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from boostflow.plots.decorrelated import half
from boostflow.plots.models import value_text
from boostflow.plots.style import Label, axis_label, colour, label, name_of


def _normal(figures: Mapping[str, Any]) -> str:
    return " and ".join(name_of(name) for name in figures["normal"])


def _objects(figures: Mapping[str, Any]) -> str:
    return str(figures.get("objects", "jets"))


def _curves(figures: Mapping[str, Any], name: str) -> tuple[NDArray, NDArray, NDArray]:
    """Efficiencies of a class and of normal jets, and the error of the latter (NaN for none)."""
    return (
        np.asarray(figures["roc"]["signal_efficiency"]),
        np.asarray(figures["roc"][name]),
        np.array(figures["roc"]["error"][name], dtype=float),
    )


def detection(figures: Mapping[str, Any], text: Label) -> Figure:
    """Efficiency of normal jets against that of each other class."""
    fig, ax = plt.subplots()
    classes = list(figures["auc"])
    for name in classes:
        efficiency, passed, error = _curves(figures, name)
        tint = colour(name, classes)
        title = f"{name_of(name)}, AUC {value_text(figures['auc'][name])}"
        shown = passed > 0
        ax.plot(efficiency[shown], passed[shown], color=tint, label=title)
        ax.fill_between(efficiency, passed - error, passed + error, color=tint, alpha=0.3, lw=0)
    even = np.linspace(1e-3, 1, 200)
    ax.plot(even, even, color="0.6", lw=1, ls=":", label="Chance")
    ax.set(yscale="log", xlim=(0, 1), ylim=(1e-4, 100))
    ax.set(xlabel="Efficiency of the class", ylabel=f"Efficiency of normal {_objects(figures)}")
    ax.legend(loc="upper left", title=f"Normal: {_normal(figures)}")
    label(ax, text)
    return fig


def improvement(figures: Mapping[str, Any], text: Label) -> Figure:
    """Efficiency of each class over the root of that of normal jets, where enough of these pass."""
    fig, ax = plt.subplots()
    classes = list(figures["auc"])
    for name in classes:
        efficiency, passed, error = _curves(figures, name)
        shown = np.isfinite(error) & (passed > 0)
        x, b = efficiency[shown], passed[shown]
        gain, spread = x / np.sqrt(b), 0.5 * x * error[shown] / b**1.5
        tint, quoted = colour(name, classes), figures["improvement"][name]["1"]
        title = f"{name_of(name)}, {value_text(quoted, 2)}"
        ax.plot(x, gain, color=tint, label=title)
        ax.fill_between(x, gain - spread, gain + spread, color=tint, alpha=0.3, lw=0)
    ax.axhline(1, color="0.6", lw=1, ls=":")
    ax.set(xlim=(0, 1), ylim=(0, 1.45 * ax.dataLim.y1))
    ax.set(xlabel="Efficiency of the class", ylabel="Significance improvement")
    ax.legend(loc="upper right", title=f"Where 1 % of the normal {_objects(figures)} pass")
    label(ax, text)
    return fig


def sculpting(figures: Mapping[str, Any], text: Label) -> Figure:
    """Mass spectra of all normal jets and of those that pass, or a word where there is no mass."""
    fig, axes = plt.subplots(
        2, 1, sharex=True, height_ratios=[2, 1], gridspec_kw={"hspace": 0.04}, figsize=(8, 7.5)
    )
    if "mass" not in figures:
        axes[0].text(0.5, 0.5, "The jets have no mass", ha="center", transform=axes[0].transAxes)
        return fig
    found = figures["mass"]
    half(*axes, found, found, np.asarray(found["edges"]), f"Normal: {_normal(figures)}")
    axes[0].set(ylim=(0, 1.7 * axes[0].dataLim.y1), ylabel="Normal jets (normalised)")
    axes[1].set(xlabel=axis_label(found["name"]), ylabel="Passing / expected")
    label(axes[0], text)
    return fig
