"""Other models on the jets of a run that is there: a configuration beside it, and its files."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from boostflow.analysis import Analysis
from boostflow.config.load import load
from boostflow.config.yamlfile import read_configs
from boostflow.errors import BoostflowError

REPOSITORY = Path(__file__).resolve().parents[1]


def analysis(config: Path) -> Analysis:
    """The analysis of a configuration."""
    return Analysis(*load(read_configs([config]), REPOSITORY, str(config)), REPOSITORY)


def require(run: Analysis, config: Path, made: str) -> Path:
    """A path below the output of a run.

    Raises:
        BoostflowError: it is not there yet.
    """
    if not (path := Path(run.at(made))).exists():
        raise BoostflowError(f"{path}: is missing: `make run CONFIG={config}` first")
    return path


def declared(config: Path) -> dict[str, Any]:
    """What a configuration says itself."""
    return yaml.safe_load(config.read_text()) or {}


def beside(
    run: Analysis, config: Path, name: str, models: Mapping[str, Any], more: Mapping[str, Any]
) -> Path:
    """Write the configuration of other models in a folder of a run whose jets they share.

    Args:
        run: the analysis.
        config: its file.
        name: of the folder, below the output of the run.
        models: blocks of the models.
        more: blocks that differ besides.
    """
    folder = Path(run.at(name))
    folder.mkdir(parents=True, exist_ok=True)
    alone = {"output": str(folder), "systematics": None, "infer": None, "models": dict(models)}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(declared(config) | alone | more))
    for stage in ("samples", "ingest", "select"):
        if not (folder / stage).exists():
            (folder / stage).symlink_to(Path(run.at(stage)).resolve())
    return path


def snakemake(config: Path, targets: Sequence[str]) -> None:
    """Make some files.

    Raises:
        BoostflowError: it failed.
    """
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile")]
    command += ["--cores", "all", "--rerun-triggers", "mtime", "--configfile", str(config), "--"]
    if subprocess.run([*command, *targets], check=False).returncode:
        raise BoostflowError("snakemake failed")
