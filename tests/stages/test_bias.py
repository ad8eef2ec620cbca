"""Bias of a fit by the choice of its function: smaller models, departures, toys."""

from __future__ import annotations

import numpy as np
import pytest

from boostflow.config.statistics import Infer
from boostflow.config.systematics import Rate
from boostflow.infer import bias, closure, frozen, transfer
from boostflow.infer.minimum import minimise, open_workspace
from boostflow.infer.workspace import build
from boostflow.templates.files import Template

EDGES = np.linspace(50, 290, 13)
X = np.linspace(0, 1, 12)
LUMI = {"lumi": Rate(kind="rate", value=0.05)}


def model_of(order, basis="bernstein"):
    """A peak on 1 % of a falling background, with two samples that a rate varies."""
    fail = 1e5 * np.exp(-3 * X)
    contents = {
        "pass": {"top": 90 * np.exp(-0.5 * ((X - 0.5) / 0.07) ** 2) + 1, "w": 20 + 0 * X},
        "fail": {"top": 30 + 0 * X, "w": 50 + 0 * X},
    }
    contents["pass"]["qcd"], contents["fail"]["qcd"] = fail * 0.01 * (1 + X), fail
    nominal = {
        region: {name: Template(v, v, EDGES, "msoftdrop") for name, v in samples.items()}
        for region, samples in contents.items()
    }
    config = Infer.model_validate(
        {"transfer": {"estimated": ["qcd"], "basis": basis, "order": order}}
    )
    start = transfer.estimate(config.transfer, nominal, None, {"pass": order})
    return open_workspace(build({"nominal": nominal}, LUMI, config, None, None, start)[0])


def small(order, data):
    """The model at its fit to bins of data, all constrained parameters held."""
    model, own = model_of(order)
    best = minimise(model, np.concatenate([data, own[len(data) :]]))
    return bias.smaller(model, best, closure.constrained(model))


@pytest.mark.parametrize("basis", ["bernstein", "chebyshev", "exp_chebyshev"])
def test_a_smaller_model_has_the_same_minimum(basis):
    """Values and errors of a fit with the constrained parameters held, where they are pulled."""
    model, data = model_of(2, basis)
    pulled = np.array(model.config.suggested_init())
    pulled[model.config.par_names.index("lumi")] = 1.3
    held = {n: pulled[i] for i, n in enumerate(model.config.par_names) if "transfer" not in n}
    del held["mu"]
    free = [name for name in model.config.par_order if name not in closure.constrained(model)]
    less = frozen.freeze(model, pulled, free)
    assert less.config.npars < model.config.npars / 2
    bins = model.config.nmaindata
    numbers = np.random.default_rng(3).poisson(data[:bins]).astype(float)
    whole = minimise(model, np.concatenate([numbers, data[bins:]]), held)
    part = minimise(less, np.concatenate([numbers, less.config.auxdata]))
    for name in ("mu", "transfer_pass_0", "transfer_pass_2", "transfer_fail[3]"):
        assert part.value(name) == pytest.approx(whole.value(name), abs=1e-4)
        mine, other = (f.errors[f.names.index(name)] for f in (part, whole))
        assert mine == pytest.approx(other, rel=1e-3)


def test_a_free_parameter_that_is_no_factor_is_refused():
    model, _ = model_of(1)
    name = next(n for n in model.config.par_order if n.startswith("staterror"))
    with pytest.raises(ValueError, match=f"{name} acts by a staterror"):
        frozen.freeze(model, np.array(model.config.suggested_init()), ["mu", name])


@pytest.mark.parametrize("order", [1, 2])
def test_a_departure_of_one_standard_error_biases_by_what_the_next_order_costs(order):
    """The known shift of a linear model: (1 - s^2 / S^2)^(1/2) of the error s."""
    full, data = model_of(order)
    data = data[: full.config.nmaindata]
    mine, other = small(order, data), small(order + 1, data)
    away = bias.departure(mine, other, "mu")
    assert np.sum(away**2 / data) == pytest.approx(1)
    errors = [minimise(m, data).errors[0] for m in (mine, other)]
    known = np.sqrt(1 - errors[0] ** 2 / errors[1] ** 2)
    assert known > 0.05
    found = minimise(mine, data + away)
    assert (found.value("mu") - 1) / found.errors[0] == pytest.approx(known, abs=0.02)
    # The next order follows it.
    assert minimise(other, data + away).value("mu") == pytest.approx(1, abs=0.1 * errors[0])


def test_toys_of_both_truths():
    full, data = model_of(1)
    data = data[: full.config.nmaindata]
    rows = list(bias.rows(small(1, data), small(2, data), ["mu"], False, 150, 1))
    assert [(row["truth"], row["injected"]) for row in rows] == [
        (truth, mu) for mu in bias.INJECTED for truth in (bias.SAME, bias.NEXT)
    ]
    for row in rows:
        assert row["toys"] == 150 and 0.8 < row["width"] < 1.2
        if row["truth"] == bias.SAME:
            assert abs(row["mean"]) < 3 * row["mean_error"]
    same, following = (
        np.mean([row["mean"] for row in rows if row["truth"] == truth])
        for truth in (bias.SAME, bias.NEXT)
    )
    assert following - same > 0.05


def test_flags_are_sentences():
    """The worst row of each truth; data that ask for a higher order."""
    row = {"poi": "mu", "truth": bias.NEXT, "mean_error": 0.04, "width": 1.0, "toys": 500}
    step = {"order": 1, "f_p": 0.001}
    region = {"of": "pass", "fail": "fail", "order": 1, "residual": None}
    region["closure"] = {"p": 0.3}
    region["ftest"] = {"data": [step | {"order": 0}, step]}
    found = {
        "regions": {"pass": region},
        "fit": {"p": 0.01},
        "validation": {},
        "bias": [row | {"injected": mu, "mean": m} for mu, m in ((0, 0.27), (1, -0.3), (2, 0.5))],
    }
    # Not tested is no flag, nor is it a p-value.
    found["regions"]["few"] = region | {"of": "few", "closure": {"p": None}, "ftest": {}}
    flags = closure.flags(found)
    assert [flag["flag"] for flag in flags] == ["order", "misfit", "biased"]
    assert "asks for a higher order than 1 (F-test, p = 0.001)" in flags[0]["text"]
    assert "mu is biased by +0.50 ± 0.04" in flags[2]["text"]
    assert "(signal strength 2)" in flags[2]["text"]
