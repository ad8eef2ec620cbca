"""What the validation split says of points: the same figures for every family that classifies."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BoostflowError
from boostflow.evaluate.classifier import normalised
from boostflow.evaluate.curves import EmptyClass, Ranking
from boostflow.io import parquet_columns, read_parquet
from boostflow.models.points import Point, checksum
from boostflow.models.score import by_family, manifest
from boostflow.scored import TEST, VALIDATION
from boostflow.training import checkpoint

SPLITS = {VALIDATION: "validation", TEST: "test"}
SMALLEST = 1e-12
"""Probabilities below count as this in a cross-entropy."""


class Judged(NamedTuple):
    """Labelled jets of a split, and the probabilities that a point gives them."""

    code: NDArray[np.integer]
    """Number of the class, shape (jets,)."""
    weight: NDArray[np.float64]
    """Event weights, shape (jets,); some may be negative."""
    event: NDArray[np.integer]
    """Number of the event, shape (jets,)."""
    probabilities: NDArray[np.float32]
    """Shape (jets, classes)."""

    def balanced(self, count: NDArray) -> NDArray[np.float64]:
        """Weights that add up to 1 in each class, shape (jets,).

        Args:
            count: how often each jet counts, shape (jets,).

        Raises:
            EmptyClass: a class has no positive sum of weights.
        """
        classes = [str(number) for number in range(self.probabilities.shape[1])]
        return normalised(self.weight * count, self.code, classes)


Statistic = Callable[[NDArray], float]
"""A figure of the jets, each counting so many times."""


def auc(jets: Judged) -> Statistic:
    """Mean over classes of the AUC of each class against the others, these in equal parts."""
    classes = range(jets.probabilities.shape[1])
    rankings = [Ranking(jets.probabilities[:, k], jets.code == k) for k in classes]

    def value(count: NDArray) -> float:
        weight = jets.balanced(count)
        return float(np.mean([ranking.auc(weight) for ranking in rankings]))

    return value


def loss(jets: Judged) -> Statistic:
    """Mean cross-entropy, all classes alike."""
    right = jets.probabilities[np.arange(len(jets.code)), jets.code].astype(np.float64)
    entropy = -np.log(np.maximum(right, SMALLEST))

    def value(count: NDArray) -> float:
        weight = jets.balanced(count)
        return float(np.sum(weight * entropy) / jets.probabilities.shape[1])

    return value


FIGURES: Mapping[str, Callable[[Judged], Statistic]] = {"auc": auc, "loss": loss}
"""The figures that points are ranked by."""
HIGHEST = {"auc": True, "loss": False}
"""Whether the highest value of a figure is the best."""


def figures(jets: Judged) -> dict[str, float]:
    """All figures of a split, each jet once."""
    once = np.ones(len(jets.code))
    return {name: made(jets)(once) for name, made in FIGURES.items()}


def judged(
    points: Sequence[Point], jets: Sequence[Path], tests: Collection[str]
) -> dict[str, dict[str, Any]]:
    """The figures of trained points on the validation split; scores are kept beside each point.

    Args:
        points: which have been trained.
        jets: selected jets of the samples that have a class.
        tests: names of points that are judged by the test split, too (`test`).

    Raises:
        BoostflowError: no jets of a class in the split.
    """
    content = checksum(jets)
    result: dict[str, dict[str, Any]] = {}
    left = []
    for point in points:
        header = {"jets": content, "inputs": point.inputs}
        kept = None if point.name in tests else read(point.scores, header)
        if kept is None:
            left.append(point)
        else:
            result[point.name] = figures(kept)
    splits = (VALIDATION, TEST) if tests else (VALIDATION,)
    found = _scored(left, jets, splits)
    for point in left:
        values = {}
        for split in splits:
            try:
                values[split] = figures(found[point.name, split])
            except (EmptyClass, KeyError):
                raise BoostflowError(
                    f"points are judged by the {SPLITS[split]} split, in which a class has no jets:"
                    " more events are needed"
                ) from None
        header = {"jets": content, "inputs": point.inputs}
        checkpoint.write(point.scores, header, found[point.name, VALIDATION]._asdict())
        result[point.name] = values[VALIDATION]
        if point.name in tests:
            result[point.name] = {**values[VALIDATION], "test": values[TEST]}
    return result


def read(path: Path, header: Mapping[str, Any] | None = None) -> Judged | None:
    """The validation jets of a point as they were judged.

    Args:
        path: file beside the point.
        header: what it must be of; None for anything.

    Returns:
        None if there are none, or they are of other jets or another training.
    """
    try:
        said, arrays = checkpoint.read(path)
    except BoostflowError:
        return None
    return Judged(**arrays) if header is None or said == header else None


def _scored(
    points: Sequence[Point], jets: Sequence[Path], splits: Sequence[int]
) -> dict[tuple[str, int], Judged]:
    """The jets by point and split with its scores, one sample in memory at a time."""
    if not points:
        return {}
    classes = {point.name: manifest(point.model)["classes"] for point in points}
    parts: dict[tuple[str, int], list[Judged]] = {}
    events = 0
    for path in jets:
        if "label" not in parquet_columns(path):
            continue
        rows = read_parquet(path)
        rows = rows[np.isin(np.asarray(rows.split), splits)]
        if not len(rows):
            continue
        label = np.asarray(rows.label.to_list(), dtype=str)
        split, weight = np.asarray(rows.split), np.asarray(rows.weight, dtype=np.float64)
        unique, event = np.unique(np.asarray(rows.event_id), return_inverse=True)
        event = event + events
        events += len(unique)
        for point in points:
            names = classes[point.name]
            order = np.argsort(names)
            scores = by_family(point.model, rows, 1, path.stem)
            values = np.stack([np.asarray(scores[f"p_{name}"]) for name in names], axis=1)
            if not np.isfinite(values).all():
                raise BoostflowError(f"{point.model}: gives scores that are not finite")
            for one in splits:
                keep = (split == one) & np.isin(label, names)
                code = order[np.searchsorted(np.asarray(names)[order], label[keep])]
                part = Judged(code, weight[keep], event[keep], values[keep].astype(np.float32))
                parts.setdefault((point.name, one), []).append(part)
    return {
        key: Judged(*(np.concatenate(column) for column in zip(*several, strict=True)))
        for key, several in parts.items()
    }
