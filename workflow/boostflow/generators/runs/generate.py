"""Runs of a detector: factors, drift, legitimate changes, faults, and what an expert says."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boostflow.generators.runs.block import BESIDE, Runs

FIXED, HISTORY, RUN = 0, 1, 2
"""Streams of random numbers: of the parameters, of what changes from run to run, of one run."""
MEMORY = 0.9
"""Correlation of a factor in one interval with itself in the next one."""
SHORTEST = 3
"""Intervals of a fault, at least (as many as the run has left)."""


class Parameters(NamedTuple):
    """What the parameters are."""

    mean: NDArray
    """Of each parameter in its unit, shape (parameters,)."""
    spread: NDArray
    """Standard deviation in that unit, shape (parameters,)."""
    loading: NDArray
    """What each factor does, shape (parameters, factors): squares add up to `common`."""
    noise: float
    """Standard deviation of a parameter's own noise, in units of the spread."""


def generate(block: Runs, rows: range, rng: np.random.Generator) -> dict[str, NDArray]:
    """The columns of some rows; see `boostflow.generators.base.Generates`.

    All follow from the seed of the block, not from `rng`: samples with the same settings are the
    same runs.
    """
    size = block.intervals
    if not rows:
        return {name: np.zeros(0) for name in block.makes()}
    first, last = rows.start // size, (rows.stop - 1) // size
    fixed, offset = parameters(block), history(block, last + 1)
    parts = [of_run(block, run, fixed, offset[run]) for run in range(first, last + 1)]
    inside = slice(rows.start - first * size, rows.stop - first * size)
    return {name: np.concatenate([part[name] for part in parts])[inside] for name in parts[0]}


def parameters(block: Runs) -> Parameters:
    """What the parameters are in all runs."""
    rng = np.random.default_rng([block.seed, FIXED])
    mean = rng.uniform(20, 100, block.parameters)
    spread = mean * rng.uniform(0.03, 0.08, block.parameters)
    loading = rng.normal(size=(block.parameters, block.factors))
    loading *= np.sqrt(block.common) / np.linalg.norm(loading, axis=1, keepdims=True)
    return Parameters(mean, spread, loading, float(np.sqrt(1 - block.common)))


def history(block: Runs, runs: int) -> NDArray[np.float64]:
    """What drift and legitimate changes have made of the parameters, shape (runs, parameters).

    In units of their spread. It does not depend on how many runs are asked for.
    """
    rng = np.random.default_rng([block.seed, HISTORY])
    steps = np.empty((runs, block.parameters))
    for run in range(runs):
        drift = block.drift * rng.normal(size=block.parameters)
        jump = block.jump_size * rng.normal(size=block.parameters)
        touched = (rng.random() < block.jumps) * (rng.random(block.parameters) < block.jump_part)
        steps[run] = 0 if run == 0 else drift + jump * touched
    return np.cumsum(steps, axis=0)


def of_run(block: Runs, run: int, fixed: Parameters, offset: NDArray) -> dict[str, NDArray]:
    """The columns of a run, shape (intervals,) each.

    Args:
        block: the settings.
        run: its number.
        fixed: what the parameters are.
        offset: of the parameters in this run, in units of their spread, shape (parameters,).
    """
    rng = np.random.default_rng([block.seed, RUN, run])
    size = block.intervals
    factors = remembered(rng.normal(size=(size, block.factors)))
    noise = fixed.noise * rng.normal(size=(size, block.parameters))
    other = remembered(rng.normal(size=(size, block.factors)))
    pulls = offset + factors @ fixed.loading.T + noise
    fails = rng.random() < block.faults
    start = int(rng.integers(size))
    stop = start + int(rng.integers(min(SHORTEST, size - start), size - start + 1))
    stretch = slice(start, stop)
    kind = int(rng.integers(len(block.kinds)))
    culprits = rng.choice(block.parameters, min(3, block.parameters), replace=False)
    touched = culprits if rng.random() < block.several else culprits[:1]
    side = rng.choice([-1.0, 1.0])
    says = rng.random() >= block.missed if fails else rng.random() < block.mistaken
    if fails:
        for number, j in enumerate(touched):
            part = 1.0 if number == 0 else 0.5
            if block.kinds[kind] == "dead":
                pulls[stretch, j] = -fixed.mean[j] / fixed.spread[j]
            elif block.kinds[kind] == "stuck":
                pulls[stretch, j] = pulls[start, j]
            elif block.kinds[kind] == "noisy":
                pulls[stretch, j] += (block.fault_size * part - 1) * noise[stretch, j]
            elif block.kinds[kind] == "shifted":
                pulls[stretch, j] += side * part * block.fault_size * fixed.noise
            else:
                pulls[stretch, j] += (other - factors)[stretch] @ fixed.loading[j]
    bad = np.zeros(size)
    bad[stretch] = float(fails)
    flag = np.zeros(size)
    flag[stretch] = float(says)
    interval = np.arange(size)
    beside = (
        *(np.full(size, run), interval, block.seconds * (run * size + interval)),
        *(bad.astype(int), np.where(bad > 0, kind + 1, -1), np.where(bad > 0, culprits[0], -1)),
        flag.astype(int),
    )
    values = fixed.mean + fixed.spread * pulls
    columns = {f"q{i}": values[:, i] for i in range(block.parameters)}
    return {**dict(zip(BESIDE, beside, strict=True)), **columns}


def remembered(x: NDArray) -> NDArray:
    """Autoregressive series of standard normal numbers, in place of independent ones, (n, k)."""
    result = x.copy()
    for i in range(1, len(x)):
        result[i] = MEMORY * result[i - 1] + np.sqrt(1 - MEMORY**2) * x[i]
    return result
