"""Workspace and fit: conventions, empty bins, merging, breakdown, interval, messages."""

from __future__ import annotations

import json
import logging

import numpy as np
import pyhf
import pytest

from boostflow.config.statistics import Infer, Prune
from boostflow.config.systematics import SYSTEMATICS, Rate, SampleVariation, Shift, Weight
from boostflow.effects import sides
from boostflow.errors import BoostflowError
from boostflow.evaluate.significance import asimov
from boostflow.infer import fit, minimum
from boostflow.infer.changes import shapes_are_noise
from boostflow.infer.hypotests import significance
from boostflow.infer.likelihood import Likelihood
from boostflow.infer.mcstat import FLOOR
from boostflow.infer.merge import binning, mean_weight, merge
from boostflow.infer.minimum import suspicious
from boostflow.infer.report import plot, tabulate
from boostflow.infer.run import infer
from boostflow.infer.workspace import build, floored, modifiers
from boostflow.jobs import statistics as jobs
from boostflow.plots import fit as draw
from boostflow.plots import strengths
from boostflow.plots.names import fit_plots, hepdata_tables
from boostflow.plots.style import Label, save, style
from boostflow.templates.files import Template
from support.fits import fit_files, plot_files, table_files, write_templates

SIGNAL = np.array([2.0, 20.0, 30.0, 5.0])
BACKGROUND = np.array([120.0, 90.0, 70.0, 60.0])


def template(values, weight=0.5, edges=None):
    """A template of jets of equal weight."""
    values = np.asarray(values, dtype=float)
    edges = np.linspace(50, 290, len(values) + 1) if edges is None else edges
    return Template(values, np.abs(values) * weight, edges, "msoftdrop")


def analysis():
    """Templates of two regions with four bins, and systematics of all kinds."""
    tilt = 1 + 0.03 * np.array([-1.5, -0.5, 0.5, 1.5])

    def both(scale, shape=1.0, weight=0.5):
        return {
            "pass": {
                "top": template(SIGNAL * scale, weight),
                "quark": template(BACKGROUND * scale * shape, weight),
            },
            "fail": {
                "top": template(SIGNAL * 0.4, weight),
                "quark": template(BACKGROUND * 20 * shape, weight),
            },
        }

    templates = {
        "nominal": both(1.0),
        "jes_up": both(1.04, tilt),
        "jes_down": both(0.97, 2 - tilt),
        "isr_up": both(1.05),
        "fsr_up": both(1.08, tilt, 0.01),
        "fsr_down": both(0.93, 2 - tilt, 0.01),
    }
    systematics = {
        "lumi": Rate(kind="rate", value=0.016),
        "jes": Shift(kind="shift", correction="jes"),
        "isr": Weight(kind="weight", group="model", up="weight_isr_up"),
        "fsr": SampleVariation(kind="sample", up=["a = 1"], down=["b = 1"]),
    }
    return templates, systematics


@pytest.fixture(scope="module")
def fitted():
    """Workspace, model, data, best fit and breakdown of the analysis."""
    logging.getLogger("pyhf").setLevel(logging.ERROR)
    templates, systematics = analysis()
    spec, _ = build(templates, systematics, Infer())
    model, data = fit.open_workspace(spec)
    best = fit.minimise(model, data)
    return spec, model, data, best, fit.breakdowns(model, data, best, systematics, ["mu"])["mu"]


def sample_of(spec, region, name):
    channel = next(c for c in spec["channels"] if c["name"] == region)
    sample = next(s for s in channel["samples"] if s["name"] == name)
    return sample, {(m["name"], m["type"]): m["data"] for m in sample["modifiers"]}


