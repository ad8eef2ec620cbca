"""What every family of models has to fulfil; it runs over all that there are by itself."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from boostflow.config.config import Config
from boostflow.config.descriptions import descriptions
from boostflow.config.load import load
from boostflow.errors import BoostflowError
from boostflow.io import read_json, read_parquet
from boostflow.jobs.models import Train
from boostflow.jobs.summary import Summary
from boostflow.models.family import Family, Role, Task, columns, families, tells_classes
from boostflow.models.network_score import KERAS
from boostflow.models.networks import NetworkBlock
from boostflow.plots.names import model_plots
from boostflow.scored import read_scores
from boostflow.summary.figures import collect
from boostflow.summary.table import table
from support import conformance
from support.plans import Plan
from support.rootfiles import write_nano

HEAVY = (
    *("numpy", "awkward", "scipy", "sklearn", "pyarrow", "matplotlib", "coffea", "uproot"),
    *("xgboost", "tensorflow", "keras", "onnxruntime", "torch", "numba", "horovod"),
)
KEYS = {"sample", "event_id", "jet_index"}
"""Columns that a score table has besides those of the model."""

every_family = pytest.mark.parametrize("family", families().values(), ids=families())


def imported(*modules: str) -> set[str]:
    """Which heavy packages imports bring, in a process of their own."""
    code = f"import sys, {', '.join(modules)}; print(*(set({HEAVY!r}) & set(sys.modules)))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return set(done.stdout.split())


# --- what is known when a run is planned ----------------------------------------------------------


@pytest.mark.integration
def test_planning_imports_nothing_heavy() -> None:
    assert imported(*(family.package for family in families().values())) == set()


@pytest.mark.integration
def test_scores_come_without_the_library_of_the_training() -> None:
    found = imported(*(family.path("score") for family in families().values()))
    assert not found & {"tensorflow", "keras", "torch", "horovod"}


@every_family
def test_a_block_survives_json(family: Family) -> None:
    """In the schema, in the configuration, and in the job of a training."""
    block = conformance.small(family)
    assert family.package.endswith(f".{family.kind}")
    assert type(block).model_validate(json.loads(block.model_dump_json())) == block
    job = Train(name="model", model=block)
    again = Train.model_validate_json(job.text())
    assert again.model == block and type(again.model) is family.block
    config = Config.model_validate({"models": {"model": block.model_dump(mode="json")}})
    assert config.models["model"] == block
    defined = Config.model_json_schema()["$defs"]
    assert defined[family.block.__name__]["properties"]["kind"]["const"] == family.kind


@every_family
def test_every_key_and_plot_is_explained(family: Family) -> None:
    assert set(family.block.model_fields) - {"kind"} <= set(descriptions(family.block))
    assert family.title and (family.block.__doc__ or "").strip()
    for plot in family.own_plots:
        assert family.caption(plot).read_text().strip()


@every_family
def test_scores_fit_the_task(family: Family) -> None:
    block = conformance.small(family)
    scores = block.scores(conformance.CLASSES)
    names = Counter(score.column for score in scores)
    assert names and max(names.values()) == 1 and not KEYS & set(names)
    assert all(score.title for score in scores)
    probabilities = [score for score in scores if score.role is Role.PROBABILITY]
    assert all((score.of is not None) == (score in probabilities) for score in scores)
    if block.task() is Task.CLASSIFY:
        assert [score.of for score in probabilities] == list(conformance.CLASSES)
    if block.task() is Task.CLUSTER:
        assert len(columns(scores, Role.CLUSTER)) == 1
        assert len(columns(scores, Role.DISTANCE)) > 1


@every_family
def test_an_unknown_key_is_named(family: Family, repository: Path) -> None:
    raw = {"models": {"model": {"kind": family.kind, "nonsense": 1}}}
    with pytest.raises(BoostflowError, match=r"models\.model\.nonsense: unknown key"):
        load(raw, repository)


@pytest.mark.integration
@every_family
def test_a_variation_reruns_its_model_alone(family: Family, tmp_path: Path) -> None:
    """Another seed trains the model anew, and what follows from its scores."""
    block = conformance.small(family)
    plan = Plan(
        tmp_path,
        {
            "samples": {
                name: {"source": "simulation", "process": name, "label": name, "parts": 1}
                for name in conformance.CLASSES
            },
            "models": conformance.configured(block),
            # Regressions are of jets on a background.
            "simulation": {"background": {"kind": "thermal"}},
            "templates": {"regions": conformance.regions(block)},
        },
        {"lumi": {"kind": "rate", "value": 0.02}},
    )
    plan.finish()
    change = {"seed": block.seed + 1}
    plan.systematics["other"] = {"kind": "model", "model": "model", "up": change}
    expected = {
        *((name, "") for name in ("infer", "plot_fit", "fit_tables", "health", "plot_health")),
        *((name, "") for name in ("summary", "provenance", "default")),
        (f"train_{family.kind}", "model/other_up"),
        ("score", "model/other_up"),
        ("templates", "other_up"),
    }
    if tells_classes(block):
        expected |= {
            (f"{rule}_systematics_{family.kind}", "model") for rule in ("evaluate", "plot")
        }
    prepared = block.varied(change).prepared_name()
    if prepared != block.prepared_name():
        expected.add((f"prepare_{family.kind}", str(prepared)))
    assert plan.jobs() == expected


@pytest.mark.integration
def test_what_the_input_lacks_is_told_before_any_job(tmp_path: Path) -> None:
    """A model of each family at once, with those that they are made from."""
    files = {
        name: write_nano(tmp_path / f"{name}.root", 30, run=i)
        for i, name in enumerate(conformance.CLASSES)
    }
    samples = {
        name: {"source": "root", "files": [str(path)], "label": name, "xsec": 1.0}
        for name, path in files.items()
    }
    models = {}
    for family in families().values():
        block = conformance.small(family)
        models |= {f"one_{family.kind}": block, **conformance.others(block)}
    config = {
        "samples": samples,
        "models": {name: block.model_dump(mode="json") for name, block in models.items()},
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config | {"infer": None, "systematics": None, "output": "out"}))
    command = [sys.executable, "-m", "boostflow.cli", "check", "--configfile", str(path)]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    text = done.stdout + done.stderr
    needy = {name for name, one in models.items() if one.reads().constituents}
    said = {name for name in models if f"constituents, which models.{name} needs" in text}
    assert needy and said == needy < set(models), text
    assert done.returncode == 1, text


# --- training, scores, plots ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Toy jets of three classes, 70 of each."""
    return conformance.jets(tmp_path_factory.mktemp("jets"))


