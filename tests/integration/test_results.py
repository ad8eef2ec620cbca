"""Results of the chain, read from Python and in the example notebook."""

from __future__ import annotations

import json
from pathlib import Path

import awkward as ak
import nbformat
import numpy as np
import pyarrow.parquet
import pytest
import uproot
from nbclient import NotebookClient

import boostflow
from boostflow.errors import BoostflowError
from boostflow.infer.datacard import LEAST, run
from boostflow.results import Results
from support.analyses import REPOSITORY, Analysis
from support.datacardchecks import same
from support.datacards import read

NOTEBOOK = REPOSITORY / "docs" / "notebooks" / "results.ipynb"


@pytest.fixture(scope="module")
def results(chain: Analysis) -> Results:
    return boostflow.open(chain.out)


def test_names_are_those_of_the_configuration(results: Results, chain: Analysis) -> None:
    assert set(results.samples) == {path.stem for path in chain.out.glob("select/nominal/*.json")}
    assert {"bdt", "ucluster"} <= set(results.models)
    assert sorted(results.regions) == ["fail", "top", "v"]
    assert results.shifts["jes_up"].endswith(", up")
    assert "jes_up" in repr(results)


def test_jets_are_those_of_the_selection(results: Results, chain: Analysis) -> None:
    for shift in ("nominal", "jes_up"):
        path = chain.out / f"select/{shift}/top.parquet"
        table = pyarrow.parquet.read_table(path, columns=["pt"])
        jets = results.jets("top", shift, ["pt", "weight"])
        assert jets.fields == ["pt", "weight"]
        assert np.array_equal(ak.to_numpy(jets.pt), table["pt"].to_numpy())
    assert "pf_pt" in results.jets("top").fields


def test_scores_are_in_the_order_of_the_jets(results: Results) -> None:
    for shift in ("nominal", "jes_up"):
        jets = results.jets("w", shift, ["event_id", "jet_index"])
        scores = results.scores("bdt", shift, sample="w")
        assert ak.all(scores.event_id == jets.event_id)
        assert ak.all(scores.jet_index == jets.jet_index)
    assert len(results.scores("bdt")) > len(scores)


def test_a_file_that_a_shift_does_not_touch_is_the_nominal_one(results: Results) -> None:
    kinds = {name: v.declared.kind for name, v in results.variations.by_name.items()}
    weighted = [name for name, kind in kinds.items() if kind == "weight"]
    trained = [name for name, kind in kinds.items() if kind == "model"]
    nominal = results.jets("top", columns=["weight"])
    assert ak.all(results.jets("top", trained[0], ["weight"]).weight == nominal.weight)
    factor = results.variations.by_name[weighted[0]].change
    jets = results.jets("top", weighted[0], ["weight", factor])
    assert ak.all(jets.weight == nominal.weight * jets[factor])
    assert ak.any(jets.weight != nominal.weight)


def test_templates_are_histograms_with_shifts_by_name(results: Results, chain: Analysis) -> None:
    templates = results.templates("top")
    assert templates.axes.name == ("process", "shift", "msoftdrop")
    for shift in ("nominal", "jes_up"):
        with uproot.open(chain.out / f"templates/{shift}.root") as file:
            for process in templates.axes["process"]:
                found, stored = templates[process, shift, :], file[f"top/{process}"]
                assert np.array_equal(found.values(), stored.values())
                assert np.array_equal(found.variances(), stored.variances())


def test_the_fit_is_there_as_workspace_and_values(results: Results, chain: Analysis) -> None:
    written = json.loads((chain.out / "inference/workspace.json").read_text())
    assert dict(results.workspace()) == written
    assert results.yields["top"].keys() >= {"prefit", "postfit"}
    poi, result = next(iter(results.fit["pois"].items()))
    assert results.figures[poi] == (result["value"], result["error"])
    auc = results.evaluation("bdt")["auc"]["top"]
    assert results.figures["bdt.auc.top"] == (auc["value"], auc["error"])
    assert results.record["seed"] == results.config.seed


def test_the_datacard_expects_what_the_workspace_does(chain: Analysis, tmp_path: Path) -> None:
    spec = json.loads((chain.out / "inference/workspace.json").read_text())
    card = read(run(chain.out, tmp_path / "card"))
    # Systematics and statistical errors up and down, parameters of interest and of the transfer.
    assert same(spec, card, LEAST) > 40
    assert {poi for _, poi in card.maps} == {"mu_top", "mu_v"}
    assert "jes" in card.groups["exp"]
    for observation in spec["observations"]:
        assert np.array_equal(card.observed[observation["name"]], observation["data"])


def test_unknown_names_get_one_message(results: Results) -> None:
    for ask, message in (
        (lambda: results.jets("tau"), r"no sample tau; there are .*\btop\b"),
        (lambda: results.jets("top", "jec_up"), "no shift jec_up; there are nominal, "),
        (lambda: results.scores("net"), "no model net; there are"),
        (lambda: results.scores("bdt", sample="tau"), "no sample tau"),
        (lambda: results.templates("sr"), r"no region sr; there are (\w+, ){2}\w+$"),
        (lambda: results.jets("top", columns=["mas"]), "no column mas"),
    ):
        with pytest.raises(BoostflowError, match=message):
            ask()


def test_the_notebook_runs_on_results(
    chain: Analysis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    (tmp_path / "results").symlink_to(chain.out)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "commit it without outputs"
    folder = {"metadata": {"path": str(tmp_path)}}
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources=folder)
    done = client.execute()
    outputs = [output for cell in done.cells for output in cell.get("outputs", [])]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    printed = "".join(output.get("text", "") for output in outputs)
    assert len(pictures) == 2
    assert "mu_top = " in printed
    assert "bdt.auc.top" in printed