def test_norm_and_shape_are_split(fitted):
    spec = fitted[0]
    pyhf.Workspace(spec)
    sample, mods = sample_of(spec, "pass", "quark")
    templates, _ = analysis()
    up = templates["jes_up"]["pass"]["quark"].values
    norm = mods["jes", "normsys"]["hi"]
    assert norm == pytest.approx(up.sum() / BACKGROUND.sum())
    shape = np.array(mods["jes", "histosys"]["hi_data"])
    assert shape.sum() == pytest.approx(BACKGROUND.sum())
    np.testing.assert_allclose(shape * norm, up)
    assert mods["lumi", "normsys"] == {"hi": 1.016, "lo": 0.984}
    assert ("mu", "normfactor") not in mods
    assert ("mu", "normfactor") in sample_of(spec, "pass", "top")[1]
    np.testing.assert_allclose(mods["staterror_pass", "staterror"], np.sqrt(BACKGROUND / 2))
    # Up = 1.05 nominal, one-sided: down = 0.95, and no shape.
    assert mods["isr", "normsys"]["lo"] == pytest.approx(0.95)
    assert ("isr", "histosys") not in mods
    assert spec["observations"][0]["data"] == pytest.approx(SIGNAL + BACKGROUND)
    assert sample["data"] == pytest.approx(BACKGROUND)


def test_expected_data_follow_the_templates(fitted):
    """The model at a parameter of +1 is the up template."""
    _, model, _, best, _ = fitted
    templates, _ = analysis()
    pars = np.array(model.config.suggested_init())
    pars[best.names.index("jes")] = 1
    expected = model.main_model.expected_data(pars)
    up = templates["jes_up"]
    want = [sum(t.values for t in up[region].values()) for region in model.config.channels]
    np.testing.assert_allclose(expected, np.concatenate(want), rtol=1e-6)


def test_restricted_to_samples():
    templates, systematics = analysis()
    systematics["jes"] = Shift(kind="shift", correction="jes", samples=["quark"])
    spec, _ = build(templates, systematics, Infer(mc_stat=False))
    assert ("jes", "normsys") in sample_of(spec, "pass", "quark")[1]
    mods = sample_of(spec, "pass", "top")[1]
    assert not any(name == "jes" for name, _ in mods)
    assert not any(kind == "staterror" for _, kind in mods)


def test_mirroring_and_floor():
    nominal = np.array([10.0, 4.0, FLOOR])
    declared = Weight(kind="weight", up="weight_isr_up")
    both = sides(declared, template(nominal), [np.array([12.0, 9.0, 3.0])])
    up, down = (floored(nominal, side) for side in both)
    assert up.tolist() == [12.0, 9.0, FLOOR]  # a floored bin stays as it is
    assert down.tolist() == [8.0, FLOOR, FLOOR]  # 2*4 - 9 would be negative


def test_modifiers_without_positive_yield_and_without_effect():
    nominal = np.array([3.0, 2.0])
    empty = np.full(2, FLOOR)
    (only,) = modifiers("x", nominal, empty, nominal, Prune(norm=0, shape=0))
    assert only["type"] == "histosys" and only["data"]["hi_data"] == empty.tolist()
    assert modifiers("x", nominal, nominal, nominal, Prune(norm=0, shape=0)) == []


def test_noise_between_independent_samples():
    rng = np.random.default_rng(1)
    one, other = (template(rng.poisson(np.full(20, 30.0)), 1.0) for _ in range(2))
    assert shapes_are_noise([one, other])
    tilted = template(one.values * np.linspace(0.3, 1.7, 20), 1.0)
    assert not shapes_are_noise([one, tilted])


def test_noise_is_dropped_and_noted():
    templates, systematics = analysis()
    for side in ("fsr_up", "fsr_down"):
        for contents in templates[side].values():
            for name, t in contents.items():
                contents[name] = Template(t.values, t.values * 50, t.edges, t.variable)
    spec, notes = build(templates, systematics, Infer())
    mods = sample_of(spec, "pass", "quark")[1]
    assert ("fsr", "normsys") in mods and ("fsr", "histosys") not in mods
    assert "pass/quark: fsr changes the yield only, its shape is noise" in notes


