"""Combination of the templates of an entry's members into up and down templates.

The steps, in this order, for one region and sample in the merged bins of the fit:

1. `smooth`, of a template's ratio to nominal: `353qh` as TH1::Smooth in ROOT (cabinetry's; J.
   Friedman, CERN 74-23), at the yield of the template; `linear`: a straight line over the bins,
   fitted with the relative statistical errors of nominal; `flat`: the ratio of yields. With fewer
   than three filled bins all are flat. Of replicas and Hessian sets each member is smoothed, of all
   others the up and down templates of step 3.
2. `envelope`: up and down are the largest and the smallest content of each bin, nominal included.
   One-sided: down = 2 nominal - up.
3. `symmetrise: mean`: nominal ± (up - down) / 2. `largest`: nominal ± the larger of |up - nominal|
   and |down - nominal| in each bin, with the sign of up - nominal.

`replicas` and `hessian` are no pair of templates: each member is a direction of its own, in which
all bins, samples and regions move together, so that what a member moves from one region to another
stays a migration. The directions are

    replicas: d_i = (m_i - mean) / sqrt(N - 1)        hessian: d_i = m_i - nominal

around nominal, both ways. Their sum of squares is the variance of the replicas, or the squared
Hessian uncertainty (arXiv:1510.03865, eqs. 20 and 21 without the asymmetry). `principal` makes few
parameters of many directions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from boostflow.config.systematics import AnySystematic, Templated
from boostflow.templates.files import Template, TemplateSet

CUT = 0.01
"""Largest part of the members' changes that is cut off in any column, in units of its scale."""


def files_of(name: str, systematic: AnySystematic) -> list[str]:
    """Variations (template files) that a systematic needs: none for a rate."""
    return [f"{name}_{direction}" for direction in systematic.members()]


def affects(systematic: AnySystematic, region: str, sample: str) -> bool:
    """Whether a systematic touches a sample in a region."""
    return (systematic.samples is None or sample in systematic.samples) and (
        systematic.regions is None or region in systematic.regions
    )


def minor(nominal: TemplateSet, share: float) -> set[tuple[str, str]]:
    """Regions and samples that `infer.minor` leaves unvaried.

    Args:
        nominal: templates of all samples but collision data, those estimated from data included.
        share: of the events that are expected in a region.
    """
    found = set()
    for region, contents in nominal.items():
        sums = {sample: float(template.values.sum()) for sample, template in contents.items()}
        least = share * sum(max(value, 0.0) for value in sums.values())
        found |= {(region, sample) for sample, value in sums.items() if value < least}
    return found


def sides(
    declared: Templated, nominal: Template, members: Sequence[NDArray]
) -> tuple[NDArray, NDArray]:
    """Up and down contents of an entry; of replicas and Hessian sets their error in each bin.

    Args:
        declared: the entry.
        nominal: nominal template, contents of shape (bins,).
        members: contents of the templates of `declared.members()`, in its order.
    """
    found = pairs(declared, nominal, members)
    return found[0] if declared.spread() is None else quadratic(nominal.values, found)


def pairs(
    declared: Templated, nominal: Template, members: Sequence[NDArray]
) -> list[tuple[NDArray, NDArray]]:
    """`directions` in the bins of a template, smoothed; arguments as those of `sides`."""

    def smooth(values: NDArray) -> NDArray:
        return smoothed(declared.smooth, nominal, values)

    if declared.smooth == "none":
        return directions(declared, nominal.values, members)
    if declared.spread() is not None:
        return directions(declared, nominal.values, [smooth(member) for member in members])
    return [
        (smooth(up), smooth(down)) for up, down in directions(declared, nominal.values, members)
    ]


def directions(
    declared: Templated, nominal: NDArray, members: Sequence[NDArray]
) -> list[tuple[NDArray, NDArray]]:
    """Up and down of any quantity, element by element, in each independent direction.

    There is a single direction unless the entry has replicas or a Hessian set.

    Args:
        declared: the entry.
        nominal: any shape.
        members: the quantity under each of `declared.members()`, in its order.
    """
    rule = declared.combination()
    stacked = np.array(members)
    if rule == "replicas":
        moved = (stacked - stacked.mean(axis=0)) / np.sqrt(len(stacked) - 1)
        return [(nominal + change, nominal - change) for change in moved]
    if rule == "hessian":
        return [(member, 2 * nominal - member) for member in stacked]
    if rule == "envelope":
        everything = np.concatenate([stacked, nominal[np.newaxis]])
        up, down = everything.max(axis=0), everything.min(axis=0)
    else:
        up, down = stacked[0], stacked[1] if len(stacked) > 1 else 2 * nominal - stacked[0]
    if declared.symmetrise == "mean":
        half = (up - down) / 2
        up, down = nominal + half, nominal - half
    elif declared.symmetrise == "largest":
        size = np.maximum(np.abs(up - nominal), np.abs(down - nominal))
        signed = np.where(up >= nominal, size, -size)
        up, down = nominal + signed, nominal - signed
    return [(up, down)]


def quadratic(
    nominal: NDArray, both_ways: Sequence[tuple[NDArray, NDArray]]
) -> tuple[NDArray, NDArray]:
    """Nominal ± the quadratic sum of directions, element by element."""
    size = np.sqrt(np.sum([(up - nominal) ** 2 for up, _ in both_ways], axis=0))
    return nominal + size, nominal - size


def principal(changes: NDArray, scale: NDArray) -> NDArray:
    """The fewest directions that have the covariance of many changes, the largest first.

    By a singular value decomposition in units of `scale`: the standard deviation of what is cut off
    is below `CUT` in every column. Each direction raises the sum of all columns.

    Args:
        changes: shape (members, columns).
        scale: shape (columns,): what a change is large or small against; a column where it is not
            positive does not count.

    Returns:
        Shape (k, columns), k at most the number of members; k = 0 where nothing changes.
    """
    counts = scale > 0
    unit = np.where(counts, scale, 1.0)
    _, size, axes = np.linalg.svd(np.where(counts, changes / unit, 0.0), full_matrices=False)
    parts = size[:, np.newaxis] * axes
    # Variance of each column without the first k directions, for every k.
    left = np.vstack([np.cumsum(parts[::-1] ** 2, axis=0)[::-1], np.zeros(changes.shape[1])])
    k = int(np.argmax((left <= CUT**2).all(axis=1)))
    found = parts[:k] * unit
    return found * np.where(found.sum(axis=1) < 0, -1.0, 1.0)[:, np.newaxis]


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
