"""Estimated samples: free in the bins of a fail region, times a smooth function in pass regions.

HistFactory (pyhf JSON) has neither functions nor ratios, but products of parameters:

* The fail region has one sample, whose content is the start value of each bin, with a
  `shapefactor`: a free parameter a bin.
* A pass region has a sample for each basis function (`infer.basis`): the start value of the fail
  region's bin times the function there times the mean ratio, with the same shapefactor and a
  `normfactor`, the coefficient. Their sum is the estimate.
* The exponential of a polynomial is a product over its functions, so each bin has a sample of its
  own, and each coefficient is a `normsys` whose factor at +1 is exp(`SLOPE` times the function in
  that bin), at -1 the inverse. From +1 on its interpolation is exactly exponential with all codes,
  so the parameter starts at `CENTRE` and ends at 1, and contents have the inverse of the start's
  factor. HistFactory gives each normsys a constraint: here of `SLOPE` in the exponent, a factor
  e^10, around the start value.

The parameters start at the function that was fitted to the simulated ratio with the simulation's
statistics, or to data less all other samples. So the expectation before the fit, and with it
Asimov data, come from a smooth function. Nothing else acts on these samples: rates and systematics
of simulation say nothing of data, and the statistics of the fail region are in the fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boostflow.config.transfer import Transfer
from boostflow.errors import BoostflowError
from boostflow.infer import ratio
from boostflow.infer.basis import functions, is_exponential, places
from boostflow.infer.ratio import LIMITS, Counts, Ratio
from boostflow.templates.files import TemplateSet

PREFIX = "transfer_"
"""How the names of all parameters of this module begin."""
PART = "."
"""Between the name of the estimate and the number of one of its samples in a pass region."""
LEAST = 0.1
"""Smallest part of the data in a bin of the fail region that the estimate starts with."""
SHAPE = [0.0, 10.0]
"""Bounds of a bin of the fail region, relative to its start value."""
SLOPE, CENTRE, LAST = 10.0, 6.0, 11.0
"""Exponent of one unit of a normsys parameter, where it starts, and where it ends."""


@dataclass(frozen=True)
class Estimate:
    """The estimated samples of a workspace."""

    config: Transfer
    start: NDArray
    """Start values of the fail region's bins, shape (bins,)."""
    x: NDArray
    """Places of the bins between 0 and 1."""
    ratios: Mapping[str, Ratio]
    """Start functions by pass region."""

    def expected(self, region: str) -> NDArray:
        """Expected events of a region at the start values, 0 in others, shape (bins,)."""
        if region == self.config.fail:
            return self.start
        return self.start * self.ratios[region].at(self.x) if region in self.ratios else np.zeros(1)

    def samples(self, region: str) -> list[dict[str, Any]]:
        """The samples of a region with their modifiers; none in regions of no estimate."""
        shape = {"name": f"{PREFIX}{self.config.fail}", "type": "shapefactor", "data": None}
        if region == self.config.fail:
            data = self.start.tolist()
            return [{"name": self.config.name, "data": data, "modifiers": [shape]}]
        if region not in self.ratios:
            return []
        parts = functions(self.config.basis, self.ratios[region].order, self.x)
        names = self._coefficients(region)
        result = []
        if is_exponential(self.config.basis):
            for i, content in enumerate(self.expected(region)):
                slopes = SLOPE * parts[:, i]
                data = np.zeros(len(self.x))
                data[i] = content * np.exp(-CENTRE * slopes.sum())
                factors = [
                    {
                        "name": name,
                        "type": "normsys",
                        "data": {"hi": float(np.exp(slope)), "lo": float(np.exp(-slope))},
                    }
                    for name, slope in zip(names, slopes, strict=True)
                ]
                result.append({"data": data.tolist(), "modifiers": [shape, *factors]})
        else:
            for name, part in zip(names, parts, strict=True):
                data = self.start * self.ratios[region].mean * part
                factor = {"name": name, "type": "normfactor", "data": None}
                result.append({"data": data.tolist(), "modifiers": [shape, factor]})
        return [{"name": f"{self.config.name}{PART}{k}"} | entry for k, entry in enumerate(result)]

    def parameters(self) -> list[dict[str, Any]]:
        """Start values and bounds of all parameters."""
        bins = len(self.start)
        shape = {"name": f"{PREFIX}{self.config.fail}", "inits": [1.0] * bins}
        result: list[dict[str, Any]] = [{**shape, "bounds": [SHAPE] * bins}]
        for region, found in self.ratios.items():
            for name, value in zip(self._coefficients(region), found.coefficients, strict=True):
                if is_exponential(self.config.basis):
                    own = {"inits": [CENTRE], "auxdata": [CENTRE], "bounds": [[1.0, LAST]]}
                else:
                    own = {"inits": [float(value)], "bounds": [list(LIMITS[self.config.basis])]}
                result.append({"name": name, **own})
        return result

    def _coefficients(self, region: str) -> list[str]:
        return [f"{PREFIX}{region}_{k}" for k in range(self.ratios[region].order + 1)]


def whole(sample: str) -> str:
    """The name of the estimate that a sample of a workspace is a part of, else its own."""
    return sample.partition(PART)[0]


