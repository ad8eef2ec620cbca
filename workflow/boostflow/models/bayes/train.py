"""What there is to write of a model that learns nothing: its classes, and how well it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boostflow.models.bayes.score import probabilities
from boostflow.models.untrained import write

if TYPE_CHECKING:
    from boostflow.jobs.models import Train


def train(job: Train, files: Train.Files) -> None:
    """Write the folder of the model, see `boostflow.models.untrained.write`."""
    write(job, files, probabilities)
