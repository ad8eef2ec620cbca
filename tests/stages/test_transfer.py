"""Backgrounds from data in the fit: the pyhf model of fail region times function, start values."""

from __future__ import annotations

import numpy as np
import pytest

from boostflow.config.statistics import Infer
from boostflow.config.systematics import Rate, Weight
from boostflow.errors import BoostflowError
from boostflow.infer import closure, described, fit, ftest, hypotests, transfer
from boostflow.infer.basis import functions
from boostflow.infer.minimum import interval, minimise, open_workspace
from boostflow.infer.prepare import Parts
from boostflow.infer.ratio import Counts
from boostflow.infer.report import plot_transfer
from boostflow.infer.run import infer
from boostflow.infer.workspace import build
from boostflow.io import read_json
from boostflow.jobs import statistics as jobs
from boostflow.jobs.transfer import CheckTransfer, PlotTransfer
from boostflow.plots.names import transfer_plots
from boostflow.plots.style import Label
from boostflow.templates.files import Template
from support.fits import fit_files, fitted_by_pyhf, write_templates

EDGES = np.linspace(50, 290, 13)
CENTRES = (EDGES[1:] + EDGES[:-1]) / 2
WEIGHT = 142.0
"""Events that a simulated QCD jet stands for in the default run."""
BASES = ("bernstein", "chebyshev", "exp_bernstein", "exp_chebyshev")


def of_jets(values, weight):
    values = np.asarray(values, dtype=float)
    return Template(values, values * weight, EDGES, "msoftdrop")


def analysis(lumps=True, scale=1.0):
    """The sizes of the default run: 598 top jets on 2,419 QCD jets of 17 simulated ones."""
    fail = np.exp(-CENTRES / 60)
    fail *= 1.2e6 / fail.sum()
    passed = fail * (1 + 0.004 * (CENTRES - 170))
    passed *= 2419 / passed.sum()
    top = np.exp(-0.5 * ((CENTRES - 172) / 15) ** 2) + 0.01
    top *= 598 / top.sum()
    if lumps:
        rng = np.random.default_rng(7)
        fail, passed = (WEIGHT * rng.poisson(x / WEIGHT) for x in (fail, passed))
    return {
        "pass": {
            "top": of_jets(top * scale, 0.2),
            "w": of_jets(np.full(12, 3.0) * scale, 0.1),
            "quark": of_jets(0.6 * passed * scale, WEIGHT),
            "gluon": of_jets(0.4 * passed * scale, WEIGHT),
        },
        "fail": {
            "top": of_jets(2 * top * scale, 0.2),
            "w": of_jets(np.full(12, 50.0) * scale, 0.1),
            "quark": of_jets(0.3 * fail * scale, WEIGHT),
            "gluon": of_jets(0.7 * fail * scale, WEIGHT),
        },
    }


def block(**keys):
    return Infer.model_validate({"transfer": {"estimated": ["quark", "gluon"], **keys}})


def workspace(config, nominal=None, systematics=None, templates=None, observed=None):
    nominal = nominal or analysis()
    orders = ftest.orders(config.transfer, nominal, 1)
    start = transfer.estimate(config.transfer, nominal, observed, orders)
    every = {"nominal": nominal, **(templates or {})}
    return build(every, systematics or {}, config, observed, None, start), start


@pytest.mark.parametrize("basis", BASES)
def test_the_model_is_fail_times_function(basis):
    """At any values of the parameters, as HistFactory computes it."""
    (spec, _), start = workspace(block(basis=basis, order=2))
    model, _ = open_workspace(spec)
    pars = dict(zip(model.config.par_names, model.config.suggested_init(), strict=True))
    shape = np.linspace(0.8, 1.3, 12)
    coefficients = np.array([0.9, 0.3, 0.4])
    for k, value in enumerate(coefficients):
        shift = (value - start.ratios["pass"].coefficients[k]) / transfer.SLOPE
        pars[f"transfer_pass_{k}"] = transfer.CENTRE + shift if basis.startswith("exp_") else value
    pars |= {f"transfer_fail[{i}]": value for i, value in enumerate(shape)}
    pars["mu"] = 0.0
    expected = model.expected_actualdata([pars[name] for name in model.config.par_names])
    value = coefficients @ functions(basis, 2, start.x["pass"])
    value = np.exp(value) if basis.startswith("exp_") else value
    fail = shape * start.start["fail"]
    for region, mine, w in (
        ("fail", fail, 50.0),
        ("pass", fail * start.ratios["pass"].mean * value, 3.0),
    ):
        np.testing.assert_allclose(
            expected[model.config.channel_slices[region]], mine + w, rtol=1e-9
        )


