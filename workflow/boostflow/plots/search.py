"""The plot of a search: the figure of its points against each key."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from boostflow.plots.style import PALETTE, label

if TYPE_CHECKING:
    from boostflow.jobs.search import ReportSearch

TITLES = {"auc": "Macro AUC (validation)", "loss": "Cross-entropy (validation)"}
COLUMNS = 3
"""Most panels beside each other."""
MANY = 8
"""From so many numbers on an axis is one of numbers; fewer are written below it one by one."""


def draw(job: ReportSearch, found: Mapping[str, Any]) -> Figure:
    """The figure of each point against each key, a panel for each key.

    Args:
        job: keys, figure, and the text above the plot.
        found: as the stage `search_report` writes it.
    """
    columns = min(COLUMNS, len(job.keys))
    rows = math.ceil(len(job.keys) / columns)
    size = (max(7.5, 4.6 * columns), 1.6 + 4.2 * rows)
    fig, grid = plt.subplots(rows, columns, figsize=size, sharey=True, squeeze=False)
    axes = list(grid.flat)
    for ax in axes[len(job.keys) :]:
        ax.set_visible(False)
    for key, ax in zip(job.keys, axes, strict=False):
        _panel(ax, key, job, found)
    for row in grid:
        row[0].set_ylabel(TITLES[job.figure])
    label(grid[0][0], job.label._replace(right="" if columns > 1 else job.label.right))
    if columns > 1:
        label(grid[0][-1], job.label._replace(left=""))
    handles, names = axes[0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=2)
    return fig


def _panel(ax: Axes, key: str, job: ReportSearch, found: Mapping[str, Any]) -> None:
    judged, best = found["validation"], found["chosen"]
    last = len(found["steps"]) - 1
    good = [
        [entry for entry in step["points"] if "diverged" not in entry] for step in found["steps"]
    ]
    place = _places(ax, key, [entry["settings"][key] for step in good for entry in step], job)
    for number, (step, entries) in enumerate(zip(found["steps"], good, strict=True)):
        more = "" if step["given"] is None else f", {job.resource} {step['given']}"
        ax.plot(
            [place(entry["settings"][key]) for entry in entries],
            [entry[job.figure] for entry in entries],
            *("o",),
            ms=6,
            alpha=0.75,
            color=PALETTE[(last - number) % len(PALETTE)],
            label=f"{len(entries)} points{more}",
        )
    x = place(best["settings"][key])
    ax.errorbar(
        [x],
        [judged["value"]],
        [judged["error"]],
        fmt="*",
        ms=15,
        capsize=3,
        color="black",
        label="Chosen, with its statistical error",
    )
    ax.axhline(
        judged["corrected"], color="black", ls="--", lw=1.2, label="Chosen, without its luck"
    )
    ax.set_xlabel(key)


def _places(ax: Axes, key: str, values: Sequence[Any], job: ReportSearch) -> Any:
    """Where values are on the axis of a key: a function of one."""
    distinct: list[Any] = []
    for value in values:
        if value not in distinct:
            distinct.append(value)
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in distinct)
    if numbers and len(distinct) > MANY:
        if key in job.logarithmic:
            ax.set_xscale("log")
        return float
    if numbers:
        distinct.sort()
    ax.set_xticks(range(len(distinct)), [_said(value) for value in distinct])
    ax.tick_params(axis="x", which="minor", bottom=False, top=False)
    ax.set_xlim(-0.6, len(distinct) - 0.4)
    return distinct.index


def _said(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(_said(part) for part in value)
    if isinstance(value, str):
        return value
    return json.dumps(value)
