"""Fit, impacts and limit of a large workspace; impacts of a smaller one beside cabinetry's ranking.

    make bench-fit BENCH="--ranked 30"

cabinetry's ranking of the large workspace would take days, so that its ranking is made of a smaller
one, by both from the same JSON in one process: all of its impacts are compared. Prints CPU-s.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable
from typing import Any

import cabinetry
import numpy as np
import pyhf

from boostflow.config.systematics import Rate
from boostflow.infer import hypotests
from boostflow.infer.fit import breakdown, impacts
from boostflow.infer.minimum import minimise, open_workspace

REGIONS = ("top", "v", "fail")


def workspace(systematics: int, bins: int, seed: int) -> dict[str, Any]:
    """A peak on a falling background in three regions; each systematic changes yields and shapes.

    Args:
        systematics: their number; the workspace has one parameter more, mu.
        bins: of each region.
        seed: of the effects.
    """
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 1, bins)
    channels, observations = [], []
    for scale, region in enumerate(REGIONS, 1):
        shapes = {
            "signal": 400 / scale * np.exp(-0.5 * ((x - 0.5) / 0.06) ** 2) + 1,
            "qcd": 4000 * scale * np.exp(-3 * x),
            "other": 200 * scale * np.exp(-0.5 * ((x - 0.15) / 0.05) ** 2) + 2,
        }
        samples = []
        for name, shape in shapes.items():
            values = shape * 20 / bins
            modifiers: list[dict[str, Any]] = []
            if name == "signal":
                modifiers.append({"name": "mu", "type": "normfactor", "data": None})
            for i in range(systematics):
                size = 0.02 * rng.standard_normal()
                tilt = values * (1 + size * np.cos(np.pi * (1 + i % 4) * x + i))
                other = values * (1 - size * np.cos(np.pi * (1 + i % 4) * x + i))
                norm = {"hi": 1 + size / 2, "lo": 1 - size / 2}
                shift = {"hi_data": tilt.tolist(), "lo_data": other.tolist()}
                modifiers.append({"name": f"syst_{i}", "type": "normsys", "data": norm})
                modifiers.append({"name": f"syst_{i}", "type": "histosys", "data": shift})
            samples.append({"name": name, "data": values.tolist(), "modifiers": modifiers})
        channels.append({"name": region, "samples": samples})
        observed = rng.poisson(np.sum([s["data"] for s in samples], axis=0)).tolist()
        observations.append({"name": region, "data": observed})
    config = {"poi": "mu", "parameters": [{"name": "mu", "bounds": [[-10, 10]], "inits": [1.0]}]}
    return {
        "channels": channels,
        "observations": observations,
        "measurements": [{"name": "boostflow", "config": config}],
        "version": "1.0.0",
    }


def timed(what: str, action: Callable[[], Any]) -> tuple[Any, float]:
    """The result of an action, and the CPU-s that it took."""
    start = time.process_time()
    result = action()
    spent = time.process_time() - start
    print(f"{what:48s} {spent:8.2f}", flush=True)
    return result, spent


def rates(systematics: int) -> dict[str, Any]:
    """Declarations that say which group a parameter counts in."""
    return {f"syst_{i}": Rate(kind="rate", value=0.1) for i in range(systematics)}


def large(systematics: int, bins: int) -> None:
    """All that a run asks of a large workspace."""
    model, data = open_workspace(workspace(systematics, bins, seed=1))
    print(f"{model.config.npars} parameters, {model.config.nmaindata} bins")
    groups = rates(systematics)
    best, fit = timed("fit", lambda: minimise(model, data))
    _, ranked = timed("impacts of all parameters", lambda: impacts(model, data, best, groups))
    _, parts = timed("breakdown by groups", lambda: breakdown(model, data, best, groups))
    _, limit = timed("limits", lambda: hypotests.limit(model, data, best, False))
    print(f"{'all (goal: 60)':48s} {fit + ranked + parts + limit:8.2f}")


def beside_cabinetry(systematics: int, bins: int) -> None:
    """Impacts of all parameters by both."""
    model, data = open_workspace(workspace(systematics, bins, seed=2))
    print(f"{model.config.npars} parameters, {model.config.nmaindata} bins")
    groups = rates(systematics)
    best = minimise(model, data)
    ours, spent = timed("impacts of all parameters", lambda: impacts(model, data, best, groups))
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer())
    try:
        fitted = cabinetry.fit.fit(model, data.tolist())
        ranking, theirs = timed(
            "cabinetry's ranking",
            lambda: cabinetry.fit.ranking(model, data.tolist(), fit_results=fitted),
        )
    finally:
        pyhf.set_backend("numpy")
    found = {entry["name"]: entry for entry in ours}
    sides = {
        "up": ranking.postfit_up,
        "down": ranking.postfit_down,
        "prefit_up": ranking.prefit_up,
        "prefit_down": ranking.prefit_down,
    }
    difference = max(
        abs(value - found[name][side])
        for side, values in sides.items()
        for name, value in zip(ranking.labels, values, strict=True)
    )
    print(f"{'largest difference of an impact (goal: 1e-3)':48s} {difference:8.2g}")
    print(f"{'cabinetry over ours (goal: 10)':48s} {theirs / spent:8.0f}")


def main() -> None:
    """Print the times of both workspaces."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--systematics", type=int, default=199, metavar="N")
    parser.add_argument("--bins", type=int, default=100, metavar="N", help="of each of 3 regions")
    parser.add_argument("--ranked", type=int, default=19, metavar="N", help="by cabinetry, too")
    args = parser.parse_args()
    for name in ("cabinetry", "pyhf"):
        logging.getLogger(name).setLevel(logging.ERROR)
    large(args.systematics, args.bins)
    beside_cabinetry(args.ranked, 10)


if __name__ == "__main__":
    main()
