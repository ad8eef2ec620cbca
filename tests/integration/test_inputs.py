"""Files that boostflow did not write, and input that is wrong, with the real snakemake."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import correctionlib
import numpy as np
import pytest
import yaml

from support.analyses import REPOSITORY, Analysis, shipped_test_config
from support.jets import NAME, RESOLUTION, SCALE_FACTOR, SOURCES, cms_layout
from support.rootfiles import columns_of, write_jets, write_nano, write_rntuple
from support.weights import with_pileup, write_pileup

Make = Callable[[dict[str, Any]], Analysis]


def test_the_cms_example_goes_to_the_cutflow(analysis: Make) -> None:
    config = yaml.safe_load((REPOSITORY / "config/examples/cms-nanoaod.yaml").read_text())
    run = analysis(config)
    for name in ("ttbar", "qcd", "data"):
        (run.folder / "inputs" / name).mkdir(parents=True)
    with_pileup(write_nano(run.folder / "inputs/ttbar/1.root", 80))
    with_pileup(write_nano(run.folder / "inputs/ttbar/2.root", 80, run=2, seed=2))
    with_pileup(write_nano(run.folder / "inputs/qcd/1.root", 80, constituents=True, seed=3))
    write_pileup(run.folder / "inputs/puWeights.json.gz")
    write_nano(run.folder / "inputs/data/1.root", 60, data=True, constituents=True)
    done = run.snakemake()
    assert done.returncode == 0, done.stdout[-3000:]
    cutflow = json.loads((run.out / "select/nominal/ttbar.json").read_text())
    assert cutflow["cutflow"][0]["events"] == 160
    *_, cuts, weighted = cutflow["cutflow"]
    assert weighted["name"] == "weights" and weighted["events"] == cuts["events"] > 0
    assert weighted["sumw"] != cuts["sumw"]
    assert cutflow["cutflow"][0]["expected"] == pytest.approx(833.9 * 1000)
    printed = " ".join(done.stdout.split())
    assert "observables from constituents, their variations, and models that need them" in printed
    assert "truth labels, training and ROC curves are off" in printed
    assert (run.out / "plots/cutflow.png").stat().st_size > 10_000


def test_other_trees_and_data_go_to_the_cutflow(analysis: Make) -> None:
    """The shipped examples: triggers and certified blocks, flat trees; and an RNTuple."""
    data, trees = (
        yaml.safe_load((REPOSITORY / f"config/examples/{name}.yaml").read_text())
        for name in ("cms-data", "other-trees")
    )
    samples = {**data["samples"], "w": trees["samples"]["w"]}
    run = analysis({**data, "samples": samples, "select": trees["select"]})
    for name in ("ttbar", "data", "jetclass"):
        (run.folder / "inputs" / name).mkdir(parents=True)
    triggers, flags = data["samples"]["jetht"]["triggers"], data["samples"]["jetht"]["flags"]
    bits = dict.fromkeys(triggers, 0.5) | dict.fromkeys(flags, 0.9)
    write_nano(run.folder / "inputs/ttbar/1.root", 80, bits=bits)
    columns = columns_of(write_nano(run.folder / "data.root", 80, data=True, bits=bits))
    columns["luminosityBlock"] = np.repeat(np.arange(8), 10).astype("u4")
    write_rntuple(run.folder / "inputs/data/1.root", columns, flat=False)
    (run.folder / "inputs/golden.json").write_text('{"1": [[0, 3]]}')
    for part in range(2):
        write_jets(run.folder / f"inputs/jetclass/WToQQ_{part}.root", seed=3 + part)
    done = run.snakemake()
    assert done.returncode == 0, done.stdout[-3000:]
    flow = {
        name: {
            step["name"]: step["events"]
            for step in json.loads((run.out / f"select/nominal/{name}.json").read_text())["cutflow"]
        }
        for name in samples
    }
    assert list(flow["ttbar"])[:4] == ["all", "trigger", "event flags", "has fat jet"]
    assert list(flow["jetht"])[:4] == ["all", "golden JSON", "trigger", "event flags"]
    assert (flow["jetht"]["all"], flow["jetht"]["golden JSON"]) == (80, 40)
    for name in samples:
        steps = list(flow[name].values())
        assert steps == sorted(steps, reverse=True) and steps[-1] > 0
    assert flow["w"]["all"] == 80
    assert (run.out / "plots/cutflow.png").stat().st_size > 10_000


def test_jets_of_cms_are_smeared_and_shifted(analysis: Make, tmp_path: Path) -> None:
    """The public layout: nominal smearing with the density, a source on top, data left alone."""
    from boostflow.io import read_parquet

    cms_layout(tmp_path / "jec.json.gz")
    names = {"resolution": NAME.format(RESOLUTION), "scale_factor": NAME.format(SCALE_FACTOR)}
    (tmp_path / "s.yaml").write_text(
        f"jes: {{kind: shift, correction: {NAME.format(SOURCES[0])}}}\n"
        "jer: {kind: shift, quantity: resolution}\n"
    )
    for name, density in (("mc", "Rho_fixedGridRhoFastjetAll"), ("data", None)):
        options = {"generator_jets": True, "rho": density} if density else {"data": True}
        write_nano(tmp_path / f"{name}.root", 80, **options)
    run = analysis(
        {
            **{"models": {}, "systematics": str(tmp_path / "s.yaml")},
            "samples": {
                "mc": {"source": "root", "files": [str(tmp_path / "mc.root")], "xsec": 1.0},
                "data": {"source": "root", "files": [str(tmp_path / "data.root")], "data": True},
            },
            "select": {
                "fatjet": {"pt": [250, 5000], "mass": [0, 500], "multiplicity_min": 0},
                "event": {"ht_min": 0, "met_max": None},
                **{"corrections": str(tmp_path / "jec.json.gz"), "smearing": names},
            },
        }
    )
    made = ("nominal/mc", "nominal/data", "jer_up/mc", "jes_up/mc")
    done = run.snakemake(*(f"out/select/{name}.parquet" for name in made))
    assert done.returncode == 0, done.stdout[-3000:]

    def column(path: str, name: str = "pt") -> dict[tuple[int, int], float]:
        rows = read_parquet(run.out / path)
        keys = zip(rows.event_id.to_list(), rows.jet_index.to_list(), strict=True)
        return dict(zip(keys, rows[name].to_list(), strict=True))

    before, smeared = column("ingest/nominal/mc/0.parquet"), column("select/nominal/mc.parquet")
    moved = [smeared[key] / before[key] for key in smeared]
    # 10 % off from the generator jet: times 1.1 or 1.2, up to 2 % more; others at random.
    assert 0.005 < abs(np.array(moved) - 1).mean() < 0.1
    up = column("select/jes_up/mc.parquet")
    direct = correctionlib.CorrectionSet.from_file(str(tmp_path / "jec.json.gz"))
    source, eta = direct[NAME.format(SOURCES[0])], column("ingest/nominal/mc/0.parquet", "eta")
    both = smeared.keys() & up.keys()
    assert len(both) > 50
    for key in both:
        size = source.evaluate(eta[key], smeared[key])
        assert up[key] == pytest.approx(smeared[key] * (1 + size), rel=1e-5)
    raw, data = column("ingest/nominal/data/0.parquet"), column("select/nominal/data.parquet")
    assert all(raw[key] == pt for key, pt in data.items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"luminosty": 1}, "config.yaml: luminosty: unknown key; did you mean 'luminosity'?"),
        ({"seed": "one"}, "config.yaml: seed: input should be a valid integer"),
        (
            {"samples": {"x": {"source": "root", "files": ["x.root"], "label": "x", "xsec": 1}}},
            "config.yaml: samples.x.files: no such file: x.root",
        ),
    ],
)
def test_wrong_keys_end_before_any_job(analysis: Make, change: dict, message: str) -> None:
    run = analysis({**shipped_test_config(), **change})
    done = run.snakemake()
    assert done.returncode != 0
    assert message in done.stdout
    assert "Traceback" not in done.stdout
    assert not run.out.exists()


def test_an_unknown_sample_in_a_variation(analysis: Make, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("jes: {kind: shift, correction: jes, samples: [topp]}")
    run = analysis({**shipped_test_config(), "systematics": "s.yaml"})
    done = run.snakemake()
    assert done.returncode != 0
    assert "s.yaml: jes.samples: unknown sample 'topp'; did you mean 'top'?" in done.stdout
    assert not run.out.exists()


def test_a_killed_run_goes_on_where_it_was(analysis: Make) -> None:
    import subprocess
    import sys

    run = analysis(shipped_test_config())
    run.snakemake("--dry-run")
    command = [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile")),
        *("--directory", str(run.folder), "--cores", "2", "out/select/nominal/top.parquet"),
        *("--configfile", str(run.folder / "config.yaml")),
    ]
    process = subprocess.Popen(
        command, cwd=run.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list(run.folder.glob("out/samples/nominal/top/.*")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, 9)
    process.wait()
    assert not list(run.folder.glob("out/samples/nominal/top/?.root"))
    assert run.snakemake("--unlock").returncode == 0
    done = run.snakemake("out/select/nominal/top.parquet", "--rerun-incomplete")
    assert done.returncode == 0, done.stdout[-3000:]
