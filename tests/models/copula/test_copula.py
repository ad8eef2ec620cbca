"""Showers by a copula: what comes back of showers whose distribution is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from boostflow.errors import BoostflowError
from boostflow.models.copula.block import Copula
from boostflow.models.copula.generator import GROUP, Generator, columns, load
from boostflow.models.copula.train import fit, mirrored
from boostflow.models.generated import Examples


def examples(size: int = 2500) -> Examples:
    """Showers in which two cells of layer 1 and its energy fluctuate together; mirror images."""
    rng = np.random.default_rng(1)
    energy = rng.uniform(1, 100, size)
    cells = rng.exponential(1.0, (size, 504)) * (rng.random((size, 504)) < 0.1)
    cells *= energy[:, None]
    both = rng.normal(size=size)
    middle = np.add.outer(288 + 12 * np.array([5, 6]), [5, 6]).ravel()
    cells[:, middle] = 200 * energy[:, None] * np.exp(0.1 * both[:, None])
    cells[:, 96 + 47 : 96 + 49] = 20 * energy[:, None] * np.exp(0.5 * both[:, None])
    return Examples(energy, cells.astype(np.float32), np.zeros(size, int))


@pytest.fixture(scope="module")
def pair() -> tuple[Examples, np.ndarray]:
    """Showers and generated ones of the same energies."""
    given = examples()
    made = Generator(fit(given, Copula(bins=20))).generate(given.energy, np.random.default_rng(2))
    return given, made


def test_layers_and_cells_have_the_distribution_of_the_training(
    pair: tuple[Examples, np.ndarray],
) -> None:
    given, made = pair
    for start, stop in ((0, 288), (288, 432), (432, 504)):
        one, other = (x[:, start:stop].sum(axis=1) / given.energy for x in (given.cells, made))
        error = one.std() / np.sqrt(len(one))
        assert other.mean() == pytest.approx(one.mean(), abs=5 * error)
        assert other.std() == pytest.approx(one.std(), rel=0.15)
        hit, others = ((x[:, start:stop] > 0).mean() for x in (given.cells, made))
        assert others == pytest.approx(hit, rel=0.05)
    for quantile in (0.1, 0.5, 0.9):
        one, other = (
            np.quantile(x[:, 96 + 47] / given.energy, quantile) for x in (given.cells, made)
        )
        assert other == pytest.approx(one, rel=0.08)


def test_what_fluctuates_together_does_so_again(pair: tuple[Examples, np.ndarray]) -> None:
    given, made = pair
    cells = 96 + 47, 288 + 12 * 5 + 5
    one, other = (
        np.corrcoef((x[:, cells] / given.energy[:, None]).T)[0, 1] for x in (given.cells, made)
    )
    assert one > 0.9 and other == pytest.approx(one, abs=0.1)
    # Without a cause two cells do not.
    assert abs(np.corrcoef((made[:, [0, 400]] / given.energy[:, None]).T)[0, 1]) < 0.08


def test_columns_say_all_of_a_shower() -> None:
    given = examples(50)
    values, known = columns(given.energy, given.cells)
    assert values.shape == (50, 510) and len(known) == 12
    parts = values[:, 6:]
    for group in range(6):
        mine = group == GROUP
        whole = known[6 + group]
        np.testing.assert_allclose(
            parts[:, mine] * whole[:, None], given.cells[:, mine], rtol=1e-5, atol=1e-3
        )
        np.testing.assert_allclose(parts[whole > 0][:, mine].sum(axis=1), 1.0, rtol=1e-6)
    total = given.cells.sum(axis=1)
    np.testing.assert_allclose(values[:, 0] * given.energy * 1000, total, rtol=1e-5)
    np.testing.assert_allclose(sum(known[6:]), total, rtol=1e-5)


def test_mirror_images_of_groups_are_in_the_same_group() -> None:
    images = mirrored(GROUP[None].astype(float))
    assert images.shape == (4, 504) and (images == GROUP).all()
    one = np.zeros((1, 504))
    one[0, 0] = 1.0  # a corner of layer 0
    assert set(np.argwhere(mirrored(one))[:, 1]) == {0, 95, 192, 287}


def test_generated_showers_are_no_copies(pair: tuple[Examples, np.ndarray]) -> None:
    given, made = pair
    nearest = [np.abs(given.cells - shower).sum(axis=1).min() for shower in made[:20]]
    assert min(nearest) > 10 and (made >= 0).all() and np.isfinite(made).all()


def test_too_few_showers_are_told() -> None:
    with pytest.raises(BoostflowError, match="30 showers of the training are too few for 40 bins"):
        fit(examples(30), Copula())


def test_a_damaged_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(BoostflowError, match=r"copula\.npz: no such file"):
        load(tmp_path)
    (tmp_path / "copula.npz").write_bytes(b"PK nothing")
    with pytest.raises(BoostflowError, match=r"copula\.npz: holds no tables of showers"):
        load(tmp_path)
