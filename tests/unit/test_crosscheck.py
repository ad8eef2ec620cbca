"""Other regions compared: one bin against formulas, and what two files come to."""

from __future__ import annotations

from pathlib import Path

import hist
import numpy as np
import pytest
import uproot

from boostflow.config.statistics import Infer
from boostflow.errors import BoostflowError
from boostflow.infer.crosscheck import crosscheck, sensitivity
from boostflow.io import read_json
from boostflow.templates.files import Template, write


def template(values: list[float], variances: list[float]) -> Template:
    return Template(np.array(values), np.array(variances), np.arange(len(values) + 1.0), "mass")


def test_one_bin_is_a_counting_experiment() -> None:
    templates = {"pass": {"top": template([50], [0]), "qcd": template([100], [0])}}
    found = sensitivity(templates, ["top"], 0.5)
    assert found["significance"] == pytest.approx(4.6518, abs=1e-4)
    assert found["error"] == pytest.approx(np.sqrt(150) / 50)
    assert found["yields"] == {"pass": {"signal": 50, "background": 100}}


def test_simulated_statistics_count_as_background_uncertainty() -> None:
    templates = {"pass": {"top": template([50], [0]), "qcd": template([100], [49])}}
    found = sensitivity(templates, ["top"], 0.5)
    assert found["significance"] == pytest.approx(3.7195, abs=1e-4)
    assert found["error"] == pytest.approx(np.sqrt(199) / 50)


def test_regions_add_up() -> None:
    one = {"top": template([50], [0]), "qcd": template([100], [0])}
    found = sensitivity({"a": one, "b": one}, ["top"], 0.5)
    assert found["significance"] == pytest.approx(np.sqrt(2) * 4.6518, abs=1e-4)


def test_files_are_compared(tmp_path: Path) -> None:
    axis = hist.axis.Regular(1, 0, 1, name="mass", flow=False)
    for name, background in (("nominal", 400), ("other", 100)):
        histograms = {}
        for sample, value in (("top", 50.0), ("qcd", float(background))):
            histograms["pass", sample] = hist.Hist(axis, storage=hist.storage.Weight())
            histograms["pass", sample].fill([0.5] * 1000, weight=value / 1000)
        write(tmp_path / f"{name}.root", histograms)
    config = Infer(signal=["top"])
    crosscheck(tmp_path / "nominal.root", tmp_path / "other.root", tmp_path / "x.json", config)
    found = read_json(tmp_path / "x.json")
    assert found["instead"]["significance"] > 1.5 * found["regions"]["significance"]
    with uproot.update(tmp_path / "nominal.root") as file:
        file["pass/data"] = file["pass/qcd"].to_hist()
    crosscheck(
        tmp_path / "nominal.root", tmp_path / "other.root", tmp_path / "x.json", config, ["data"]
    )
    assert read_json(tmp_path / "x.json") == found
    with pytest.raises(BoostflowError, match="no such file"):
        crosscheck(tmp_path / "no.root", tmp_path / "other.root", tmp_path / "y.json", config)
    assert not (tmp_path / "y.json").exists()


def test_a_region_without_background_is_a_note() -> None:
    full = {"top": template([50], [0]), "qcd": template([100], [0])}
    empty = {"top": template([50], [0]), "qcd": template([0], [0])}
    found = sensitivity({"pass": full, "fail": empty}, ["top"], 0.5)
    assert found["significance"] == pytest.approx(4.6518, abs=1e-4)
    assert found["notes"] == ["region fail has no expected background: left out"]
    found = sensitivity({"pass": empty}, ["top"], 0.5)
    assert found["error"] is None and found["significance"] is None
    assert found["notes"][-1] == "no region has signal and background"
