"""Trees of integers: from XGBoost's, as numbers in Python, and as logic."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xgboost
    from da4ml.trace import FixedVariable
    from da4ml.types import CombLogic

    from boostflow.models.grid import Grid


@dataclass(frozen=True)
class Node:
    """A node of a tree whose features and leaves are integers."""

    leaf: int = 0
    """What the leaf gives, in units of its last bit; of a leaf alone."""
    feature: int = -1
    """Number of the feature; -1 for a leaf."""
    below: int = 0
    """Codes below this go to the first branch."""
    branches: tuple[Node, ...] = ()
    """Two nodes, none for a leaf."""


def integers(booster: xgboost.Booster, grid: Grid, fraction: int) -> list[list[Node]]:
    """The trees of each class.

    A jet on the grid takes the same way as in XGBoost, where it is below a threshold: the next step
    of the grid at or above the threshold is the first that goes to the other branch.

    Args:
        booster: trained on numbers of the grid.
        grid: of its features.
        fraction: bits after the point of a leaf, which is rounded.
    """
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    model = learner["gradient_booster"]["model"]
    classes: list[list[Node]] = [[] for _ in range(max(model["tree_info"]) + 1)]
    # A number that all classes have in common changes no probability.
    start = np.broadcast_to(json.loads(learner["learner_model_param"]["base_score"]), len(classes))
    for mine, value in zip(classes, start, strict=True):
        if np.ptp(start) > 0:
            mine.append(Node(leaf=round(math.ldexp(float(value), fraction))))
    after = grid.kif[2]
    for tree, number in zip(model["trees"], model["tree_info"], strict=True):
        left, right = tree["left_children"], tree["right_children"]
        feature, value = tree["split_indices"], tree["split_conditions"]

        def node(i: int, tree: Any = (left, right, feature, value)) -> Node:
            left, right, feature, value = tree
            if left[i] == -1:
                return Node(leaf=round(math.ldexp(value[i], fraction)))
            # The threshold is a float32, which the JSON has in decimals.
            below = math.ceil(math.ldexp(float(np.float32(value[i])), after))
            return Node(0, feature[i], below, (node(left[i]), node(right[i])))

        classes[number].append(node(0))
    return classes


def sums(trees: Sequence[Sequence[Node]], codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sum of the leaves of each class in units of their last bit, (jets, classes).

    Args:
        trees: of each class.
        codes: features as integers, (jets, features).
    """

    def of(node: Node, rows: NDArray[np.intp], total: NDArray[np.int64]) -> None:
        if not node.branches:
            total[rows] += node.leaf
            return
        first = codes[rows, node.feature] < node.below
        of(node.branches[0], rows[first], total)
        of(node.branches[1], rows[~first], total)

    found = np.zeros((len(codes), len(trees)), np.int64)
    for number, mine in enumerate(trees):
        for tree in mine:
            of(tree, np.arange(len(codes)), found[:, number])
    return found


def traced(trees: Sequence[Sequence[Node]], grid: Grid, fraction: int) -> CombLogic:
    """The trees as comparisons, choices and sums of integers.

    Args:
        trees: of each class.
        grid: of their features.
        fraction: bits after the point of a leaf.
    """
    from da4ml.trace import FixedVariableArray, comb_trace

    ones = np.ones(len(grid.features), int)
    inputs = FixedVariableArray.from_kif(*(ones * part for part in grid.kif))
    size = 1 << (grid.bits - 1)
    # What several trees ask is made once.
    differences: dict[tuple[int, int], FixedVariable] = {}

    def value(node: Node) -> FixedVariable | float:
        """What a node gives: a number, or a choice by the sign of feature minus threshold."""
        if not node.branches:
            return math.ldexp(node.leaf, -fraction)
        if not -size < node.below < size:
            return value(node.branches[0 if node.below >= size else 1])
        first, second = map(value, node.branches)
        if isinstance(first, float) and first == second:
            return first
        asked = node.feature, node.below
        if asked not in differences:
            threshold = math.ldexp(node.below, -grid.kif[2])
            differences[asked] = inputs[node.feature] - threshold
        return differences[asked].msb_mux(first, second)

    outputs = FixedVariableArray(np.array([_added(list(map(value, mine))) for mine in trees]))
    return comb_trace(inputs, outputs)


def _added(values: list[Any]) -> Any:
    """The sum of numbers, added pair by pair so that as few adders as can be are in a row."""
    while len(values) > 1:
        pairs = zip(values[::2], values[1::2], strict=False)
        values = [one + two for one, two in pairs] + (values[-1:] if len(values) % 2 else [])
    return values[0]
