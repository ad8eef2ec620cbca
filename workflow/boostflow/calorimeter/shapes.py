"""What a shower looks like, in a few numbers that tables and classifiers can take."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boostflow.calorimeter.columns import CELL_COLUMNS, ENERGY, SHAPES
from boostflow.calorimeter.geometry import HALF_WIDTH, LAYERS, MIDDLES, STARTS


def layers(cells: NDArray) -> list[NDArray]:
    """Cells of each layer, shape (N, phi, eta), from rows of shape (N, 504)."""
    return [
        cells[:, first:last].reshape(-1, *layer.shape)
        for layer, first, last in zip(LAYERS, STARTS[:-1], STARTS[1:], strict=True)
    ]


def shapes(energy: NDArray, cells: NDArray) -> dict[str, NDArray[np.float64]]:
    """Shapes of N showers by the names of `columns.TITLES`, shape (N,) each.

    What has no meaning, as the width of a layer without energy, is 0.

    Args:
        energy: of the particles (GeV), shape (N,).
        cells: energies (MeV), shape (N, 504).
    """
    found: dict[str, NDArray[np.float64]] = {}
    images = [image.astype(np.float64) for image in layers(cells)]
    sums = np.stack([image.sum(axis=(1, 2)) for image in images], axis=1)
    total = sums.sum(axis=1)
    parts = _over(sums, total[:, None])
    found["total"] = total / 1000.0
    found["response"] = found["total"] / energy
    found["depth"] = parts @ np.array(MIDDLES)
    square = parts @ np.array(MIDDLES) ** 2 - found["depth"] ** 2
    found["depth_width"] = np.sqrt(np.maximum(square, 0.0))
    for number, image in enumerate(images):
        rows, columns = image.shape[1:]
        flat = image.reshape(len(image), -1)
        most = np.partition(flat, -2, axis=1)[:, -2:]
        found[f"layer_{number}"] = sums[:, number] / 1000.0
        found[f"fraction_{number}"] = parts[:, number]
        found[f"sparsity_{number}"] = (flat > 0).mean(axis=1)
        found[f"ratio_{number}"] = _over(most[:, 1] - most[:, 0], most.sum(axis=1))
        found[f"eta_width_{number}"] = _width(image.sum(axis=1), columns)
        found[f"phi_width_{number}"] = _width(image.sum(axis=2), rows)
    return {name: np.ascontiguousarray(found[name]) for name in SHAPES}


def columns_of(energy: NDArray, cells: NDArray) -> dict[str, NDArray]:
    """All columns of N showers by their names, shape (N,) each; see `shapes`."""
    of_cells = dict(zip(CELL_COLUMNS, np.ascontiguousarray(cells.T), strict=True))
    return {ENERGY: energy, **shapes(energy, cells), **of_cells}


def _over(part: NDArray, whole: NDArray) -> NDArray:
    return np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=whole > 0)


def _width(profile: NDArray, cells: int) -> NDArray:
    """Standard deviation (mm) of a profile across a layer, shape (N, cells)."""
    place = (np.arange(cells) + 0.5) * 2 * HALF_WIDTH / cells - HALF_WIDTH
    whole = profile.sum(axis=1)
    mean, square = _over(profile @ place, whole), _over(profile @ place**2, whole)
    width: NDArray = np.sqrt(np.maximum(square - mean**2, 0.0))
    return width
