"""Backgrounds from data times a function of two variables: one function over pairs of regions."""

from __future__ import annotations

import numpy as np
import pytest

from boostflow.config.statistics import Infer, Region
from boostflow.errors import BoostflowError
from boostflow.infer import closure, described, ftest, transfer
from boostflow.infer.basis import functions
from boostflow.infer.minimum import minimise, open_workspace
from boostflow.infer.prepare import Parts
from boostflow.infer.report import plot_transfer
from boostflow.infer.run import infer
from boostflow.infer.workspace import build
from boostflow.io import read_json
from boostflow.jobs import statistics as jobs
from boostflow.jobs.transfer import CheckTransfer, PlotTransfer
from boostflow.plots.names import transfer_plots
from boostflow.plots.style import Label
from boostflow.templates.files import Template
from support import windows
from support.fits import fit_files, fitted_by_pyhf, write_templates

EDGES = np.linspace(50, 290, 13)
CENTRES = (EDGES[1:] + EDGES[:-1]) / 2
BINS = ("low", "mid", "high")
AT = (450.0, 550.0, 700.0)
X = (CENTRES - EDGES[0]) / (EDGES[-1] - EDGES[0])
Y = (np.array(AT) - AT[0]) / (AT[-1] - AT[0])
FAILS, PASSES = [f"fail_{name}" for name in BINS], [f"pass_{name}" for name in BINS]
BASES = ("bernstein", "chebyshev", "exp_bernstein", "exp_chebyshev")


def truth(x, y):
    """A ratio that rises with the mass at low pT and falls at high pT: no product of two."""
    return 0.02 * (1 + 0.8 * (x - 0.5) * (1 - 2 * y) + 0.3 * y)


def template(values, weight=1.0):
    values = np.asarray(values, dtype=float)
    return Template(values, values * weight, EDGES, "msoftdrop")


def analysis(ratio=truth, rng=None, signal=300.0):
    """Three ranges of pT with falling numbers of events, each a pass and a fail region."""
    top = np.exp(-0.5 * ((CENTRES - 172) / 15) ** 2) + 0.01
    top *= signal / top.sum()
    result = {}
    for name, y, events, part in zip(BINS, Y, (6e5, 3e5, 1e5), (0.5, 0.3, 0.2), strict=True):
        fail = np.exp(-CENTRES / 90)
        fail *= events / fail.sum()
        passed = fail * ratio(X, y)
        if rng:
            fail, passed = rng.poisson(fail), rng.poisson(passed)
        result[f"fail_{name}"] = {"top": template(part * top, 0.1), "qcd": template(fail)}
        result[f"pass_{name}"] = {"top": template(part * top, 0.1), "qcd": template(passed)}
    return result


def block(order=(1, 1), **keys):
    pairs = {"fail": FAILS, "pass": PASSES, "along": {"variable": "pt", "at": list(AT)}}
    declared = {"estimated": ["qcd"], "order": order, **pairs, **keys}
    return Infer.model_validate({"mc_stat": False, "transfer": declared})


def workspace(config, nominal, observed=None):
    orders = ftest.orders(config.transfer, nominal, 1)
    start = transfer.estimate(config.transfer, nominal, observed, orders)
    return build({"nominal": nominal}, {}, config, observed, None, start)[0], start


def toys(number, signal=1.0, seed=3):
    """Observed numbers in all regions, drawn from the true ratio."""
    rng = np.random.default_rng(seed)
    true = analysis()
    for _ in range(number):
        yield {
            region: rng.poisson(found["qcd"].values + signal * found["top"].values).astype(float)
            for region, found in true.items()
        }