def test_asimov_data_are_smooth_though_the_simulation_is_not():
    (spec, _), start = workspace(block(order=1))
    observed = np.array(next(o["data"] for o in spec["observations"] if o["name"] == "pass"))
    nominal = analysis()
    others = nominal["pass"]["top"].values + nominal["pass"]["w"].values
    ratio = (observed - others) / start.start["fail"]
    assert np.abs(np.diff(ratio, 2)).max() < 1e-9  # a straight line
    simulated = sum(nominal["pass"][name].values for name in ("quark", "gluon"))
    assert (simulated == 0).any()
    assert (observed - others).sum() == pytest.approx(simulated.sum(), rel=0.15)


def test_sizes_of_the_default_run():
    """Errors of mu as they were measured on its templates in plain pyhf: 0.071, 0.076, 0.087."""
    found = {}
    for order in (1, 2, 4):
        (spec, _), _ = workspace(block(order=order), analysis(lumps=False))
        model, data = open_workspace(spec)
        best = minimise(model, data)
        assert best.value("mu") == pytest.approx(1, abs=1e-3)
        found[order] = interval(model, data, best)["error"]
        assert 11 < hypotests.significance(model, data, best) < 20
    assert found[1] == pytest.approx(0.071, abs=0.006)
    assert found[2] == pytest.approx(0.076, abs=0.009)
    assert found[4] == pytest.approx(0.087, abs=0.009)
    assert found[1] < found[2] < found[4]


def test_nothing_of_simulation_acts_on_the_estimate():
    up = analysis(scale=1.3)
    systematics = {
        "lumi": Rate(kind="rate", value=0.02),
        "isr": Weight(kind="weight", group="model", up="weight_isr_up"),
    }
    (spec, _), _ = workspace(block(), systematics=systematics, templates={"isr_up": up})
    for channel in spec["channels"]:
        names = [sample["name"] for sample in channel["samples"]]
        assert not {"quark", "gluon"} & set(names)
        for sample in channel["samples"]:
            kinds = {(m["name"], m["type"]) for m in sample["modifiers"]}
            if transfer.whole(sample["name"]) == "multijet":
                assert {name.partition("_")[0] for name, _ in kinds} == {"transfer"}
            else:
                assert {"lumi", "isr"} <= {name for name, _ in kinds}


def test_pyhf_and_cabinetry_read_it(tmp_path):
    """The command line with its own defaults, and cabinetry, find the same minimum."""
    import cabinetry

    (spec, _), _ = workspace(block(order=1))
    data = next(o for o in spec["observations"] if o["name"] == "pass")
    data["data"] = np.random.default_rng(2).poisson(data["data"]).tolist()
    model, numbers = open_workspace(spec)
    best = minimise(model, numbers)
    theirs = fitted_by_pyhf(tmp_path, spec)
    assert theirs["mu"] == pytest.approx([best.value("mu")], abs=2e-3)
    other, found = cabinetry.model_utils.model_and_data(spec)
    fitted = cabinetry.fit.fit(other, found)
    i = fitted.labels.index("mu")
    assert fitted.bestfit[i] == pytest.approx(best.value("mu"), abs=2e-3)
    assert fitted.uncertainty[i] == pytest.approx(best.errors[i], rel=0.02)


def test_the_whole_stage(tmp_path):
    """From templates to fit.json and yields.json, with the estimate as one sample."""
    files = fit_files(tmp_path, write_templates(tmp_path, {"nominal": analysis()}))
    job = jobs.Infer(infer=block(order=1), systematics={"lumi": Rate(kind="rate", value=0.02)})
    infer(job, files)
    result, yields = read_json(files.fit), read_json(files.yields)
    assert result["pois"]["mu"]["value"] == pytest.approx(1, abs=1e-3)
    assert set(yields["pass"]["postfit"]) == {"top", "w", "multijet", "total"}
    estimate = yields["pass"]["postfit"]["multijet"]
    nominal = analysis()["pass"]
    simulated = sum(nominal[name].values.sum() for name in ("quark", "gluon"))
    assert estimate["sum"] == pytest.approx(simulated, rel=0.1)
    # What is known of it is less than its own Poisson error, but not nothing.
    assert 0.2 * estimate["sum"] ** 0.5 < estimate["sum_error"] < 2 * estimate["sum"] ** 0.5
    assert yields["pass"]["prefit"]["multijet"]["sum_error"] == 0
    groups = {entry["name"]: entry["group"] for entry in result["parameters"]}
    assert groups["transfer_pass_0"] is None and groups["lumi"] == "exp"


