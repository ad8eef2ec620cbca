"""Decorrelated scores from the training to the evaluation, and planed weights."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

from boostflow.config.chain import Evaluate as EvaluateBlock
from boostflow.config.load import load
from boostflow.errors import BoostflowError
from boostflow.evaluate import run as judging
from boostflow.evaluate.decorrelated import Spectra, divergence
from boostflow.io import read_json, read_parquet, write_parquet
from boostflow.jobs.models import Evaluate, Judged, Scoring, Train
from boostflow.models import stage, table
from boostflow.models.bdt.block import BDT
from boostflow.models.classifying import Planing
from boostflow.models.score import score
from boostflow.models.tabular import density, read, weights
from boostflow.plots.names import model_plots
from boostflow.scored import TEST, TRAIN, read_scores

SIZES = {"top": 1500, "quark": 6000, "qg": 4000}
LABELS = ["quark", "top"]
BLOCK = BDT(
    features=["tau21", "tau32"], rounds=15, decorrelate={"background": ["quark", "qg"], "knots": 5}
)
"""The features follow the mass of background jets, and are no masses: shifts of it alone leave the
scores."""


def jets(name: str, size: int) -> ak.Array:
    """Selected jets; what is like top is so at high masses. Those of qg have no class."""
    rng = np.random.default_rng([size, len(name)])
    top = name == "top"
    mass = rng.normal(172, 12, size) if top else np.exp(rng.uniform(np.log(15), np.log(320), size))
    like = 0.5 * np.tanh((mass - 150) / 60) + (0.8 if top else 0)
    columns = {
        "event_id": rng.integers(1, 2**62, size, dtype=np.uint64),
        "jet_index": np.zeros(size, np.int16),
        "split": (np.arange(size) % 3).astype(np.int8),
        "weight": np.full(size, 1.0 if top else 30.0),
        "candidate": np.ones(size, bool),
        "pt": rng.uniform(800, 1200, size).astype(np.float32),
        "msoftdrop": mass.astype(np.float32),
        "tau21": (rng.normal(0.5, 0.2, size) - 0.1 * like).astype(np.float32),
        "tau32": (rng.normal(0.8, 0.2, size) - 0.4 * like).astype(np.float32),
    }
    rows = ak.zip(columns, depth_limit=1)
    if name != "qg":
        rows["label"] = ak.Array([name] * size)
    return rows


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Selected jets by sample."""
    folder = tmp_path_factory.mktemp("jets")
    for name, size in SIZES.items():
        write_parquet(folder / f"{name}.parquet", jets(name, size))
    return {name: folder / f"{name}.parquet" for name in SIZES}


def train(inputs: dict[str, Path], block: BDT, output: Path) -> Path:
    """A trained model; qg is no sample of the training."""
    files = Train.Files(jets=[inputs["top"], inputs["quark"]], beside=[inputs["qg"]], output=output)
    stage.fit(Train(name="model", model=block), files)
    return output


