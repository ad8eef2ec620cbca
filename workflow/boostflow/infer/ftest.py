"""The order of a smooth ratio by an F-test (R. A. Fisher), with toys.

A function of order m with p parameters that is enough leaves a deviance D; one of order m + 1
improves on it by chance alone: F = (D_m - D_(m+1)) / (D_(m+1) / (bins - p_(m+1))). The p-value is
the part of toys, drawn from the function of order m, with a larger F. The order is the lowest one
with a p-value above `LEVEL`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from boostflow.config.transfer import Transfer
from boostflow.infer import ratio
from boostflow.infer.basis import Kind
from boostflow.infer.ratio import Counts, Ratio
from boostflow.infer.transfer import counts as counts_of
from boostflow.infer.transfer import places_of
from boostflow.templates.files import TemplateSet

TOYS = 200
"""Toys an order where the order is chosen."""
LEVEL = 0.05
"""A p-value below this asks for a higher order."""


@dataclass(frozen=True)
class Step:
    """An order, its goodness of fit, and whether the next one improves on it."""

    order: int
    deviance: float
    freedom: int
    """Bins less parameters."""
    fit_p: float
    """Part of the toys with a larger deviance: goodness of fit."""
    f: float | None
    """F of the next order; null at the last one, or where no bin is left for it."""
    f_p: float | None
    """Part of the toys with a larger F."""
    f_asymptotic: float | None
    """The same by the F distribution."""


def draw(counts: Counts, true: NDArray, rng: np.random.Generator) -> Counts:
    """A toy of the effective numbers for a true ratio, shape (bins,).

    The expectations of the fail region are the most likely ones for the sum of both regions.
    """
    passed, failed = counts.effective()
    rho = true.clip(0) * counts.fail_weight / counts.pass_weight
    base = (passed + failed) / (1 + rho)
    return replace(
        counts,
        passed=counts.pass_weight * rng.poisson(base * rho),
        failed=counts.fail_weight * rng.poisson(base),
    )


def f_statistic(before: Ratio, after: Ratio, bins: int) -> float:
    """F of two nested functions."""
    freedom = bins - len(after.coefficients)
    gain = max(before.deviance - after.deviance, 0.0) / (after.order - before.order)
    return gain / (max(after.deviance, 1e-9) / freedom)


def steps(
    counts: Counts, kind: Kind, orders: Sequence[int], x: NDArray, toys: int, seed: int
) -> list[Step]:
    """Goodness of fit and F-test of each order against the next.

    Args:
        counts: simulated or observed numbers.
        kind: basis.
        orders: ascending by 1.
        x: places of the bins between 0 and 1.
        toys: number of toys an order.
        seed: of the toys.

    Raises:
        BoostflowError: a fit does not converge.
    """
    bins = len(x)
    rng = np.random.default_rng(seed)
    orders = [order for order in orders if order + 1 < bins]
    fits = {order: ratio.fit(counts, kind, order, x) for order in orders}
    result = []
    for order in orders:
        mine, after = fits[order], fits.get(order + 1)
        deviances, fs = [], []
        for _ in range(toys):
            toy = draw(counts, mine.at(x), rng)
            if toy.passed.sum() <= 0:
                continue
            found = ratio.fit(toy, kind, order, x)
            deviances.append(found.deviance)
            if after is not None:
                fs.append(f_statistic(found, ratio.fit(toy, kind, order + 1, x), bins))
        f = f_statistic(mine, after, bins) if after is not None else None
        result.append(
            Step(
                order,
                mine.deviance,
                bins - order - 1,
                float(np.mean(np.array(deviances) >= mine.deviance)),
                f,
                None if f is None else float(np.mean(np.array(fs) >= f)),
                None if f is None else float(stats.f.sf(f, 1, bins - order - 2)),
            )
        )
    return result


def choose(found: Sequence[Step]) -> int:
    """The lowest order that the next one does not improve on; the last one if there is none."""
    for step in found:
        if step.f_p is None or step.f_p > LEVEL:
            return step.order
    return found[-1].order


def orders(config: Transfer, nominal: TemplateSet, seed: int) -> dict[str, int]:
    """The order of the function by pass region: as declared, or chosen on simulated events.

    Args:
        config: block of the configuration.
        nominal: all simulated templates.
        seed: of the toys.

    Raises:
        BoostflowError: a template is missing, or a fit does not converge.
    """
    if config.order != "auto":
        return dict.fromkeys(config.passes, config.order)
    x = places_of(nominal, config)
    tried = range(config.order_max + 2)
    return {
        region: choose(
            steps(counts_of(nominal, config, region), config.basis, tried, x, TOYS, seed)[
                : config.order_max + 1
            ]
        )
        for region in config.passes
    }
