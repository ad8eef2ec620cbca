"""The trained network as a Keras file, for use in TensorFlow or for a training of one's own.

Importing this module registers the class, so that `keras.models.load_model` finds it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from boostflow.io import atomic
from boostflow.models.ucluster import losses
from boostflow.models.ucluster.batch import views
from boostflow.models.ucluster.block import UCluster
from boostflow.models.ucluster.clusters import Clusters
from boostflow.models.ucluster.export import DISTANCES, EMBEDDING, logits_of
from boostflow.models.ucluster.network import Graph, Network
from boostflow.training.ranks import Single

KERAS = "model.keras"


@keras.saving.register_keras_serializable("boostflow")
class Exported(keras.Model):
    """Network and centroids with the inputs and outputs of the ONNX graph (`export.build`).

    The weights of particles are not among the outputs. Call it with a dictionary of whole packed
    batches: the inputs have different lengths, so that `predict` cannot cut them.
    """

    def __init__(self, network: Network, clusters: Clusters) -> None:
        super().__init__(name="exported")
        self.network, self.clusters = network, clusters
        self.built = True

    def call(self, inputs: dict[str, tf.Tensor], training: bool = False) -> dict[str, tf.Tensor]:
        """features (P, 9), momenta (P, 4), neighbours (P, k), counts (B * J,) -> named outputs."""
        graph = Graph(**{name: inputs[name] for name in Graph._fields})
        embedding, logits = self.network(graph, training=training)
        outputs = {
            EMBEDDING: embedding,
            DISTANCES: losses.squared_distances(embedding, self.clusters.centroids),
        }
        config = self.network.config
        names = map(logits_of, views(config.unit, config.views))
        return outputs | dict(zip(names, logits, strict=True))

    def get_config(self) -> dict[str, Any]:
        """The model's block and the number of mass bins of each view."""
        network = self.network
        return {"config": network.config.model_dump(mode="json"), "bins": network.bins}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Exported:
        """A network of the same configuration on one process, with weights yet to be loaded."""
        block = UCluster.model_validate(config["config"])
        bins = list(config["bins"])
        return cls(Network(block, bins, Single()), Clusters(block, bins))


def write(path: Path, network: Network, clusters: Clusters) -> None:
    """Write the Keras file."""
    with atomic(path) as part:
        Exported(network, clusters).save(part)
