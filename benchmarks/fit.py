"""Fit, impacts of all parameters and limit of a large workspace, beside cabinetry's ranking.

    make bench-fit BENCH="--systematics 199 --bins 100 --compare 3"

Both fit the same model in one process. cabinetry's ranking of a large workspace takes hours: it
ranks as many parameters as `--compare` says, fitted with all others free as in a full ranking, and
its time is that of one parameter times their number.
"""

from __future__ import annotations

import argparse
import logging
import time
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


def main() -> None:
    """Time both and compare what they find."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--systematics", type=int, default=199, metavar="N")
    parser.add_argument("--bins", type=int, default=100, metavar="N", help="of each of 3 regions")
    parser.add_argument("--compare", type=int, default=2, metavar="N", help="ranked by cabinetry")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    logging.getLogger("cabinetry").setLevel(logging.ERROR)
    logging.getLogger("pyhf").setLevel(logging.ERROR)
    spec = workspace(args.systematics, args.bins, args.seed)
    model, data = open_workspace(spec)
    print(f"{model.config.npars} parameters, {model.config.nmaindata} bins; CPU-s")

    def timed(what: str, action: Any) -> tuple[Any, float]:
        start = time.process_time()
        result = action()
        spent = time.process_time() - start
        print(f"{what:40s} {spent:8.2f}", flush=True)
        return result, spent

    groups = {f"syst_{i}": Rate(kind="rate", value=0.1) for i in range(args.systematics)}
    best, fit = timed("fit", lambda: minimise(model, data))
    ours, ranked = timed("impacts of all parameters", lambda: impacts(model, data, best, groups))
    parts = timed("breakdown by groups", lambda: breakdown(model, data, best, groups))
    limit = timed("limit, observed and expected", lambda: hypotests.limit(model, data, best, False))
    total = fit + ranked + parts[1] + limit[1]
    print(f"{'all':40s} {total:8.2f} (goal: 60)")

    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(verbose=False))
    their_fit, spent = timed("cabinetry: fit", lambda: cabinetry.fit.fit(model, data.tolist()))
    names = [name for name in model.config.par_names if name != "mu"]
    wanted = names[:: max(len(names) // args.compare, 1)][: args.compare]
    found = {entry["name"]: entry for entry in ours}
    difference, each = 0.0, []
    mu = their_fit.bestfit[model.config.poi_index]
    for name in wanted:
        i = model.config.par_names.index(name)
        fixed = list(model.config.suggested_fixed())
        fixed[i] = True
        for side, sign in (("up", 1), ("down", -1)):
            start = list(model.config.suggested_init())
            start[i] = their_fit.bestfit[i] + sign * their_fit.uncertainty[i]
            moved, spent = timed(
                f"cabinetry: {name} {side}",
                lambda start=start, fixed=fixed: cabinetry.fit.fit(
                    model, data.tolist(), init_pars=start, fix_pars=fixed
                ),
            )
            each.append(spent)
            theirs = moved.bestfit[model.config.poi_index] - mu
            difference = max(difference, abs(theirs - found[name][side]))
    # Pre-fit impacts are two fits more.
    ranking = 4 * float(np.mean(each)) * len(names)
    print(f"largest difference of an impact {difference:.2g} (goal: 1e-3)")
    print(f"cabinetry's ranking, 4 fits a parameter: {ranking:.0f}")
    print(f"that is {ranking / ranked:.0f} x ours (goal: 10)")


if __name__ == "__main__":
    main()
