"""Packed jets on disk: written once as shards, read batch by batch, so that memory stays flat.

A folder with index.json and, for each split and shard, two files of raw little-endian records:
`<split>-<shard>.particles` (`packing.Layout.dtype`) and `<split>-<shard>.jets`, a record for each
unit that is trained on: a jet, or some jets together. It has a field `counts`, the particles of
its jets, and what its writer adds. Each unit lies in a shard drawn at random, so every shard holds
all samples alike.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boostflow.constituents.packing import Packed, spans
from boostflow.errors import BoostflowError
from boostflow.io import atomic, read_json, write_json

INDEX = "index.json"
SHARD = 8192
"""Units in a shard, on average: about 40 MB."""
CHUNK = 4096
"""Rows of the selected jets in memory while packing."""


@contextmanager
def written(
    output: Path, sizes: Mapping[str, int], features: int, about: Mapping[str, Any]
) -> Iterator[dict[str, Writer]]:
    """Writers of the splits of a new folder, which is there once the block succeeds.

    Args:
        output: folder to write.
        sizes: about how many units each split will have, by name.
        features: of a particle.
        about: what the index says besides what it says of the splits, as it is in the end.
    """
    with atomic(output) as part:
        part.mkdir()
        writers = {
            name: Writer(part, name, max(1, round(size / SHARD)), features)
            for name, size in sizes.items()
        }
        yield writers
        splits = {name: writer.summary() for name, writer in writers.items()}
        write_json(part / INDEX, {**about, "splits": splits})


class Writer:
    """Appends units to the shards of a split."""

    def __init__(self, folder: Path, name: str, shards: int, features: int) -> None:
        self.folder, self.name = folder, name
        self.jets, self.particles = [0] * shards, [0] * shards
        self.digests = [hashlib.blake2b(digest_size=16) for _ in range(2)]
        """Checksums of all particles and all jets in the order in which they came, whatever the
        chunks."""
        self.sums = np.zeros((2, features))
        for shard in range(shards):
            for kind in ("particles", "jets"):
                (folder / _file(name, shard, kind)).touch()

    def add(self, packed: Packed, jets: NDArray[np.void], seed: int) -> None:
        """Append each unit to a shard that the random seed chooses.

        Args:
            packed: the jets of the units.
            jets: a record for each unit, shape (N,).
            seed: of the shards.
        """
        for digest, rows in zip(self.digests, (packed.particles, jets), strict=True):
            digest.update(rows.tobytes())
        features = packed.features.astype(np.float64)
        self.sums += [features.sum(0), (features**2).sum(0)]
        shard = np.random.default_rng(seed).integers(len(self.jets), size=len(jets))
        shard_of_particle = np.repeat(shard, _sizes(jets["counts"]))
        for s in np.unique(shard):
            self._append(s, "jets", jets[shard == s])
            self._append(s, "particles", packed.particles[shard_of_particle == s])

    def _append(self, shard: int, kind: str, rows: NDArray) -> None:
        with (self.folder / _file(self.name, shard, kind)).open("ab") as file:
            file.write(rows.tobytes())
        getattr(self, kind)[shard] += len(rows)

    def summary(self) -> dict[str, Any]:
        """The split's part of the index."""
        mean, square = self.sums / max(sum(self.particles), 1)
        return {
            "jets": self.jets,
            "particles": self.particles,
            "mean": mean.tolist(),
            "std": np.sqrt(np.maximum(square - mean**2, 0)).tolist(),
            "digest": "".join(digest.hexdigest() for digest in self.digests),
        }


def index(folder: Path, packing: Mapping[str, Any]) -> dict[str, Any]:
    """The index of a folder that was packed with these settings.

    Raises:
        BoostflowError: it is missing or damaged, or was packed with other settings.
    """
    found = read_json(folder / INDEX)
    if not isinstance(found, dict) or not {"packing", "classes", "splits"} <= set(found):
        raise BoostflowError(f"{folder / INDEX}: not what `boostflow prepare` writes: pack again")
    if found["packing"] != packing:
        other = [key for key in packing if found["packing"].get(key) != packing[key]]
        raise BoostflowError(
            f"{folder}: packed with other settings ({', '.join(other)}): pack the jets again"
        )
    return found


class Shards:
    """The packed units of a split. Particles stay on disk.

    jets: (N,) records. counts: (N, J) int32, particles of each jet of a unit. mean, std: of the
    particles' features. shards: units in each shard.
    """

    def __init__(
        self, folder: Path, name: str, index: Mapping[str, Any], particle: np.dtype, jet: np.dtype
    ) -> None:
        """Read what is said of each unit.

        Args:
            folder: the packed jets.
            name: of the split.
            index: of the folder.
            particle: type of the records of particles.
            jet: type of the records of units.

        Raises:
            BoostflowError: a file is missing or has another size.
        """
        split = index["splits"][name]
        self.folder, self.name = folder, name
        self.shards: list[int] = split["jets"]
        self.digest: str = split["digest"]
        self.mean, self.std = np.array(split["mean"]), np.array(split["std"])
        self._particles: list[int] = split["particles"]
        self._type = particle
        for shard, size in enumerate(self._particles):
            self._check(shard, "particles", size * particle.itemsize)
        self.jets = np.concatenate(
            [
                np.fromfile(self._check(shard, "jets", size * jet.itemsize), jet)
                for shard, size in enumerate(self.shards)
            ]
        )
        self.counts = self.jets["counts"].astype(np.int32)
        self._ends = np.cumsum(self.shards)
        # A batch touches two shards at most (`shuffled`); closing a map frees its memory.
        self._shard = functools.lru_cache(maxsize=2)(self._open)

    def __len__(self) -> int:
        return len(self.jets)

    @property
    def work(self) -> NDArray[np.int64]:
        """Particles of each unit, (N,): how much there is to do for it."""
        return _sizes(self.counts)

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
        counts = _sizes(self.counts[first : self._ends[shard]])
        return np.memmap(path, self._type, mode="r"), np.cumsum(counts) - counts

    def take(self, rows: NDArray[np.int64]) -> Packed:
        """The named units.

        Raises:
            BoostflowError: a shard is gone.
        """
        counts = self.counts[rows]
        sizes = _sizes(counts)
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
        return Packed(out, counts.ravel())


def _sizes(counts: NDArray[np.integer]) -> NDArray[np.int64]:
    """Particles of each unit from those of its jets, (N, J) or (N,)."""
    return counts.reshape(len(counts), math.prod(counts.shape[1:])).sum(1, dtype=np.int64)


def _file(name: str, shard: int, kind: str) -> str:
    return f"{name}-{shard:05d}.{kind}"
