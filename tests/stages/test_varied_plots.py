"""The plots of AUC and ROC under variations can be read: no text runs into another one."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from boostflow.plots import uncertainty
from boostflow.plots.style import Label, style

CLASSES = ["top", "w", "z", "quark", "gluon", "higgs", "unmatched"]
LABEL = Label("boostflow simulation", "138 fb$^{-1}$ (13 TeV)")
EFFICIENCY = np.linspace(0.05, 1, 20)


def result(classes: list[str], parameters: list[str]) -> dict[str, Any]:
    """Figures of a classifier under variations."""
    side = {"up": 0.0123, "down": 0.0113}
    figure = {"value": 0.9456, "error": 0.0021, "systematic": side}
    spread, auc = (0.2 * EFFICIENCY**2).tolist(), [*classes, "macro"]
    return {
        "auc": dict.fromkeys(auc, figure),
        "roc": {
            "signal_efficiency": EFFICIENCY.tolist(),
            "background_efficiency": {name: (EFFICIENCY**2).tolist() for name in classes},
            "error": dict.fromkeys(classes, spread),
            "systematic": {name: {"up": spread, "down": spread} for name in classes},
        },
        "parameters": {
            name: {
                "auc": {key: {"up": 0.01, "down": -0.02, "error": 0.001 * (i + 1)} for key in auc}
            }
            for i, name in enumerate(parameters)
        },
    }


def boxes(figure: Figure) -> list[tuple[str, Bbox]]:
    """Texts that are drawn, and where."""
    figure.draw_without_rendering()
    found = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
    hidden = set()
    for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
        low, high = sorted(axis.get_view_interval())
        for tick in axis.get_major_ticks():
            hidden.add(tick.label2)
            if not low <= tick.get_loc() <= high:
                hidden.add(tick.label1)
    return [
        (text.get_text(), text.get_window_extent())
        for text in found
        if text not in hidden and not (text.axes and not text.axes.axison)
    ]


def clashes(figure: Figure) -> list[str]:
    """Pairs of texts of which one covers a part of the other."""
    return [
        f"{one!r} and {other!r}"
        for (one, first), (other, second) in combinations(boxes(figure), 2)
        if first.overlaps(second) and min(first.width, second.width) > 0
    ]


@pytest.mark.parametrize("number", [1, 2, 3, 5, 7])
def test_no_text_of_the_plots_runs_into_another(number: int) -> None:
    parameters = [f"some_parameter_{i}" for i in range(6)]
    found = result(CLASSES[:number], parameters)
    with style():
        assert clashes(uncertainty.auc_shifts(found, {}, LABEL)) == []
        assert clashes(uncertainty.roc(found, LABEL)) == []


def test_shifts_are_called_by_their_titles() -> None:
    found = result(["top", "w"], ["jes", "fsr"])
    with style():
        figure = uncertainty.auc_shifts(found, {"jes": "Jet energy scale"}, LABEL)
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names == ["Jet energy scale", "fsr", "all (bar), stat. (line)"]


@pytest.mark.parametrize("number", [1, 4, 7])
def test_panels_are_as_wide_as_a_page_allows(number: int) -> None:
    """At most three beside each other: text of 13 points on 13 inches is read in a browser."""
    with style():
        for figure in (
            uncertainty.roc(result(CLASSES[:number], ["jes"]), LABEL),
            uncertainty.auc_shifts(result(CLASSES[:number], ["jes"]), {}, LABEL),
        ):
            assert figure.get_size_inches()[0] < 14
