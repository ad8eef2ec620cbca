"""Other regions compared: one bin against formulas, and what two files come to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import uproot

from boostflow.config.statistics import Infer
from boostflow.errors import BoostflowError
from boostflow.infer.crosscheck import run, sensitivity
from boostflow.io import read_json
from boostflow.jobs import statistics as jobs
from boostflow.templates.files import Template, TemplateSet
from support.fits import write_templates


def template(values: list[float], variances: list[float]) -> Template:
    return Template(np.array(values), np.array(variances), np.arange(len(values) + 1.0), "mass")


def test_one_bin_is_a_counting_experiment() -> None:
    templates = {"pass": {"top": template([50], [0]), "qcd": template([100], [0])}}
    found = sensitivity(templates, ["top"])
    assert found["significance"] == pytest.approx(4.6518, abs=1e-4)
    assert found["error"] == pytest.approx(np.sqrt(150) / 50)
    assert found["yields"] == {"pass": {"signal": 50, "background": 100}}


def test_simulated_statistics_count_as_background_uncertainty() -> None:
    templates = {"pass": {"top": template([50], [0]), "qcd": template([100], [49])}}
    found = sensitivity(templates, ["top"])
    assert found["significance"] == pytest.approx(3.7195, abs=1e-4)
    assert found["error"] == pytest.approx(np.sqrt(199) / 50)


def test_regions_add_up() -> None:
    one = {"top": template([50], [0]), "qcd": template([100], [0])}
    found = sensitivity({"a": one, "b": one}, ["top"])
    assert found["significance"] == pytest.approx(np.sqrt(2) * 4.6518, abs=1e-4)


def test_files_are_compared(tmp_path: Path) -> None:
    def regions(background: float) -> TemplateSet:
        samples = {
            "top": template([50], [2.5]),
            "qcd": template([background], [background**2 / 1000]),
        }
        return {"pass": samples}

    nominal, instead = write_templates(tmp_path, {"nominal": regions(400), "other": regions(100)})
    output = tmp_path / "x.json"

    def compare(nominal: Path, *data: str) -> None:
        files = jobs.Crosscheck.Files(nominal=nominal, instead=instead, figures=output)
        run(jobs.Crosscheck(infer=Infer(signal=["top"]), data=list(data)), files)

    compare(nominal)
    found = read_json(output)
    other, ours = (found[which]["mu"] for which in ("instead", "regions"))
    assert other["significance"] > 1.5 * ours["significance"]
    with uproot.update(nominal) as file:
        file["pass/data"] = file["pass/qcd"].to_hist()
    compare(nominal, "data")
    assert read_json(output) == found
    output.unlink()
    with pytest.raises(BoostflowError, match="no such file"):
        compare(tmp_path / "no.root")
    assert not output.exists()


def test_a_region_without_background_is_a_note() -> None:
    full = {"top": template([50], [0]), "qcd": template([100], [0])}
    empty = {"top": template([50], [0]), "qcd": template([0], [0])}
    found = sensitivity({"pass": full, "fail": empty}, ["top"])
    assert found["significance"] == pytest.approx(4.6518, abs=1e-4)
    assert found["notes"] == ["region fail has no expected background: left out"]
    found = sensitivity({"pass": empty}, ["top"])
    assert found["error"] is None and found["significance"] is None
    assert found["notes"][-1] == "no region has signal and background"
