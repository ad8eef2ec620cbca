"""The loop that trains any `Learner`: start, resuming, epochs, validation, history, the model."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from pydantic import BaseModel

from boostflow.errors import BoostflowError, Diverged
from boostflow.io import atomic, write_json
from boostflow.training import checkpoint, devices, report
from boostflow.training.data import steps
from boostflow.training.learner import Learner
from boostflow.training.manifest import manifest
from boostflow.training.ranks import Single, check_same, connect

if TYPE_CHECKING:
    from boostflow.jobs.models import Train

log = logging.getLogger("training")

CHECKPOINT = "checkpoint.npz"
BEST = "best/"
"""Prefix of the names of the arrays of the best epoch in a checkpoint."""


def train(
    job: Train,
    files: Train.Files,
    learner_of: Callable[[Single], Learner],
    made_from: Sequence[Path],
    packages: Sequence[str],
    ranks: Single | None = None,
) -> None:
    """Train on all ranks; rank 0 writes the model at the end and a checkpoint after each epoch.

    A training that was killed continues after its last whole epoch when it runs again, with the
    same result.

    Args:
        job: name of the model, which begins its lines of progress, and its block.
        files: the folder to write, and that of the checkpoint and of TensorBoard's files (none of
            them without it).
        learner_of: reads the data and makes the learner of a rank, without any collective; bad
            input that one rank meets ends all of them.
        made_from: files whose content identifies the training data, for the manifest.
        packages: distributions whose versions decide a training, for the manifest.
        ranks: the processes of this training; None for those that horovodrun started, or this one.

    Raises:
        BoostflowError: bad input, a training that diverges, or a rank that was lost; the same one
            on every rank that can still say something.
    """
    begin = time.monotonic()
    device = devices.prepare()
    ranks = connect() if ranks is None else ranks
    with ranks.together():
        error, learner = None, None
        try:
            learner = learner_of(ranks)
            _check_ranks_fit(learner)
        except BoostflowError as problem:
            error = problem
        ranks.agree(error)
        assert learner is not None
        names = devices.report(device, ranks)
        loop = Loop(learner, job.name, job.model, files.checkpoint)
        loop.run()
        if ranks.rank == 0:
            sources = manifest(
                job.model,
                made_from,
                packages,
                time.monotonic() - begin,
                devices=names,
                **learner.manifest(),
            )
            loop.write(files.output, sources)
        # Nobody leaves before rank 0 has written: the launcher would end it.
        ranks.agree(None)


class Loop:
    """A training in progress, on one of its ranks."""

    def __init__(
        self, learner: Learner, name: str, block: BaseModel, folder: Path | None = None
    ) -> None:
        """Give all ranks the same start.

        Args:
            learner: what is trained.
            name: of the model.
            block: of the model.
            folder: of the checkpoint; None for no checkpoint.
        """
        self.learner, self.name, self.block, self.folder = learner, name, block, folder
        self.ranks = learner.ranks
        self.epoch = 0
        """Epochs that are done."""
        self.history: dict[str, list[Any]] = {}
        """Figures of the epochs that are done, by name."""
        self.best: dict[str, NDArray] = {}
        """Weights of the best epoch where the training may stop early; on rank 0."""
        self.steps = steps(learner.units, learner.batch)
        self._rate: float | None = None
        self.ranks.broadcast(learner.variables)
        check_same(self.ranks, learner.variables, "at the start")

    @property
    def path(self) -> Path | None:
        """Path of the checkpoint; None where none is kept."""
        return None if self.folder is None else self.folder / CHECKPOINT

    def run(self) -> None:
        """Resume if there is something to resume from, then train to the end."""
        learner, first = self.learner, self.ranks.rank == 0
        if self.path is not None:
            self.resume(self.path)
        if first:
            log.info(
                "%d training and %d validation jets, %d parameters, %d processes",
                learner.units,
                learner.validation_units,
                sum(int(np.prod(v.shape)) for v in learner.variables if v.trainable),
                self.ranks.size,
            )
        if not self.ended():
            self.warm_up()
        board = report.Board(self.folder) if first and self.folder is not None else None
        begin, start = time.monotonic(), self.epoch
        while not self.ended():
            record = self.run_epoch()
            if not first:
                continue
            if self.path is not None:
                self.save(self.path)
            if board is not None:
                board.add(record)
            each = (time.monotonic() - begin) / (self.epoch - start)
            left = each * (learner.epochs - self.epoch)
            text, speed = learner.line(record), record[report.SPEED]
            report.show(report.line(self.name, self.epoch, learner.epochs, text, speed, left))
        self._take_best()

    def ended(self) -> bool:
        """Whether the last epoch is done, or nothing has improved for too long."""
        stopping = self.learner.early_stopping
        early = stopping is not None and stopping.ends(self.history)
        return early or self.epoch >= self.learner.epochs

    def warm_up(self) -> None:
        """Compile before the clock runs: a first step, of which nothing is kept."""
        learner = self.learner
        before = [v.numpy() for v in learner.variables]
        learner.before_step(0)
        learner.warm_up(next(iter(learner.batches(self.epoch))), self.epoch)
        for variable, value in zip(learner.variables, before, strict=True):
            variable.assign(value)

    def run_epoch(self) -> dict[str, Any]:
        """Train and validate one epoch, add its figures to the history and return them.

        Raises:
            Diverged: the loss or a weight is not finite any more.
            RuntimeError: the ranks hold different weights.
        """
        learner, epoch = self.learner, self.epoch
        learner.before_epoch(epoch)
        record: dict[str, Any] = {"epoch": epoch, **learner.settings(epoch), **self.train_epoch()}
        total = self.ranks.total(tf.constant(learner.validate(epoch), tf.float64)).numpy()
        record |= learner.validation_figures(total)
        # Where maxima are taken, kernels of some processors pass over NaN: the loss may look well.
        weights = all(np.isfinite(variable.numpy()).all() for variable in learner.variables)
        if not (weights and np.isfinite(record["loss"])):
            raise Diverged(
                f"the training diverged in epoch {epoch}: lower models.{self.name}.learning_rate"
            )
        check_same(self.ranks, learner.variables, f"after epoch {epoch}")
        for name, value in record.items():
            self.history.setdefault(name, []).append(value)
        self.epoch += 1
        stopping = learner.early_stopping
        if stopping is not None and stopping.best(self.history) == epoch and self.ranks.rank == 0:
            self.best = checkpoint.numbered(learner.variables)
        return record

    def train_epoch(self) -> dict[str, float]:
        """The steps of an epoch, without validation; the figures are those of all ranks."""
        learner = self.learner
        total = learner.epochs * self.steps * learner.width
        sums: NDArray | float = 0.0
        begin = time.monotonic()
        for i, inputs in enumerate(learner.batches(self.epoch)):
            seen = (self.epoch * self.steps + i) * learner.width
            rate = learner.schedule(seen, total)
            if rate != self._rate:
                learner.optimizer.learning_rate.assign(rate)
                self._rate = rate
            learner.before_step(seen)
            sums = sums + learner.step(*inputs).numpy().astype(np.float64)
        everyone = self.ranks.total(tf.constant(sums, tf.float64)).numpy()
        seconds = time.monotonic() - begin
        return {
            "learning_rate": float(learner.optimizer.learning_rate.numpy()),
            **learner.figures(everyone),
            report.SPEED: round(self.steps * learner.width / seconds, 1),
        }

    def _take_best(self) -> None:
        """Go back to the best epoch of a training that may stop early."""
        stopping = self.learner.early_stopping
        if stopping is None:
            return
        best = stopping.best(self.history)
        if best < self.epoch - 1:
            if self.ranks.rank == 0:
                for variable, value in zip(self.learner.variables, self.best.values(), strict=True):
                    variable.assign(value)
                log.info("%d epochs, the best one was %d", self.epoch, best + 1)
            self.ranks.broadcast(self.learner.variables)

    def fingerprint(self) -> dict[str, Any]:
        """What a checkpoint must agree on: the configuration and the data.

        The number of processes may change: it does not enter the result.
        """
        return {
            "config": self.block.model_dump(mode="json", exclude={"processes"}),
            "jets": list(self.learner.digests),
        }

    def save(self, path: Path) -> None:
        """Write a checkpoint (rank 0 alone calls this)."""
        header = {
            "fingerprint": self.fingerprint(),
            "epoch": self.epoch,
            "history": self.history,
        }
        arrays = checkpoint.numbered(self.learner.variables)
        arrays |= {f"{BEST}{name}": value for name, value in self.best.items()}
        checkpoint.write(path, header, arrays)

    def resume(self, path: Path) -> None:
        """Continue from a checkpoint if rank 0 finds one that fits; otherwise start afresh.

        A damaged checkpoint, or one of another configuration or other jets, is not an error: the
        log says so and the training starts from the beginning.
        """
        state = None
        variables = self.learner.variables
        if self.ranks.rank == 0 and path.exists():
            try:
                header, arrays = checkpoint.read(path)
                if header.get("fingerprint") == self.fingerprint():
                    best = {
                        name.removeprefix(BEST): arrays.pop(name)
                        for name in list(arrays)
                        if name.startswith(BEST)
                    }
                    checkpoint.restore(path, variables, arrays)
                    state, self.best = (header["epoch"], header["history"]), best
                else:
                    log.warning("%s is of another configuration or other jets: not used", path)
            except BoostflowError as error:
                log.warning("%s: starting from the beginning", error)
        state = self.ranks.broadcast_object(state)
        if state is not None:
            self.epoch, self.history = state
            self.ranks.broadcast(variables)
            check_same(self.ranks, variables, "after resuming")
            log.info("resumed after epoch %d", self.epoch)

    def write(self, output: Path, sources: dict[str, Any]) -> None:
        """Write the model's folder and remove the checkpoint (rank 0 alone calls this).

        Args:
            output: the folder.
            sources: its manifest.
        """
        learner = self.learner
        stopping = learner.early_stopping
        row = -1 if stopping is None else stopping.best(self.history)
        final = {name: values[row] for name, values in self.history.items()} | {
            "training_jets": learner.units,
            "validation_jets": learner.validation_units,
            "processes": self.ranks.size,
            "seconds": sources["seconds"],
        }
        with atomic(output) as part:
            part.mkdir()
            learner.write(part)
            write_json(part / "metrics.json", {"history": self.history, "final": final})
            write_json(part / "manifest.json", sources)
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def _check_ranks_fit(learner: Learner) -> None:
    """Raise BoostflowError if some ranks would have no share in a batch."""
    if learner.width < learner.ranks.size:
        raise BoostflowError(
            f"{learner.ranks.size} processes share a batch of {learner.width} jets; start fewer or"
            " raise `batch`"
        )
