"""Bias of the fit by the choice of a function: toys with injected signal.

The toys are drawn from two truths and fitted with the chosen function:

* the same function: what the fit itself does, for example by parameters that end at a bound;
* the next order, as far from the chosen one as the data leave it. Fitted to data (or pseudo-data)
  that is its own best fit. Asimov data know the chosen order alone; there it is the departure of
  one standard error (chi-squared 1) in the direction that shifts the parameter of interest most,
  what data of this size depart on average where the order is enough. One fitted to few simulated
  jets is none: data would not be described by the chosen order, and ask for the next (F-test).

Parameters with a constraint are held (`infer.frozen`): the function is tested, in units of the
error that it and the data leave, which is the smaller one. The shift by the departure is known for
linear models: (1 - s^2 / S^2)^(1/2) of the error s, where the next order has the error S.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyhf
from numpy.typing import NDArray

from boostflow.errors import BoostflowError
from boostflow.infer import frozen
from boostflow.infer.expectation import expectation
from boostflow.infer.minimum import Fit, minimise
from boostflow.progress import progress

INJECTED = (0.0, 1.0, 2.0, 5.0)
"""Signal strengths of the toys."""
SAME, NEXT = "same function", "next order"
"""Names of the truths."""


def rows(
    model: pyhf.Model,
    other: pyhf.Model | None,
    pois: Sequence[str],
    is_data: bool,
    toys: int,
    seed: int,
) -> Iterator[dict[str, Any]]:
    """Pulls of the parameters of interest by truth and injected signal.

    Args:
        model: that is tested, smaller and at the fit (`at`).
        other: the same of the next order; null for none.
        pois: parameters of interest.
        is_data: the start values of both are those of a fit to data that fluctuate.
        toys: number of toys a row.
        seed: of the toys.

    Yields:
        `poi`, `truth`, `injected`, `toys`, `mean` and `width` of (fitted - injected) / error, and
        the `mean_error`.
    """
    for injected in INJECTED:
        mine = at(model, pois, injected)
        expected = np.asarray(model.expected_actualdata(mine))
        truths = [(SAME, list(pois), expected)]
        if other is not None and is_data:
            theirs = np.asarray(other.expected_actualdata(at(other, pois, injected)))
            truths.append((NEXT, list(pois), theirs))
        elif other is not None:
            truths += [
                (NEXT, [poi], (expected + departure(model, other, poi)).clip(0)) for poi in pois
            ]
        for name, judged, true in truths:
            found = pulls(model, mine, true, pois, injected, toys, seed)
            for poi in judged:
                values = found[poi]
                if values:
                    yield {
                        "poi": poi,
                        "truth": name,
                        "injected": injected,
                        "toys": len(values),
                        "mean": float(np.mean(values)),
                        "mean_error": float(np.std(values) / len(values) ** 0.5),
                        "width": float(np.std(values)),
                    }


def at(model: pyhf.Model, pois: Sequence[str], injected: float) -> NDArray:
    """Start values of a model with all strengths at one value, shape (parameters,)."""
    pars = np.array(model.config.suggested_init())
    for poi in pois:
        pars[model.config.par_names.index(poi)] = injected
    return pars


def departure(model: pyhf.Model, other: pyhf.Model, poi: str) -> NDArray:
    """What the next order adds to the expectation: one standard error, where it biases most.

    With the expectations' derivatives as vectors of the bins in units of their Poisson errors, the
    strength is measured by what is left of its own without those of all other parameters of the
    chosen order. Of what the next order has beyond these, a length of 1 along that is taken.

    Args:
        model: of the chosen order, at the fit.
        other: of the next order, at the same expectation.
        poi: parameter that is biased, upwards.

    Returns:
        Events, shape (bins,); 0 where the next order has nothing that resembles the signal.
    """
    start = np.array(model.config.suggested_init())
    error = np.sqrt(np.asarray(model.expected_actualdata(start)))

    def split(of: pyhf.Model) -> tuple[NDArray, NDArray]:
        """Derivatives by the strength, and an orthogonal basis of those by all others."""
        pars = np.array(of.config.suggested_init())
        vectors = expectation(of).expand(pars).jacobian / error
        i = of.config.par_names.index(poi)
        u, size, _ = np.linalg.svd(np.delete(vectors, i, axis=0).T, full_matrices=False)
        return vectors[i], u[:, size > RANK * size[0]]

    mine, known = split(model)
    more = split(other)[1]
    left = mine - known @ (known.T @ mine)
    along = more @ (more.T @ left)
    along -= known @ (known.T @ along)
    size = np.linalg.norm(along)
    if size < RANK * np.linalg.norm(left):
        return np.zeros(len(error))
    return np.asarray(along / size * error)


RANK = 1e-6
"""Directions that are smaller relative to the largest one are none."""


def pulls(
    model: pyhf.Model,
    near: NDArray,
    true: NDArray,
    pois: Sequence[str],
    injected: float,
    toys: int,
    seed: int,
) -> dict[str, list[float]]:
    """(Fitted - injected) / error of each parameter of interest in toys of an expectation.

    Args:
        model: that is fitted.
        near: where the fits start, shape (parameters,).
        true: expected events, shape (bins,).
        pois: parameters of interest.
        injected: their true value.
        toys: their number; those whose fit does not converge are left out.
        seed: of the toys.
    """
    rng = np.random.default_rng(seed)
    auxiliary = np.asarray(model.config.auxdata)
    start = Fit(model.config.par_names, near, np.ones(len(near)), np.eye(len(near)), 0.0, {})
    result: dict[str, list[float]] = {poi: [] for poi in pois}
    index = [model.config.par_names.index(poi) for poi in pois]
    drawn = rng.poisson(true, (toys, len(true))).astype(float)
    for numbers in progress(drawn, f"toys with mu = {injected:g}", toys, "toys"):
        try:
            found = minimise(model, np.concatenate([numbers, auxiliary]), near=start)
        except BoostflowError:
            continue
        for poi, i in zip(pois, index, strict=True):
            if found.errors[i]:
                result[poi].append(float((found.values[i] - injected) / found.errors[i]))
    return result


def smaller(model: pyhf.Model, best: Fit, held: Sequence[str]) -> pyhf.Model:
    """The model of a fit with some parameters (`par_order`) held at it, starting there."""
    free = [name for name in model.config.par_order if name not in set(held)]
    return frozen.freeze(model, best.values, free)
