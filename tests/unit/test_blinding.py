"""Where collision data may be seen: what is shown must be apart from what is hidden."""

from __future__ import annotations

from typing import Any

import pytest

from boostflow.config.checks import blinding
from boostflow.config.config import Config
from boostflow.config.problems import Place

SAMPLES = {
    "top": {"source": "simulation", "process": "top", "label": "top"},
    "w": {"source": "simulation", "process": "w", "label": "w"},
    "run": {"source": "root", "files": ["data.root"], "data": True},
}
REGIONS = {"pass": {"range": [0.9, 1.0]}, "fail": {"range": [0.0, 0.9], "control": True}}
SCORE = {"model": "bdt", "column": "p_top"}


def found(background: dict[str, Any] | None, **blocks: Any) -> list[str]:
    block = None if background is None else {"data": "observed", **background}
    config = Config.model_validate(
        {
            "samples": SAMPLES,
            "templates": {"regions": REGIONS},
            "background": block,
            **blocks,
        }
    )
    return [str(problem) for problem in blinding.check(config, Place(""))]


def control(**cut: Any) -> dict[str, Any]:
    return {"control": {"qcd": {"samples": ["w"], **cut}}}


@pytest.mark.parametrize(("other", "problems"), [([600, 900], 0), ([500, 900], 1)])
def test_a_control_region_beside_a_region_in_a_column(other: list[float], problems: int) -> None:
    """The range of a column that a region of the fit has (`within`) tells what it hides."""
    regions = {"pass": {"range": [0.9, 1.0], "within": {"pt": [400, 600]}}}
    shown = control(column="pt", range=other)
    assert len(found(shown, templates={"regions": regions})) == problems


@pytest.mark.parametrize(
    "cut",
    [
        {**SCORE, "range": [0.0, 0.1]},
        {**SCORE, "range": [0.0, 0.9]},  # the upper edge does not belong to it
        {"model": "bdt", "column": "p_w", "range": [0.2, 1.0]},  # p_w + p_top <= 1
        {"column": "msoftdrop", "range": [0, 50]},  # beside the axis of the templates
    ],
)
def test_a_control_region_apart_from_the_signal(cut: dict[str, Any]) -> None:
    assert found(control(**cut)) == []


@pytest.mark.parametrize(
    "cut",
    [
        {**SCORE, "range": [0.0, 0.95]},
        {**SCORE, "jet": "second", "range": [0.0, 0.1]},  # the leading jet may be a top
        {"model": "bdt", "column": "p_w", "range": [0.1, 1.0]},
        {"model": "ucluster", "column": "p_top", "range": [0.0, 0.1]},  # another model
        {"column": "tau21", "range": [0.0, 0.2]},
    ],
)
def test_a_control_region_that_may_reach_into_the_signal(cut: dict[str, Any]) -> None:
    assert found(control(**cut)) == [
        "background.control.qcd: collision data in the region are shown, but may lie in region pass"
        " of the fit, where they are hidden: make the ranges apart, or set infer.unblind: true"
    ]
    assert found(control(**cut), infer={"unblind": True}) == []
    assert found({"data": "pseudo", **control(**cut)}) == []
    # Without a fit no region of it hides anything.
    assert found(control(**cut), infer=None) == []


def test_regions_of_sums() -> None:
    """p_top is at most 1 - (p_w + p_z); in what is no sum of probabilities nothing is known."""
    regions = {"pass": {"score": ["p_w", "p_top"], "range": [0.7, 1.0]}}
    samples = SAMPLES | {"z": {"source": "simulation", "process": "z", "label": "z"}}
    blocks = {"templates": {"regions": regions}, "samples": samples}
    cut = {"model": "bdt", "column": "p_z"}
    assert found(control(**cut, range=[0.4, 1.0]), **blocks) == []
    (problem,) = found(control(**cut, range=[0.3, 1.0]), **blocks)
    assert "may lie in region pass of the fit" in problem


def test_values_on_an_edge_lie_in_both_ranges() -> None:
    """1 belongs to a range that ends there, and to one that starts there: clusters are numbers."""
    cluster = {"model": "ucluster", "score": "cluster"}
    cut = {"model": "ucluster", "column": "cluster"}
    regions = {"pass": {**cluster, "range": [1, 2]}}
    (problem,) = found(control(**cut, range=[0, 1]), templates={"regions": regions})
    assert "may lie in region pass of the fit" in problem
    assert found(control(**cut, range=[0, 0.5]), templates={"regions": regions}) == []
    regions = {"pass": {**cluster, "range": [0, 1]}}
    assert found(control(**cut, range=[1, 2]), templates={"regions": regions})


def test_region_a_is_hidden_from_control_regions() -> None:
    y = {**SCORE, "jet": "second", "signal": [0.1, 1.0], "control": [0.0, 0.1]}
    abcd = {"abcd": {"x": {**SCORE, "signal": [0.5, 1.0], "control": [0.0, 0.5]}, "y": y}}
    inside = control(**SCORE, range=[0.4, 0.6])
    (problem,) = found({**abcd, **inside}, infer=None)
    assert "may lie in region A of background.abcd" in problem
    assert found({**abcd, **control(**SCORE, range=[0.4, 0.5])}, infer=None) == []
    in_b = control(**{**SCORE, "jet": "second"}, range=[0.0, 0.1])
    assert found({**abcd, **in_b}, infer=None) == []


def test_regions_of_abcd_that_hold_a_signal_region() -> None:
    """B is in the signal range of the leading jet; C and D are not."""
    (problem,) = found({"abcd": {"x": {**SCORE, "signal": [0.9, 1.0], "control": [0.0, 0.9]}}})
    assert problem.startswith("background.abcd: collision data in region B of background.abcd are")


def test_the_window_of_the_sideband_is_hidden_everywhere() -> None:
    problems = found({"sideband": {}, **control(**SCORE, range=[0.0, 0.1])})
    assert [problem.partition(":")[0] for problem in problems] == [
        "templates.regions",  # the control region of the fit has the whole spectrum
        "background.sideband",  # and the sideband jets of the signal region
        "background.control.qcd",
    ]
    # Above all of them: neither shows the window of the other.
    sideband = {"sideband": {"within": {**SCORE, "range": [0.5, 0.9]}, "window": [100, 200]}}
    regions = {"pass": REGIONS["pass"], "fail": {"range": [0.0, 0.5], "control": True}}
    block = {**sideband, **control(**SCORE, range=[0.0, 0.1])}
    assert found(block, templates={"regions": regions}) == []
    # A signal region whose axis is the window is apart from the sideband.
    regions = {"pass": {"range": [0.5, 1.0]}}
    assert found(sideband, templates={"regions": regions, "range": [100, 200]}) == []


def test_without_collision_data_nothing_is_hidden() -> None:
    samples = {name: SAMPLES[name] for name in ("top", "w")}
    block = {"data": "pseudo", **control(column="tau21", range=[0, 1])}
    assert found(block, samples=samples) == []


def test_a_hidden_window_of_the_fit() -> None:
    """Beside it fail and pass regions are shown; a control region may lie there, not in it."""
    hidden = {"estimated": ["w"], "hidden": [[105, 210]]}
    blocks = {"infer": {"transfer": hidden}, "templates": {"regions": REGIONS}}
    assert found(control(column="msoftdrop", range=[50, 105]), **blocks) == []
    problems = found(control(column="msoftdrop", range=[100, 120]), **blocks)
    for region, problem in zip(("pass", "fail"), problems, strict=True):
        assert f"may lie in region {region} of the fit, in a hidden window" in problem
