"""Checks of a background that the fit takes from data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations, product

from boostflow.config.base import share_values
from boostflow.config.config import Config
from boostflow.config.problems import Place, Problem
from boostflow.config.samples import is_data
from boostflow.config.statistics import Templates
from boostflow.config.transfer import Along, Order, Transfer, in_each

FEWEST = 3
"""Bins that tell a constant from a line, and leave one to judge the line by."""


def check(transfer: Transfer, config: Config, at: Place) -> Iterator[Problem]:
    """Samples and regions exist, no sample is signal or data, and the bins determine the order."""
    signal = config.infer.signals() if config.infer else []
    for name in transfer.estimated:
        here = at / "estimated"
        if name not in config.samples:
            yield here.unknown("sample", name, config.samples)
        elif name in signal:
            yield here.problem(f"{name} is the signal (infer.signal), which cannot be estimated")
        elif is_data(config.samples[name]):
            yield here.problem(f"{name} is collision data; name the simulated samples")
    if transfer.name in config.samples:
        yield (at / "name").problem(f"{transfer.name} is a sample; choose another name")
    regions = config.templates.regions
    apart = ("validation", transfer.validation)
    for key, names in (("fail", transfer.fails()), ("pass", transfer.passes), apart):
        for name in names:
            if name not in regions:
                yield (at / key).unknown("region of templates", name, regions)
    yield from _windows(transfer, config.templates, at / "hidden")
    # Coefficient k of function `a` is called transfer_a_<k>, a fail region `a_1` transfer_a_1.
    for fail, name in product(transfer.fails(), transfer.names()):
        if re.fullmatch(rf"{name}(_\d+)+", fail):
            yield (at / "fail").problem(
                f"{fail} is called like a coefficient of region {name}; rename one of them"
            )
    if transfer.order == "auto" and config.templates.bins < FEWEST:
        yield (at / "order").problem(
            f"auto tests each order against the next, which needs at least {FEWEST} bins"
            f" (templates), there are {config.templates.bins}; give a number"
        )
    key = "order_max" if transfer.order == "auto" else "order"
    yield from _determined(transfer, transfer.highest(), config, at / key)
    if transfer.residual is not None:
        yield from _determined(transfer, transfer.residual, config, at / "residual")
    if transfer.along is not None and set(transfer.regions()) <= set(regions):
        yield from _ranges(transfer, transfer.along, config, at)


def _determined(transfer: Transfer, order: Order, config: Config, at: Place) -> Iterator[Problem]:
    """Bins and ranges of the second variable are enough for an order."""
    bins, (first, *second) = config.templates.bins, in_each(order)
    if first + 2 > bins:
        yield at.problem(
            f"{bins} bins (templates) do not determine a function of order {first} beside a"
            f" signal; at least {first + 2} are needed"
        )
    if transfer.along is not None and second and second[0] >= len(transfer.fails()):
        yield at.problem(
            f"{len(transfer.fails())} ranges of {transfer.along.variable} do not determine a"
            f" function of order {second[0]} in it; at least {second[0] + 1} are needed"
        )


def _ranges(transfer: Transfer, along: Along, config: Config, at: Place) -> Iterator[Problem]:
    """Each region has a range of the second variable, those of a pair the same one."""
    ranges = {}
    for name in transfer.regions():
        if along.variable not in config.templates.regions[name].within:
            yield (at / "along.variable").problem(
                f"region {name} has no range of {along.variable}; give it one"
                f" (templates.regions.{name}.within)"
            )
            return
        ranges[name] = tuple(config.templates.regions[name].within[along.variable])
    for name in transfer.passes:
        fail = transfer.fail_of(name)
        if ranges[name] != ranges[fail]:
            yield (at / "pass").problem(
                f"{name} has the range {list(ranges[name])} of {along.variable}, and its fail"
                f" region {fail} {list(ranges[fail])}; both need the same, list them in one order"
            )
    for one, other in combinations(transfer.fails(), 2):
        if share_values(ranges[one], ranges[other]):
            yield (at / "fail").problem(
                f"{one} and {other} have ranges of {along.variable} that overlap:"
                f" {list(ranges[one])} and {list(ranges[other])}"
            )
    for name, value in zip(transfer.fails(), along.at or [], strict=False):
        low, high = ranges[name]
        if not low <= value <= high:
            yield (at / "along.at").problem(
                f"{value:g} is outside of the range {list(ranges[name])} of region {name}"
            )


def _windows(transfer: Transfer, templates: Templates, at: Place) -> Iterator[Problem]:
    """Each window hides some bins, and enough are left to determine the function."""
    if not transfer.hidden:
        return
    edges = templates.edges or [
        templates.range[0] + (templates.range[1] - templates.range[0]) * i / templates.bins
        for i in range(templates.bins + 1)
    ]
    for low, high in transfer.hidden:
        if high <= edges[0] or low >= edges[-1]:
            yield at.problem(
                f"{low:g} to {high:g} is outside of {templates.variable} in the templates,"
                f" {edges[0]:g} to {edges[-1]:g}"
            )
    left, needed = transfer.hides(edges).count(False), in_each(transfer.highest())[0] + 2
    if left < needed:
        yield at.problem(
            f"{left} bins are left beside the windows, which do not determine a function of order"
            f" {needed - 2}; at least {needed} are needed"
        )