@pytest.fixture(scope="module", params=families().values(), ids=families())
def trained(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, inputs: list[Path]
) -> tuple[Any, Path]:
    """A small block of each family and the folder of its trained model, with its scores."""
    block = conformance.small(request.param)
    folder = tmp_path_factory.mktemp(request.param.kind)
    model = conformance.train(inputs, block, folder)
    conformance.scored(inputs, block, model, folder / "scores.parquet")
    return block, folder


@pytest.mark.slow
def test_a_score_table_has_the_columns_that_the_block_names(trained: tuple[Any, Path]) -> None:
    block, folder = trained
    scores = block.scores(conformance.CLASSES)
    found = read_scores(folder / "scores.parquet")
    assert set(found) - KEYS == {score.column for score in scores}
    assert all(column.shape == (210,) for column in found.values())
    if probabilities := columns(scores, Role.PROBABILITY):
        total = sum(found[name].astype(float) for name in probabilities)
        np.testing.assert_allclose(total, 1, atol=1e-5)
    for name in columns(scores, Role.CLUSTER):
        near = np.stack([found[n] for n in columns(scores, Role.DISTANCE)], axis=1)
        assert (found[name] == near.argmin(axis=1)).all()


@pytest.mark.slow
def test_a_model_says_what_it_is(trained: tuple[Any, Path]) -> None:
    block, folder = trained
    about = read_json(folder / "model/manifest.json")
    assert about["kind"] == block.kind and about["seed"] == block.seed
    assert about["inputs"] and about["versions"]["python"]
    assert isinstance(type(block).model_validate(about["config"]), type(block))
    assert read_json(folder / "model/metrics.json")["history"]


@pytest.mark.slow
def test_the_evaluation_leaves_the_plots_that_it_names(
    trained: tuple[Any, Path], inputs: list[Path], tmp_path: Path
) -> None:
    block, folder = trained
    model, scores = folder / "model", folder / "scores.parquet"
    written = conformance.evaluated(inputs, block, model, scores, tmp_path)
    assert written == set(model_plots(block))
    # The figures stand in the table at the end of a run.
    read = Summary.Files(
        cutflows=[],
        evaluations=[tmp_path / "x.json"],
        summary=tmp_path / "s.json",
        table=tmp_path / "s.txt",
        page=tmp_path / "s.html",
    )
    assert "Model model" in table(collect(read))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_scores(
    trained: tuple[Any, Path], inputs: list[Path], tmp_path: Path
) -> None:
    block, folder = trained
    model = conformance.train(inputs, block, tmp_path)
    again = read_scores(conformance.scored(inputs, block, model, tmp_path / "scores.parquet"))
    tolerance = conformance.settings(block.kind).get("tolerance", 0)
    for name, column in read_scores(folder / "scores.parquet").items():
        if name == "sample":
            assert (again[name] == column).all()
        else:
            np.testing.assert_allclose(again[name], column, rtol=0, atol=tolerance, err_msg=name)


@pytest.mark.slow
def test_a_network_can_be_a_part_of_another(trained: tuple[Any, Path], inputs: list[Path]) -> None:
    """Cut before its last layer, with the inputs that scores have: the layer gives them again."""
    block, folder = trained
    if not (isinstance(block, NetworkBlock) and block.joinable):
        pytest.skip("not one that can be joined")
    import keras

    from boostflow.models.subnetworks import Part

    part = Part.of("part", folder / "model")
    trunk, new = part.trunk(fresh=False), part.trunk(fresh=True)
    shapes = [[v.shape for v in one.weights] for one in (trunk, new)]
    assert trunk.name == "part" and shapes[0] == shapes[1]
    jets = read_parquet(inputs[0])
    source = families()[block.kind].module("score").source(part.about, jets)
    assert source.work.shape == (len(jets),) and len(source) == len(jets)
    batch = source.batch(np.arange(len(jets)))
    last = keras.models.load_model(folder / "model" / KERAS).layers[-1]
    logits = keras.ops.convert_to_numpy(last(trunk(list(batch), training=False)))
    wanted = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = read_scores(folder / "scores.parquet")
    names = [f"p_{name}" for name in part.about["classes"]]
    scores = np.stack([found[name][: len(jets)] for name in names], axis=1)
    np.testing.assert_allclose(scores, wanted, atol=1e-4)
