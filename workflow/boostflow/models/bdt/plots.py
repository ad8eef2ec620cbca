"""The plot that trees have of their own: the importance of their features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from boostflow.errors import BoostflowError
from boostflow.io import read_json
from boostflow.jobs.base import Label
from boostflow.jobs.models import Evaluate
from boostflow.plots.style import label
from boostflow.scored import Table


def draw(
    job: Evaluate, files: Evaluate.Files, figures: Mapping[str, Any], jets: Table
) -> dict[str, Figure]:
    """The plot `importance`; see `models.family.Plots`."""
    metrics = read_json(files.model / "metrics.json")
    return {"importance": importance(metrics, job.label)}


def importance(metrics: Mapping[str, Any], text: Label) -> Figure:
    """Gain of each input feature, in percent of the sum."""
    gains = metrics.get("importance")
    if not gains:
        raise BoostflowError("metrics.json: no feature importance to draw (key importance)")
    names = sorted(gains, key=gains.get)[-25:]
    total = sum(gains.values())
    fig, ax = plt.subplots(figsize=(7.5, max(4.0, 0.36 * len(names) + 1.6)))
    ax.barh(names, [100 * gains[name] / total for name in names], color="C0")
    ax.tick_params(axis="y", which="both", left=False, right=False, labelsize=12)
    ax.set(xlabel="Share of the gain [%]", ylim=(-0.7, len(names) - 0.3))
    label(ax, text)
    return fig
