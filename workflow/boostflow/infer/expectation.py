"""The expectation of a HistFactory model with its derivatives, from pyhf's specification of it.

pyhf's numpy backend has no derivatives, and numerical ones cost two calls of the likelihood for
each parameter. HistFactory's expectation in a bin b is

    lambda_b = sum over samples s of F_sb M_sb,   F = product of factors,   M = nominal + changes

where every factor and every change depends on one parameter:

* normfactor, shapefactor, staterror, shapesys, lumi: the factor is the parameter.
* normsys (interpolation code 4): hi^x above x = 1, lo^-x below -1, between them the polynomial of
  order 6 that has value, slope and curvature of both at the ends (ROOT's HistFactory; K. Cranmer et
  al., CERN-OPEN-2012-016, section 4).
* histosys (code 4p): x (hi - nominal) above 1, x (nominal - lo) below -1, between them the
  polynomial x S + (15 x^2 - 10 x^4 + 3 x^6) A with S = (hi - lo) / 2 and
  A = (hi + lo - 2 nominal) / 16.

So each fit of hundreds of parameters needs a few sums over the bins, where pyhf's own expectation
evaluates every interpolation in every bin.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyhf
from numpy.typing import NDArray

TINY = 1e-12
"""Stands for a factor of exactly 0 (mu = 0), by which it is divided."""
SETTINGS = {"normsys": {"interpcode": "code4"}, "histosys": {"interpcode": "code4p"}}
"""Interpolation of pyhf between up and down: smooth at 0 (as ROOT's HistFactory, cabinetry)."""
LINEAR = {"normfactor", "shapefactor", "staterror", "shapesys", "lumi"}
"""Modifiers that are their parameter."""
POWERS = np.arange(1, 7)
"""Exponents of the polynomial of code 4."""


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


@lru_cache(maxsize=4)
def expectation(model: pyhf.Model) -> Expectation:
    """The expectation of a model, made once for all of its fits."""
    return Expectation(model)


class Expectation:
    """Expected events of a model without batches, as functions of its parameters."""

    def __init__(self, model: pyhf.Model) -> None:
        main = model.main_model
        self._clip = main.clip_bin_data
        self._nominal = np.asarray(main.nominal_rates)[0, :, 0, :]
        one = np.ones(model.config.npars)
        # Each: pyhf's modifier, its parameters, and 1 where it acts, shape (m, s, b).
        self._linear: list[tuple[Any, NDArray, NDArray]] = []
        for name, modifier in main.modifiers_appliers.items():
            if name in LINEAR and modifier.param_viewer.index_selection:
                acts = modifier.apply(2 * one)[:, :, 0, :] - modifier.apply(one)[:, :, 0, :]
                self._linear.append((modifier, _parameters(modifier), acts))
        self._norm, self._shape = _interpolated(model, self._nominal.shape)

    def value(self, pars: NDArray) -> NDArray:
        """Expected events, shape (b,)."""
        product, total = np.ones_like(self._nominal), self._nominal + self._shape.change(pars)
        for modifier, _, _ in self._linear:
            product *= modifier.apply(pars)[:, :, 0, :].prod(axis=0)
        product *= self._norm.product(pars)
        return np.maximum((product * total).sum(axis=0), self._clip)

    def expand(self, pars: NDArray) -> Expansion:
        """Expected events and derivatives."""
        product, norm_first, norm_second = self._norm.expand(pars)
        total = self._nominal + self._shape.change(pars)
        shape = (len(pars), *self._nominal.shape)
        factor, change, own = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        for modifier, parameters, acts in self._linear:
            at = modifier.apply(pars)[:, :, 0, :]
            at = np.where(at == 0, TINY, at)
            product *= at.prod(axis=0)
            _add(factor, parameters, acts / at)
        factor[self._norm.index] += norm_first
        own[self._norm.index] += norm_second * total
        first, second = self._shape.derivatives(pars)
        change[self._shape.index] += first
        own[self._shape.index] += second + 2 * factor[self._shape.index] * first
        expected = np.maximum((product * total).sum(axis=0), self._clip)
        jacobian = np.einsum("sb,psb->pb", product, factor * total + change)
        bend = np.einsum("sb,psb->pb", product, own)
        return Expansion(expected, product, total, factor, change, jacobian, bend)


class _Norm:
    """Factors of normsys: p parameters, s samples, c channels, which are as wide as their bins."""

    def __init__(self, index: list[int], high: NDArray, low: NDArray, bins: list[int]) -> None:
        """`high` and `low` have the shape (p, s, c)."""
        self.index, self._high, self._low, self._bins = index, np.log(high), np.log(low), bins
        # Coefficients of x, x^2, ..., x^6 from value, slope and curvature at 1 and -1.
        x = np.array([1.0, -1.0])[:, None]
        slope = POWERS * x ** (POWERS - 1)
        bend = POWERS * (POWERS - 1) * x ** np.maximum(POWERS - 2, 0)
        wanted = np.stack(
            [
                high - 1,
                low - 1,
                high * self._high,
                -low * self._low,
                high * self._high**2,
                low * self._low**2,
            ]
        )
        matrix = np.concatenate([x**POWERS, slope, bend])
        self._series = np.tensordot(np.linalg.inv(matrix), wanted, 1)
        order = POWERS[:, None, None, None]
        self._first = order * self._series
        self._second = (order * (order - 1) * self._series)[1:]

    def _wide(self, values: NDArray) -> NDArray:
        """A number of each channel, for each of its bins."""
        return np.repeat(values, self._bins, axis=-1)

    def _at(self, pars: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """Factor and its derivatives, shape (p, s, c)."""
        x = pars[self.index][:, None, None]
        value, inside, held = self._value(x), np.abs(x) < 1, np.clip(x, -1, 1)
        slope = self._slope(x)
        return (
            value,
            np.where(inside, _polynomial(self._first, held), slope * value),
            np.where(inside, _polynomial(self._second, held), slope**2 * value),
        )

    def _value(self, x: NDArray) -> NDArray:
        """Factor at values of the parameters (p, 1, 1), shape (p, s, c)."""
        held = np.clip(x, -1, 1)
        inner = 1 + held * _polynomial(self._series, held)
        return np.where(np.abs(x) < 1, inner, np.exp(self._slope(x) * x))

    def _slope(self, x: NDArray) -> NDArray:
        """Logarithmic derivative of the factor outside of -1 to 1, shape (p, s, c)."""
        return np.where(x > 0, self._high, -self._low)

    def product(self, pars: NDArray) -> NDArray:
        """Product over the parameters, shape (s, b)."""
        x = pars[self.index][:, None, None]
        return self._wide(self._value(x).prod(axis=0))

    def expand(self, pars: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """Product (s, b), first and second derivatives relative to their factors (p, s, b)."""
        value, first, second = self._at(pars)
        return (
            self._wide(value.prod(axis=0)),
            self._wide(first / value),
            self._wide(second / value),
        )


class _Shape:
    """Changes of histosys: p parameters, s samples, b bins."""

    def __init__(self, index: list[int], up: NDArray, down: NDArray) -> None:
        """`up` and `down` are the changes at 1 and -1, shape (p, s, b)."""
        self.index, self._half, self._bent = index, (up - down) / 2, (up + down) / 16

    def change(self, pars: NDArray) -> NDArray:
        """Sum over the parameters, shape (s, b)."""
        x = pars[self.index]
        square = np.minimum(x**2, 1)
        bent = np.where(np.abs(x) < 1, square * (15 - 10 * square + 3 * square**2), 8 * np.abs(x))
        return np.tensordot(x, self._half, 1) + np.tensordot(bent, self._bent, 1)

    def derivatives(self, pars: NDArray) -> tuple[NDArray, NDArray]:
        """First and second ones, shapes (p, s, b)."""
        x = pars[self.index]
        inside = np.abs(x) < 1
        first = np.where(inside, x * (30 - 40 * x**2 + 18 * x**4), 8 * np.sign(x))
        second = np.where(inside, 30 - 120 * x**2 + 90 * x**4, 0.0)
        return (
            self._half + first[:, None, None] * self._bent,
            second[:, None, None] * self._bent,
        )


def _polynomial(coefficients: NDArray, x: NDArray) -> NDArray:
    """c_0 + c_1 x + c_2 x^2 + ..., by Horner's rule.

    Args:
        coefficients: (n, p, s, c).
        x: (p, 1, 1).
    """
    result = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        result = result * x + coefficient
    return result


def _interpolated(model: pyhf.Model, shape: tuple[int, ...]) -> tuple[_Norm, _Shape]:
    """The normsys and histosys of a model with expectations of the shape (s, b)."""
    config = model.config
    channels, samples = config.channels, config.samples
    ones = np.ones((len(samples), len(channels)))
    norm: dict[int, NDArray] = defaultdict(lambda: np.array([ones, ones]))
    changes: dict[int, NDArray] = defaultdict(lambda: np.zeros((2, *shape)))
    for channel in model.spec["channels"]:
        name = channel["name"]
        for sample in channel["samples"]:
            row = samples.index(sample["name"])
            nominal = np.asarray(sample["data"])
            for modifier in sample["modifiers"]:
                data = modifier["data"]
                if modifier["type"] == "normsys":
                    sides = norm[config.par_slice(modifier["name"]).start]
                    sides[:, row, channels.index(name)] = data["hi"], data["lo"]
                elif modifier["type"] == "histosys":
                    sides = changes[config.par_slice(modifier["name"]).start]
                    varied = np.array([data["hi_data"], data["lo_data"]])
                    sides[:, row, config.channel_slices[name]] = varied - nominal
    bins = [config.channel_nbins[name] for name in channels]
    # Without any there are none of either shape, and sums over them are 0.
    high, low = np.array([*norm.values()]).reshape(-1, 2, *ones.shape).swapaxes(0, 1)
    up, down = np.array([*changes.values()]).reshape(-1, 2, *shape).swapaxes(0, 1)
    return _Norm([*norm], high, low, bins), _Shape([*changes], up, down)


def _parameters(modifier: Any) -> NDArray:
    """Parameter of each modifier, shape (m,); where every bin has its own, (m, b)."""
    if hasattr(modifier, "access_field"):
        return np.asarray(modifier.access_field)[:, 0, :]
    indices = [np.ravel(index) for index in modifier.param_viewer.index_selection]
    return np.concatenate(indices).astype(int)


def _add(into: NDArray, parameters: NDArray, values: NDArray) -> None:
    """Add values of modifiers (m, s, b) to those of their parameters (p, s, b)."""
    if parameters.ndim == 1:
        np.add.at(into, parameters, values)
        return
    bins = np.arange(into.shape[2])
    for mine, value in zip(parameters, values, strict=True):
        into[mine, :, bins] += value.T
