"""What is seen of a training in progress: a line for each epoch, and TensorBoard."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import tensorflow as tf

TENSORBOARD = "tensorboard"
SPEED = "jets_per_second"
"""Name of the rate of all ranks together: jets, or what else has a score."""


def line(name: str, epoch: int, epochs: int, text: str, speed: float, left: float) -> str:
    """The line of an epoch that is done; rules look for its beginning, `<model>: epoch `.

    Args:
        name: of the model.
        epoch: how many are done.
        epochs: of the whole training.
        text: figures.
        speed: jets per second.
        left: seconds.
    """
    return f"{name}: epoch {epoch}/{epochs} {text}, {speed:.0f} jets/s, {left:.0f} s left"


def show(text: str) -> None:
    """Print a line where it is seen at once, also from a rank."""
    print(text, file=sys.stderr, flush=True)


class Board:
    """Figures of each epoch for TensorBoard."""

    def __init__(self, folder: Path) -> None:
        """`folder`: of the training's checkpoint; a resumed training adds to what is there."""
        self.writer = tf.summary.create_file_writer(str(folder / TENSORBOARD))

    def add(self, record: dict[str, Any]) -> None:
        """Write the figures of an epoch; those that are None are left out."""
        with self.writer.as_default(step=record["epoch"]):
            for name, value in record.items():
                if name != "epoch" and value is not None:
                    tf.summary.scalar(name, value)
        self.writer.flush()
