"""What the processes of a training compute on: GPUs, or the CPU and why."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass

import tensorflow as tf

from boostflow.launch import DEVICES, gpus
from boostflow.training.ranks import Single

log = logging.getLogger("training")

CPU = "CPU"


@dataclass(frozen=True)
class Device:
    """What one process computes on."""

    name: str
    """Names of its GPUs, or `CPU`."""
    missing: str | None
    """Why it has no GPU although it was given some."""


def prepare() -> Device:
    """Let GPU memory grow as it is needed; to be called before TensorFlow computes anything.

    TensorFlow would take all memory of a GPU at once: nothing would be left for another process on
    it, or for a display.
    """
    found = tf.config.list_physical_devices("GPU")
    for gpu in found:
        tf.config.experimental.set_memory_growth(gpu, True)
    names = [
        tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in found
    ]
    missing = None
    if not found and gpus(os.environ):
        missing = f"{DEVICES} is {os.environ[DEVICES]}, but " + (
            "TensorFlow finds no GPU (does nvidia-smi?)"
            if tf.test.is_built_with_cuda()
            else "this TensorFlow is the CPU build (envs/README.md has the other one)"
        )
    return Device(", ".join(names) or CPU, missing)


def report(device: Device, ranks: Single) -> list[str]:
    """What each rank computes on; rank 0 says so in the log."""
    everyone = ranks.everyone(device)
    names = [d.name for d in everyone]
    if ranks.rank == 0:
        missing = [d.missing for d in everyone if d.missing]
        if missing:
            log.warning(
                "%d of %d processes train on the CPU: %s", len(missing), ranks.size, missing[0]
            )
        else:
            log.info("training on %s", " + ".join(names))
    return names