def simulated(templates: TemplateSet, config: Transfer | None) -> TemplateSet:
    """Templates without those that the fit does not take from simulation."""
    if config is None:
        return templates
    return {
        region: {
            name: template
            for name, template in contents.items()
            if region not in config.regions() or name not in config.estimated
        }
        for region, contents in templates.items()
    }


def fitted(templates: TemplateSet, config: Transfer | None) -> TemplateSet:
    """Templates without those of validation regions, which are in no fit of the signal."""
    apart = config.validation if config else []
    return {region: found for region, found in templates.items() if region not in apart}


def places_of(nominal: TemplateSet, config: Transfer) -> NDArray:
    """Places of the bins between 0 and 1.

    Raises:
        BoostflowError: there is no template of the fail region.
    """
    if not (contents := nominal.get(config.fail)):
        raise BoostflowError(f"infer.transfer: no templates of region {config.fail}")
    return places(next(iter(contents.values())).edges)


def counts(templates: TemplateSet, config: Transfer, region: str) -> Counts:
    """Simulated events of the estimated samples in a pass region and in the fail region.

    Raises:
        BoostflowError: a region or a sample is missing, they have other bins, or no events.
    """
    found = []
    for name in (region, config.fail):
        if name not in templates:
            raise BoostflowError(f"infer.transfer: no templates of region {name}")
        if missing := [sample for sample in config.estimated if sample not in templates[name]]:
            raise BoostflowError(
                f"infer.transfer: region {name} has no template of {', '.join(missing)}"
            )
        mine = [templates[name][sample] for sample in config.estimated]
        values = np.sum([t.values for t in mine], axis=0)
        if values.sum() <= 0:
            raise BoostflowError(
                f"infer.transfer: no simulated events of {', '.join(config.estimated)} in region"
                f" {name}, so that the ratio has no start value; simulate more events, or move the"
                " borders of the regions"
            )
        weight = float(np.sum([t.variances for t in mine]) / values.sum())
        found.append((values, weight, mine[0].edges))
    (passed, pass_weight, edges), (failed, fail_weight, others) = found
    if not np.array_equal(edges, others):
        raise BoostflowError(
            f"infer.transfer: region {region} has other bins than region {config.fail}; both need"
            " the same"
        )
    return Counts(passed, failed, pass_weight, fail_weight)


def estimate(
    config: Transfer,
    nominal: TemplateSet,
    observed: Mapping[str, NDArray] | None,
    orders: Mapping[str, int],
) -> Estimate:
    """Start values of the estimated samples.

    Args:
        config: block of the configuration.
        nominal: all simulated templates.
        observed: events by region; null for none (Asimov data).
        orders: of the function by pass region.

    Raises:
        BoostflowError: as `counts`; the bins do not determine the functions, or a bin of the fail
            region has no events.
    """
    ratios: dict[str, Ratio] = {}
    start, x = np.zeros(0), places_of(nominal, config)
    for region in config.passes:
        mine = counts(nominal, config, region)
        if observed is not None:
            mine = _less_others(observed, nominal, config, region, mine)
        if (empty := np.flatnonzero(mine.failed <= 0)).size:
            raise BoostflowError(
                f"infer.transfer: region {config.fail} has no events of {config.name} in bin"
                f" {', '.join(str(i + 1) for i in empty)}, which the pass region needs; use fewer"
                " bins or another range (templates)"
            )
        bins = len(mine.failed)
        if orders[region] + 2 > bins:
            raise BoostflowError(
                f"infer.transfer: {bins} bins do not determine a function of order"
                f" {orders[region]} beside a signal; region {region} needs at least"
                f" {orders[region] + 2}"
            )
        start = mine.failed
        ratios[region] = ratio.fit(mine, config.basis, orders[region], x)
    return Estimate(config, start, x, ratios)


def _less_others(
    observed: Mapping[str, NDArray],
    nominal: TemplateSet,
    config: Transfer,
    region: str,
    before: Counts,
) -> Counts:
    """Data in a pass and the fail region less all samples that are simulated; where those explain
    all data of a pass region, the simulated ratio `before` remains."""
    values = {}
    for name in (region, config.fail):
        others = simulated({name: nominal[name]}, config)[name].values()
        values[name] = observed[name] - sum((t.values for t in others), np.zeros(1))
    passed = values[region].clip(0)
    failed = np.maximum(values[config.fail], LEAST * observed[config.fail])
    if passed.sum() <= 0:
        passed = failed.clip(0) * before.mean()
    return Counts(passed, failed)


def smoothed(templates: TemplateSet, config: Transfer, orders: Mapping[str, int]) -> TemplateSet:
    """Templates whose estimated samples have the fitted ratio in the pass regions.

    A sample keeps its part of their sum. Pseudo-data are drawn around these: lumps of a small
    simulation are no property of data.
    """
    start = estimate(config, templates, None, orders)
    result = {region: dict(contents) for region, contents in templates.items()}
    for region in config.passes:
        mine = [templates[region][name].values.sum() for name in config.estimated]
        for name, part in zip(config.estimated, np.array(mine) / sum(mine), strict=True):
            values = part * start.expected(region)
            result[region][name] = replace(templates[region][name], values=values)
    return result
