"""Scoring with a trained model, on one process and without Horovod."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from boostflow.config.models import UCluster
from boostflow.models.ucluster import checkpoint, losses
from boostflow.models.ucluster.clusters import Clusters
from boostflow.models.ucluster.data import gather, in_order
from boostflow.models.ucluster.distributed import Single
from boostflow.models.ucluster.features import pack, require
from boostflow.models.ucluster.network import Network, graph, signature
from boostflow.models.ucluster.training import MODEL

if TYPE_CHECKING:
    import awkward as ak

BATCH = 512
JETS = "jets to score"


def load(model: Path) -> tuple[UCluster, Network, Clusters]:
    """The trained network of a model's directory.

    Raises:
        BoostflowError: missing or damaged.
    """
    header, arrays = checkpoint.read(model / MODEL)
    config = UCluster.model_validate(header["config"])
    network = Network(config, header["bins"], Single())
    clusters = Clusters(config, header["bins"])
    weights = {name: a for name, a in arrays.items() if not name.startswith("edges_")}
    checkpoint.restore(model / MODEL, [*network.variables, *clusters.variables], weights)
    return config, network, clusters


def score(model: Path, jets: ak.Array) -> dict[str, NDArray]:
    """Clusters of jets; see `boostflow.models.ucluster.score`."""

    config, network, clusters = load(model)
    n = len(jets)
    require(jets, JETS)
    usable = _usable(jets)
    packed = pack(jets[usable], config.constituents, config.neighbours, JETS)
    forward = tf.function(
        lambda g: network(g, training=False), input_signature=[signature(config.neighbours)]
    )
    embedding = np.full((n, config.embedding), np.nan, np.float32)
    distance = np.full((n, config.clusters), np.nan, np.float32)
    mass_bin = np.full(n, -1, np.int16)
    cluster = np.full(n, -1, np.int16)
    places = np.flatnonzero(usable)
    for rows in in_order(len(packed), BATCH, 0, 1):
        found, logits = forward(graph(gather(packed, rows)))
        here = places[rows]
        embedding[here] = found.numpy()
        distance[here] = losses.squared_distances(found, clusters.centroids).numpy()
        cluster[here] = distance[here].argmin(1)
        mass_bin[here] = logits[0].numpy().argmax(1)
    columns: dict[str, NDArray] = {"cluster": cluster, "mass_bin": mass_bin}
    columns |= {f"dist_{k}": distance[:, k] for k in range(config.clusters)}
    columns |= {f"emb_{i}": embedding[:, i] for i in range(config.embedding)}
    return columns


def _usable(jets: ak.Array) -> NDArray[np.bool_]:
    """Jets with at least one constituent and only finite numbers."""
    import awkward as ak

    good = ak.to_numpy(ak.num(jets.pf_pt) > 0)
    for name in ("pf_pt", "pf_eta", "pf_phi", "pf_mass"):
        good &= ak.to_numpy(ak.all(np.isfinite(jets[name]), axis=1))
    for name in ("pt", "eta", "phi", "mass"):
        good &= np.isfinite(ak.to_numpy(jets[name]))
    return good