def test_empty_and_negative_bins():
    templates, systematics = analysis()
    contents = templates["nominal"]["pass"]
    contents["quark"] = template([0.0, 90.0, -3.0, 60.0])
    spec, notes = build(templates, systematics, Infer())
    sample, mods = sample_of(spec, "pass", "quark")
    assert sample["data"] == [FLOOR, 90.0, FLOOR, 60.0]
    weight = mean_weight(templates["nominal"], "quark")
    # The only background: a factor of its own, exp(-b / weight), and no Gaussian one.
    assert mods["staterror_pass", "staterror"][0] == 0
    error = np.array(mods["staterror_pass.empty.quark", "shapesys"])
    assert error**2 / FLOOR == pytest.approx([weight, 0, np.sqrt(1.5), 0])
    assert any(note.startswith("pass/quark: 2 of 4 bins empty or negative") for note in notes)
    result = fit.run(spec, systematics)
    assert result["pois"]["mu"]["value"] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("how", ["353qh", "linear", "flat"])
def test_smoothing_leaves_empty_bins_out(how):
    """The ratio to an empty bin is no number: what moves into one must not tilt the others."""
    nominal = np.array([0.0, 90.0, 70.0, 60.0, 50.0])
    templates = {
        "nominal": {"pass": {"top": template(nominal), "quark": template(nominal)}},
        "isr_up": {
            "pass": {name: template([4.0, *(1.05 * nominal[1:])]) for name in ("top", "quark")}
        },
    }
    isr = Weight(kind="weight", up="weight_isr_up", smooth=how)
    _, mods = sample_of(build(templates, {"isr": isr}, Infer())[0], "pass", "quark")
    assert mods["isr", "normsys"]["hi"] == pytest.approx(1.05, rel=1e-6)
    assert ("isr", "histosys") not in mods


def test_negative_bins_keep_their_error():
    """Weights of both signs: the error of a cancelled bin is not that of one jet."""
    templates, _ = analysis()
    content = templates["nominal"]["pass"]["quark"]
    variances = np.array([400.0, *content.variances[1:]])
    mended = Template(np.array([-3.0, *content.values[1:]]), variances, content.edges, "mass")
    templates["nominal"]["pass"]["quark"] = mended
    _, mods = sample_of(build(templates, {}, Infer())[0], "pass", "quark")
    error = mods["staterror_pass.empty.quark", "shapesys"][0]
    assert error**2 / FLOOR == pytest.approx(20)


def one_bin(signal, background, weight, other=None):
    """A region with a bin; another one tells the weight of one background jet."""

    def alone(value, variance):
        return Template(np.array([value]), np.array([variance]), np.array([0.0, 1.0]), "m")

    region = {"top": alone(signal, 0.01 * signal), "qcd": alone(background, weight * background)}
    rest = {"top": alone(5.0, 0.05), "qcd": alone(300 * weight, 300 * weight**2)}
    if other is not None:
        region["w"], rest["w"] = alone(other, 1e-3 * other), alone(other, 1e-3 * other)
    return {"nominal": {"pass": region, "fail": rest}}


