"""Tables of observables: what families read that take columns of the selected jets."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BoostflowError
from boostflow.io import parquet_columns, read_flat, require_rows
from boostflow.models.resampling import counts
from boostflow.select.split import TRAIN, VALIDATION

if TYPE_CHECKING:
    import awkward as ak

    from boostflow.models.classifying import ClassifierBlock, Planing

log = logging.getLogger("train")

UNMATCHED = "unmatched"
"""Label of jets that match no particle of their sample: nothing is trained on them."""


NONE: Mapping[str, float] = MappingProxyType({})
"""Nothing stands for NaN."""


class Rows(NamedTuple):
    """The jets of all samples, one row each."""

    features: list[str]
    """Names of the columns of `x`."""
    classes: list[str]
    """Names of the classes, sorted; `y` holds their numbers."""
    x: NDArray[np.float32]
    """Observables, shape (jets, features)."""
    y: NDArray[np.integer]
    """Number of the class, shape (jets,); meaningless where `labelled` is false."""
    labelled: NDArray[np.bool_]
    """Whether a jet has a class, shape (jets,)."""
    split: NDArray[np.integer]
    """Part of the data, as `boostflow.select.split` numbers them, shape (jets,)."""
    weight: NDArray[np.float64]
    """Absolute event weights, shape (jets,)."""
    mass: NDArray[np.float64] | None
    """The mass whose spectra are made flat (GeV), shape (jets,); None without planing."""
    samples: list[str]
    """Names of the samples, in the order of their rows."""
    sample: NDArray[np.integer]
    """Number of the sample, shape (jets,)."""
    event_id: NDArray[np.uint64]
    """Hash of run, luminosity block and event, shape (jets,)."""


def read(
    inputs: Sequence[Path],
    wanted: Sequence[str],
    optional: bool,
    planing: Planing | None = None,
    missing: Mapping[str, float] | None = NONE,
    fewest: int = 2,
) -> Rows:
    """Read the jets of some samples.

    Args:
        inputs: selected jets, one file a sample, named by it.
        wanted: columns to read as features.
        optional: whether columns that a sample lacks are left out for all, with a line in the log.
        planing: of the weights, see `weights`.
        missing: what stands for NaN in the features, see `matrix`.
        fewest: classes that there have to be.

    Raises:
        BoostflowError: no jets at all, too few classes, or a feature that is missing or not finite.
    """
    require_rows(inputs)
    features = _present(inputs, wanted) if optional else list(wanted)
    mass = None if planing is None else planing.mass
    parts = [_part(path, features, mass, missing) for path in inputs]
    x, label, split, weight, event_id, *planed = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    classes = sorted(set(label) - {UNMATCHED})
    if len(classes) < fewest:
        raise BoostflowError(
            f"a classifier needs at least two classes, the jets have {', '.join(classes) or 'none'}"
        )
    return Rows(
        features=features,
        classes=classes,
        x=x,
        y=np.searchsorted(classes, label).clip(max=len(classes) - 1),
        labelled=label != UNMATCHED,
        split=split,
        weight=weight,
        mass=planed[0] if planed else None,
        samples=[path.stem for path in inputs],
        sample=np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts]),
        event_id=event_id,
    )


def _present(inputs: Sequence[Path], names: Sequence[str]) -> list[str]:
    """Those features that all samples have."""
    there = [set(parquet_columns(path)) for path in inputs]
    missing = [name for name in names if not all(name in columns for columns in there)]
    if missing:
        log.warning("the input has no %s: trained without", ", ".join(missing))
    return [name for name in names if name not in missing]


def _part(
    path: Path, features: list[str], mass: str | None, missing: Mapping[str, float] | None
) -> tuple[NDArray, ...]:
    columns = [*features, *([] if mass is None else [mass])]
    names = [*columns, "label", "split", "weight", "event_id"]
    jets = read_flat(path, list(dict.fromkeys(names)))
    planed = [] if mass is None else [matrix(jets, [mass], str(path))[:, 0].astype(np.float64)]
    return (
        matrix(jets, features, str(path), missing),
        jets["label"],
        jets["split"],
        np.abs(jets["weight"]),
        jets["event_id"],
        *planed,
    )


def matrix(
    jets: ak.Array | Mapping[str, NDArray],
    names: Sequence[str],
    where: str,
    missing: Mapping[str, float] | None = NONE,
) -> NDArray[np.float32]:
    """Observables as a matrix of shape (jets, features).

    Args:
        jets: with these columns; columns by name are at least one.
        names: of the columns; there may be none.
        where: what the jets are, for messages.
        missing: numbers that stand for NaN, by column; None leaves NaN in all columns.

    Raises:
        BoostflowError: a column is missing or has NaN or infinite values.
    """
    fields = list(jets) if isinstance(jets, Mapping) else jets.fields
    if lacking := [name for name in names if name not in fields]:
        raise BoostflowError(
            f"{where}: no observable {', '.join(lacking)} (input without constituents?); "
            "choose other `features`"
        )
    size = len(jets[fields[0]]) if isinstance(jets, Mapping) else len(jets)
    x = np.empty((size, len(names)), np.float32)
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused
        for i, name in enumerate(names):
            x[:, i] = np.asarray(jets[name], dtype=np.float32)
    if missing is not None:
        return filled(x, names, where, missing)
    _require(~np.isinf(x), names, f"{where}: infinite values in")
    return x


def filled(
    x: NDArray[np.float32], names: Sequence[str], where: str, missing: Mapping[str, float]
) -> NDArray[np.float32]:
    """Observables with numbers in the place of NaN, shape (jets, features).

    Args:
        x: observables, which are changed where they are NaN.
        names: of the columns.
        where: what the jets are, for messages.
        missing: numbers that stand for NaN, by column.

    Raises:
        BoostflowError: other columns have NaN, or any has infinite values.
    """
    for i, name in enumerate(names):
        if name in missing:
            x[np.isnan(x[:, i]), i] = missing[name]
    _require(np.isfinite(x), names, f"{where}: NaN or infinite values in")
    return x


def _require(good: NDArray[np.bool_], names: Sequence[str], what: str) -> None:
    every = np.asarray(good.all(axis=0))
    if not every.all():
        bad = [name for name, fine in zip(names, every, strict=True) if not fine]
        raise BoostflowError(f"{what} {', '.join(bad)}")


class Columns:
    """Observables as the inputs of a network (`network_score.Source`)."""

    def __init__(self, x: NDArray[np.float32]) -> None:
        """`x`: observables, shape (jets, features)."""
        self.x = x

    def __len__(self) -> int:
        return len(self.x)

    @property
    def work(self) -> NDArray[np.int64]:
        """There is as much to do for each jet, (N,)."""
        return np.ones(len(self.x), np.int64)

    def batch(self, rows: NDArray[np.int64]) -> tuple[NDArray, ...]:
        """Observables of the named jets."""
        return (self.x[rows],)


def weights(
    rows: Rows, chosen: NDArray[np.bool_], block: ClassifierBlock, where: str
) -> NDArray[np.float64]:
    """Weights of the chosen jets in a training, shape (chosen jets,).

    Every class has the same sum and the mean is 1. With planing the mass spectra of classes are
    flat, too: each jet has the inverse of its class' density in the mass, which is that of bins
    that hold the same number of jets each.

    With a bootstrap each event of the training split counts as often as a Poisson(1) number says
    that follows from its `event_id` and the seed. The validation split stays as it is.

    Args:
        rows: the jets.
        chosen: those of one split that have a class, shape (jets,).
        block: of the model, with `planing` and `bootstrap`.
        where: `train`, or the name of another split.

    Raises:
        BoostflowError: a class has no jets.
    """
    return trained_weights(
        Labelled(
            rows.y[chosen],
            rows.weight[chosen],
            None if rows.mass is None else rows.mass[chosen],
            rows.sample[chosen],
            rows.event_id[chosen],
        ),
        block,
        rows.classes,
        rows.samples,
        where,
    )


SPLITS = {"train": TRAIN, "validation": VALIDATION}
"""Splits that a training reads, by the names that messages give them."""


def of_split(
    rows: Rows, block: ClassifierBlock, where: str
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.float32]]:
    """Observables (N, features), numbers of classes and weights of the labelled jets of a split.

    Args:
        rows: the jets.
        block: of the model, with `planing` and `bootstrap`.
        where: one of `SPLITS`.

    Raises:
        BoostflowError: a class has no jets.
    """
    chosen = (rows.split == SPLITS[where]) & rows.labelled
    weight = weights(rows, chosen, block, where)
    return rows.x[chosen], rows.y[chosen].astype(np.int32), weight.astype(np.float32)


class Labelled(NamedTuple):
    """Jets of one split that have a class."""

    y: NDArray[np.integer]
    """Number of the class, shape (jets,)."""
    weight: NDArray
    """Absolute event weights, shape (jets,)."""
    mass: NDArray | None
    """The mass of the planing (GeV), shape (jets,); not read without a planing."""
    sample: NDArray[np.integer]
    """Number of the sample, shape (jets,)."""
    event_id: NDArray[np.uint64]
    """Hash of run, luminosity block and event, shape (jets,)."""


def trained_weights(
    jets: Labelled,
    block: ClassifierBlock,
    classes: Sequence[str],
    samples: Sequence[str],
    where: str,
) -> NDArray[np.float64]:
    """Weights of labelled jets in a training, shape (jets,); see `weights`.

    Args:
        jets: of one split.
        block: of the model, with `planing` and `bootstrap`.
        classes: names of the classes.
        samples: names of the samples.
        where: `train`, or the name of another split.

    Raises:
        BoostflowError: a class has no jets.
    """
    y, mass, planing = jets.y, jets.mass, block.planing
    weight = jets.weight.astype(np.float64)
    if block.bootstrap is not None and where == "train":
        weight *= counts(samples, jets.sample, jets.event_id, block.bootstrap)
    if planing is not None:
        assert mass is not None
        for number, name in enumerate(classes):
            mine = (y == number) & (weight > 0)
            if mine.any() and (planing.classes is None or name in planing.classes):
                weight[mine] /= density(mass[mine], weight[mine], planing.range)
    return balanced(y, weight, classes, where)


BINS_MAX, JETS_A_BIN = 30, 30
"""Most bins of a density, and fewest jets in each of them."""


def density(mass: NDArray, weight: NDArray, limits: Sequence[float]) -> NDArray[np.float64]:
    """Weighted density of jets at each jet's mass, in bins of as many jets each, shape (jets,).

    Args:
        mass: shape (jets,), GeV.
        weight: positive, shape (jets,).
        limits: of the bins (GeV); a jet outside counts as if it were at the nearer end, and adds to
            no bin.
    """
    low, high = limits
    inside = (mass >= low) & (mass < high)
    bins = int(np.clip(inside.sum() // JETS_A_BIN, 1, BINS_MAX))
    parts = np.linspace(0, 1, bins + 1)[1:-1]
    inner = np.quantile(mass[inside], parts) if bins > 1 else np.empty(0)
    edges = np.unique([low, *inner, high])
    place = np.clip(np.searchsorted(edges, mass, side="right") - 1, 0, len(edges) - 2)
    sums = np.bincount(place[inside], weight[inside], minlength=len(edges) - 1)
    found = (sums / np.diff(edges))[place]
    return np.where(found > 0, found, 1.0)


def balanced(
    y: NDArray[np.integer], weight: NDArray, classes: Sequence[str], where: str
) -> NDArray[np.float64]:
    """Weights scaled so that every class has the same sum and the mean is 1.

    Args:
        y: number of the class, shape (jets,).
        weight: shape (jets,).
        classes: names of the classes.
        where: name of the split, for messages.

    Raises:
        BoostflowError: a class has no jets.
    """
    sums = np.bincount(y, weight, minlength=len(classes))
    if empty := [name for name, total in zip(classes, sums, strict=True) if total <= 0]:
        raise BoostflowError(
            f"no jets of class {', '.join(empty)} in the {where} split: more events are needed"
        )
    return weight / sums[y] * len(y) / len(classes)
