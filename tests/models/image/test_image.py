"""Jet images: pixels of known jets, what turning and mirroring leave alone, export, plots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

from boostflow.config.load import load
from boostflow.constituents.packing import Layout, Packed
from boostflow.errors import BoostflowError
from boostflow.io import read_parquet
from boostflow.jobs.models import Prepare
from boostflow.models import stage
from boostflow.models.image.block import JetImages
from boostflow.models.image.pixels import images, preprocessed
from boostflow.models.image.plots import occluded
from boostflow.models.score import score
from support import conformance

CHANNELS = ["pt", "charged", "multiplicity"]
PLAIN = {"centre": False, "rotate": False, "flip": False, "normalise": "none"}
SMALL = {"pixels": 12, "filters": [4, 6], "head": [8], "epochs": 2, "batch": 32}


def jet(*particles: tuple[float, ...]) -> Packed:
    """One jet of (eta, phi, pT, charge) relative to its axis."""
    features = np.array(particles, np.float32)
    records = np.zeros(len(features), np.dtype([("features", "<f4", (features.shape[1],))]))
    records["features"] = features
    return Packed(records, np.array([len(features)], np.int32))


def image(particles: list[tuple[float, ...]], **keys: Any) -> np.ndarray:
    """The image of one jet, 4 x 4 pixels of 0.5 unless the keys say otherwise."""
    given = PLAIN | {"pixels": 4, "half_width": 1.0, "channels": CHANNELS, "filters": [4]} | keys
    return images(JetImages(**given), jet(*particles))[0]


def test_pixels_of_a_known_jet() -> None:
    """Rows are phi from below, columns eta from the left; what lies outside is left out."""
    found = image(
        [(-0.9, 0.1, 30.0, 1), (-0.6, 0.4, 10.0, 0), (0.7, -0.7, 5.0, -1), (0.2, 1.3, 99.0, 1)]
    )
    wanted = np.zeros((4, 4, 3))
    wanted[2, 0] = 0.4, 0.3, 2
    wanted[0, 3] = 0.05, 0.05, 1
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


@pytest.mark.parametrize(
    ("normalise", "scale"), [("none", 100), ("sum", 20.0), ("square", np.sqrt(12**2 + 3**2 + 5**2))]
)
def test_the_pt_is_normalised_and_the_multiplicity_is_not(normalise: str, scale: float) -> None:
    particles = [(0.1, 0.1, 8.0, 1), (0.2, 0.2, 4.0, 0), (0.8, 0.1, 3.0, 1), (-0.1, -0.1, 5.0, 0)]
    found = image(particles, normalise=normalise)
    np.testing.assert_allclose(found[2, 2], [12 / scale, 8 / scale, 2], rtol=1e-6)
    np.testing.assert_allclose(found[..., 0].sum(), 20 / scale, rtol=1e-6)
    assert found[..., 2].sum() == 4
    if normalise == "square":
        np.testing.assert_allclose((found[..., 0] ** 2).sum(), 1, rtol=1e-6)


def random_jet(rng: np.random.Generator) -> np.ndarray:
    """A lopsided jet of 30 constituents within 0.5, (30, 4)."""
    eta, phi = rng.uniform(-0.3, 0.3, 30), rng.uniform(-0.1, 0.1, 30)
    return np.stack([eta, phi, rng.exponential(10, 30), rng.integers(-1, 2, 30)], axis=1)


@pytest.mark.parametrize("change", ["turned", "mirrored", "moved"])
def test_what_the_preprocessing_leaves_alone(change: str) -> None:
    rng = np.random.default_rng(3)
    # The middles of pixels are far from the corners; none of the jets has a constituent at an edge.
    keys = {"pixels": 9, "half_width": 0.9, "normalise": "sum", "filters": [4]}
    switches = {"centre": change == "moved", "rotate": change == "turned", "flip": True}
    whole = {"centre": True, "rotate": True, "flip": True}
    for _ in range(5):
        one = random_jet(rng)
        pt = one[:, 2]
        one[:, :2] -= (pt[:, None] * one[:, :2]).sum(0) / pt.sum()
        other = one.copy()
        if change == "turned":
            angle = rng.uniform(-np.pi, np.pi)
            c, s = np.cos(angle), np.sin(angle)
            other[:, 0], other[:, 1] = c * one[:, 0] - s * one[:, 1], s * one[:, 0] + c * one[:, 1]
        elif change == "mirrored":
            other[:, 0] *= -1
        else:
            other[:, :2] += [0.21, -0.34]
        for used in (switches, whole):
            first, second = (
                preprocessed(JetImages(**keys | used), jet(*map(tuple, rows)))
                for rows in (one, other)
            )
            np.testing.assert_allclose(first.across, second.across, atol=1e-5)
            np.testing.assert_allclose(first.along, second.along, atol=1e-5)


def test_two_prongs_come_to_lie_on_the_vertical_axis_the_harder_above() -> None:
    particles = [(0.2, 0.2, 10.0), (-0.2, -0.2, 30.0)]
    plane = preprocessed(JetImages(), jet(*particles))
    # They are sqrt(0.32) apart, and the centre is at a quarter of that from the harder one.
    np.testing.assert_allclose(plane.across, 0, atol=1e-6)
    wanted = np.array([-0.75, 0.25]) * np.sqrt(0.32)
    np.testing.assert_allclose(plane.along, wanted, atol=1e-6)


def test_a_jet_of_one_constituent_lies_in_the_middle() -> None:
    found = image([(0.3, -0.4, 7.0, 0)], pixels=5, centre=True, rotate=True, flip=True)
    np.testing.assert_allclose(found[2, 2], [0.07, 0, 1])
    assert found[..., 2].sum() == 1


def test_two_moments_of_a_picture_are_the_mass() -> None:
    """m^2 = (sum pT) (sum pT r^2) around the centre of the pT, for massless narrow constituents."""
    from boostflow.models.image.train import moments

    rng = np.random.default_rng(5)
    one = random_jet(rng)
    eta, phi, pt = one[:, :3].T
    config = JetImages(channels=["pt"], pixels=200, half_width=1.0, filters=[4])
    flat = images(config, jet(*map(tuple, one)))[0].ravel() * 100
    found = flat @ moments(config.pixels, 2)
    assert found.shape == (3 * 3 + 2,)
    energy, p3 = (pt * np.cosh(eta)).sum(), (pt * [np.cos(phi), np.sin(phi), np.sinh(eta)]).sum(1)
    mass = np.sqrt(energy**2 - (p3**2).sum())
    assert found[0] == pytest.approx(pt.sum(), rel=1e-5)
    assert np.sqrt(found[0] * found[-1]) == pytest.approx(mass, rel=0.02)
    # The radius and the distances from both axes: r^2 = x^2 + y^2.
    assert found[-1] == pytest.approx(found[2] + found[6], rel=1e-5)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Toy jets of three classes."""
    return conformance.jets(tmp_path_factory.mktemp("jets"))


