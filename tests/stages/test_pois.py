"""Several parameters of interest: against formulas, cabinetry, pyhf's command line, and drawn."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cabinetry
import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq

from boostflow.config.statistics import Infer
from boostflow.config.systematics import AnySystematic, Rate, Shift
from boostflow.errors import BoostflowError
from boostflow.infer import enter, fit, hypotests
from boostflow.infer.contour import contour
from boostflow.infer.mcstat import SIGNAL
from boostflow.infer.minimum import interest_in
from boostflow.infer.report import plot, tabulate
from boostflow.infer.run import infer
from boostflow.infer.workspace import build, lowest_strengths
from boostflow.jobs import statistics as jobs
from boostflow.plots.names import fit_plots, hepdata_tables
from boostflow.plots.words import parameter, symbol
from boostflow.templates.files import Template, TemplateSet
from support.fits import fit_files, plot_files, table_files, write_templates

POIS = {"mu_top": ["top"], "mu_v": ["w", "z"]}
CONFIG = Infer(signal=POIS)
EDGES = np.linspace(50, 290, 5)
TOP = np.array([2.0, 10.0, 40.0, 5.0])
W = np.array([30.0, 12.0, 1.0, 0.5])
Z = np.array([5.0, 9.0, 1.0, 0.5])
QUARK = np.array([120.0, 90.0, 70.0, 60.0])


def template(values, weight=0.1):
    values = np.asarray(values, dtype=float)
    return Template(values, np.abs(values) * weight, EDGES, "msoftdrop")


def analysis() -> tuple[dict[str, TemplateSet], dict[str, AnySystematic]]:
    def one(scale):
        return {
            "pass": {
                "top": template(TOP * scale),
                "w": template(W * scale**2),
                "z": template(Z * scale**2),
                "quark": template(QUARK * scale),
            }
        }

    systematics: dict[str, AnySystematic] = {
        "lumi": Rate(kind="rate", value=0.02),
        "jes": Shift(kind="shift", correction="jes"),
    }
    tilt = np.array([0.03, 0.0, -0.02, 0.02])
    varied = {"nominal": one(1.0), "jes_up": one(1.02 + tilt), "jes_down": one(0.98 - tilt)}
    return varied, systematics


@pytest.fixture(scope="module")
def workspace():
    return build(*analysis(), CONFIG)[0]


@pytest.fixture(scope="module")
def result(workspace):
    return fit.run(workspace, analysis()[1], CONFIG)


def test_workspace_has_a_measurement_for_each(workspace):
    found = {m["name"]: m["config"]["poi"] for m in workspace["measurements"]}
    assert list(found.items()) == [("mu_top", "mu_top"), ("mu_v", "mu_v")]
    one, other = (m["config"]["parameters"] for m in workspace["measurements"])
    assert one == other and [p["name"] for p in one[:2]] == ["mu_top", "mu_v"]
    scaled = {
        sample["name"]: [m["name"] for m in sample["modifiers"] if m["type"] == "normfactor"]
        for sample in workspace["channels"][0]["samples"]
    }
    assert scaled == {"top": ["mu_top"], "w": ["mu_v"], "z": ["mu_v"], "quark": []}


def test_each_has_its_own_statistics(workspace):
    """In common, the error of one signal would depend on the strength of the other."""
    names = {
        sample["name"]: [m["name"] for m in sample["modifiers"] if m["type"] == "staterror"]
        for sample in workspace["channels"][0]["samples"]
    }
    assert names == {
        "top": [f"staterror_pass{SIGNAL}.mu_top"],
        "w": [f"staterror_pass{SIGNAL}.mu_v"],
        "z": [f"staterror_pass{SIGNAL}.mu_v"],
        "quark": ["staterror_pass"],
    }


def test_errors_and_correlation_are_those_of_the_covariance():
    """Without systematics: the inverse of the Fisher matrix, sum of s_i s_j / n."""
    signal = np.array([TOP, W + Z])
    fisher = (100 * signal / (signal.sum(axis=0) + QUARK)) @ signal.T
    covariance = np.linalg.inv(fisher)
    templates = {
        "pass": {
            n: template(100 * v) for n, v in (("top", TOP), ("w", W), ("z", Z), ("quark", QUARK))
        }
    }
    config = Infer(signal=POIS, mc_stat=False)
    found = fit.run(build({"nominal": templates}, {}, config)[0], {}, config)
    errors = [found["pois"][poi]["error"] for poi in POIS]
    assert errors == pytest.approx(np.sqrt(np.diag(covariance)).tolist(), rel=5e-3)
    for i, poi in enumerate(POIS):
        assert found["pois"][poi]["breakdown"]["stat"]["error"] == errors[i]
    assert found["correlation"]["names"] == list(POIS)
    rho = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    assert found["correlation"]["matrix"][0][1] == pytest.approx(rho, abs=2e-3)
    # The contour is an ellipse.
    for line in found["contours"][0]["contours"]:
        away = np.array([line["x"], line["y"]]) - 1
        distance = np.einsum("in,ij,jn->n", away, fisher, away)
        assert distance == pytest.approx(stats.chi2.ppf(line["level"], 2), rel=0.03)
        assert not line["cut"]


def test_cabinetry_gives_the_same():
    """Each measurement is read, and interval, impacts and significance are its own."""
    templates, systematics = analysis()
    workspace, _ = build(templates, systematics, CONFIG.model_copy(update={"mc_stat": False}))
    model, data = fit.open_workspace(workspace)
    data[:4] += [12, 9, -5, 8]  # away from the Asimov point, so that parameters are pulled
    best = fit.minimise(model, data)
    by_name = {e["name"]: e for e in fit.impacts(model, data, best, systematics, list(POIS))}
    precise = {"tolerance": 1e-4}
    for i, poi in enumerate(POIS):
        spec = {**workspace, "measurements": workspace["measurements"][i : i + 1]}
        other, _ = cabinetry.model_utils.model_and_data(spec)
        assert other.config.poi_name == poi
        theirs = cabinetry.fit.fit(other, data, minos=poi, **precise)
        with interest_in(model, poi):
            found = fit.interval(model, data, best)
            z = hypotests.significance(model, data, best)
        assert [-found["down"], found["up"]] == pytest.approx(
            list(theirs.minos_uncertainty[poi]), abs=1e-3
        )
        wanted = cabinetry.fit.significance(other, data, **precise).observed_significance
        assert z == pytest.approx(wanted, abs=1e-3)
        # Its errors, of numerical derivatives, are 0.6 % off the profile's curvature.
        exact = theirs._replace(uncertainty=best.errors)
        ranking = cabinetry.fit.ranking(other, data, fit_results=exact, **precise)
        for key in ("prefit_up", "prefit_down", "postfit_up", "postfit_down"):
            for name, shift in zip(ranking.labels, getattr(ranking, key), strict=True):
                if name not in POIS:
                    ours = by_name[name]["impacts"][poi][key.removeprefix("postfit_")]
                    assert ours == pytest.approx(shift, abs=1e-3), (poi, key, name)


def test_pyhf_reads_each_measurement(tmp_path, workspace, result):
    """`pyhf cls --measurement`: CLs is 0.05 at the limit, which profiles the other strength."""
    spec = {
        **workspace,
        "observations": [
            {"name": "pass", "data": (W + Z + QUARK).tolist()}  # mu_top = 0
        ],
    }
    path = tmp_path / "workspace.json"
    path.write_text(json.dumps(spec))
    limit = result["pois"]["mu_top"]["limit"]["expected"][2]
    command = [
        str(Path(sys.executable).with_name("pyhf")),
        "cls",
        "--measurement",
        "mu_top",
        "--test-poi",
        str(limit),
        str(path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["CLs_exp"][2] == pytest.approx(0.05, abs=2e-3)


def test_impacts_of_one_fit_on_all(workspace, monkeypatch):
    """Four fits a parameter, however many parameters of interest there are."""
    model, data = fit.open_workspace(workspace)
    best = fit.minimise(model, data)
    real, calls = fit.minimise, []

    def counted(*args, **kwargs):
        calls.append(args)
        return real(*args, **kwargs)

    monkeypatch.setattr(fit, "minimise", counted)
    found = fit.impacts(model, data, best, analysis()[1], list(POIS))
    assert len(calls) == 4 * len(found)
    assert all(list(entry["impacts"]) == list(POIS) for entry in found)
    assert not set(POIS) & {entry["name"] for entry in found}


def test_one_named_parameter_is_mu_by_another_name():
    """The same numbers: other samples are background."""
    templates, systematics = analysis()
    results = {}
    for signal, name in ((["top"], "mu"), ({"r_top": ["top"]}, "r_top")):
        config = Infer(signal=signal)
        results[name] = fit.run(build(templates, systematics, config)[0], systematics, config)
        assert results[name]["contours"] == []
    one, other = (json.dumps(found).replace(name, "mu") for name, found in results.items())
    assert json.loads(one) == json.loads(other)


def test_scan_and_stat_leave_the_other_strength_free(workspace, result):
    """The scan of stat crosses 1 where the breakdown says."""
    for poi in POIS:
        found = result["pois"][poi]
        up = found["value"] + found["breakdown"]["stat"]["up"]
        rise = np.interp(up, found["scan"]["mu"], found["scan"]["stat"])
        assert rise == pytest.approx(1, abs=0.05)


def test_together_strengths_keep_expectations_positive():
    def channel(**contents):
        samples = [{"name": name, "data": data} for name, data in contents.items()]
        return {"name": "r", "samples": samples}

    # One bin each: as if they were alone.
    apart = [channel(top=[10.0, 0.0], w=[0.0, 5.0], z=[0.0, 5.0], quark=[20.0, 30.0])]
    assert lowest_strengths(apart, POIS) == pytest.approx({"mu_top": -2.0, "mu_v": -3.0})
    # The same bin: half of it each.
    both = [channel(top=[10.0], w=[5.0], z=[5.0], quark=[20.0])]
    assert lowest_strengths(both, POIS) == pytest.approx({"mu_top": -1.0, "mu_v": -1.0})
    assert lowest_strengths(both, {"mu": ["top"]}) == pytest.approx({"mu": -3.0})
    rng = np.random.default_rng(1)
    for _ in range(20):
        names = ("top", "w", "z", "quark")
        mixed = [channel(**{n: rng.exponential(1, 4) ** 2 for n in names})]
        found = lowest_strengths(mixed, POIS)
        content = {s["name"]: s["data"] for s in mixed[0]["samples"]}
        least = content["quark"] + found["mu_top"] * content["top"]
        least = least + found["mu_v"] * (content["w"] + content["z"])
        assert least.min() > -1e-9 and least.min() == pytest.approx(0, abs=1e-6)


def test_a_free_scale_factor_enters_every_measurement(workspace):
    control = {"samples": ["quark"], "value": 1.2, "error": 0.1, "enters": "free"}
    found = enter.apply(json.loads(json.dumps(workspace)), {"qcd": control})
    for measurement in found["measurements"]:
        names = [p["name"] for p in measurement["config"]["parameters"]]
        assert names.count("control_qcd") == 1


def test_a_contour_of_few_events():
    """Where the expectation is so far below 3 events that -2 ln L has risen by 5.99."""
    parts = {"top": [3.0, 0.0], "w": [0.0, 3.0], "z": [0.0, 0.1], "quark": [0.01, 0.01]}
    edges = np.array([0.0, 1.0, 2.0])
    nominal = {"r": {n: Template(np.array(v), np.array(v), edges, "m") for n, v in parts.items()}}
    spec, _ = build({"nominal": nominal}, {}, Infer(signal=POIS, mc_stat=False))
    model, data = fit.open_workspace(spec)
    found = contour(model, data, fit.minimise(model, data), ("mu_top", "mu_v"))
    ends = np.array([found["contours"][1][key] for key in ("x", "y")])
    events = brentq(lambda n: 2 * (n - 3.01 + 3.01 * np.log(3.01 / n)) - 5.99, 1e-3, 3)
    assert ends.min(axis=1)[0] == pytest.approx((events - 0.01) / 3, rel=0.05)
    assert not found["contours"][1]["cut"]


def test_a_strength_without_events_is_told():
    templates, systematics = analysis()
    for contents in templates.values():
        for name in ("w", "z"):
            contents["pass"][name] = template(0 * W)
    with pytest.raises(BoostflowError, match=r"infer\.signal: no expected events of w, z in any"):
        build(templates, systematics, CONFIG)


def test_stage_tables_and_plots(tmp_path):
    templates, systematics = analysis()
    paths = write_templates(tmp_path, templates)
    files = fit_files(tmp_path, paths)
    infer(jobs.Infer(infer=CONFIG, systematics=systematics), files)
    figures = json.loads(files.fit.read_text())
    assert [figures["pois"][poi]["samples"] for poi in POIS] == list(POIS.values())
    assert figures["pois"]["mu_v"]["text"].startswith("mu_v = 1.00 ±")
    assert figures["text"] == ". ".join(figures["pois"][poi]["text"] for poi in POIS)
    plot(jobs.PlotFit(systematics=systematics, label=("", "")), plot_files(files))
    kinds = {name: declared.kind for name, declared in systematics.items()}
    expected = fit_plots(["pass"], kinds, list(POIS))
    assert {p.stem for p in (tmp_path / "plots").glob("*.png")} == set(expected)
    tabulate(jobs.FitTables(systematics=systematics), table_files(files, tmp_path))
    assert {p.stem for p in (tmp_path / "hepdata").iterdir()} == set(
        hepdata_tables(["pass"], list(POIS))
    )


def test_symbols():
    assert symbol("mu") == r"$\mu$" and symbol("mu_top") == r"$\mu_{\mathrm{top}}$"
    assert symbol("mu_w_jet") == r"$\mu_{\mathrm{w,jet}}$" and symbol("r_top") == "r_top"
    pois = {"mu_top": {}}
    for name, said in {
        "mu_top": symbol("mu_top"),
        "staterror_sr_1[2]": "MC statistics, sr_1 bin 3",
        "staterror_sr_1.signal[0]": "MC statistics of the signal, sr_1 bin 1",
        "staterror_sr_1.signal.mu_top[0]": f"MC statistics of the signal of {symbol('mu_top')},"
        " sr_1 bin 1",
        "staterror_sr_1.empty.quark[1]": "MC statistics of no quark, sr_1 bin 2",
        "jes": "Jet energy scale",
    }.items():
        assert parameter(name, {"jes": "Jet energy scale"}, pois) == said


def test_a_contour_of_strengths_that_are_hardly_known():
    """Nothing rises within the bounds: contours run along them."""
    parts = {"top": [0.1], "w": [0.1], "z": [0.1], "quark": [1000.0]}
    nominal = {
        "r": {n: Template(np.array(v), np.array(v), EDGES[:2], "m") for n, v in parts.items()}
    }
    spec, _ = build({"nominal": nominal}, {}, Infer(signal=POIS, mc_stat=False))
    model, data = fit.open_workspace(spec)
    found = contour(model, data, fit.minimise(model, data), ("mu_top", "mu_v"))
    for line in found["contours"]:
        away = np.abs([line["x"], line["y"]])
        assert line["cut"]
        assert away.max(axis=0) == pytest.approx(100, abs=1e-6)
