"""Figures of merit of a regression: bias, width, tails, jets found, fakes, and its unfolding."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boostflow.areas import subtracted
from boostflow.binomial import effective, efficiency_error
from boostflow.config.regression import Regression
from boostflow.errors import BoostflowError
from boostflow.evaluate import unfolding
from boostflow.evaluate.bootstrap import bootstrap
from boostflow.evaluate.curves import EmptyClass
from boostflow.jobs.models import Judged
from boostflow.models.regressing import CORRECTED, ERROR
from boostflow.models.regression import relative
from boostflow.scored import TEST, Table, rows

OPTIONAL = ["pt", "rho", "area", "gen_lead_pt"]
"""Columns for what a regression is compared with, and for the jets that are found."""
FEW = 20
"""Jets of a bin that figures are quoted with."""
SIGMA = (0.1585, 0.5, 0.8415)
TAIL = 3.0
"""A jet is in the tails beyond so many widths from the median."""
INVERTIBLE = 10.0
"""Condition number up to which a spectrum is said to be unfolded."""


def evaluate(
    table: Table, judged: Judged, config: Regression, times: int, seed: int
) -> tuple[dict[str, Any], Table]:
    """All figures of merit of a regression on the test split, and the jets behind them.

    Weights are relative to the mean of each sample. All but `samples` are of those samples that the
    model learned from.

    Args:
        table: from `scored.read_scored` with `split`, `weight`, the target, the column of the
            centrality and, where there are some, `OPTIONAL`.
        judged: the target, and the samples that the model learned from; null for all.
        config: bins.
        times: resamplings of the bootstrap.
        seed: of it.

    Returns:
        The figures, and the test jets. `ranges`: of each range of the centrality, all first,
        `bins` (see `_bins`), `efficiency` and `fakes`; `samples`: bins of each sample,
        also of those that were not learned;
        `response`: matrix and `conditions`, `closure` of the unfolding, `lowest` edge from which
        the spectrum can be unfolded; `coverage`: part of the jets within their error.

    Raises:
        BoostflowError: an estimate or a weight is not finite, all weights of a sample are 0, or
            no jet has a true value.
    """
    target = judged.target
    assert target is not None
    if CORRECTED not in table:
        raise BoostflowError(f"the score table has no column {CORRECTED} of a regression")
    test = rows(table, table["split"] == TEST)
    weight = test["weight"].astype(float)
    for name in sorted(set(test["sample"].tolist())):
        mine = test["sample"] == name
        weight[mine] = relative(weight[mine], f"test jets of {name}")
    test["weight"] = weight
    if not np.isfinite(test[CORRECTED]).all():
        raise BoostflowError(f"{(~np.isfinite(test[CORRECTED])).sum()} jets have a NaN estimate")
    real = np.isfinite(test[target])
    learned = np.ones(len(real), bool)
    if judged.samples:
        learned = np.isin(test["sample"], judged.samples)
    if (known := int((real & learned).sum())) < FEW:
        raise BoostflowError(
            f"{known} test jets have a {target}, a regression is judged by at least {FEW}"
        )
    edges = np.asarray(config.edges)
    limits = [(-np.inf, np.inf), *pairwise(config.ranges)]
    ranges = []
    for low, high in limits:
        inside = learned.copy()
        if np.isfinite(low):
            inside &= (test[config.centrality] >= low) & (test[config.centrality] < high)
        part = rows(test, inside)
        ranges.append(
            {
                "range": None if not np.isfinite(low) else [low, high],
                "jets": int(inside.sum()),
                "bins": _bins(rows(test, inside & real), target, edges, times, seed),
                "efficiency": _efficiency(part, target, edges),
                "fakes": _fakes(part, target, edges),
            }
        )
    every = rows(test, real)
    matched = rows(every, learned[real])
    names = sorted(set(every["sample"].tolist()))
    within = np.abs(matched[CORRECTED] - matched[target]) < matched[ERROR]
    result = {
        "kind": "regression",
        "target": target,
        "centrality": config.centrality,
        "edges": edges.tolist(),
        "matched": len(matched[target]),
        "ranges": ranges,
        "samples": {
            name: _bins(rows(every, every["sample"] == name), target, edges, times, seed)
            for name in names
        },
        "coverage": _part(within, matched["weight"]),
        **_unfolded(matched, target, edges, config.iterations, times, seed),
    }
    return result, test


def _bins(
    jets: Table, target: str, edges: NDArray, times: int, seed: int
) -> list[dict[str, Any] | None]:
    """Figures of jets with a true value in each of its bins; None for fewer than `FEW`.

    Of estimate less true value: `bias` is its mean, `width` half of the central 68.3 %, `rms` its
    standard deviation, `tails` the part beyond `TAIL` widths of the median. Where jets have a
    density, `area` has bias and width of the area method and `ratio` is the width over that, of the
    same jets. Errors by the event bootstrap.
    """
    truth = jets[target].astype(float)
    estimates = [jets[CORRECTED].astype(float) - truth]
    if all(name in jets and np.isfinite(jets[name]).all() for name in ("pt", "rho", "area")):
        estimates.append(subtracted(jets) - truth)
    result: list[dict[str, Any] | None] = []
    for low, high in pairwise(edges):
        mine = (truth >= low) & (truth < high)
        if mine.sum() < FEW:
            result.append(None)
            continue
        residuals = [values[mine] for values in estimates]
        orders = [np.argsort(values, kind="stable") for values in residuals]
        weight = jets["weight"][mine].astype(float)

        def values(
            count: NDArray,
            residuals: list[NDArray] = residuals,
            orders: list[NDArray] = orders,
            weight: NDArray = weight,
        ) -> NDArray:
            w = weight * count
            if w.sum() <= 0:
                raise EmptyClass("a bin of the true value has no jets")
            found = [_moments(x, order, w) for x, order in zip(residuals, orders, strict=True)]
            return np.concatenate([*found, [found[0][1] / found[-1][1]]])

        nominal = values(np.ones(len(weight)))
        error = bootstrap(values, jets["event"][mine], times, seed).error
        quoted = [
            {"value": float(x), "error": float(e)} for x, e in zip(nominal, error, strict=True)
        ]
        entry: dict[str, Any] = {"low": float(low), "high": float(high), "jets": int(mine.sum())}
        entry |= dict(zip(("bias", "width", "rms", "tails"), quoted, strict=False))
        if len(estimates) > 1:
            entry["area"] = dict(zip(("bias", "width", "rms", "tails"), quoted[4:8], strict=True))
            entry["ratio"] = quoted[8]
        result.append(entry)
    return result


def _moments(x: NDArray, order: NDArray, weight: NDArray) -> NDArray:
    """Mean, half of the central 68.3 %, standard deviation, part in the tails."""
    mean = float(np.average(x, weights=weight))
    low, median, high = _quantiles(x[order], weight[order])
    width = max((high - low) / 2, 1e-9)
    rms = np.sqrt(max(float(np.average((x - mean) ** 2, weights=weight)), 0.0))
    tails = float(np.average(np.abs(x - median) > TAIL * width, weights=weight))
    return np.array([mean, width, rms, tails])


def _quantiles(ordered: NDArray, weight: NDArray) -> NDArray:
    """Quantiles `SIGMA` of weighted values that ascend."""
    total = np.cumsum(weight)
    return np.interp(SIGMA, (total - weight / 2) / total[-1], ordered)


def _part(chosen: NDArray[np.bool_], weight: NDArray) -> dict[str, float] | None:
    """A weighted part with its error, None of nothing."""
    total = float(weight.sum())
    if total <= 0:
        return None
    value, n = float(weight[chosen].sum()) / total, effective(weight)
    return {"value": value, "error": float(efficiency_error(value * n, n))}


def _efficiency(jets: Table, target: str, edges: NDArray) -> list[dict[str, float] | None] | None:
    """Part of the events' leading generator jets that a selected jet is matched to, by their pT.

    None where files do not have the leading generator jet. Events without any selected jet are not
    in the tables, and do not count.
    """
    leading = jets.get("gen_lead_pt")
    if leading is None or not np.isfinite(leading).any():
        return None
    event, first = np.unique(jets["event"], return_index=True)
    number = np.searchsorted(event, jets["event"])
    found = np.zeros(len(event), bool)
    found[number[np.isclose(jets[target], leading, rtol=1e-5)]] = True
    truth, weight = leading[first], np.abs(jets["weight"][first])
    bins = [(truth >= low) & (truth < high) for low, high in pairwise(edges)]
    return [_part(found[mine], weight[mine]) if mine.sum() >= FEW else None for mine in bins]


def _fakes(jets: Table, target: str, edges: NDArray) -> list[dict[str, float] | None]:
    """Part of the jets without a true value in bins of the estimate."""
    estimate, fake = jets[CORRECTED], ~np.isfinite(jets[target])
    weight = np.abs(jets["weight"])
    bins = [(estimate >= low) & (estimate < high) for low, high in pairwise(edges)]
    return [_part(fake[mine], weight[mine]) if mine.sum() >= FEW else None for mine in bins]


def _unfolded(
    jets: Table, target: str, edges: NDArray, iterations: int, times: int, seed: int
) -> dict[str, Any]:
    """Response, condition numbers, and closure of the unfolding.

    Half of the events make the response, the other half, whose spectrum is unfolded, tests it.
    Fakes are left out, as if their number was known, and so are jets with a true value outside of
    all bins, which are no part of the spectrum. Errors are those of the spectrum that is unfolded;
    None for fewer than `FEW` jets of it.
    """
    jets = rows(jets, (jets[target] >= edges[0]) & (jets[target] < edges[-1]))
    truth, estimate = jets[target].astype(float), jets[CORRECTED].astype(float)
    weight = np.abs(jets["weight"]).astype(float)
    _, event = np.unique(jets["event"], return_inverse=True)
    one = event % 2 == 0
    matrix = unfolding.response(truth[one], estimate[one], weight[one], edges)
    prior = np.histogram(truth[one], edges, weights=weight[one])[0]
    other = ~one

    def values(count: NDArray) -> NDArray:
        w = weight[other] * count
        measured = np.histogram(estimate[other], edges, weights=w)[0]
        true = np.histogram(truth[other], edges, weights=w)[0]
        found = unfolding.unfold(matrix, measured, np.maximum(prior, 1e-9), iterations)
        return np.where(true > 0, found / np.where(true > 0, true, 1), 1.0)

    known = np.histogram(truth[other], edges)[0] >= FEW
    closure: list[dict[str, float] | None] = [None] * len(known)
    if known.any():
        nominal = values(np.ones(other.sum()))
        error = bootstrap(values, event[other], times, seed).error
        for k in np.flatnonzero(known):
            closure[k] = {"value": float(nominal[k]), "error": float(error[k])}
    whole = unfolding.response(truth, estimate, weight, edges)
    conditions = unfolding.conditions(whole)
    fine = [k for k in range(len(conditions)) if _invertible(conditions[k:])]
    return {
        "response": whole.tolist(),
        "conditions": conditions,
        "lowest": float(edges[fine[0]]) if fine else None,
        "closure": closure,
    }


def _invertible(conditions: list[float | None]) -> bool:
    """Whether all condition numbers are small."""
    return all(x is not None and x <= INVERTIBLE for x in conditions)
