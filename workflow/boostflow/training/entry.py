"""How a training process begins: environment, GPU, cores, lock, and only then TensorFlow."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from boostflow.io import exclusive
from boostflow.launch import gpus, take_gpu
from boostflow.training import cores
from boostflow.training.environment import environment

RANK = "HOROVOD_RANK"
"""Environment variable that a process started by horovodrun has."""


@contextmanager
def process(output: Path, threads: int | None = None) -> Iterator[None]:
    """Around all that a training process does; TensorFlow must not be imported before.

    Args:
        output: folder of the model: one training at a time writes it.
        threads: of this process of a training by `horovodrun`, which gets a GPU and cores of its
            own and the variables that TensorFlow and Horovod read when they are imported; None for
            a training that uses neither.

    Raises:
        BoostflowError: another process is training into the same folder.
    """
    if threads is not None:
        take_gpu(os.environ)
        cores.take(os.environ, threads)
        # Snakemake sets OMP_NUM_THREADS for the rule, not for a rank; Horovod's may be the user's.
        given = {k: v for k, v in os.environ.items() if k.startswith("HOROVOD_")}
        os.environ.update(environment(threads, bool(gpus(os.environ))) | given)
    first = os.environ.get(RANK, "0") == "0"
    lock = output.parent / f".{output.name}.lock"
    with exclusive(lock) if first else contextlib.nullcontext():
        yield
