"""Merged networks: what their parts do within them, what is frozen, what is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import yaml

from boostflow.config.load import load
from boostflow.errors import BoostflowError
from boostflow.io import read_parquet, write_json, write_parquet
from boostflow.models.dnn.block import DNN
from boostflow.models.family import ModelBlock
from boostflow.models.merged.block import Merged
from boostflow.models.score import manifest, score
from boostflow.models.set.block import DeepSets
from boostflow.training.ranks import Single
from support import conformance
from support.plans import Plan

BLOCKS: dict[str, ModelBlock] = {
    "sets": DeepSets(phi=[8], head=[6], observables=["tau32"], epochs=1, batch=32),
    "observables": DNN(features=["mass", "tau32"], hidden=[7], epochs=1, batch=32, dropout=0.3),
}
SMALL = {"models": [*BLOCKS], "epochs": 3, "frozen_epochs": 1, "batch": 32}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Toy jets of three classes, some of which have none."""
    paths = conformance.jets(tmp_path_factory.mktemp("jets"))
    rows = read_parquet(paths[0])
    names = np.where(np.arange(len(rows)) % 9 == 0, "unmatched", "top")
    write_parquet(paths[0], ak.with_field(rows, ak.Array(names.tolist()), "label"))
    return paths


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory, inputs: list[Path]) -> Path:
    """A folder with a trained network of each block."""
    folder = tmp_path_factory.mktemp("parts")
    for name, block in BLOCKS.items():
        (folder / name).mkdir()
        conformance.train(inputs, block, folder / name)
    return folder


def learner(parts: Path, inputs: Sequence[Path], **keys: Any) -> Any:
    """A new merged network of these parts and its data."""
    from boostflow.models.merged import train
    from boostflow.models.merged.data import read
    from boostflow.models.subnetworks import Part

    config = Merged(**SMALL | keys)
    named = [
        Part(name, parts / name / "model", manifest(parts / name / "model")) for name in BLOCKS
    ]
    data = read(config, [part.about for part in named], inputs, [parts / "sets/prepared"])
    return train.MergedLearner(config, named, *data, Single())


def written(one: Any, folder: Path) -> Path:
    """The folder of a network as a training leaves it."""
    folder.mkdir(exist_ok=True)
    one.write(folder)
    about = {"kind": "merged", "config": one.config.model_dump(mode="json")}
    write_json(folder / "manifest.json", about | one.manifest())
    return folder


def outputs(model: Path, jets: ak.Array) -> np.ndarray:
    found = score(model, jets)
    return np.stack([found[f"p_{name}"] for name in conformance.CLASSES], axis=1)


def test_a_head_that_copies_a_part_gives_its_scores(
    parts: Path, inputs: list[Path], tmp_path: Path
) -> None:
    """With the last layer of a part in the place of the head."""
    import keras

    one = learner(parts, inputs, head=[])
    jets = read_parquet(inputs[1])
    last = one.head.layers[-1]
    widths = {"sets": 6, "observables": 7}
    assert last.kernel.shape == (13, 3)
    first = 0
    for name, width in widths.items():
        theirs = keras.models.load_model(parts / name / "model/model.keras").layers[-1]
        kernel = np.zeros(last.kernel.shape, np.float32)
        kernel[first : first + width] = theirs.kernel.numpy()
        last.set_weights([kernel, theirs.bias.numpy()])
        model = written(one, tmp_path / name)
        np.testing.assert_allclose(
            outputs(model, jets), outputs(parts / name / "model", jets), atol=2e-6
        )
        first += width


def test_parts_read_the_same_jets(parts: Path, inputs: list[Path]) -> None:
    one = learner(parts, inputs)
    assert [x.name for x in one.network.inputs] == [
        *("sets.particles", "sets.mask", "sets.observables", "observables.features"),
    ]
    tables = [read_parquet(path) for path in inputs]
    mass, label, split = (
        np.concatenate([np.asarray(rows[name].to_list()) for rows in tables])
        for name in ("mass", "label", "split")
    )
    for jets, code in ((one.training, 0), (one.validation, 1)):
        chosen = (split == code) & (label != "unmatched")
        _, _, tau32, columns, y, _ = jets.batch(np.arange(len(jets)))
        np.testing.assert_array_equal(tau32[:, 0], columns[:, 1])
        mine, its = np.argsort(columns[:, 0]), np.argsort(mass[chosen])
        np.testing.assert_array_equal(columns[mine, 0], mass[chosen][its].astype(np.float32))
        wanted = label[chosen][its].tolist()
        assert [conformance.CLASSES[number] for number in y[mine]] == wanted


def test_parts_that_share_jets_learn_from_them_turned_alike(
    parts: Path, inputs: list[Path]
) -> None:
    one = learner(parts, inputs)
    rows = np.arange(20)
    straight, turned = one.training.batch(rows), one.training.learned(1, 0)(rows)
    assert BLOCKS["sets"].turns()  # type: ignore[attr-defined]
    assert not np.allclose(straight[0], turned[0])
    for before, after in zip(straight[1:], turned[1:], strict=True):
        np.testing.assert_array_equal(before, after)


