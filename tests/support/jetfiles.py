"""Small files of single jets in the layouts of public sets that are not HDF5, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def write_toptag(path: Path, momenta: np.ndarray, label: list[int], **change: Any) -> Path:
    """Arrays of jets as in the top-tagging set: `path`, which ends with p4.npy, and two beside it.

    Args:
        path: file of the four-momenta.
        momenta: (jets, slots, 4) px, py, pz, E, padded with zeros.
        label: of each jet, 0 or 1.
        change: arrays `p4`, `mask`, `labels` instead of those; None leaves one out.
    """
    p4 = momenta.transpose(0, 2, 1).astype(np.float32)
    content = {
        "p4": p4,
        "mask": (p4[:, 3:] > 0).astype(np.float32),
        "labels": np.array(label, dtype=np.int64),
    } | change
    for part, array in content.items():
        if array is not None:
            np.save(path.with_name(path.name.replace("p4", part)), array)
    return path


def write_jetclass(
    path: Path, momenta: np.ndarray, label: list[int], *, group: int = 1000, **change: Any
) -> Path:
    """A Parquet file of jets as in JetClass-II.

    Args:
        path: file to write.
        momenta: (jets, slots, 4) px, py, pz, E, padded with zeros.
        label: of each jet, 0 to 187.
        group: jets in a row group.
        change: columns instead of those; None leaves one out.
    """
    lists = [jet[jet[:, 3] > 0] for jet in momenta]
    counts = [len(jet) for jet in lists]
    # By turns: electron, muon, photon, charged and neutral hadron.
    kind = [np.arange(n) % 5 for n in counts]
    names = ("Electron", "Muon", "Photon", "ChargedHadron", "NeutralHadron")
    four = pa.list_(pa.float32())
    content = {
        **{
            f"part_{name}": pa.array([jet[:, i] for jet in lists], four)
            for i, name in enumerate(("px", "py", "pz", "energy"))
        },
        "part_charge": pa.array(
            [np.array([-1, 1, 0, 1, 0])[k] for k in kind], pa.list_(pa.int32())
        ),
        **{
            f"part_is{name}": pa.array([(k == i).tolist() for k in kind], pa.list_(pa.bool_()))
            for i, name in enumerate(names)
        },
        "jet_sdmass": pa.array(np.arange(len(lists)) + 50.0, pa.float32()),
        "jet_label": pa.array(label, pa.int32()),
    } | change
    table = pa.table({name: column for name, column in content.items() if column is not None})
    pq.write_table(table, path, row_group_size=group)
    return path