@pytest.fixture(scope="module")
def model(inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained model with a map."""
    return train(inputs, BLOCK, tmp_path_factory.mktemp("model") / "model")


@pytest.fixture(scope="module")
def scores(inputs: dict[str, Path], model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The score table of all samples."""
    path = tmp_path_factory.mktemp("scores") / "scores.parquet"
    job = Scoring(samples=list(inputs), scores=BLOCK.scores(LABELS))
    table.run(job, Scoring.Files(model=model, jets=list(inputs.values()), scores=path))
    return path


def test_a_part_of_the_test_jets_passes_that_does_not_know_the_mass(
    inputs: dict[str, Path], scores: Path
) -> None:
    found = read_scores(scores)
    assert {"p_top", "p_quark", "ddt_top", "ddt_quark"} <= set(found)
    background = found["sample"] == "qg"
    rows = read_parquet(inputs["qg"])
    mass, test = np.asarray(rows.msoftdrop), np.asarray(rows.split) == TEST
    low, high = test & (mass > 20) & (mass < 80), test & (mass > 150) & (mass < 300)
    raw = found["p_top"][background] >= np.quantile(found["p_top"][background], 0.8)
    after = found["ddt_top"][background] >= 0.8
    assert raw[high].mean() > 2 * raw[low].mean()
    for part in (low, high):
        assert after[part].mean() == pytest.approx(0.2, abs=4 * np.sqrt(0.16 / part.sum()))


def test_varied_jets_are_put_into_the_nominal_map(inputs: dict[str, Path], model: Path) -> None:
    """At their varied mass; the features are the same here, so are the probabilities."""
    rows = read_parquet(inputs["qg"])
    rows = rows[(rows.msoftdrop > 80) & (rows.msoftdrop < 200)]  # where more pass at higher masses
    nominal = score(model, rows)
    rows["msoftdrop"] = rows.msoftdrop * 1.1
    varied = score(model, rows)
    assert (varied["p_top"] == nominal["p_top"]).all()
    assert np.mean(varied["ddt_top"] < nominal["ddt_top"]) > 0.7


def test_the_folder_holds_the_map_without_pickle_and_says_how_it_was_made(model: Path) -> None:
    with np.load(model / "decorrelation.npz", allow_pickle=False) as file:
        found = dict(file)
    assert set(found) == {"mass", "pt", "level", "quantile_top", "quantile_quark"}
    shape = tuple(len(found[name]) for name in ("mass", "pt", "level"))
    assert found["quantile_top"].shape == shape
    assert read_json(model / "manifest.json")["config"]["decorrelate"]["background"] == [
        "quark",
        "qg",
    ]


def test_a_training_gives_the_same_map_again(
    inputs: dict[str, Path], model: Path, tmp_path: Path
) -> None:
    again = train(inputs, BLOCK, tmp_path / "model")
    first, second = ((folder / "decorrelation.npz").read_bytes() for folder in (model, again))
    assert first == second


def test_a_damaged_map_is_named(inputs: dict[str, Path], model: Path, tmp_path: Path) -> None:
    broken = tmp_path / "model"
    broken.mkdir()
    for path in model.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    (broken / "decorrelation.npz").write_bytes(b"PK nothing")
    with pytest.raises(BoostflowError, match=r"decorrelation\.npz: is no map of decorrelated"):
        score(broken, read_parquet(inputs["top"]))
    (broken / "decorrelation.npz").unlink()
    with pytest.raises(BoostflowError, match=r"decorrelation\.npz: is no map of decorrelated"):
        score(broken, read_parquet(inputs["top"]))


def test_jets_that_no_model_has_seen_are_enough(
    inputs: dict[str, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Those of qg in the training split are unknown to the model, too."""
    block = BLOCK.varied({"decorrelate": {"background": ["qg"], "range": [15.0, 320.0]}})
    with caplog.at_level(logging.INFO, "train"):
        train(inputs, block, tmp_path / "model")
    used = sum(np.asarray(read_parquet(inputs["qg"]).split) != TEST)
    said = caplog.text.partition("decorrelated with ")[2]
    assert said.startswith(f"{used} background jets, of which the model did not see {used}")


def test_few_background_jets_end_the_training_and_leave_no_model(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    block = BLOCK.varied({"decorrelate": {"background": ["quark"], "range": [299.0, 300.0]}})
    with pytest.raises(BoostflowError, match=r"jets of quark that the model did not learn from"):
        train(inputs, block, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_rho_is_as_good_as_the_mass(inputs: dict[str, Path], tmp_path: Path) -> None:
    """In a narrow range of pT both order jets alike."""
    block = BLOCK.varied(
        {"decorrelate": {"background": ["qg", "quark"], "plane": "rho", "range": [-8.0, -2.4]}}
    )
    rows = read_parquet(inputs["qg"])
    found = score(train(inputs, block, tmp_path / "model"), rows)["ddt_top"]
    test = (np.asarray(rows.split) == TEST) & (np.asarray(rows.msoftdrop) > 25)
    high = test & (np.asarray(rows.msoftdrop) > 150)
    for part in (test, high):
        assert np.mean(found[part] > 0.8) == pytest.approx(0.2, abs=4 * np.sqrt(0.16 / part.sum()))


def test_the_evaluation_says_what_is_lost_and_gained(
    inputs: dict[str, Path], model: Path, scores: Path, tmp_path: Path
) -> None:
    job = Evaluate(
        name="model",
        kind="bdt",
        own_plots=["importance"],
        judged=Judged.of(BLOCK, LABELS),
        evaluate=EvaluateBlock(bootstrap=20, rejection=[]),
        decorrelate=BLOCK.decorrelate,
        signal=["top"],
        label=("boostflow simulation", "13 TeV"),
    )
    files = Evaluate.Files(
        jets=[inputs["top"], inputs["quark"]],
        beside=[inputs["qg"]],
        scores=scores,
        model=model,
        figures=tmp_path / "figures.json",
        plots=tmp_path / "plots",
    )
    judging.evaluate(job, files)
    assert {path.stem for path in (tmp_path / "plots").iterdir()} == set(model_plots(BLOCK))
    figures = read_json(tmp_path / "figures.json")
    assert list(figures["auc"]) == LABELS
    top = figures["decorrelation"]["scores"]["top"]
    assert top["columns"] == ["p_top"]
    for part in ("50", "95"):
        before, after = (top[when][part] for when in ("before", "after"))
        gained = after["inverse_jsd"]["value"] / before["inverse_jsd"]["value"]
        assert gained > 3 and after["inverse_jsd"]["error"] > 0
        assert before["flat"]["p_value"] < 1e-6 < 1e-3 < after["flat"]["p_value"]
        assert after["inverse_jsd"]["value"] < 5 * after["inverse_jsd"]["random"]
    before, after = (top[when]["rejection"][1] for when in ("before", "after"))
    assert before["efficiency"] == after["efficiency"] == 0.5
    assert before["value"] > after["value"] + after["error"]


def test_the_divergence_of_spectra() -> None:
    """Of (1, 0) and (1/2, 1/2): the entropy of (3/4, 1/4) less half a bit."""
    entropy = -(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25))
    assert divergence([1, 0], [1, 1]) == pytest.approx(entropy - 0.5)
    assert divergence([2, 4, 6], [1, 2, 3]) == pytest.approx(0, abs=1e-12)
    assert divergence([1, 0], [0, 5]) == pytest.approx(1)


def test_cuts_reject_a_part_of_the_weight() -> None:
    """Half of 8 lies below 0.4; jets with the score of the cut pass all or none."""
    edges = np.array([0.0, 100.0, 200.0])
    mass = np.array([150.0, 50.0, 150.0, 50.0, 150.0])
    found = Spectra(np.array([0.4, 0.1, 0.2, 0.3, 0.4]), mass, edges)
    total, passed = found.passing(np.array([3.0, 1.0, 1.0, 2.0, 1.0]), 0.5)
    assert total.tolist() == [3, 5] and passed.tolist() == [0, 4]
    total, passed = found.passing(np.array([3.0, 1.0, 1.0, 2.0, 1.0]), 0.6)
    assert passed.tolist() == [0, 4]


# --- planing --------------------------------------------------------------------------------------


def test_planed_weights_make_spectra_flat(inputs: dict[str, Path]) -> None:
    planing = Planing(range=[20.0, 300.0])
    rows = read([inputs["top"], inputs["quark"]], ["tau21"], optional=False, planing=planing)
    chosen = (rows.split == TRAIN) & rows.labelled
    found = weights(rows, chosen, BDT(planing=planing), "train")
    assert rows.mass is not None
    mass, y = rows.mass[chosen], rows.y[chosen]
    inside = (mass > 20) & (mass < 300)
    quark = y == rows.classes.index("quark")
    flat = np.histogram(
        mass[quark & inside], [20, 90, 160, 230, 300], weights=found[quark & inside]
    )
    np.testing.assert_allclose(flat[0], flat[0].mean(), rtol=0.1)
    assert found.mean() == pytest.approx(1)
    assert found[quark].sum() == pytest.approx(found[~quark].sum())


def test_planing_of_some_classes_leaves_the_others(inputs: dict[str, Path]) -> None:
    planing = Planing(classes=["quark"])
    rows = read([inputs["top"], inputs["quark"]], ["tau21"], optional=False, planing=planing)
    chosen = rows.split == TRAIN
    top = rows.y[chosen] == rows.classes.index("top")
    found = weights(rows, chosen, BDT(planing=planing), "train")
    assert np.ptp(found[top]) == pytest.approx(0)
    assert np.ptp(found[~top]) > 0
    assert (weights(rows, chosen, BDT(), "train")[top] == found[top]).all()


def test_a_density_counts_weights_over_widths() -> None:
    """A thousand jets between 0 and 10 of weight 1, as many between 10 and 30 of weight 4."""
    mass = np.concatenate([np.linspace(0, 9.999, 1000), np.linspace(10, 29.999, 1000)])
    weight = np.repeat([1.0, 4.0], 1000)
    found = density(mass, weight, [0.0, 30.0])
    assert np.median(found[mass < 9]) == pytest.approx(100, rel=0.05)
    assert np.median(found[mass > 11]) == pytest.approx(200, rel=0.05)
    outside = density(np.array([*mass, -5, 99]), np.array([*weight, 1, 1]), [0.0, 30.0])
    assert outside[-2] == found[0] and outside[-1] == found[-1]


# --- messages before any job ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (
            {"kind": "ucluster", "decorrelate": {}},
            r"models\.m: decorrelate: is for models that classify, which have a probability",
        ),
        (
            {"kind": "bdt", "decorrelate": {"scores": {"v": ["p_w", "p_zz"]}}},
            r"models\.m\.decorrelate\.scores\.v: unknown score 'p_zz'; did you mean 'p_z'\?",
        ),
        (
            {"kind": "bdt", "decorrelate": {"scores": {"v": ["p_w", "p_w"]}}},
            r"models\.m\.decorrelate\.scores\.v: needs scores, each once",
        ),
        (
            {"kind": "dnn", "decorrelate": {"background": ["qcd"]}},
            r"models\.m\.decorrelate\.background: unknown sample or class 'qcd'; known: top",
        ),
        (
            {"kind": "bdt", "decorrelate": {"mass": "tau21"}},
            r"models\.m\.decorrelate\.mass: unknown mass 'tau21'; known: mass, msoftdrop",
        ),
        (
            {"kind": "bdt", "decorrelate": {"plane": "rho", "range": [-8, 2]}},
            r"models\.m\.decorrelate\.range: .* rho = ln\(mass\^2 / pT\^2\) is negative",
        ),
        (
            {"kind": "bdt", "decorrelate": {"range": [0, 200]}},
            r"models\.m\.decorrelate\.range: begins at 0, must begin above 0 GeV",
        ),
        (
            {"kind": "dnn", "planing": {"classes": ["qcd"]}},
            r"models\.m\.planing\.classes: unknown class 'qcd'",
        ),
    ],
)
def test_what_cannot_be_is_one_message(
    block: dict[str, Any], message: str, repository: Path
) -> None:
    raw = {"models": {"m": block}, "infer": None, "systematics": None}
    with pytest.raises(BoostflowError, match=message):
        load(raw, repository)


def test_without_any_background_there_is_no_decorrelation(repository: Path) -> None:
    samples = {
        name: {"source": "simulation", "process": name, "label": name} for name in ("top", "wjet")
    }
    raw = {
        "samples": samples,
        "models": {"m": {"kind": "bdt", "decorrelate": {}}},
        "infer": None,
        "systematics": None,
    }
    with pytest.raises(BoostflowError, match=r"there is no sample or class quark, gluon or qg"):
        load(raw, repository)