def values(model: Any) -> list[np.ndarray]:
    return [np.array(v.numpy()) for v in model.variables]


def changed(before: list[np.ndarray], model: Any) -> list[bool]:
    return [bool((a != b).any()) for a, b in zip(before, values(model), strict=True)]


def an_epoch(one: Any, number: int) -> None:
    one.before_epoch(number)
    for batch in one.batches(number):
        one.step(*batch)


def test_parts_are_frozen_and_then_tuned(parts: Path, inputs: list[Path]) -> None:
    one = learner(parts, inputs)
    start, head = values(one.trunks), values(one.head)
    for epoch in (0, 1):
        an_epoch(one, epoch)
        assert any(changed(head, one.head))
        # Adam begins anew with the parts, and stays at its rate until the schedule says another.
        assert one.optimizer.iterations.numpy() == len(one.training) // 32
        # Every weight of the parts and the state of their dropout, bit for bit.
        assert any(changed(start, one.trunks)) == (epoch == 1)
    rates = [one.schedule(seen, 300) for seen in (99, 100, 120)]
    assert rates[0] < one.config.learning_rate / 10 and rates[1] == 0
    assert 0.9 * one.config.tuned_rate < rates[2] <= one.config.tuned_rate
    # It never ends while the parts are frozen, and counts from there.
    stopping = one.early_stopping
    stopping = type(stopping)(2, least=stopping.least)
    worse = [1.0, 2.0, 2.0, 2.0]
    ends = [stopping.ends({"validation_loss": worse[:n]}) for n in (1, 2, 3)]
    assert ends == [False, False, True]


def test_a_joint_training_starts_from_new_weights(parts: Path, inputs: list[Path]) -> None:
    merged, joint = learner(parts, inputs), learner(parts, inputs, joint=True)
    assert joint.frozen == 0 and joint.early_stopping.least == 0
    shapes = [[tuple(v.shape) for v in one.trunks.variables] for one in (merged, joint)]
    assert shapes[0] == shapes[1]
    pairs = zip(merged.trunks.weights, joint.trunks.weights, strict=True)
    for theirs, new in pairs:
        if theirs.path.rpartition("/")[2] == "kernel":
            assert (theirs.numpy() != new.numpy()).all()
    start = values(joint.trunks)
    an_epoch(joint, 0)
    assert any(changed(start, joint.trunks))
    # The means and deviations of the inputs are those of the jets, whatever the weights.
    x = joint.training.batch(np.arange(20))[3]
    scale = [
        next(layer for layer in one.trunks.get_layer("observables").layers if "norm" in layer.name)
        for one in (merged, joint)
    ]
    wide = np.concatenate([x, np.log(np.maximum(x, 1e-6))], axis=1)
    np.testing.assert_array_equal(scale[0](wide), scale[1](wide))


def test_a_merged_network_of_a_merged_network(
    parts: Path, inputs: list[Path], tmp_path: Path
) -> None:
    """Its parts are read by way of the inner one."""
    from boostflow.models.merged import train
    from boostflow.models.merged.data import read
    from boostflow.models.subnetworks import Part

    inner = written(learner(parts, inputs, head=[5]), tmp_path / "inner")
    folders = {"inner": inner, "observables": parts / "observables/model"}
    named = [Part.of(name, folder) for name, folder in folders.items()]
    config = Merged(**SMALL | {"models": list(folders), "head": []})
    data = read(config, [part.about for part in named], inputs, [parts / "sets/prepared"])
    one = train.MergedLearner(config, named, *data, Single())
    assert one.network.inputs[0].name == "inner.sets.particles"
    batch = one.training.batch(np.arange(9))
    model = written(one, tmp_path / "outer")
    jets = read_parquet(inputs[2])
    found = outputs(model, jets)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)
    np.testing.assert_array_equal(batch[3], batch[4])


def test_other_jets_and_classes_are_refused(
    parts: Path, inputs: list[Path], tmp_path: Path
) -> None:
    rows = read_parquet(inputs[1])
    path = tmp_path / inputs[1].name
    write_parquet(path, ak.with_field(rows, np.asarray(rows.weight) * 2, "weight"))
    with pytest.raises(BoostflowError, match="prepared: holds other jets than the selected ones"):
        learner(parts, [inputs[0], path, inputs[2]])
    write_parquet(path, rows[:30])
    with pytest.raises(BoostflowError, match="prepared: holds other jets than the selected ones"):
        learner(parts, [inputs[0], path, inputs[2]])
    with pytest.raises(BoostflowError, match="no such file"):
        conformance.models.train(
            *(inputs, Merged(**SMALL), tmp_path / "model"),
            models=[tmp_path / "sets/nominal", parts / "observables/model"],
        )


