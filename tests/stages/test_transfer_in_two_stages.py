"""Backgrounds from data in two stages: a function fitted to simulation times one fitted to data."""

from __future__ import annotations

import numpy as np
import pytest

from boostflow.config.statistics import Infer
from boostflow.infer import closure, described, fit, ftest, ratio, transfer
from boostflow.infer.minimum import minimise, open_workspace
from boostflow.infer.prepare import Parts
from boostflow.infer.ratio import Counts
from boostflow.infer.workspace import build
from boostflow.io import read_json
from boostflow.jobs.transfer import CheckTransfer
from boostflow.templates.files import Template
from support import windows
from support.fits import fitted_by_pyhf, write_templates

EDGES = np.linspace(50, 290, 13)
CENTRES = (EDGES[1:] + EDGES[:-1]) / 2
X = (CENTRES - EDGES[0]) / (EDGES[-1] - EDGES[0])
FAIL = 1e6 * np.exp(-CENTRES / 90) / np.exp(-CENTRES / 90).sum()
TOP = 300 * np.exp(-0.5 * ((CENTRES - 172) / 15) ** 2) / 4
STRUCTURE = 1 + 0.35 * np.cos(2 * np.pi * (X - 0.5))
"""Of the simulated ratio: a hill below the signal, which no straight line follows."""
RATIO = 0.02 * STRUCTURE
DATA = RATIO * (0.9 + 0.3 * X)
"""The ratio in data: that of simulation times a straight line."""
ORDER = 6
"""That describes the structure."""
BASES = ("bernstein", "exp_chebyshev")


def template(values, weight=1.0):
    values = np.asarray(values, dtype=float)
    return Template(values, values * weight, EDGES, "msoftdrop")


def analysis(rng=None, weight=0.5):
    """Simulated templates, with the fluctuations of `weight` events a simulated one."""
    fail, passed = FAIL, FAIL * RATIO
    if rng:
        fail, passed = (weight * rng.poisson(x / weight) for x in (fail, passed))
    return {
        "pass": {"top": template(TOP, 0.1), "qcd": template(passed, weight)},
        "fail": {"top": template(TOP, 0.1), "qcd": template(fail, weight)},
    }


def observed(rng=None):
    """Numbers of the true ratio with the signal at 1, or their expectation."""
    expected = {"pass": FAIL * DATA + TOP, "fail": FAIL + TOP}
    return {name: rng.poisson(x).astype(float) if rng else x for name, x in expected.items()}


def block(residual=1, order=ORDER, **keys):
    declared = {"estimated": ["qcd"], "order": order, "residual": residual, **keys}
    return Infer.model_validate({"mc_stat": False, "transfer": declared})


def workspace(config, nominal, numbers=None):
    orders = {"pass": config.transfer.order}
    start = transfer.estimate(config.transfer, nominal, numbers, orders)
    return build({"nominal": nominal}, {}, config, numbers, None, start)[0]


@pytest.mark.parametrize("basis", BASES)
def test_the_errors_of_simulation_move_the_function(basis):
    """Each parameter by one standard error of an eigenvector, together as the covariance says."""
    nominal, config = analysis(), block(basis=basis)
    model, _ = open_workspace(workspace(config, nominal))
    names, start = model.config.par_names, np.array(model.config.suggested_init())
    start[names.index("mu")] = 0
    free = [name for name in names if name.startswith("simulated_pass_")]
    assert len(free) == ORDER + 1
    where = model.config.channel_slices["pass"]

    def passed(**shifts):
        pars = start.copy()
        for name, value in shifts.items():
            pars[names.index(name)] = value
        return np.asarray(model.expected_actualdata(pars))[where]

    counts = transfer.counts(nominal, config.transfer, "pass")
    found = ratio.fit(counts, basis, ORDER, X)
    np.testing.assert_allclose(passed(), FAIL * found.at(X), rtol=1e-6)
    moved = ratio.changes(counts, found, X)
    shift = np.linspace(-1.3, 1.7, len(free))
    exponential = basis.startswith("exp_")
    expected = FAIL * (
        found.at(X) * np.exp(shift @ moved) if exponential else found.at(X) + shift @ moved
    )
    np.testing.assert_allclose(passed(**dict(zip(free, shift, strict=True))), expected, rtol=1e-4)


def test_the_errors_are_those_of_fits_to_fluctuating_simulation():
    """The width of fitted functions over many simulations, bin by bin."""
    rng, values = np.random.default_rng(1), []
    for _ in range(60):
        counts = Counts(rng.poisson(FAIL * RATIO), rng.poisson(FAIL))
        values.append(ratio.fit(counts, "chebyshev", 3, X).at(X))
    expected = Counts(FAIL * RATIO, FAIL)
    moved = ratio.changes(expected, ratio.fit(expected, "chebyshev", 3, X), X)
    sigma = np.sqrt((moved**2).sum(axis=0))
    np.testing.assert_allclose(np.std(values, axis=0) / sigma, 1, atol=0.3)
    assert np.mean(np.std(values, axis=0) / sigma) == pytest.approx(1, abs=0.12)


def test_a_structure_of_simulation_that_a_straight_line_does_not_follow():
    """Two stages close, and measure the signal that is there; one stage of the same order not."""
    numbers = observed(np.random.default_rng(8))
    p, mu = [], []
    for config in (block(toys=20), block(residual=None, order=1, toys=20)):
        orders = {"pass": config.transfer.order}
        parts = Parts(config, {}, {"nominal": analysis()}, {}, numbers, None, [], orders, [])
        model, data = open_workspace(parts.workspace(parts.estimate(config.transfer, orders))[0])
        best = minimise(model, data)
        p.append(described.goodness(model, data, best, config.transfer.toys, 1)["p"])
        mu.append((best.value("mu") - 1) / best.errors[best.names.index("mu")])
    assert p[0] > 0.01 and p[1] == 0
    assert abs(mu[0]) < 3 < abs(mu[1])


