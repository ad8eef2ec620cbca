"""Searches from their points to the model: what is trained, chosen, quoted and taken over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from boostflow.errors import BoostflowError, Diverged
from boostflow.io import read_json, read_parquet, write_json, write_parquet
from boostflow.jobs.models import Train
from boostflow.jobs.search import Rank, ReportSearch, TrainBest, TrainPoints
from boostflow.models import points as on_disk
from boostflow.models import stage
from boostflow.models.bdt import train as bdt_train
from boostflow.models.bdt.block import BDT
from boostflow.models.family import ModelBlock
from boostflow.models.score import score
from boostflow.models.search import chunks, name_of, point
from boostflow.scored import TEST, VALIDATION
from boostflow.search import rank, report, train

CLASSES = ("gluon", "quark", "top")
KEYS = {"max_depth": [1, 3], "rounds": [2, 12]}
BLOCK = BDT(features=["tau21", "tau32", "msoftdrop"], early_stopping=50)


def jets(number: int, size: int = 900) -> ak.Array:
    """Selected jets of a class, some of which match nothing; two an event."""
    rng = np.random.default_rng(number)
    names = ("tau21", "tau32", "msoftdrop")
    columns = {name: rng.normal(number * (1 + 0.3 * i), 1.5, size) for i, name in enumerate(names)}
    label = np.where(rng.random(size) < 0.05, "unmatched", CLASSES[number])
    event = np.repeat(rng.integers(1, 2**62, size // 2, dtype=np.uint64), 2)
    return ak.zip(
        {
            "event_id": event,
            "jet_index": np.tile(np.array([0, 1], np.int16), size // 2),
            "split": np.repeat(np.arange(size // 2) % 3, 2).astype(np.int8),
            "weight": rng.uniform(0.5, 1.5, size),
            "pt": rng.uniform(800, 1200, size).astype(np.float32),
            "label": ak.Array(label.tolist()),
            **{name: column.astype(np.float32) for name, column in columns.items()},
        },
        depth_limit=1,
    )


@pytest.fixture(scope="module")
def selected(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Selected jets of three samples."""
    folder = tmp_path_factory.mktemp("jets")
    for number, name in enumerate(CLASSES):
        write_parquet(folder / f"{name}.parquet", jets(number))
    return [folder / f"{name}.parquet" for name in CLASSES]


class Folder:
    """The stages of a search in one folder."""

    def __init__(self, root: Path, selected: list[Path]) -> None:
        self.root, self.selected = root, selected
        self.points = root / "points"

    def files(self, results: str) -> dict[str, Any]:
        return {
            "jets": self.selected,
            "judged": self.selected,
            "results": self.root / results,
            "points": self.points,
            "checkpoints": self.root / "checkpoints",
        }

    def train(self, blocks: Sequence[ModelBlock], results: str = "batch.json") -> list[dict]:
        job, files = TrainPoints(points=list(blocks)), TrainPoints.Files(**self.files(results))
        train.points(job, files)
        return read_json(files.results)["points"]

    def rank(
        self, settings: dict[str, Any] | None, *results: str, to: str = "chosen"
    ) -> list[dict]:
        files = Rank.Files(
            results=[self.root / name for name in results], ranking=self.root / f"{to}.json"
        )
        rank.rank(Rank(figure="auc", settings=settings), files)
        return read_json(files.ranking)["points"]

    def best(self, block: ModelBlock, places: list[int], **more: Any) -> list[dict]:
        name = f"best-{len(list(self.root.glob('best-*')))}.json"
        job = TrainBest(model=point(block, {}), places=places, given=more.pop("given", {}), **more)
        ranking = self.root / ("chosen.json" if job.seeds else "rung_0.json")
        train.best(job, TrainBest.Files(**self.files(name), ranking=ranking))
        return read_json(self.root / name)["points"]

    def model(self, block: ModelBlock, output: str, searched: Sequence[str] = tuple(KEYS)) -> Path:
        job = Train(name="trees", model=block, searched=list(searched))
        files = Train.Files(
            jets=self.selected,
            output=self.root / output,
            chosen=self.root / "chosen.json",
            points=self.points,
        )
        stage.train(job, files)
        return files.output


