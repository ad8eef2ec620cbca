"""What the jobs of a killed snakemake have finished without it is kept, or made again."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from boostflow.config.load import load
from boostflow.provenance import digest
from boostflow.takeover import NOTES, Run
from rootfiles import write_nano
from slurmcluster import Cluster

pytestmark = [pytest.mark.cluster, pytest.mark.integration]

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


def test_results_without_a_record(cluster: Cluster, repository: Path, tmp_path: Path) -> None:
    write_nano(tmp_path / "w.root")
    snakemake(cluster, tmp_path, CONFIG, INGESTED)
    made = (tmp_path / INGESTED).stat().st_mtime_ns
    records = tmp_path / ".snakemake/metadata"

    def die(config: dict) -> None:
        """As if a job had made the table after its snakemake was killed."""
        shutil.rmtree(records)
        checked, _ = load({**config}, repository, "config")
        dead = Run("head", 99_999, 1.0, digest(checked.model_dump(mode="json"), {}), submits=True)
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
    assert "Ingesting" in snakemake(cluster, tmp_path, other, "--dry-run", SELECTED)

    die(CONFIG)
    snakemake(cluster, tmp_path, other, SELECTED)
    assert (tmp_path / INGESTED).stat().st_mtime_ns > made
