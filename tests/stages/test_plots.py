"""Plots: names, determinism, labels."""

from __future__ import annotations

import subprocess
import sys

import pytest

from boostflow.errors import BoostflowError
from boostflow.io import read_json, write_json
from boostflow.jobs.summary import PlotCutflow
from boostflow.models.bdt.plots import importance
from boostflow.models.family import Role, Score, families
from boostflow.plots import cutflow, models
from boostflow.plots import fit as plots_fit
from boostflow.plots.names import fit_plots
from boostflow.plots.style import (
    Label,
    axis_label,
    colour,
    name_of,
    score_label,
    style,
)
from support import factory


def test_names_of_fit_plots():
    systematics = {"lumi": "rate", "jes": "shift"}
    names = fit_plots(["pass"], systematics, ["mu"])
    of_fit = ["measurement", "correlation", "ranking", "breakdown", "scan", "limit"]
    assert names == ["prefit_pass", "postfit_pass", *of_fit, "systematic_jes"]
    names = fit_plots(["pass"], systematics, ["mu_top", "mu_v"])
    of_each = [f"{name}_{poi}" for name in of_fit[2:] for poi in ("mu_top", "mu_v")]
    assert names[2:-1] == [*of_fit[:2], *of_each, "contour_mu_top_vs_mu_v"]


def test_cutflows_of_samples_with_cuts_of_their_own():
    """Triggers, certified blocks, and skims, whose first line has another name."""
    simulated = ["all (before the skim)", "has fat jet", "HT", "MET"]
    data = ["all", "golden JSON", "trigger", "has fat jet", "HT"]
    assert cutflow.all_steps([simulated, data]) == [
        "all (before the skim)", "golden JSON", "trigger", "has fat jet", "HT", "MET",
    ]  # fmt: skip
    assert cutflow.all_steps([data, simulated])[0] == "all"


def test_labels_and_colours():
    assert axis_label("msoftdrop") == "Soft-drop mass [GeV]"
    assert axis_label("sqrt_d12") == r"$\sqrt{d_{12}}$ [GeV]"
    assert axis_label("c2") == "$C_2$"
    assert axis_label("ht") == "$H_T$ [GeV]"
    assert axis_label("p_top") == "p_top"
    classes = ["top", "w", "z", "higgs"]
    bdt = families()["bdt"].block().scores(classes)
    assert score_label("p_top", bdt) == "BDT score for top quark"
    assert score_label("p_w + p_z", bdt, "deep") == "BDT score for W boson + Z boson (deep)"
    assert score_label("p_higgs", bdt) == "BDT score for higgs"
    ucluster = families()["ucluster"].block().scores(classes)
    assert score_label("dist_2", ucluster) == "Distance to cluster 2"
    assert score_label("mass_bin", ucluster) == "Mass bin"
    of_another = [Score("of_top", Role.PROBABILITY, "network output", "top")]
    assert score_label("of_top", of_another) == "Network output for top quark"
    known = ["top", "w", "z", "quark", "gluon", "unmatched", "higgs", "other"]
    assert len({colour(name, known[6:]) for name in known}) == len(known)
    # QCD of the composition had the colour of top.
    classes = ["top", "bosons", "qcd", "higgs"]
    assert len({colour(name, classes) for name in classes}) == 4
    assert colour("top", classes) == colour("top", ["top"])
    assert name_of("qcd") == "QCD" and colour("qcd", ["qcd"]) == colour("dijet", [])


def test_equal_plots_are_equal_files(tmp_path):
    factory.write_run(tmp_path, events=20)
    cutflows = [tmp_path / f"select/nominal/{name}.json" for name in factory.SAMPLES]
    data = read_json(cutflows[0])
    data["cutflow"].pop(2)  # a cut that this sample's input does not allow
    write_json(cutflows[0], data)
    for name in ("a", "b"):
        files = PlotCutflow.Files(cutflows=cutflows, plot=tmp_path / f"{name}.png")
        cutflow.run(PlotCutflow(label=("test", "13 TeV")), files)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("tables", "wanted"),
    [(False, "Expected events per fb$^{-1}$"), (True, "Expected rows (relative)")],
)
def test_rows_of_tables_correspond_to_no_luminosity(tables, wanted):
    steps = [{"name": "all", "events": 10, "expected": 2.5}]
    with style():
        figure = cutflow.cutflow({"kaon": {"cutflow": steps}}, Label(), tables=tables)
    assert figure.axes[0].get_ylabel() == wanted


def test_history_of_nested_lists():
    nested = {"history": {"train": {"mlogloss": [1.0, 0.5]}, "validation": {"mlogloss": [1, 0.7]}}}
    with style():
        figure = models.history(nested, "Step", Label())
    assert figure.axes[-1].get_xlabel() == "Step"
    lines = [line.get_label() for line in figure.axes[0].lines]
    assert lines == ["train mlogloss", "validation mlogloss"]


def test_messages():
    with pytest.raises(BoostflowError, match="no history"):
        models.history({"history": {"rate": [1.0]}}, "Epoch", Label())
    with pytest.raises(BoostflowError, match="no feature importance"):
        importance({}, Label())


def test_plots_and_evaluation_do_not_import_training_libraries():
    code = (
        "import sys, boostflow.evaluate.run, boostflow.infer.run, boostflow.plots.fit;"
        "print({'tensorflow', 'xgboost', 'keras', 'onnxruntime'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(("scale", "high"), [(1.0, False), (30.0, True)])
def test_data_outside_of_the_ratio_panel_are_arrows(scale, high):
    """On a linear and on a logarithmic panel, whose ranges follow the expectation."""
    background = {"values": [100.0, 80.0, 60.0, 40.0], "errors": [2.0] * 4}
    signal = {"values": [1.0, 1.0, 1.0, 1.0], "errors": [0.1] * 4}
    total = {"values": [101.0, 81.0, 61.0, 41.0], "errors": [2.0] * 4}
    yields = {
        "edges": [0, 50, 100, 150, 200],
        "data": [101.0 * scale, 8.0, 61.0, 0.0],
        "prefit": {"top": signal, "quark": background, "total": total},
    }
    pois = {"mu": {"samples": ["top"], "value": 1.0}}
    fit = {"pois": pois, "variable": "msoftdrop", "data": "observed"}
    with style():
        low = plots_fit.region("pass", yields, fit, "prefit", Label("boostflow")).axes[1]
    assert (low.get_yscale() == "log") == high
    (arrows,) = (line for line in low.lines if line.get_marker() == "v")
    assert arrows.get_xdata().tolist() == [75, 175]
    # None is drawn where all points lie inside.
    yields["data"] = total["values"]
    with style():
        low = plots_fit.region("pass", yields, fit, "prefit", Label("boostflow")).axes[1]
    assert not [line for line in low.lines if line.get_marker() in ("v", "^")]