def settings_of(block: ModelBlock, keys: dict[str, list[Any]]) -> dict[str, dict[str, Any]]:
    every = type(block)(search={"keys": keys}).search
    return {name_of(point(block, found)): found for found in every.drawn()}


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory, selected: list[Path]) -> Folder:
    """A grid of four points in two jobs, ranked, and two seeds of the best."""
    folder = Folder(tmp_path_factory.mktemp("grid"), selected)
    settings = settings_of(BLOCK, KEYS)
    blocks = [point(BLOCK, found) for found in settings.values()]
    for number, part in enumerate(chunks(blocks, 3)):
        folder.train(part, f"{number}.json")
    folder.rank(settings, "0.json", "1.json")
    folder.best(BLOCK, [0, 1], seeds=True)
    return folder


@pytest.fixture(scope="module")
def found(grid: Folder) -> dict[str, Any]:
    """What the report says."""
    job = ReportSearch(
        name="trees", method="grid", figure="auc", keys=list(KEYS), bootstrap=30, label=("a", "b")
    )
    files = ReportSearch.Files(
        rankings=[grid.root / "chosen.json"],
        seeds=[grid.root / "best-0.json"],
        points=grid.points,
        figures=grid.root / "search.json",
        table=grid.root / "search.txt",
        plot=grid.root / "search.png",
    )
    report.report(job, files)
    return read_json(files.figures)


def balanced(rows: list[ak.Array], split: int, model: Path) -> tuple[np.ndarray, ...]:
    """Class numbers, probabilities and weights by class of a split."""
    whole = ak.concatenate(rows)
    whole = whole[(whole.split == split) & (whole.label != "unmatched")]
    scores = score(model, whole)
    y = np.searchsorted(CLASSES, np.array(whole.label.to_list()))
    weight = np.asarray(whole.weight)
    weight = weight / np.bincount(y, weight)[y]
    p = np.stack([scores[f"p_{name}"] for name in CLASSES], axis=1).astype(float)
    return y, p / p.sum(axis=1, keepdims=True), weight


@pytest.mark.parametrize(("split", "of"), [(VALIDATION, "chosen"), (TEST, "seeds")])
def test_figures_are_those_of_scikit_learn(
    grid: Folder, found: dict[str, Any], split: int, of: str
) -> None:
    """Of the validation split for the choice, and of the test split for the first seed."""
    best = read_json(grid.root / "chosen.json")["points"][0]
    rows = [read_parquet(path) for path in grid.selected]
    y, p, weight = balanced(rows, split, grid.points / best["point"] / "model")
    aucs = [roc_auc_score(y == k, p[:, k], sample_weight=weight) for k in range(3)]
    entropy = log_loss(y, p, sample_weight=weight)
    said = (
        best if of == "chosen" else {k: v["values"][0] for k, v in found["seeds"]["test"].items()}
    )
    assert said["auc"] == pytest.approx(np.mean(aucs), abs=1e-6)
    assert said["loss"] == pytest.approx(entropy, rel=1e-4)


def test_the_choice_knows_nothing_of_the_test_split(grid: Folder) -> None:
    ranked = read_json(grid.root / "chosen.json")["points"]
    assert len(ranked) == 4 and all("test" not in entry for entry in ranked)
    aucs = [entry["auc"] for entry in ranked]
    assert aucs == sorted(aucs, reverse=True)
    assert ranked[0]["settings"]["rounds"] == 12 and ranked[-1]["settings"]["rounds"] == 2