@pytest.mark.parametrize("basis", BASES)
def test_the_model_is_one_function_of_all_pairs(basis):
    """At any values of the parameters, as HistFactory computes it."""
    spec, start = workspace(block(order=(2, 1), basis=basis), analysis())
    model, _ = open_workspace(spec)
    pars = dict(zip(model.config.par_names, model.config.suggested_init(), strict=True))
    found = start.ratios["pass_low"]
    coefficients = np.array([0.9, 0.3, 0.4, 0.7, 0.2, 0.6])
    names = [f"transfer_pass_low_{i}_{j}" for i in range(3) for j in range(2)]
    for name, value, before in zip(names, coefficients, found.coefficients, strict=True):
        shift = (value - before) / transfer.SLOPE
        pars[name] = transfer.CENTRE + shift if basis.startswith("exp_") else value
    pars["mu"] = 0.0
    shapes = {name: np.linspace(0.8, 1.3, 12) * (1 + k) for k, name in enumerate(FAILS)}
    pars |= {f"transfer_{n}[{i}]": v for n, shape in shapes.items() for i, v in enumerate(shape)}
    expected = model.expected_actualdata([pars[name] for name in model.config.par_names])
    for fail, passed, y in zip(FAILS, PASSES, Y, strict=True):
        failed = shapes[fail] * analysis()[fail]["qcd"].values
        value = coefficients @ functions(basis, (2, 1), np.array([X, np.full(12, y)]))
        value = np.exp(value) if basis.startswith("exp_") else value
        for region, content in ((fail, failed), (passed, failed * found.mean * value)):
            where = model.config.channel_slices[region]
            np.testing.assert_allclose(expected[where], content, rtol=1e-9)


def test_products_of_polynomials():
    """Reference values: Bernstein polynomials add up to 1, T1(x) T1(y) is (2x - 1) (2y - 1)."""
    x = np.array([[0.1, 0.7], [0.0, 0.4]])
    np.testing.assert_allclose(functions("bernstein", (3, 2), x).sum(axis=0), 1)
    products = functions("chebyshev", (1, 1), x)
    np.testing.assert_allclose(products[3], (2 * x[0] - 1) * (2 * x[1] - 1))
    np.testing.assert_allclose(products[1], 2 * x[1] - 1)


def test_the_signal_is_unbiased():
    """Pulls of mu in toys of a known function, of one model whose start is the simulation's."""
    model, expected = open_workspace(workspace(block(), analysis())[0])
    near, pulls = minimise(model, expected), []
    for observed in toys(60):
        data = np.concatenate([observed[region] for region in model.config.channels])
        best = minimise(model, data, near=near)
        pulls.append((best.value("mu") - 1) / best.errors[best.names.index("mu")])
    assert abs(np.mean(pulls)) < 0.2 + 2 / len(pulls) ** 0.5
    assert 0.75 < np.std(pulls) < 1.3


def test_a_function_of_the_mass_alone_is_rejected():
    """The goodness of fit of both functions to the same numbers."""
    observed, p = next(toys(1)), []
    for order in ((1, 1), (1, 0)):
        config, orders = block(order=order, toys=20), {"pass_low": order}
        parts = Parts(config, {}, {"nominal": analysis()}, {}, observed, None, [], orders, [])
        model, data = open_workspace(parts.workspace(parts.estimate(config.transfer, orders))[0])
        p.append(
            described.goodness(model, data, minimise(model, data), config.transfer.toys, 1)["p"]
        )
    assert p[0] > 0.01 and p[1] == 0


def test_the_order_in_each_variable_by_f_tests():
    """A plane needs no more than what made it; what depends on the mass alone no order in pT."""
    config = block(order="auto", order_max=3).transfer
    found = {}
    for name, ratio in (
        ("constant", lambda x, y: np.full(len(x), 0.02)),
        ("mass", lambda x, y: 0.02 * (1 + 0.5 * (x - 0.5))),
        ("both", truth),
    ):
        nominal = analysis(ratio, np.random.default_rng(11))
        found[name] = ftest.orders(config, nominal, 1)["pass_low"]
    assert found == {"constant": (0, 0), "mass": (1, 0), "both": (1, 1)}


