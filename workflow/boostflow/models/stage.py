"""The stages prepare and train: what every family's training starts with."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from boostflow.errors import BoostflowError
from boostflow.io import read_json
from boostflow.models import points
from boostflow.models.family import family_of
from boostflow.models.search import with_settings
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
    job, files = settled(job, files)
    family = family_of(job.model)
    if RANK not in os.environ:
        if (point := trained_before(job, files)) is not None:
            from boostflow.models.decorrelation import decorrelated

            with process(files.output), decorrelated(job, files) as inner:
                points.take_over(point, job.model, inner.output)
            return
        if job.model.ranks() > 1:
            from boostflow.launch import launch

            launch(job.model.ranks(), [sys.executable, "-m", "boostflow.cli", *sys.argv[1:]])
    with process(files.output, threads=1 if family.distributed else None):
        fit(job, files)


def settled(job: Train, files: Train.Files) -> tuple[Train, Train.Files]:
    """A training with the settings that a search has chosen, and the prepared input of these.

    Raises:
        BoostflowError: the file of the search does not say what it has chosen.
    """
    if files.chosen is None:
        return job, files
    try:
        best = read_json(files.chosen)["points"][0]["settings"]
        block = with_settings(job.model, {key: best[key] for key in job.searched})
    except (LookupError, TypeError, ValueError) as error:
        raise BoostflowError(
            f"{files.chosen}: does not say what the search of {job.name} has chosen ({error}):"
            " remove it, and it is made again"
        ) from None
    name = block.prepared_name()
    prepared = next((folder for folder in files.possible if folder.name == name), files.prepared)
    more = {"prepared": prepared}
    return job.model_copy(update={"model": block}), files.model_copy(update=more)


def trained_before(job: Train, files: Train.Files) -> points.Point | None:
    """The point of a search that is this very training; None if there is none."""
    if files.points is None:
        return None
    inputs = points.checksum(points.inputs(files))
    point = points.point_of(job.model, files.points, inputs)
    return point if point.record() is not None else None


def fit(job: Train, files: Train.Files) -> None:
    """Train a model in this process, and decorrelate its scores where its block says so.

    Raises:
        BoostflowError: bad input; the same on every rank.
    """
    # Read once the environment of the process is made.
    from boostflow.models.decorrelation import decorrelated

    with decorrelated(job, files) as inner:
        family_of(job.model).module("train").train(job, inner)
