"""From the templates of an entry's members to its up and down templates: combine, mirror, smooth.

In this order, for one region and sample, in the merged bins of the fit:

1. `envelope`: up and down are the largest and the smallest content of each bin, nominal included.
   `replicas`: nominal ± the standard deviation (N - 1) of the members. `hessian`: nominal ± the
   square root of the sum of squared differences from nominal.
2. One-sided: down = 2 nominal - up.
3. `symmetrise: mean`: nominal ± (up - down) / 2. `largest`: nominal ± the larger of |up - nominal|
   and |down - nominal| in each bin, with the sign of up - nominal.
4. `smooth`, of the ratios to nominal: `353qh` as TH1::Smooth in ROOT (cabinetry's; J. Friedman,
   CERN 74-23), at the yield of the side; `linear`: a straight line over the bins, fitted with the
   relative statistical errors of nominal; `flat`: the ratio of yields. With fewer than three filled
   bins all are flat.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from boostflow.config.systematics import Templated
from boostflow.templates.files import Template


def sides(
    declared: Templated, nominal: Template, members: Sequence[NDArray]
) -> tuple[NDArray, NDArray]:
    """Up and down contents of an entry.

    Args:
        declared: the entry.
        nominal: nominal template, contents of shape (bins,).
        members: contents of the templates of `declared.members()`, in its order.
    """
    up, down = combined(declared, nominal.values, members)
    if declared.smooth != "none":
        up, down = (smoothed(declared.smooth, nominal, side) for side in (up, down))
    return up, down


def combined(
    declared: Templated, nominal: NDArray, members: Sequence[NDArray]
) -> tuple[NDArray, NDArray]:
    """Steps 1 to 3 for any quantity: up and down of an array, element by element.

    Args:
        declared: the entry.
        nominal: any shape.
        members: the quantity under each of `declared.members()`, in its order.
    """
    up, down = _sides(declared, nominal, members)
    if declared.symmetrise == "mean":
        half = (up - down) / 2
        up, down = nominal + half, nominal - half
    elif declared.symmetrise == "largest":
        size = np.maximum(np.abs(up - nominal), np.abs(down - nominal))
        signed = np.where(up >= nominal, size, -size)
        up, down = nominal + signed, nominal - signed
    return up, down


def _sides(
    declared: Templated, nominal: NDArray, members: Sequence[NDArray]
) -> tuple[NDArray, NDArray]:
    rule = declared.combination()
    if rule is None:
        return members[0], members[1] if len(members) > 1 else 2 * nominal - members[0]
    stacked = np.array(members)
    if rule == "envelope":
        everything = np.concatenate([stacked, nominal[np.newaxis]])
        return everything.max(axis=0), everything.min(axis=0)
    if rule == "replicas":
        size = stacked.std(axis=0, ddof=1)
    else:
        size = np.sqrt(np.sum((stacked - nominal) ** 2, axis=0))
    return nominal + size, nominal - size


def smoothed(how: str, nominal: Template, varied: NDArray) -> NDArray:
    """A varied template whose ratio to nominal has been smoothed; empty nominal bins stay."""
    filled = nominal.values > 0
    if not filled.any():
        return varied
    values, ratio = nominal.values[filled], varied[filled] / nominal.values[filled]
    mean = np.sum(varied[filled]) / np.sum(values)
    if how == "flat" or len(ratio) < 3:
        new = np.full(len(ratio), mean)
    elif how == "linear":
        error = np.sqrt(np.maximum(nominal.variances[filled], 1e-12)) / values
        centre = (nominal.edges[1:] + nominal.edges[:-1])[filled] / 2
        new = np.polyval(np.polyfit(centre, ratio, 1, w=1 / error), centre)
    else:
        from cabinetry.smooth import smooth_353qh_twice

        new = np.asarray(smooth_353qh_twice(ratio))
        new += mean - np.sum(new * values) / np.sum(values)
    result = varied.copy()
    result[filled] = values * new
    return result
