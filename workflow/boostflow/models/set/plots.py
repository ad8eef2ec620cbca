"""The plot that energy flow networks have of their own: their filters in the plane of the jet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from boostflow.jobs.base import Label
from boostflow.jobs.models import Evaluate
from boostflow.models.runtime import session
from boostflow.models.set.block import DIRECTIONS, FILTER_FILE, FILTERS
from boostflow.plots.style import label
from boostflow.scored import Table

REACH = 0.8
"""Half side of the square around the jet axis that is drawn: the radius of the default jets."""
POINTS = 161
"""Points of the grid along each side."""


def draw(
    job: Evaluate, files: Evaluate.Files, figures: Mapping[str, Any], jets: Table
) -> dict[str, Figure]:
    """The plot `filters`; see `models.family.Plots`."""
    return {"filters": contours(*filters(files.model), job.label)}


def filters(model: Path) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Coordinates (POINTS,) of a grid along each side, and filters on it (POINTS, POINTS, L).

    The first axis is that of phi.

    Args:
        model: folder of an energy flow network.
    """
    side = np.linspace(-REACH, REACH, POINTS)
    eta, phi = np.meshgrid(side, side)
    directions = np.stack([eta.ravel(), phi.ravel()], axis=1).astype(np.float32)
    (found,) = session(model / FILTER_FILE, 1).run([FILTERS], {DIRECTIONS: directions})
    return side, found.reshape(POINTS, POINTS, -1)


def contours(side: NDArray[np.float64], values: NDArray[np.float32], text: Label) -> Figure:
    """Each filter by the line on which it has half of its largest value.

    A filter's colour is the size of the region inside the line. Those that are the same everywhere,
    or nowhere above 0, are counted and not drawn.

    Args:
        side: coordinates along each side, (n,).
        values: of the filters, (n, n, L), the first axis that of phi.
        text: above the axes.
    """
    top, low = values.max(axis=(0, 1)), values.min(axis=(0, 1))
    drawn = np.flatnonzero((top > 0) & (low < 0.5 * top))
    inside = (values > 0.5 * top).mean(axis=(0, 1))
    fig, ax = plt.subplots(figsize=(8.2, 7.2))
    colours = plt.get_cmap("viridis")
    # Large regions first: lines of small ones lie above them.
    for number in sorted(drawn, key=lambda i: -inside[i]):
        ax.contour(
            side,
            side,
            values[..., number] / top[number],
            levels=[0.5],
            colors=[colours(float(np.sqrt(inside[number])))],
            linewidths=1.3,
        )
    scale = ScalarMappable(Normalize(0, 1), "viridis")
    bar = fig.colorbar(scale, ax=ax)
    bar.set_label("Square root of the part of the plane above half of the maximum")
    ax.set(
        xlabel=r"$\eta - \eta_\mathrm{jet}$",
        ylabel=r"$\varphi - \varphi_\mathrm{jet}$",
        aspect="equal",
    )
    flat = values.shape[-1] - len(drawn)
    ax.set_title(f"{len(drawn)} filters drawn, {flat} flat or without output", fontsize=13, pad=28)
    label(ax, text)
    return fig
