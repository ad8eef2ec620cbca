"""Estimated samples: free in the bins of a fail region, times a smooth function in pass regions.

HistFactory (pyhf JSON) has neither functions nor ratios, but products of parameters:

* The fail region has one sample, whose content is the start value of each bin, with a
  `shapefactor`: a free parameter a bin.
* A pass region has a sample for each basis function (`infer.basis`): the start value of the fail
  region's bin times the function there times the mean ratio, with the same shapefactor and a
  `normfactor`, the coefficient. Their sum is the estimate.
* A function of two variables has a pair of regions for each range of the second one, each with the
  shapefactor of its own fail region. The normfactors are those of all pairs.
* The exponential of a polynomial is a product over its functions, so each bin has a sample of its
  own, and each coefficient is a `normsys` whose factor at +1 is exp(`SLOPE` times the function in
  that bin), at -1 the inverse. From +1 on its interpolation is exactly exponential with all codes,
  so the parameter starts at `CENTRE` and ends at 1, and contents have the inverse of the start's
  factor. HistFactory gives each normsys a constraint: here of `SLOPE` in the exponent, a factor
  e^10, around the start value.

A function in two stages (CMS' H -> bb, arXiv:2006.13251) is one that was fitted to simulation times
one that is fitted to data. The latter has the coefficients above, all 1 (their polynomial, that is)
where it starts without data. The former is part of the contents; the statistical errors of
simulation move it along the eigenvectors of its covariance, each by a parameter of its own with a
Gaussian constraint, the same in all samples of a function (`STAGE`). A polynomial is linear in its
coefficients, so these are `histosys` with equal and opposite sides, which are exactly linear, and
exactly its covariance. Exponents are linear, so these are `normsys` with inverse sides: exactly
exponential from +-1 on and with pyhf's own interpolation everywhere, between them with that of
`expectation` to 1e-4 for errors up to a factor of e.

The parameters start at the function that was fitted to the simulated ratio with the simulation's
statistics, or to data less all other samples. So the expectation before the fit, and with it
Asimov data, come from a smooth function. Nothing else acts on these samples: rates and systematics
of simulation say nothing of data, and the statistics of the fail region are in the fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boostflow.config.transfer import Function, Order, Transfer, in_each
from boostflow.errors import BoostflowError
from boostflow.infer import ratio
from boostflow.infer.basis import functions, is_exponential, places
from boostflow.infer.ratio import LIMITS, Counts, Ratio
from boostflow.templates.files import TemplateSet

PREFIX = "transfer_"
"""How the names of all parameters of this module begin."""
STAGE = "simulated_"
"""How the names of parameters begin that move a function within the errors of simulation."""
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
    start: Mapping[str, NDArray]
    """Start values of the bins by fail region, shape (bins,)."""
    x: Mapping[str, NDArray]
    """Places of the bins of all pairs between 0 and 1 (`basis.functions`), by function."""
    ratios: Mapping[str, Ratio]
    """Start functions by name."""
    changes: Mapping[str, NDArray]
    """By function what simulation leaves open of its first stage (`ratio.changes`)."""

    def expected(self, region: str) -> NDArray:
        """Expected events of a region at the start values, 0 in others, shape (bins,)."""
        if region in self.start:
            return self.start[region]
        if region not in self.config.passes:
            return np.zeros(1)
        name, mine = self._place(region)
        return self._fail(region) * self.ratios[name].at(self.x[name])[mine]

    def _fail(self, region: str) -> NDArray:
        """Start values of the fail region of a pass region, shape (bins,)."""
        return self.start[self.config.fail_of(region)]

    def _place(self, region: str) -> tuple[str, slice]:
        """Name of a pass region's function, and where its bins are among those of all pairs."""
        function = next(f for f in self.config.functions() if region in f.passes)
        bins, k = len(self._fail(region)), function.passes.index(region)
        return function.name, slice(k * bins, (k + 1) * bins)

    def samples(self, region: str) -> list[dict[str, Any]]:
        """The samples of a region with their modifiers; none in regions of no estimate."""
        if region in self.start:
            data = self.start[region].tolist()
            return [{"name": self.config.name, "data": data, "modifiers": [_shape(region)]}]
        if region not in self.config.passes:
            return []
        shape = _shape(self.config.fail_of(region))
        name, mine = self._place(region)
        found = self.ratios[name]
        parts = functions(self.config.basis, found.order, self.x[name])[:, mine]
        names = coefficients(name, found.order)
        stage = self.changes.get(name, np.zeros((0, self.x[name].shape[-1])))[:, mine]
        free = [f"{STAGE}{name}_{k}" for k in range(len(stage))]
        base = np.broadcast_to(found.mean, self.x[name].shape[-1:])[mine]
        result = []
        if is_exponential(self.config.basis):
            for i, content in enumerate(self.expected(region)):
                slopes = np.array([*SLOPE * parts[:, i], *stage[:, i]])
                data = np.zeros(parts.shape[1])
                data[i] = content * np.exp(-CENTRE * SLOPE * parts[:, i].sum())
                factors = [
                    {
                        "name": name,
                        "type": "normsys",
                        "data": {"hi": float(np.exp(slope)), "lo": float(np.exp(-slope))},
                    }
                    for name, slope in zip([*names, *free], slopes, strict=True)
                ]
                result.append({"data": data.tolist(), "modifiers": [shape, *factors]})
        else:
            for name, part in zip(names, parts, strict=True):
                each = self._fail(region) * part
                factor = {"name": name, "type": "normfactor", "data": None}
                moved = [
                    {
                        "name": parameter,
                        "type": "histosys",
                        "data": {
                            "hi_data": (each * (base + change)).tolist(),
                            "lo_data": (each * (base - change)).tolist(),
                        },
                    }
                    for parameter, change in zip(free, stage, strict=True)
                ]
                data = self._fail(region) * base * part
                result.append({"data": data.tolist(), "modifiers": [shape, factor, *moved]})
        return [{"name": f"{self.config.name}{PART}{k}"} | entry for k, entry in enumerate(result)]

    def parameters(self) -> list[dict[str, Any]]:
        """Start values and bounds of all parameters."""
        result: list[dict[str, Any]] = []
        for fail, start in self.start.items():
            bins = len(start)
            shape = {"name": f"{PREFIX}{fail}", "inits": [1.0] * bins}
            result.append({**shape, "bounds": [SHAPE] * bins})
        for function, found in self.ratios.items():
            names = coefficients(function, found.order)
            for name, value in zip(names, found.coefficients, strict=True):
                if is_exponential(self.config.basis):
                    own = {"inits": [CENTRE], "auxdata": [CENTRE], "bounds": [[1.0, LAST]]}
                else:
                    own = {"inits": [float(value)], "bounds": [list(LIMITS[self.config.basis])]}
                result.append({"name": name, **own})
        return result


