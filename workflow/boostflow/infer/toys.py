"""Pseudo-experiments: bins and auxiliary data drawn from a model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyhf
from numpy.typing import NDArray


def draw(
    model: pyhf.Model, pars: NDArray, number: int, rng: np.random.Generator
) -> Iterator[NDArray]:
    """Draw the data of pseudo-experiments: Poisson numbers in the bins, and auxiliary measurements.

    Auxiliary measurements constrain parameters; they are drawn around the parameters' values,
    Gaussian or Poisson as the model says.

    Args:
        model: of the workspace.
        pars: parameters that are true in them.
        number: how many.
        rng: random numbers.

    Yields:
        Observations and auxiliary data, shape (bins + auxiliary,).
    """
    expected = np.asarray(model.expected_data(pars))
    bins = model.config.nmaindata
    widths: list[float] = []
    for name in model.config.auxdata_order:
        block = model.config.param_set(name)
        # 0 stands for Poisson.
        widths += block.width() if block.pdf_type == "normal" else [0.0] * block.n_parameters
    width = np.concatenate([np.zeros(bins), widths])
    poisson = width == 0
    for _ in range(number):
        toy = expected + width * rng.standard_normal(len(expected))
        toy[poisson] = rng.poisson(expected[poisson])
        yield toy
