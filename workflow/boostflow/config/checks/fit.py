"""Checks of the templates and the fit."""

from __future__ import annotations

from collections.abc import Iterator

from boostflow.config.checks import regions, transfer
from boostflow.config.config import Config
from boostflow.config.problems import Place, Problem
from boostflow.config.samples import is_data
from boostflow.observables.catalogue import columns


def check(config: Config, at: Place) -> Iterator[Problem]:
    """The axis and the regions exist, signal and background are there, and data may be seen."""
    if not config.models or config.infer is None:
        return
    templates, infer = config.templates, config.infer
    if templates.variable not in columns():
        here = at / "templates" / "variable"
        yield here.unknown("observable", templates.variable, columns())
    yield from regions.check(templates.regions, config, at / "templates" / "regions")
    signal = at / "infer" / "signal"
    for name in infer.signal:
        if name not in config.samples:
            yield signal.unknown("sample", name, config.samples)
    if len(set(infer.signal)) < len(infer.signal):
        yield signal.problem("a sample is listed twice")
    if infer.transfer is not None:
        yield from transfer.check(infer.transfer, config, at / "infer" / "transfer")
    data = {name for name, sample in config.samples.items() if is_data(sample)}
    for name in sorted(data & set(infer.signal)):
        yield signal.problem(f"{name} is collision data")
    if not set(config.samples) - data - set(infer.signal):
        yield signal.problem("lists every sample, so that no background is left")
    if infer.data == "observed" and not data:
        yield (at / "infer" / "data").problem("observed needs a sample with `data: true`")
    if infer.data == "observed" and not infer.unblind:
        yield (at / "infer" / "data").problem(
            "observed needs `unblind: true`, which shows collision data in all regions"
        )
    if all(region.control for region in templates.regions.values()):
        yield (at / "templates" / "regions").problem(
            "every region is a control region, none has signal"
        )
