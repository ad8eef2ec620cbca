"""Showers by splitting energy: the tree, the likelihood, and what comes back of a training."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from boostflow.errors import BoostflowError
from boostflow.models.generated import Examples
from boostflow.models.splitnet.block import SplitNet
from boostflow.models.splitnet.generator import chosen, drawn, file_of, load
from boostflow.models.splitnet.train import SplitNetLearner, seen_of, unlikelihood
from boostflow.models.splitnet.tree import CAP, inputs, tree
from boostflow.scored import TRAIN, VALIDATION
from boostflow.training.ranks import Single


def examples(size: int = 600) -> Examples:
    """Showers in the core of each layer: half of them are late, and have nothing in front."""
    rng = np.random.default_rng(1)
    energy = rng.uniform(5, 50, size)
    late = rng.random(size) < 0.5
    parts = rng.dirichlet([30, 60, 10], size) * energy[:, None] * 1000
    parts[late, 1] += parts[late, 0]
    parts[late, 0] = 0
    cells = np.zeros((size, 504))
    share = rng.uniform(0.3, 0.7, size)
    cells[:, 96 + 47], cells[:, 96 + 48] = parts[:, 0] * share, parts[:, 0] * (1 - share)
    cells[:, 288 + 12 * 5 + 5] = parts[:, 1]
    cells[:, 432 + 6 * 5 + 2] = parts[:, 2]
    split = np.where(np.arange(size) % 5 == 0, VALIDATION, TRAIN)
    return Examples(energy, cells.astype(np.float32), split)


def test_the_tree_ends_in_all_cells() -> None:
    found = tree()
    assert sorted(found.cells.tolist()) == list(range(504))
    assert sum(len(one.parents) for one in found.generations) == 504
    assert [one.width for one in found.generations[:4]] == [1, 2, 3, 5]
    for one, after in zip(found.generations, [*found.generations[1:], None], strict=True):
        width = after.width if after else 505
        places = np.concatenate([one.left, one.right, one.moved])
        assert sorted(places.tolist()) == list(range(width))
        assert sorted([*one.parents, *one.kept]) == list(range(one.width))
    # Each split is of cells into cells, and the last part of all is the rest.
    for number, one in enumerate(found.generations[1:], 1):
        before, after = found.members[number : number + 2]
        np.testing.assert_array_equal(
            before[:, one.parents], after[:, one.left] + after[:, one.right]
        )
        assert not before[:, -1].any() and one.sums[:, -1].all()


def test_networks_see_the_same_in_training_and_generation() -> None:
    rng = np.random.default_rng(2)
    for generation in tree().generations:
        energies = rng.exponential(100, (3, generation.width)).astype(np.float32)
        showers, splits = np.nonzero(rng.random((3, len(generation.parents))) < 0.7)
        seen = inputs(generation, energies, showers, splits)
        rows = np.stack([showers, splits], axis=1)
        other = seen_of(generation, tf.constant(energies), tf.constant(rows)).numpy()
        np.testing.assert_allclose(other, seen, rtol=1e-5)
        own = np.log1p(energies[showers, generation.parents[splits]] / 0.1)
        np.testing.assert_allclose(seen[:, 0], own, rtol=1e-5)
        whole = generation.context.shape[1] - 1
        total = np.log1p(energies.sum(axis=1)[showers] / 0.1)
        np.testing.assert_allclose(seen[:, whole], total, rtol=1e-5)


def test_the_likelihood_is_that_of_what_is_drawn() -> None:
    """Of Gaussians of the ratio's logarithm, and of the three kinds of splits."""
    found = np.zeros((4, 9), np.float32)
    found[:, :3] = np.log([0.2, 0.3, 0.5])
    found[:, 3:5] = np.log([0.25, 0.75])
    found[:, 5:7], found[:, 7:9] = [-1, 2], np.log([0.5, 2.0])
    left = np.array([3.0, 0.0, np.e, 5.0], np.float32)
    right = np.array([0.0, 4.0, 1.0, 5.0], np.float32)
    loss = unlikelihood(tf.constant(found), left, right).numpy()

    def normal(x: float, mean: float, width: float) -> float:
        return np.exp(-0.5 * ((x - mean) / width) ** 2) / width / np.sqrt(2 * np.pi)

    density = [0.25 * normal(x, -1, 0.5) + 0.75 * normal(x, 2, 2) for x in (1.0, 0.0)]
    expected = [-np.log(0.2), -np.log(0.3), *-np.log(0.5 * np.array(density))]
    np.testing.assert_allclose(loss, expected, rtol=1e-5)

    rare = np.log([[0.02, 0.49, 0.49]] * 1000)
    assert chosen(rare, np.random.default_rng(3)).min() == 1

    share = drawn(np.broadcast_to(found[:1], (40_000, 9)), np.random.default_rng(3))
    assert (share == 1).mean() == pytest.approx(0.2, abs=0.01)
    assert (share == 0).mean() == pytest.approx(0.3, abs=0.01)
    inside = share[(share > 0) & (share < 1)].astype(float)
    logarithm = np.log(inside / (1 - inside))
    assert logarithm.mean() == pytest.approx(0.25 * -1 + 0.75 * 2, abs=0.05)
    square = 0.25 * (1 + 0.25) + 0.75 * (4 + 4)
    assert (logarithm**2).mean() == pytest.approx(square, rel=0.05)