def test_the_order_by_an_f_test():
    """A straight line needs order 1; a parabola that the counts resolve needs 2."""
    rng = np.random.default_rng(4)
    found = []
    for curve in (0.0, 2.0):
        t = (CENTRES - 170) / 120
        fail = np.full(12, 50_000.0)
        passed = fail * 0.05 * (1 + 0.5 * t + curve * t**2)
        nominal = {
            "pass": {"quark": of_jets(rng.poisson(passed), 1.0)},
            "fail": {"quark": of_jets(rng.poisson(fail), 1.0)},
        }
        only = Infer.model_validate(
            {"transfer": {"estimated": ["quark"], "order": "auto", "order_max": 3}}
        )
        found.append(ftest.orders(only.transfer, nominal, 1)["pass"])
    assert found == [1, 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t["fail"].update(quark=None, gluon=None), "region fail has no events"),
        (lambda t: t.pop("fail"), "no templates of region fail"),
        (lambda t: t["pass"].pop("gluon"), "region pass has no template of gluon"),
    ],
)
def test_bad_templates_are_named(change, message):
    nominal = analysis()
    change(nominal)
    if "fail" in nominal and nominal["fail"]["quark"] is None:
        values = np.array([1000.0] * 11 + [0.0])
        nominal["fail"] |= {name: of_jets(values, 1.0) for name in ("quark", "gluon")}
    with pytest.raises(BoostflowError, match=message):
        transfer.estimate(block().transfer, nominal, None, {"pass": 1})


def test_few_events_have_an_order():
    """Toys without any event in a region are left out; a ratio that empty bins pull to 0 stays."""
    few = Counts(np.array([2.0, 0, 0, 0, 0, 0]), np.array([1.0, 0, 0, 0, 1, 0]))
    found = ftest.steps(few, "bernstein", range(2), np.linspace(0, 1, 6), 200, 1)
    assert [step.order for step in found] == [0, 1]
    assert all(0 <= p <= 1 for step in found for p in (step.fit_p, step.f_p))


def test_a_score_that_knows_the_mass_is_noticed():
    """A peak in the pass region that no straight line has."""
    rng = np.random.default_rng(1)
    fail = np.full(12, 50_000.0)
    passed = 500 * (1 + 2 * np.exp(-0.5 * ((CENTRES - 172) / 15) ** 2))
    nominal = {
        "pass": {"quark": of_jets(rng.poisson(passed), 1.0)},
        "fail": {"quark": of_jets(rng.poisson(fail), 1.0)},
    }
    config = Infer.model_validate({"transfer": {"estimated": ["quark"]}}).transfer
    notes = ftest.notes(config, nominal, {"pass": 1}, 1)
    assert any(ftest.SCULPTED in note for note in notes)
    nominal["pass"]["quark"] = of_jets(rng.poisson(np.full(12, 500.0)), 1.0)
    notes = ftest.notes(config, nominal, {"pass": 1}, 1)
    assert not any(ftest.SCULPTED in note for note in notes)


def test_checks_and_plots(tmp_path):
    """Without bias at any injected signal; functions that do not describe the data are left out."""
    templates = write_templates(tmp_path, {"nominal": analysis(lumps=False)})
    files = CheckTransfer.Files(templates=templates, figures=tmp_path / "transfer.json")
    closure.run(CheckTransfer(infer=block(order=1, toys=60)), files)
    found = read_json(files.figures)
    assert found["flags"] == []
    rows = [row for row in found["bias"] if row["truth"] == "same function"]
    assert [row["injected"] for row in rows] == [0, 1, 2, 5]
    for row in rows:
        assert abs(row["mean"]) < 0.2 + 3 * row["mean_error"]
        assert 0.7 < row["width"] < 1.3
    mine = found["regions"]["pass"]
    assert mine["function"]["values"] == pytest.approx(mine["start"], rel=1e-3)
    # A constant does not describe a straight line, another basis of it does.
    used = {
        (row["basis"], row["orders"]["pass"]): row["p"] for row in found["envelope"]["functions"]
    }
    assert used["bernstein", 0] < 1e-6 and used["chebyshev", 1] > 0.9
    assert found["envelope"]["errors"]["mu"] < 0.1
    plots = PlotTransfer.Files(figures=files.figures, plots=tmp_path / "plots")
    plot_transfer(PlotTransfer(label=Label("Simulation", "13 TeV")), plots)
    names = {path.stem for path in plots.plots.glob("*.png")}
    assert names == set(transfer_plots(["pass"]))


def test_goodness_of_fit_by_toys(tmp_path):
    """Pseudo-data of the function are described; with a peak that is no signal they are not."""
    config = block(order=1, toys=40)
    nominal = analysis(lumps=False)
    rng = np.random.default_rng(5)
    p = []
    for peak in (0.0, 400.0):
        counts = {
            region: rng.poisson(sum(t.values for t in contents.values())).astype(float)
            for region, contents in nominal.items()
        }
        counts["pass"][1] += peak
        parts = Parts(config, {}, {"nominal": nominal}, {}, counts, None, [], {"pass": 1}, [])
        spec, _ = parts.workspace(parts.estimate(config.transfer, parts.orders))
        model, data = open_workspace(spec)
        p.append(described.goodness(model, data, minimise(model, data), 40, 1)["p"])
    assert p[0] > 0.05 > p[1]


def test_groups_of_parameters():
    assert fit.group_of("transfer_pass_0", {}) is None
