"""How generated showers are judged: against held-out simulated ones of the same energies.

Shapes by their distance, response and resolution in bins of the energy, classifiers that try to
tell both apart, and a test for showers of the training that come back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from boostflow.alone import without
from boostflow.calorimeter.columns import ENERGY, SHAPES
from boostflow.calorimeter.shapes import layers, shapes
from boostflow.errors import BoostflowError
from boostflow.evaluate.bootstrap import bootstrap
from boostflow.evaluate.curves import components, delong
from boostflow.scored import Table

FEWEST = 20
"""Simulated showers of the test split without which nothing is said."""
BINS = 5
"""Bins of the energy, at most, of about as many showers each."""
IN_BIN = 30
"""Showers that a bin of the energy has at least."""
NEAREST = 2000
"""Showers, at most, whose nearest ones among as many of the training are looked for."""
EPOCHS = 30
BATCH = 64


class Pair(NamedTuple):
    """Simulated showers of the test split and generated ones, N of each with the same energies."""

    energy: NDArray
    """Energy of the particles (GeV), shape (N,)."""
    simulated: NDArray
    """Cells (MeV), shape (N, 504)."""
    generated: NDArray
    """Cells (MeV), shape (N, 504)."""


def evaluate(
    pair: Pair, training: NDArray, times: int, seed: int, network: bool = True
) -> tuple[dict[str, Any], Table]:
    """Figures of merit, and the showers behind them.

    Args:
        pair: showers to compare.
        training: cells (MeV) of showers of the training, (M, 504).
        times: resamplings for the errors.
        seed: of all that is random.
        network: whether a network on cells is trained, too.

    Returns:
        `distance`: the Wasserstein distance of each shape over the spread of the simulated
        showers, with its error, and that of two halves of the simulated ones (`same`);
        `frechet`: that of all shapes together, in the same units, alike;
        `energy`: response and resolution of both in bins; `told_apart`: AUC of what tells both
        apart, by trees on the shapes and a network on the cells; `nearest`: the median distance to
        the nearest shower of the training, of generated showers over that of simulated ones.
        The table has the energy, all cells of both, `simulated` and `generated`, and their
        shapes with these names before them.

    Raises:
        BoostflowError: there are too few showers.
    """
    if len(pair.energy) < FEWEST:
        raise BoostflowError(
            f"{len(pair.energy)} showers in the test split, {FEWEST} are needed: make more"
        )
    table: Table = {
        ENERGY: pair.energy,
        "simulated": pair.simulated,
        "generated": pair.generated,
    }
    for name, cells in (("simulated", pair.simulated), ("generated", pair.generated)):
        found = shapes(pair.energy, cells)
        table |= {f"{name}_{shape}": values for shape, values in found.items()}
    told = {"trees on shapes": apart(trees_on_shapes, pair, seed)}
    if network:
        told["a network on cells"] = apart(network_on_cells, pair, seed)
    return {
        "showers": len(pair.energy),
        "distance": {shape: distance(table, shape, times, seed) for shape in SHAPES},
        "frechet": frechet(table, times, seed),
        "energy": in_bins(table, times, seed),
        "told_apart": told,
        "nearest": nearest(pair, training, seed),
    }, table


# --- shapes ---------------------------------------------------------------------------------------


def wasserstein(first: NDArray, second: NDArray) -> float:
    """Wasserstein distance of two samples of as many numbers: the mean distance of sorted ones."""
    return float(np.abs(np.sort(first) - np.sort(second)).mean())


def distance(table: Table, shape: str, times: int, seed: int) -> dict[str, float]:
    """The distance of a shape, in units of its spread; see `evaluate`."""
    simulated, generated = table[f"simulated_{shape}"], table[f"generated_{shape}"]
    spread = float(simulated.std()) or 1.0
    rng = np.random.default_rng(seed)
    size, drawn, same = len(simulated), [], []
    for _ in range(times):
        k = rng.integers(size, size=size)
        drawn.append(wasserstein(simulated[k], generated[k]))
        # As many showers by chance: twice the same number of halves has root two of the distance.
        k = rng.permutation(size)[: 2 * (size // 2)].reshape(2, -1)
        same.append(wasserstein(simulated[k[0]], simulated[k[1]]) / np.sqrt(2))
    return {
        "value": wasserstein(simulated, generated) / spread,
        "error": float(np.std(drawn)) / spread,
        "same": float(np.mean(same)) / spread,
    }


def frechet(table: Table, times: int, seed: int) -> dict[str, float]:
    """Frechet distance of all shapes together, with its error and what chance alone makes.

    It is the distance of two Gaussians with the means and covariances of the samples, |m1 - m2|^2 +
    tr(C1 + C2 - 2 (C1 C2)^(1/2)): the FPD of arXiv:2211.10295, of shapes in units of their spread.

    Returns:
        `value`; its bootstrap `error`; `same`, that of two halves of the simulated showers over
        two, as it falls with one over their number where there is no difference.
    """
    simulated, generated = (
        np.stack([table[f"{kind}_{shape}"] for shape in SHAPES], axis=1)
        for kind in ("simulated", "generated")
    )
    spread = simulated.std(axis=0)
    spread[spread == 0] = 1.0
    simulated, generated = simulated / spread, generated / spread
    rng = np.random.default_rng(seed)
    size, drawn, same = len(simulated), [], []
    for _ in range(times):
        k = rng.integers(size, size=size)
        drawn.append(_of_gaussians(simulated[k], generated[k]))
        one, other = np.array_split(rng.permutation(size), 2)
        same.append(_of_gaussians(simulated[one], simulated[other]) / 2)
    return {
        "value": _of_gaussians(simulated, generated),
        "error": float(np.std(drawn)),
        "same": float(np.mean(same)),
    }


def _of_gaussians(one: NDArray, other: NDArray) -> float:
    moved = one.mean(axis=0) - other.mean(axis=0)
    first, second = np.cov(one.T), np.cov(other.T)
    # The trace of the root of C1 C2 is that of the symmetric C1^(1/2) C2 C1^(1/2).
    values, vectors = np.linalg.eigh(first)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    common = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ second @ root), 0)).sum()
    return float(moved @ moved + np.trace(first) + np.trace(second) - 2 * common)


# --- response and resolution ----------------------------------------------------------------------


def in_bins(table: Table, times: int, seed: int) -> list[dict[str, Any]]:
    """Response and resolution in bins of the energy, each a value and its bootstrap error.

    The resolution is the spread of the response around a straight line in the bin, over its mean.
    """
    energy = table[ENERGY]
    number = int(np.clip(len(energy) // IN_BIN, 1, BINS))
    edges = np.quantile(energy, np.linspace(0, 1, number + 1))
    which = np.clip(np.searchsorted(edges, energy, "right") - 1, 0, number - 1)
    found = []
    for k in range(number):
        mine = np.flatnonzero(which == k)
        both = [table[f"{name}_response"][mine] for name in ("simulated", "generated")]

        def statistic(
            weight: NDArray, both: list[NDArray] = both, at: NDArray = energy[mine]
        ) -> NDArray:
            values = [moments(at, values, weight) for values in both]
            pairs = [mean for mean, _ in values], [width for _, width in values]
            return np.array([*pairs[0], *pairs[1], pairs[1][1] / max(pairs[1][0], 1e-12)])

        values = statistic(np.ones(len(mine)))
        errors = bootstrap(statistic, np.arange(len(mine)), times, seed).error
        names = ("simulated", "generated", "resolution", "generated_resolution", "ratio")
        row: dict[str, Any] = {"low": float(edges[k]), "high": float(edges[k + 1])}
        for name, value, error in zip(names, values, errors, strict=True):
            row[name] = {"value": float(value), "error": float(error)}
        found.append(row)
    return found


def moments(energy: NDArray, response: NDArray, weight: NDArray) -> tuple[float, float]:
    """Mean of the response and its relative spread around a straight line in the energy."""
    mean = float(np.average(response, weights=weight))
    x = energy - np.average(energy, weights=weight)
    square = np.average(x**2, weights=weight)
    slope = np.average(x * response, weights=weight) / square if square > 0 else 0.0
    rest = response - mean - slope * x
    return mean, float(np.sqrt(np.average(rest**2, weights=weight)) / max(mean, 1e-12))


# --- classifiers ----------------------------------------------------------------------------------

Classifier = Callable[[Pair, Pair, int], NDArray]
"""Trained on a first pair, it scores a second one: simulated showers, then generated ones."""


def apart(classifier: Classifier, pair: Pair, seed: int) -> dict[str, float]:
    """AUC with which both kinds are told apart, and its error: 0.5 where that is impossible.

    Each half of the showers is scored by a classifier that the other half has trained; the AUC
    is the mean of the halves'.
    """
    order = np.random.default_rng(seed).permutation(len(pair.energy))
    halves = [Pair(*(values[half] for values in pair)) for half in np.array_split(order, 2)]
    found = []
    for one, other in (halves, halves[::-1]):
        scores = classifier(one, other, seed)
        generated = np.arange(len(scores)) >= len(other.energy)
        weights = np.ones(len(scores))
        auc, component = components(scores, generated, weights)
        found.append((auc, delong(component, generated, weights, np.zeros(len(scores), int))))
    value, error = np.array(found).T
    return {"value": float(value.mean()), "error": float(np.sqrt((error**2).sum()) / 2)}


def trees_on_shapes(one: Pair, other: Pair, seed: int) -> NDArray:
    """Boosted trees on all shapes and the energy; see `Classifier`."""
    with without("pandas"):
        import xgboost

    def matrix(pair: Pair) -> NDArray:
        kinds = (pair.simulated, pair.generated)
        rows = [np.stack([pair.energy, *shapes(pair.energy, cells).values()]) for cells in kinds]
        return np.concatenate(rows, axis=1).T

    target = np.repeat([0.0, 1.0], len(one.energy))
    settings = {
        "objective": "binary:logistic",
        "max_depth": 3,
        "eta": 0.1,
        "subsample": 0.8,
        "nthread": 1,
        "seed": seed % 2**31,
    }
    booster = xgboost.train(settings, xgboost.DMatrix(matrix(one), target), 150)
    scores: NDArray = booster.predict(xgboost.DMatrix(matrix(other)), output_margin=True)
    return scores


def network_on_cells(one: Pair, other: Pair, seed: int) -> NDArray:
    """A small convolutional network on the cells of all layers and the energy."""
    import keras

    keras.utils.set_random_seed(seed % 2**31)

    def inputs(pair: Pair) -> list[NDArray]:
        cells = np.concatenate([pair.simulated, pair.generated])
        energy = np.log(np.concatenate([pair.energy, pair.energy]))[:, None]
        # Of some MeV to some 10,000 MeV.
        images = [np.log1p(image)[..., None] / 4 for image in layers(cells)]
        return [*images, energy / 4]

    given = inputs(one)
    places = [keras.Input(values.shape[1:]) for values in given]
    found = []
    for image in places[:-1]:
        x = keras.layers.Conv2D(8, 3, padding="same", activation="relu")(image)
        x = keras.layers.Conv2D(8, 3, padding="same", activation="relu")(x)
        found.append(keras.layers.Flatten()(keras.layers.AveragePooling2D((3, 2))(x)))
    x = keras.layers.Concatenate()([*found, places[-1]])
    x = keras.layers.Dense(32, activation="relu")(keras.layers.Dropout(0.2)(x))
    network = keras.Model(places, keras.layers.Dense(1)(x))
    network.compile(keras.optimizers.Adam(2e-3), keras.losses.BinaryCrossentropy(from_logits=True))
    target = np.repeat([0.0, 1.0], len(one.energy))
    order = np.random.default_rng(seed).permutation(len(target))
    network.fit(
        [values[order] for values in given],
        target[order],
        BATCH,
        EPOCHS,
        verbose=0,
        validation_split=0.15,
        callbacks=[keras.callbacks.EarlyStopping(patience=4, restore_best_weights=True)],
    )
    scores: NDArray = network.predict(inputs(other), 512, verbose=0)[:, 0]
    return scores


# --- memorising -----------------------------------------------------------------------------------


def nearest(pair: Pair, training: NDArray, seed: int) -> dict[str, float]:
    """Median distance to the nearest training shower, generated over simulated, and its error.

    Clearly below 1 says that showers of the training come back. Distances are of square roots
    of cells, which have about the same fluctuations everywhere.
    """
    rng = np.random.default_rng(seed)
    pool = np.sqrt(training[rng.permutation(len(training))[:NEAREST]])
    chosen = rng.permutation(len(pair.energy))[:NEAREST]
    both = [_distances(np.sqrt(cells[chosen]), pool) for cells in (pair.simulated, pair.generated)]
    # Energies are the same: each generated shower has its simulated partner.
    ratios = []
    for _ in range(200):
        k = rng.integers(len(chosen), size=len(chosen))
        ratios.append(np.median(both[1][k]) / np.median(both[0][k]))
    value = float(np.median(both[1]) / np.median(both[0]))
    return {"value": value, "error": float(np.std(ratios))}


def _distances(showers: NDArray, pool: NDArray) -> NDArray:
    """Euclidean distance of each shower to the nearest of a pool."""
    square = (pool**2).sum(axis=1)
    found = []
    for part in np.array_split(showers, max(1, len(showers) // 256)):
        all_of = (part**2).sum(axis=1)[:, None] + square - 2 * part @ pool.T
        found.append(np.sqrt(np.maximum(all_of.min(axis=1), 0.0)))
    return np.concatenate(found)
