"""Statistics against independent programs and against toys."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyhf
import pytest

from boostflow.config.statistics import Infer
from boostflow.config.systematics import Rate, Shift
from boostflow.infer import fit, hypotests, observed
from boostflow.infer.workspace import build
from boostflow.templates.files import Template

SIGNAL = np.array([4.0, 30.0, 12.0])
BACKGROUND = np.array([90.0, 80.0, 60.0])


def workspace(weight=0.3):
    """Workspace of one region with three bins, luminosity, a shape systematic and MC statistics."""

    def one(scale):
        edges = np.linspace(50, 290, 4)
        return {
            "r": {
                "top": Template(SIGNAL, SIGNAL * weight, edges, "m"),
                "quark": Template(BACKGROUND * scale, BACKGROUND * weight, edges, "m"),
            }
        }

    tilt = np.array([0.05, 0.0, -0.06])
    systematics = {
        "lumi": Rate(kind="rate", value=0.02),
        "jes": Shift(kind="shift", correction="jes"),
    }
    templates = {"nominal": one(1.0), "jes_up": one(1.03 + tilt), "jes_down": one(0.97 - tilt)}
    return build(templates, systematics, Infer())[0], systematics


@pytest.fixture(autouse=True)
def quiet():
    for name in ("pyhf", "cabinetry"):
        logging.getLogger(name).setLevel(logging.ERROR)


def curvature_errors(model, data, best):
    """Errors from second differences of pyhf's own likelihood over small steps."""
    size = 1e-2 * best.errors

    def at(*steps):
        moved = best.values + sum(steps, np.zeros(len(size)))
        return float(pyhf.infer.mle.twice_nll(moved, data, model)[0])

    steps = np.diag(size)
    matrix = [[(at(a, b) - at(a, -b) - at(-a, b) + at(-a, -b)) / 4 for b in steps] for a in steps]
    return np.sqrt(np.diag(2 * np.linalg.inv(matrix / np.outer(size, size))))


def test_cabinetry_gives_the_same(subtests):
    import cabinetry

    spec, systematics = workspace()
    model, data = fit.open_workspace(spec)
    shifted = data.copy()
    shifted[:3] += [12, 9, -5]  # away from the Asimov point, so that parameters are pulled
    best = fit.minimise(model, shifted)
    interval = fit.interval(model, shifted, best)
    z = hypotests.discovery(model, shifted, best, blind=False, toys=0, seed=1)
    impacts = {e["name"]: e for e in fit.impacts(model, shifted, best, systematics, ["mu"])}

    other, _ = cabinetry.model_utils.model_and_data(spec)
    # Its own default tolerance stops 5e-5 above the minimum, and 4e-3 from it in a parameter.
    precise = {"tolerance": 1e-4}
    theirs = cabinetry.fit.fit(other, shifted, **precise)
    assert theirs.labels == best.names
    with subtests.test("fit"):
        np.testing.assert_allclose(best.values, theirs.bestfit, atol=1e-3)
        # Minuit's steps are a part of the error, over which interpolations bend.
        np.testing.assert_allclose(best.errors, theirs.uncertainty, rtol=1e-2)
        np.testing.assert_allclose(best.errors, curvature_errors(model, shifted, best), rtol=1e-3)
        assert best.twice_nll == pytest.approx(theirs.best_twice_nll, abs=1e-3)
    with subtests.test("correlation"):
        np.testing.assert_allclose(best.correlation, theirs.corr_mat, atol=5e-3)
    with subtests.test("significance"):
        found = cabinetry.fit.significance(other, shifted, **precise)
        assert z["observed"] == pytest.approx(found.observed_significance, abs=1e-3)
        assert z["expected"] == pytest.approx(found.expected_significance, abs=1e-3)
    with subtests.test("ranking"):
        ranking = cabinetry.fit.ranking(other, shifted, fit_results=theirs, **precise)
        for key in ("prefit_up", "prefit_down", "postfit_up", "postfit_down"):
            for name, shift in zip(ranking.labels, getattr(ranking, key), strict=True):
                ours = impacts[name]["impacts"]["mu"][key.removeprefix("postfit_")]
                assert ours == pytest.approx(shift, abs=1e-3), (key, name)
    with subtests.test("interval"):
        minos = cabinetry.fit.fit(other, shifted, minos="mu", **precise).minos_uncertainty["mu"]
        assert -interval["down"] == pytest.approx(minos[0], abs=1e-3)
        assert interval["up"] == pytest.approx(minos[1], abs=1e-3)


