"""Plots of clusterings of events: the plane of the two jet masses, each cluster, all models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from boostflow.plots.style import PALETTE, Label, label, name_of
from boostflow.scored import Table

BEFORE = {"color": "0.3", "ls": ":", "label": "All events"}
SUPERVISED = "mass window (supervised)"
KMEANS = "k-means, log masses"
SHADES = ("C0", "C1", "C3", "C4", "C5", "C6", "C7", "C8", "C9")
MARKERS = ("o", "s", "D", "P", "X")
"""Markers of the series of models; C2 is the supervised window."""
CHOICES = {"labels": "by labels, validation split", "bump": "by the dijet mass, no labels"}
"""How each way of choosing a cluster is called."""


def _number(figure: Mapping[str, float]) -> tuple[float, float]:
    """Value and error; of a limit the length of its arrow."""
    if "limit" in figure:
        return figure["limit"], 0.3 * figure["limit"]
    return figure["value"], figure["error"]


def planes(events: Table, figures: Mapping[str, Any], text: Label, most: int = 4000) -> Figure:
    """Clusters (left) and truth (right) in the plane of the heavier and the lighter jet's mass.

    Args:
        events: test events with `heavier`, `lighter` (GeV), `cluster`, `signal`.
        figures: of the clustering.
        text: above the axes.
        most: number of background events that are drawn.
    """
    background = np.flatnonzero(~events["signal"])
    some = background[np.linspace(0, len(background) - 1, min(most, len(background))).astype(int)]
    shown = np.sort(np.concatenate([some, np.flatnonzero(events["signal"])]))
    x, y = events["heavier"][shown], events["lighter"][shown]
    cluster, signal = events["cluster"][shown], events["signal"][shown]
    chosen = figures["chosen"]["labels"]["cluster"]
    fig, (left, right) = plt.subplots(1, 2, figsize=(13, 6.3), sharex=True, sharey=True)
    size = len(figures["clusters"])
    shades = PALETTE if size <= len(PALETTE) else list(plt.get_cmap("tab20").colors)
    for k in range(size):
        mine = cluster == k
        name = f"{k}: {100 * figures['clusters'][k]['share']:.1f} %"
        left.plot(
            x[mine],
            y[mine],
            "o" if k == chosen else ".",
            ms=4 if k == chosen else 3,
            color=shades[k % len(shades)],
            label=name + (" (chosen)" if k == chosen else ""),
        )
    names = [name_of(name) for name in figures["signal"]]
    right.plot(x[~signal], y[~signal], ".", ms=3, color="0.65", label="Background")
    right.plot(x[signal], y[signal], "o", ms=4, color="C1", label=", ".join(names))
    window = figures["baselines"][SUPERVISED]
    (x0, x1), (y0, y1) = window["heavier"], window["lighter"]
    right.plot(
        [x0, x1, x1, x0, x0], [y0, y0, y1, y1, y0], color="k", lw=1.5, label="Supervised window"
    )
    for ax in (left, right):
        ax.set(xscale="log", yscale="log", xlabel="Mass of the heavier jet [GeV]")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(ScalarFormatter())
    # Room for the legend above what is drawn; its title is where ticks would be.
    bottom, top = left.get_ylim()
    left.set_ylim(bottom, top * (top / bottom) ** (0.12 + 0.05 * -(-size // 4)))
    left.tick_params(which="both", top=False)
    left.set_ylabel("Mass of the lighter jet [GeV]")
    left.legend(
        ncols=4 if size > 5 else 2,
        fontsize=9 if size > 5 else 12,
        markerscale=2,
        loc="upper left",
        title="Cluster and its share of the events",
        title_fontsize=11,
        columnspacing=0.8,
        handletextpad=0.1,
    )
    right.legend(loc="upper left", markerscale=1.5)
    label(left, Label(text.left))
    label(right, Label("", text.right))
    return fig


def clusters(figures: Mapping[str, Any], text: Label) -> Figure:
    """Signal over background in each cluster, and its share of all signal and background."""
    each, before = figures["clusters"], figures["before"]
    order = sorted(range(len(each)), key=lambda k: -_number(each[k]["s/b"])[0])
    fig, (ax, low) = plt.subplots(2, 1, sharex=True, figsize=(max(7.5, 0.42 * len(each) + 4), 7.5))
    values, errors = np.array([_number(each[k]["s/b"]) for k in order]).T
    chosen = {name: figures["chosen"][name]["cluster"] for name in CHOICES}
    for i, k in enumerate(order):
        limit = "limit" in each[k]["s/b"]
        shade = "C1" if k in chosen.values() else "C0"
        # No error reaches below zero, and a limit is open above.
        down = 0 if limit else min(errors[i], values[i])
        ax.bar(i, values[i], color=shade, width=0.7, fill=not limit, edgecolor=shade)
        ax.errorbar(i, values[i], [[down], [errors[i]]], color="k", capsize=3, lolims=limit)
    ax.axhline(_number(before["s/b"])[0], **BEFORE)
    ax.set_ylabel("Signal / background")
    ax.set_ylim(0, 1.5 * np.max(values + errors))
    positions = np.arange(len(order))
    for key, shade, name, shift in (
        ("s", "C1", ", ".join(map(name_of, figures["signal"])), -0.2),
        ("b", "0.6", "Background", 0.2),
    ):
        share = np.array([each[k][key] for k in order]) / before[key]
        low.bar(positions + shift, share, width=0.4, color=shade, label=name)
    low.set_ylabel("Share of the events")
    low.set_ylim(0, 1.3 * max(max(e["s"] / before["s"], e["b"] / before["b"]) for e in each))
    low.legend(loc="upper right")
    low.set_xticks(positions, [str(k) for k in order], fontsize=12)
    for axis in (ax, low):
        axis.tick_params(axis="x", which="minor", bottom=False, top=False)
    low.set_xlabel("Cluster", fontsize=14)
    marks = [f"{CHOICES[name]}: {k}" for name, k in chosen.items()]
    ax.legend(loc="upper right", title="Chosen\n" + "\n".join(marks), title_fontsize=12)
    label(ax, text)
    return fig


def scan(summary: Mapping[str, Any], titles: Mapping[str, str], text: Label) -> Figure:
    """Enrichment, s/b and s/sqrt(b) of the chosen clusters against the number of clusters.

    Args:
        summary: from `evaluate.anomaly.compare`.
        titles: what legends call each model; those of one title are one series.
        text: above the axes.
    """
    panels = {
        "enrichment": "Enrichment of s/b",
        "s/b": "s/b",
        "s/sqrt(b)": r"$s/\sqrt{b}$ (test split)",
    }
    models = [m | {"title": titles.get(m["model"], m["model"])} for m in summary["models"]]
    # Models with the same number of clusters stand side by side.
    known = sorted({m["clusters"] for m in models})
    position = {size: i for i, size in enumerate(known)}
    looks = iter(zip(SHADES * len(models), MARKERS * len(models), strict=False))
    series = [
        (title, "chosen", choice, *next(looks), [m for m in models if m["title"] == title])
        for title in dict.fromkeys(m["title"] for m in models)
        for choice in CHOICES
    ]
    series += [
        (KMEANS, KMEANS, choice, shade, marker, models)
        for choice, shade, marker in zip(CHOICES, ("0.45", "0.65"), "^v", strict=True)
    ]
    step = 0.48 / len(series)
    fig, axes = plt.subplots(3, 1, sharex=True, figsize=(8.5, 11))
    for ax, (key, title) in zip(axes, panels.items(), strict=True):
        for i, (name, where, choice, shade, marker, shown) in enumerate(series):
            for j, m in enumerate(shown):
                value, error = _number(m[where][choice][key])
                same = [n["model"] for n in models if n["clusters"] == m["clusters"]]
                aside = step * (i - (len(series) - 1) / 2) + 0.03 * same.index(m["model"])
                ax.errorbar(
                    position[m["clusters"]] + aside,
                    value,
                    error,
                    fmt=marker,
                    color=shade,
                    capsize=3,
                    lolims="limit" in m[where][choice][key],
                    label=f"{name}, {CHOICES[choice]}" if j == 0 else None,
                )
        ceiling, error = _number(summary[SUPERVISED][key])
        ax.axhline(ceiling, color="C2", ls="--", label="Mass window (supervised)")
        if "limit" not in summary[SUPERVISED][key]:
            low = max(ceiling - error, 0.01 * ceiling)  # a logarithmic axis has no zero
            ax.axhspan(low, ceiling + error, color="C2", alpha=0.2, lw=0)
        ax.tick_params(axis="x", which="minor", bottom=False, top=False)
        before = 1.0 if key == "enrichment" else _number(summary["before"][key])[0]
        ax.axhline(before, **BEFORE)
        ax.set(ylabel=title, yscale="log" if key != "s/sqrt(b)" else "linear")
    _room(axes[0], 0.75)
    axes[0].legend(fontsize=10.5, ncols=2, loc="upper left")
    axes[-1].set_ylim(bottom=0)
    axes[-1].set_xticks(range(len(known)), [str(size) for size in known])
    axes[-1].set(xlabel="Number of clusters", xlim=(-0.5, len(known) - 0.5))
    label(axes[0], text)
    return fig


def _room(ax: Axes, part: float) -> None:
    """Room for a legend above what is drawn on a logarithmic axis."""
    bottom, top = ax.get_ylim()
    ax.set_ylim(bottom, top * (top / bottom) ** part)
