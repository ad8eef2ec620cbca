"""Scoring with a trained model by ONNX Runtime: without TensorFlow, on one process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from boostflow.constituents.catalogue import COLUMNS
from boostflow.constituents.particles import require
from boostflow.models.runtime import session
from boostflow.models.ucluster import export
from boostflow.models.ucluster.batch import Batch, gather, leading_pairs, views
from boostflow.models.ucluster.block import UCluster
from boostflow.models.ucluster.features import layout
from boostflow.training import checkpoint
from boostflow.training.data import in_order

if TYPE_CHECKING:
    import awkward as ak
    from onnxruntime import InferenceSession

BATCH = 512
JETS = "jets to score"


def load(model: Path, threads: int) -> tuple[UCluster, InferenceSession]:
    """The trained network of a model's directory, from its model.npz.

    Raises:
        BoostflowError: missing or damaged.
    """
    path = model / checkpoint.MODEL
    header, arrays = checkpoint.read(path)
    graph = export.build(header, arrays, str(path)).SerializeToString()
    network = session(graph, threads)
    return UCluster.model_validate(header["config"]), network


def run(session: InferenceSession, batch: Batch, names: Sequence[str]) -> list[NDArray]:
    """The named outputs (`export.build`) of a batch."""
    inputs = {name: getattr(batch, name) for name in export.INPUTS}
    width = session.get_inputs()[0].shape[1]
    inputs["features"] = inputs["features"][:, :width]
    return session.run(list(names), inputs)


def score(model: Path, jets: ak.Array, threads: int = 1) -> dict[str, NDArray]:
    """Cluster, distances, embedding and mass bin of each jet.

    Args:
        model: directory of a trained model.
        jets: with the columns of `constituents.catalogue.COLUMNS`.
        threads: that compute at the same time.

    Returns:
        cluster (int16), mass_bin (int16), dist_<k> (squared distance to centroid k), emb_<i>.
        Jets without constituents or with numbers that are not finite: -1 and NaN.

    Raises:
        BoostflowError: the model is damaged, or a column is missing.
    """
    config, session = load(model, threads)
    n = len(jets)
    require(jets, JETS, [*COLUMNS, *([] if config.unit == "jet" else ["event_id"])])
    places = _units(jets, _usable(jets), config.unit)
    packed = layout(config.constituents, config.neighbours).pack(jets[places.ravel()], JETS)
    embedding = np.full((n, config.embedding), np.nan, np.float32)
    distance = np.full((n, config.clusters), np.nan, np.float32)
    mass_bin = np.full(n, -1, np.int16)
    cluster = np.full(n, -1, np.int16)
    view = views(config.unit, config.views)[0]
    wanted = (export.EMBEDDING, export.DISTANCES, export.logits_of(view))
    size = places.shape[1]
    for rows in in_order(np.arange(len(places)), BATCH):
        found, away, logits = run(session, gather(packed, rows, size), wanted)
        here = places[rows].ravel()
        embedding[here] = np.repeat(found, size, axis=0)
        distance[here] = np.repeat(away, size, axis=0)
        cluster[here] = distance[here].argmin(1)
        mass_bin[here] = np.repeat(logits.argmax(1), size)
    columns: dict[str, NDArray] = {"cluster": cluster, "mass_bin": mass_bin}
    columns |= {f"dist_{k}": distance[:, k] for k in range(config.clusters)}
    columns |= {f"emb_{i}": embedding[:, i] for i in range(config.embedding)}
    return columns


def _units(jets: ak.Array, usable: NDArray[np.bool_], unit: str) -> NDArray[np.int64]:
    """Rows of the jets of each unit that can be scored, (B, J).

    Of an event the two leading jets, the heavier one first, as in training.
    """
    if unit == "jet":
        return np.flatnonzero(usable)[:, None]
    rows = leading_pairs(jets.event_id, jets.pt, jets.mass)
    return rows[usable[rows].all(1)]


def _usable(jets: ak.Array) -> NDArray[np.bool_]:
    """Jets with at least one constituent and only finite numbers."""
    import awkward as ak

    good = ak.to_numpy(ak.num(jets.pf_pt) > 0)
    for name in ("pf_pt", "pf_eta", "pf_phi", "pf_mass"):
        good &= ak.to_numpy(ak.all(np.isfinite(jets[name]), axis=1))
    for name in ("pt", "eta", "phi", "mass"):
        good &= np.isfinite(ak.to_numpy(jets[name]))
    return good
