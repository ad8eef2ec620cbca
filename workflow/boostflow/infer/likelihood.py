"""Gradient and Hessian of pyhf's likelihood, from its own modifiers.

pyhf's numpy backend has no derivatives, and Minuit's numerical ones cost two calls of the
likelihood for each parameter. HistFactory's expectation in a bin b is

    lambda_b = sum over samples s of F_sb M_sb,   F = product of factors,   M = nominal + changes

where every factor and every change depends on one parameter. So pyhf's modifiers, evaluated with
all parameters moved at once by plus and minus a step, give all derivatives of factors and changes
by central differences: three evaluations, whatever the number of parameters. Factors that are their
parameter have the derivative 1. The rest is the chain rule for -2 ln L with Poisson terms of the
bins and Gaussian or Poisson constraints.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyhf
from numpy.typing import NDArray

STEP = 1e-3
"""Step of the central differences: normsys and histosys bend little over it."""
LINEAR = {"normfactor", "shapefactor", "staterror", "shapesys", "lumi"}
"""Modifiers that are their parameter. Of those of empty bins, which go from 0 to 10^10, differences
would be nothing but rounding."""
TINY = 1e-12
"""Stands for a factor of exactly 0 (mu = 0), by which it is divided."""


class Expansion(NamedTuple):
    """Expectation around a point. Parameters p, samples s, bins b."""

    expected: NDArray
    """Expected events, shape (b,)."""
    product: NDArray
    """Product F of the factors, shape (s, b)."""
    sum: NDArray
    """Sum M that the factors multiply, shape (s, b)."""
    factor: NDArray
    """Relative derivative of F by each parameter, shape (p, s, b)."""
    change: NDArray
    """Derivative of M by each parameter, shape (p, s, b)."""
    jacobian: NDArray
    """Derivative of the expectation by each parameter, shape (p, b)."""
    own: NDArray
    """Second derivative of the expectation, twice by the same parameter, shape (p, b)."""


class Likelihood:
    """-2 ln L of a model for some data, with its first and second derivatives.

    Args:
        model: without batches.
        data: observations and auxiliary data.
    """

    def __init__(self, model: pyhf.Model, data: NDArray) -> None:
        self.model, self.data = model, np.asarray(data, dtype=float)
        main = model.main_model
        one = np.ones(model.config.npars)
        self._linear, self._bent = [], []
        for name, modifier in main.modifiers_appliers.items():
            if not modifier.param_viewer.index_selection:
                continue
            parameters = _parameters(modifier)
            if name in LINEAR:
                # 1 where it acts, shape (m, s, b).
                acts = modifier.apply(2 * one)[:, :, 0, :] - modifier.apply(one)[:, :, 0, :]
                self._linear.append((modifier, parameters, acts))
            else:
                self._bent.append((modifier, parameters))
        self._nominal = np.asarray(main.nominal_rates)[0, :, 0, :]
        self._normal, self._poisson = _constraints(model, self.data)
        self._at: NDArray | None = None
        self._known: Expansion

    def value(self, pars: NDArray) -> float:
        """-2 ln L, as pyhf computes it."""
        return float(pyhf.infer.mle.twice_nll(pars, self.data, self.model)[0])

    def gradient(self, pars: NDArray) -> NDArray:
        """First derivatives, shape (parameters,)."""
        around = self._expand(pars)
        result = 2 * around.jacobian @ (1 - self._observed(around) / around.expected)
        index, auxiliary, width = self._normal
        result[index] += 2 * (pars[index] - auxiliary) / width**2
        index, auxiliary, factor = self._poisson
        result[index] += 2 * (factor - auxiliary / pars[index])
        return result

    def hessian(self, pars: NDArray) -> NDArray:
        """Second derivatives, shape (parameters, parameters)."""
        around = self._expand(pars)
        observed = self._observed(around)
        result = (around.jacobian * (observed / around.expected**2)) @ around.jacobian.T
        rest = 1 - observed / around.expected
        left = around.factor * (around.product * rest)
        right = around.change + around.factor * around.sum / 2
        mixed = left.reshape(len(pars), -1) @ right.reshape(len(pars), -1).T
        mixed += mixed.T
        np.fill_diagonal(mixed, around.own @ rest)
        result = 2 * (result + mixed)
        index, _, width = self._normal
        result[index, index] += 2 / width**2
        index, auxiliary, _ = self._poisson
        result[index, index] += 2 * auxiliary / pars[index] ** 2
        return result

    def _observed(self, around: Expansion) -> NDArray:
        return self.data[: len(around.expected)]

    def _expand(self, pars: NDArray) -> Expansion:
        """The last one is kept: Minuit wants gradient and Hessian at the same point."""
        if self._at is None or not np.array_equal(pars, self._at):
            self._known = self._expanded(np.asarray(pars, dtype=float))
            self._at = np.array(pars, dtype=float)
        return self._known

    def _expanded(self, pars: NDArray) -> Expansion:
        product, total = np.ones_like(self._nominal), self._nominal.copy()
        shape = (len(pars), *self._nominal.shape)
        factor, change, factor2, change2 = (np.zeros(shape) for _ in range(4))
        for modifier, parameters, acts in self._linear:
            at = modifier.apply(pars)[:, :, 0, :]
            at = np.where(at == 0, TINY, at)
            product *= at.prod(axis=0)
            _add(factor, parameters, acts / at)
        for modifier, parameters in self._bent:
            at, up, down = (modifier.apply(pars + s)[:, :, 0, :] for s in (0, STEP, -STEP))
            first, second = (up - down) / (2 * STEP), (up - 2 * at + down) / STEP**2
            if modifier.op_code == "addition":
                total += at.sum(axis=0)
                _add(change, parameters, first)
                _add(change2, parameters, second)
            else:
                at = np.where(at == 0, TINY, at)
                product *= at.prod(axis=0)
                _add(factor, parameters, first / at)
                _add(factor2, parameters, second / at)
        expected = np.maximum((product * total).sum(axis=0), self.model.main_model.clip_bin_data)
        jacobian = (product * (factor * total + change)).sum(axis=1)
        own = (product * (factor2 * total + 2 * factor * change + change2)).sum(axis=1)
        return Expansion(expected, product, total, factor, change, jacobian, own)


def _parameters(modifier: Any) -> NDArray:
    """Parameter of each modifier, shape (m,); where every bin has its own, (m, b)."""
    if hasattr(modifier, "access_field"):
        return np.asarray(modifier.access_field)[:, 0, :]
    indices = [np.ravel(index) for index in modifier.param_viewer.index_selection]
    return np.concatenate(indices).astype(int)


def _add(into: NDArray, parameters: NDArray, values: NDArray) -> None:
    """Add values of modifiers (m, s, b) to those of their parameters (p, s, b)."""
    if parameters.ndim == 1:
        into[parameters] += values
        return
    bins = np.arange(into.shape[2])
    for mine, value in zip(parameters, values, strict=True):
        into[mine, :, bins] += value.T


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
