"""The complete chain with the real snakemake and horovodrun, on config/test.yaml."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import yaml

from support.analyses import Analysis, shipped_test_config

BROWSER = shutil.which("chromium")
BEFORE_FIT = ("simulate", "ingest", "select", "train_bdt", "train_ucluster", "score", "templates")


def test_the_chain_leaves_its_results(chain: Analysis) -> None:
    summary = json.loads((chain.out / "summary.json").read_text())
    assert {"bdt", "ucluster"} <= set(summary["models"])
    for path in (
        "inference/fit.json",
        "inference/workspace.json",
        "inference/yields.json",
        "inference/yields.tex",
        "inference/hepdata/submission.yaml",
        "plots/inference/limit_mu_top.png",
        "plots/inference/limit_mu_v.png",
        "plots/inference/measurement.png",
        "overview.html",
        "plots/inference/postfit_top.png",
        "plots/inference/postfit_v.png",
        "inference/transfer.json",
        "evaluation/bdt.json",
        "evaluation/ucluster.json",
        "evaluation/systematics/bdt.json",
        "comparison.json",
        "inference/health.json",
        "plots/inference/health.png",
        "plots/comparison.png",
        "models/bdt/nominal/model.ubj",
        "models/ucluster/nominal/manifest.json",
        "plots/cutflow.png",
        "config.yaml",
        "systematics.yaml",
    ):
        assert (chain.out / path).stat().st_size > 0


def test_the_terminal_shows_progress_and_the_result(chain: Analysis) -> None:
    jobs = re.search(r"^(\d+) of (\d+) jobs done", chain.printed, re.M)
    assert jobs[1] == jobs[2]
    assert "Reason" not in chain.printed
    assert "mu_top = " in chain.printed
    assert "mu_v = " in chain.printed
    assert "(stat)" in chain.printed
    assert "(exp)" in chain.printed
    assert "(model)" in chain.printed


def test_a_second_run_does_nothing(chain: Analysis) -> None:
    done = chain.snakemake()
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout


def test_ucluster_was_trained_by_horovodrun(chain: Analysis) -> None:
    log = (chain.out / "logs/models/ucluster/nominal.log").read_text()
    assert "[0]<stderr>" in log
    assert "[1]<stderr>" in log


def test_the_record_tells_what_was_run(chain: Analysis) -> None:
    record = json.loads((chain.out / "provenance.json").read_text())
    assert {"boostflow", "commit", "config_hash", "seed", "versions"} <= record.keys()
    assert record["versions"]["pythia8mc"]
    resolved = yaml.safe_load((chain.out / "config.yaml").read_text())
    assert resolved["simulation"]["mpi"] is False
    assert resolved["select"]["fatjet"]["pt"] == [800.0, 1200.0]


@pytest.fixture
def other(chain: Analysis) -> Analysis:
    """The finished run, with a configuration that a test may change."""
    return Analysis(chain.folder, shipped_test_config())


def test_removing_a_systematic_runs_only_the_fit(other: Analysis, tmp_path: Path) -> None:
    declared = yaml.safe_load(Path(other.config["systematics"]).read_text())
    del declared["jes"]
    path = tmp_path / "systematics.yaml"
    path.write_text(yaml.safe_dump(declared, sort_keys=False))
    other.config["systematics"] = str(path)
    jobs = other.planned()
    fit = {"infer", "plot_fit", "fit_tables", "health", "plot_health"}
    fit |= {"check_transfer", "plot_transfer"}
    figures = {"evaluate_systematics_bdt", "plot_systematics_bdt"}
    assert jobs.keys() == fit | figures | {"summary", "provenance", "default"}


def test_a_changed_title_draws_the_fit_again(other: Analysis, tmp_path: Path) -> None:
    declared = yaml.safe_load(Path(other.config["systematics"]).read_text())
    declared["jes"]["title"] = "JES"
    path = tmp_path / "systematics.yaml"
    path.write_text(yaml.safe_dump(declared, sort_keys=False))
    other.config["systematics"] = str(path)
    drawn = {"plot_fit", "fit_tables", "plot_health", "plot_systematics_bdt"}
    # The page that the report opens with shows a plot of the fit.
    assert other.planned().keys() == {*drawn, "summary", "provenance", "default"}


def test_a_changed_luminosity_keeps_everything_before_the_templates(other: Analysis) -> None:
    other.config["luminosity"] = 300.0
    jobs = other.planned()
    assert jobs["templates"] == 9
    assert not jobs.keys() & set(BEFORE_FIT[:-1])


def test_another_depth_trains_only_the_bdt(other: Analysis) -> None:
    other.config["models"] = {**other.config["models"]}
    other.config["models"]["bdt"] = {**other.config["models"]["bdt"], "max_depth": 5}
    jobs = other.planned()
    # The variation of the depth sets it itself: its training does not change.
    assert jobs["train_bdt"] == 1
    assert not jobs.keys() & {"simulate", "ingest", "select", "train_ucluster"}


def test_the_report_is_one_file_that_needs_no_network(chain: Analysis) -> None:
    done = chain.snakemake("--report", str(chain.folder / "report.html"))
    assert done.returncode == 0, done.stdout[-3000:]
    text = (chain.folder / "report.html").read_text()
    assert len(text) > 500_000
    for category in ("Summary", "Selection", "Models", "Inference", "Systematics"):
        assert category in text
    # It opens with a page in the description of the workflow, which docutils has left whole.
    description = text[text.index('<script id="workflow-desc">') :]
    page = html.unescape(json.loads(re.search(r"var workflow_desc = (.*);", description)[1]))
    pois = json.loads((chain.out / "summary.json").read_text())["fit"]["pois"]
    assert page.index("What was measured") < page.index("μ") < page.index("What is flagged")
    for result in pois.values():
        expected = result["significance"]["expected"]
        assert f"discovery significance (expected): {expected:.2f}" in page
    assert "system-message" not in page


@pytest.mark.skipif(BROWSER is None, reason="no chromium here")
def test_a_browser_opens_the_report_on_what_was_measured(chain: Analysis) -> None:
    report = chain.folder / "browser.html"
    assert chain.snakemake("--report", str(report)).returncode == 0
    command = [str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    wait = "--virtual-time-budget=10000"
    done = subprocess.run([*command, wait, f"file://{report}"], capture_output=True, text=True)
    frame = re.search(r'<iframe class="measured"[^>]*style="height: (\d+)px', done.stdout)
    # The page within has told how high it is, so that it is shown as a whole.
    assert frame is not None and int(frame[1]) > 700


def test_the_same_seed_gives_the_same_jets_whatever_the_cores(
    chain: Analysis, tmp_path: Path
) -> None:
    again = Analysis(tmp_path, shipped_test_config())
    done = again.snakemake("out/scores/bdt/nominal.parquet", cores=1)
    assert done.returncode == 0, done.stdout[-3000:]
    for pattern in ("select/nominal/*.parquet", "scores/bdt/nominal.parquet"):
        files = sorted(chain.out.glob(pattern))
        assert files
        for file in files:
            same(ak.from_parquet(file), ak.from_parquet(again.out / file.relative_to(chain.out)))
    for file in sorted(chain.out.glob("select/nominal/*.json")):
        assert file.read_text() == (again.out / file.relative_to(chain.out)).read_text()


def same(one: ak.Array, two: ak.Array) -> None:
    """Equal bit for bit, column by column."""
    assert one.fields == two.fields
    for name in one.fields:
        a, b = ak.flatten(one[name], axis=None), ak.flatten(two[name], axis=None)
        if np.asarray(a[:1].to_list()).dtype.kind == "U":
            assert a.to_list() == b.to_list()
        else:
            assert ak.to_numpy(a).tobytes() == ak.to_numpy(b).tobytes(), name


def test_strictness_ends_the_run_when_all_else_is_there(chain: Analysis, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(chain.folder, folder, symlinks=True)
    strict = Analysis(folder, shipped_test_config())
    strict.config["infer"] = {**strict.config["infer"], "strict": True}
    done = strict.snakemake()
    # A few hundred events: effects within their errors are certain.
    assert done.returncode != 0
    assert "infer.strict: what needs a look" in done.stdout
    assert "insignificant: " in done.stdout
    assert "Traceback" not in done.stdout
    assert not (folder / "out/inference/healthy").exists()
    summary = json.loads((folder / "out/summary.json").read_text())
    assert summary["health"]["counts"]["insignificant"] > 0
    done = strict.snakemake("--report", str(folder / "report.html"))
    assert done.returncode == 0, done.stdout[-3000:]
    assert "inference/health.txt" in (folder / "report.html").read_text()
    strict.config["infer"] = {**strict.config["infer"], "strict": ["nan"]}
    done = strict.snakemake()
    assert done.returncode == 0, done.stdout[-3000:]
    assert (folder / "out/inference/healthy").exists()


def test_a_failure_loses_nothing_and_says_why(chain: Analysis, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(chain.folder, folder, symlinks=True)
    broken = Analysis(folder, shipped_test_config())
    (folder / "out/samples/nominal/w/0.root").write_bytes(b"not a ROOT file")
    done = broken.snakemake("--keep-going")
    assert done.returncode != 0
    assert "w/0.root: not a readable ROOT file" in done.stdout
    assert "Traceback" not in done.stdout
    assert (folder / "out/select/nominal/top.parquet").stat().st_size > 0
    assert (folder / "out/models/bdt/nominal/model.ubj").stat().st_size > 0


def test_a_region_without_events_is_named(chain: Analysis) -> None:
    config = shipped_test_config()
    config["templates"] = {
        "regions": {"pass": {"range": [0.99999, 1]}, "fail": {"range": [0, 0.99999]}}
    }
    run = Analysis(chain.folder, config)
    stamp = newest(chain.out / "models")
    done = run.snakemake("out/templates/nominal.root")
    assert done.returncode != 0
    assert "pass" in done.stdout.split("error:")[-1]
    assert "Traceback" not in done.stdout
    # Nothing that was there before is lost or made again.
    assert newest(chain.out / "models") == stamp
    assert (chain.out / "scores/bdt/nominal.parquet").stat().st_size > 0


def newest(folder: Path) -> float:
    """The age of the youngest file below a folder."""
    return max(path.stat().st_mtime for path in folder.rglob("*") if path.is_file())
