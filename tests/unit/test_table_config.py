"""Configurations of tables: what is taken, and what is refused because it is for jets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from boostflow import targets
from boostflow.analysis import Analysis
from boostflow.config.load import load
from boostflow.errors import BoostflowError
from boostflow.jobs.models import Evaluate
from support.jets import write_corrections
from support.tables import CONTENT, tracks, write


def raw(folder: Path, systematics: dict[str, Any] | None = None, **change: Any) -> dict[str, Any]:
    """A configuration of two samples in one file."""
    file = write(folder / "tracks.parquet", tracks(60))
    path = folder / "systematics.yaml"
    path.write_text(yaml.safe_dump(systematics or {}))
    shared = {"source": "table", "files": [str(file)], **CONTENT, "xsec": 1.0}
    samples = {
        name: {**shared, "label": name, "rows": {"pdg": pdg}, "where": {"p": [0.3, 2.5]}}
        for name, pdg in (("kaon", 321), ("pion", 211))
    }
    score = {"model": "trees", "score": "p_kaon"}
    return {
        "samples": samples,
        "systematics": str(path),
        "models": {"trees": {"kind": "bdt", "features": ["dedx", "tof"]}},
        "evaluate": {"rejection": [["kaon", ["pion"]]]},
        "templates": {
            "variable": "p",
            "range": [0.3, 2.5],
            "regions": {
                "pass": {**score, "range": [0.5, 1]},
                "fail": {**score, "range": [0, 0.5]},
            },
        },
        "infer": {"signal": ["kaon"]},
        **change,
    }


def problems(given: dict[str, Any], root: Path) -> list[str]:
    with pytest.raises(BoostflowError) as caught:
        load(given, root, "my.yaml")
    return str(caught.value).splitlines()


def test_columns_take_the_place_of_observables(tmp_path: Path) -> None:
    entries = {
        "gain": {"kind": "shift", "column": "dedx", "value": 0.1},
        "mc": {"kind": "weight", "up": "weight_up"},
    }
    config, systematics = load(raw(tmp_path, entries), tmp_path)
    assert config.features() == config.columns() == ["dedx", "p", "tof", "weight_up"]
    again = {name: type(s).model_validate(s.model_dump()) for name, s in systematics.items()}
    assert again == systematics  # as jobs read them
    analysis = Analysis(config, systematics)
    assert analysis.label() == ("boostflow simulation", "")
    assert analysis.resolve("select", "gain_up", sample="kaon") == "gain_up"
    assert analysis.resolve("ingest", "gain_up", sample="kaon") == "nominal"
    assert analysis.resolve("templates", "mc_up") == "mc_up"


def test_a_detector_of_rows_has_no_plot_of_masses(tmp_path: Path) -> None:
    forest = {"kind": "isolation", "features": ["dedx", "tof"], "normal": ["pion"]}
    given = raw(tmp_path, models={"forest": forest}, infer=None, templates={}, evaluate={})
    analysis = Analysis(*load(given, tmp_path))
    assert targets.plots_of(analysis, "forest") == ["detection", "improvement", "history"]
    asked = {"time": "p", "truth": "tof", "flagged": "kaon", "parameters": ["p"]}
    given["evaluate"] = {"monitoring": asked}
    assert "shifters" in targets.plots_of(Analysis(*load(given, tmp_path)), "forest")
    job = Evaluate.of(analysis, "forest")
    assert job.tables and job.judged.normal == ["pion"]


def test_ranges_of_columns_are_written_out(tmp_path: Path) -> None:
    given = raw(tmp_path, infer=None)
    for sample in given["samples"].values():
        sample |= {"columns": ["adc_{0..15}", "p"], "names": {}}
    given["models"]["trees"]["features"] = ["adc_{2..4}"]
    config, _ = load(given, tmp_path)
    assert len(config.features()) == 17
    assert config.models["trees"].features == ["adc_2", "adc_3", "adc_4"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": ["p", "event"]}, "columns: boostflow has a column event of its own"),
        ({"columns": ["p", "a.b"]}, "columns: 'a.b' is no plain name"),
        ({"columns": ["p", "p"]}, "columns: p is listed twice"),
        ({"columns": ["p", "x{3..1}"]}, "x{3..1} is no ascending range"),
        ({"group": ["run", "run"]}, "group: a column is listed twice"),
        ({"names": {"dedx": "signal", "b": "c"}}, "names: nothing reads b"),
        ({"where": {"pt": [1, 2]}}, "where: pt is none of `columns`"),
        ({"separator": ", "}, "separator: "),
        ({"files": ["root://a/b.parquet"]}, "only ROOT files of jets are read from servers"),
    ],
)
def test_wrong_samples(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    given = raw(tmp_path)
    given["samples"]["kaon"] |= change
    found = problems(given, tmp_path)
    assert any(message in line and "samples.kaon" in line for line in found), found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"models": {"trees": {"kind": "bdt"}}},
            "models.trees.features: its default are observabl",
        ),
        (
            {"models": {"trees": {"kind": "bdt", "features": ["dedx", "tofu"]}}},
            "models.trees.features: unknown observable 'tofu'; did you mean 'tof'?",
        ),
        (
            {"models": {"n": {"kind": "dnn", "features": ["dedx"], "missing": {"tof": 0}}}},
            "models.n.missing.tof: unknown feature",
        ),
        ({"models": {"n": {"kind": "set"}}}, "models.n: reads constituents of jets"),
        (
            {"models": {"n": {"kind": "autoencoder", "columns": {"p": {"bound": 0.1}}}}},
            "models.n: nothing judges a model of task compress of rows of tables",
        ),
        (
            {"models": {"trees": {"kind": "bdt", "features": ["p"], "planing": {}}}},
            "models.trees.planing: is for masses of jets",
        ),
        ({"select": {"split": {"by": "when"}}}, "select.split.by: unknown column 'when'"),
        ({"select": {"fatjet": {"pt": [1, 2]}}}, "select.fatjet: is for jets: limits of columns"),
        ({"background": {"sideband": {"samples": ["pion"]}}}, "background: estimates are of jets"),
        ({"templates": {"variable": "mass"}}, "templates.variable: unknown observable 'mass'"),
    ],
)
def test_what_is_for_jets(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    found = problems(raw(tmp_path, **change), tmp_path)
    assert any(line.startswith(f"my.yaml: {message}") for line in found), found


def test_jets_and_tables_do_not_mix(tmp_path: Path) -> None:
    given = raw(tmp_path)
    given["samples"]["top"] = {"source": "simulation", "process": "top", "label": "top"}
    found = problems(given, tmp_path)
    assert any("samples.top.source: simulation is of jets, but kaon of rows" in x for x in found)


SHIFT = {"kind": "shift"}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"correction": "x"}, "s.column: is missing: rows of tables have no energy"),
        ({"column": "mass", "value": 1}, "s.column: unknown column 'mass'"),
        ({"column": "p"}, "a shift of a column needs either value, or correction"),
        ({"column": "p", "value": 0}, "value: 0 changes nothing"),
        ({"column": "p", "value": 1, "quantity": "mass"}, "a shift of a column takes no quantity"),
        ({"value": 1, "correction": "x"}, "value: needs `column`"),
        ({"column": "p", "correction": "y"}, "no correction 'y'; it has x"),
        ({"column": "p", "correction": "x"}, "s.correction: unknown column 'eta'"),
    ],
)
def test_wrong_shifts(tmp_path: Path, entry: dict[str, Any], message: str) -> None:
    eta = {
        "name": "x",
        "version": 1,
        "inputs": [{"name": "eta", "type": "real"}],
        "output": {"name": "shift", "type": "real"},
        "data": 1.0,
    }
    path = write_corrections(tmp_path / "c.json", [eta])
    given = raw(tmp_path, {"s": {**SHIFT, **entry}}, select={"corrections": str(path)})
    found = problems(given, tmp_path)
    assert any(message in line for line in found), found


def test_a_weight_is_a_column(tmp_path: Path) -> None:
    given = raw(tmp_path, {"w": {"kind": "weight", "up": "weight_pu"}})
    assert any("w.up: unknown column of kaon 'weight_pu'" in x for x in problems(given, tmp_path))


def test_columns_are_shifted_of_tables_alone(repository: Path, tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(yaml.safe_dump({"s": {**SHIFT, "column": "pt", "value": 1.0}}))
    found = problems({"systematics": str(path)}, repository)
    assert any("s.column: is for tables: of jets `quantity` says" in x for x in found)