def test_the_impact_of_an_empty_bin_is_that_of_what_it_may_hold():
    """-2 ln L rises like 2 b / weight where mu gives way: by 1 at half a jet, to one side alone."""
    spec, _ = build(one_bin(80.0, 0.0, 1.0), {}, Infer(mc_stat=False))
    (entry,) = fit.run(spec, {})["parameters"]
    assert entry["name"] == "staterror_pass.empty.qcd[0]" and entry["constraint"] is None
    shift = entry["impacts"]["mu"]
    assert shift["up"] == pytest.approx(-0.5 / 80, rel=1e-2)
    assert shift["down"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("mc_stat", [True, False])
@pytest.mark.parametrize(("signal", "weight"), [(80.0, 1e5), (80.0, 1.0), (20.0, 5.0)])
def test_an_empty_background_makes_no_significance(signal, weight, mc_stat):
    """No simulated jet, whose weight is known: n_on events on n_off = 0 (Li and Ma, ApJ 272 (1983)
    317, eq. 17), Z = sqrt(2 n ln(1 + 1 / weight))."""
    spec, _ = build(one_bin(signal, 0.0, weight), {}, Infer(mc_stat=mc_stat))
    model, data = fit.open_workspace(spec)
    best = fit.minimise(model, data)
    assert best.value("mu") == pytest.approx(1, abs=0.01)
    expected = np.sqrt(2 * signal * np.log1p(1 / weight))
    found = significance(model, data, best)
    assert found == pytest.approx(expected, rel=0.01, abs=0.01)


def test_a_rare_background_beside_an_empty_one():
    """One event of w is known, QCD is not: one jet of it would be 10^5 events."""
    spec, _ = build(one_bin(80.0, 0.0, 1e5, other=1.0), {}, Infer())
    model, data = fit.open_workspace(spec)
    assert significance(model, data, fit.minimise(model, data)) < 0.1


def test_the_error_of_the_background_does_not_shrink_without_signal():
    """s = 50 on b = 100 +- 20 in a bin: without signal b has moved, at the cost of its error."""
    templates = one_bin(50.0, 100.0, 4.0)
    spec, _ = build({"nominal": {"pass": templates["nominal"]["pass"]}}, {}, Infer())
    model, data = fit.open_workspace(spec)
    found = significance(model, data, fit.minimise(model, data))
    b = np.linspace(90, 150, 60001)
    without = np.min(((b - 100) / 20) ** 2 + 2 * (b - 150 + 150 * np.log(150 / b)))
    assert found == pytest.approx(np.sqrt(without), rel=1e-4)


def test_mirrored_side_below_zero_is_told():
    templates, _ = analysis()
    isr = Weight(kind="weight", up="weight_isr_up")
    contents = templates["isr_up"]["pass"]
    contents["quark"] = template(BACKGROUND * [3, 1, 1, 1])
    _, notes = build(templates, {"isr": isr}, Infer())
    assert any(n.startswith("pass/quark: isr changes bins by more than 100 %") for n in notes)


def test_data_far_from_the_expectation(fitted):
    """At the start -2 ln L is curved downwards: Minuit then asks for second derivatives apart."""
    templates, systematics = analysis()
    systematics["gap"] = Rate(kind="rate", up=2.0, down=1.0, samples=["quark"])
    data = {
        region: 4 * sum(t.values for t in contents.values())
        for region, contents in templates["nominal"].items()
    }
    model, seen = fit.open_workspace(build(templates, systematics, Infer(), data)[0])
    start = np.array(model.config.suggested_init())
    assert np.diag(Likelihood(model, seen).hessian(start)).min() < 0
    found = fit.minimise(model, seen)
    slope = Likelihood(model, seen).gradient(found.values)
    assert np.abs(slope * found.errors).max() < 0.1


def test_prefit_impact_that_cannot_be_fitted(fitted, monkeypatch):
    """One parameter held where the data exclude it does not end the fit."""
    _, model, data, best, _ = fitted
    real = fit.minimise

    def failing(model, data, fixed=None, near=None, bounds=None):
        if fixed and fixed.get("lumi", 0) == pytest.approx(-1, abs=1e-4):
            raise BoostflowError("no")
        return real(model, data, fixed, near, bounds)

    monkeypatch.setattr(fit, "minimise", failing)
    monkeypatch.setattr(fit, "prefit_errors", lambda model: 1.0 * (np.array(best.names) == "lumi"))
    by_name = {e["name"]: e for e in fit.impacts(model, data, best, {}, ["mu"])}
    assert by_name["lumi"]["impacts"]["mu"]["prefit_down"] is None
    assert by_name["lumi"]["impacts"]["mu"]["prefit_up"] is not None


STAT = {"up": 5.0, "down": 5.0}


def test_the_text_tells_of_bounds():
    parts = {"order": [], "total": {"error": 5.0, "at_limit": ["up"]}, "stat": STAT}
    told = "mu = 64.00 ± 5.00 (stat); ends at the bounds of mu: up"
    assert fit.text("mu", 64.0, parts) == told
    del parts["total"]["at_limit"]
    assert fit.text("mu", 64.0, parts) == "mu = 64.00 ± 5.00 (stat)"


def test_an_interval_is_open_where_fits_stop_converging(fitted, monkeypatch):
    """A step of the likelihood is not its crossing: that side is at least so long."""
    _, model, data, best, _ = fitted
    real = minimum.minimise

    def failing(model, data, fixed=None, near=None, bounds=None):
        if fixed and fixed.get("mu", 0) > 1.02:
            raise BoostflowError("no")
        return real(model, data, fixed, near, bounds)

    monkeypatch.setattr(minimum, "minimise", failing)
    found = minimum.interval(model, data, best)
    assert found["at_limit"] == ["up"]
    assert best.value("mu") + found["up"] == pytest.approx(1.02, abs=1e-3)


def test_bin_empty_in_all_samples_says_nothing():
    templates, _ = analysis()
    nominal = {"nominal": templates["nominal"]}
    full = fit.run(build(nominal, {}, Infer())[0], {})["pois"]["mu"]
    for contents in nominal["nominal"].values():
        for name, t in contents.items():
            contents[name] = Template(
                np.append(t.values, 0.0),
                np.append(t.variances, 0.0),
                np.append(t.edges, 350.0),
                t.variable,
            )
    spec, _ = build(nominal, {}, Infer())
    model, _ = fit.open_workspace(spec)
    assert sum(model.config.suggested_fixed()) == 4  # its parameters do nothing
    found = fit.run(spec, {})["pois"]["mu"]
    assert found["error"] == pytest.approx(full["error"], rel=1e-3)


def test_merging():
    nominal = {
        "r": {
            "top": template([5.0, 5.0, 5.0, 5.0, 5.0]),
            "quark": template([100.0, 0.0, 50.0, 60.0, 10.0], 20.0),
        }
    }
    # Errors: 45 %, -, 63 %, 58 %, 141 %: the last four need each other.
    edges = binning(nominal, "r", ["top"], 0.5)
    assert edges.tolist() == [0, 1, 5]
    merged = merge(nominal, {"r": edges})["r"]
    assert merged["quark"].values.tolist() == [100.0, 120.0]
    assert merged["quark"].variances.tolist() == [2000.0, 2400.0]
    assert merged["top"].values.tolist() == [5.0, 20.0]
    assert merged["top"].edges.tolist() == [50.0, 98.0, 290.0]
    assert binning(nominal, "r", ["top"], 2.0).tolist() == [0, 1, 3, 4, 5]
    assert binning(nominal, "r", ["top"], 0.01).tolist() == [0, 5]
    assert binning(nominal, "r", ["top", "quark"], 0.5).tolist() == [0, 1, 2, 3, 4, 5]


def test_breakdown_adds_up(fitted):
    parts = fitted[-1]
    assert parts["order"] == ["exp", "model"]  # no parameter is in ml
    assert "ml" not in parts
    for side in ("up", "down", "error"):
        squares = sum(parts[name][side] ** 2 for name in ("stat", "exp", "model"))
        assert squares == pytest.approx(parts["total"][side] ** 2, rel=1e-6)
    assert all(parts[name]["error"] > 0 for name in ("stat", "exp", "model"))


def test_statistical_error_alone_is_that_of_the_likelihood():
    """One bin, no systematics: the interval solves 2 (s mu - n ln(...)) = 1."""
    nominal = {"nominal": {"r": {"top": template([20.0]), "quark": template([100.0])}}}
    spec, _ = build(nominal, {}, Infer(mc_stat=False))
    result = fit.run(spec, {})["pois"]["mu"]
    assert result["breakdown"]["order"] == []
    assert result["text"].endswith(" (stat)")
    for side, sign in (("up", 1), ("down", -1)):
        lam = 120 + 20 * sign * result[side]
        assert 2 * (lam - 120 + 120 * np.log(120 / lam)) == pytest.approx(1, rel=1e-3)
    assert result["breakdown"]["stat"]["error"] == result["error"]
    # sqrt(q0) of one bin is the plain Asimov significance.
    assert result["significance"]["expected"] == pytest.approx(float(asimov(20, 100)), rel=1e-4)


def test_interval_at_the_bound():
    nominal = {"nominal": {"r": {"top": template([0.1]), "quark": template([1000.0])}}}
    spec, _ = build(nominal, {}, Infer(mc_stat=False))
    result = fit.run(spec, {})["pois"]["mu"]
    assert result["at_limit"] == ["up", "down"]
    assert result["up"] == pytest.approx(99)
    assert result["breakdown"]["stat"] == {"up": None, "down": None, "error": None}
    assert result["text"] == "mu = 1.00 ± n/a (stat); ends at the bounds of mu: up and down"


def test_parts_of_an_interval_at_the_bound_are_unknown(tmp_path):
    """Frozen, mu has an interval; with the rate it has none above: differences say nothing."""
    nominal = {"nominal": {"r": {"top": template([2.0]), "quark": template([1000.0])}}}
    systematics = SYSTEMATICS.validate_python(
        {"norm": {"kind": "rate", "value": 0.3, "samples": ["quark"]}}
    )
    spec, _ = build(nominal, systematics, Infer(mc_stat=False))
    fitted = fit.run(spec, systematics)
    result = fitted["pois"]["mu"]
    parts = result["breakdown"]
    assert parts["total"]["at_limit"] == ["up", "down"]
    assert parts["exp"] == {"up": None, "down": None, "error": None}
    assert parts["stat"]["error"] == pytest.approx(np.sqrt(1002) / 2, rel=0.02)
    assert " (stat) ± n/a (exp); ends at" in result["text"]
    notes = fit.unknown_parts(parts, "mu")
    assert notes == [
        "breakdown: exp is not known (up and down): an interval that it is computed from ends at"
        " the bounds of mu"
    ]
    # One side only: that side and the error.
    result["breakdown"]["exp"] = {"up": None, "down": 1.0, "error": None}
    (note,) = fit.unknown_parts(result["breakdown"], "mu")
    assert note.startswith("breakdown: exp is not known (up):")
    with style():
        figure = strengths.breakdown(fitted, "mu", Label())
        told = [text.get_text() for text in figure.axes[0].texts]
        assert any(text.startswith("n/a") for text in told)
        assert any(text.startswith("beyond $+$99.0") for text in told)
        save(figure, tmp_path / "breakdown.png")
    assert (tmp_path / "breakdown.png").stat().st_size > 5_000


def test_mu_stays_where_expectations_are_positive():
    def bounds(background):
        nominal = {"r": {"top": template([20.0, 1.0]), "quark": template(background)}}
        spec, _ = build({"nominal": nominal}, {}, Infer())
        return spec["measurements"][0]["config"]["parameters"][0]["bounds"][0]

    assert bounds([40.0, 30.0]) == [-2.0, 100.0]
    assert bounds([0.0, 30.0]) == pytest.approx([0.0, 100.0], abs=1e-6)


def test_impacts(fitted):
    _, model, data, best, parts = fitted
    _, systematics = analysis()
    entries = fit.impacts(model, data, best, systematics, ["mu"])
    assert {e["name"] for e in entries} == set(best.names) - {"mu"}
    assert all(abs(e["pull"]) < 1e-3 for e in entries)  # Asimov data
    assert all(e["constraint"] < 1.01 for e in entries)
    widths = [max(abs(e["impacts"]["mu"][side]) for side in ("up", "down")) for e in entries]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] < parts["total"]["error"]
    groups = {e["name"]: e["group"] for e in entries}
    assert groups["jes"] == "exp" and groups["fsr"] == "model"
    assert groups["staterror_pass[0]"] == "model"
    for e in (entry["impacts"]["mu"] for entry in entries):  # the pre-fit error is the larger one
        assert abs(e["prefit_up"]) >= abs(e["up"]) * 0.999
        assert np.sign(e["prefit_down"]) == np.sign(e["down"])


