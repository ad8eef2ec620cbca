"""Jets of toy classes for detectors of anomalies."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np

from boostflow.io import write_parquet

FEATURES = ["tau21", "c2", "multiplicity", "pt_d"]
CLASSES = ("gluon", "quark", "top")


def jets(folder: Path, count: int = 900) -> list[Path]:
    """Three classes whose features lie in a plane, but for those of `top`."""
    plane = np.array([[1.0, 1.0, 0.0, 0.5], [0.0, 1.0, 1.0, -1.0]])
    paths = []
    for number, name in enumerate(CLASSES):
        rng = np.random.default_rng([3, number])
        inside = rng.normal(size=(count, 2)) @ plane
        x = inside + rng.normal(0, 1.0 if name == "top" else 0.1, (count, 4))
        columns = {name: x[:, i].astype(np.float32) for i, name in enumerate(FEATURES)}
        columns |= {
            "label": ak.Array([name] * count),
            "split": (np.arange(count) % 3).astype(np.int8),
            "weight": np.full(count, 0.5 + number),
            "event_id": np.arange(count, dtype=np.uint64),
            "jet_index": np.zeros(count, np.int16),
            "candidate": np.ones(count, bool),
            "msoftdrop": rng.uniform(40, 200, count).astype(np.float32),
        }
        paths.append(folder / f"{name}.parquet")
        write_parquet(paths[-1], ak.zip(columns, depth_limit=1))
    return paths
