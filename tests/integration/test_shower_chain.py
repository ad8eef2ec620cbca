"""Showers with the real snakemake: simulated, generated, judged, and told apart by their shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import yaml

from boostflow.calorimeter import make
from boostflow.io import read_json, read_parquet
from support.analyses import REPOSITORY, Analysis

pytestmark = pytest.mark.slow


def test_the_shipped_analysis_made_small(analysis: Callable[[dict[str, Any]], Analysis]) -> None:
    config = yaml.safe_load((REPOSITORY / "config/showers.yaml").read_text())
    for sample in config["samples"].values():
        sample |= {"parts": 1, "events": 150}
        sample["generator"] |= {"high": 4.0}
    # Photons from a file, as of another program.
    folder = analysis(config).out.parent
    make.run(folder / "photons.hdf5", "photon", 150, (1.0, 4.0), 5)
    config["samples"]["photon"] = {
        **{"source": "calogan", "files": [str(folder / "photons.hdf5")], "label": "photon"}
    }
    config["models"]["parametrisation"] |= {"bins": 2, "evaluations": 60}
    config["models"]["copula"] |= {"bins": 4, "quantiles": 20}
    config["models"]["splits"] |= {"hidden": [8], "epochs": 2}
    for name in ("pions", "photons"):
        del config["models"][name]
    config["models"]["identification"] |= {"rounds": 20}
    config["evaluate"] |= {"bootstrap": 20}
    run = analysis(config)
    done = run.snakemake()
    assert done.returncode == 0, done.stdout[-4000:]

    figures = read_json(run.out / "evaluation/parametrisation.json")
    assert 20 <= figures["showers"] < 90
    for one in figures["told_apart"].values():
        assert 0.3 < one["value"] <= 1 and one["error"] > 0
    (row,) = figures["energy"]
    assert row["simulated"]["value"] == pytest.approx(1, abs=0.03)
    assert row["generated"]["value"] == pytest.approx(1, abs=0.05)
    scores = read_parquet(run.out / "scores/parametrisation/nominal.parquet")
    of_photons = scores[scores.sample == "photon"]
    assert np.nanmean(of_photons.generated_response) == pytest.approx(1, abs=0.05)
    for plot in ("shapes", "resolution", "mean_showers", "showers", "history"):
        assert (run.out / f"plots/parametrisation/{plot}.png").stat().st_size > 5_000
    assert read_json(run.out / "evaluation/identification.json")["auc"]["pion"]["value"] > 0.9
    assert "tell generated showers" in (run.out / "summary.txt").read_text()
    assert run.planned() == {}