def test_a_damaged_part_is_named(parts: Path, inputs: list[Path], tmp_path: Path) -> None:
    from boostflow.models.subnetworks import Part

    about = json.loads((parts / "sets/model/manifest.json").read_text())
    (tmp_path / "model.keras").write_bytes(b"nonsense")
    with pytest.raises(BoostflowError, match=r"model\.keras: is no network of Keras .*: remove"):
        Part("sets", tmp_path, about).trunk(fresh=False)


MODELS = {name: block.model_dump(mode="json") for name, block in BLOCKS.items()}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"models": ["sets"]},
            "models.net.models: sets alone is nothing to merge: name two models",
        ),
        ({"models": ["sets", "sets"]}, "models.net.models: sets is listed twice"),
        (
            {"models": ["sets", "trees"]},
            r"models.net.models: trees \(kind bdt\) is no network that can be joined; known: sets,",
        ),
        ({"models": ["sets", "setz"]}, "made from an unknown model 'setz'; did you mean 'sets'"),
        ({"models": ["sets", "net"]}, "models.net: is made from itself: name other models"),
        ({"models": []}, "models.net.models: .*at least 1"),
        ({"frozen_epochs": 9}, "models.net.frozen_epochs: 9 are more than all epochs, 3"),
        ({"head": [4, 0]}, r"models.net.head: \[4, 0\]: every width must be at least 1"),
    ],
)
def test_what_a_block_may_not_say(keys: dict, message: str, repository: Path) -> None:
    models = {**MODELS, "trees": {"kind": "bdt"}, "net": {"kind": "merged", **SMALL, **keys}}
    with pytest.raises(BoostflowError, match=message):
        load({"models": models, "infer": None}, repository)


def test_a_variation_keeps_the_parts(repository: Path, tmp_path: Path) -> None:
    path = tmp_path / "systematics.yaml"
    change = {"models": ["sets", "more"]}
    path.write_text(yaml.safe_dump({"other": {"kind": "model", "model": "net", "up": change}}))
    models = {**MODELS, "more": {"kind": "dnn"}, "net": {"kind": "merged", **SMALL}}
    with pytest.raises(BoostflowError, match=r"other\.up: changes which models net is made from"):
        load({"models": models, "infer": None, "systematics": str(path)}, repository)


# --- what is trained anew, and when ---------------------------------------------------------------

TAIL = {
    *((rule, "") for rule in ("infer", "plot_fit", "fit_tables", "health", "plot_health")),
    *((rule, "") for rule in ("summary", "provenance", "default")),
}
VARIED = TAIL | {
    *((f"{rule}_systematics_merged", "whole") for rule in ("evaluate", "plot")),
    *(("train_merged", "whole/other_up"), ("score", "whole/other_up"), ("templates", "other_up")),
}


def plan(folder: Path) -> Plan:
    """Two networks and their merged one, which the regions read."""
    samples = {
        name: {"source": "simulation", "process": name, "label": name, "parts": 1}
        for name in conformance.CLASSES
    }
    whole = Merged(**SMALL)
    config = {
        "samples": samples,
        "models": {**MODELS, "whole": whole.model_dump(mode="json")},
        "templates": {
            "regions": {
                "pass": {"model": "whole", "score": "p_top", "range": [0.5, 1.0]},
                "fail": {"model": "whole", "score": "p_top", "range": [0.0, 0.5]},
            }
        },
    }
    return Plan(folder, config, {"lumi": {"kind": "rate", "value": 0.02}})


@pytest.mark.integration
@pytest.mark.parametrize(
    ("model", "change", "trained"),
    [
        (
            "sets",
            {"constituents": 20},
            {
                ("train_set", "sets/other_up"),
                ("prepare_set", BLOCKS["sets"].varied({"constituents": 20}).prepared_name()),
            },
        ),
        ("observables", {"hidden": [5]}, {("train_dnn", "observables/other_up")}),
        ("whole", {"head": [5]}, set()),
    ],
)
def test_a_variation_of_a_part_trains_the_merged_model_anew(
    tmp_path: Path, model: str, change: dict, trained: set
) -> None:
    one = plan(tmp_path)
    one.finish()
    one.systematics["other"] = {"kind": "model", "model": model, "up": change}
    assert one.jobs() == VARIED | trained


@pytest.mark.integration
def test_a_key_of_the_merged_model_leaves_its_parts(tmp_path: Path) -> None:
    one = plan(tmp_path)
    assert one.inputs(("train_merged", "whole/nominal")) == [
        *(f"out/select/nominal/{name}.parquet" for name in conformance.CLASSES),
        *(f"out/models/{name}/nominal" for name in BLOCKS),
        f"out/prepared/{BLOCKS['sets'].prepared_name()}",
    ]
    one.finish()
    one.config["models"]["whole"]["tuned_rate"] = 1e-4
    assert one.jobs() == {
        *((rule, "") for rule in ("infer", "plot_fit", "fit_tables", "compare_models")),
        *((rule, "") for rule in ("rank_classifiers", "summary", "provenance", "default")),
        *(("train_merged", "whole/nominal"), ("score", "whole/nominal"), ("templates", "nominal")),
        ("evaluate_merged", "whole"),
    }
