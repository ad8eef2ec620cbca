"""The training of networks that read constituents; a family says its network alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from numpy.typing import NDArray

from boostflow.constituents import shards
from boostflow.models import kerasmodel, packed
from boostflow.models.family import family_of
from boostflow.models.networks import TaggerBlock
from boostflow.models.packed import MASK, OBSERVABLES, PARTICLES
from boostflow.training import loop
from boostflow.training.classifier import Classifier
from boostflow.training.ranks import Single

if TYPE_CHECKING:
    from boostflow.jobs.models import Train


EXAMPLES = 2048
"""Jets by which a family standardises what it makes of its inputs."""


@dataclass(frozen=True)
class Inputs:
    """What a network is made from: symbolic tensors of B jets, padded to n constituents."""

    given: dict[str, keras.KerasTensor]
    """All inputs by name, as the family's module `inputs` gives them."""
    mean: NDArray[np.float64]
    """Mean of each feature of the training's constituents, (F,)."""
    std: NDArray[np.float64]
    """Their standard deviation; 1 for a constant."""
    observables: keras.KerasTensor | None
    """Standardised observables and their logarithms (B, 2 O); None without any."""
    examples: Callable[[], dict[str, NDArray[np.generic]]]
    """Gives all inputs of some of the training's jets by name, by which a family standardises what
    it makes of them; the same on all ranks."""

    @property
    def raw(self) -> keras.KerasTensor:
        """Features as they are packed, 0 where there is no constituent, (B, n, F)."""
        return self.given[PARTICLES]

    @cached_property
    def mask(self) -> keras.KerasTensor:
        """1 where there is a constituent, else 0, (B, n, 1)."""
        return keras.ops.expand_dims(self.given[MASK], -1)

    @cached_property
    def particles(self) -> keras.KerasTensor:
        """Standardised features, 0 where there is no constituent, (B, n, F)."""
        normal = keras.layers.Normalization(mean=self.mean, variance=self.std**2)
        return normal(self.raw) * self.mask

    def with_observables(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """What the network has found of each jet (B, L), and the observables if there are any."""
        if self.observables is None:
            return x
        return keras.layers.Concatenate()([x, self.observables])


Body = Callable[[Any, Inputs, int], keras.KerasTensor]
"""From a block, the inputs and the number of classes to logits (B, classes)."""


def train(
    job: Train,
    files: Train.Files,
    body: Body,
    more: Callable[[keras.Model, Path], None] | None = None,
) -> None:
    """Train on all ranks; see `boostflow.training.loop.train`.

    Args:
        job: the model's block.
        files: packed jets, the folder to write (model.onnx, model.keras, metrics.json,
            manifest.json), and that of the checkpoint.
        body: the family's network.
        more: writes what the family has besides into the folder of the trained network.

    Raises:
        BoostflowError: packed jets that are damaged, or a class without jets in a split; the same
            on every rank.
    """
    folder, config = files.prepared, job.model
    assert folder is not None and isinstance(config, TaggerBlock)

    def learner(ranks: Single) -> Tagger:
        return Tagger(config, *packed.read(folder, config), body, more, ranks)

    # The index holds a checksum of all jets.
    loop.train(job, files, learner, [folder / shards.INDEX], family_of(config).packages)


class Tagger(Classifier):
    """A network on constituents in training."""

    config: TaggerBlock
    training: packed.Jets
    validation_batch = 1024

    def __init__(
        self,
        config: TaggerBlock,
        training: packed.Jets,
        validation: packed.Jets,
        body: Body,
        more: Callable[[keras.Model, Path], None] | None,
        ranks: Single,
    ) -> None:
        self.body, self.more = body, more
        super().__init__(config, training, validation, training.classes, ranks)

    def network_of(self) -> keras.Model:
        """The family's network, on inputs that it standardises itself."""
        jets = self.training
        given = {
            name: keras.Input(shape, dtype=kind, name=name)
            for name, (shape, kind) in packed.specified(self.config).items()
        }
        observables = None
        if self.config.observables:
            values = given[OBSERVABLES]
            observables = kerasmodel.standardised(values, jets.observables, logarithms=True)
        std = np.where(jets.std > 0, jets.std, 1)
        inputs = Inputs(given, jets.mean, std, observables, self.examples)
        logits = self.body(self.config, inputs, len(self.classes))
        tensors = list(given.values())
        return keras.Model(tensors if len(tensors) > 1 else tensors[0], logits)

    def examples(self) -> dict[str, NDArray[np.generic]]:
        """Inputs of the network for training jets from all shards, `EXAMPLES` at most."""
        jets, number = self.training, min(EXAMPLES, len(self.training))
        rows = np.linspace(0, len(jets) - 1, number).astype(np.int64)
        return packed.given(self.config, jets.take(rows), jets.observables[rows])

    def write(self, folder: Path) -> None:
        """Write the network, and what the family has besides."""
        kerasmodel.write(self.network, folder, self.config.kind, self.classes)
        if self.more is not None:
            self.more(self.network, folder)

    def manifest(self) -> dict[str, Any]:
        """The classes of the training, and how jets are packed."""
        return {**super().manifest(), "packing": self.config.packing()}
