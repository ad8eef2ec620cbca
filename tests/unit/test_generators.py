"""Generated tables: finding generators, their settings, what is refused, and the rows they make."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from numpy.testing import assert_allclose, assert_array_equal

from boostflow.analysis import Analysis
from boostflow.config.load import load
from boostflow.config.samples import GeneratedSample
from boostflow.errors import BoostflowError
from boostflow.generators.base import GeneratorBlock
from boostflow.generators.found import found_in, generators
from boostflow.ingest import run as ingestion
from boostflow.jobs.chain import Ingest, Select, Simulate
from boostflow.jobs.generated import Generate
from boostflow.simulate.generated import run

COLUMNS = {"x": {"mean": 3.0, "sigma": 0.5}, "y": {"missing": 0.25}}
GENERATOR = {"kind": "normal", "columns": COLUMNS}
SAMPLE = {"source": "generated", "generator": GENERATOR, "xsec": 2.0, "events": 500, "parts": 3}
REGION = {"model": "trees", "score": "p_a"}
CONFIG: dict[str, Any] = {
    "samples": {"a": {**SAMPLE, "label": "a"}, "b": {**SAMPLE, "label": "b"}},
    "models": {"trees": {"kind": "bdt", "features": ["x", "y"]}},
    "evaluate": {"rejection": [["a", ["b"]]]},
    "templates": {
        **{"variable": "x", "range": [0, 6]},
        "regions": {
            "pass": {**REGION, "range": [0.5, 1]},
            "fail": {**REGION, "range": [0, 0.5]},
        },
    },
    "infer": {"signal": ["a"]},
}
WIDER = {"columns": {"x": {"mean": 3.0, "sigma": 0.6}, "y": {}}}


def analysis(
    folder: Path, systematics: dict[str, Any], more: dict[str, Any] | None = None, **sample: Any
) -> Analysis:
    """The configuration with `more` samples, and keys of the sample a changed."""
    path = folder / "systematics.yaml"
    path.write_text(yaml.safe_dump(systematics))
    raw = json.loads(json.dumps(CONFIG)) | {"systematics": str(path)}
    raw["samples"]["a"] |= sample
    raw["samples"] |= more or {}
    return Analysis(*load(raw, folder, "my.yaml"))


def problems(folder: Path, systematics: dict[str, Any], **sample: Any) -> str:
    with pytest.raises(BoostflowError) as caught:
        analysis(folder, systematics, **sample)
    return str(caught.value)


def test_each_generator_is_a_folder_of_its_name() -> None:
    assert "normal" in generators()
    for kind, block in generators().items():
        assert issubclass(block, GeneratorBlock)
        assert block.__module__.startswith(f"boostflow.generators.{kind}.")


def test_what_is_no_generator_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("odd", "odd/made"):
        (tmp_path / name).mkdir()
    (tmp_path / "odd/__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "odd/made/__init__.py").write_text("x = 1\n")
    with pytest.raises(BoostflowError, match=r"odd\.made: is no generator of tables: .*BLOCK"):
        found_in("odd")
    del sys.modules["odd.made"]
    text = "from boostflow.generators.normal import BLOCK\n"
    (tmp_path / "odd/made/__init__.py").write_text(text)
    with pytest.raises(BoostflowError, match="its block's `kind` must be 'made'"):
        found_in("odd")


def test_columns_are_those_of_the_generator(tmp_path: Path) -> None:
    assert GeneratedSample.model_validate({**SAMPLE, "weight": "x"}).columns == ["y"]
    found = analysis(tmp_path, {})
    assert found.config.samples["a"].columns == ["x", "y"]
    assert found.config.of_tables()
    assert found.label() == ("boostflow simulation", "")
    assert found.parts("a", "nominal") == range(3)
    assert found.files == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": ["x", "z"]}, "columns: the generator normal makes no z; it makes x, y"),
        ({"weight": "w"}, "columns: the generator normal makes no w; it makes x, y"),
        ({"where": {"z": [0, 1]}}, "where: z is none of `columns`"),
        ({"generator": {"kind": "normal"}}, "samples.a.generator.columns: is required"),
        ({"generator": {**GENERATOR, "seed": 3}}, "samples.a.generator.seed: unknown key"),
        ({"xsec": None}, "samples.a.xsec: is required to normalise"),
        ({"data": True}, "samples.a.label: is for simulation"),
        ({"parts": 0}, "samples.a.parts: "),
    ],
)
def test_wrong_samples(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    assert message in problems(tmp_path, {}, **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["PartonLevel:MPI = off"], "s.up: is a list, but takes keys of the generator: columns"),
        ({"colums": {}}, "s.up.colums: unknown key; did you mean 'columns'?"),
        ({"columns": {"x": {"sigma": 0}}}, "s.up.columns.x.sigma: "),
        ({"columns": {"x": {}}}, "s.up: with it the generator makes no y"),
        (3, "s.up: "),
    ],
)
def test_wrong_alternatives(tmp_path: Path, change: Any, message: str) -> None:
    assert message in problems(tmp_path, {"s": {"kind": "sample", "up": change}})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (WIDER, r"s\.up\.columns: unknown key"),
        (
            {"detector": {"calorimeter": "no/model"}},
            r"detector\.calorimeter: is no/model, which is",
        ),
        ({"detector": {"tower_size": 2}}, r"s\.up\.detector\.tower_size: "),
        ({"jet_radius": 0.4}, r"s\.up\.jet_radius: makes other jets"),
        ({"detector": {"tracking": {}}}, r"s\.up: tracking gives jets other columns"),
        ({"mpi": True}, r"s\.up: is the nominal simulation: no key changes"),
    ],
)
def test_wrong_keys_of_the_simulation(
    change: Any, message: str, repository: Path, tmp_path: Path
) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(yaml.safe_dump({"s": {"kind": "sample", "up": change}}))
    with pytest.raises(BoostflowError, match=message):
        load({"systematics": str(path)}, repository, "my.yaml")


def test_keys_of_the_simulation_vary_it(repository: Path, tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    up = {"detector": {"calorimeter": "cascade"}}
    path.write_text(yaml.safe_dump({"s": {"kind": "sample", "samples": ["top"], "up": up}}))
    found = Analysis(*load({"systematics": str(path)}, repository, "my.yaml"))
    job = Simulate.of(found, "top", "s_up", "0")
    assert job.simulation.detector.calorimeter == "cascade" and job.simulation.detector.enabled
    nominal = Simulate.of(found, "top", "nominal", "0")
    assert nominal.simulation.detector.calorimeter == "none" and job.settings == nominal.settings


def test_a_calorimeter_s_model_is_part_of_the_job(repository: Path, tmp_path: Path) -> None:
    for name in ("manifest.json", "metrics.json", "copula.npz"):
        (tmp_path / name).write_text("{}")
    detector = {"calorimeter": str(tmp_path)}
    jobs = []
    for text in ("a", "a", "b"):
        (tmp_path / "copula.npz").write_text(text)
        (tmp_path / "metrics.json").write_text(f"{len(jobs)}")
        config = {"simulation": {"detector": detector}, "systematics": None}
        jobs.append(
            Simulate.of(Analysis(*load(config, repository, "my.yaml")), "top", "nominal", "0")
        )
    assert jobs[0] == jobs[1] != jobs[2]
    columns = {"models": {"bdt": {"kind": "bdt", "features": ["em_layer_0"]}}, "systematics": None}
    with pytest.raises(BoostflowError, match=r"calorimeter: is none, but .* needs em_layer_0"):
        load(columns, repository, "my.yaml")


def test_collision_data_have_no_alternative(tmp_path: Path) -> None:
    entry = {"s": {"kind": "sample", "up": WIDER}}
    found = analysis(tmp_path, entry, {"run": {**SAMPLE, "xsec": None, "data": True}})
    assert found.resolve("select", "s_up", sample="run") == "nominal"
    assert found.resolve("select", "s_up", sample="a") == "s_up"


def test_jobs(tmp_path: Path) -> None:
    """What a job is told: the settings of the variation, of which ingestion knows nothing."""
    entry = {"s": {"kind": "sample", "up": WIDER, "events": 20, "parts": 1}}
    found = analysis(tmp_path, entry, where={"x": [0.0, 9.0]}, weight=None)
    nominal = Generate.of(found, "a", "nominal", "2")
    assert (nominal.part, nominal.events) == (2, 500)
    varied = Generate.of(found, "a", "s_up", "0")
    assert varied.generator.model_dump()["columns"]["x"]["sigma"] == 0.6
    assert varied.events == 20
    assert Generate.model_validate_json(varied.text()) == varied
    assert found.parts("a", "s_up") == range(1)
    assert found.source("a", 0, "s_up") == "results/samples/s_up/a/0.parquet"
    assert found.source("a", 2, "nominal") == "results/samples/nominal/a/2.parquet"
    ingest = Ingest.of(found, "a", "s_up", "0")
    assert ingest == Ingest.of(found, "a", "nominal", "0")
    assert (ingest.source, ingest.number, ingest.xsec) == ("table", 0, 2.0)
    assert Ingest.of(found, "a", "nominal", "2").number == 2
    assert Select.of(found, "a", "s_up").limits == {"x": [0.0, 9.0]}
    assert Select.of(found, "a", "s_up").independent


def made(folder: Path, **settings: Any) -> dict[str, np.ndarray]:
    given = {"sample": "a", "generator": GENERATOR, "events": 4000, **settings}
    path = folder / "made.parquet"
    run(Generate.model_validate(given), Generate.Files(sample=path))
    return {name: x.to_numpy() for name, x in zip(*columns(path), strict=True)}


def columns(path: Path) -> tuple[list[str], list[Any]]:
    table = pq.read_table(path)
    return table.column_names, table.columns


def test_rows_follow_from_run_sample_variation_and_part(tmp_path: Path) -> None:
    first = made(tmp_path)
    assert_array_equal(first["x"], made(tmp_path)["x"])
    for other in ({"seed": 2}, {"sample": "b"}, {"variation": "s_up"}, {"part": 1}):
        assert not np.any(first["x"] == made(tmp_path, **other)["x"])
    n = 4000
    assert_allclose(first["x"].mean(), 3.0, atol=5 * 0.5 / n**0.5)
    assert_allclose(first["x"].std(), 0.5, atol=5 * 0.5 / (2 * n) ** 0.5)
    assert_allclose(np.isnan(first["y"]).mean(), 0.25, atol=5 * (0.25 * 0.75 / n) ** 0.5)
    assert not np.isnan(first["x"]).any()


def test_a_generator_makes_what_it_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from boostflow.generators.normal import generate

    path = tmp_path / "0.parquet"
    job = Generate.model_validate({"sample": "a", "generator": GENERATOR, "events": 10})
    monkeypatch.setattr(generate, "generate", lambda *given: {"x": np.zeros(10), "z": np.zeros(9)})
    with pytest.raises(BoostflowError, match=r"a \(nominal\): .* does not make .*: y, z"):
        run(job, Generate.Files(sample=path))
    assert not path.exists()


def test_rows_are_ingested_as_those_of_a_file(tmp_path: Path) -> None:
    rows = made(tmp_path)
    found = analysis(tmp_path, {})
    job = Ingest.of(found, "a", "nominal", "0")
    files = {"table": tmp_path / "0.parquet", "meta": tmp_path / "0.json"}
    ingestion.run(job, Ingest.Files(file=tmp_path / "made.parquet", **files))
    table = ak.from_parquet(files["table"])
    assert_array_equal(table["y"].to_numpy(), rows["y"])
    assert set(table["label"].to_list()) == {"a"}
    meta = json.loads(files["meta"].read_text())
    assert (meta["events"], meta["xsec"], meta["data"]) == (4000, 2.0, False)
