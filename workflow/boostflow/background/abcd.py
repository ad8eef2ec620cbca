"""ABCD: N_A = N_B N_C / N_D, from two variables that are independent for the background.

A is signal-like in both variables, B in x alone, C in y alone, D in none. Other processes are
subtracted from B, C and D first. Errors of the formula (Gaussian, first order):

    (sigma_A / N_A)^2 = V_B / N_B^2 + V_C / N_C^2 + V_D / N_D^2,

V = N for counts, the sum of squared weights for weighted events, plus those of what is subtracted;
a common change of the yield of a subtracted process moves the three together, and its effect on N_A
is added in quadrature.

The likelihood (CMS and ATLAS: W. Buttinger, "Background estimation with the ABCD method", 2018) has
four Poisson counts with the background

    A: a,   B: a u,   C: a v,   D: a u v,

so that `a` is the background in A itself and B C = A D by construction. Counts of weighted events
are scaled by N / V, so that their Poisson distribution has the right variance (G. Bohm, G. Zech,
Nucl. Instrum. Meth. A 748 (2014) 1, arXiv:1309.1287).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boostflow.background.counts import ABCD_REGIONS
from boostflow.background.minuit import deviance, minimise
from boostflow.errors import BoostflowError
from boostflow.infer.fit import open_workspace
from boostflow.infer.workspace import MU_MAX

POWERS = {"A": (), "B": ("u",), "C": ("v",), "D": ("u", "v")}
"""Free transfer factors of the background in each region, besides `a`."""


@dataclass(frozen=True)
class Yield:
    """Events and their variance."""

    value: float
    variance: float

    @property
    def scale(self) -> float:
        """Events per count of a Poisson distribution with this relative variance."""
        return self.variance / self.value if self.value > 0 else 1.0


Yields = Mapping[str, Yield]
"""Yields by region of the ABCD plane."""


def formula(n: Yields, what: str = "background") -> Yield:
    """N_B N_C / N_D with its statistical variance.

    Raises:
        BoostflowError: B, C or D is empty or negative.
    """
    for region in "BCD":
        if not n[region].value > 0:
            raise BoostflowError(
                f"background.abcd: {what}: {n[region].value:.4g} events in region {region}; it must"
                " be populated (after subtraction): widen its ranges, or subtract less"
            )
    value = n["B"].value * n["C"].value / n["D"].value
    relative = sum(n[region].variance / n[region].value ** 2 for region in "BCD")
    return Yield(value, value**2 * relative)


def subtracted(
    data: Yields, others: Mapping[str, Yields], scale: Mapping[str, float] | None = None
) -> dict[str, Yield]:
    """Data without the other processes, each multiplied by `scale` (default: 1)."""
    result = {}
    for region, n in data.items():
        factors = {name: (scale or {}).get(name, 1.0) for name in others}
        result[region] = Yield(
            n.value - sum(factors[s] * others[s][region].value for s in others),
            n.variance + sum(factors[s] ** 2 * others[s][region].variance for s in others),
        )
    return result


def predict(data: Yields, others: Mapping[str, Yields], uncertainty: float) -> dict[str, float]:
    """The background in A: `value`, its errors `stat` and `subtraction`, and their sum `error`.

    Args:
        data: events in B, C, D.
        others: simulated events of each process that is subtracted.
        uncertainty: relative, of the yield of each of them.

    Raises:
        BoostflowError: a region is empty or negative after subtraction.
    """
    best = formula(subtracted(data, others), "data")
    moved = [
        formula(subtracted(data, others, {name: 1 + uncertainty}), f"data, more {name}").value
        - best.value
        for name in others
    ]
    stat, subtraction = np.sqrt(best.variance), float(np.sqrt(np.sum(np.square(moved))))
    return {
        "value": best.value,
        "stat": float(stat),
        "subtraction": subtraction,
        "error": float(np.hypot(stat, subtraction)),
    }


def closure(simulated: Yields) -> dict[str, float]:
    """Prediction against truth for the estimated samples alone, all simulated.

    Returns:
        `predicted`, `observed` and their errors, `significance` = (predicted - observed) / sigma,
        and `nonclosure`, the relative uncertainty that is assigned: the larger of |observed /
        predicted - 1| and its statistical error, below which closure is not known.

    Raises:
        BoostflowError: a region is empty or negative.
    """
    found, observed = formula(simulated, "simulation of the estimated samples"), simulated["A"]
    ratio = observed.value / found.value
    error = float(
        np.sqrt(observed.variance + found.variance * ratio**2) / found.value
    )  # of observed / predicted
    sigma = np.sqrt(found.variance + observed.variance)
    return {
        "predicted": found.value,
        "predicted_error": float(np.sqrt(found.variance)),
        "observed": observed.value,
        "observed_error": float(np.sqrt(observed.variance)),
        "significance": float((found.value - observed.value) / sigma),
        "nonclosure": float(max(abs(ratio - 1), error)),
    }


def correlation(n: Yields) -> dict[str, float]:
    """Association of the two variables in the 2 x 2 table: `phi` in [-1, 1], 0 if independent.

    phi = (N_A N_D - N_B N_C) / sqrt((N_A + N_B) (N_C + N_D) (N_A + N_C) (N_B + N_D)), and the
    logarithm of N_A N_D / (N_B N_C) with its error.
    """
    a, b, c, d = (n[region].value for region in ABCD_REGIONS)
    result = {"phi": (a * d - b * c) / np.sqrt((a + b) * (c + d) * (a + c) * (b + d))}
    if min(a, b, c, d) > 0:
        variance = sum(n[region].variance / n[region].value ** 2 for region in ABCD_REGIONS)
        result |= {"log_ratio": np.log(a * d / (b * c)), "log_ratio_error": np.sqrt(variance)}
    return {name: float(value) for name, value in result.items()}


def workspace(
    data: Yields,
    others: Mapping[str, Yields],
    signal: Mapping[str, Yields],
    uncertainty: float,
    nonclosure: float = 0.0,
) -> dict[str, Any]:
    """The likelihood as HistFactory JSON (pyhf), one bin a region; regions are those of `data`.

    Parameters: `mu` scales the signal samples, `a`, `u` and `v` the background, 1 being the
    formula's values; `norm_<sample>` of each other process; `nonclosure` of the background in A.
    Counts are divided by events per count of the region where data are weighted.

    Raises:
        BoostflowError: see `formula`.
    """
    clean = subtracted(data, {**others, **signal})
    centre = {"A": formula(clean, "data").value, **{r: clean[r].value for r in "BCD"}}
    channels, observations = [], []
    for region in data:
        scale = data[region].scale
        free = [{"name": x, "type": "normfactor", "data": None} for x in ("a", *POWERS[region])]
        if region == "A" and nonclosure:
            sides = {"hi": 1 + nonclosure, "lo": max(1 - nonclosure, 0.01)}
            free.append({"name": "nonclosure", "type": "normsys", "data": sides})
        samples = [
            {"name": "background", "data": [centre[region] / scale], "modifiers": free},
        ]
        for name, mine in {**others, **signal}.items():
            error = float(np.sqrt(mine[region].variance)) / scale
            extra = []
            if any(n[region].variance > 0 for n in {**others, **signal}.values()):
                extra += [{"name": f"staterror_{region}", "type": "staterror", "data": [error]}]
            if name in signal:
                extra.append({"name": "mu", "type": "normfactor", "data": None})
            elif uncertainty:
                sides = {"hi": 1 + uncertainty, "lo": 1 - uncertainty}
                extra.append({"name": f"norm_{name}", "type": "normsys", "data": sides})
            value = max(mine[region].value / scale, 1e-6)
            samples.append({"name": name, "data": [value], "modifiers": extra})
        channels.append({"name": region, "samples": samples})
        observations.append({"name": region, "data": [data[region].value / scale]})
    free = {"a": [0.0, 100.0], "u": [0.0, 100.0], "v": [0.0, 100.0]}
    parameters = [
        {"name": name, "bounds": [bounds], "inits": [1.0]} for name, bounds in free.items()
    ]
    if signal:
        shape = {region: sum(n[region].value for n in signal.values()) for region in data}
        rest = {r: centre[r] + sum(n[r].value for n in others.values()) for r in data}
        # Where the expectation of a region would become negative.
        least = max([-MU_MAX, *(-rest[r] / shape[r] for r in data if shape[r] > 0)])
        start = 1.0
        if "A" in data and shape["A"] > 0:
            start = float(np.clip((data["A"].value - rest["A"]) / shape["A"], least, MU_MAX))
        parameters.append({"name": "mu", "bounds": [[least, MU_MAX]], "inits": [start]})
    poi = "mu" if signal else "a"
    return {
        "channels": channels,
        "observations": observations,
        "measurements": [{"name": "boostflow", "config": {"poi": poi, "parameters": parameters}}],
        "version": "1.0.0",
    }


def fit(spec: dict[str, Any], centre: float, interval: str = "a") -> dict[str, float]:
    """Fit a workspace; A is not looked at where it has no channel, and mu is then held at 1.

    Args:
        spec: from `workspace`.
        centre: events in A for a = 1: the formula's.
        interval: parameter whose profile-likelihood interval is wanted, `a` or `mu`.

    Returns:
        `value`, `up`, `down` of the background in A (events), or of mu.

    Raises:
        BoostflowError: the fit does not converge.
    """
    model, data = open_workspace(spec)
    size = len(data) - len(model.config.auxdata)
    counts, auxiliary = data[:size], data[size:]
    names = model.config.par_names
    blind = "A" not in model.config.channels

    def function(pars: NDArray) -> float:
        # pyhf's sum of n ln(nu) is so large that its last digits would hide the minimum.
        value = deviance(counts, model.expected_actualdata(pars))
        if len(auxiliary):
            value -= 2 * float(np.sum(model.constraint_logpdf(auxiliary, pars)))
        return value

    best = minimise(
        function,
        model.config.suggested_init(),
        "ABCD likelihood",
        lower=[bounds[0] for bounds in model.config.suggested_bounds()],
        steps=[0.1] * len(names),
        interval=names.index(interval),
        fixed=[i for i, name in enumerate(names) if name == "mu" and blind],
    )
    unit = centre if interval == "a" else 1.0
    return {
        "value": float(best.values[names.index(interval)]) * unit,
        "up": best.up * unit,
        "down": best.down * unit,
    }
