"""Training of a compression: the probabilities of codes, whose logarithm is the loss, in bits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from boostflow.errors import BoostflowError
from boostflow.io import read_flat, require_rows
from boostflow.models.autoencoder import exact
from boostflow.models.autoencoder.block import Autoencoder
from boostflow.models.autoencoder.codec import FILE, Codec, Column, whole_log
from boostflow.models.autoencoder.narrow import LEAK, Latent, Narrow
from boostflow.models.family import family_of
from boostflow.scored import TRAIN, VALIDATION
from boostflow.seeds import derive
from boostflow.training import loop
from boostflow.training.adam import AdamLearner
from boostflow.training.data import Arrays
from boostflow.training.ranks import Single

if TYPE_CHECKING:
    from boostflow.jobs.models import Train


def train(job: Train, files: Train.Files) -> None:
    """Train on all ranks; see `boostflow.training.loop.train`.

    Args:
        job: the model's block.
        files: selected jets, the folder to write (codec.json, metrics.json, manifest.json), and
            that of the checkpoint.

    Raises:
        BoostflowError: a column is missing or no number, no jets in a split, or more steps of a
            bound than the coder takes; the same on every rank.
    """
    config = job.model
    assert isinstance(config, Autoencoder)

    def learner(ranks: Single) -> BitsLearner:
        table, split = read(files.jets, list(config.columns))
        return BitsLearner(config, table, split, ranks)

    loop.train(job, files, learner, files.jets, family_of(config).packages)


def read(
    inputs: Sequence[Path], columns: Sequence[str]
) -> tuple[dict[str, NDArray], NDArray[np.integer]]:
    """Columns of all jets, shape (jets,) each, and the part of the data that each is in.

    Raises:
        BoostflowError: a column is missing or no number, or there are no jets in a split.
    """
    require_rows(inputs)
    parts = [read_flat(path, [*columns, "split"]) for path in inputs]
    for path, part in zip(inputs, parts, strict=True):
        for name in columns:
            if name not in part or part[name].dtype.kind not in "fiub":
                raise BoostflowError(f"{path}: {name} is no column of numbers, one a jet")
    table = {name: np.concatenate([part[name] for part in parts]) for name in columns}
    split = np.concatenate([part["split"] for part in parts])
    for number, name in ((TRAIN, "train"), (VALIDATION, "validation")):
        if not (split == number).any():
            raise BoostflowError(f"no jets in the {name} split: more events are needed")
    return table, split


class BitsLearner(AdamLearner):
    """The networks of all columns, computed together, and their data on one rank."""

    config: Autoencoder
    validation_batch = 8192
    clipnorm = 100.0

    def __init__(
        self,
        config: Autoencoder,
        table: dict[str, NDArray],
        split: NDArray[np.integer],
        ranks: Single,
    ) -> None:
        """Make the networks and the optimiser.

        Args:
            config: the model's block.
            table: columns of all jets, shape (jets,) each.
            split: part of the data of each jet (jets,).
            ranks: the processes of the training.
        """
        learnt = split == TRAIN
        self.columns = {
            name: Column.seen(name, declared, table[name][learnt])
            for name, declared in config.columns.items()
        }
        codes = np.stack([one.code(table[name])[0] for name, one in self.columns.items()], axis=1)
        inputs = np.stack([one.input(c) for one, c in zip(self._all, codes.T, strict=True)], axis=1)
        x = (inputs * 2.0**-exact.INPUTS).astype(np.float32)
        both = codes.astype(np.float32), x
        self.latents = config.latents or 0
        # In the order in which they are coded.
        self.coded: list[Latent | Column] = [*(Latent() for _ in range(self.latents)), *self._all]
        self.spreads = np.array([one.spread for one in self.coded], np.float32)
        self.centers = np.array([one.center for one in self.coded], np.float32)
        self.logs = np.array([whole_log(one.spread) for one in self.coded], np.float32)
        self.codes = np.array([one.codes for one in self.coded], np.float32)
        # What each network is told.
        self.told = np.tri(len(self.coded), k=-1, dtype=np.float32)
        if not config.skip:
            self.told[self.latents :, self.latents :] = 0
        training, validation = (
            Arrays(*(array[split == part] for array in both)) for part in (TRAIN, VALIDATION)
        )
        super().__init__(config, training, validation, ranks)

    @property
    def _all(self) -> list[Column]:
        return list(self.columns.values())

    def make(self) -> list[keras.Variable]:
        """Weights of all networks, by `exact.Layers`, with latents and columns as first axis.

        After them those of the narrow network, and the logarithms of its gains.
        """
        rng = np.random.default_rng(derive(self.config.seed, self.config.kind, "weights"))
        count, hidden, parts = len(self.coded), self.config.hidden, self.config.components
        reads = np.maximum(self.told.sum(axis=1), 1)[:, None, None]
        # Means beside each other, scales of half the spread, equal weights; few jets are anywhere.
        start = [*np.linspace(-1, 1, parts), *np.full(parts, -1.0), *np.zeros(parts), -4.0]
        values = [
            rng.normal(size=(count, count, hidden)) * np.sqrt(2 / reads),
            np.zeros((count, hidden)),
            rng.normal(size=(count, hidden, hidden)) * np.sqrt(1 / hidden),
            np.zeros((count, hidden)),
            rng.normal(size=(count, hidden, 3 * parts + 1)) * 0.1 * np.sqrt(1 / hidden),
            np.tile(start, (count, 1)),
            np.zeros((count, count, 3 * parts + 1)),
        ]
        names = list(exact.Layers._fields)
        if self.latents:
            widths = [len(self.columns), *self.config.encoder, self.latents]
            for number, (before, width) in enumerate(pairwise(widths)):
                values += [
                    rng.normal(size=(before, width)) * np.sqrt(1 / before),
                    np.zeros(width),
                ]
                names += [f"narrow{number}", f"narrow_bias{number}"]
            values.append(np.full(self.latents, np.log(Latent.spread)))
            names.append("log_gain")
        return [
            keras.Variable(value.astype(np.float32), name=name)
            for name, value in zip(names, values, strict=True)
        ]

    def outputs(self, x: tf.Tensor) -> tf.Tensor:
        """Outputs of all networks, (B, coded, 3 K + 1), from the inputs (B, coded)."""
        first, first_bias, second, second_bias, last, last_bias, skip = (
            weight.value for weight in self.learned[: len(exact.Layers._fields)]
        )
        before = self.told[:, :, None]
        h = tf.nn.relu(tf.einsum("bi,cih->bch", x, first * before) + first_bias)
        h = h + tf.nn.relu(tf.einsum("bch,chk->bck", h, second) + second_bias)
        past = tf.einsum("bi,cio->bco", x, skip * before)
        return tf.einsum("bch,cho->bco", h, last) + last_bias + past

    def bits(self, codes: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        """What each latent and column of each jet costs, shape (B, coded).

        The probability of a code under a logistic distribution is sigma(a) - sigma(b), with b the
        lower and a the upper edge: sigma(a) sigma(-b) (1 - exp(b - a)), which does not cancel.
        """
        parts = self.config.components
        mean, scale, weight = tf.split(self.outputs(x), [parts, parts, parts + 1], axis=2)
        log_scale = tf.clip_by_value(scale + self.logs[:, None], -4.0, 30.0)
        slope = tf.exp(-math.log(2) * log_scale)
        center = (self.centers[:, None] + self.spreads[:, None] * mean) - codes[:, :, None]
        upper, lower = (0.5 - center) * slope, (-0.5 - center) * slope
        # A code at the end has all that lies beyond it.
        last = self.codes - 1
        anywhere = tf.broadcast_to(-np.log(last + 1)[:, None], tf.shape(weight[:, :, -1:]))
        log_p = tf.where((codes >= last)[:, :, None], 0.0, tf.math.log_sigmoid(upper))
        log_p += tf.where((codes <= 0)[:, :, None], 0.0, tf.math.log_sigmoid(-lower))
        inside = ((codes > 0) & (codes < last))[:, :, None]
        log_p += tf.where(inside, tf.math.log(-tf.math.expm1(-slope)), 0.0)
        log_weight = tf.nn.log_softmax(weight * math.log(2), axis=2)
        log_p = tf.concat([log_p, anywhere], axis=2)
        found = tf.reduce_logsumexp(log_p + log_weight, axis=2) / math.log(2)
        # No code has less than one part of the whole.
        return -tf.maximum(found, tf.cast(-30.0, found.dtype) + 0.01 * (found + 30.0))

    def narrowed(self, x: tf.Tensor) -> tf.Tensor:
        """Latents of jets, shape (B, latents), whole numbers.

        Gradients pass their rounding as if it were none (straight through).
        """
        *weights, log_gain = (weight.value for weight in self.learned[len(exact.Layers._fields) :])
        h = x
        for at in range(0, len(weights) - 2, 2):
            more = h @ weights[at] + weights[at + 1]
            if self.config.activation == "tanh":
                more = tf.tanh(more)
            else:
                more = tf.nn.leaky_relu(more, LEAK)
            h = more + h if self.config.residual and more.shape[1] == h.shape[1] else more
        far = (h @ weights[-2] + weights[-1]) * tf.exp(log_gain) + Latent.center
        far = tf.clip_by_value(far, 0.0, Latent.codes - 1.0)
        return far + tf.stop_gradient(tf.round(far) - far)

    def sums_of(self, *batch: tf.Tensor, training: bool) -> tf.Tensor:
        """Sum of bits, and the number of jets."""
        codes, x = batch
        if self.latents:
            latents = self.narrowed(x)
            codes = tf.concat([latents, codes], axis=1)
            x = tf.concat([(latents - Latent.center) / Latent.spread, x], axis=1)
        return tf.stack(
            [tf.reduce_sum(self.bits(codes, x)), tf.cast(tf.shape(codes)[0], tf.float32)]
        )

    def figures(self, sums: NDArray) -> dict[str, float]:
        """Bits of a jet."""
        return {"loss": float(sums[0] / sums[1])}

    def line(self, record: dict[str, Any]) -> str:
        """Bits of a jet."""
        return f"{record['loss']:.2f} bits a jet, validation {record['validation_loss']:.2f}"

    def codec(self) -> Codec:
        """The networks in whole numbers, each with what its column reads."""
        count = len(exact.Layers._fields)
        arrays, narrow = (
            [weight.numpy() for weight in some]
            for some in (self.learned[:count], self.learned[count:])
        )
        codec = Codec(self.columns, [], None, self.config.skip)
        if narrow:
            *weights, log_gain = narrow
            gains = np.exp(log_gain)
            codec.narrow = Narrow(weights, gains, self.config.activation, self.config.residual)
        for number in range(len(self.coded)):
            mine = exact.Layers(*(array[number] for array in arrays))
            told = codec.seen(number)
            mine = mine._replace(first=mine.first[:told], skip=mine.skip[:told])
            codec.layers.append(exact.whole(mine))
        return codec

    def write(self, folder: Path) -> None:
        """Write the codec."""
        (folder / FILE).write_bytes(self.codec().content())

    def manifest(self) -> dict[str, Any]:
        """The number of weights."""
        return {"parameters": int(sum(np.prod(weight.shape) for weight in self.learned))}
