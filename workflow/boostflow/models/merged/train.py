"""Training of merged networks: first the head, then all of it; or all of it with new weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from boostflow.constituents import shards
from boostflow.errors import BoostflowError
from boostflow.models import kerasmodel
from boostflow.models.family import family_of
from boostflow.models.merged.block import Merged
from boostflow.models.merged.data import Jets, read
from boostflow.models.network_score import ONNX
from boostflow.models.subnetworks import Part
from boostflow.training import loop
from boostflow.training.classifier import Classifier
from boostflow.training.ranks import Single
from boostflow.training.schedules import Cosine, Then
from boostflow.training.stopping import EarlyStopping

if TYPE_CHECKING:
    from boostflow.jobs.models import Train


def train(job: Train, files: Train.Files) -> None:
    """Train on all ranks; see `boostflow.training.loop.train`.

    Args:
        job: the model's block.
        files: selected jets, the folders of the parts and of the packed jets that these read, the
            folder to write (model.onnx, model.keras, metrics.json, manifest.json), and that of the
            checkpoint.

    Raises:
        BoostflowError: a part that is damaged, ends with no dense layer or has other classes;
            packed jets that are damaged or others than those of the tables; a class without jets in
            a split; the same on every rank.
    """
    config = job.model
    assert isinstance(config, Merged)

    def learner(ranks: Single) -> MergedLearner:
        parts = [Part.of(*one) for one in zip(config.models, files.models, strict=True)]
        abouts = [part.about for part in parts]
        training, validation, classes = read(config, abouts, files.jets, files.prepared_below)
        for part in parts:
            if part.about["classes"] != classes:
                raise BoostflowError(
                    f"{part.folder}: tells {', '.join(part.about['classes'])} apart, the jets are"
                    f" {', '.join(classes)}: parts need the classes of the merged model"
                )
        return MergedLearner(config, parts, training, validation, classes, ranks)

    sources = [
        *files.jets,
        *(folder / shards.INDEX for folder in files.prepared_below),
        *(folder / ONNX for folder in files.models),
    ]
    loop.train(job, files, learner, sources, family_of(config).packages)


class MergedLearner(Classifier):
    """Joined networks in training."""

    config: Merged
    validation_batch = 1024

    def __init__(
        self,
        config: Merged,
        parts: Sequence[Part],
        training: Jets,
        validation: Jets,
        classes: list[str],
        ranks: Single,
    ) -> None:
        self.parts = parts
        super().__init__(config, training, validation, classes, ranks)
        self.frozen = min(config.frozen(), config.epochs)
        if self.frozen:
            tuned = Cosine(config.tuned_rate, warmup=config.warmup)
            self.schedule = Then(self.schedule, tuned, self.frozen / config.epochs)
            self.early_stopping = EarlyStopping(config.patience, least=self.frozen)
        self._head_step = tf.function(self._one_head_step, input_signature=training.signature)
        self._now = self._step

    def network_of(self) -> keras.Model:
        """The parts without their last layers, and the head; also kept apart from each other."""
        config = self.config
        given, found = [], []
        for part in self.parts:
            trunk = part.trunk(fresh=config.joint)
            # A dot cannot be in the name of a model, so these names are no part's.
            mine = [
                keras.Input(x.shape[1:], dtype=x.dtype, name=f"{part.name}.{x.name}")
                for x in trunk.inputs
            ]
            given += mine
            found.append(trunk(mine))
        joined = keras.layers.Concatenate(name="parts.joined")(found)
        logits = kerasmodel.head(joined, config.head, config.dropout, len(self.classes))
        self.trunks = keras.Model(given, joined)
        self.head = keras.Model(joined, logits)
        return keras.Model(given, logits)

    def _one_head_step(self, *batch: tf.Tensor) -> tf.Tensor:
        *inputs, y, weight = batch
        # As in scores: neither dropout nor running averages of the parts.
        joined = self.trunks(list(inputs), training=False)
        return self.descend(
            lambda: self.of_batch(self.head(joined, training=True), y, weight),
            self.head.trainable_variables,
        )

    def before_epoch(self, epoch: int) -> None:
        """Choose what learns; where the parts begin to, Adam begins anew."""
        self._now = self._head_step if epoch < self.frozen else self._step
        if epoch == self.frozen and self.frozen:
            rate = float(self.optimizer.learning_rate.numpy())
            for variable in self.optimizer.variables:
                variable.assign(keras.ops.zeros_like(variable))
            self.optimizer.learning_rate.assign(rate)

    def step(self, *inputs: Any) -> tf.Tensor:
        """Take one step of Adam; returns `sums_of` the batch."""
        return self._now(*inputs)

    def warm_up(self, inputs: tuple[Any, ...], epoch: int) -> None:
        """Compile the steps of both phases."""
        if epoch < self.frozen:
            self._head_step(*inputs)
        if self.frozen < self.epochs:
            self._step(*inputs)

    def settings(self, epoch: int) -> dict[str, float]:
        """Whether the parts learn in an epoch."""
        return {"tuned": float(epoch >= self.frozen)}

    def write(self, folder: Path) -> None:
        """Write the network."""
        kerasmodel.write(self.network, folder, self.config.kind, self.classes)

    def manifest(self) -> dict[str, Any]:
        """Classes, and the manifests of the parts, by which scores make their inputs."""
        parts = [{"name": part.name, "manifest": part.about} for part in self.parts]
        return {**super().manifest(), "parts": parts}
