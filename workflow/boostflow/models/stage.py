"""The stages prepare and train: what every family's training starts with."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from boostflow.io import exclusive
from boostflow.models.family import family_of

if TYPE_CHECKING:
    from boostflow.jobs.models import Prepare, Train

RANK = "HOROVOD_RANK"
"""Environment variable that a process started by horovodrun has."""


def prepare(job: Prepare, files: Prepare.Files) -> None:
    """Prepare an input that several models of a family share.

    Raises:
        BoostflowError: bad input; see the family's module.
    """
    family_of(job.model).module("prepare").prepare(job, files)


def train(job: Train, files: Train.Files) -> None:
    """Train a model; of a distributed family this process first becomes `horovodrun`.

    Raises:
        BoostflowError: bad input, or ranks that cannot be started; the same on every rank.
    """
    family = family_of(job.model)
    if family.distributed and RANK not in os.environ:
        from boostflow.launch import launch

        launch(job.model.ranks(), [sys.executable, "-m", "boostflow.cli", *sys.argv[1:]])
    if family.distributed:
        from boostflow.launch import take_gpu
        from boostflow.training.environment import environment

        take_gpu(os.environ)
        # Snakemake sets OMP_NUM_THREADS for the rule, not for a rank; Horovod's may be the user's.
        given = {k: v for k, v in os.environ.items() if k.startswith("HOROVOD_")}
        os.environ.update(environment(1) | given)
    first = os.environ.get(RANK, "0") == "0"
    lock = files.output.parent / f".{files.output.name}.lock"
    with exclusive(lock) if first else contextlib.nullcontext():
        family.module("train").train(job, files)
