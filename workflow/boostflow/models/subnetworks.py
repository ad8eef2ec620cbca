"""Trained networks as parts of others.

A family whose block is `joinable` (`models.networks.NetworkBlock`) keeps to this: its folder holds
`model.keras`, a functional network from named inputs, which it standardises itself, to the logits
of the classes; its last layer is a dense one (`kerasmodel.write` says so, too). Layers of its own
are registered with Keras by its module `train`. A training gives the inputs from packed jets (a
`TaggerBlock`) or from the columns `features` of its manifest; scores take them from `source` of
its module `score` (`network_score.Sources`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from boostflow.errors import BoostflowError
from boostflow.models.family import families
from boostflow.models.network_score import KERAS
from boostflow.models.score import manifest


@dataclass(frozen=True)
class Part:
    """A trained network that becomes a part of another one."""

    name: str
    """Of the model."""
    folder: Path
    about: dict[str, Any]
    """Its manifest."""

    @classmethod
    def of(cls, name: str, folder: Path) -> Part:
        """The network in a folder.

        Raises:
            BoostflowError: the folder is no model.
        """
        return cls(name, folder, manifest(folder))

    def trunk(self, fresh: bool) -> keras.Model:
        """The network without its last layer, called like the model.

        Args:
            fresh: whether it gets new weights, as before its training; means and standard
                deviations of its inputs stay.

        Raises:
            BoostflowError: its file is missing or damaged, or its last layer is no dense one.
        """
        # Keras has to know the layers of the family's own.
        families()[self.about["kind"]].module("train")
        path = self.folder / KERAS
        try:
            network = keras.models.load_model(path, compile=False)
        except Exception as error:  # of many types
            why = str(error).strip().partition("\n")[0]
            raise BoostflowError(
                f"{path}: is no network of Keras ({why}): remove the folder, and it is trained"
                " again"
            ) from None
        found = trunk(network, self.name)
        return keras.models.clone_model(found) if fresh else found


def trunk(network: keras.Model, name: str) -> keras.Model:
    """A network without its last layer, from its inputs to what that reads of each jet (B, L).

    Args:
        network: functional, with one output.
        name: of the result.

    Raises:
        BoostflowError: the last layer is no dense one.
    """
    layer, number, _ = network.outputs[0]._keras_history
    if not isinstance(layer, keras.layers.Dense):
        raise BoostflowError(
            f"{name}: its network ends with {layer.name} ({type(layer).__name__}), not with a dense"
            " layer: it cannot be joined with others"
        )
    (before,) = layer._inbound_nodes[number].input_tensors
    return keras.Model(network.inputs, before, name=name)
