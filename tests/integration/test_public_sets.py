"""The shipped configurations for public sets, with the real snakemake."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import yaml

from boostflow.io import read_parquet
from support.analyses import REPOSITORY, Analysis
from support.hdf5files import dijets, sprays, write_hls4ml, write_lhco
from support.jetfiles import write_jetclass, write_toptag


def test_both_sets_go_to_the_cutflow(analysis: Callable[[dict[str, Any]], Analysis]) -> None:
    lhco, hls4ml = (
        yaml.safe_load((REPOSITORY / f"config/examples/{name}.yaml").read_text())
        for name in ("lhco", "hls4ml")
    )
    select = {"fatjet": lhco["select"]["fatjet"], "event": hls4ml["select"]["event"]}
    config = {
        "samples": {"signal": lhco["samples"]["signal"], "w": hls4ml["samples"]["w"]},
        "select": select,
        "simulation": lhco["simulation"],
        "models": {},
        "systematics": None,
    }
    run = analysis(config)
    for name in ("lhco", "hls4ml"):
        (run.folder / "inputs" / name).mkdir(parents=True)
    label = np.arange(60) % 3 == 0
    write_lhco(run.folder / "inputs/lhco/events_anomalydetection_v2.h5", dijets(60), label)
    for part in range(2):
        file = run.folder / f"inputs/hls4ml/jetImage_{part}_100p_0_10000.h5"
        write_hls4ml(file, sprays(50, seed=part), [*"gqwzt"] * 10)
    done = run.snakemake()
    assert done.returncode == 0, done.stdout[-3000:]
    events = {"signal": 20, "w": 20}
    for name, number in events.items():
        cutflow = json.loads((run.out / f"select/nominal/{name}.json").read_text())
        assert cutflow["cutflow"][0]["events"] == number
        jets = read_parquet(run.out / f"select/nominal/{name}.parquet")
        assert len(jets) > number / 2
        assert set(jets.label.to_list()) == {name}
        expected = 1000 * config["samples"][name]["xsec"]
        assert cutflow["cutflow"][0]["expected"] == pytest.approx(expected)
    assert set(jets.luminosityBlock.to_list()) == {1, 2}
    printed = " ".join(done.stdout.split())
    assert "MET is the negative sum of the particles" in printed
    assert "every jet is an event of its own" in printed
    assert (run.out / "plots/cutflow.png").stat().st_size > 10_000


def test_single_jets_go_to_an_evaluated_bdt(
    analysis: Callable[[dict[str, Any]], Analysis],
) -> None:
    """Both examples of single jets in one run; what there is to learn is the multiplicity."""
    toptag, jetclass = (
        yaml.safe_load((REPOSITORY / f"config/examples/{name}.yaml").read_text())
        for name in ("toptag", "jetclass")
    )
    samples = {"top": toptag["samples"]["top"], "qcd": jetclass["samples"]["qcd"]}
    del toptag["models"]["clusters"]  # trained in test_chain.py
    run = analysis({**toptag, "samples": samples, "select": jetclass["select"]})
    for name in ("toptag", "jetclass"):
        (run.folder / "inputs" / name).mkdir(parents=True)
    write_toptag(run.folder / "inputs/toptag/a_p4.npy", sprays(200), [1, 0] * 100)
    write_jetclass(run.folder / "inputs/jetclass/a.parquet", sprays(100, 30, seed=2), [187] * 100)
    done = run.snakemake()
    assert done.returncode == 0, done.stdout[-3000:]
    figures = json.loads((run.out / "evaluation/bdt.json").read_text())
    assert set(figures["auc"]) == {"top", "qcd"}
    assert figures["auc"]["top"]["value"] > 0.9
    assert (run.out / "plots/bdt/roc.png").stat().st_size > 10_000
    # The arrays beside the four-momenta are inputs, too.
    np.save(run.folder / "inputs/toptag/a_labels.npy", np.arange(200) % 2)
    assert run.planned()["ingest"] == 1
