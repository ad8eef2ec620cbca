"""What the network looks at: attention between the particles of single jets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import awkward as ak
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from boostflow.constituents.catalogue import COLUMNS
from boostflow.evaluate.clusterer import typical
from boostflow.io import read_parquet
from boostflow.jobs.base import Label
from boostflow.jobs.models import Evaluate
from boostflow.models.ucluster.explain import Explanation, explain, most_selective
from boostflow.plots.style import label, name_of
from boostflow.scored import Table, samples_of

HARDEST = 15
"""Edges are drawn from this many particles, those with the highest pT."""
AREA = 2.0
"""Area of a circle for each GeV of pT (points squared)."""
INSIDE = 0.98
"""The axes hold this part of each jet's pT."""
EDGE = to_rgba("C3")
SHOWN_PT = (10, 50, 200)
"""pT of the circles in the legend (GeV)."""
SHOWN_ATTENTION = (0.3, 0.6)


def draw(
    job: Evaluate, files: Evaluate.Files, figures: Mapping[str, Any], jets: Table
) -> dict[str, Figure]:
    """The plot `attention` of one typical test jet of each class; see `models.family.Plots`."""
    selected, found = samples_of(files.jets), {}
    for name, row in typical(jets, figures["confusion"]["classes"], job.judged).items():
        keys = ("event_id", "jet_index")
        rows = read_parquet(selected[str(jets["sample"][row])], [*keys, *COLUMNS])
        same = np.all([ak.to_numpy(rows[key]) == jets[key][row] for key in keys], axis=0)
        found[name] = explain(files.model, rows[same])[0]
    return {"attention": attention(found, job.label)}


def attention(jets: Mapping[str, Explanation], text: Label) -> Figure:
    """One jet of each class: particles, the edges of the first attention block, learned weights.

    Args:
        jets: by name of the class.
        text: above the axes.
    """
    channel = most_selective(jets.values())
    neighbours = next(iter(jets.values())).neighbours.shape[1]
    fig, axes = plt.subplots(1, len(jets), figsize=(5.0 * len(jets) + 1.2, 6.4), squeeze=False)
    for ax, (name, jet) in zip(axes[0], jets.items(), strict=True):
        ax.add_collection(_edges(jet))
        shade = np.full(len(jet.pt), 0.5) if channel is None else jet.weights[:, channel]
        circles = ax.scatter(
            jet.eta,
            jet.phi,
            s=AREA * jet.pt,
            c=shade,
            cmap="viridis",
            vmin=0,
            vmax=1,
            edgecolors="black",
            linewidths=0.5,
            alpha=0.75,
            zorder=1,
        )
        limit = 1.15 * _radius(jet)
        ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
        ax.set_xlabel(r"$\Delta\eta$ to the jet axis")
        title = f"{name_of(name)}, mass {jet.mass:.0f} GeV"
        if channel is not None:
            title += f" ({jet.channel_masses[channel]:.0f} GeV weighted)"
        ax.set_title(title, fontsize=13, pad=28)
    axes[0, 0].set_ylabel(r"$\Delta\varphi$ to the jet axis")
    if channel is not None:
        bar = fig.colorbar(circles, ax=axes[0].tolist(), shrink=0.8)
        bar.set_label(f"Weight of the particle in mass channel {channel}")
    fig.legend(handles=_legend(neighbours), loc="outside lower center", ncols=6, fontsize=12)
    label(axes[0, 0], Label(text.left))
    label(axes[0, -1], Label("", text.right))
    return fig


def _radius(jet: Explanation) -> float:
    """Half side of the square around the axis that holds `INSIDE` of the pT."""
    away = np.maximum(abs(jet.eta), abs(jet.phi))
    order = np.argsort(away)
    held = np.cumsum(jet.pt[order]) / jet.pt.sum()
    return float(away[order][np.searchsorted(held, INSIDE)])


def _edges(jet: Explanation) -> LineCollection:
    """Lines from the hardest particles to their neighbours, stronger for more attention."""
    points = np.stack([jet.eta, jet.phi], axis=1)
    near, share = jet.neighbours[:HARDEST], jet.attention[:HARDEST]
    begin = np.repeat(np.arange(len(near)), near.shape[1])
    end, weight = near.ravel(), share.ravel()
    other = begin != end
    lines = np.stack([points[begin], points[end]], axis=1)[other]
    return LineCollection(lines, zorder=2, **_strength(weight[other]))


def _strength(weight: np.ndarray) -> dict[str, np.ndarray]:
    colours = np.tile(EDGE, (len(weight), 1))
    colours[:, 3] = np.clip(0.1 + 1.5 * weight, 0, 1)
    return {"linewidths": 0.3 + 6 * weight, "colors": colours}


def _legend(neighbours: int) -> list[Line2D]:
    entries = [
        Line2D(
            [], [], ls="", marker="o", mfc="none", mec="black", ms=np.sqrt(AREA * pt), label=title
        )
        for pt, title in ((pt, f"$p_T$ = {pt} GeV") for pt in SHOWN_PT)
    ]
    equal = 1 / neighbours
    titles = {equal: f"attention {equal:.2f} (equal shares)"}
    titles |= {share: f"{share:g}" for share in SHOWN_ATTENTION if share > equal}
    for share, title in titles.items():
        look = _strength(np.array([share]))
        entries.append(
            Line2D([], [], color=look["colors"][0], lw=look["linewidths"][0], label=title)
        )
    return entries