@pytest.fixture(scope="module")
def learner() -> SplitNetLearner:
    """Trained for some steps."""
    keras.utils.set_random_seed(1)
    block = SplitNet(hidden=[24], components=2, batch=128)
    found = SplitNetLearner(block, examples(), Single())
    found.optimizer.learning_rate.assign(0.01)
    for epoch in range(12):
        for batch in found.batches(epoch):
            found.step(*batch)
    return found


def test_parts_hold_all_energy(learner: SplitNetLearner) -> None:
    given = examples(20)
    energy = given.energy.astype(np.float32)
    for parts in learner.parts(tf.constant(given.cells), tf.constant(energy)):
        np.testing.assert_allclose(parts.numpy().sum(axis=1), CAP * 1000 * energy, rtol=1e-5)


def test_generated_showers_are_like_those_of_the_training(
    learner: SplitNetLearner, tmp_path: Path
) -> None:
    learner.write(tmp_path)
    given = examples()
    made = load(tmp_path).generate(given.energy, np.random.default_rng(5))
    assert made.dtype == np.float32 and np.isfinite(made).all() and (made >= 0).all()
    response = made.sum(axis=1) / 1000 / given.energy
    assert response.mean() == pytest.approx(1, abs=0.15)
    late = made[:, :288].sum(axis=1) == 0
    assert late.mean() == pytest.approx(0.5, abs=0.15)
    # What is missing in front is behind.
    shares = [(made[k, 288:432].sum(axis=1) / made[k].sum(axis=1)).mean() for k in (late, ~late)]
    assert shares[0] - shares[1] == pytest.approx(0.3, abs=0.08)
    # Mirror images are as likely: the core has four cells of layer 1 then.
    assert (made > 0).sum(axis=1).mean() < 8
    again = load(tmp_path).generate(given.energy, np.random.default_rng(5))
    np.testing.assert_array_equal(made, again)


def test_a_damaged_or_other_model_is_told(
    learner: SplitNetLearner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner.write(tmp_path)
    monkeypatch.setattr("boostflow.models.splitnet.tree.BESIDE", 4)
    with pytest.raises(BoostflowError, match=r"split_0\d\.onnx: sees other parts"):
        load(tmp_path)
    monkeypatch.undo()
    (tmp_path / file_of(3)).write_bytes(b"no network")
    with pytest.raises(BoostflowError, match=r"split_03\.onnx: is no ONNX model"):
        load(tmp_path)
