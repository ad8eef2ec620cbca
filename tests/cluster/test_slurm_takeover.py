"""What the jobs of a killed snakemake have finished without it is kept, or made again."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from boostflow.analysis import Analysis
from boostflow.config.load import load
from boostflow.jobs.chain import state
from boostflow.launch import SHIMS
from boostflow.takeover import NOTES, Run
from support.rootfiles import write_nano
from support.slurmcluster import Cluster, until

CONFIG = {
    "output": "out",
    "systematics": None,
    "models": {},
    "infer": None,
    "samples": {"w": {"source": "root", "files": ["w.root"], "label": "w", "xsec": 1.0}},
}
INGESTED, SELECTED = "out/ingest/nominal/w/0.parquet", "out/select/nominal/w.parquet"


def snakemake(cluster: Cluster, folder: Path, config: dict, *arguments: str) -> str:
    """What a snakemake on the head node prints; its jobs are this machine's."""
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    done = cluster.run(
        *(sys.executable, "-m", "snakemake", "--snakefile", str(cluster.repository / "Snakefile")),
        *("--configfile", "config.yaml", "--cores", "2", *arguments),
        folder=folder,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_results_without_a_record(
    cluster: Cluster, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where the configuration looks for files
    write_nano(tmp_path / "w.root")
    snakemake(cluster, tmp_path, CONFIG, INGESTED)
    made = (tmp_path / INGESTED).stat().st_mtime_ns
    records = tmp_path / ".snakemake/metadata"

    def die(config: dict) -> None:
        """As if a job had made the table after its snakemake was killed."""
        shutil.rmtree(records)
        checked, _ = load(config, repository, "config")
        made_by = state(Analysis(checked, {}, repository))
        dead = Run("head", 99_999, 1.0, made_by, config["output"], submits=True, boot="before")
        note = tmp_path / NOTES / f"{dead.name}.json"
        note.parent.mkdir(exist_ok=True)
        note.write_text(json.dumps(dead.__dict__))

    die(CONFIG)
    printed = snakemake(cluster, tmp_path, CONFIG, SELECTED)
    assert "results of 1 jobs that ended after it was killed are kept" in printed
    assert (tmp_path / INGESTED).stat().st_mtime_ns == made
    assert not list((tmp_path / NOTES).iterdir())

    # Recorded as if the run had lived: another configuration makes it again.
    other = {**CONFIG, "ingest": {"fatjet_pt_min": 150.0}}
    planned = snakemake(cluster, tmp_path, other, "--dry-run", SELECTED)
    assert re.search(r"^ingest +1$", planned, re.MULTILINE)

    # Also if a run with another output folder was there first.
    die(CONFIG)
    elsewhere = {**CONFIG, "output": "elsewhere"}
    snakemake(cluster, tmp_path, elsewhere, INGESTED.replace("out", "elsewhere", 1))
    snakemake(cluster, tmp_path, other, SELECTED)
    assert (tmp_path / INGESTED).stat().st_mtime_ns > made
    made = (tmp_path / INGESTED).stat().st_mtime_ns

    die(other)
    snakemake(cluster, tmp_path, CONFIG, SELECTED)
    assert (tmp_path / INGESTED).stat().st_mtime_ns > made


def test_a_job_that_slurm_has_forgotten_is_unknown(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(program: str, *arguments: str) -> list[str]:
        done = cluster.run(str(SHIMS / "submit" / program), *arguments, folder=tmp_path)
        assert done.returncode == 0, done.stdout
        return done.stdout.splitlines()

    (tmp_path / NOTES).mkdir(parents=True)
    name = "0b0b7c1e-0000-4000-8000-000000000000"
    (job,) = run("sbatch", "--parsable", "--job-name", name, "--output=/dev/null", "--wrap=true")
    jobs = tmp_path / NOTES / f"{name}.jobs"
    assert jobs.read_text() == f"{job}\n"
    jobs.write_text(f"{job}\n999999\n")
    states = ("--format=%i|%T", "--states=all", "--noheader", "--name", name)
    monkeypatch.setitem(cluster.environment, "SQUEUE_PARTITION", "gpu")  # not where it is
    known, forgotten = run("squeue", *states)
    assert known.startswith(f"{job}|") and forgotten == "999999|UNKNOWN"
    # Without accounting the same answer comes where the plugin asks for it.
    found = run("sacct", "-X", "--parsable2", "--format=JobIdRaw,State", "--name", name)
    assert [line.split("|")[0] for line in found] == [job, "999999"]


def test_waiting_jobs_are_cancelled_and_running_ones_end(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def submit(name: str, *options: str) -> str:
        words = ("sbatch", "--parsable", f"--job-name={name}", "--output=/dev/null", *options)
        return cluster.run(*words, "--wrap=sleep 10", folder=tmp_path).stdout.strip()

    name, comment = "0b0b7c1e-0000-4000-8000-000000000001", "--comment=rule_select"
    running = submit(name, comment)
    waiting = submit(name, comment, "--hold")
    others = [submit(name, "--hold"), submit("mine", comment, "--hold")]
    assert until(lambda: "JobState=RUNNING" in cluster.show(running, tmp_path), 60)
    # As the user may have set: who this is, and what squeue shows.
    monkeypatch.setitem(cluster.environment, "LOGNAME", "daemon")
    monkeypatch.setitem(cluster.environment, "SQUEUE_PARTITION", "gpu")
    code = f"from boostflow.takeover import settle_jobs; settle_jobs({str(tmp_path)!r}, keep=True)"
    done = cluster.run(sys.executable, "-c", code, folder=tmp_path)
    assert f"cancelling 1 of its SLURM jobs: {waiting}" in done.stdout
    assert f"which still run: {running} " in done.stdout
    assert "JobState=COMPLETED" in cluster.show(running, tmp_path)
    assert "JobState=CANCELLED" in cluster.show(waiting, tmp_path)
    for other in others:
        assert "JobState=PENDING" in cluster.show(other, tmp_path)
    cluster.run("scancel", *others, folder=tmp_path)
