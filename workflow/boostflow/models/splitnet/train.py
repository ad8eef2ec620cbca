"""Training of the networks: the likelihood of all splits of the showers of the training."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from boostflow.models import kerasexport, kerasmodel
from boostflow.models.family import family_of
from boostflow.models.generated import Examples, mirrored, read
from boostflow.models.splitnet.block import SplitNet
from boostflow.models.splitnet.generator import (
    INPUT,
    KINDS,
    LIMIT,
    LOG_WIDTHS,
    OUTPUT,
    file_of,
)
from boostflow.models.splitnet.tree import CAP, SMALLEST, Generation, tree
from boostflow.scored import TRAIN, VALIDATION
from boostflow.training import loop
from boostflow.training.adam import AdamLearner
from boostflow.training.data import Arrays
from boostflow.training.ranks import Single

if TYPE_CHECKING:
    from boostflow.jobs.models import Train

SEEN = 4000
"""Showers, at most, that say how inputs are standardised."""


def train(job: Train, files: Train.Files) -> None:
    """Train on all ranks; see `boostflow.training.loop.train`.

    Args:
        job: the model's block.
        files: tables of showers, the folder to write (split_*.onnx, metrics.json, manifest.json),
            and that of the checkpoint.

    Raises:
        BoostflowError: a column is missing, or there are too few showers; the same on every rank.
    """
    config = job.model
    assert isinstance(config, SplitNet)

    def learner(ranks: Single) -> SplitNetLearner:
        return SplitNetLearner(config, read(files.jets), ranks)

    loop.train(job, files, learner, files.jets, family_of(config).packages)


class SplitNetLearner(AdamLearner):
    """The network of each generation, and showers with their mirror images, on one rank."""

    config: SplitNet
    training: Arrays
    clipnorm = 1.0

    def __init__(self, config: SplitNet, every: Examples, ranks: Single) -> None:
        """Make the networks and the optimiser.

        Args:
            config: the model's block.
            every: showers of all splits.
            ranks: the processes of the training.
        """
        self.about = every.about()
        self.tree = tree()
        self.together = tf.constant(np.concatenate(self.tree.members, axis=1))
        training, validation = (_arrays(every.of(part)) for part in (TRAIN, VALIDATION))
        super().__init__(config, training, validation, ranks)

    def make(self) -> list[keras.Variable]:
        """Make the networks."""
        cells, energy = (array[:SEEN] for array in self.training.arrays)
        parts = self.parts(tf.constant(cells), tf.constant(energy))
        self.networks = [
            network_of(
                self.config,
                seen_of(
                    generation,
                    energies,
                    tf.where(tf.gather(energies, generation.parents, axis=1) > 0),
                ).numpy(),
            )
            for energies, generation in zip(parts, self.tree.generations, strict=False)
        ]
        return [variable for one in self.networks for variable in one.trainable_variables]

    def parts(self, cells: tf.Tensor, energy: tf.Tensor) -> list[tf.Tensor]:
        """Energies of the parts of each generation and of the last one (MeV), (B, width) each."""
        whole = CAP * 1000 * energy
        rest = (whole - tf.reduce_sum(cells, axis=1))[:, None]
        widths = [member.shape[1] for member in self.tree.members]
        found = tf.split(tf.linalg.matmul(cells, self.together), widths, axis=1)
        return [whole[:, None], *(tf.concat([one[:, :-1], rest], axis=1) for one in found[1:])]

    def sums_of(self, *batch: tf.Tensor, training: bool) -> tf.Tensor:
        """Sum of minus the logarithm of the likelihood, and the number of showers."""
        cells, energy = batch
        parts = self.parts(cells, energy)
        total = tf.constant(0.0)
        for number, (generation, network) in enumerate(
            zip(self.tree.generations, self.networks, strict=True)
        ):
            # Most parts are empty in the end, and have nothing to split.
            rows = tf.where(tf.gather(parts[number], generation.parents, axis=1) > 0)
            found = network(seen_of(generation, parts[number], rows), training=training)
            left, right = (
                tf.gather_nd(tf.gather(parts[number + 1], half, axis=1), rows)
                for half in (generation.left, generation.right)
            )
            total += tf.reduce_sum(unlikelihood(found, left, right))
        return tf.stack([total, tf.cast(tf.shape(cells)[0], tf.float32)])

    def figures(self, sums: NDArray) -> dict[str, float]:
        """Minus the logarithm of the likelihood of a shower, in nats."""
        return {"loss": float(sums[0] / sums[1])}

    def write(self, folder: Path) -> None:
        """Write the networks, which need no TensorFlow then."""
        for number, network in enumerate(self.networks):
            content = kerasexport.model_of(network, self.config.kind, OUTPUT, {})
            (folder / file_of(number)).write_bytes(content)

    def manifest(self) -> dict[str, Any]:
        """The range of the energies, the calorimeter, and the number of weights."""
        weights = sum(network.count_params() for network in self.networks)
        return {**self.about, "parameters": weights}


def _arrays(examples: Examples) -> Arrays:
    energy = np.tile(examples.energy, 4).astype(np.float32)
    return Arrays(mirrored(examples.cells), energy)


def seen_of(generation: Generation, energies: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """What a network sees of some splits, (R, F); see `tree.inputs`.

    Args:
        generation: which one.
        energies: of its parts (MeV), (B, width).
        rows: numbers of shower and split, (R, 2).
    """
    every = tf.concat([energies, tf.linalg.matmul(energies, generation.sums)], axis=1)
    every = tf.math.log1p(tf.maximum(every, 0.0) / SMALLEST)
    context = tf.gather(generation.context, rows[:, 1])
    showers = tf.broadcast_to(rows[:, :1], tf.shape(context))
    seen = tf.gather_nd(every, tf.stack([showers, context], axis=2))
    return tf.concat([seen, tf.gather(generation.places, rows[:, 1])], axis=1)


def network_of(config: SplitNet, seen: NDArray) -> keras.Model:
    """Dense layers from what is seen of a split to its parameters, the same for all splits.

    Args:
        config: the model's block.
        seen: inputs of the training, shape (R, F).
    """
    values = keras.Input(seen.shape[1:], name=INPUT)
    if not len(seen):  # showers without these parts
        seen = np.array([[-1.0], [1.0]]) * np.ones(seen.shape[1])
    mean, variance = seen.mean(axis=0), np.maximum(seen.var(axis=0), 1e-4)
    x = keras.layers.Normalization(mean=mean, variance=variance)(values)
    for width in config.hidden:
        x = kerasmodel.dense(width)(x)
    # Gaussians begin side by side: those that are equal would learn the same.
    number = config.components
    begin = np.zeros(KINDS + 3 * number, np.float32)
    begin[KINDS + number : KINDS + 2 * number] = np.linspace(-1, 1, number)
    last = keras.layers.Dense(
        len(begin),
        kernel_initializer="glorot_uniform",
        bias_initializer=lambda shape, dtype=None: keras.ops.convert_to_tensor(begin, dtype),
    )
    return keras.Model(values, last(x))


def unlikelihood(found: tf.Tensor, left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Minus the logarithm of the likelihood of splits, (R,).

    Args:
        found: parameters (R, 3 + 3 K); see `generator.drawn`.
        left: energies (MeV) on one side, (R,).
        right: energies on the other one; not both are 0.
    """
    number = (found.shape[1] - KINDS) // 3
    kinds, weights, means, widths = tf.split(found, [KINDS, number, number, number], axis=1)
    some, more = left > 0, right > 0
    side = tf.where(some & more, 2, tf.where(more, 1, 0))
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(side, kinds)
    ratio = tf.math.log(tf.where(some, left, 1.0)) - tf.math.log(tf.where(more, right, 1.0))
    ratio = tf.clip_by_value(ratio, -LIMIT, LIMIT)
    widths = tf.clip_by_value(widths, *LOG_WIDTHS)
    pull = (ratio[:, None] - means) * tf.exp(-widths)
    density = tf.nn.log_softmax(weights) - 0.5 * pull**2 - widths - 0.5 * math.log(2 * math.pi)
    return loss - tf.where(some & more, tf.reduce_logsumexp(density, axis=1), 0.0)
