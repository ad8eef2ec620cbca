"""UCluster (Mikuni & Canelli, arXiv:2010.07106): a graph network that clusters jets without labels.

features   selected jets -> packed constituents       store      shards on disk, batches
network    graph attention, embedding, mass bins      pretext    mass bins
losses     pretext and clustering losses              clusters   centroids
clustering k-means, mixture, global matching          schedule   learning rate, alpha
distributed Horovod                                   training   the loop
devices    GPUs of the ranks
checkpoint files of named arrays                      scoring    score tables
export     ONNX graph of a trained network            onnxgraph  its nodes
saved      Keras file of a trained network            explain    attention, weights of particles
architecture  numbers that network and export share

TensorFlow is imported by `train` alone; scores come from ONNX Runtime.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import awkward as ak
    from numpy.typing import NDArray

    from boostflow.config.models import UCluster

PACKING = ("unit", "mass", "views", "constituents", "neighbours")
"""Keys of the model's block that decide what the packed jets contain."""


def packing(config: UCluster) -> dict[str, Any]:
    """What decides which jets a model trains on, and how they are packed: part of its block."""
    block = config.model_dump(mode="json", include={"kind", "samples", *PACKING})
    # Goes with any number of views; what is packed does not depend on it.
    return block | {"cluster_loss": "kmeans"}


def packing_name(config: UCluster) -> str:
    """The name of its packed jets: the same for all models that pack the same ones."""
    text = json.dumps(packing(config), sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=5).hexdigest()


def environment(threads: int) -> dict[str, str]:
    """Variables that TensorFlow and Horovod read when they are imported in a process.

    Args:
        threads: of the process.
    """
    count = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
    return dict.fromkeys(count, str(threads)) | {
        "TF_CPP_MIN_LOG_LEVEL": "2",
        # The C library maps large tensors anew in each step: half of the time went into that.
        "TF_CPU_ALLOCATOR_USE_BFC": "true",
        # A rank that is alive but stuck ends the job, too. No rank is ever busy alone for so long.
        "HOROVOD_STALL_CHECK_TIME_SECONDS": "10",
        "HOROVOD_STALL_SHUTDOWN_TIME_SECONDS": "40",
    }


def train(jets: Path, config: UCluster, output: Path, checkpoints: Path | None = None) -> None:
    """Train on the processes that `horovodrun` started, or on this one alone.

    Args:
        jets: folder of packed jets (`store.write`).
        config: the model's block.
        output: directory to write (docs/ucluster.md, "Reading a model").
        checkpoints: directory of the checkpoint from which a killed training continues.

    Raises:
        BoostflowError: bad input; the same message on every process.
    """
    from boostflow.models.ucluster import distributed, training

    training.train(jets, config, output, distributed.connect(), checkpoints)


def score(model: Path, jets: ak.Array, threads: int = 1) -> dict[str, NDArray]:
    """Cluster, distances, embedding and mass bin of each jet.

    Args:
        model: directory of a trained model.
        jets: with the columns of `features.COLUMNS`.
        threads: that compute at the same time.

    Returns:
        cluster (int16), mass_bin (int16), dist_<k> (squared distance to centroid k), emb_<i>.
        Jets without constituents or with numbers that are not finite: -1 and NaN.

    Raises:
        BoostflowError: the model is damaged, or a column is missing.
    """
    from boostflow.models.ucluster import scoring

    return scoring.score(model, jets, threads)
