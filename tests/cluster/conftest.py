"""A real SLURM of two nodes, for as long as the tests run."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.slurmcluster import SCRIPT, Cluster, slurm


@pytest.fixture(scope="session", autouse=True)
def possible() -> None:
    """Skip where the cluster cannot be made; the reason says what is missing."""
    check = subprocess.run([SCRIPT, "check"], capture_output=True, text=True, check=False)
    if check.returncode:
        pytest.skip(check.stdout.strip())


@pytest.fixture(scope="session")
def cluster(
    possible: None, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """One SLURM for all tests."""
    with slurm(tmp_path_factory.mktemp("slurm"), repository) as running:
        yield running
