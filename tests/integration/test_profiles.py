"""The slurm profile and the site template, read by the real snakemake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.analyses import REPOSITORY, Analysis, shipped_test_config

PROFILES = REPOSITORY / "profiles"
SLURM = ("--profile", str(PROFILES / "slurm"))


@pytest.mark.parametrize(
    ("profiles", "cluster_jobs", "verbose"),
    [
        (("--profile", str(PROFILES / "local")), None, "1"),
        (SLURM, 18, "0"),
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
) -> None:
    monkeypatch.setenv("VERBOSE", verbose)
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