@pytest.mark.parametrize("keys", [{"observables": ["mass"]}, {"root": False, "moments": 0}])
def test_scores_are_those_of_the_keras_file(inputs: list[Path], tmp_path: Path, keys: dict) -> None:
    import keras

    config, jets = JetImages(**SMALL | keys), read_parquet(inputs[0])
    model = conformance.train(inputs, config, tmp_path)
    layout = Layout(tuple(config.packed_features()), config.constituents)
    given = [images(config, layout.pack(jets, "toy"))]
    given += [np.asarray(jets[name], np.float32)[:, None] for name in config.observables]
    network = keras.models.load_model(model / "model.keras")
    logits = np.asarray(network(given if len(given) > 1 else given[0], training=False))
    wanted = np.exp(logits - logits.max(axis=1, keepdims=True))
    wanted /= wanted.sum(axis=1, keepdims=True)
    found = score(model, jets)
    for number, name in enumerate(conformance.CLASSES):
        np.testing.assert_allclose(found[f"p_{name}"], wanted[:, number], atol=1e-5)


def test_what_is_emptied_shows_what_a_score_is_made_from() -> None:
    """A network whose logit is the sum of one pixel: it falls there alone, by its mean."""
    rng = np.random.default_rng(1)
    pictures = rng.uniform(0, 1, (20, 9, 9, 2)).astype(np.float32)

    def score(given: np.ndarray, observables: np.ndarray) -> np.ndarray:
        p = 1 / (1 + np.exp(-given[:, 4, 4].sum(axis=1).astype(np.float64)))
        return np.stack([1 - p, p], axis=1)

    found = occluded(score, pictures, np.empty((20, 0), np.float32), 1)
    mean = pictures[:, 4, 4].sum(axis=1).mean()
    # A pixel lies in one, two or four patches; that pixel is in four of them.
    np.testing.assert_allclose(found[4, 4], mean, rtol=1e-5)
    assert (found[:2] == 0).all() and (found[:, 7:] == 0).all()
    np.testing.assert_allclose(found[3, 3], mean, rtol=1e-5)


def test_the_charged_channel_needs_charges(inputs: list[Path], tmp_path: Path) -> None:
    config = JetImages(**SMALL | {"channels": ["charged"]})
    assert "pf_charge" in config.reads().columns and "pf_charge" not in JetImages().reads().columns
    files = Prepare.Files(jets=inputs, prepared=tmp_path / "prepared")
    with pytest.raises(BoostflowError, match=r"top.parquet: no column pf_charge"):
        stage.prepare(Prepare(model=config), files)
    layout = Layout(tuple(config.packed_features()), config.constituents)
    with pytest.raises(BoostflowError, match="no column pf_charge; this input does not know"):
        layout.pack(read_parquet(inputs[0]), "jets to score")


def test_jets_without_constituents_are_named(inputs: list[Path], tmp_path: Path) -> None:
    from boostflow.io import write_parquet

    rows = read_parquet(inputs[0])
    for name in ("pf_pt", "pf_eta", "pf_phi", "pf_mass"):
        rows = ak.with_field(rows, rows[name][:, :0], name)
    write_parquet(tmp_path / "top.parquet", rows)
    files = Prepare.Files(jets=[tmp_path / "top.parquet", *inputs[1:]], prepared=tmp_path / "x")
    with pytest.raises(BoostflowError, match="jets have no constituents"):
        stage.prepare(Prepare(model=JetImages()), files)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"filters": [8, 0]}, r"models.net.filters: \[8, 0\]: every width must be at least 1"),
        ({"head": [0]}, r"models.net.head: \[0\]: every width must be at least 1"),
        ({"pixels": 6}, "models.net.pixels: 3 convolutions halve an image of 6 pixels to nothing"),
        ({"channels": ["pt", "pt"]}, "models.net.channels: a channel is listed twice"),
        ({"channels": ["neutral"]}, "models.net.channels.0"),
        ({"particles": ["log_pt"]}, "models.net.particles: images are made from directions"),
    ],
)
def test_what_a_block_may_not_say(keys: dict, message: str, repository: Path) -> None:
    with pytest.raises(BoostflowError, match=message):
        load({"models": {"net": {"kind": "image", **keys}}, "infer": None}, repository)
