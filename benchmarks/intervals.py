"""Coverage of the 68 % interval of mu and its pulls in toys with all systematics on.

    make bench-coverage BENCH="--toys 2500"

Each toy draws bins and auxiliary data anew, with mu = 1 and nominal parameters, and is fitted as
data are. The pull is (mu - 1) over the error on the side of 1. Prints JSON: figures with their
statistical errors.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

from boostflow.config.statistics import Infer
from boostflow.config.systematics import (
    AnySystematic,
    ModelVariation,
    Rate,
    SampleVariation,
    Shift,
    Weight,
)
from boostflow.errors import BoostflowError
from boostflow.infer.minimum import interval, minimise, open_workspace
from boostflow.infer.toys import draw
from boostflow.infer.workspace import build
from boostflow.templates.files import Template, TemplateSet

EDGES = np.linspace(50, 290, 9)
BLOCK = 25
"""Toys of one seed: results do not depend on the number of processes."""


def analysis() -> tuple[dict[str, TemplateSet], dict[str, AnySystematic]]:
    """Pass and fail regions of eight bins, three processes, a systematic of each kind and form.

    A peak of 125 signal events on 234 background events in pass, 3% statistical error of the
    templates' yields (jets of weight 0.3).
    """
    x = (EDGES[1:] + EDGES[:-1]) / 2
    tilt = (x - 170) / 120
    shapes = {
        "top": 60 * np.exp(-0.5 * ((x - 175) / 22) ** 2) + 4,
        "w": 25 * np.exp(-0.5 * ((x - 82) / 14) ** 2) + 1,
        "quark": 60 * np.exp(-(x - 50) / 140),
    }
    scales = {
        "pass": {"top": 1.0, "w": 0.5, "quark": 0.8},
        "fail": {"top": 0.3, "w": 8, "quark": 16},
    }

    def templates(norm: float = 0.0, shape: float = 0.0, only: str | None = None) -> TemplateSet:
        result: TemplateSet = {}
        for region, sizes in scales.items():
            result[region] = {}
            for sample, size in sizes.items():
                values = size * shapes[sample]
                variances = 0.3 * values
                if only in (None, sample):
                    values = values * (1 + norm + shape * tilt)
                result[region][sample] = Template(values, variances, EDGES, "msoftdrop")
        return result

    found = {
        "nominal": templates(),
        "jes_up": templates(0.04, 0.05),
        "jes_down": templates(-0.04, -0.05),
        "jms_up": templates(0.0, 0.04, "top"),
        "jms_down": templates(0.01, -0.04, "top"),
        "isr_up": templates(0.05, 0.02),
        "scale_m0": templates(0.06, 0.03, "quark"),
        "scale_m1": templates(-0.04, -0.02, "quark"),
        "fsr_up": templates(0.05, 0.06, "top"),
        "fsr_down": templates(-0.05, -0.05, "top"),
        "seed_m0": templates(0.02, 0.01),
        "seed_m1": templates(-0.01, -0.02),
        "seed_m2": templates(0.0, 0.01),
    }
    systematics: dict[str, AnySystematic] = {
        "lumi": Rate(kind="rate", value=0.016),
        "xsec_quark": Rate(kind="rate", value=0.1, samples=["quark"], group="model"),
        "jes": Shift(kind="shift", correction="jes"),
        "jms": Shift(kind="shift", correction="jms", quantity="mass", samples=["top"]),
        "isr": Weight(kind="weight", group="model", up="isr"),
        "scale": Weight(kind="weight", group="model", envelope=["a", "b"], samples=["quark"]),
        "fsr": SampleVariation(kind="sample", up=["a = 1"], down=["b = 1"], samples=["top"]),
        "seed": ModelVariation(
            kind="model", model="bdt", replicas=[{"seed": i} for i in (2, 3, 4)]
        ),
    }
    return found, systematics


def block(seed: int) -> list[tuple[float, float] | None]:
    """Pull and rise of -2 ln L at mu = 1 of `BLOCK` toys; null where a fit did not converge."""
    logging.disable(logging.WARNING)
    model, _ = open_workspace(build(*analysis(), Infer())[0])
    truth = np.array(model.config.suggested_init())
    result: list[tuple[float, float] | None] = []
    for toy in draw(model, truth, BLOCK, np.random.default_rng(seed)):
        try:
            best = minimise(model, toy)
            found = interval(model, toy, best)
            held = minimise(model, toy, {"mu": 1.0}, best.moved("mu", 1.0))
        except BoostflowError:
            result.append(None)
            continue
        distance = best.value("mu") - 1
        error = found["down"] if distance > 0 else found["up"]
        result.append((distance / error, held.twice_nll - best.twice_nll))
    return result


def coverage(toys: int, processes: int, seed: int = 1) -> dict[str, Any]:
    """Mean and width of the pulls and the coverage, each with its statistical error."""
    seeds = [seed * 100_000 + i for i in range(-(-toys // BLOCK))]
    with ProcessPoolExecutor(processes) as pool:
        results = [toy for found in pool.map(block, seeds) for toy in found]
    kept = np.array([toy for toy in results if toy is not None])
    number = len(kept)
    pulls, rises = kept.T
    inside = float(np.mean(np.abs(pulls) < 1))
    return {
        "toys": number,
        "failed": len(results) - number,
        "mean": [float(pulls.mean()), float(pulls.std() / np.sqrt(number))],
        "width": [float(pulls.std()), float(pulls.std() / np.sqrt(2 * number))],
        "coverage": [inside, float(np.sqrt(inside * (1 - inside) / number))],
        # The same from the likelihood ratio at the true value, which the interval must agree with.
        "coverage_by_ratio": float(np.mean(rises < 1)),
    }


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--toys", type=int, default=2500, help="how many (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="default: all cores")
    parser.add_argument("--seed", type=int, default=1, help="of the toys (default: %(default)s)")
    args = parser.parse_args()
    start = time.time()
    result = coverage(args.toys, args.processes, args.seed)
    print(f"{time.time() - start:.0f} s", file=sys.stderr)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
