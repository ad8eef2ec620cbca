"""Small flat files of tracks: as ROOT, Parquet and CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import uproot

CONTENT: dict[str, Any] = {
    "columns": ["p", "dedx", "tof", "weight_up"],
    "names": {"dedx": "signal"},
    "rows": {"pdg": 321},
    "group": ["run", "number"],
    "weight": "w",
}
"""Keys of a sample of kaons in these files."""


def tracks(size: int = 300, seed: int = 1) -> dict[str, np.ndarray]:
    """Columns of pions and kaons, three tracks an event; a third has no time of flight (NaN)."""
    rng = np.random.default_rng(seed)
    kaon = rng.random(size) < 0.5
    tof = rng.normal(np.where(kaon, 1.5, 0.0), 1.0)
    return {
        "run": 1 + np.arange(size) // 30,
        "number": 2**60 + np.arange(size) // 3,
        "pdg": np.where(kaon, 321, 211),
        "p": rng.uniform(0.2, 3.0, size),
        "signal": rng.normal(np.where(kaon, 1.0, 0.0), 1.0),
        "tof": np.where(rng.random(size) < 0.33, np.nan, tof),
        "w": rng.uniform(0.5, 1.5, size),
        "weight_up": rng.uniform(0.9, 1.3, size),
    }


def write(path: Path, columns: dict[str, Any]) -> Path:
    """A file by the end of its name: .root, .ntuple.root, .parquet (in groups of 70 rows), .csv."""
    if path.suffix == ".root":
        with uproot.recreate(path) as file:
            if ".ntuple" in path.name:
                file.mkrntuple("tracks", columns)
            else:
                file["tracks"] = columns
        return path
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=70)
    else:
        empty = pa.array(columns["tof"], from_pandas=True)  # NaN is an empty field
        at = table.column_names.index("tof")
        pyarrow.csv.write_csv(table.set_column(at, "tof", empty), path)
    return path
