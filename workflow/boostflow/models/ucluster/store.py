"""Packed jets on disk: written once as shards, read batch by batch, so that memory stays flat.

A folder with index.json and, for each split and shard, two files of raw little-endian records:
`<split>-<shard>.particles` and `<split>-<shard>.jets` (`particle_type`, `jet_type`). Each jet lies
in a shard drawn at random, so every shard holds all samples alike.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BoostflowError
from boostflow.io import atomic, parquet_chunks, read_json, write_json
from boostflow.models.ucluster.batch import Batch, jets_in, leading_pairs, spans, views
from boostflow.models.ucluster.block import PACKING, UCluster
from boostflow.models.ucluster.features import COLUMNS, FEATURES, pack
from boostflow.seeds import derive
from boostflow.select.split import TRAIN, VALIDATION
from boostflow.training.data import shuffled

if TYPE_CHECKING:
    import awkward as ak

    from boostflow.jobs.models import Prepare

INDEX = "index.json"
SPLITS = {"training": TRAIN, "validation": VALIDATION}
SHARD = 8192
"""Jets (or events) in a shard, on average: about 40 MB."""
CHUNK = 4096
"""Rows of the selected jets in memory while packing."""
UNMATCHED = "unmatched"


def particle_type(neighbours: int) -> np.dtype:
    """One constituent; see `features.Packed`."""
    return np.dtype(
        [
            ("features", "<f4", (len(FEATURES),)),
            ("momenta", "<f4", (4,)),
            ("neighbours", "<i2", (neighbours,)),
        ]
    )


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
    sizes = _count(inputs)
    writers = {}
    classes: list[str] = []
    with atomic(output) as part:
        part.mkdir()
        for name, code in SPLITS.items():
            writers[code] = _Writer(part, name, config, max(1, round(sizes[code] / SHARD)))
        for number, path in enumerate(inputs):
            for i, rows in enumerate(_units(path, config)):
                truth = _truth(rows, classes)
                for code, writer in writers.items():
                    chosen = np.asarray(rows.split[:, 0]) == code
                    writer.add(rows[chosen], truth[chosen], path, derive(0, "pack", number, i))
        write_json(
            part / INDEX,
            {
                "packing": _packing(config),
                "classes": classes,
                "splits": {name: writers[code].summary() for name, code in SPLITS.items()},
            },
        )


def _packing(config: UCluster) -> dict[str, Any]:
    return config.model_dump(mode="json", include=set(PACKING))


def _count(inputs: Sequence[Path]) -> dict[int, int]:
    """Rows of each split."""
    sizes = dict.fromkeys(SPLITS.values(), 0)
    for path in inputs:
        for rows in parquet_chunks(path, ["split"], 1_000_000):
            for code in sizes:
                sizes[code] += int(np.sum(np.asarray(rows.split) == code))
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
    for rows in parquet_chunks(path, columns, CHUNK, optional=["label"], together=together):
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


class _Writer:
    """Appends units to the shards of a split."""

    def __init__(self, folder: Path, name: str, config: UCluster, shards: int) -> None:
        self.folder, self.name, self.config = folder, name, config
        self.jets, self.particles = [0] * shards, [0] * shards
        self.digests = [hashlib.blake2b(digest_size=16) for _ in range(2)]
        """Checksums of all particles and all jets in the order in which they came, whatever the
        chunks."""
        self.sums = np.zeros((2, len(FEATURES)))
        for shard in range(shards):
            for kind in ("particles", "jets"):
                (folder / _file(name, shard, kind)).touch()

    def add(self, units: ak.Array, truth: NDArray[np.int32], path: Path, seed: int) -> None:
        """Pack units and append each to a shard that the random seed chooses."""
        import awkward as ak

        if not len(units):
            return
        config = self.config
        packed = pack(ak.flatten(units), config.constituents, config.neighbours, str(path))
        particles = np.empty(len(packed.features), particle_type(config.neighbours))
        for name in particles.dtype.names:
            particles[name] = getattr(packed, name)
        jets = np.empty(len(units), jet_type(config.unit, len(views(config.unit, config.views))))
        jets["counts"] = packed.counts.reshape(len(units), -1)
        jets["masses"] = np.concatenate([ak.to_numpy(units[v]) for v in config.views], axis=1)
        jets["truth"] = truth
        for digest, rows in zip(self.digests, (particles, jets), strict=True):
            digest.update(rows.tobytes())
        features = packed.features.astype(np.float64)
        self.sums += [features.sum(0), (features**2).sum(0)]
        shard = np.random.default_rng(seed).integers(len(self.jets), size=len(jets))
        shard_of_particle = np.repeat(shard, jets["counts"].sum(1))
        for s in np.unique(shard):
            self._append(s, "jets", jets[shard == s])
            self._append(s, "particles", particles[shard_of_particle == s])

    def _append(self, shard: int, kind: str, rows: NDArray) -> None:
        with (self.folder / _file(self.name, shard, kind)).open("ab") as file:
            file.write(rows.tobytes())
        getattr(self, kind)[shard] += len(rows)

    def summary(self) -> dict[str, Any]:
        """The split's part of the index."""
        count = max(sum(self.particles), 1)
        mean, square = self.sums / count
        return {
            "jets": self.jets,
            "particles": self.particles,
            "mean": mean.tolist(),
            "std": np.sqrt(np.maximum(square - mean**2, 0)).tolist(),
            "digest": "".join(digest.hexdigest() for digest in self.digests),
        }


