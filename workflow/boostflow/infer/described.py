"""How a fit with a background from data describes its data: deviance, toys, pulls, the ratio."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyhf
from numpy.typing import NDArray

from boostflow.config.transfer import Function, Transfer
from boostflow.errors import BoostflowError
from boostflow.infer import transfer
from boostflow.infer.minimum import Fit, minimise
from boostflow.infer.ratio import Counts
from boostflow.infer.toys import draw
from boostflow.progress import progress


def function(block: Transfer, model: pyhf.Model, best: Fit, region: str) -> tuple[NDArray, NDArray]:
    """The fitted pass/fail ratio of a region and its errors in the bins, each of shape (bins,)."""
    mine = [i for i, s in enumerate(model.config.samples) if transfer.whole(s) == block.name]
    slices = [model.config.channel_slices[name] for name in (region, block.fail_of(region))]

    def at(pars: NDArray) -> NDArray:
        found = np.asarray(model.main_model.expected_data(pars, return_by_sample=True))
        passed, failed = (found[mine][:, where].sum(axis=0) for where in slices)
        return np.asarray(passed / failed)

    # The bins of the fail region are in both and cancel.
    changes = np.zeros((len(best.values), len(at(best.values))))
    for i in np.flatnonzero(best.errors):
        if best.names[i].startswith(transfer.PREFIX) and "[" not in best.names[i]:
            step = np.zeros(len(best.values))
            step[i] = best.errors[i]
            changes[i] = (at(best.values + step) - at(best.values - step)) / 2
    covariance = np.einsum("ib,ij,jb->b", changes, best.correlation, changes)
    return at(best.values), np.sqrt(covariance.clip(0))


def less_others(
    block: Transfer, model: pyhf.Model, data: NDArray, best: Fit, region: str
) -> NDArray:
    """Data of a region less all samples that are simulated, as fitted; shape (bins,)."""
    where = model.config.channel_slices[region]
    samples = np.asarray(model.main_model.expected_data(best.values, return_by_sample=True))
    others = [i for i, s in enumerate(model.config.samples) if transfer.whole(s) != block.name]
    return np.asarray(data[where] - samples[others][:, where].sum(axis=0))


def counts_of_data(
    block: Transfer, model: pyhf.Model, data: NDArray, best: Fit, of: Function
) -> Counts:
    """Data of a function's pairs of regions less all samples that are simulated, as one."""

    def left(region: str) -> NDArray:
        return less_others(block, model, data, best, region)

    pairs = [Counts(left(r).clip(0), left(block.fail_of(r)).clip(1e-9)) for r in of.passes]
    return transfer.together(pairs)


def points(counts: Counts) -> dict[str, list[float]]:
    """The ratio bin by bin, with Poisson errors of both regions."""
    failed = np.maximum(counts.failed, 1e-9)
    relative = counts.fail_weight / failed
    errors = np.sqrt(
        counts.pass_weight * np.maximum(counts.passed, counts.pass_weight)
        + counts.passed**2 * relative
    )
    return {
        "values": (counts.passed / failed).tolist(),
        "errors": (errors / failed).tolist(),
    }


def pulls(model: pyhf.Model, data: NDArray, best: Fit, region: str) -> list[float]:
    """(Data - fit) / sqrt(fit) in the bins of a region."""
    where = model.config.channel_slices[region]
    expected = np.asarray(model.expected_actualdata(best.values))[where]
    return [float(pull) for pull in (data[where] - expected) / np.sqrt(expected)]


def deviance(model: pyhf.Model, data: NDArray, found: Fit) -> float:
    """-2 ln of the likelihood over that of a model that is free in each bin (Baker, Cousins)."""
    bins = model.config.nmaindata
    pars = found.values.copy()
    expected = np.asarray(model.expected_data(pars))
    auxiliary = data[bins:]
    n = data[:bins]
    logs = np.where(n > 0, n * np.log(np.maximum(n, 1e-9) / expected[:bins]), 0.0)
    poisson = 2 * np.sum(expected[:bins] - n + logs)
    # Constraints: what they cost beyond auxiliary data at their expectation.
    if not len(auxiliary):
        return float(poisson)
    cost = pyhf.tensorlib.tolist(model.constraint_logpdf(auxiliary, pars))
    least = pyhf.tensorlib.tolist(model.constraint_logpdf(expected[bins:], pars))
    return float(poisson - 2 * (cost - least))


def goodness(
    model: pyhf.Model,
    data: NDArray,
    best: Fit,
    toys: int,
    seed: int,
    held: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Deviance of a fit from the saturated model, and its p-value by toys.

    Args:
        model: that was fitted.
        data: to which.
        best: the fit.
        toys: their number, drawn from the fit; those whose fits do not converge are left out.
        seed: of the toys.
        held: values of the parameters that the fit holds; null for none.
    """
    found = deviance(model, data, best)
    rng = np.random.default_rng(seed)
    values = []
    for toy in progress(draw(model, best.values, toys, rng), "goodness", toys, "toys"):
        try:
            values.append(deviance(model, toy, minimise(model, toy, held, best)))
        except BoostflowError:
            continue
    p = float(np.mean(np.array(values) >= found))
    return {"deviance": found, "toys": len(values), "p": p}
