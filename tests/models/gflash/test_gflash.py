"""The classical parametrisation: showers with known parameters, and what a fit finds of them."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
from scipy.integrate import quad

from boostflow.calorimeter.geometry import RADIATION_LENGTH, STARTS
from boostflow.errors import BoostflowError
from boostflow.io import write_parquet
from boostflow.models import generated
from boostflow.models.generated import Examples
from boostflow.models.gflash.block import Gflash
from boostflow.models.gflash.generator import Generator, Parameters, profile
from boostflow.models.gflash.train import _radial, fit
from support import conformance

LONGITUDINAL = [-1.5, 1.1, 0.4, 0.5, 0.3, 0.4, 0.2, 0.8]


@pytest.fixture(scope="module")
def known() -> Parameters:
    """Parameters that somebody wrote down."""
    across = [
        np.concatenate([_radial(np.array(v), s) for s in ((3, 96), (12, 12), (12, 6))]).tolist()
        for v in ((1.5, 2.0, 4.0), (1.0, 2.2, 4.2))
    ]
    return Parameters((0.98, 0.0049, 0.0), LONGITUDINAL, [3.0, 50.0], across, [0.2, 0.15, 0.25])


def test_layers_have_the_integral_of_a_gamma_distribution() -> None:
    """Without fluctuations, by numerical integration of t^(alpha - 1) exp(-beta t)."""
    energy = np.array([10.0])
    still = [*LONGITUDINAL[:4], 0.0, 0.0, 0.0, 0.0]
    log_y = np.log(10_000 / 9.315956)
    maximum, alpha = -1.5 + 1.1 * log_y, 0.4 + 0.5 * log_y
    beta = (alpha - 1) / maximum
    ends = [0, *(np.array([90.0, 437.0, 480.0]) / RADIATION_LENGTH)]
    parts = np.array(
        [
            quad(lambda t: t ** (alpha - 1) * np.exp(-beta * t), a, b)[0]
            for a, b in itertools.pairwise(ends)
        ]
    )
    found = profile(np.array(still), energy, np.zeros((1, 2)))[0]
    np.testing.assert_allclose(found, parts / parts.sum(), rtol=1e-5)


def test_the_radial_profile_is_integrated_over_cells() -> None:
    """By drawing points of 1/pi R^2 / (r^2 + R^2)^2."""
    rng = np.random.default_rng(1)
    u, phi = rng.random(400_000), rng.uniform(0, 2 * np.pi, 400_000)
    r = 20.0 * np.sqrt(u / (1 - u))
    edges = np.linspace(-240, 240, 13)
    count, _, _ = np.histogram2d(r * np.sin(phi), r * np.cos(phi), (edges, edges))
    found = _radial(np.array([50.0, np.log(20.0), 3.0]), (12, 12)).reshape(12, 12)
    np.testing.assert_allclose(found, count / count.sum(), atol=4 * np.sqrt(0.2 / 4e5))


def test_a_fit_finds_what_showers_were_made_with(known: Parameters) -> None:
    rng = np.random.default_rng(3)
    energy = rng.uniform(1, 100, 3000)
    cells = Generator(known).generate(energy, rng)
    found, history = fit(Examples(energy, cells, np.zeros(3000, int)), Gflash(evaluations=900))
    assert history[-1] < 0.1 < history[0]
    assert found.response[0] == pytest.approx(0.98, abs=0.002)
    assert found.response[1] == pytest.approx(0.0049, rel=0.25)
    again = Generator(found).generate(energy, np.random.default_rng(4))
    for first, last in itertools.pairwise(STARTS):
        one, other = (values[:, first:last].sum(axis=1) for values in (cells, again))
        assert other.mean() == pytest.approx(one.mean(), rel=0.05)
        assert other.std() == pytest.approx(one.std(), rel=0.2)
        hit, others = ((values[:, first:last] > 0).mean() for values in (cells, again))
        assert others == pytest.approx(hit, rel=0.05)
    center = cells[:, STARTS[1] + 6 * 12 + 6].mean()
    assert again[:, STARTS[1] + 6 * 12 + 6].mean() == pytest.approx(center, rel=0.03)


def test_too_few_showers_are_told() -> None:
    few = Examples(np.linspace(1, 2, 30), np.ones((30, 504), np.float32), np.zeros(30, int))
    with pytest.raises(BoostflowError, match="30 showers of the training are too few for 6 bins"):
        fit(few, Gflash())


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A trained model."""
    block = Gflash(bins=2, evaluations=20)
    return conformance.train(conformance.jets(tmp_path), block, tmp_path)


def test_energies_outside_of_the_training_are_refused_or_flagged(model: Path) -> None:
    with pytest.raises(BoostflowError, match=r"an energy of 5 GeV; it was trained between 1\.\d+"):
        generated.generate(model, np.array([1.5, 5.0]), 1)
    found = generated.score(model, ak.Array({"energy": [1.5, 5.0, 1.6]}))
    assert all(np.isnan(values).tolist() == [False, True, False] for values in found.values())
    assert generated.generate(model, np.zeros(0), 1).shape == (0, 504)


def test_a_model_of_another_calorimeter_is_told(model: Path) -> None:
    about = json.loads((model / "manifest.json").read_text())
    (model / "manifest.json").write_text(json.dumps(about | {"cells": 100}))
    with pytest.raises(BoostflowError, match="a calorimeter of 100 cells, this one has 504"):
        generated.generate(model, np.array([1.5]), 1)
    del about["energies"]
    (model / "manifest.json").write_text(json.dumps(about))
    with pytest.raises(BoostflowError, match="is no model that generates showers"):
        generated.generate(model, np.array([1.5]), 1)


def test_a_table_of_jets_is_no_table_of_showers(tmp_path: Path) -> None:
    write_parquet(tmp_path / "jets.parquet", ak.Array({"energy": [1.0, 2.0], "split": [0, 1]}))
    with pytest.raises(BoostflowError, match="no table of showers of this calorimeter: 504 of the"):
        generated.read([tmp_path / "jets.parquet"])
