"""Whether a jet can have two scores, or sums of scores, in two ranges at once.

Probabilities of one model add up to 1 and none is negative. So with sums x and y of some of them

* x + y <= 1 where they have no column in common,
* x <= y where all columns of x are among those of y,
* x + y >= 1 where every column is in one of them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from boostflow.config.base import share_values
from boostflow.config.config import Config
from boostflow.models.family import Role, columns


def probabilities(config: Config, model: str) -> list[str]:
    """The columns of a model's probabilities; none where there is no such model."""
    block = config.models.get(model)
    return columns(block.scores(config.labels()), Role.PROBABILITY) if block else []


def share_jets(
    one: Collection[str],
    its_range: Sequence[float],
    other: Collection[str],
    other_range: Sequence[float],
    probabilities: Collection[str],
    touching: bool = True,
) -> bool | None:
    """Whether a jet can have the sum of columns `one` in a range and that of `other` in another.

    Ranges hold their lower end, and 1, as `templates.build.in_range` counts.

    Args:
        one: columns of a model.
        its_range: low and high.
        other: columns of the same model.
        other_range: low and high.
        probabilities: those of its columns that add up to 1.
        touching: whether ranges whose lower ends add up to 1 exactly share jets.

    Returns:
        null where the columns are no probabilities, so that nothing is known.
    """
    x, y = set(one), set(other)
    if x == y:
        return share_values(its_range, other_range)
    if not x | y <= set(probabilities):
        return None
    (x_low, x_high), (y_low, y_high) = its_range, other_range
    lowest = x_low + y_low
    if not x & y and (lowest > 1 if touching else lowest > 1 - 1e-9):
        return False
    if (x < y and x_low >= y_high < 1) or (y < x and y_low >= x_high < 1):
        return False
    return not (x | y == set(probabilities) and x_high + y_high < 1)