def coefficients(function: str, order: Order) -> list[str]:
    """Names of the parameters of a function, in the order of its basis functions."""
    numbers = product(*(range(n + 1) for n in in_each(order)))
    return [f"{PREFIX}{function}_{'_'.join(map(str, number))}" for number in numbers]


def _shape(fail: str) -> dict[str, Any]:
    return {"name": f"{PREFIX}{fail}", "type": "shapefactor", "data": None}


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


def places_of(nominal: TemplateSet, function: Function) -> NDArray:
    """Places of a function's bins between 0 and 1, of all pairs of regions one after the other.

    Returns:
        Shape (bins,), of two variables (2, bins); the ends of the second one are its lowest and
        highest place.

    Raises:
        BoostflowError: there is no template of the fail region.
    """
    fail = function.fails[0]
    if not (contents := nominal.get(fail)):
        raise BoostflowError(f"infer.transfer: no templates of region {fail}")
    x = places(next(iter(contents.values())).edges)
    if function.at is None:
        return x
    y = np.array(function.at)
    y = (y - y.min()) / (y.max() - y.min())
    return np.array([np.tile(x, len(y)), np.repeat(y, len(x))])


def counts_of(templates: TemplateSet, config: Transfer, function: Function) -> Counts:
    """Simulated events of all pairs of a function's regions, one after the other.

    Raises:
        BoostflowError: as `counts`; or the pairs have other bins.
    """
    return together(list(_pairs(templates, config, function).values()))


def _pairs(templates: TemplateSet, config: Transfer, function: Function) -> dict[str, Counts]:
    """The same by pass region."""
    found = {region: counts(templates, config, region) for region in function.passes}
    edges = [templates[fail][config.estimated[0]].edges for fail in function.fails]
    for fail, others in zip(function.fails, edges, strict=True):
        if not np.array_equal(edges[0], others):
            raise BoostflowError(
                f"infer.transfer: region {fail} has other bins than region {function.fails[0]};"
                " all pairs of a function need the same"
            )
    return found


