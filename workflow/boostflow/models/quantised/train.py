"""Training of the network in fixed point: HGQ2 layers, resources in the loss, the logic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import hgq.config
import hgq.layers
import keras
import numpy as np
import tensorflow as tf
from da4ml.converter import trace_model
from da4ml.trace import comb_trace
from hgq.config import QuantizerConfigScope
from hgq.utils import trace_minmax
from numpy.typing import NDArray

from boostflow.errors import BoostflowError
from boostflow.io import write_json
from boostflow.models import logic
from boostflow.models.family import family_of
from boostflow.models.grid import Grid
from boostflow.models.network_score import KERAS
from boostflow.models.quantised.block import Quantised
from boostflow.models.tabular import SPLITS, Rows, of_split, read
from boostflow.select.split import TRAIN
from boostflow.training import loop
from boostflow.training.classifier import Classifier
from boostflow.training.data import Arrays
from boostflow.training.ranks import Single

if TYPE_CHECKING:
    from boostflow.jobs.models import Train

FEATURES = "features"
"""Name of the network's input (B, features)."""
WEIGHT_BITS, FRACTION_BITS = 6, 5
"""Bits of a weight, and bits after the point of what a layer reads, before the training."""
RISE, GENTLE = 0.5, 0.01
"""Part of the training in which the weight of the resources rises, and that at its beginning in
units of `beta`: a network that is small from the start learns less."""
TRACED, ESTIMATED, WEIGHED = "i", "ebops", "beta"
"""Names of HGQ2's variables: bits before the point, which follow from what a layer has seen, the
resources of the last step, and their weight."""


def train(job: Train, files: Train.Files) -> None:
    """Train on all ranks; see `boostflow.training.loop.train`.

    Every class gets the same total weight, and with planing a flat mass spectrum; negative
    generator weights enter with their absolute value.

    Args:
        job: the model's block.
        files: selected jets, the folder to write (logic.json, firmware.json, hdl, cpp, model.keras,
            metrics.json, manifest.json), and that of the checkpoint.

    Raises:
        BoostflowError: fewer than two classes, a class without jets in a split, a feature that is
            missing, not finite or beyond its range, or a logic that differs from the network.
    """
    config = job.model
    assert isinstance(config, Quantised)

    def learner(ranks: Single) -> QuantisedLearner:
        rows = read(files.jets, config.features, config.standard(), config.planing, config.missing)
        return QuantisedLearner(config, rows, ranks)

    loop.train(job, files, learner, files.jets, family_of(config).packages)