def test_weights_that_differ_between_ranges():
    """Simulated slices of pT have weights of their own: the same function is found, and fits."""
    rng = np.random.default_rng(5)
    nominal = analysis()
    for name, weight in zip(BINS, (4.0, 1.0, 0.1), strict=True):
        for region in (f"fail_{name}", f"pass_{name}"):
            values = nominal[region]["qcd"].values
            nominal[region]["qcd"] = template(weight * rng.poisson(values / weight), weight)
    config = block().transfer
    of = config.functions()[0]
    counts, x = transfer.counts_of(nominal, config, of), transfer.places_of(nominal, of)
    step = ftest.steps(counts, "bernstein", [(1, 1)], x, 200, 1)[0]
    assert step.fit_p > 0.01
    start = transfer.estimate(config, nominal, None, {"pass_low": (1, 1)})
    found = start.ratios["pass_low"].at(x)
    np.testing.assert_allclose(found, truth(x[0], x[1]), rtol=0.1)


def test_pyhf_reads_it(tmp_path):
    """The command line with its own defaults finds the same minimum; two ranges of six bins."""
    nominal = {
        region: {
            name: Template(t.values[::2], t.variances[::2], EDGES[::2], "msoftdrop")
            for name, t in found.items()
        }
        for region, found in analysis().items()
        if not region.endswith("mid")
    }
    pairs = {"fail": FAILS[::2], "pass": PASSES[::2], "along": {"variable": "pt", "at": [450, 700]}}
    spec, _ = workspace(block(**pairs), nominal)
    data = next(o for o in spec["observations"] if o["name"] == "pass_low")
    data["data"] = np.random.default_rng(2).poisson(data["data"]).tolist()
    model, numbers = open_workspace(spec)
    best = minimise(model, numbers)
    theirs = fitted_by_pyhf(tmp_path, spec)["mu"]
    assert theirs == pytest.approx([best.value("mu")], abs=5e-3)
    import cabinetry

    fitted = cabinetry.fit.fit(*cabinetry.model_utils.model_and_data(spec))
    i = fitted.labels.index("mu")
    assert fitted.bestfit[i] == pytest.approx(best.value("mu"), abs=5e-3)
    assert fitted.uncertainty[i] == pytest.approx(best.errors[i], rel=0.03)


def test_stages_and_plots(tmp_path):
    """From templates to the fit, its checks and plots, in three ranges of pT."""
    templates = write_templates(tmp_path, {"nominal": analysis()})
    files = fit_files(tmp_path, templates)
    infer(jobs.Infer(infer=block()), files)
    result, yields = read_json(files.fit), read_json(files.yields)
    assert result["pois"]["mu"]["value"] == pytest.approx(1, abs=2e-3)
    for name in BINS:
        assert set(yields[f"pass_{name}"]["postfit"]) == {"top", "multijet", "total"}
    checked = CheckTransfer.Files(templates=templates, figures=tmp_path / "transfer.json")
    closure.run(CheckTransfer(infer=block(toys=10)), checked)
    found = read_json(checked.figures)
    assert found["flags"] == []
    assert set(found["regions"]) == set(PASSES)
    for name, at, y in zip(BINS, AT, Y, strict=True):
        mine = found["regions"][f"pass_{name}"]
        assert (mine["fail"], mine["at"], mine["order"]) == (f"fail_{name}", at, [1, 1])
        assert mine["function"]["values"] == pytest.approx(list(truth(X, y)), rel=5e-3)
        assert np.all(np.array(mine["function"]["errors"]) > 0)
    tried = {(tuple(s["order"]), tuple(s["next"])) for s in mine["ftest"]["simulation"]}
    assert ((1, 1), (2, 1)) in tried and ((1, 1), (1, 2)) in tried
    for row in found["bias"]:
        assert abs(row["mean"]) < 0.2 + 3 * row["mean_error"], row
    rows = {
        (row["basis"], tuple(row["orders"]["pass_low"])) for row in found["envelope"]["functions"]
    }
    assert {("bernstein", (2, 1)), ("bernstein", (1, 2)), ("chebyshev", (1, 1))} <= rows
    assert found["envelope"]["errors"]["mu"] < 1.5 * found["pois"]["mu"]["error"]
    plots = PlotTransfer.Files(figures=checked.figures, plots=tmp_path / "plots")
    plot_transfer(PlotTransfer(label=Label("Simulation", "13 TeV")), plots)
    names = {path.stem for path in plots.plots.glob("*.png")}
    assert names == set(transfer_plots(PASSES, ["pass_low"]))