def test_the_report_has_figures_a_table_and_a_plot(grid: Folder, found: dict[str, Any]) -> None:
    judged, seeds = found["validation"], found["seeds"]
    assert judged["value"] == found["chosen"]["auc"] and judged["points"] == 4
    assert judged["corrected"] < judged["value"] + judged["error"]
    assert seeds["trained"] == 2 and seeds["test"]["auc"]["spread"] > 0
    assert seeds["validation"]["auc"]["values"][0] == judged["value"]
    table = (grid.root / "search.txt").read_text()
    assert "Chosen: max_depth 3, rounds 12" in table
    assert table.count("\n") < 30 and (grid.root / "search.png").stat().st_size > 10_000


def test_the_model_is_the_chosen_point(grid: Folder) -> None:
    best = read_json(grid.root / "chosen.json")["points"][0]
    model = grid.model(BLOCK, "models/nominal")
    about = read_json(model / "manifest.json")
    assert about["point"] == best["point"]
    assert {key: about["config"][key] for key in KEYS} == best["settings"]
    weights = [path / "model.ubj" for path in (model, grid.points / best["point"] / "model")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_what_is_decorrelated_takes_its_point_over_and_makes_its_map(grid: Folder) -> None:
    wanted = {"background": ["gluon", "quark"], "mass": "msoftdrop", "range": [0.1, 9], "knots": 3}
    block = BLOCK.varied({"decorrelate": wanted})
    model = grid.model(block, "models/decorrelated")
    about = read_json(model / "manifest.json")
    assert "point" in about and about["config"]["decorrelate"]["knots"] == 3
    rows = read_parquet(grid.selected[0])
    assert {"ddt_top", "p_top"} <= set(score(model, rows))


def test_a_variation_changes_the_nominal_choice(grid: Folder) -> None:
    """Of the keys that it leaves; it is no point, so that it is trained."""
    model = grid.model(BLOCK.varied({"max_depth": 2}), "models/varied", searched=["rounds"])
    about = read_json(model / "manifest.json")
    assert "point" not in about
    assert (about["config"]["max_depth"], about["config"]["rounds"]) == (2, 12)


def test_other_jets_are_another_training(grid: Folder, tmp_path: Path) -> None:
    """A point that was trained on other jets is neither kept nor taken over."""
    block = point(BLOCK, {"rounds": 2})
    folder = Folder(tmp_path, list(grid.selected))
    before = folder.train([block])
    record = tmp_path / "points" / name_of(block) / "record.json"
    first = record.stat().st_mtime_ns
    assert folder.train([block]) == before and record.stat().st_mtime_ns == first
    changed = tmp_path / "top.parquet"
    rows = read_parquet(grid.selected[2])
    write_parquet(changed, rows[: len(rows) // 2])
    folder.selected = [*grid.selected[:2], changed]
    write_json(tmp_path / "chosen.json", {"points": [{"settings": {"rounds": 2}}]})
    assert "point" not in read_json(folder.model(BLOCK, "new", ["rounds"]) / "manifest.json")
    after = folder.train([block])
    assert record.stat().st_mtime_ns > first and after[0]["auc"] != before[0]["auc"]


def test_a_job_that_was_killed_goes_on_with_the_next_point(
    grid: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path, grid.selected)
    blocks = [point(BLOCK, {"rounds": rounds}) for rounds in (2, 3, 4)]
    fit, trained = stage.fit, []

    def counted(job: Train, files: Train.Files) -> None:
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(job.model.rounds)
        fit(job, files)

    monkeypatch.setattr(stage, "fit", counted)
    with pytest.raises(KeyboardInterrupt):
        folder.train(blocks)
    assert trained == [2, 3] and not (tmp_path / "batch.json").exists()
    trained.clear()
    assert len(folder.train(blocks)) == 3 and trained == [4]


def test_points_of_a_job_share_what_they_read(
    grid: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table is read again for other features alone; models are those of trainings alone."""
    read, tables = bdt_train.read, []

    def counted(jets: Sequence[Path], wanted: Sequence[str], *more: Any, **named: Any) -> Any:
        tables.append(list(wanted))
        return read(jets, wanted, *more, **named)

    monkeypatch.setattr(bdt_train, "read", counted)
    few, many = ["tau21", "msoftdrop"], ["tau21", "tau32", "msoftdrop"]
    keys = [(few, 1), (few, 3), (many, 3), (many, 2)]
    blocks = [point(BLOCK, {"features": f, "max_depth": d, "rounds": 3}) for f, d in keys]
    together, alone = (Folder(tmp_path / name, grid.selected) for name in ("together", "alone"))
    together.train(blocks)
    assert tables == [few, many]
    for number, block in enumerate(blocks):
        alone.train([block], f"{number}.json")
        files = [where.points / name_of(block) / "model/model.ubj" for where in (together, alone)]
        assert files[0].read_bytes() == files[1].read_bytes()
    assert len(tables) == 6


def test_a_point_that_diverges_is_the_last(
    grid: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path, grid.selected)
    settings = settings_of(BLOCK, {"rounds": [2, 3, 4]})
    fit = stage.fit

    def diverging(job: Train, files: Train.Files) -> None:
        if job.model.rounds <= limit:
            raise Diverged("the training diverged")
        fit(job, files)

    monkeypatch.setattr(stage, "fit", diverging)
    limit = 2
    folder.train([point(BLOCK, found) for found in settings.values()])
    ranked = folder.rank(settings, "batch.json")
    assert ranked[-1] == {
        "point": next(iter(settings)), "diverged": True, "settings": {"rounds": 2}
    }  # fmt: skip
    limit = 4
    results = [{"point": name, "diverged": True} for name in settings]
    write_json(tmp_path / "batch.json", {"points": results})
    with pytest.raises(BoostflowError, match=r"all 3 points of the search diverged \(rounds 2;"):
        folder.rank(settings, "batch.json")


def test_halving_trains_the_best_with_more_and_tells_the_time(grid: Folder, tmp_path: Path) -> None:
    folder = Folder(tmp_path, grid.selected)
    settings = settings_of(BLOCK, {"max_depth": [1, 2, 3, 4]})
    folder.train([point(BLOCK, found | {"rounds": 4}) for found in settings.values()])
    first = {name_of(point(BLOCK, found | {"rounds": 4})): found for found in settings.values()}
    ranked = folder.rank(first, "batch.json", to="rung_0")
    results = folder.best(BLOCK, [0, 1], given={"rounds": 12})
    assert [r["settings"] for r in results] == [r["settings"] for r in ranked[:2]]
    kept = on_disk.point_of(
        BLOCK.varied(results[0]["settings"] | {"rounds": 12}), folder.points, ""
    )
    assert kept.name == results[0]["point"]
    assert read_json(kept.model / "metrics.json")["rounds"] <= 12
    folder.rank(None, "best-0.json")
    folder.best(BLOCK.varied({"rounds": 12}), [0], seeds=True)
    job = ReportSearch(
        name="trees",
        method="halving",
        figure="auc",
        keys=["max_depth"],
        resource="rounds",
        given=[4, 12],
        bootstrap=20,
        label=("a", "b"),
    )
    files = ReportSearch.Files(
        rankings=[tmp_path / "rung_0.json", tmp_path / "chosen.json"],
        seeds=[tmp_path / "best-1.json"],
        points=folder.points,
        figures=tmp_path / "search.json",
        table=tmp_path / "search.txt",
        plot=tmp_path / "search.png",
    )
    report.report(job, files)
    found = read_json(files.figures)
    times = [e["cpu_seconds"] for step in found["steps"] for e in step["points"]]
    assert found["time"]["cpu_seconds"] == pytest.approx(sum(times), abs=0.1)
    assert found["time"]["saved_cpu_seconds"] < 1
    assert "rounds 4" in files.table.read_text() and "estimated" in files.table.read_text()


def test_a_chosen_file_that_says_nothing(grid: Folder, tmp_path: Path) -> None:
    folder = Folder(tmp_path, grid.selected)
    write_json(tmp_path / "chosen.json", {"points": []})
    with pytest.raises(
        BoostflowError, match=r"chosen\.json: does not say what the search of trees"
    ):
        folder.model(BLOCK, "model")