def test_text():
    parts = {
        "order": ["exp", "model"],
        "total": {"error": 0.4},
        "stat": {"up": 0.1, "down": 0.1},
        "exp": {"up": 0.051, "down": 0.049},
        "model": {"up": 0.48, "down": 0.28},
    }
    assert fit.text("mu", 1.0, parts) == "mu = 1.00 ± 0.10 (stat) ± 0.05 (exp) +0.48 -0.28 (model)"


def test_messages():
    templates, systematics = analysis()
    with pytest.raises(BoostflowError, match=r"infer\.signal: no templates of sample higgs"):
        build(templates, systematics, Infer(signal=["higgs"]))
    with pytest.raises(BoostflowError, match="systematic jes: no templates of jes_down"):
        build({k: v for k, v in templates.items() if k != "jes_down"}, systematics, Infer())
    wrong = {"jes": Shift(kind="shift", correction="jes", samples=["higgs"])}
    with pytest.raises(BoostflowError, match="systematic jes: no templates of sample higgs"):
        build(templates, wrong, Infer())
    with pytest.raises(BoostflowError, match="no nominal templates"):
        build({}, {}, Infer())
    empty = {"nominal": {"r": {"top": template([0.0]), "quark": template([1.0])}}}
    with pytest.raises(BoostflowError, match=r"infer\.signal: no expected events of top"):
        build(empty, {}, Infer())
    templates["jes_up"]["pass"]["top"] = template(SIGNAL, edges=np.arange(5.0))
    with pytest.raises(BoostflowError, match="template pass/top of jes_up is missing or has other"):
        build(templates, systematics, Infer())
    with pytest.raises(BoostflowError, match="workspace:"):
        fit.open_workspace({"channels": []})