def together(pairs: Sequence[Counts]) -> Counts:
    """Counts of several pairs of regions as one, the pairs one after the other."""
    if len(pairs) == 1:
        return pairs[0]
    return Counts(
        np.concatenate([pair.passed for pair in pairs]),
        np.concatenate([pair.failed for pair in pairs]),
        np.concatenate([np.full(len(pair.passed), pair.pass_weight) for pair in pairs]),
        np.concatenate([np.full(len(pair.passed), pair.fail_weight) for pair in pairs]),
    )


def counts(templates: TemplateSet, config: Transfer, region: str) -> Counts:
    """Simulated events of the estimated samples in a pass region and in its fail region.

    Raises:
        BoostflowError: a region or a sample is missing, they have other bins, or no events.
    """
    found = []
    fail = config.fail_of(region)
    for name in (region, fail):
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
            f"infer.transfer: region {region} has other bins than region {fail}; both need the same"
        )
    return Counts(passed, failed, pass_weight, fail_weight)


def estimate(
    config: Transfer,
    nominal: TemplateSet,
    observed: Mapping[str, NDArray] | None,
    orders: Mapping[str, Order],
) -> Estimate:
    """Start values of the estimated samples.

    Args:
        config: block of the configuration.
        nominal: all simulated templates.
        observed: events by region; null for none (Asimov data).
        orders: by function.

    Raises:
        BoostflowError: as `counts`; the bins do not determine the functions, or a bin of the fail
            region has no events.
    """
    ratios: dict[str, Ratio] = {}
    start: dict[str, NDArray] = {}
    x: dict[str, NDArray] = {}
    changes: dict[str, NDArray] = {}
    for function in config.functions():
        at, order = places_of(nominal, function), orders[function.name]
        pairs = _pairs(nominal, config, function)
        simulation = together(list(pairs.values()))
        if observed is not None:
            pairs = {
                region: _less_others(observed, nominal, config, region, mine)
                for region, mine in pairs.items()
            }
        for region, mine in pairs.items():
            fail = config.fail_of(region)
            if (empty := np.flatnonzero(mine.failed <= 0)).size:
                raise BoostflowError(
                    f"infer.transfer: region {fail} has no events of {config.name} in bin"
                    f" {', '.join(str(i + 1) for i in empty)}, which the pass region needs; use"
                    " fewer bins or another range (templates)"
                )
            start[fail] = mine.failed
        _check_determined(function, order, at)
        base = None
        if config.residual is not None:
            first = ratio.fit(simulation, config.basis, order, at)
            base, order = first.at(at), config.residual
            changes[function.name] = ratio.changes(simulation, first, at)
            _check_determined(function, order, at)
        counted = together(list(pairs.values()))
        if base is not None and observed is None:
            ratios[function.name] = ratio.one(config.basis, order, base)
        else:
            ratios[function.name] = ratio.fit(counted, config.basis, order, at, base)
        x[function.name] = at
    return Estimate(config, start, x, ratios, changes)


def _check_determined(function: Function, order: Order, places: NDArray) -> None:
    """There are bins enough for a function beside a signal, and ranges of the second variable."""
    regions = ", ".join(function.passes)
    bins, *ranges = [len(np.unique(at)) for at in np.atleast_2d(places)]
    first, *second = in_each(order)
    if first + 2 > bins:
        raise BoostflowError(
            f"infer.transfer: {bins} bins do not determine a function of order {first} beside a"
            f" signal; region {regions} needs at least {first + 2}"
        )
    if second and second[0] >= ranges[0]:
        raise BoostflowError(
            f"infer.transfer: {ranges[0]} ranges of the second variable do not determine a"
            f" function of order {second[0]} in it ({regions})"
        )


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
    fail = config.fail_of(region)
    for name in (region, fail):
        others = simulated({name: nominal[name]}, config)[name].values()
        values[name] = observed[name] - sum((t.values for t in others), np.zeros(1))
    passed = values[region].clip(0)
    failed = np.maximum(values[fail], LEAST * observed[fail])
    if passed.sum() <= 0:
        passed = failed.clip(0) * before.mean()
    return Counts(passed, failed)


def smoothed(templates: TemplateSet, config: Transfer, orders: Mapping[str, Order]) -> TemplateSet:
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
