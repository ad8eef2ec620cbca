"""Checks of the templates and the fit."""

from __future__ import annotations

from collections.abc import Iterator

from boostflow.config.checks import regions, transfer
from boostflow.config.config import Config
from boostflow.config.problems import Place, Problem
from boostflow.config.samples import is_data
from boostflow.config.statistics import Infer
from boostflow.config.systematics import PREFIXES


def check(config: Config, at: Place) -> Iterator[Problem]:
    """The axis and the regions exist, signal and background are there, and data may be seen."""
    if not config.models or config.infer is None:
        return
    templates, infer = config.templates, config.infer
    if templates.variable not in config.columns():
        here = at / "templates" / "variable"
        yield here.unknown("observable", templates.variable, config.columns())
    yield from regions.check(templates.regions, config, at / "templates" / "regions")
    if infer.transfer is not None:
        yield from transfer.check(infer.transfer, config, at / "infer" / "transfer")
    data = {name for name, sample in config.samples.items() if is_data(sample)}
    yield from _signal(config, infer, data, at / "infer" / "signal")
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


def _signal(config: Config, infer: Infer, data: set[str], at: Place) -> Iterator[Problem]:
    """The samples of parameters of interest are simulated, each is listed once, others are left."""
    listed: list[str] = []
    for parameter, samples in infer.pois().items():
        here = at / parameter if isinstance(infer.signal, dict) else at
        if parameter == "nominal" or parameter.startswith(PREFIXES):
            yield here.problem(f"{parameter} is taken; choose another name")
        for name in samples:
            if name not in config.samples:
                yield here.unknown("sample", name, config.samples)
            elif name in data:
                yield here.problem(f"{name} is collision data")
            if name in listed:
                yield here.problem(f"the sample {name} is listed twice")
            listed.append(name)
    if not set(config.samples) - data - set(listed):
        yield at.problem("lists every sample, so that no background is left")
