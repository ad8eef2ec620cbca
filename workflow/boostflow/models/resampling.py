"""Bootstraps of the events that a model is trained on: what another sample of them would give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from boostflow import seeds
from boostflow.keyed import uniform


def counts(
    samples: Sequence[str],
    sample: NDArray[np.integer],
    event_id: NDArray[np.uint64],
    seed: int,
) -> NDArray[np.integer]:
    """How often each jet counts in a bootstrap of the events, shape (jets,).

    Both jets of an event count alike, and the same for all families of models.

    Args:
        samples: their names.
        sample: number of each jet's sample, shape (jets,).
        event_id: hash of run, luminosity block and event, shape (jets,).
        seed: of the bootstrap.
    """
    result = np.zeros(len(sample), int)
    for number, name in enumerate(samples):
        mine = sample == number
        result[mine] = of_sample(event_id[mine], seed, name)
    return result


def of_sample(event_id: NDArray[np.uint64], seed: int, sample: str) -> NDArray[np.integer]:
    """How often each jet of a sample counts: Poisson(1), shape (jets,).

    Samples whose events have the same numbers draw on their own.
    """
    from scipy.stats import poisson

    number = uniform(seeds.derive(seed, "bootstrap", sample), event_id)
    return np.searchsorted(poisson.cdf(np.arange(20), 1), number)
