"""Newton's method between bounds, against functions whose minimum is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import lsq_linear, rosen, rosen_der, rosen_hess

from boostflow.infer.newton import Minimum, minimum

WIDE = np.array([[-np.inf, np.inf]])


def of_quadratic(matrix: NDArray, vector: NDArray, start: NDArray, bounds: NDArray) -> Minimum:
    """The minimum of x A x / 2 - b x."""
    found = minimum(
        lambda x: float(x @ matrix @ x / 2 - vector @ x),
        lambda x: matrix @ x - vector,
        lambda x: matrix,
        start,
        bounds,
    )
    assert found is not None
    return found


def test_rosenbrock() -> None:
    """Curved, not convex everywhere: the textbook's valley."""
    found = minimum(rosen, rosen_der, rosen_hess, np.array([-1.2, 1.0, 3.0]), WIDE.repeat(3, 0))
    assert found is not None and not found.at_bound.any()
    np.testing.assert_allclose(found.at, 1, atol=1e-3)  # the valley is flat


@pytest.mark.parametrize("seed", range(5))
def test_quadratic_between_bounds(seed: int) -> None:
    """As scipy's bounded least squares, also where sizes differ by powers of ten."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(30, 8)), rng.normal(size=30)
    size = 10.0 ** rng.integers(-6, 7, 8)
    known = lsq_linear(a, b, (-0.1, 0.1), tol=1e-14)
    assert (known.active_mask != 0).any() and (known.active_mask == 0).any()
    a /= size
    bounds = np.array([-0.1, 0.1]) * size[:, None]
    found = of_quadratic(a.T @ a, a.T @ b, np.zeros(8), bounds)
    np.testing.assert_allclose(found.at / size, known.x, atol=1e-4)
    np.testing.assert_array_equal(found.at_bound, known.active_mask != 0)


def test_a_start_at_a_bound_is_left() -> None:
    found = of_quadratic(np.eye(2), np.array([1.0, -5]), np.array([0.0, 0]), np.array([[0, 9]] * 2))
    np.testing.assert_allclose(found.at, [1, 0], atol=1e-9)
    assert found.at_bound.tolist() == [False, True] and found.gradient[1] == 5


def test_a_direction_in_which_nothing_changes() -> None:
    """No proper minimum, so no errors: the caller is told."""
    matrix = np.array([[1.0, 1], [1, 1]])
    found = minimum(
        lambda x: float(x @ matrix @ x / 2 - x.sum()),
        lambda x: matrix @ x - 1,
        lambda x: matrix - 1e-12 * np.eye(2),
        np.array([3.0, 4]),
        WIDE.repeat(2, 0),
    )
    assert found is None


def test_a_maximum_is_none() -> None:
    """The slope vanishes there, too."""
    found = minimum(
        lambda x: float(np.cos(x[0])),
        lambda x: -np.sin(x),
        lambda x: -np.diag(np.cos(x)),
        np.zeros(1),
        WIDE,
    )
    assert found is None


def test_a_function_that_is_not_finite() -> None:
    nan = np.full(1, np.nan)
    assert minimum(lambda x: np.nan, lambda x: nan, lambda x: nan[None], np.zeros(1), WIDE) is None
