"""The packed jets that models train on: units of the mass window, their masses and classes.

The records of units (`jet_type`) lie beside those of particles in `boostflow.constituents.shards`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boostflow.constituents import shards
from boostflow.constituents.catalogue import COLUMNS
from boostflow.constituents.packing import Layout
from boostflow.errors import BoostflowError
from boostflow.io import parquet_chunks
from boostflow.models.tabular import UNMATCHED
from boostflow.models.ucluster.batch import Batch, batch, jets_in, leading_pairs, views
from boostflow.models.ucluster.block import PACKING, UCluster
from boostflow.models.ucluster.features import FEATURES, layout
from boostflow.seeds import derive
from boostflow.select.split import TRAIN, VALIDATION
from boostflow.training.data import shuffled

if TYPE_CHECKING:
    import awkward as ak

    from boostflow.jobs.models import Prepare

SPLITS = {"training": TRAIN, "validation": VALIDATION}


def jet_type(unit: str, views: int) -> np.dtype:
    """One jet or event: constituents of its jets, its masses (GeV), its class (-1: unknown)."""
    jets = jets_in(unit)
    return np.dtype([("counts", "<i4", (jets,)), ("masses", "<f4", (views,)), ("truth", "<i4")])


# --- writing --------------------------------------------------------------------------------------


def prepare(job: Prepare, files: Prepare.Files) -> None:
    """Pack the jets that models train on; see `write`."""
    assert isinstance(job.model, UCluster)
    write(files.jets, job.model, files.prepared)


def write(inputs: Sequence[Path], config: UCluster, output: Path) -> None:
    """Pack the training and validation jets of some tables, a few thousand at a time.

    Args:
        inputs: selected jets of the samples to cluster.
        config: the model's block; only the keys of `PACKING` matter.
        output: folder to write.

    Raises:
        BoostflowError: a file is unreadable or lacks a column, or values are not finite.
    """
    import awkward as ak

    sizes = _count(inputs)
    classes: list[str] = []
    kept = _layout(config)
    about = {"packing": _packing(config), "classes": classes}
    with shards.written(output, sizes, len(FEATURES), about) as writers:
        for number, path in enumerate(inputs):
            for i, units in enumerate(_units(path, config)):
                truth = _truth(units, classes)
                for name, code in SPLITS.items():
                    chosen = np.asarray(units.split[:, 0]) == code
                    if not chosen.any():
                        continue
                    packed = kept.pack(ak.flatten(units[chosen]), str(path))
                    jets = _jets(units[chosen], packed.counts, truth[chosen], config)
                    writers[name].add(packed, jets, derive(0, "pack", number, i))


def _jets(
    units: ak.Array, counts: NDArray[np.int32], truth: NDArray[np.int32], config: UCluster
) -> NDArray[np.void]:
    """Records of some units."""
    import awkward as ak

    jets = np.empty(len(units), jet_type(config.unit, len(views(config.unit, config.views))))
    jets["counts"] = counts.reshape(len(units), -1)
    jets["masses"] = np.concatenate([ak.to_numpy(units[v]) for v in config.views], axis=1)
    jets["truth"] = truth
    return jets


def _layout(config: UCluster) -> Layout:
    return layout(config.constituents, config.neighbours)


def _packing(config: UCluster) -> dict[str, Any]:
    return config.model_dump(mode="json", include=set(PACKING))


def _count(inputs: Sequence[Path]) -> dict[str, int]:
    """Rows of each split."""
    sizes = dict.fromkeys(SPLITS, 0)
    for path in inputs:
        for rows in parquet_chunks(path, ["split"], 1_000_000):
            for name, code in SPLITS.items():
                sizes[name] += int(np.sum(np.asarray(rows.split) == code))
    return sizes


def _units(path: Path, config: UCluster) -> Iterator[ak.Array]:
    """Units of a table: records of lists with one entry for each jet of the unit.

    Of an event its two leading jets, the heavier one first, if both are inside the mass window.
    """
    import awkward as ak

    columns = [*dict.fromkeys([*COLUMNS, *config.views]), "split"]
    together = None if config.unit == "jet" else "event_id"
    if together is not None:
        columns.append(together)
    for rows in parquet_chunks(path, columns, shards.CHUNK, optional=["label"], together=together):
        for name in dict.fromkeys(["pt", "eta", "phi", "mass", *config.views]):
            bad = ~np.isfinite(ak.to_numpy(rows[name]))
            if bad.any():
                raise BoostflowError(
                    f"{path}: {bad.sum()} jets whose {name} is NaN or infinite; drop such jets"
                )
        if config.unit == "event":
            rows = rows[leading_pairs(rows.event_id, rows.pt, rows.mass).ravel()]
        if not len(rows):
            continue
        units = ak.unflatten(rows, jets_in(config.unit))
        low, high = config.mass
        yield units[ak.all((units.mass >= low) & (units.mass < high), axis=1)]


def _truth(units: ak.Array, classes: list[str]) -> NDArray[np.int32]:
    """Number of the class of each unit's first jet; new classes are added to the list."""
    if "label" not in units.fields:
        return np.full(len(units), -1, np.int32)
    names = np.asarray(units.label[:, 0].to_list(), dtype=str)
    for name in sorted(set(names) - {UNMATCHED} - set(classes)):
        classes.append(name)
    number = {name: i for i, name in enumerate(classes)}
    return np.array([number.get(name, -1) for name in names], np.int32)


class Jets(shards.Shards):
    """The packed units of a split. Constituents stay on disk.

    masses: (N, V) float64, the views (GeV). counts: (N, J) int32, constituents of each jet.
    truth: (N,) int32, index of the class in `classes`, -1 unknown; never part of a training.
    """

    def __init__(self, folder: Path, name: str, index: dict[str, Any], config: UCluster) -> None:
        record = jet_type(config.unit, len(views(config.unit, config.views)))
        super().__init__(folder, name, index, _layout(config).dtype, record)
        self.classes: list[str] = index["classes"]
        self.masses = self.jets["masses"].astype(np.float64)
        self.truth = self.jets["truth"].astype(np.int32)

    def batch(self, rows: NDArray[np.int64]) -> Batch:
        """The named units.

        Raises:
            BoostflowError: a shard is gone.
        """
        return batch(self.take(rows), rows)

    def shuffled(
        self, batch: int, seed: int, epoch: int, rank: int, size: int
    ) -> Iterator[NDArray[np.int64]]:
        """Units of this rank in each step of an epoch, as `training.data.shuffled`.

        They are dealt out by the number of constituents.
        """
        return shuffled(self.shards, batch, seed, epoch, rank, size, self.work)


def read(folder: Path, config: UCluster) -> tuple[Jets, Jets]:
    """Training and validation units of a folder that `write` made.

    Raises:
        BoostflowError: it is missing, damaged, or was packed with other settings, or there are
            fewer units than clusters.
    """
    index = shards.index(folder, _packing(config))
    training, validation = (Jets(folder, name, index, config) for name in SPLITS)
    for jets in (training, validation):
        if len(jets) < max(config.clusters, 2):
            raise BoostflowError(
                f"{len(jets)} {jets.name} {config.unit}s between {config.mass[0]:g} and"
                f" {config.mass[1]:g} GeV for {config.clusters} clusters: more events or a wider"
                " `mass` window are needed"
            )
    return training, validation
