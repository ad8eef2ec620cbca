"""Checks of a background that the fit takes from data."""

from __future__ import annotations

from collections.abc import Iterator

from boostflow.config.config import Config
from boostflow.config.problems import Place, Problem
from boostflow.config.samples import is_data
from boostflow.config.transfer import Transfer

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
    for key, names in (("fail", [transfer.fail]), ("pass", transfer.passes)):
        for name in names:
            if name not in regions:
                yield (at / key).unknown("region of templates", name, regions)
    # Coefficient k of region `a` is the parameter transfer_a_<k>, a fail region `a_1` transfer_a_1.
    stem, _, number = transfer.fail.rpartition("_")
    if stem in transfer.passes and number.isdecimal():
        yield (at / "fail").problem(
            f"{transfer.fail} is called like a coefficient of region {stem}; rename one of them"
        )
    bins, order = config.templates.bins, transfer.highest()
    if transfer.order == "auto" and bins < FEWEST:
        yield (at / "order").problem(
            f"auto tests each order against the next, which needs at least {FEWEST} bins"
            f" (templates), there are {bins}; give a number"
        )
    if order + 2 > bins:
        yield (at / ("order_max" if transfer.order == "auto" else "order")).problem(
            f"{bins} bins (templates) do not determine a function of order {order} beside a"
            f" signal; at least {order + 2} are needed"
        )