def test_fit_that_does_not_converge(fitted):
    _, model, data, _, _ = fitted
    with pytest.raises(BoostflowError, match=r"the fit did not converge .*data, which"):
        fit.minimise(model, np.full(len(data), np.nan))
    with pytest.raises(BoostflowError, match=r"the fit with mu = 2, jes = 0 fixed did not"):
        fit.minimise(model, np.full(len(data), np.nan), {"mu": 2.0, "jes": 0.0})


def test_a_suspicious_template_is_named():
    templates, systematics = analysis()
    templates["jes_up"]["pass"]["quark"] = template(BACKGROUND * [1, 1, 4, 1])
    spec, _ = build(templates, systematics, Infer())
    model, _ = fit.open_workspace(spec)
    worst = suspicious(model)[0]
    assert worst.startswith("template pass/quark: jes changes bin 3 by ")
    assert worst.endswith("% (70 events)")
    # Without it nothing stands out.
    assert suspicious(fit.open_workspace(build(*analysis(), Infer())[0])[0]) == []


def test_stage_and_plots(tmp_path):
    """The whole stage with pseudo-data, and collision data in one region that is not fitted."""
    templates, systematics = analysis()
    templates["pseudo"] = {
        region: dict(samples) for region, samples in templates["nominal"].items()
    }
    counts = np.array([2400.0, 1810.0, 1420.0, 1190.0])
    templates["nominal"]["fail"]["run"] = template(counts, 1.0)
    *paths, pseudo = write_templates(tmp_path, templates)
    files = fit_files(tmp_path, paths, [pseudo])
    job = jobs.Infer(infer=Infer(data="pseudo"), systematics=systematics, data=["run"])
    infer(job, files)
    figures = json.loads(files.fit.read_text())
    assert figures["data"] == "pseudo"
    found = figures["pois"]["mu"]
    assert found["value"] == pytest.approx(1, abs=3 * found["error"])
    assert '"run"' not in files.workspace.read_text()
    found = json.loads(files.yields.read_text())
    assert found["fail"]["unfitted"] == counts.tolist() and "unfitted" not in found["pass"]
    assert "run" not in found["fail"]["prefit"]
    assert figures["edges"]["pass"] == pytest.approx([50, 110, 170, 230, 290])
    plot(jobs.PlotFit(systematics=systematics, label=("", ""), data=["run"]), plot_files(files))
    kinds = {name: declared.kind for name, declared in systematics.items()}
    expected = fit_plots(["pass", "fail"], kinds, ["mu"])
    assert {p.stem for p in (tmp_path / "plots").glob("*.png")} == set(expected)
    with style():
        drawn = draw.systematic("jes", systematics["jes"], analysis()[0], figures["pois"], Label())
    assert drawn.legends and not any(ax.get_legend() for ax in drawn.axes)  # beside the curves
    tabulate(jobs.FitTables(systematics=systematics), table_files(files, tmp_path))
    assert {p.stem for p in (tmp_path / "hepdata").iterdir()} == set(
        hepdata_tables(["pass", "fail"], ["mu"])
    )
    assert {p.name for p in tmp_path.glob("yields.*")} >= {"yields.txt", "yields.csv", "yields.tex"}
    with pytest.raises(BoostflowError, match=r"no nominal\.root"):
        infer(jobs.Infer(systematics=systematics), fit_files(tmp_path, paths[1:]))
