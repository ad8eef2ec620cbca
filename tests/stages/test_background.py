"""Background estimates: formulas, coverage and closure with toys, failures that are noticed."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyhf
import pytest
from scipy import optimize

from boostflow.background import abcd, composition, control, sideband
from boostflow.background import counts as counting
from boostflow.background.abcd import Yield
from boostflow.background.counts import Events, drawn
from boostflow.background.report import plot
from boostflow.background.run import estimate
from boostflow.config.background import Cut
from boostflow.config.statistics import Templates
from boostflow.errors import BoostflowError
from boostflow.infer import enter, fit
from boostflow.jobs.background import Count, Estimate, PlotBackground
from boostflow.plots.background import axis_title
from boostflow.plots.names import background_plots
from boostflow.templates.files import read
from support import factory
from support.judging import JUDGED

TOYS = 2000
REGIONS = "ABCD"


def counts(**numbers: float) -> dict[str, Yield]:
    return {region: Yield(float(n), float(n)) for region, n in numbers.items()}


# --- ABCD ----------------------------------------------------------------------------------------


def test_formula_by_hand():
    found = abcd.formula(counts(B=400, C=900, D=3600))
    assert found.value == 100
    assert np.sqrt(found.variance) == pytest.approx(100 * np.sqrt(1 / 400 + 1 / 900 + 1 / 3600))
    # 100 events of weight 4 say as much as 100 counts: sum w^2 / (sum w)^2.
    weighted = {region: Yield(4.0 * n, 16.0 * n) for region, n in (("B", 400), ("C", 900))}
    weighted["D"] = Yield(3600.0, 3600.0)
    assert np.sqrt(abcd.formula(weighted).variance) == pytest.approx(16 * np.sqrt(found.variance))


def test_subtraction_and_its_uncertainty_by_hand():
    data = counts(B=440, C=940, D=3640)
    others = {"w": {region: Yield(40.0, 4.0) for region in REGIONS}}
    found = abcd.predict(data, others, 0.1)
    assert found["value"] == pytest.approx(100)
    variances = sum((n + 4) / m**2 for n, m in ((440, 400), (940, 900), (3640, 3600)))
    assert found["stat"] == pytest.approx(100 * np.sqrt(variances))
    assert found["subtraction"] == pytest.approx(100 - 396 * 896 / 3596)
    assert found["error"] == pytest.approx(np.hypot(found["stat"], found["subtraction"]))


@pytest.mark.parametrize("scale", [1, 50])
def test_likelihood_agrees_with_the_formula(scale):
    """The best value always; the errors where there are many events."""
    data = counts(B=400 * scale, C=900 * scale, D=3600 * scale)
    exact = abcd.formula(data)
    found = abcd.fit(abcd.workspace(data, {}, {}, 0.1), exact.value)
    assert found["value"] == pytest.approx(exact.value, rel=1e-5)
    close = 0.04 if scale == 1 else 0.006
    assert found["up"] == pytest.approx(np.sqrt(exact.variance), rel=close)
    assert found["down"] == pytest.approx(np.sqrt(exact.variance), rel=close)
    assert (found["up"] + found["down"]) / 2 == pytest.approx(np.sqrt(exact.variance), rel=2e-3)


def test_likelihood_with_subtraction_and_weights():
    data = {region: Yield(3.0 * n, 9.0 * n) for region, n in (("B", 440), ("C", 940), ("D", 3640))}
    others = {"w": {region: Yield(120.0, 12.0) for region in REGIONS}}
    exact = abcd.predict(data, others, 0.1)
    found = abcd.fit(abcd.workspace(data, others, {}, 0.1), exact["value"])
    assert found["value"] == pytest.approx(exact["value"], rel=1e-4)
    assert (found["up"] + found["down"]) / 2 == pytest.approx(exact["error"], rel=0.02)


def test_signal_strength_from_the_four_regions():
    """With three regions that give the background, mu is what is left in A over the signal."""
    signal = {"top": {region: Yield(50.0 if region == "A" else 1e-6, 0.0) for region in REGIONS}}
    data = counts(A=200, B=40_000, C=90_000, D=36_000_000)
    spec = abcd.workspace(data, {}, signal, 0.0)
    pyhf.Workspace(spec)  # valid HistFactory JSON
    found = abcd.fit(spec, 100.0, "mu")
    assert found["value"] == pytest.approx(2.0, rel=1e-3)
    assert found["up"] == pytest.approx(np.sqrt(200) / 50, rel=0.05)


def test_a_fit_that_starts_at_its_minimum_converges():
    """Few heavy events (of a small run): Hesse failed where Migrad had nothing left to do."""

    def yields(numbers: str) -> dict[str, Yield]:
        pairs = [[float(x) for x in pair.split("/")] for pair in numbers.split()]
        return {r: Yield(n, e**2) for r, (n, e) in zip(REGIONS, pairs, strict=True)}

    data = yields("2936/669.3 15056/2045 20329/2122 105966/5297")
    others = {
        "w": yields("0/0 0.3/0.1 1.45/0.22 14.55/0.7"),
        "z": yields("0/0 0.03/0.02 0.17/0.04 3.31/0.16"),
    }
    top = {"top": yields("724.5/36.73 87.54/12.77 167.62/17.67 13.04/4.93")}
    found = abcd.fit(abcd.workspace(data, others, top, 0.1, 0.78), 2848.0, "mu")
    # N_A is what the formula says within errors much larger than the signal.
    assert abs(found["value"]) < 0.5 and 2 < found["up"] < 5 and 2 < found["down"] < 5


def test_coverage_of_the_error():
    """The interval of the formula covers the truth in 68 % of toys, of counts and of weights."""
    rng = np.random.default_rng(11)
    truth = {"B": 400.0, "C": 900.0, "D": 3600.0}
    for weights in (None, (0.5, 4.0)):
        inside = 0
        for _ in range(TOYS):
            data = {}
            for region, mean in truth.items():
                if weights is None:
                    n = float(rng.poisson(mean))
                    data[region] = Yield(n, n)
                else:
                    w = rng.uniform(*weights, rng.poisson(mean))
                    data[region] = Yield(w.sum(), (w**2).sum())
            expected = 100.0 if weights is None else 100.0 * np.mean(weights)
            found = abcd.formula(data)
            inside += abs(found.value - expected) < np.sqrt(found.variance)
        assert inside / TOYS == pytest.approx(0.683, abs=0.03)


def test_closure_of_independent_and_of_correlated_variables():
    rng = np.random.default_rng(3)
    for strength, closes in ((0.0, True), (0.5, False)):
        x = rng.normal(size=200_000)
        y = strength * x + np.sqrt(1 - strength**2) * rng.normal(size=x.size)
        inside = {"A": (x > 1) & (y > 1), "B": (x > 1) & (y < 1)}
        inside |= {"C": (x < 1) & (y > 1), "D": (x < 1) & (y < 1)}
        n = counts(**{region: mine.sum() for region, mine in inside.items()})
        found = abcd.closure(n)
        assert (abs(found["significance"]) < 3) == closes
        off = abs(found["observed"] / found["predicted"] - 1)
        assert found["nonclosure"] >= off
        assert (off < 0.1) == closes
        # phi of a 2 x 2 table is the correlation of the two cuts.
        phi = np.corrcoef(x > 1, y > 1)[0, 1]
        assert abcd.correlation(n)["phi"] == pytest.approx(phi, abs=1e-9)


def test_regions_that_cannot_serve():
    with pytest.raises(BoostflowError, match=r"data: 0 events in region D; it must be populated"):
        abcd.formula(counts(B=4, C=4, D=0), "data")
    others = {"w": {region: Yield(50.0, 1.0) for region in REGIONS}}
    with pytest.raises(BoostflowError, match=r"-10 events in region B"):
        abcd.predict(counts(B=40, C=400, D=400), others, 0.1)


# --- sideband ------------------------------------------------------------------------------------

EDGES = np.linspace(50, 290, 49)
CENTRES = (EDGES[1:] + EDGES[:-1]) / 2
WINDOW = (140.0, 210.0)
INSIDE = (EDGES[1:] > 140) & (EDGES[:-1] < 210)
FAMILIES = ["exponential", "bernstein", "power"]
SMOOTH = 2000 * np.exp(-(CENTRES - 50) / 60)
PEAK = 50 * np.exp(-0.5 * ((CENTRES - 173) / 12) ** 2)


def spectrum(values: np.ndarray, weight: float = 1.0) -> sideband.Spectrum:
    return sideband.Spectrum(EDGES, values, weight * values)


def test_sideband_without_fluctuations():
    """An exponential is found exactly; a signal in the window is not looked at."""
    found, fits = sideband.estimate(spectrum(SMOOTH + 10 * PEAK * INSIDE), {}, WINDOW, FAMILIES, 0)
    assert found["family"] == "exponential"
    assert found["fits"]["exponential"]["order"] == 1
    assert found["value"] == pytest.approx(SMOOTH[INSIDE].sum(), rel=1e-4)
    for family in FAMILIES:
        assert found["fits"][family]["value"] == pytest.approx(SMOOTH[INSIDE].sum(), rel=0.02)
    # The error against error propagation by another library.
    use = ~INSIDE

    def curve(x, a, b):
        return np.exp(a + b * (x - 50) / 240)

    pars, covariance = optimize.curve_fit(
        curve, CENTRES[use], SMOOTH[use], (7.0, -4.0), np.sqrt(SMOOTH[use]), absolute_sigma=True
    )
    slope = np.array(
        [curve(CENTRES, *(pars + d)) - curve(CENTRES, *pars) for d in 1e-5 * np.eye(2)]
    )
    slope = slope[:, INSIDE].sum(axis=1) / 1e-5
    assert found["stat"] == pytest.approx(np.sqrt(slope @ covariance @ slope), rel=0.01)
    assert fits["exponential"].band().shape == CENTRES.shape


def test_sideband_toys():
    """Pull of the estimate of toys: mean 0, width not above 1 (the model uncertainty is extra)."""
    rng = np.random.default_rng(5)
    pulls, stat = [], []
    for _ in range(60):
        toy = spectrum(rng.poisson(SMOOTH).astype(float))
        found, _ = sideband.estimate(toy, {}, WINDOW, ["exponential", "power"], 0)
        pulls.append((found["value"] - SMOOTH[INSIDE].sum()) / found["error"])
        stat.append((found["value"] - SMOOTH[INSIDE].sum()) / found["stat"])
    assert abs(np.mean(pulls)) < 3 * np.std(pulls) / np.sqrt(60)
    assert np.std(pulls) < 1.1
    assert 0.75 < np.std(stat) < 1.6  # an F-test at 5 % sometimes takes a higher order


def test_spurious_and_injected_signal():
    _, fits = sideband.estimate(spectrum(SMOOTH), {}, WINDOW, ["exponential"], 0)
    for point in sideband.spurious(spectrum(SMOOTH), PEAK, fits["exponential"]):
        assert abs(point["bias"]) < 0.1
        assert point["fitted"] == pytest.approx(point["injected"], abs=0.05)
    # A bump that the function cannot follow is a spurious signal.
    bump = sideband.spurious(spectrum(SMOOTH + 5 * PEAK), PEAK, fits["exponential"])
    assert bump[0]["bias"] > 5


def test_weights_of_the_spectrum_count():
    """The error of events of weight 9 is three times that of as many counts."""
    light, _ = sideband.estimate(spectrum(SMOOTH), {}, WINDOW, ["exponential"], 0)
    heavy, _ = sideband.estimate(spectrum(SMOOTH, 9.0), {}, WINDOW, ["exponential"], 0)
    assert heavy["stat"] == pytest.approx(3 * light["stat"], rel=0.02)


def test_subtracted_peak_in_the_sideband():
    peak = 500 * np.exp(-0.5 * ((CENTRES - 85) / 8) ** 2)
    found, _ = sideband.estimate(spectrum(SMOOTH + peak), {"w": peak}, WINDOW, ["exponential"], 0.1)
    assert found["value"] == pytest.approx(SMOOTH[INSIDE].sum(), rel=1e-3)
    assert found["subtraction"] > 0


def test_sideband_that_no_function_describes():
    wild = SMOOTH * (1 + 0.5 * np.sign(np.sin(CENTRES / 3)))
    found, _ = sideband.estimate(spectrum(wild), {}, WINDOW, FAMILIES, 0)
    assert found["value"] is None and "not smooth" in found["reason"]
    with pytest.raises(BoostflowError, match="no event outside the window"):
        sideband.estimate(spectrum(SMOOTH * INSIDE), {}, WINDOW, FAMILIES, 0)


# --- control regions -----------------------------------------------------------------------------


def test_scale_factor_by_hand():
    others = {"w": Yield(100.0, 25.0)}
    found = control.factor("qcd", Yield(1300.0, 1300.0), Yield(1000.0, 400.0), others, 0.2)
    assert found["value"] == pytest.approx(1.2)
    assert found["stat"] == pytest.approx(np.sqrt(1300) / 1000)
    assert found["simulation"] == pytest.approx(1.2 * 20 / 1000)
    assert found["subtraction"] == pytest.approx(np.sqrt(25 + 20**2) / 1000)
    moved = control.transfer(Yield(1000.0, 400.0), Yield(50.0, 5.0), found)
    assert moved["estimate"] == pytest.approx(60)
    assert moved["transfer"] == pytest.approx(0.05)
    relative = 5 / 50**2 + 400 / 1000**2 + (found["stat"] ** 2 + found["subtraction"] ** 2) / 1.44
    assert moved["estimate_error"] == pytest.approx(60 * np.sqrt(relative))
    with pytest.raises(BoostflowError, match=r"control\.qcd: 90 events, of which 100 are other"):
        control.factor("qcd", Yield(90.0, 90.0), Yield(1000.0, 1.0), others, 0.2)
    with pytest.raises(BoostflowError, match="no simulated event of its samples"):
        control.factor("qcd", Yield(90.0, 90.0), Yield(0.0, 0.0), {}, 0.2)


WORKSPACE = {
    "channels": [
        {
            "name": "pass",
            "samples": [
                {
                    "name": "top",
                    "data": [20.0, 10.0],
                    "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
                },
                {
                    "name": "quark",
                    "data": [100.0, 200.0],
                    "modifiers": [
                        {
                            "name": "jes",
                            "type": "histosys",
                            "data": {"hi_data": [110.0, 190.0], "lo_data": [90.0, 210.0]},
                        },
                        {"name": "staterror_pass", "type": "staterror", "data": [5.0, 5.0]},
                    ],
                },
            ],
        }
    ],
    "observations": [{"name": "pass", "data": [120.0, 210.0]}],
    "measurements": [{"name": "boostflow", "config": {"poi": "mu", "parameters": []}}],
    "version": "1.0.0",
}


@pytest.mark.parametrize("enters", ["constrained", "free", "nothing"])
def test_scale_factor_in_the_workspace(enters):
    found = {"samples": ["quark"], "value": 1.5, "error": 0.3, "enters": enters}
    before = json.dumps(WORKSPACE)
    spec = enter.apply(WORKSPACE, {"qcd": found})
    assert json.dumps(WORKSPACE) == before
    workspace = pyhf.Workspace(spec)
    model = workspace.model(measurement_name="boostflow")
    start = model.config.suggested_init()
    expected = model.expected_actualdata(start)
    if enters == "nothing":
        assert spec == WORKSPACE
        return
    # Both start where the scale factor says, and Asimov data follow.
    assert expected == pytest.approx([170, 310])
    assert workspace.data(model, include_auxdata=False) == pytest.approx([170, 310])
    i = model.config.par_slice("control_qcd").start
    start[i] += 1
    up = model.expected_actualdata(start)
    # One unit up: by the relative error, or by one nominal template.
    assert up == pytest.approx([200, 370] if enters == "constrained" else [270, 510])
    # Other data are left alone.
    mine = json.loads(before)
    mine["observations"][0]["data"] = [77.0, 88.0]
    kept = enter.apply(mine, {"qcd": found})
    assert kept["observations"][0]["data"] == [77.0, 88.0]
    with pytest.raises(BoostflowError, match=r"control\.qcd: the fit has no template of gluon"):
        enter.apply(WORKSPACE, {"qcd": {**found, "samples": ["gluon"]}})


def test_scale_factor_without_constraint_is_in_the_ranking():
    found = {"samples": ["quark"], "value": 1.5, "error": 0.3, "enters": "free"}
    model, data = fit.open_workspace(enter.apply(WORKSPACE, {"qcd": found}))
    best = fit.minimise(model, data)
    by_name = {e["name"]: e for e in fit.impacts(model, data, best, {}, ["mu"])}
    assert by_name["control_qcd"]["pull"] is None and by_name["control_qcd"]["group"] == "exp"
    assert abs(by_name["control_qcd"]["impacts"]["mu"]["up"]) > 0.1


def test_scale_factors_that_are_hardly_known():
    """A large error is not cut off; a free factor beyond its bounds is told."""
    found = {"samples": ["quark"], "value": 1.5, "error": 3.0, "enters": "constrained"}
    sample = enter.apply(WORKSPACE, {"qcd": found})["channels"][0]["samples"][1]
    assert sample["modifiers"][-1]["data"] == {"hi": 3.0, "lo": 0.01}
    far = {**found, "value": 12.0, "enters": "free"}
    with pytest.raises(BoostflowError, match=r"control\.qcd: the scale factor is 12"):
        enter.apply(WORKSPACE, {"qcd": far})


# --- composition ---------------------------------------------------------------------------------

SHAPES = np.array(
    [
        [0.05, 0.10, 0.45, 0.20, 0.05, 0.03, 0.07, 0.05],
        [0.30, 0.35, 0.05, 0.02, 0.15, 0.08, 0.03, 0.02],
        [0.20, 0.10, 0.07, 0.08, 0.15, 0.15, 0.15, 0.10],
    ]
)
"""P(cell | class) of three classes in two clusters of four bins."""
YIELDS = np.array([300.0, 800.0, 3000.0])
CLASSES = ["top", "w", "qcd"]
CLUSTERS = np.repeat([0, 1], 4)


def cells(
    rng: np.random.Generator | None = None, weight: float = 0.25, **changes
) -> composition.Cells:
    """Data and templates, both with their fluctuations where `rng` is given."""
    true = YIELDS[:, None] * SHAPES
    templates, variances = true, weight * true
    data = true.sum(axis=0)
    if rng is not None:
        templates = weight * rng.poisson(true / weight)
        variances = weight * templates
        data = rng.poisson(data).astype(float)
    options = {
        "classes": CLASSES,
        "templates": templates,
        "variances": variances,
        "data": data,
        "extra": np.zeros(len(data)),
        "systematics": {},
        "clusters": CLUSTERS,
    }
    return composition.Cells(**(options | changes))


def test_profiled_factor_is_the_minimum():
    n, nu = np.array([0.0, 3.0, 50.0, 4.0]), np.array([2.0, 5.0, 40.0, -3.0])
    variance = np.array([1.0, 4.0, 30.0, 9.0])
    found = composition.profiled(n, nu, variance)
    for i in range(4):

        def function(x, i=i):
            log = n[i] * np.log(n[i] / x) if n[i] else 0.0
            return 2 * (x - n[i] + log) + (x - nu[i]) ** 2 / variance[i]

        best = optimize.minimize_scalar(function, bounds=(1e-9, 100), method="bounded")
        assert found[i] == pytest.approx(best.fun, rel=1e-6)
    # An empty template that one event of weight 50 would fill: 60 events are 1.2 sigma away.
    empty = composition.profiled(np.array([60.0]), np.array([1e-9]), np.array([2500.0]))
    assert empty[0] == pytest.approx((60 / 50) ** 2, rel=0.1)
    # Without errors of the templates it is Poisson's.
    n, nu = n[:3], nu[:3]
    exact = 2 * (nu - n + np.where(n > 0, n * np.log(np.maximum(n, 1) / nu), 0))
    assert composition.profiled(n, nu, np.zeros(3)) == pytest.approx(exact)


def test_composition_agrees_with_pyhf():
    """The same fit as a HistFactory workspace with staterrors; yields and their errors."""
    rng = np.random.default_rng(8)
    mine = cells(rng, weight=0.1)
    channel = {
        "name": "cells",
        "samples": [
            {
                "name": name,
                "data": mine.templates[k].tolist(),
                "modifiers": [
                    {"name": f"mu_{name}", "type": "normfactor", "data": None},
                    {
                        "name": "staterror_cells",
                        "type": "staterror",
                        "data": np.sqrt(mine.variances[k]).tolist(),
                    },
                ],
            }
            for k, name in enumerate(CLASSES)
        ],
    }
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-3))
    model = pyhf.Model({"channels": [channel]}, poi_name="mu_top")
    data = [*mine.data, *model.config.auxdata]
    other = np.asarray(pyhf.infer.mle.fit(data, model, return_uncertainties=True))
    best = composition.minimum(mine)
    places = [model.config.par_slice(f"mu_{name}").start for name in CLASSES]
    # pyhf keeps the relative error of a cell at the simulated yields.
    assert best.values == pytest.approx(other[places, 0], abs=0.05 * other[places, 1].min())
    assert np.sqrt(np.diag(best.covariance)) == pytest.approx(other[places, 1], rel=0.02)


def test_composition_of_expected_data_is_exact():
    found = composition.fit(cells(), 20, 0.01)
    assert found["status"] == "ok"
    for name, true in zip(CLASSES, YIELDS, strict=True):
        assert found["classes"][name]["yield"]["value"] == pytest.approx(true, rel=1e-3)
        part = found["classes"][name]["fraction"]
        assert part["value"] == pytest.approx(true / YIELDS.sum(), rel=1e-3)
        squares = sum(part[source] ** 2 for source in ("stat", "simulation", "systematic"))
        assert squares == pytest.approx(part["error"] ** 2)
        assert part["systematic"] == pytest.approx(0, abs=1e-6)
    assert found["chi2"] == pytest.approx(0, abs=1e-3)


def test_fractions_and_their_covariance():
    part, spread = composition.fractions(np.array([30.0, 70.0]), np.diag([30.0, 70.0]))
    assert part == pytest.approx([0.3, 0.7])
    # Binomial.
    assert np.sqrt(spread[0, 0]) == pytest.approx(np.sqrt(0.3 * 0.7 / 100))
    assert spread[0, 1] == pytest.approx(-spread[0, 0])


def test_composition_pulls():
    """Toys of data, of templates and of a systematic: mean 0, width 1, of every class."""
    rng = np.random.default_rng(21)
    number = 300
    change = np.array([[0.2, -0.1, 0, 0, -0.1, 0, 0, 0]] * 3) * [[1], [0.5], [-0.5]]
    pulls, pvalues = [], []
    for _ in range(number):
        shapes = SHAPES * (1 + rng.normal() * change)
        shapes /= shapes.sum(axis=1, keepdims=True)
        data = rng.poisson((YIELDS[:, None] * shapes).sum(axis=0)).astype(float)
        true = (change * SHAPES).sum(axis=1, keepdims=True)  # of yield: not part of the shape
        toy = cells(rng, data=data, systematics={"jes": change - true})
        found = composition.fit(toy, 50, 1e-6)
        pulls.append(
            [
                (found["classes"][name]["yield"]["value"] - n)
                / found["classes"][name]["yield"]["error"]
                for name, n in zip(CLASSES, YIELDS, strict=True)
            ]
        )
        pvalues.append(found["probability"])
    pulls = np.array(pulls)
    assert pulls.mean(axis=0) == pytest.approx(0, abs=3.5 / np.sqrt(number))
    assert pulls.std(axis=0) == pytest.approx(1, abs=3.5 / np.sqrt(2 * number))
    # The goodness of fit is one: flat.
    assert np.mean(np.array(pvalues) < 0.05) < 0.1
    assert np.mean(pvalues) == pytest.approx(0.5, abs=0.07)


def test_composition_pulls_where_simulation_is_the_limit():
    """As many simulated events as data: the error is neither too small nor counted twice."""
    rng = np.random.default_rng(22)
    number, true = 150, np.array([900.0, 800.0, 600.0])
    pulls = []
    for _ in range(number):
        expected = true[:, None] * SHAPES
        toy = cells(data=rng.poisson(expected.sum(axis=0)).astype(float))
        templates = rng.poisson(expected / 2) * 1.0
        found = composition.fit(replace(toy, templates=templates, variances=templates), 50, 0.0)
        yields = [found["classes"][name]["yield"] for name in CLASSES]
        pulls.append([(y["value"] - n) / y["error"] for y, n in zip(yields, true, strict=True)])
    assert np.mean(pulls, axis=0) == pytest.approx(0, abs=4 / np.sqrt(number))
    assert np.std(pulls, axis=0) == pytest.approx(1, abs=3.5 / np.sqrt(2 * number))


def test_a_systematic_adds_its_error():
    change = np.array([[0.5, 0.5, -0.1, -0.2, 0.3, 0.1, -0.2, -0.1]] * 3)
    alone = composition.fit(cells(), 20, 0.01)["classes"]["top"]["yield"]
    with_it = composition.fit(cells(systematics={"jes": change}), 20, 0.01)["classes"]["top"][
        "yield"
    ]
    assert with_it["systematic"] > 0
    assert with_it["error"] > alone["error"]
    assert with_it["stat"] == pytest.approx(alone["stat"], rel=0.02)


def test_classes_that_look_alike_give_no_result():
    same = YIELDS[:, None] * SHAPES[[0, 1, 1]]
    found = composition.fit(cells(templates=same, variances=same), 20, 0.01)
    assert found["status"] == "failed"
    assert "w, qcd look alike" in found["reasons"][0]
    assert found["classes"] == dict.fromkeys(CLASSES)
    # Nearly so: the limit decides, and the error is large where it allows a result.
    near = SHAPES.copy()
    near[2] = 0.97 * near[1] + 0.03 * near[2]
    near = YIELDS[:, None] * near
    tight = cells(templates=near, variances=0.01 * near, data=near.sum(axis=0))
    assert composition.fit(tight, 20, 0.01)["status"] == "failed"
    loose = composition.fit(tight, 1e6, 0.01)
    assert loose["status"] == "ok"
    clear = composition.fit(cells(weight=0.01), 20, 0.01)
    wide = loose["classes"]["w"]["fraction"]["error"]
    assert wide > 5 * clear["classes"]["w"]["fraction"]["error"]
    # Clusters alone cannot tell three classes apart in two clusters.
    assert composition.fit(cells(), 20, 0.01)["condition"]["clusters"] is None


def test_clusters_that_say_nothing_are_told():
    """All cells in one cluster: the mass alone distinguishes."""
    found = composition.fit(cells(clusters=np.zeros(8, dtype=int)), 20, 0.01)
    assert found["status"] == "ok" and found["condition"]["clusters"] is None
    (note,) = composition.clusters_alone(found["condition"]["clusters"], 20)
    assert note.startswith("the clusters alone do not tell the classes apart (condition number inf")
    assert composition.clusters_alone(30.0, 20)[0].endswith("number 30): the bins of the mass do")
    assert composition.clusters_alone(12.0, 20) == []


def test_too_few_cells_give_no_result():
    templates = YIELDS[:, None] * np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])
    few = cells(
        templates=templates,
        variances=templates,
        data=templates.sum(axis=0),
        extra=np.zeros(2),
        clusters=np.array([0, 1]),
    )
    found = composition.fit(few, 20, 0.01)
    assert found["status"] == "failed"
    assert "2 cells of clusters and masses are too few for 3 classes" in found["reasons"][0]


def test_a_class_that_is_missing_gives_no_result():
    unknown = 600 * np.array([0, 0, 0, 0.1, 0, 0, 0.1, 0.8])
    data = cells().data + unknown
    found = composition.fit(cells(weight=0.01, data=data), 20, 0.01)
    assert found["status"] == "failed"
    assert "a class is missing" in found["reasons"][0]
    assert found["classes"]["top"] is None


def test_composition_without_events():
    with pytest.raises(BoostflowError, match="no event of the data is in a cluster"):
        composition.fit(cells(data=np.zeros(8)), 20, 0.01)
    none = YIELDS[:, None] * SHAPES * [[0], [1], [1]]
    with pytest.raises(BoostflowError, match=r"classes\.top: no simulated event in any cluster"):
        composition.fit(cells(templates=none), 20, 0.01)


# --- counting and the whole stage ----------------------------------------------------------------


def test_the_second_jet_of_an_event():
    jets = {
        "event_id": np.array([7, 7, 7, 3, 5, 5]),
        "pt": np.array([900.0, 400.0, 500.0, 800.0, 700.0, 600.0]),
        "candidate": np.array([True, False, False, True, True, False]),
    }
    events = Events(jets, {"bdt": {"p": np.arange(6)}}, "quark")
    assert events.column("p", "bdt").tolist() == [0, 3, 4]
    second = events.column("pt", jet="second")
    assert second[[0, 2]].tolist() == [500, 600]
    assert np.isnan(second[1])
    with pytest.raises(BoostflowError, match=r"bdt has no column p_top; there are p"):
        events.column("p_top", "bdt")


def test_titles_of_axes_are_those_of_the_model():
    scores = {"bdt": JUDGED["bdt"].scores, "deep": JUDGED["bdt"].scores}
    kinds = dict.fromkeys(scores, "bdt")
    cuts = (Cut(model="bdt", column="p_top"), Cut(model="deep", column="p_w", jet="second"))
    assert [axis_title(cut, scores, kinds) for cut in cuts] == [
        "BDT score for top quark, leading jet",
        "BDT score for W boson (deep), second jet",
    ]
    assert axis_title(Cut(column="msoftdrop"), {}, {}) == "Soft-drop mass [GeV], leading jet"


def test_a_composition_needs_the_clusters_of_its_model():
    with pytest.raises(ValueError, match="needs those of its model"):
        Count.model_validate({"background": CONFIG, "templates": Templates()})


def test_pseudo_data_have_the_right_mean_and_variance():
    weight = np.array([4.0, 0.3, -1.0])
    numbers = np.array([drawn(weight, seed) for seed in range(4000)])
    assert numbers.mean(axis=0) == pytest.approx(weight, abs=0.15)
    assert numbers.var(axis=0) == pytest.approx(np.abs(weight), rel=0.1)
    assert (numbers[:, 2] <= 0).all()


QCD = ["quark", "gluon"]
CONFIG = {
    "abcd": {
        "samples": QCD,
        "x": {"model": "bdt", "column": "p_top", "signal": [0.3, 1], "control": [0, 0.3]},
        "y": {"column": "tau21", "signal": [0, 0.5], "control": [0.5, 1]},
    },
    "sideband": {"samples": QCD, "bins": 24},
    "control": {
        "qcd": {
            **{"samples": QCD, "model": "bdt", "column": "p_top"},
            **{"range": [0, 0.3], "enters": "constrained"},
        }
    },
    "composition": {
        "range": [10.0, 300.0],
        "classes": {"top": ["top"], "w": ["w"], "z": ["z"], "qcd": QCD},
    },
}


def count(jets, scores, output, **settings):
    keys = {"background": CONFIG, "templates": Templates(), "luminosity": 0.5}
    keys |= {"clusters": {"column": "cluster", "number": 3}, **settings}
    files = Count.Files(jets=jets, scores=scores, counts=output)
    counting.run(Count.model_validate(keys), files)


def estimates(counts, data, folder, **settings):
    """What background.json says; it is in the folder, with the likelihood of ABCD."""
    job = Estimate.model_validate({"background": CONFIG, "signal": ["top"], **settings})
    written = {"figures": folder / "background.json", "workspace": folder / "abcd.json"}
    estimate(job, Estimate.Files(counts=counts, data=data, **written))
    return json.loads(written["figures"].read_text())


def draw(folder, **settings):
    """Names of the plots of background.json."""
    keys = {"background": CONFIG, "label": ["", ""], "kinds": {"bdt": "bdt"}}
    keys |= {"scores": {"bdt": JUDGED["bdt"].scores}, **settings}
    job = PlotBackground.model_validate(keys)
    written = {"figures": folder / "background.json", "plots": folder / "plots"}
    plot(job, PlotBackground.Files(**written))
    return {path.stem for path in (folder / "plots").glob("*.png")}


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """Counts of generated tables: QCD jets get clusters, too."""
    folder = tmp_path_factory.mktemp("background")
    samples = factory.write_run(folder, events=4000)
    table = factory.clusterer(samples)
    rng = np.random.default_rng(4)
    none = table["cluster"] < 0
    table["cluster"][none] = rng.choice(3, none.sum(), p=[0.3, 0.4, 0.3]).astype(np.int16)
    factory.write_table(folder / "scores/ucluster/nominal.parquet", table)
    select = [folder / f"select/nominal/{name}.parquet" for name in factory.SAMPLES]
    scores = [folder / f"scores/{model}/nominal.parquet" for model in ("bdt", "ucluster")]
    files = {}
    for name, source in (("nominal", "simulation"), ("data", "pseudo")):
        files[name] = folder / f"{name}.root"
        count(select, scores, files[name], source=source)
    return folder, files, select, scores


def test_counts_of_events(counted):
    _, files, _, _ = counted
    nominal, data = read(files["nominal"]), read(files["data"])
    total = sum(nominal[f"abcd_{r}"]["quark"].values.sum() for r in REGIONS)
    inside = nominal["sideband"]["quark"].values.sum()
    assert total == pytest.approx(inside, rel=1e-6)  # the same axis range, and all are in a region
    clusters = sum(nominal[f"cluster_{k}"]["quark"].values.sum() for k in range(3))
    assert clusters == pytest.approx(0.5 * 2000, rel=0.05)
    drawn_quarks = data["sideband"]["quark"]
    assert (drawn_quarks.values == np.round(drawn_quarks.values)).all()
    assert drawn_quarks.values.sum() == pytest.approx(inside, rel=0.15)


def test_whole_stage_and_plots(counted, tmp_path):
    _, files, _, _ = counted
    trained = ["w", "z", "top"]
    found = estimates([files["nominal"]], files["data"], tmp_path, trained=trained)
    pyhf.Workspace(json.loads((tmp_path / "abcd.json").read_text()))
    assert abs(found["abcd"]["pull"]) < 4
    assert abs(found["abcd"]["correlation"]["phi"]) < 0.1
    # The variable of the axis is independent of the score here.
    assert found["abcd"]["likelihood"]["value"] == pytest.approx(
        found["abcd"]["prediction"]["value"], rel=1e-3
    )
    assert found["control"]["qcd"]["value"] == pytest.approx(
        found["control"]["qcd"]["truth"]["value"], abs=3 * found["control"]["qcd"]["error"]
    )
    result = found["composition"]
    assert result["status"] == "ok"
    assert any(note.startswith("gluon: not among") for note in result["notes"])
    for entry in result["classes"].values():
        assert abs(entry["fraction"]["pull"]) < 4
    assert abs(result["against_abcd"]["difference"]) < 4
    assert draw(tmp_path) == set(background_plots(True, True, True, True))


def test_collision_data_are_blinded(counted, tmp_path):
    """Neither region A nor the window nor the composition is looked at."""
    _, files, select, scores = counted
    config = {**CONFIG, "data": "observed"}
    observed = tmp_path / "data.root"
    count(select, scores, observed, source="observed")
    # Not in the file either.
    names = set(read(observed))
    assert not {"abcd_A", "abcd_plane", "cluster_0"} & names
    assert {"abcd_B", "sideband", "control_qcd"} <= names
    for template in read(observed)["sideband"].values():
        inside = (template.edges[1:] > 140) & (template.edges[:-1] < 210)
        assert template.values[inside].sum() == 0 < template.values.sum()
    shown = tmp_path / "shown.root"
    count(select, scores, shown, source="observed", unblind=True)
    assert set(read(shown)) == set(read(files["nominal"]))
    found = estimates([files["nominal"]], observed, tmp_path, background=config)
    assert found["shown"] is False
    assert "composition" not in found
    assert found["abcd"]["yields"]["A"]["data"] is None
    assert "observed" not in found["abcd"]["by_bin"] and "mu" not in found["abcd"]
    spec = json.loads((tmp_path / "abcd.json").read_text())
    assert [channel["name"] for channel in spec["channels"]] == ["B", "C", "D"]
    data = np.array(found["sideband"]["by_bin"]["data"], dtype=float)
    edges = np.array(found["sideband"]["by_bin"]["edges"])
    assert np.isnan(data).tolist() == ((edges[1:] > 140) & (edges[:-1] < 210)).tolist()
    draw(tmp_path, background=config)