# --- reading --------------------------------------------------------------------------------------


class Jets:
    """The packed units of a split; N units of J jets, V views. Constituents stay on disk.

    masses: (N, V) float64, the views (GeV). counts: (N, J) int32, constituents of each jet.
    truth: (N,) int32, index of the class in `classes`, -1 unknown; never part of a training.
    mean, std: (9,) of the particles' features. shards: units in each shard.
    """

    def __init__(self, folder: Path, name: str, index: dict[str, Any]) -> None:
        split = index["splits"][name]
        packing = index["packing"]
        self.folder, self.name = folder, name
        self.classes: list[str] = index["classes"]
        self.shards: list[int] = split["jets"]
        self.digest: str = split["digest"]
        self.mean, self.std = np.array(split["mean"]), np.array(split["std"])
        self._particles: list[int] = split["particles"]
        self._type = particle_type(packing["neighbours"])
        dtype = jet_type(packing["unit"], len(views(packing["unit"], packing["views"])))
        for shard, size in enumerate(self._particles):
            self._check(shard, "particles", size * self._type.itemsize)
        jets = np.concatenate(
            [
                np.fromfile(self._check(shard, "jets", size * dtype.itemsize), dtype)
                for shard, size in enumerate(self.shards)
            ]
        )
        self.masses = jets["masses"].astype(np.float64)
        self.counts = jets["counts"].astype(np.int32)
        self.truth = jets["truth"].astype(np.int32)
        self._ends = np.cumsum(self.shards)
        # A batch touches two shards at most (`shuffled`); closing a map frees its memory.
        self._shard = functools.lru_cache(maxsize=2)(self._open)

    def __len__(self) -> int:
        return len(self.truth)

    def _check(self, shard: int, kind: str, size: int) -> Path:
        path = self.folder / _file(self.name, shard, kind)
        found = path.stat().st_size if path.exists() else None
        if found != size:
            state = "missing" if found is None else f"has {found} bytes instead of {size}"
            raise BoostflowError(
                f"{path}: {state}; remove {self.folder} and run again: the jets are packed anew"
            )
        return path

    def _open(self, shard: int) -> tuple[NDArray, NDArray[np.int64]]:
        """Particles of a shard, and where each of its units begins."""
        path = self.folder / _file(self.name, shard, "particles")
        if not self._particles[shard]:
            return np.empty(0, self._type), np.zeros(self.shards[shard], np.int64)
        first = self._ends[shard] - self.shards[shard]
        counts = self.counts[first : self._ends[shard]].sum(1, dtype=np.int64)
        return np.memmap(path, self._type, mode="r"), np.cumsum(counts) - counts

    def batch(self, rows: NDArray[np.int64]) -> Batch:
        """The named units.

        Raises:
            BoostflowError: a shard is gone.
        """
        counts = self.counts[rows]
        sizes = counts.sum(1, dtype=np.int64)
        out = np.empty(sizes.sum(), self._type)
        first = np.cumsum(sizes) - sizes
        shards = np.searchsorted(self._ends, rows, side="right")
        for shard in np.unique(shards):
            mine = np.flatnonzero(shards == shard)
            try:
                particles, starts = self._shard(shard)
            except OSError as error:
                raise BoostflowError(f"a shard of {self.folder} is gone ({error})") from None
            local = starts[rows[mine] - (self._ends[shard] - self.shards[shard])]
            there = spans(first[mine], sizes[mine])
            out[there] = particles[spans(local, sizes[mine])]
        return Batch(
            np.ascontiguousarray(out["features"]),
            np.ascontiguousarray(out["momenta"]),
            out["neighbours"].astype(np.int32),
            counts.ravel(),
            rows,
        )

    def shuffled(
        self, batch: int, seed: int, epoch: int, rank: int, size: int
    ) -> Iterator[NDArray[np.int64]]:
        """Units of this rank in each step of an epoch, as `training.data.shuffled`.

        They are dealt out by the number of constituents.
        """
        work = self.counts.sum(1)
        return shuffled(self.shards, batch, seed, epoch, rank, size, work)


def read(folder: Path, config: UCluster) -> tuple[Jets, Jets]:
    """Training and validation units of a folder that `write` made.

    Raises:
        BoostflowError: it is missing, damaged, or was packed with other settings, or there are
            fewer units than clusters.
    """
    index = read_json(folder / INDEX)
    if not isinstance(index, dict) or not {"packing", "classes", "splits"} <= set(index):
        raise BoostflowError(f"{folder / INDEX}: not what `boostflow prepare` writes: pack again")
    wanted = _packing(config)
    if index["packing"] != wanted:
        other = [key for key in PACKING if index["packing"].get(key) != wanted[key]]
        raise BoostflowError(
            f"{folder}: packed with other settings ({', '.join(other)}): pack the jets again"
        )
    training, validation = (Jets(folder, name, index) for name in SPLITS)
    for jets in (training, validation):
        if len(jets) < max(config.clusters, 2):
            raise BoostflowError(
                f"{len(jets)} {jets.name} {config.unit}s between {config.mass[0]:g} and"
                f" {config.mass[1]:g} GeV for {config.clusters} clusters: more events or a wider"
                " `mass` window are needed"
            )
    return training, validation


def _file(name: str, shard: int, kind: str) -> str:
    return f"{name}-{shard:05d}.{kind}"
