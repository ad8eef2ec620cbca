"""The order of a smooth ratio by an F-test (R. A. Fisher), with toys.

A function of order m with p parameters that is enough leaves a deviance D; one of order m + 1
improves on it by chance alone: F = (D_m - D_(m+1)) / (D_(m+1) / (bins - p_(m+1))). The p-value is
the part of toys, drawn from the function of order m, with a larger F. The order is the lowest one
with a p-value above `LEVEL` that also fits: a parabola is not better described by a straight line
than by a constant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from boostflow.config.transfer import Basis, Transfer
from boostflow.infer import ratio
from boostflow.infer.ratio import Counts
from boostflow.infer.transfer import counts as counts_of
from boostflow.infer.transfer import places_of
from boostflow.templates.files import TemplateSet

SCULPTED = "sculpted:"
"""How a note on a ratio begins that the function does not describe."""
TOYS = 500
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
    f: float
    """F of the next order."""
    f_p: float
    """Part of the toys with a larger F."""
    f_asymptotic: float
    """The same by the F distribution."""


def f_statistic(before: NDArray, after: NDArray, freedom: int) -> NDArray:
    """F of the deviances of two functions, the second with one more parameter.

    Args:
        before: deviance of the first.
        after: of the second.
        freedom: bins less parameters of the second.
    """
    return np.asarray(np.maximum(before - after, 0) / (np.maximum(after, 1e-9) / freedom))


def steps(
    counts: Counts, kind: Basis, orders: Sequence[int], x: NDArray, toys: int, seed: int
) -> list[Step]:
    """Goodness of fit and F-test of each order against the next.

    Args:
        counts: simulated or observed numbers.
        kind: basis.
        orders: ascending by 1; those that the bins cannot determine are left out.
        x: places of the bins between 0 and 1.
        toys: number of toys an order.
        seed: of the toys.

    Raises:
        BoostflowError: a fit does not converge.
    """
    bins = len(x)
    rng = np.random.default_rng(seed)
    passed, failed = counts.effective()
    result = []
    for order in [order for order in orders if order + 2 < bins]:
        # The expectations of the fail region are the most likely ones for the sum of both regions.
        scale = counts.fail_weight / counts.pass_weight
        rho = ratio.fit(counts, kind, order, x).at(x).clip(0) * scale
        base = (passed + failed) / (1 + rho)
        drawn = rng.poisson(base * rho, (toys, bins)), rng.poisson(base, (toys, bins))
        kept = np.all([numbers.sum(axis=1) > 0 for numbers in drawn], axis=0)
        p, f = (
            np.vstack([one, many[kept]]) for one, many in zip((passed, failed), drawn, strict=True)
        )
        first, second = (ratio.deviances(p, f, kind, k, x) for k in (order, order + 1))
        gains = f_statistic(first, second, bins - order - 2)
        result.append(
            Step(
                order,
                float(first[0]),
                bins - order - 1,
                float(np.mean(first[1:] >= first[0])),
                float(gains[0]),
                float(np.mean(gains[1:] >= gains[0])),
                float(stats.f.sf(gains[0], 1, bins - order - 2)),
            )
        )
    return result


def choose(found: Sequence[Step]) -> int:
    """The lowest order that fits and that the next one does not improve on; if none, the last."""
    enough = (step.order for step in found if min(step.fit_p, step.f_p) > LEVEL)
    return next(enough, found[-1].order)


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
    tried = range(config.order_max + 1)
    return {
        region: choose(
            steps(counts_of(nominal, config, region), config.basis, tried, x, TOYS, seed)
        )
        for region in config.passes
    }


def notes(
    config: Transfer, nominal: TemplateSet, orders: Mapping[str, int], seed: int
) -> list[str]:
    """What is said of the functions: their order, and where they do not describe the simulation."""
    x, found = places_of(nominal, config), []
    for region, order in orders.items():
        counts = counts_of(nominal, config, region)
        found.append(
            f"{region}: {config.name} is that of {config.fail} times {config.basis} ({order})"
        )
        for step in steps(counts, config.basis, [order], x, TOYS, seed):
            if step.fit_p < LEVEL:
                found.append(
                    f"{region}: {SCULPTED} {config.basis} of order {order} does not describe the"
                    f" simulated ratio of {region} to {config.fail} (p = {step.fit_p:.2g}): a score"
                    " that knows the variable makes peaks that no smooth function has; take a"
                    " decorrelated score, or another order"
                )
    return found
