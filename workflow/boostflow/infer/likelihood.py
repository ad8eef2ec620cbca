"""pyhf's likelihood with its first and second derivatives.

The chain rule for -2 ln L with Poisson terms of the bins and Gaussian or Poisson constraints, from
the derivatives of the expectation (`infer.expectation`).
"""

from __future__ import annotations

import numpy as np
import pyhf
from numpy.typing import NDArray
from scipy.linalg.blas import dsyr2k
from scipy.special import gammaln, xlogy

from boostflow.infer.expectation import Expansion, expectation


class Likelihood:
    """-2 ln L of a model for some data, with its first and second derivatives.

    Args:
        model: without batches.
        data: observations and auxiliary data.
    """

    def __init__(self, model: pyhf.Model, data: NDArray) -> None:
        self.model, self.data = model, np.asarray(data, dtype=float)
        self._expectation = expectation(model)
        self._observed = self.data[: model.config.nmaindata]
        self._normal, self._poisson = _constraints(model, self.data)
        auxiliary, width = self._normal[1:]
        # What does not depend on the parameters, so that it is the number that pyhf has.
        self._constant = 2 * (
            gammaln(self._observed + 1).sum()
            + gammaln(self._poisson[1] + 1).sum()
            + np.log(width).sum()
            + len(auxiliary) * np.log(2 * np.pi) / 2
        )
        self._at: NDArray | None = None
        self._known: Expansion

    def value(self, pars: NDArray) -> float:
        """-2 ln L, as pyhf computes it."""
        expected = self._expectation.value(pars)
        index, auxiliary, width = self._normal
        pulls = ((pars[index] - auxiliary) / width) ** 2
        index, auxiliary, factor = self._poisson
        wanted = factor * pars[index]
        terms = (expected - xlogy(self._observed, expected)).sum()
        terms += (wanted - xlogy(auxiliary, wanted)).sum()
        return float(self._constant + 2 * terms + pulls.sum())

    def gradient(self, pars: NDArray) -> NDArray:
        """First derivatives, shape (parameters,)."""
        around = self._expand(pars)
        result = 2 * around.jacobian @ (1 - self._observed / around.expected)
        index, auxiliary, width = self._normal
        result[index] += 2 * (pars[index] - auxiliary) / width**2
        index, auxiliary, factor = self._poisson
        result[index] += 2 * (factor - auxiliary / pars[index])
        return result

    def hessian(self, pars: NDArray) -> NDArray:
        """Second derivatives, shape (parameters, parameters)."""
        around = self._expand(pars)
        observed = self._observed
        result = (around.jacobian * (observed / around.expected**2)) @ around.jacobian.T
        rest = 1 - observed / around.expected
        left = around.factor * (around.product * rest)
        right = around.change + around.factor * around.sum / 2
        # left right^T + right left^T, of which BLAS computes the triangle above the diagonal.
        mixed = dsyr2k(1, left.reshape(len(pars), -1).T, right.reshape(len(pars), -1).T, trans=1)
        mixed += np.triu(mixed, 1).T
        np.fill_diagonal(mixed, around.own @ rest)
        result = 2 * (result + mixed)
        index, _, width = self._normal
        result[index, index] += 2 / width**2
        index, auxiliary, _ = self._poisson
        result[index, index] += 2 * auxiliary / pars[index] ** 2
        return result

    def _expand(self, pars: NDArray) -> Expansion:
        """The last one is kept: gradient and Hessian are wanted at the same point."""
        if self._at is None or not np.array_equal(pars, self._at):
            self._known = self._expectation.expand(np.asarray(pars, dtype=float))
            self._at = np.array(pars, dtype=float)
        return self._known


def _constraints(model: pyhf.Model, data: NDArray) -> tuple[tuple[NDArray, ...], ...]:
    """Indices of the parameters, auxiliary data and widths; the same with factors for Poisson."""
    found: dict[str, list[NDArray]] = {"normal": [], "poisson": []}
    start = model.config.nmaindata
    for name in model.config.auxdata_order:
        block, where = model.config.param_set(name), model.config.par_slice(name)
        size = block.n_parameters
        scale = block.width() if block.pdf_type == "normal" else block.factors
        auxiliary = data[start : start + size]
        start += size
        index = np.arange(where.start, where.stop)
        found[block.pdf_type].append(np.array([index, auxiliary, scale], dtype=float))
    none = np.zeros((3, 0))
    normal, poisson = (np.hstack([none, *found[kind]]) for kind in ("normal", "poisson"))
    return tuple((rows[0].astype(int), rows[1], rows[2]) for rows in (normal, poisson))
