"""The jets of a training: read, cut to the mass window, labelled with mass bins, batched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boostflow.config.models import UCluster
from boostflow.errors import BoostflowError
from boostflow.io import read_parquet
from boostflow.models.ucluster.features import COLUMNS, Packed, pack
from boostflow.seeds import derive
from boostflow.select.split import TRAIN, VALIDATION


@dataclass(frozen=True)
class Jets:
    """Jets of one split; N jets, V views.

    packed: what the network reads.
    masses: (N, V) float64, the views (GeV).
    truth: (N,) int32, index of the class in `classes`, -1 unknown. Never part of a training.
    classes: names of the classes.
    """

    packed: Packed
    masses: NDArray[np.float64]
    truth: NDArray[np.int32]
    classes: list[str]

    def __len__(self) -> int:
        return len(self.packed)


@dataclass(frozen=True)
class Batch:
    """Some jets, packed: P particles, B jets.

    features (P, 8), momenta (P, 4), neighbours (P, k; positions inside the jet), counts (B,), and
    rows (B,): which jets of the split they are.
    """

    features: NDArray[np.float32]
    momenta: NDArray[np.float32]
    neighbours: NDArray[np.int32]
    counts: NDArray[np.int32]
    rows: NDArray[np.int64]


def read(inputs: Sequence[Path], config: UCluster) -> tuple[Jets, Jets]:
    """Training and validation jets of all inputs inside the mass window.

    Raises:
        BoostflowError: a file lacks a column, values are not finite, or there are fewer jets than
            clusters.
    """
    import awkward as ak

    wanted = [*dict.fromkeys([*COLUMNS, *config.views]), "split"]
    parts, truths = [], []
    for path in inputs:
        rows = read_parquet(path)
        missing = [name for name in wanted if name not in rows.fields]
        if missing:
            raise BoostflowError(f"{path}: no column {', '.join(missing)}, which UCluster needs")
        names = (
            np.asarray(rows.label.to_list(), dtype=str)
            if "label" in rows.fields
            else np.full(len(rows), "unmatched")
        )
        mass = ak.to_numpy(rows.mass)
        if not np.isfinite(mass).all():
            raise BoostflowError(f"{path}: a jet mass is NaN or infinite; drop such jets")
        inside = (mass > config.mass[0]) & (mass < config.mass[1])
        parts.append((path, rows[wanted][inside]))
        truths.append(names[inside])
    classes = sorted({name for part in truths for name in part} - {"unmatched"})
    return (
        _split(parts, truths, classes, config, TRAIN, "training"),
        _split(parts, truths, classes, config, VALIDATION, "validation"),
    )


def _split(
    parts: list, truths: list[NDArray], classes: list[str], config: UCluster, code: int, name: str
) -> Jets:
    packs, masses, truth = [], [], []
    for (path, rows), names in zip(parts, truths, strict=True):
        chosen = np.asarray(rows.split) == code
        jets = rows[chosen]
        packs.append(pack(jets, config.constituents, config.neighbours, str(path)))
        masses.append(np.stack([np.asarray(jets[view], np.float64) for view in config.views], 1))
        index = {label: i for i, label in enumerate(classes)}
        truth += [index.get(label, -1) for label in names[chosen]]
    jets = Jets(_concatenate(packs), np.concatenate(masses), np.asarray(truth, np.int32), classes)
    if len(jets) < max(config.clusters, 2):
        raise BoostflowError(
            f"{len(jets)} {name} jets between {config.mass[0]:g} and {config.mass[1]:g} GeV for"
            f" {config.clusters} clusters: more events or a wider `mass` window are needed"
        )
    return jets


def _concatenate(packs: list[Packed]) -> Packed:
    return Packed(
        *(
            np.concatenate([getattr(p, name) for p in packs])
            for name in ("features", "momenta", "neighbours", "counts")
        )
    )


def shuffled(
    jets: int, batch: int, seed: int, epoch: int, rank: int, size: int
) -> Iterator[NDArray[np.int64]]:
    """This rank's jets of each step of an epoch.

    The order follows from seed and epoch alone and every rank takes each `size`-th jet of a batch:
    all ranks take the same number of steps, and the batches are the same for any number of ranks.
    The jets that do not fill a last batch (others in each epoch) are left out.
    """
    batch = min(batch, jets)
    order = np.random.default_rng(derive(seed, "shuffle", epoch)).permutation(jets)
    for start in range(0, jets - batch + 1, batch):
        yield order[start : start + batch][rank::size]


def steps(jets: int, batch: int) -> int:
    """Steps in an epoch of `shuffled`: the same on every rank."""
    return jets // min(batch, jets)


def in_order(jets: int, batch: int, rank: int, size: int) -> Iterator[NDArray[np.int64]]:
    """This rank's share of all jets in order; it may be one longer than another rank's."""
    share = np.arange(rank, jets, size)
    for start in range(0, len(share), batch):
        yield share[start : start + batch]


def gather(packed: Packed, rows: NDArray[np.int64]) -> Batch:
    """The named jets as a batch."""
    counts = packed.counts[rows]
    ends = np.cumsum(packed.counts, dtype=np.int64)
    first = (ends - packed.counts)[rows]
    out = np.cumsum(counts) - counts
    particles = np.arange(counts.sum()) + np.repeat(first - out, counts)
    return Batch(
        packed.features[particles],
        packed.momenta[particles],
        packed.neighbours[particles],
        counts,
        rows,
    )