def test_hessian_of_many_events():
    """Templates of 10^6 events: the likelihood has few digits left, the errors are right."""
    edges = np.linspace(0, 1, 13)
    big = 1e6 * np.exp(-np.linspace(0, 4, 12))
    bump = 500 * np.exp(-0.5 * np.linspace(-3, 3, 12) ** 2)
    nominal = {
        "r": {
            "top": Template(bump, bump, edges, "m"),
            "quark": Template(big, (0.05 * big) ** 2, edges, "m"),
        }
    }
    spec, _ = build({"nominal": nominal}, {}, Infer())
    model, data = fit.open_workspace(spec)
    best = fit.minimise(model, data)
    # Gaussian limit: every bin has the variance of data and of simulation.
    variance = big + bump + (0.05 * big) ** 2 + bump
    expected = 1 / np.sqrt(np.sum(bump**2 / variance))
    assert best.errors[best.names.index("mu")] == pytest.approx(expected, rel=0.02)


def test_pseudo_data_have_honest_errors():
    """Pulls of mu when templates and pseudo-data come from two small simulations (weight 2).

    With the errors of both simulations in the fit their width is 1. With those of the templates
    alone it would be sqrt((1 + 2 + 2) / (1 + 2)) = 1.29.
    """
    rng = np.random.default_rng(7)
    edges, weight = np.linspace(0, 1, 4), 2.0
    truth = {"top": np.array([10.0, 60.0, 20.0]), "quark": np.array([120.0, 100.0, 90.0])}

    def simulated():
        counts = {name: rng.poisson(values / weight) for name, values in truth.items()}
        return {
            "r": {s: Template(weight * n, weight**2 * n, edges, "m") for s, n in counts.items()}
        }

    pulls: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(100):
        nominal, pseudo = simulated(), simulated()
        config = Infer(data="pseudo", seed=int(rng.integers(1_000_000)))
        numbers, _ = observed.observations(config, nominal, {}, pseudo)
        for both in pulls:
            spec, _ = build({"nominal": nominal}, {}, config, numbers, pseudo if both else None)
            model, data = fit.open_workspace(spec)
            best = fit.minimise(model, data)
            found = fit.interval(model, data, best)
            distance = best.value("mu") - 1
            pulls[both].append(distance / (found["down"] if distance > 0 else found["up"]))
    # The width of 100 pulls is known to 0.07.
    assert np.std(pulls[True]) == pytest.approx(1, abs=0.25)
    assert np.std(pulls[False]) > 1.1 * np.std(pulls[True])
    assert abs(np.mean(pulls[True])) < 0.4


def test_toys_cover():
    """Pulls of mu and coverage of the 68 % interval in 300 toys with all systematics on.

    `make bench-coverage` with 2,500 toys knows the coverage to 1 % (docs/statistics.md); here the
    tolerances are four statistical errors.
    """
    script = Path(__file__).resolve().parents[2] / "benchmarks" / "intervals.py"
    done = subprocess.run(
        [sys.executable, script, "--toys", "300", "--processes", "2"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    found = json.loads(done.stdout)
    assert found["failed"] == 0
    for key, expected in (("mean", 0.0), ("width", 1.0), ("coverage", 0.683)):
        value, error = found[key]
        assert value == pytest.approx(expected, abs=4 * error), key
    # The interval by root finding and the likelihood ratio at the truth are the same statement.
    assert found["coverage"][0] == pytest.approx(found["coverage_by_ratio"], abs=1.5 / 300)
