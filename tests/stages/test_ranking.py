"""All classifiers beside each other: figures as in their evaluations, and what they cost."""

from __future__ import annotations

import json

import numpy as np
import pytest

from boostflow import ranking
from boostflow.evaluate import run as evaluation
from boostflow.jobs.models import Compare, RankClassifiers, Scoring, Train
from boostflow.models import stage, table
from boostflow.models.family import families
from support import factory
from support.judging import LABEL, evaluate, judged

FEATURES = ["msoftdrop", "tau21"]
ROUNDS = {"short": 2, "long": 8}
"""Boosting rounds by name of the model."""
LOGIC = {
    **{"ebops": 3216, "lut": 1803, "lut_reports": [1749, 2037], "registers": 585},
    **{"cycles": 4, "clock_mhz": 200.0, "latency_ns": 20.0},
}
"""What one of them costs in an FPGA."""


@pytest.fixture(scope="module")
def ranked(tmp_path_factory):
    """The folder of a run with two trainings of trees, compared and ranked."""
    folder = tmp_path_factory.mktemp("run")
    factory.write_run(folder, events=300)
    jets = sorted((folder / "select/nominal").glob("*.parquet"))
    names = [path.stem for path in jets]
    block = families()["bdt"].block
    for name, rounds in ROUNDS.items():
        model = block(features=FEATURES, rounds=rounds, early_stopping=10)
        trained = folder / f"models/{name}/nominal"
        trained.parent.mkdir(parents=True)
        stage.fit(Train(name=name, model=model), Train.Files(jets=jets, output=trained))
        scores = folder / f"scores/{name}/nominal.parquet"
        scores.parent.mkdir(parents=True)
        job = Scoring(samples=names, scores=model.scores(sorted(names)))
        table.run(job, Scoring.Files(model=trained, jets=jets, scores=scores))
        evaluate(
            jets,
            scores,
            trained,
            folder / f"evaluation/{name}.json",
            folder / f"plots/{name}",
            name=name,
            kind="bdt",
            judged=judged("bdt", features=FEATURES),
        )
    evaluation.comparison(
        Compare(
            judged={name: judged("bdt", features=FEATURES) for name in ROUNDS},
            reference="short",
            bootstrap=10,
            label=LABEL,
        ),
        Compare.Files(
            jets=jets,
            scores=[folder / f"scores/{name}/nominal.parquet" for name in ROUNDS],
            figures=folder / "comparison.json",
            plot=folder / "comparison.png",
        ),
    )
    (folder / "models/long/nominal/firmware.json").write_text(json.dumps(LOGIC))
    titles = dict.fromkeys(ROUNDS, "Trees")
    ranking.run(
        RankClassifiers(titles=titles, reference="short", in_logic=["long"], label=LABEL),
        RankClassifiers.Files(
            evaluations=[folder / f"evaluation/{name}.json" for name in ROUNDS],
            comparison=folder / "comparison.json",
            models=[folder / f"models/{name}/nominal" for name in ROUNDS],
            jets=jets,
            figures=folder / "classifiers.json",
            table=folder / "classifiers.txt",
            plot=folder / "classifiers.png",
            resources=folder / "resources.png",
        ),
    )
    return folder


def read(path):
    return json.loads(path.read_text())


def test_figures_are_those_of_the_evaluations(ranked):
    rows = read(ranked / "classifiers.json")["models"]
    assert list(rows) == list(ROUNDS)
    for name, row in rows.items():
        known = read(ranked / f"evaluation/{name}.json")
        assert row["macro_auc"] == known["macro_auc"]
        assert row["rejection"] == known["rejection"]
    assert rows["short"]["difference"] is None
    pair = read(ranked / "comparison.json")["pairs"][0]["auc"]["macro"]
    assert rows["long"]["difference"] == {
        "value": pair["two"] - pair["one"],
        "error": pair["error"],
    }


def test_costs_are_those_of_the_trainings(ranked):
    rows = read(ranked / "classifiers.json")["models"]
    for name, row in rows.items():
        about = read(ranked / f"models/{name}/nominal/manifest.json")
        assert row["seconds"] == about["seconds"]
        assert row["peak_mb"] == about["peak_mb"] > 50
        assert row["rate"] > 0
    # More rounds have more leaves.
    assert rows["long"]["parameters"] > rows["short"]["parameters"] >= 2 * 3


def test_table_has_a_row_of_each_model(ranked):
    text = (ranked / "classifiers.txt").read_text()
    for name, tables in {"short": 3, "long": 4}.items():
        assert sum(line.split()[:1] == [name] for line in text.splitlines()) == tables
    auc = read(ranked / "classifiers.json")["models"]["long"]["macro_auc"]["value"]
    assert f"{auc:.4f}" in text


def test_what_is_logic_says_what_it_costs(ranked):
    rows = read(ranked / "classifiers.json")["models"]
    assert rows["long"]["logic"] == LOGIC and "logic" not in rows["short"]
    assert "1,803 (1,749 to 2,037)" in (ranked / "classifiers.txt").read_text()


@pytest.mark.parametrize("name", ["classifiers", "resources"])
def test_plots_are_drawn(ranked, name):
    from matplotlib.image import imread

    assert np.asarray(imread(ranked / f"{name}.png")).std() > 0.05
