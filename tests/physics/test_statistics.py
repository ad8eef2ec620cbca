"""Statistics against independent programs and against toys."""

from __future__ import annotations

import logging

import numpy as np
import pyhf
import pytest

from boostflow.config.models import Infer
from boostflow.config.systematics import Rate, Shift
from boostflow.infer import fit
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


def test_cabinetry_gives_the_same(subtests):
    import cabinetry

    spec, systematics = workspace()
    model, data = fit.open_workspace(spec)
    shifted = data.copy()
    shifted[:3] += [12, 9, -5]  # away from the Asimov point, so that parameters are pulled
    best = fit.minimise(model, shifted)
    interval = fit.interval(model, shifted, best)
    z = fit.significance(model, shifted, best)
    impacts = {e["name"]: e for e in fit.impacts(model, shifted, best, systematics)}

    other, _ = cabinetry.model_utils.model_and_data(spec)
    shifted = list(shifted)
    # Its own default tolerance stops 5e-5 above the minimum, and 4e-3 from it in a parameter.
    precise = {"tolerance": 1e-4}
    theirs = cabinetry.fit.fit(other, shifted, **precise)
    assert theirs.labels == best.names
    with subtests.test("fit"):
        np.testing.assert_allclose(best.values, theirs.bestfit, atol=1e-3)
        np.testing.assert_allclose(best.errors, theirs.uncertainty, atol=1e-3)
        assert best.twice_nll == pytest.approx(theirs.best_twice_nll, abs=1e-3)
    with subtests.test("significance"):
        found = cabinetry.fit.significance(other, shifted, **precise)
        assert z == pytest.approx(found.observed_significance, abs=1e-3)
    with subtests.test("ranking"):
        ranking = cabinetry.fit.ranking(other, shifted, fit_results=theirs, **precise)
        for name, up, down in zip(
            ranking.labels, ranking.postfit_up, ranking.postfit_down, strict=True
        ):
            assert impacts[name]["up"] == pytest.approx(up, abs=1e-3)
            assert impacts[name]["down"] == pytest.approx(down, abs=1e-3)
    with subtests.test("interval"):
        # MINOS by another route: where the profile likelihood has risen by one.
        for side, sign in (("up", 1), ("down", -1)):
            fixed = {"mu": best.value("mu") + sign * interval[side]}
            rise = fit.minimise(model, np.array(shifted), fixed).twice_nll - best.twice_nll
            assert rise == pytest.approx(1, abs=5e-3)


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


@pytest.mark.slow
def test_toys_cover():
    """Pulls of mu and coverage of the 68 % interval in 400 toys with all systematics on.

    With 400 toys the coverage is known to 2.3 %, mean and width of the pulls to 0.05 and 0.035:
    the tolerances are three times that.
    """
    spec, _ = workspace()
    model, _ = fit.open_workspace(spec)
    truth = np.array(model.config.suggested_init())
    rng = np.random.default_rng(20)
    expected = np.asarray(model.expected_data(truth))
    bins = model.config.nmaindata
    widths = _auxiliary_widths(model)
    pulls, covered = [], []
    for _ in range(400):
        toy = expected.copy()
        toy[:bins] = rng.poisson(expected[:bins])
        toy[bins:] += rng.normal(0, widths)
        best = fit.minimise(model, toy)
        found = fit.interval(model, toy, best)
        distance = best.value("mu") - 1
        error = found["down"] if distance > 0 else found["up"]
        pulls.append(distance / error)
        covered.append(abs(distance) < error)
    assert np.mean(pulls) == pytest.approx(0, abs=0.15)
    assert np.std(pulls) == pytest.approx(1, abs=0.11)
    assert np.mean(covered) == pytest.approx(0.683, abs=0.07)


def _auxiliary_widths(model: pyhf.Model) -> np.ndarray:
    """Widths of the auxiliary measurements in the order of their data."""
    widths: list[float] = []
    for name in model.config.auxdata_order:
        widths += model.config.param_set(name).width()
    return np.array(widths)
