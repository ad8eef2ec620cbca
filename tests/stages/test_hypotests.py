"""Significance, limit, scan and toys against pyhf, formulas and each other."""

from __future__ import annotations

import json

import numpy as np
import pyhf
import pytest
from scipy import stats

from boostflow.evaluate.significance import asimov
from boostflow.infer import hypotests
from boostflow.infer.minimum import CLIP, interval, minimise
from boostflow.infer.toys import draw


@pytest.fixture(scope="module")
def example():
    """pyhf's own example: two bins, uncorrelated background uncertainties (Poisson)."""
    spec = pyhf.simplemodels.uncorrelated_background(
        signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0]
    ).spec
    model = pyhf.Model(spec, clip_bin_data=CLIP)
    data = np.array([51.0, 48.0, *model.config.auxdata])
    return model, data, minimise(model, data)


def counting(signal: float, background: float):
    """One bin without uncertainties; Asimov data for mu = 1."""
    mu = {"name": "mu", "type": "normfactor", "data": None}
    samples = [
        {"name": "signal", "data": [signal], "modifiers": [mu]},
        {"name": "background", "data": [background], "modifiers": []},
    ]
    spec = {
        "channels": [{"name": "r", "samples": samples}],
        "parameters": [{"name": "mu", "bounds": [[-background / signal, 100.0]]}],
    }
    model = pyhf.Model(spec, poi_name="mu", clip_bin_data=CLIP)
    data = np.array([signal + background])
    return model, data, minimise(model, data)


def test_limit_is_that_of_pyhf(example):
    """The values in the documentation of `pyhf.infer.intervals.upper_limits.toms748_scan`."""
    found = hypotests.limit(*example, blind=False)
    assert found["observed"] == pytest.approx(1.01156939, rel=2e-3)
    documented = [0.5600747, 0.75702605, 1.06234693, 1.50116923, 2.05078912]
    assert found["expected"] == pytest.approx(documented, rel=2e-3)
    assert pyhf.get_backend()[1].name == "scipy"  # is put back


def test_blind_limit_knows_no_data(example):
    model, data, best = example
    found = hypotests.limit(model, data, best, blind=True)
    assert "observed" not in found and "observed" not in found["scan"]
    nominal = np.asarray(model.expected_data([0.0, 1.0, 1.0]))
    expected = hypotests.limit(model, nominal, minimise(model, nominal), blind=False)["expected"]
    assert found["expected"] == pytest.approx(expected, rel=2e-3)


def test_limit_of_many_events():
    """mu_up(N) = sigma (Phi^-1(1 - 0.05 Phi(N)) + N) (EPJC 71 (2011) 1554, eq. 89)."""
    model, data, best = counting(500.0, 1e6)
    found = hypotests.limit(model, data, best, blind=True)
    bands = np.arange(-2, 3)
    expected = 1e3 / 500 * (stats.norm.ppf(1 - 0.05 * stats.norm.cdf(bands)) + bands)
    assert found["expected"] == pytest.approx(expected.tolist(), rel=0.01)


def test_limit_beyond_the_range_of_mu_is_null():
    model, data, best = counting(0.1, 1e4)  # sigma of mu: 1000
    found = hypotests.limit(model, data, best, blind=True)
    assert found["expected"][2:] == [None, None, None]


def test_limit_of_data_far_below_the_expectation():
    """CLs is 0 / 0: there is no observed limit, but all else is there and can be written."""
    model, _, _ = counting(100.0, 1e4)
    data = np.array([100.0])
    found = hypotests.limit(model, data, minimise(model, data), blind=False)
    assert found["observed"] is None and "CLs is 0 / 0" in found["note"]
    expected = hypotests.limit(model, data, minimise(model, data), blind=True)["expected"]
    assert found["expected"] == pytest.approx(expected, rel=2e-3)  # no nuisance parameter moves
    assert None in found["scan"]["observed"]
    json.dumps(found, allow_nan=False)
    # A deficit that CLs can still tell is a limit.
    data = np.array([9700.0])
    found = hypotests.limit(model, data, minimise(model, data), blind=False)
    assert 0 < found["observed"] < found["expected"][0] and "note" not in found


