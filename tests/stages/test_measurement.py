"""The figure of the measurement: which regions it shows, and that its legend covers nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from boostflow.plots.measurement import Measured, measurement, parameters, shown
from boostflow.plots.style import Label, style

EDGES = [50.0, 110.0, 170.0, 230.0, 290.0]


def entry(edges: list[float] = EDGES, **samples: list[float]) -> dict[str, Any]:
    """A region of yields.json whose data are the sum of its samples."""
    samples["total"] = np.sum([*samples.values()], axis=0).tolist()
    parts = {
        name: {"values": values, "errors": [0.05 * v for v in values]}
        for name, values in samples.items()
    }
    return {"edges": edges, "data": samples["total"], "prefit": parts, "postfit": parts}


YIELDS = {
    "fail": entry(qcd=[9e5, 5e5, 3e5, 1e5], top=[50, 90, 40, 9], w=[300, 9, 1, 1]),
    "tagged": entry(qcd=[400, 300, 200, 100], top=[10, 500, 90, 5], w=[9, 1, 0, 0]),
    "groomed": entry(qcd=[9000, 4000, 2000, 900], top=[9, 60, 9, 2], w=[1900, 50, 1, 0]),
}
FIT = {
    "pois": {"mu": {"samples": ["top"], "value": 1.0, "up": 0.1, "down": 0.1}},
    "variable": "msoftdrop",
    "data": "asimov",
}
TOP = Measured("mu_top", ["top"], 1.0, 0.1, 0.1)
BOSONS = Measured("mu_v", ["w"], 1.0, 0.3, 0.1)


def test_each_parameter_has_the_region_that_measures_it_best() -> None:
    assert shown(YIELDS, [TOP]) == ["tagged"]
    assert shown(YIELDS, [TOP, BOSONS]) == ["tagged", "groomed"]
    assert shown(YIELDS, [BOSONS, TOP]) == ["tagged", "groomed"]


def test_regions_that_measure_as_well_are_shown_but_not_too_many() -> None:
    alike = {f"bin{i}": YIELDS["tagged"] for i in range(5)}
    assert shown(alike, [TOP]) == ["bin0", "bin1", "bin2"]


def test_without_any_signal_the_first_region_is_shown() -> None:
    nothing = {"a": entry(qcd=[4, 3, 2, 1]), "b": entry(qcd=[4, 3, 2, 1])}
    assert shown(nothing, [TOP]) == ["a"]


@pytest.mark.parametrize("regions", [["tagged"], ["fail", "groomed"], [*YIELDS]])
def test_the_legend_covers_neither_points_nor_bands(regions: list[str]) -> None:
    with style():
        figure = measurement({name: YIELDS[name] for name in regions}, FIT, Label())
        figure.draw_without_rendering()
        for ax in figure.axes:
            legend = ax.get_legend()
            if legend is None:
                continue
            box = legend.get_window_extent().transformed(ax.transData.inverted())
            (name,) = [n for n in regions if f"Region {n}" == legend.get_title().get_text()]
            data = np.asarray(YIELDS[name]["data"])
            under = np.array(EDGES[1:]) > box.x0
            assert under.any()
            assert box.y0 > (1.05 * data + np.sqrt(data))[under].max()


def test_bins_of_several_widths_are_densities() -> None:
    wide = entry([50.0, 70.0, 290.0], qcd=[400, 2200], top=[20, 110])
    with style():
        top, low = measurement({"tagged": wide}, FIT, Label()).axes
    assert top.get_ylabel() == "Events / GeV"
    # The points: 21 and 10.5 events per GeV in bins of 20 and 220 GeV; below, 1.05.
    (points,) = [line for line in top.lines if line.get_linestyle() == "None"]
    assert points.get_ydata() == pytest.approx([21, 10.5])
    assert low.lines[0].get_ydata() == pytest.approx([1.05, 1.05])


def test_an_empty_region_can_be_drawn() -> None:
    zero = entry(qcd=[0, 0, 0, 0], top=[0, 0, 0, 0])
    with style():
        figure = measurement({"a": zero}, FIT, Label())
        figure.draw_without_rendering()
    assert figure.axes[0].get_ylim() == (0, 1)


def test_parameters_of_a_fit() -> None:
    assert parameters(FIT) == [Measured("mu", ["top"], 1.0, 0.1, 0.1)]