class QuantisedLearner(Classifier):
    """The network and its data on one rank."""

    config: Quantised
    training: Arrays
    validation: Arrays

    def __init__(self, config: Quantised, rows: Rows, ranks: Single) -> None:
        """Put the jets on the grid of the training jets and make the network."""
        seen = rows.x[(rows.split == TRAIN) & rows.labelled]
        names, ranges = rows.features, config.ranges
        self.grid = Grid.of(seen, names, ranges, config.bits, config.logarithms)
        training, validation = (self._on_the_grid(rows, config, name) for name in SPLITS)
        super().__init__(config, training, validation, rows.classes, ranks)

    def _on_the_grid(self, rows: Rows, config: Quantised, name: str) -> Arrays:
        """Features on the grid, classes and weights of the labelled jets of a split."""
        x, y, weight = of_split(rows, config, name)
        return Arrays(self.grid.values(x), y, weight)

    def network_of(self) -> keras.Model:
        """Dense layers with ReLU whose weights and inputs have bits of their own, to logits."""
        x = values = keras.Input((len(self.grid.features),), name=FEATURES)
        widths = [*self.config.hidden, len(self.classes)]
        with (
            QuantizerConfigScope(place=("weight", "bias"), b0=WEIGHT_BITS),
            QuantizerConfigScope(place="datalane", f0=FRACTION_BITS),
            hgq.config.LayerConfigScope(enable_ebops=True, beta0=self.config.beta),
        ):
            for number, width in enumerate(widths):
                activation = "relu" if number < len(widths) - 1 else None
                x = hgq.layers.QDense(width, activation=activation, name=f"dense_{number}")(x)
        return keras.Model(values, x)

    @property
    def variables(self) -> list[Any]:
        """Network and optimiser, without the resources, which each step computes for itself."""
        return [v for v in super().variables if v.name != ESTIMATED]

    def before_step(self, seen: int) -> None:
        """Let the weight of the resources rise to `beta` in the first half of the training."""
        share = seen / (self.epochs * self.units)
        now = self.config.beta * GENTLE ** max(0.0, 1 - share / RISE)
        for variable in self.network.variables:
            if variable.name == WEIGHED:
                variable.assign(now)

    def penalty(self) -> tf.Tensor:
        """What the resources add to the loss, divided by the number of ranks."""
        return tf.add_n(self.network.losses) / self.ranks.size

    def step(self, *inputs: Any) -> tf.Tensor:
        """Take one step; the ranks then agree on the bits before the point that they saw."""
        sums = super().step(*inputs)
        if self.ranks.size > 1:
            for variable in self.network.variables:
                if variable.name == TRACED:
                    total = self.ranks.total(tf.convert_to_tensor(variable.value))
                    variable.assign(total / self.ranks.size)
        return sums

    def ebops(self) -> float:
        """Effective bit operations: bits of an input times bits of its weight, all summed up."""
        total = 0.0
        for layer in self.network.layers:
            if not isinstance(layer, hgq.layers.QDense):
                continue
            read = layer.iq.bits_((1, layer.kernel.shape[0]))
            held = layer.kq.bits_(tuple(layer.kernel.shape))
            bias = keras.ops.mean(layer.bq.bits_(tuple(layer.bias.shape))) * layer.units
            total += float(keras.ops.sum(keras.ops.matmul(read, held)) + bias)
        return total

    def validation_figures(self, total: NDArray) -> dict[str, float | None]:
        """Cross-entropy with resources, by which the best epoch is chosen, and accuracy."""
        found = super().validation_figures(total)
        ebops = self.ebops()
        entropy = found["validation_loss"]
        assert entropy is not None
        return found | {
            "validation_loss": entropy + self.config.beta * ebops,
            "validation_entropy": entropy,
            "ebops": ebops,
        }

    def line(self, record: dict[str, Any]) -> str:
        """Losses and resources of an epoch."""
        return f"{super().line(record)}, {record['ebops']:.0f} EBOPs"

    def write(self, folder: Path) -> None:
        """Write network, logic and firmware, once the logic gives the same bits.

        Raises:
            BoostflowError: it does not.
        """
        seen = np.concatenate([self.training.arrays[0], self.validation.arrays[0]])
        trace_minmax(self.network, seen)
        inputs, outputs = trace_model(self.network, inputs_kif=self.grid.kif)
        made = comb_trace(inputs, outputs)
        wanted = self.network.predict(seen, batch_size=4096, verbose=0)
        differ = int((logic.logits(made, seen, 1) != wanted).any(axis=1).sum())
        if differ:
            raise BoostflowError(
                f"the integer logic differs from the network on {differ} of {len(seen)} jets:"
                " float32 cannot hold its sums; lower `bits` or raise `beta`"
            )
        figures = logic.write(made, folder, self.config)
        write_json(folder / logic.FIRMWARE, {"ebops": round(self.ebops()), **figures})
        self.network.save(folder / KERAS)

    def manifest(self) -> dict[str, Any]:
        """The grid of the features, classes, and weights without what says their bits."""
        own = [v for v in self.network.trainable_variables if v.name in ("kernel", "bias")]
        found = {"parameters": int(sum(np.prod(variable.shape) for variable in own))}
        return {"grid": self.grid.data(), **super().manifest(), **found}