def test_coverage_of_the_signal_strength():
    """Simulation and data fluctuate: pulls are 1 wide, and too wide with its errors left out."""
    rng, pulls, held = np.random.default_rng(4), [], []
    for _ in range(60):
        nominal = analysis(rng, weight=2.0)
        model, data = open_workspace(workspace(block(), nominal, observed(rng)))
        names = model.config.par_names
        fixed = {name: 0.0 for name in names if name.startswith("simulated_")}
        for found, values in ((minimise(model, data), pulls), (minimise(model, data, fixed), held)):
            values.append((found.value("mu") - 1) / found.errors[names.index("mu")])
    assert abs(np.mean(pulls)) < 3 / len(pulls) ** 0.5
    assert 0.75 < np.std(pulls) < 1.25
    assert 0.55 < np.mean(np.abs(pulls) < 1) < 0.82
    assert np.std(held) > 1.3


def test_two_stages_in_two_variables():
    """The first stage is a function of both; its errors are shared by all pairs."""
    pairs = {"fail": ["f", "g"], "pass": ["p", "q"], "along": {"variable": "pt", "at": [450, 700]}}
    nominal = {
        name: {"top": template(TOP), "qcd": template(values)}
        for name, values in (("f", FAIL), ("g", FAIL / 2), ("p", FAIL * RATIO), ("q", FAIL * DATA))
    }
    config = block(order=[4, 1], residual=[1, 0], **pairs)
    start = transfer.estimate(config.transfer, nominal, None, {"p": (4, 1)})
    spec = build({"nominal": nominal}, {}, config, None, None, start)[0]
    shared = [
        {m["name"] for s in c["samples"] for m in s["modifiers"] if m["type"] == "histosys"}
        for c in spec["channels"]
        if c["name"] in ("p", "q")
    ]
    assert shared[0] == shared[1] == {f"simulated_p_{k}" for k in range(10)}
    model, data = open_workspace(spec)
    assert minimise(model, data).value("mu") == pytest.approx(1, abs=1e-3)


def test_checks_of_two_stages(tmp_path):
    """F-tests of data and the envelope are of the order that data are fitted with."""
    templates = write_templates(tmp_path, {"nominal": analysis()})
    files = CheckTransfer.Files(templates=templates, figures=tmp_path / "transfer.json")
    closure.run(CheckTransfer(infer=block(toys=10)), files)
    found = read_json(files.figures)
    mine = found["regions"]["pass"]
    assert (mine["order"], mine["residual"]) == (ORDER, 1)
    orders = {(row["basis"], row["orders"]["pass"]) for row in found["envelope"]["functions"]}
    assert {("bernstein", 2), ("bernstein", 0), ("exp_chebyshev", 1)} <= orders
    function = mine["function"]
    assert function["values"] == pytest.approx(list(mine["start"]), rel=1e-3)
    assert np.all(np.array(function["errors"]) > 0)


def test_groups_and_notes():
    assert fit.group_of("simulated_pass_0", {}) == fit.MC_STAT_GROUP
    (note, *_) = ftest.notes(block().transfer, analysis(), {"pass": ORDER}, 1)
    assert note.endswith("times bernstein (6) as simulated, times bernstein (1)")


def test_pyhf_reads_it(tmp_path):
    spec = workspace(block(order=3), analysis(), observed())
    model, data = open_workspace(spec)
    best = minimise(model, data)
    theirs = fitted_by_pyhf(tmp_path, spec)["mu"]
    assert theirs == pytest.approx([best.value("mu")], abs=5e-3)


def test_data_in_a_hidden_window_change_nothing(tmp_path):
    """Neither the function of data nor its tests; in the window it is predicted."""
    window = (CENTRES > 130) & (CENTRES < 210)
    rng = np.random.default_rng(6)
    data = {"pass": rng.poisson(FAIL * DATA), "fail": rng.poisson(FAIL)}
    config = block(toys=10, hidden=[[131, 209]])
    first, *others = windows.checks(tmp_path, config, analysis(), data, window)
    assert all(other == first for other in others)
    mine = first["regions"]["pass"]
    assert [value is None for value in mine["pulls"]] == window.tolist()
    values, errors = (np.array(mine["function"][key]) for key in ("values", "errors"))
    assert (np.abs(values - DATA) < 4 * errors)[window].all() and (errors > 0).all()


def test_a_validation_region_in_two_stages(tmp_path):
    """It has both functions of its own, and is predicted without a signal."""
    nominal = analysis()
    nominal["between"] = {"top": template(0 * TOP), "qcd": template(FAIL * RATIO * 3)}
    templates = write_templates(tmp_path, {"nominal": nominal})
    files = CheckTransfer.Files(templates=templates, figures=tmp_path / "transfer.json")
    closure.run(CheckTransfer(infer=block(toys=10, validation=["between"])), files)
    apart = read_json(files.figures)["validation"]["regions"]["between"]
    assert (apart["order"], apart["residual"]) == (ORDER, 1)
    assert apart["function"]["values"] == pytest.approx(3 * RATIO, rel=0.02)
    assert np.allclose(apart["pulls"], 0, atol=0.05)
