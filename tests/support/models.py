"""Trainings by the stage that the rules call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from boostflow.jobs.models import Train
from boostflow.models import stage
from boostflow.models.family import ModelBlock


def train(jets: Sequence[Path], block: ModelBlock, output: Path, **files: Any) -> None:
    """Train a model in this process, also one of a distributed family.

    Args:
        jets: selected jets.
        block: of the model.
        output: folder to write.
        files: other files of the job.
    """
    job = Train(name=block.kind, model=block)
    stage.fit(job, Train.Files(jets=jets, output=output, **files))
