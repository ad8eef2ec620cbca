"""The real snakemake, in folders of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.analyses import Analysis, shipped_test_config


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    """The complete chain on config/test.yaml, run once."""
    analysis = Analysis(tmp_path_factory.mktemp("chain"), shipped_test_config())
    done = analysis.snakemake()
    assert done.returncode == 0, done.stdout[-6000:]
    analysis.printed = done.stdout
    return analysis


@pytest.fixture
def analysis(tmp_path: Path) -> Callable[[dict[str, Any]], Analysis]:
    """Makes an analysis of any configuration."""

    def make(config: dict[str, Any]) -> Analysis:
        return Analysis(tmp_path, config)

    return make


@pytest.fixture(scope="session")
def htcondor(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables with which snakemake finds its plugin for HTCondor, in a folder of its own."""
    folder = tmp_path_factory.mktemp("htcondor")
    lock = repository / "envs/htcondor.lock"
    install = [
        *("uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r", str(lock))
    ]
    done = subprocess.run(
        [sys.executable, "-m", *install, "--python", sys.executable, "--target", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}
