"""The slurm profile and the site template, read by the real snakemake."""

from __future__ import annotations

import os
import re
from pathlib import Path
from unittest import mock

import pytest
import yaml

from support.analyses import REPOSITORY, Analysis, shipped_test_config
from support.plans import CONFIG

PROFILES = REPOSITORY / "profiles"
SLURM = ("--profile", str(PROFILES / "slurm"))
CONDOR = ("--profile", str(PROFILES / "htcondor"))


@pytest.mark.parametrize(
    ("profiles", "cluster_jobs", "verbose"),
    [
        (("--profile", str(PROFILES / "local")), None, "1"),
        (SLURM, 18, "0"),
        (CONDOR, 18, "0"),
        ((*SLURM, "--workflow-profile", str(PROFILES / "site-template")), 18, "1"),
        # It takes the place of all counts of the profile: each part of a sample has its own job.
        ((*SLURM, "--group-components", "parts=1"), 34, "0"),
    ],
)
def test_a_dry_run_says_how_many_cluster_jobs_there_are(
    tmp_path: Path,
    profiles: tuple[str, ...],
    cluster_jobs: int | None,
    verbose: str,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.setenv("VERBOSE", verbose)
    if profiles == CONDOR:
        for name, value in request.getfixturevalue("htcondor").items():
            monkeypatch.setenv(name, value)
    analysis = Analysis(tmp_path, shipped_test_config())
    done = analysis.snakemake("--dry-run", *profiles)
    assert done.returncode == 0, done.stdout
    found = re.findall(r"^(\d+) cluster jobs for (\d+) jobs of Snakemake$", done.stdout, re.M)
    # The last rule, which makes nothing, is no job of the cluster.
    total = re.search(r"^total +(\d+)$", done.stdout, re.M)
    expected = [] if cluster_jobs is None else [(str(cluster_jobs), str(int(total[1]) - 1))]
    assert found == expected
    # Snakemake's own messages show each job, where it is submitted in its group.
    assert ("Group job" in done.stdout) == (verbose == "1" and cluster_jobs is not None)


def test_htcondor_is_asked_for_memory_and_gpus(tmp_path: Path) -> None:
    """Of each rule as its `mem_mb`, grown with the attempt; GPUs of the Horovod training."""
    from snakemake.api import SnakemakeApi
    from snakemake.settings.types import (
        ConfigSettings,
        DAGSettings,
        OutputSettings,
        Quietness,
        ResourceSettings,
    )

    profile = yaml.safe_load((PROFILES / "htcondor/config.yaml").read_text())
    config = tmp_path / "config.yaml"
    config.write_text(
        yaml.safe_dump({**CONFIG, "infer": None, "systematics": None, "output": "out"})
    )
    settings = ResourceSettings(
        cores=profile["cores"],
        nodes=profile["jobs"],
        default_resources=profile["default-resources"],
        overwrite_resources=profile["set-resources"],
    )
    with (
        mock.patch.dict(os.environ),  # of which the Snakefile tells its jobs some
        SnakemakeApi(OutputSettings(quiet={Quietness.ALL}, dryrun=True)) as api,
    ):
        workflow = api.workflow(
            resource_settings=settings,
            config_settings=ConfigSettings(configfiles=[config]),
            snakefile=REPOSITORY / "Snakefile",
            workdir=tmp_path,
        )
        dag = workflow.dag(dag_settings=DAGSettings())
        dag.execute_workflow(executor="dryrun")
        jobs = [job for job in workflow._workflow.dag.jobs if not job.rule.norun]
    for job in jobs:
        assert job.resources.get("htcondor_request_mem_mb") == job.resources.get("mem_mb")
    asked = {job.rule.name: job.resources for job in jobs}
    assert asked["select"].get("htcondor_request_mem_mb") == 2000
    assert asked["list_parts"].get("htcondor_request_mem_mb") == 500
    gpus = {rule: named.get("request_gpus") for rule, named in asked.items()}
    assert {rule: number for rule, number in gpus.items() if number} == {"train_ucluster": 2}
    again = next(job for job in jobs if job.rule.name == "select")
    again.attempt = 2
    again.reset_params_and_resources()
    assert again.resources.get("htcondor_request_mem_mb") == 4000
