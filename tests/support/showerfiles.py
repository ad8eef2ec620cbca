"""Small files of showers in the layout of CaloGAN."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

SHAPES = {"layer_0": (3, 96), "layer_1": (12, 12), "layer_2": (12, 6), "overflow": (3,)}
"""As published (arXiv:1712.10321); written down here a second time so that tests can compare."""


def arrays(size: int = 20, seed: int = 1) -> dict[str, np.ndarray]:
    """Datasets of showers that are none: most cells empty, energies between 1 and 100 GeV."""
    rng = np.random.default_rng(seed)
    found = {"energy": rng.uniform(1, 100, (size, 1))}
    for name, shape in SHAPES.items():
        found[name] = rng.exponential(100, (size, *shape)) * (rng.random((size, *shape)) < 0.3)
    return found


def write(path: Path, changed: Mapping[str, Any] | None = None, size: int = 20) -> Path:
    """A file with some datasets changed; None leaves one out."""
    with h5py.File(path, "w") as file:
        for name, values in {**arrays(size), **(changed or {})}.items():
            if values is not None:
                file[name] = values
    return path
