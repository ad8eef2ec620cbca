"""The jobs that snakemake would run, without running any."""

from pathlib import Path

import pytest

from support.plans import CONFIG, Plan


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Two simulated samples of two parts each, both models, no systematics."""
    return Plan(tmp_path, CONFIG, {})
