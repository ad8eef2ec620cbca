"""Plots of generated showers beside simulated ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from boostflow.calorimeter.columns import ENERGY, TITLES
from boostflow.calorimeter.geometry import HALF_WIDTH, LAYERS
from boostflow.calorimeter.shapes import layers
from boostflow.plots.style import PALETTE, Label, label
from boostflow.scored import Table

SHOWN = (
    *("response", "depth", "depth_width"),
    *("fraction_0", "fraction_1", "fraction_2"),
    *("sparsity_0", "sparsity_1", "ratio_1"),
    *("eta_width_0", "eta_width_1", "phi_width_1"),
)
"""Shapes that are drawn; the figures have all."""
NUMBER = 3
"""Single showers of each kind."""


def shape_plots(jets: Table, figures: Mapping[str, Any], text: Label) -> Figure:
    """Distributions of shapes of both kinds, each with its distance."""
    fig, axes = plt.subplots(4, 3, figsize=(15, 16))
    for ax, shape in zip(axes.flat, SHOWN, strict=True):
        both = [jets[f"{kind}_{shape}"] for kind in ("simulated", "generated")]
        low, high = np.quantile(np.concatenate(both), [0.003, 0.997])
        bins = np.linspace(low, high if high > low else low + 1, 31)
        for values, name, color in zip(both, ("Cascade", "Generated"), PALETTE, strict=False):
            count, _ = np.histogram(values, bins)
            error, middle = np.sqrt(count), (bins[1:] + bins[:-1]) / 2
            ax.stairs(count, bins, color=color, label=name, linewidth=1.8)
            ax.errorbar(middle, count, error, fmt="none", color=color, linewidth=1)
        found = figures["distance"][shape]
        ax.set(xlabel=TITLES[shape], ylabel="Showers", ylim=(0, 1.45 * ax.get_ylim()[1]))
        ax.legend(
            loc="upper right",
            title=f"Distance / spread: {found['value']:.3f} ± {found['error']:.3f}",
            title_fontsize=12,
        )
    label(axes[0, 0], Label(text.left, ""))
    label(axes[0, 2], Label("", text.right))
    return fig


def resolution(figures: Mapping[str, Any], text: Label) -> Figure:
    """Response and resolution of both kinds in bins of the energy."""
    fig, axes = plt.subplots(2, 1, figsize=(7.5, 9), sharex=True)
    rows = figures["energy"]
    middle = np.array([(row["low"] + row["high"]) / 2 for row in rows])
    half = np.array([(row["high"] - row["low"]) / 2 for row in rows])
    keys = (("simulated", "generated"), ("resolution", "generated_resolution"))
    titles = ("Mean response", "Resolution of the response")
    for ax, both, title in zip(axes, keys, titles, strict=True):
        for key, name, color, shift in zip(
            both, ("Cascade", "Generated"), PALETTE, (-0.04, 0.04), strict=False
        ):
            value = [row[key]["value"] for row in rows]
            error = [row[key]["error"] for row in rows]
            ax.errorbar(middle + shift * half, value, error, half, fmt="o", color=color, label=name)
        low, high = ax.get_ylim()
        ax.set(ylabel=title, ylim=(low, high + 0.35 * (high - low)))
        ax.legend(loc="upper right")
    axes[1].set(xlabel="Energy of the particle (GeV)")
    label(axes[0], text)
    return fig


def mean_showers(jets: Table, text: Label) -> Figure:
    """Mean energy in each cell of both kinds, side by side."""
    kinds = {"Cascade, mean": jets["simulated"], "Generated, mean": jets["generated"]}
    return _pictures([(title, cells.mean(axis=0)) for title, cells in kinds.items()], text)


def single_showers(jets: Table, text: Label) -> Figure:
    """Some single showers: each simulated one beside a generated one of the same energy."""
    pictures, energy = [], jets[ENERGY]
    places = (np.linspace(0.15, 0.9, NUMBER) * (len(energy) - 1)).astype(int)
    for k in np.argsort(energy)[places]:
        pictures += [
            (f"Cascade, {energy[k]:.0f} GeV", jets["simulated"][k]),
            (f"Generated, {energy[k]:.0f} GeV", jets["generated"][k]),
        ]
    return _pictures(pictures, text)


def _pictures(pictures: list[tuple[str, NDArray]], text: Label) -> Figure:
    """Rows of layers, a column each of cells with a title."""
    size = len(pictures)
    fig, axes = plt.subplots(
        len(LAYERS), size, figsize=(3.4 * size + 1.6, 10), sharex=True, sharey=True, squeeze=False
    )
    images = [layers(cells[None]) for _, cells in pictures]
    edge = [-HALF_WIDTH, HALF_WIDTH] * 2
    for number in range(len(LAYERS)):
        most = max(float(each[number].max()) for each in images)
        norm = LogNorm(max(most, 1e-3) * 1e-4, max(most, 1e-3))
        for column, each in enumerate(images):
            ax = axes[number, column]
            shown = np.ma.masked_less_equal(each[number][0], 0)
            drawn = ax.imshow(
                shown, extent=edge, origin="lower", norm=norm, aspect="auto", cmap="viridis"
            )
            ax.set(xticks=(-200, 0, 200), yticks=(-200, 0, 200))
            if not number:
                ax.set_title(pictures[column][0], size=14, pad=24)
        axes[number, 0].set_ylabel(rf"Layer {number}: $\phi$ (mm)")
        fig.colorbar(drawn, ax=axes[number, :], label="Energy (MeV)", pad=0.01)
    for ax in axes[-1]:
        ax.set_xlabel(r"$\eta$ (mm)")
    label(axes[0, 0], Label(text.left, ""))
    if size > 1:
        label(axes[0, -1], Label("", text.right))
    return fig