def test_data_in_a_hidden_window_change_nothing(tmp_path):
    """In no range of pT; the function of both is predicted in the window of each."""
    window = (CENTRES > 130) & (CENTRES < 210)
    rng = np.random.default_rng(6)
    data = {region: rng.poisson(found["qcd"].values) for region, found in analysis().items()}
    config = block(toys=10, hidden=[[131, 209]])
    first, *others = windows.checks(tmp_path, config, analysis(), data, window)
    assert all(other == first for other in others)
    for name, y in zip(BINS, Y, strict=True):
        mine = first["regions"][f"pass_{name}"]
        assert [value is None for value in mine["pulls"]] == window.tolist()
        values, errors = (np.array(mine["function"][key]) for key in ("values", "errors"))
        assert (np.abs(values - truth(X, y)) < 4 * errors)[window].all() and (errors > 0).all()


def test_validation_regions_have_one_function_too(tmp_path):
    """One a range of pT; the fit of the signal has none of them."""
    nominal = analysis()
    names = [f"between_{name}" for name in BINS]
    for name, fail, y in zip(names, FAILS, Y, strict=True):
        values = nominal[fail]["qcd"].values * 3 * truth(X, y)
        nominal[name] = {"top": template(0 * values), "qcd": template(values)}
    templates = write_templates(tmp_path, {"nominal": nominal})
    files = CheckTransfer.Files(templates=templates, figures=tmp_path / "transfer.json")
    closure.run(CheckTransfer(infer=block(toys=10, validation=names)), files)
    found = read_json(files.figures)
    assert set(found["regions"]) == set(PASSES)
    for name, y in zip(names, Y, strict=True):
        apart = found["validation"]["regions"][name]
        assert apart["function"]["values"] == pytest.approx(list(3 * truth(X, y)), rel=0.02)
        assert np.allclose(apart["pulls"], 0, atol=0.05)


def test_two_functions_share_the_fail_regions():
    """Pass regions after those of the first function are those of a second one."""
    config = block(**{"pass": [*PASSES, "v_low", "v_mid", "v_high"]}).transfer
    assert [(f.name, f.fails) for f in config.functions()] == [
        ("pass_low", tuple(FAILS)),
        ("v_low", tuple(FAILS)),
    ]
    nominal = analysis()
    nominal |= {f"v_{name}": nominal[f"pass_{name}"] for name in BINS}
    start = transfer.estimate(config, nominal, None, dict.fromkeys(config.names(), (1, 1)))
    np.testing.assert_allclose(start.expected("v_mid"), start.expected("pass_mid"))
    names = [entry["name"] for entry in start.parameters()]
    assert names.count("transfer_fail_mid") == 1 and "transfer_v_low_1_1" in names


def test_places_are_in_the_middle_of_the_ranges_of_regions():
    ranges = dict(zip(BINS, ([400, 500], [500, 600], [600, 1000]), strict=True))
    regions = {f"fail_{k}": Region(range=[0, 0.9], within={"pt": r}) for k, r in ranges.items()}
    config = block(along={"variable": "pt"}).transfer.located(regions)
    assert config.functions()[0].at == (450, 550, 800)


def other_bins(nominal):
    for name in ("fail_mid", "pass_mid"):
        found = nominal[name]["qcd"]
        nominal[name]["qcd"] = Template(found.values, found.variances, EDGES + 5, "msoftdrop")


@pytest.mark.parametrize(
    ("change", "order", "message"),
    [
        (other_bins, (1, 1), "region fail_mid has other bins than region fail_low; all pairs"),
        (lambda t: None, (11, 1), "12 bins do not determine a function of order 11"),
        (lambda t: None, (1, 3), "3 ranges of the second variable do not determine a function of"),
        (lambda t: t.pop("fail_mid"), (1, 1), "no templates of region fail_mid"),
    ],
)
def test_bad_templates_are_named(change, order, message):
    nominal = analysis()
    change(nominal)
    with pytest.raises(BoostflowError, match=message):
        transfer.estimate(block().transfer, nominal, None, {"pass_low": order})
