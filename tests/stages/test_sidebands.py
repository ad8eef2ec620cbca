"""Hidden windows and validation regions of a background from data."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from boostflow.config.statistics import Infer
from boostflow.config.systematics import Rate, Weight
from boostflow.infer import closure, sidebands, transfer
from boostflow.infer.minimum import minimise, open_workspace
from boostflow.infer.report import plot_transfer
from boostflow.infer.run import infer
from boostflow.infer.workspace import build
from boostflow.io import read_json
from boostflow.jobs import statistics as jobs
from boostflow.jobs.statistics import FillTemplates
from boostflow.jobs.transfer import CheckTransfer, PlotTransfer
from boostflow.plots.names import transfer_plots
from boostflow.plots.style import Label
from boostflow.templates.build import fill
from boostflow.templates.files import Template
from support.fits import fit_files, write_templates

EDGES = np.linspace(50, 290, 13)
X = np.linspace(0, 1, 12)
WINDOW = [141.0, 209.0]
"""Of the bins from 130 to 210 it touches each."""
INSIDE = np.array([low < WINDOW[1] and high > WINDOW[0] for low, high in pairwise(EDGES)])


def of(values):
    values = np.asarray(values, dtype=float)
    return Template(values, values, EDGES, "msoftdrop")


def simulation(validation=0.03):
    """A peak in the pass region, and a region between it and fail."""
    fail = 4e4 * np.exp(-3 * X)
    peak = np.exp(-0.5 * ((X - 0.5) / 0.07) ** 2)
    result = {
        "pass": {"top": of(200 * peak + 0.1), "w": of(20 + 0 * X), "qcd": of(fail * 0.02)},
        "fail": {"top": of(5 + 0 * X), "w": of(50 + 0 * X), "qcd": of(fail)},
    }
    if validation:
        curve = fail * validation * (1 + X)
        result["between"] = {"top": of(0.1 + 0 * X), "w": of(30 + 0 * X), "qcd": of(curve)}
    return result


def pseudo_data(seed=2):
    """Numbers of the backgrounds by region, as collision data."""
    rng = np.random.default_rng(seed)
    return {
        region: rng.poisson(found["w"].values + found["qcd"].values)
        for region, found in simulation().items()
    }


def block(infer=None, **keys):
    transfer = {"estimated": ["qcd"], "order": 1, "toys": 20, **keys}
    plain = infer if infer else {"mc_stat": False}
    return Infer.model_validate({"transfer": transfer, **plain})


def checked(folder, config, data=None, regions=("pass", "fail", "between")):
    """What the checks write, with collision data in some regions."""
    nominal = simulation()
    for region in regions if data else ():
        nominal[region]["run"] = of(data[region])
    templates = write_templates(folder, {"nominal": nominal})
    files = CheckTransfer.Files(templates=templates, figures=folder / "transfer.json")
    closure.run(CheckTransfer(infer=config, data=["run"] if data else []), files)
    return read_json(files.figures)


def test_a_workspace_without_hidden_bins():
    """All that is by bin loses them; the likelihood of the others is the same."""
    systematics = {
        "lumi": Rate(kind="rate", value=0.05),
        "isr": Weight(kind="weight", up="weight_isr_up"),
    }
    nominal = simulation(0)
    up = {r: {s: of(t.values * (1 + 0.1 * X)) for s, t in x.items()} for r, x in nominal.items()}
    config = block({"mc_stat": True})
    start = transfer.estimate(config.transfer, nominal, None, {"pass": 1})
    every = {"nominal": nominal, "isr_up": up}
    spec, _ = build(every, systematics, config, None, None, start)
    left = sidebands.hide(spec, dict.fromkeys(("pass", "fail"), INSIDE))
    full, _ = open_workspace(spec)
    model, data = open_workspace(left)
    assert model.config.nmaindata == 2 * (~INSIDE).sum() == 16
    assert full.config.npars - model.config.npars == 5 * INSIDE.sum()  # fail, 4 staterrors
    shown = np.tile(~INSIDE, 2)
    pars = dict(zip(full.config.par_names, full.config.suggested_init(), strict=True))
    pars |= {"lumi": 0.7, "isr": -0.4, "mu": 2.0, "transfer_pass_1": 1.3}
    named = [
        pars[n if "[" not in n else n.partition("[")[0] + "[0]"] for n in full.config.par_names
    ]
    less = [
        pars[n if "[" not in n else n.partition("[")[0] + "[0]"] for n in model.config.par_names
    ]
    expected = full.expected_actualdata(named)[shown]
    np.testing.assert_allclose(model.expected_actualdata(less), expected)
    minimise(model, data)


@pytest.mark.parametrize("source", ["collisions", "pseudo"])
def test_data_in_the_window_change_nothing(tmp_path, source):
    """Neither in the pass nor in the fail region, whatever they are."""
    found = []
    for name, factor in (("as_expected", 1), ("ten_times", 10), ("none", 0)):
        folder = tmp_path / name
        folder.mkdir()
        if source == "collisions":
            data = pseudo_data()
            for region in ("pass", "fail"):
                data[region] = np.where(INSIDE, factor * data[region], data[region])
            config = block(hidden=[WINDOW])
            found.append(checked(folder, config, data, ("pass", "fail")))
        else:
            numbers = pseudo_data()
            for region in ("pass", "fail"):
                numbers[region] = np.where(INSIDE, factor * numbers[region], numbers[region])
            parts = closure.Parts(
                block({"data": "pseudo"}, hidden=[WINDOW]),
                {},
                {"nominal": simulation(0)},
                {},
                {r: numbers[r].astype(float) for r in ("pass", "fail")},
                None,
                [],
                {"pass": 1},
                [],
            )
            regions, fit, seen = closure._described(parts, {})
            found.append({"regions": regions, "fit": fit, "tested": seen[2].tolist()})
    assert found[0] == found[1] == found[2]
    mine = found[0]["regions"]["pass"]
    for key in ("values", "errors"):
        assert [value is None for value in mine["points"][key]] == INSIDE.tolist()
    assert [value is None for value in mine["pulls"]] == INSIDE.tolist()
    # The function is predicted there, from both sides.
    values, errors = (np.array(mine["function"][key]) for key in ("values", "errors"))
    assert (np.abs(values - 0.02) < 4 * errors).all() and (errors > 0).all()
    assert found[0]["fit"]["p"] > 0.01
    assert [step["freedom"] for step in mine["ftest"]["data"]] == [7, 6]


def test_once_all_may_be_seen_nothing_is_hidden(tmp_path):
    config = block({"unblind": True, "data": "observed"}, hidden=[WINDOW])
    found = checked(tmp_path, config, pseudo_data())
    assert found["hidden"] == []
    assert None not in found["regions"]["pass"]["points"]["values"]


def test_the_plot_has_a_prediction_in_the_window(tmp_path):
    found = checked(tmp_path, block(hidden=[WINDOW], validation=["between"]), pseudo_data())
    assert found["hidden"] == [WINDOW]
    plots = PlotTransfer.Files(figures=tmp_path / "transfer.json", plots=tmp_path / "plots")
    plot_transfer(PlotTransfer(label=Label("Data", "13 TeV")), plots)
    names = {path.stem for path in plots.plots.glob("*.png")}
    assert names == set(transfer_plots(["pass", "between"]))


def test_collision_data_beside_the_window_are_in_the_templates():
    """In hidden regions alone, and whole bins of them; simulation is everywhere."""
    mass = np.array([60.0, 131.0, 150.0, 209.0, 211.0, 289.0])
    table = {"msoftdrop": mass, "candidate": np.ones(6, bool), "split": np.full(6, 2)}
    table["weight"] = np.ones(6)
    config = jobs.TemplatesBlock.model_validate(
        {"regions": {"pass": {"range": [0.5, 1]}, "fail": {"range": [0, 0.5]}}}
    )
    job = FillTemplates(
        templates=config, data=["run"], hidden={"pass": [WINDOW]}, luminosity=1, allow_empty=True
    )
    scores = {"bdt": {"p_top": np.full(6, 0.9)}}
    filled = fill({"run": table, "top": table}, {"run": scores, "top": scores}, job)
    assert ("fail", "run") not in filled
    numbers = filled["pass", "run"].values()
    assert numbers.sum() == 3 and not numbers[INSIDE].any()


def test_a_validation_region_is_in_no_fit_and_is_predicted(tmp_path):
    """By a function of its own, with data where they may be seen; the fit does not know it."""
    config = block(validation=["between"])
    found = checked(tmp_path, config)
    assert list(found["regions"]) == ["pass"]
    apart = found["validation"]["regions"]["between"]
    assert np.allclose(apart["pulls"], 0, atol=1e-3)  # Asimov data without signal
    assert apart["function"]["values"] == pytest.approx(0.03 * (1 + X), rel=0.02)
    (tmp_path / "fit").mkdir()
    files = fit_files(
        tmp_path / "fit", write_templates(tmp_path / "fit", {"nominal": simulation()})
    )
    infer(jobs.Infer(infer=config), files)
    alone = {channel["name"] for channel in read_json(files.workspace)["channels"]}
    assert alone == {"pass", "fail"} == set(read_json(files.yields))


def test_a_validation_region_that_no_function_describes_is_flagged(tmp_path):
    """Collision data may be seen in it, while the pass region is blinded."""
    data = pseudo_data()
    data["between"][6] += 400
    found = checked(tmp_path, block(validation=["between"]), data, ("fail", "between"))
    assert found["validation"]["regions"]["between"]["points"]["kind"] == "observed"
    assert found["regions"]["pass"]["points"]["kind"] == "asimov"
    assert "unvalidated" in [flag["flag"] for flag in found["flags"]]
