"""What every family of models is tried on: toy jets, a small block, its stages on both.

A family's tests may hold `tests/models/<kind>/conformance.yaml`: `block`, keys that make a training
quick; `models`, the blocks of models that it is made from; `tolerance`, the largest difference of a
score between two trainings with the same seed (default 0: the same bits).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import yaml

from boostflow.calorimeter import cascade
from boostflow.calorimeter.shapes import columns_of
from boostflow.config.chain import Evaluate as EvaluateBlock
from boostflow.evaluate import run as judging
from boostflow.io import write_parquet
from boostflow.jobs.models import Evaluate, Judged, Prepare, Scoring
from boostflow.models import stage, table
from boostflow.models.family import Family, ModelBlock, Role, Task, families
from boostflow.observables.catalogue import stored_observables
from support import models, ucluster_jets

CLASSES = ("top", "w", "z")
"""Samples, each with a class of its name."""
LABEL = ("boostflow simulation", "13 TeV")


def settings(kind: str) -> dict[str, Any]:
    """What the tests of a family say for this suite."""
    path = Path(__file__).parents[1] / "models" / kind / "conformance.yaml"
    return yaml.safe_load(path.read_text()) if path.is_file() else {}


def small(family: Family) -> ModelBlock:
    """A block of the family that is trained in seconds."""
    return family.block(**settings(family.kind).get("block", {}))


def others(block: ModelBlock) -> dict[str, ModelBlock]:
    """The models that a block of `small` is made from, by name."""
    given = settings(block.kind).get("models", {})
    return {name: families()[keys["kind"]].block(**keys) for name, keys in given.items()}


def configured(block: ModelBlock) -> dict[str, Any]:
    """A block of `small` that is called `model`, and what it is made from, as a configuration."""
    models = {**others(block), "model": block}
    return {name: one.model_dump(mode="json") for name, one in models.items()}


def showers(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Energies (GeV) and cells (MeV) of showers of some GeV, for families that generate them."""
    energy = cascade.energies(count, 1.0, 2.0, seed)
    found, _ = cascade.simulate("e+", energy, seed)
    return found.energy, found.cells


def jets(folder: Path, count: int = 70) -> list[Path]:
    """Selected jets of each class with all columns, of constituents, observables and showers."""
    paths = []
    for number, name in enumerate(CLASSES):
        rng = np.random.default_rng([5, number])
        rows = ucluster_jets.jets(name, count, 1)
        for column in stored_observables():
            if column not in rows.fields:
                rows[column] = rng.normal(number, 1.0, count).astype(np.float32)
        for column, values in columns_of(*showers(count, number)).items():
            rows[column] = values
        rows["event_id"] = rng.integers(1, 2**62, count, dtype=np.uint64)
        rows["jet_index"] = np.zeros(count, np.int16)
        rows["split"] = (np.arange(count) % 3).astype(np.int8)
        rows["genWeight"] = np.ones(count, np.float32)
        rows["weight"] = rng.uniform(0.5, 1.5, count)
        rows["mjj"] = np.full(count, np.nan)
        for column in ("area", "rho", "rho_mult", "n_event"):
            rows[column] = rng.uniform(0.5, 1.5, count).astype(np.float32)
        rows["gen_pt"] = rng.uniform(10, 100, count).astype(np.float32)
        rows["candidate"] = np.ones(count, bool)
        rows["label"] = ak.Array([name] * count)
        paths.append(folder / f"{name}.parquet")
        write_parquet(paths[-1], rows)
    return paths


def train(inputs: Sequence[Path], block: ModelBlock, folder: Path) -> Path:
    """A trained model in a new folder, by the stages that the rules call."""
    given: dict[str, Any] = {}
    if block.prepared() is not None:
        given["prepared"] = folder / "prepared"
        if not given["prepared"].exists():
            files = Prepare.Files(jets=inputs, prepared=given["prepared"])
            stage.prepare(Prepare(model=block), files)
    below = [folder / "below" / name for name in block.reads().models]
    if below:
        for part in below:
            part.mkdir(parents=True)
            train(inputs, others(block)[part.name], part)
        given["models"] = [part / "model" for part in below]
        packed = [part / "prepared" for part in below]
        given["prepared_below"] = [path for path in packed if path.exists()]
    output = folder / "model"
    models.train(inputs, block, output, **given)
    return output


def scored(inputs: Sequence[Path], block: ModelBlock, model: Path, scores: Path) -> Path:
    """The score table of a trained model."""
    job = Scoring(samples=[path.stem for path in inputs], scores=block.scores(CLASSES))
    table.run(job, Scoring.Files(model=model, jets=inputs, scores=scores))
    return scores


def evaluated(
    inputs: Sequence[Path], block: ModelBlock, model: Path, scores: Path, folder: Path
) -> set[str]:
    """Names of the plots that the evaluation of a trained model leaves."""
    job = Evaluate(
        name="model",
        kind=block.kind,
        own_plots=list(block.own_plots()),
        judged=Judged.of(block, CLASSES),
        evaluate=EvaluateBlock(bootstrap=10, rejection=[]),
        signal=["top"] if block.task() is Task.CLASSIFY else [],
        label=LABEL,
    )
    files = Evaluate.Files(
        jets=inputs, scores=scores, model=model, figures=folder / "x.json", plots=folder / "plots"
    )
    judging.evaluate(job, files)
    return {path.stem for path in (folder / "plots").iterdir()}


def regions(block: ModelBlock) -> dict[str, Any]:
    """Two regions of a fit by the scores of a model that is called `model`."""
    if block.task() is Task.CLUSTER:
        parts = {"pass": ["top"], "fail": ["w", "z"]}
        return {name: {"model": "model", "clusters": part} for name, part in parts.items()}
    roles = (Role.PROBABILITY, Role.ERROR, Role.VALUE)
    first = next(score for role in roles for score in block.scores(CLASSES) if score.role is role)
    parts = {"pass": [0.5, 1.0], "fail": [0.0, 0.5]}
    return {
        name: {"model": "model", "score": first.column, "range": limits}
        for name, limits in parts.items()
    }
