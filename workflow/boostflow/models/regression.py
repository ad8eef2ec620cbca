"""What trainings of regressions share: jets with a true value, and calibration of the mean."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from boostflow.areas import subtracted
from boostflow.errors import BoostflowError
from boostflow.io import read_flat, require_rows
from boostflow.models.regressing import RegressorBlock
from boostflow.models.tabular import SPLITS, density, matrix
from boostflow.scored import Table

if TYPE_CHECKING:
    import awkward as ak

log = logging.getLogger("regression")

FEWEST = 50
"""Jets with a true value that a split of a training needs."""
KNOTS = 8
"""Nodes of a response or of a calibration, at most."""
A_KNOT = 25
"""Jets for each of them, at least."""
LEVELS = (0.25, 0.75)
"""Quantiles of the background at which a calibration has curves of its own."""
ROUNDS = 4
"""Times that a calibration is corrected by what is left of the bias."""
SUBTRACTED = "pt - rho area"
"""The feature that is made of others."""
SIGMA = 0.683
"""Part of a Gaussian within one standard deviation."""
SLOPE_MIN = 0.2
"""Least slope of a response: what responds less than this cannot be inverted."""


class Jets(NamedTuple):
    """Jets of one split with a true value in the range of the training."""

    columns: Table
    """Inputs by name, shape (jets,) each."""
    truth: NDArray[np.float64]
    """True values (GeV), shape (jets,)."""
    weight: NDArray[np.float64]
    """Weights that make the spectrum of true values flat, of mean 1, shape (jets,)."""


def read(inputs: Sequence[Path], block: RegressorBlock) -> dict[str, Jets]:
    """Jets to train on, by name of the split.

    Weights are relative to the mean of each sample, so that the composition of the prior is that of
    the numbers of events.

    Args:
        inputs: selected jets, one file a sample.
        block: of the model.

    Raises:
        BoostflowError: no jets, a column is missing or not finite, or too few have a true value.
    """
    require_rows(inputs)
    names = [*block.inputs(), block.target, "split", "weight"]
    parts = [_columns(path, names, block.target) for path in inputs]
    for path, part in zip(inputs, parts, strict=True):
        part["weight"] = relative(part["weight"], f"jets of {path}")
    table = {name: np.concatenate([part[name] for part in parts]) for name in names}
    truth = table[block.target].astype(np.float64)
    low, high = block.range
    found = {}
    for split, number in SPLITS.items():
        mine = (table["split"] == number) & (truth >= low) & (truth < high)
        if mine.sum() < FEWEST:
            raise BoostflowError(
                f"{mine.sum()} jets of the {split} split have a {block.target} between {low:g} and"
                f" {high:g} GeV, at least {FEWEST} are needed: simulate more events, or is"
                " `simulation.jet_pt_min` too high?"
            )
        weight = np.abs(table["weight"][mine])
        if not weight.any():
            raise BoostflowError(f"all jets of the {split} split with a {block.target} weigh 0")
        weight = weight / np.where(weight > 0, density(truth[mine], weight, block.range), 1)
        columns = {name: table[name][mine] for name in block.inputs()}
        found[split] = Jets(columns, truth[mine], weight / weight.mean())
        log.info("%s: %d jets with a true value", split, mine.sum())
    return found


def _columns(path: Path, names: Sequence[str], target: str) -> Table:
    from boostflow.io import parquet_columns

    there = parquet_columns(path)
    lacking = [name for name in dict.fromkeys(names) if name not in there]
    if target in lacking:
        raise BoostflowError(
            f"{path}: no column {target}, the true value that is to be learned: the input has no"
            " generator jets"
        )
    if lacking:
        raise BoostflowError(
            f"{path}: no column {', '.join(lacking)}: a background density needs `simulation."
            "background`, or files with an area of jets and a density"
        )
    table = read_flat(path, list(dict.fromkeys(names)))
    # NaN and infinite values are refused by name.
    matrix(table, [name for name in names if name not in (target, "split", "weight")], str(path))
    return table


def relative(weight: NDArray, where: str) -> NDArray[np.float64]:
    """Weights over their mean absolute value, shape (jets,).

    Cross-sections differ by factors of ten: so samples count by their numbers of events.

    Args:
        weight: of all jets of a sample, shape (jets,).
        where: what the jets are, for messages.

    Raises:
        BoostflowError: a weight is not finite, or all are 0.
    """
    weight = weight.astype(np.float64)
    mean = float(np.abs(weight).mean())
    if not np.isfinite(mean):
        raise BoostflowError(f"{(~np.isfinite(weight)).sum()} {where} have no finite weight")
    if mean == 0:
        raise BoostflowError(f"all {where} have the weight 0, so that nothing can be averaged")
    return weight / mean


class Curve(NamedTuple):
    """A continuous function, linear between nodes and beyond them."""

    x: list[float]
    """Ascending nodes."""
    y: list[float]
    """Values there."""

    def __call__(self, x: NDArray) -> NDArray[np.float64]:
        """Values at x."""
        nodes, values = np.asarray(self.x), np.asarray(self.y)
        result = np.interp(x, nodes, values)
        low = (values[1] - values[0]) / (nodes[1] - nodes[0])
        high = (values[-1] - values[-2]) / (nodes[-1] - nodes[-2])
        result += np.where(x < nodes[0], low * (x - nodes[0]), 0)
        return result + np.where(x > nodes[-1], high * (x - nodes[-1]), 0)

    @classmethod
    def fitted(cls, x: NDArray, y: NDArray, weight: NDArray) -> Self:
        """Least squares of points, with nodes at quantiles of x.

        Args:
            x, y: shape (points,).
            weight: shape (points,).
        """
        return cls.blended(x, y, weight, np.ones((len(x), 1)))[0]

    @classmethod
    def blended(cls, x: NDArray, y: NDArray, weight: NDArray, shares: NDArray) -> list[Self]:
        """Several curves with the same nodes, of which each point follows a mean of its own.

        Args:
            x, y: shape (points,).
            weight: shape (points,).
            shares: of each curve in that mean, shape (points, curves).
        """
        curves = shares.shape[1]
        count = int(np.clip(len(x) // (A_KNOT * curves), 2, KNOTS))
        nodes = np.unique(np.quantile(x, np.linspace(0.02, 0.98, count)))
        if len(nodes) < 2:
            nodes = np.array([x.mean() - 1, x.mean() + 1])
        # Hats: each is 1 at its node and 0 at all others; those at the ends go on linearly.
        hats = np.stack([cls(nodes.tolist(), row.tolist())(x) for row in np.eye(len(nodes))], 1)
        design = (shares[:, :, None] * hats[:, None, :]).reshape(len(x), -1)
        root = np.sqrt(weight)
        values = np.linalg.lstsq(design * root[:, None], y * root, rcond=None)[0]
        return [cls(nodes.tolist(), row.tolist()) for row in values.reshape(curves, -1)]

    def inverted(self) -> Curve:
        """The inverse; where the curve rises by less than `SLOPE_MIN` it is taken to rise so."""
        y = [self.y[0]]
        for (x0, y0), (x1, y1) in zip(
            zip(self.x, self.y, strict=True),
            list(zip(self.x, self.y, strict=True))[1:],
            strict=False,
        ):
            y.append(y[-1] + max(y1 - y0, SLOPE_MIN * (x1 - x0)))
        return Curve(y, list(self.x))


class Calibration(NamedTuple):
    """A function of an estimate and of the background, after which its mean is the true value.

    It is monotonic in the estimate. The background matters since a regression draws an estimate to
    the middle of its prior by more the less the jet tells, and central jets tell less.
    """

    levels: list[float]
    """Densities of the background that have curves, ascending (GeV); between them curves are
    interpolated, beyond them those of the last hold."""
    rounds: list[list[Curve]]
    """Functions that are applied one after the other, a curve for each level."""

    @classmethod
    def none(cls) -> Self:
        """What changes nothing."""
        return cls([0.0], [])

    def __call__(self, estimate: NDArray, level: NDArray) -> NDArray[np.float64]:
        """Calibrated estimates.

        Args:
            estimate: shape (jets,).
            level: density of the background (`level_of`), shape (jets,).
        """
        shares = self.shares(level)
        for curves in self.rounds:
            estimate = sum(
                (shares[:, k] * curve(estimate) for k, curve in enumerate(curves)),
                np.zeros(len(estimate)),
            )
        return estimate

    def shares(self, level: NDArray) -> NDArray[np.float64]:
        """Part that each level's curve has in that of a jet, shape (jets, levels)."""
        rows = np.eye(len(self.levels))
        return np.stack([np.interp(level, self.levels, row) for row in rows], axis=1)

    @classmethod
    def fitted(cls, estimate: NDArray, truth: NDArray, weight: NDArray, level: NDArray) -> Self:
        """Numerical inversion of the mean response, as that of jet energy scales.

        The mean of a regression with a quadratic loss is right in bins of the estimate, not in
        those of the true value, where it is drawn to the middle of the prior. The response R(t),
        the mean estimate at a true value t, is inverted (arXiv:1609.05195), again for what is left
        since the mean of a bent function is not the function of the mean.

        Args:
            estimate: of jets that were not trained on, shape (jets,).
            truth: their true values, shape (jets,).
            weight: shape (jets,).
            level: density of the background (`level_of`), shape (jets,).
        """
        found = cls(np.unique(np.quantile(level, LEVELS)).tolist(), [])
        shares = found.shares(level)
        for _ in range(ROUNDS):
            responses = Curve.blended(truth, found(estimate, level), weight, shares)
            found.rounds.append([response.inverted() for response in responses])
        return found

    def to_json(self) -> dict[str, Any]:
        """Levels, and nodes and values of the functions."""
        rounds = [[curve._asdict() for curve in curves] for curves in self.rounds]
        return {"levels": self.levels, "rounds": rounds}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` gave.

        Raises:
            BoostflowError: it is the one list of curves that models had once.
        """
        if not isinstance(data, Mapping):
            raise BoostflowError(
                "the model's calibration does not know the background, as those of older versions:"
                " remove the model's folder, so that it is trained again"
            )
        rounds = [[Curve(**curve) for curve in curves] for curves in data["rounds"]]
        return cls(data["levels"], rounds)


def level_of(columns: Mapping[str, NDArray]) -> NDArray[np.float64]:
    """Density of the background that calibrations go by (GeV), 0 where a model does not read it.

    Args:
        columns: inputs by name, shape (jets,) each, at least one.
    """
    rho = columns.get("rho")
    if rho is None:
        return np.zeros(len(next(iter(columns.values()))))
    return np.asarray(rho, np.float64)


def features_of(jets: ak.Array, names: Sequence[str]) -> Table:
    """Columns of jets that a regression reads.

    Raises:
        BoostflowError: one is missing or not finite.
    """
    table = matrix(jets, names, "jets")
    return {name: table[:, i] for i, name in enumerate(names)}


def columns_of(
    columns: Mapping[str, NDArray], features: Sequence[str]
) -> tuple[NDArray[np.float32], list[str]]:
    """What a model reads, shape (jets, features), and the names of the features."""
    values = [np.asarray(columns[name], np.float32) for name in features]
    names = list(features)
    if {"pt", "rho", "area"} <= columns.keys():
        values.append(subtracted(columns).astype(np.float32))
        names.append(SUBTRACTED)
    return np.stack(values, axis=1), names
