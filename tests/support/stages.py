"""Stages run from tests: a job and its files made from what a test wants to say."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from boostflow.jobs.chain import Simulate
from boostflow.simulate import production


def words(stage: str, settings: dict[str, Any], **files: Any) -> list[str]:
    """The arguments of `boostflow` for a stage.

    Args:
        stage: its name.
        settings: keys of the job.
        files: one or several of each name.
    """
    result = [stage, json.dumps(settings)]
    for name, paths in files.items():
        several = paths if isinstance(paths, list) else [paths]
        result += [f"--{name.replace('_', '-')}", *map(str, several)]
    return result


def boostflow(stage: str, settings: dict[str, Any], **files: Any) -> list[str]:
    """The same as a command in a process of its own."""
    return [sys.executable, "-m", "boostflow.cli", *words(stage, settings, **files)]


def simulate(path: Path, process: str, batch: int = production.BATCH, **settings: Any) -> None:
    """Simulate a part of a sample that is named by its process, if nothing else is said."""
    job = Simulate.model_validate({"sample": process, "process": process, **settings})
    production.run(job, Simulate.Files(sample=path), batch)
