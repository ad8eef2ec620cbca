"""Derivatives of the likelihood against numerical ones of pyhf's."""

from __future__ import annotations

import numpy as np
import pyhf
import pytest

from boostflow.infer.likelihood import Likelihood
from boostflow.infer.minimum import CLIP, SETTINGS, minimise


def model_of(*samples: dict, data: list[float]) -> tuple[pyhf.Model, np.ndarray]:
    """A model of one channel, and its data."""
    spec = {"channels": [{"name": "r", "samples": list(samples)}]}
    model = pyhf.Model(spec, poi_name="mu", modifier_settings=SETTINGS, clip_bin_data=CLIP)
    return model, np.array(data + model.config.auxdata, dtype=float)


def everything() -> tuple[pyhf.Model, np.ndarray]:
    """Each kind of modifier, a parameter with yield and shape, one that two samples share."""
    signal = {
        "name": "signal",
        "data": [5.0, 20.0, 9.0],
        "modifiers": [
            {"name": "mu", "type": "normfactor", "data": None},
            {"name": "jes", "type": "normsys", "data": {"hi": 1.1, "lo": 0.8}},
            {"name": "stat", "type": "staterror", "data": [1.0, 2.0, 1.5]},
        ],
    }
    histosys = {"hi_data": [60.0, 42.0, 28.0], "lo_data": [42.0, 38.0, 34.0]}
    quark = {
        "name": "quark",
        "data": [50.0, 40.0, 30.0],
        "modifiers": [
            {"name": "jes", "type": "normsys", "data": {"hi": 1.05, "lo": 0.97}},
            {"name": "jes", "type": "histosys", "data": histosys},
            {"name": "stat", "type": "staterror", "data": [4.0, 4.0, 3.0]},
            {"name": "scale", "type": "normfactor", "data": None},
        ],
    }
    tilt = {"hi_data": [6.6, 7.7, 2.0], "lo_data": [5.1, 7.3, 3.9]}
    other = {
        "name": "other",
        "data": [6.0, 7.0, 3.0],
        "modifiers": [
            {"name": "abcd", "type": "shapesys", "data": [2.0, 3.0, 1.0]},
            {"name": "free", "type": "shapefactor", "data": None},
            {"name": "pdf", "type": "normsys", "data": {"hi": 0.7, "lo": 1.4}},
            {"name": "pdf", "type": "histosys", "data": tilt},
        ],
    }
    return model_of(signal, quark, other, data=[70.0, 61.0, 50.0])


@pytest.mark.parametrize("point", ["nominal", "moved", "far", "mu = 0"])
def test_gradient_and_hessian(point: str) -> None:
    model, data = everything()
    likelihood = Likelihood(model, data)
    pars = np.array(model.config.suggested_init())
    if point == "moved":
        pars = pars + np.random.default_rng(1).uniform(-0.4, 0.4, len(pars))
    if point == "far":
        # Beyond 1 and -1, where interpolations become extrapolations.
        pars[model.config.par_names.index("jes")] = -1.7
        pars[model.config.par_names.index("pdf")] = 2.3
    if point == "mu = 0":
        pars[model.config.par_names.index("mu")] = 0.0
    known = float(pyhf.infer.mle.twice_nll(pars, data, model)[0])
    assert likelihood.value(pars) == pytest.approx(known, rel=1e-12, abs=1e-9)
    step = 1e-4 * np.eye(len(pars))
    gradient = [(likelihood.value(pars + s) - likelihood.value(pars - s)) / 2e-4 for s in step]
    np.testing.assert_allclose(likelihood.gradient(pars), gradient, rtol=1e-5, atol=1e-4)
    hessian = [(likelihood.gradient(pars + s) - likelihood.gradient(pars - s)) / 2e-4 for s in step]
    np.testing.assert_allclose(likelihood.hessian(pars), hessian, rtol=1e-3, atol=1e-2)


def test_minimum_is_that_of_pyhf() -> None:
    """Also with a parameter held: its place among the others must not matter."""
    model, data = everything()
    free = model.config.par_names.index("free[0]")
    held = {f"free[{i}]": 1.0 for i in range(3)} | {"scale": 1.1}
    best = minimise(model, data, held)
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-3))
    try:
        start, fixed = model.config.suggested_init(), model.config.suggested_fixed()
        scale = model.config.par_names.index("scale")
        start[scale] = 1.1
        for i in (scale, free, free + 1, free + 2):
            fixed[i] = True
        values, errors = pyhf.infer.mle.fit(
            data, model, start, fixed_params=fixed, return_uncertainties=True
        ).T
    finally:
        pyhf.set_backend("numpy")
    np.testing.assert_allclose(best.values, values, atol=2e-3)
    np.testing.assert_allclose(best.errors, errors, rtol=0.01, atol=1e-3)


def test_a_start_that_is_not_convex() -> None:
    """Both sides of a systematic lower the yield, and the data are lower still: a saddle at 0."""
    signal = {
        "name": "signal",
        "data": [2.0],
        "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
    }
    background = {
        "name": "background",
        "data": [60.0],
        "modifiers": [{"name": "noise", "type": "normsys", "data": {"hi": 0.25, "lo": 0.25}}],
    }
    model, data = model_of(signal, background, data=[15.0])
    curvature = Likelihood(model, data).hessian(np.array(model.config.suggested_init()))
    noise = model.config.par_names.index("noise")
    assert curvature[noise, noise] < 0
    found = minimise(model, data, {"mu": 1.0})
    scan = np.linspace(-3, 3, 6001)
    pars = [[1.0, x] if noise else [x, 1.0] for x in scan]
    best = min(Likelihood(model, data).value(np.array(p)) for p in pars)
    assert found.twice_nll == pytest.approx(best, abs=1e-3)
