"""Scoring with a trained model by ONNX Runtime: without TensorFlow, on one process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from boostflow.config.models import UCluster
from boostflow.models.ucluster import checkpoint, export
from boostflow.models.ucluster.data import Batch, gather, in_order
from boostflow.models.ucluster.features import pack, require

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
    import onnxruntime

    path = model / checkpoint.MODEL
    header, arrays = checkpoint.read(path)
    graph = export.build(header, arrays, str(path))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Waiting threads would take the cores of other jobs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return UCluster.model_validate(header["config"]), session


def run(session: InferenceSession, batch: Batch, names: Sequence[str]) -> list[NDArray]:
    """The named outputs (`export.build`) of a batch."""
    return session.run(list(names), {name: getattr(batch, name) for name in export.INPUTS})


def score(model: Path, jets: ak.Array, threads: int) -> dict[str, NDArray]:
    """Clusters of jets; see `boostflow.models.ucluster.score`."""

    config, session = load(model, threads)
    n = len(jets)
    require(jets, JETS)
    usable = _usable(jets)
    packed = pack(jets[usable], config.constituents, config.neighbours, JETS)
    embedding = np.full((n, config.embedding), np.nan, np.float32)
    distance = np.full((n, config.clusters), np.nan, np.float32)
    mass_bin = np.full(n, -1, np.int16)
    cluster = np.full(n, -1, np.int16)
    places = np.flatnonzero(usable)
    wanted = (export.EMBEDDING, export.DISTANCES, export.logits_of(config.views[0]))
    for rows in in_order(len(packed), BATCH, 0, 1):
        here = places[rows]
        embedding[here], distance[here], logits = run(session, gather(packed, rows), wanted)
        cluster[here] = distance[here].argmin(1)
        mass_bin[here] = logits.argmax(1)
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
