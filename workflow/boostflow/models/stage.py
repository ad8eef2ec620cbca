"""The stages prepare and train: what every family's training starts with."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from boostflow.models.family import family_of
from boostflow.training.entry import RANK, process

if TYPE_CHECKING:
    from boostflow.jobs.models import Prepare, Train


def prepare(job: Prepare, files: Prepare.Files) -> None:
    """Prepare an input that several models of a family share.

    Raises:
        BoostflowError: bad input; see the family's module.
    """
    family_of(job.model).module("prepare").prepare(job, files)


def train(job: Train, files: Train.Files) -> None:
    """Train a model; where several processes train it, this one first becomes `horovodrun`.

    Raises:
        BoostflowError: bad input, or ranks that cannot be started; the same on every rank.
    """
    family = family_of(job.model)
    if job.model.ranks() > 1 and RANK not in os.environ:
        from boostflow.launch import launch

        launch(job.model.ranks(), [sys.executable, "-m", "boostflow.cli", *sys.argv[1:]])
    with process(files.output, threads=1 if family.distributed else None):
        fit(job, files)


def fit(job: Train, files: Train.Files) -> None:
    """Train a model in this process, and decorrelate its scores where its block says so.

    Raises:
        BoostflowError: bad input; the same on every rank.
    """
    # Read once the environment of the process is made.
    from boostflow.models.decorrelation import decorrelated

    with decorrelated(job, files) as inner:
        family_of(job.model).module("train").train(job, inner)