@pytest.mark.parametrize(("s", "b"), [(50, 100), (10, 100), (5, 1)])
def test_expected_significance_of_a_counting_experiment(s, b):
    model, data, best = counting(s, b)
    found = hypotests.discovery(model, data, best, blind=True, toys=0, seed=1)
    assert found["expected"] == pytest.approx(float(asimov(s, b)), rel=1e-3)
    assert found["p_expected"] == pytest.approx(stats.norm.sf(found["expected"]))
    assert "observed" not in found


def test_observed_significance(example):
    model, data, best = example
    found = hypotests.discovery(model, data, best, blind=False, toys=0, seed=1)
    assert found["observed"] == 0.0  # a deficit
    p, (expected,) = (
        pyhf.infer.hypotest(0.0, data, model, test_stat="q0", return_expected_set=True)[0],
        [pyhf.infer.hypotest(0.0, data, model, test_stat="q0", return_expected=True)[1]],
    )
    assert found["p_observed"] == pytest.approx(float(p), abs=1e-3)
    assert found["p_expected"] == pytest.approx(float(expected), rel=0.02)


def test_toys_agree_with_the_asymptotic_formula():
    model, data, best = counting(30.0, 300.0)
    found = hypotests.discovery(model, data, best, blind=True, toys=150, seed=3)
    toys = found["toys"]
    assert abs(toys["p_value"] - found["p_expected"]) < 4 * max(toys["p_error"], 0.01)
    # The median of 150 values of unit width: known to 0.10.
    assert toys["expected"] == pytest.approx(found["expected"], abs=0.4)
    assert toys["failed"] == 0
    again = hypotests.check_with_toys(model, data, found["expected"], 150, 3)
    assert again == toys


def test_too_few_toys_give_a_limit():
    model, data, _ = counting(100.0, 300.0)
    found = hypotests.check_with_toys(model, data, 5.5, 20, 1)
    assert found["p_value_below"] == pytest.approx(1 - 0.05 ** (1 / 20))
    assert found["significance_above"] == pytest.approx(stats.norm.isf(found["p_value_below"]))


def test_toys_of_a_deficit_have_a_significance():
    """q0 = 0: all toys are as extreme, and the significance is 0, not minus infinity."""
    model, data, _ = counting(100.0, 300.0)
    found = hypotests.check_with_toys(model, data, 0.0, 5, 1)
    assert found["p_value"] == 1 and found["significance"] == 0


def test_toys_follow_the_model(example):
    model, _, _ = example
    pars = np.array([1.0, 1.1, 0.9])
    toys = np.array(list(draw(model, pars, 4000, np.random.default_rng(5))))
    expected = np.asarray(model.expected_data(pars))
    np.testing.assert_allclose(toys.mean(axis=0), expected, rtol=0.02)
    # All Poisson here, the auxiliary data, too.
    np.testing.assert_allclose(toys.var(axis=0), expected, rtol=0.1)


def test_scan_meets_the_interval(example):
    model, _, _ = example
    data = np.array([70.0, 65.0, *model.config.auxdata])
    best = minimise(model, data)
    total = interval(model, data, best)
    frozen = {name: best.value(name) for name in best.names if name != "mu"}
    stat = interval(model, data, minimise(model, data, frozen, best))
    found = hypotests.scan(model, data, best, {"total": total, "stat": stat}, frozen)
    assert min(found["total"]) == pytest.approx(0, abs=0.02)
    assert min(found["stat"]) == pytest.approx(0, abs=0.02)
    for side, sign in (("up", 1), ("down", -1)):
        edge = best.value("mu") + sign * total[side]
        assert np.interp(edge, found["mu"], found["total"]) == pytest.approx(1, abs=0.03)
    assert all(s >= t - 1e-6 for s, t in zip(found["stat"], found["total"], strict=True))
