"""Principal components as a detector: what is left of a jet, who is learned from, bad input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA as Components
from sklearn.metrics import roc_auc_score

from boostflow.config.chain import Evaluate
from boostflow.config.load import load
from boostflow.errors import BoostflowError
from boostflow.evaluate import detector as judge
from boostflow.io import read_flat, read_json
from boostflow.jobs.models import Judged
from boostflow.models.detector import chosen
from boostflow.models.hyperplane.block import Hyperplane
from boostflow.models.score import score
from boostflow.models.tabular import read
from support import detectors
from support.models import train

BLOCK = Hyperplane(features=detectors.FEATURES, components=2, normal=["quark", "gluon"])


@pytest.fixture
def inputs(tmp_path: Path) -> list[Path]:
    return detectors.jets(tmp_path)


def table(inputs: list[Path], model: Path) -> dict[str, np.ndarray]:
    parts = []
    for path in inputs:
        rows = read_flat(path)
        parts.append(
            {**rows, **score(model, rows), "sample": np.full(len(rows["pt_d"]), path.stem)}
        )
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return whole | {"event": np.arange(len(whole["label"]))}


def test_the_score_is_what_the_components_leave(inputs, tmp_path):
    train(inputs, BLOCK, tmp_path / "model")
    rows = {path.stem: read_flat(path) for path in inputs}
    x = {k: np.stack([v[f] for f in detectors.FEATURES], axis=1) for k, v in rows.items()}
    seen = np.concatenate([x[name][rows[name]["split"] == 0] for name in ("gluon", "quark")])
    mean, spread = seen.mean(axis=0), seen.std(axis=0)
    reference = Components(2).fit((seen - mean) / spread)
    for name, values in x.items():
        z = (values - mean) / spread
        left = z - reference.inverse_transform(reference.transform(z))
        found = score(tmp_path / "model", rows[name])["error"]
        np.testing.assert_allclose(found, np.mean(left**2, axis=1), rtol=1e-3, atol=1e-6)
    losses = read_json(tmp_path / "model/metrics.json")["history"]["loss"]
    assert len(losses) == 2 and losses[1] < 0.05 < losses[0]


def test_figures_are_those_of_another_library(inputs, tmp_path):
    train(inputs, BLOCK, tmp_path / "model")
    whole = table(inputs, tmp_path / "model")
    judged = Judged.of(BLOCK, detectors.CLASSES)
    figures, test = judge.evaluate(whole, judged, Evaluate(bootstrap=20), 1)
    assert set(figures["auc"]) == {"top"} and figures["normal"] == ["gluon", "quark"]
    # Both normal classes count alike, whatever their weights.
    w = np.where(test["label"] == "top", 1.0, 0.5)
    wanted = roc_auc_score(test["label"] == "top", test["error"], sample_weight=w)
    assert figures["auc"]["top"]["value"] == pytest.approx(wanted, rel=1e-9)
    assert wanted > 0.9 and 0 < figures["auc"]["top"]["error"] < 0.02
    cut = np.quantile(test["error"][test["label"] != "top"], 0.9)
    gain = np.mean(test["error"][test["label"] == "top"] >= cut) / np.sqrt(0.1)
    assert figures["improvement"]["top"]["10"]["value"] == pytest.approx(gain, rel=0.05)
    # The mass has nothing to do with the score.
    assert figures["mass"]["name"] == "msoftdrop"
    assert figures["mass"]["50"]["efficiency"]["value"] == pytest.approx([0.5] * 14, abs=0.25)
    assert figures["mass"]["50"]["flat"]["p_value"] > 1e-3


def test_contamination_is_the_part_that_was_asked_for(inputs):
    rows = read(inputs, detectors.FEATURES, optional=False, fewest=1)
    label = np.asarray(rows.classes)[rows.y]
    few, many = (
        chosen(rows, BLOCK.model_copy(update={"contamination": {"top": part}}), 0)
        for part in (0.01, 0.1)
    )
    for picked, part in ((few, 0.01), (many, 0.1)):
        assert np.mean(label[picked] == "top") == pytest.approx(part, abs=0.001)
        assert (rows.split[picked] == 0).all()
    assert set(few) < set(many)
    too_many = BLOCK.model_copy(
        update={"contamination": {"top": 0.4}, "normal": ["quark", "gluon"]}
    )
    with pytest.raises(BoostflowError, match=r"contamination\.top: 400 jets make 0\.4"):
        chosen(rows, too_many, 0)
    nothing = BLOCK.model_copy(update={"normal": ["w"]})
    with pytest.raises(BoostflowError, match=r"0 normal jets \(w\)"):
        chosen(rows, nothing, 0)


def test_a_damaged_model_is_named(inputs, tmp_path):
    train(inputs, BLOCK, tmp_path / "model")
    (tmp_path / "model/detector.npz").write_bytes(b"PK")
    with pytest.raises(BoostflowError, match=r"detector\.npz: is no trained detector"):
        score(tmp_path / "model", read_flat(inputs[0]))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"normal": ["quarks"]}, r"models\.found\.normal.*quark"),
        ({"contamination": {"topp": 0.1}}, r"models\.found\.contamination.*top"),
        ({"contamination": {"quark": 0.1}}, r"contamination\.quark: is normal"),
        ({"contamination": {"top": 0.3, "w": 0.3}}, "more than half of the jets"),
        ({"components": 40}, r"components: is 40, must be below"),
        ({"normal": ["top", "w", "z", "quark", "gluon"]}, "holds all classes"),
    ],
)
def test_bad_keys(keys, message, repository):
    raw = {"models": {"found": {"kind": "hyperplane", **keys}}, "infer": None, "systematics": None}
    with pytest.raises(BoostflowError, match=message):
        load(raw, repository)
