"""The plot that a network for a trigger has of its own: rate against efficiency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from boostflow.config.defaults import QCD
from boostflow.jobs.models import Evaluate
from boostflow.models.family import Role
from boostflow.plots.style import colour, label, name_of
from boostflow.scored import Table

LUMINOSITY = 2e-5
"""Instantaneous luminosity in 1/(fb s): 2e34 per cm2 and s."""
BACKGROUND = (*QCD, "dijet")
"""Classes that no trigger looks for."""
EFFICIENCIES = np.linspace(0.05, 0.99, 48)
"""At which the rate is drawn."""


def draw(
    job: Evaluate, files: Evaluate.Files, figures: Mapping[str, Any], jets: Table
) -> dict[str, Figure]:
    """The plot `rate`; see `models.family.Plots`."""
    fig, ax = plt.subplots()
    signals = [
        score
        for score in job.judged.scores
        if score.role is Role.PROBABILITY and score.of not in BACKGROUND and score.column in jets
    ]
    names = [str(score.of) for score in signals]
    for score, name in zip(signals, names, strict=True):
        rate, error = rates(jets, score.column, name)
        shown = rate > 0
        ink = colour(name, names)
        ax.plot(EFFICIENCIES[shown], rate[shown], color=ink, label=name_of(name))
        low, high = np.maximum(rate - error, rate / 10), rate + error
        ax.fill_between(EFFICIENCIES[shown], low[shown], high[shown], color=ink, alpha=0.25, lw=0)
    ax.set(xlabel="Efficiency of the class", ylabel="Rate of other events [Hz]", xlim=(0, 1))
    ax.set_yscale("log")
    ax.legend(loc="lower right")
    label(ax, job.label)
    return {"rate": fig}


def rates(jets: Table, column: str, name: str) -> tuple[NDArray, NDArray]:
    """Rate of other events at `EFFICIENCIES` of a class, and its statistical error (Hz).

    An event passes with its best jet. Its rate is cross-section times luminosity: `weight` is
    events per 1/fb.

    Args:
        jets: test jets, with `event`, `label`, `weight` and the score.
        column: the score of the class.
        name: of the class.
    """
    score, mine = jets[column], jets["label"] == name
    order = np.argsort(-score[mine])
    passed = np.cumsum(jets["weight"][mine][order])
    # From here on as many of the class pass as are wanted.
    place = np.searchsorted(passed / passed[-1], EFFICIENCIES)
    cuts = score[mine][order][np.minimum(place, mine.sum() - 1)]
    events, number = np.unique(jets["event"][~mine], return_inverse=True)
    best = np.full(len(events), -np.inf)
    np.maximum.at(best, number, score[~mine])
    weight = np.zeros(len(events))
    weight[number] = jets["weight"][~mine]
    passing = best[None, :] >= cuts[:, None]
    return LUMINOSITY * passing @ weight, LUMINOSITY * np.sqrt(passing @ weight**2)
