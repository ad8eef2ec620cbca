"""The order of a smooth ratio by an F-test (R. A. Fisher), with toys.

A function of order m with p parameters that is enough leaves a deviance D; one of order m + 1
improves on it by chance alone: F = (D_m - D_(m+1)) / (D_(m+1) / (bins - p_(m+1))). The p-value is
the part of toys, drawn from the function of order m, with a larger F. The order is the lowest one
with a p-value above `LEVEL` that also fits: a parabola is not better described by a straight line
than by a constant. A function of two variables has a next order along each of them, with several
parameters more; from order 0 in both it rises along the one with the smaller p-value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from boostflow.config.transfer import Basis, Order, Transfer, in_each
from boostflow.infer import ratio
from boostflow.infer.basis import size
from boostflow.infer.ratio import Counts
from boostflow.infer.transfer import counts_of, places_of
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

    order: Order
    next: Order
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


def f_statistic(before: NDArray, after: NDArray, freedom: int, added: int = 1) -> NDArray:
    """F of the deviances of two functions, the second with more parameters.

    Args:
        before: deviance of the first.
        after: of the second.
        freedom: bins less parameters of the second.
        added: how many more it has.
    """
    gain = np.maximum(before - after, 0) / added
    return np.asarray(gain / (np.maximum(after, 1e-9) / freedom))


def nexts(order: Order, x: NDArray) -> list[Order]:
    """The next order along each variable, as far as the bins determine it and leave a freedom.

    Args:
        order: of a function.
        x: places of the bins (`basis.functions`).
    """
    axes = np.atleast_2d(x)
    if isinstance(order, int):
        found: list[Order] = [order + 1]
    else:
        found = [(order[0] + 1, order[1]), (order[0], order[1] + 1)]
    return [
        raised
        for raised in found
        if size(raised) < axes.shape[1]
        and all(n < len(np.unique(at)) for n, at in zip(in_each(raised), axes, strict=True))
    ]


def up_to(highest: Order) -> list[Order]:
    """All orders up to one, in each variable."""
    if isinstance(highest, int):
        return list(range(highest + 1))
    return list(product(*(range(n + 1) for n in highest)))


def steps(
    counts: Counts,
    kind: Basis,
    orders: Sequence[Order],
    x: NDArray,
    toys: int,
    seed: int,
    base: NDArray | None = None,
) -> list[Step]:
    """Goodness of fit and F-test of each order against the next one along each variable.

    Args:
        counts: simulated or observed numbers.
        kind: basis.
        orders: those whose next one the bins cannot determine are left out.
        x: places of the bins between 0 and 1.
        toys: number of toys an order.
        seed: of the toys.
        base: what the functions are multiplied by, shape (bins,); null for 1.

    Raises:
        BoostflowError: a fit does not converge.
    """
    bins = len(counts.passed)
    rng = np.random.default_rng(seed)
    passed, failed = counts.effective()
    # Weights that differ between pairs of regions are in the ratio of effective numbers.
    prior = counts.scale() if base is None else counts.scale() * base
    prior = np.broadcast_to(prior, (bins,)) if np.ndim(prior) else None
    result = []
    for order in orders:
        if not (following := nexts(order, x)):
            continue
        # The expectations of the fail region are the most likely ones for the sum of both regions.
        rho = ratio.fit(counts, kind, order, x, base).at(x).clip(0) * counts.scale()
        base = (passed + failed) / (1 + rho)
        drawn = rng.poisson(base * rho, (toys, bins)), rng.poisson(base, (toys, bins))
        kept = np.all([numbers.sum(axis=1) > 0 for numbers in drawn], axis=0)
        p, f = (
            np.vstack([one, many[kept]]) for one, many in zip((passed, failed), drawn, strict=True)
        )
        first = ratio.deviances(p, f, kind, order, x, prior)
        for raised in following:
            freedom, added = bins - size(raised), size(raised) - size(order)
            second = ratio.deviances(p, f, kind, raised, x, prior)
            gains = f_statistic(first, second, freedom, added)
            result.append(
                Step(
                    order,
                    raised,
                    float(first[0]),
                    bins - size(order),
                    float(np.mean(first[1:] >= first[0])),
                    float(gains[0]),
                    float(np.mean(gains[1:] >= gains[0])),
                    float(stats.f.sf(gains[0], added, freedom)),
                )
            )
    return result


def of_data(config: Transfer, counts: Counts, x: NDArray, first: NDArray, seed: int) -> list[Step]:
    """The orders that a function could be fitted to data with: goodness and F-tests.

    Args:
        config: block of the configuration; of two stages the second is tested.
        counts: data.
        x: places of the bins between 0 and 1.
        first: the first stage in the bins, as simulated; not read where there is one stage.
        seed: of the toys.

    Raises:
        BoostflowError: a fit does not converge.
    """
    highest, base = config.highest(), None
    if config.residual is not None:
        highest, base = config.residual, first
    return steps(counts, config.basis, up_to(highest), x, config.toys, seed, base)


def choose(counts: Counts, kind: Basis, highest: Order, x: NDArray, toys: int, seed: int) -> Order:
    """The lowest order that fits and that the next one does not improve on; if none, the last.

    Args:
        counts: simulated numbers.
        kind: basis.
        highest: order, in each variable.
        x: places of the bins between 0 and 1.
        toys: number of toys an order.
        seed: of the toys.

    Raises:
        BoostflowError: a fit does not converge.
    """
    if isinstance(highest, int):
        found = steps(counts, kind, up_to(highest), x, toys, seed)
        enough = (step.order for step in found if min(step.fit_p, step.f_p) > LEVEL)
        return next(enough, found[-1].order)
    order: Order = (0, 0)
    while found := steps(counts, kind, [order], x, toys, seed):
        higher = [
            step
            for step in found
            if all(n <= most for n, most in zip(in_each(step.next), highest, strict=True))
        ]
        if min(found[0].fit_p, *(step.f_p for step in found)) > LEVEL or not higher:
            break
        order = min(higher, key=lambda step: (step.f_p, -step.f)).next
    return order


def orders(config: Transfer, nominal: TemplateSet, seed: int) -> dict[str, Order]:
    """The order of each function by its name: as declared, or chosen on simulated events.

    Args:
        config: block of the configuration.
        nominal: all simulated templates.
        seed: of the toys.

    Raises:
        BoostflowError: a template is missing, or a fit does not converge.
    """
    functions = config.functions()
    if config.order != "auto":
        return dict.fromkeys([function.name for function in functions], config.order)
    return {
        function.name: choose(
            counts_of(nominal, config, function),
            config.basis,
            config.highest(),
            places_of(nominal, function),
            TOYS,
            seed,
        )
        for function in functions
    }


def notes(
    config: Transfer, nominal: TemplateSet, orders: Mapping[str, Order], seed: int
) -> list[str]:
    """What is said of the functions: their order, and where they do not describe the simulation."""
    found = []
    for function in config.functions():
        order, passed, failed = (
            orders[function.name],
            ", ".join(function.passes),
            ", ".join(function.fails),
        )
        counts, x = counts_of(nominal, config, function), places_of(nominal, function)
        times = f"{config.basis} ({order})"
        if config.residual is not None:
            times += f" as simulated, times {config.basis} ({config.residual})"
        found.append(f"{passed}: {config.name} is that of {failed} times {times}")
        for step in steps(counts, config.basis, [order], x, TOYS, seed)[:1]:
            if step.fit_p < LEVEL:
                found.append(
                    f"{passed}: {SCULPTED} {config.basis} of order {order} does not describe the"
                    f" simulated ratio of {passed} to {failed} (p = {step.fit_p:.2g}): a score"
                    " that knows the variable makes peaks that no smooth function has; take a"
                    " decorrelated score, or another order"
                )
    return found
