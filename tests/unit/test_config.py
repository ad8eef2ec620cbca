"""The configuration: files that are generated, and messages for what is wrong."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic._internal._docs_extraction import extract_docstrings_from_cls as docs_of

from boostflow.config import generate
from boostflow.config.chain import Ingest, Select
from boostflow.config.config import Config
from boostflow.config.defaults import QCD
from boostflow.config.descriptions import descriptions
from boostflow.config.files import expand, output_folder
from boostflow.config.load import load
from boostflow.config.samples import RootSample
from boostflow.config.systematics import SYSTEMATICS, by_parameter
from boostflow.errors import BoostflowError
from boostflow.models.family import Task
from boostflow.variations import Variations
from support.weights import write_pileup

TOP = {"source": "simulation", "process": "top", "label": "top"}
EVENTS = {"kind": "ucluster", "unit": "event", "samples": ["top", "w"]}
QUARK = {"source": "simulation", "process": "quark", "label": "quark"}
RUN = {"source": "root", "files": [__file__], "data": True}


@pytest.mark.parametrize(
    ("name", "text"), [("config.yaml", generate.default_yaml), ("schema.json", generate.schema)]
)
def test_generated_files_have_not_drifted(repository: Path, name: str, text: Any) -> None:
    assert (repository / "config" / name).read_text() == text(), "run `make config`"


@pytest.mark.parametrize("argument", [[], ["--help"], ["confg"], ["--out", "."]])
def test_the_generator_makes_no_folder_of_what_is_none(tmp_path: Path, argument: list[str]) -> None:
    command = [sys.executable, "-m", "boostflow.config.generate", *argument]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == (0 if argument == ["--help"] else 2)
    assert "usage: " in done.stdout + done.stderr
    assert not list(tmp_path.iterdir())


def test_default_file_says_the_defaults(repository: Path) -> None:
    raw = yaml.safe_load((repository / "config" / "config.yaml").read_text())
    assert Config.model_validate(raw) == Config()


@pytest.mark.parametrize("name", ["config/config.yaml", "config/test.yaml"])
def test_shipped_configurations_load(repository: Path, name: str) -> None:
    config, systematics = load(yaml.safe_load((repository / name).read_text()), repository)
    kinds = {s.kind for s in systematics.values()}
    assert kinds == {"rate", "weight", "shift", "constituent", "sample", "model"}
    assert config.models


def test_the_default_set_has_twenty_parameters(repository: Path) -> None:
    config, systematics = load({}, repository)
    variations = Variations(config, systematics)
    fitted = {variations.by_name[name].systematic for name in variations.with_templates()[1:]}
    rates = {name for name, block in systematics.items() if block.kind == "rate"}
    assert len(by_parameter({n: systematics[n] for n in fitted | rates})) >= 20
    assert not {"mpi", "hadronisation", "reconnection", "vincia"} & systematics.keys()
    # QCD comes from data: no simulation of it is varied but by other trainings and the luminosity.
    for name, block in systematics.items():
        assert block.kind == "model" or name == "lumi" or not set(QCD) & set(block.samples), name


def test_the_default_measurement_is_that_of_the_default_samples(repository: Path) -> None:
    """With samples, models or regions of one's own the defaults of the types hold."""
    default = load({}, repository)[0]
    assert list(default.templates.regions) == ["top", "v", "fail"]
    assert default.infer.pois() == {"mu_top": ["top"], "mu_v": ["wjet", "zjet", "w", "z"]}
    assert default.infer.transfer.estimated == list(QCD)
    other = {"templates": {"edges": [50, 100, 200]}, "infer": {"transfer": None}, "luminosity": 9}
    config = load(other, repository)[0]
    assert list(config.templates.regions) == ["top", "v", "fail"]
    assert (config.templates.bins, config.infer.transfer) == (2, None)
    assert config.infer.pois() == default.infer.pois()
    assert load({"infer": None}, repository)[0].infer is None
    plain = {"systematics": None}
    for own in (
        {"samples": {"top": TOP, "q": QUARK}, "models": {"bdt": {"kind": "bdt"}}},
        {"models": {"bdt": {"kind": "bdt"}}},
        {"templates": {"regions": {"pass": {"range": [0.5, 1]}}}},
    ):
        config = load({**plain, **own}, repository)[0]
        assert config.infer.pois() == {"mu": ["top"]}
        assert config.infer.transfer is None
        assert "pass" in config.templates.regions


def test_regions_that_leave_out_others_may_overlap(repository: Path) -> None:
    regions = {"a": {"range": [0, 0.6]}, "b": {"range": [0.5, 1], "without": ["a"]}}
    raw = {"systematics": None, "infer": {"signal": ["top"]}, "templates": {"regions": regions}}
    assert load(raw, repository)[0].templates.regions["b"].without == ["a"]


def test_regions_of_clusters_load(repository: Path) -> None:
    raw = yaml.safe_load((repository / "config/examples/clusters.yaml").read_text())
    config, systematics = load(raw, repository)
    trained = [name for name, block in systematics.items() if block.kind == "model"]
    assert trained == ["ucluster_seed", "ucluster_width", "ucluster_bins"]
    assert set(Variations(config, systematics).names()) < {
        *Variations(config, systematics).with_templates()
    }


@pytest.mark.parametrize(
    "name",
    [
        *("cms-nanoaod", "cms-data", "delphes", "other-trees", "lhco", "hls4ml", "toptag"),
        *("jetclass", "atlas-physlite"),
    ],
)
def test_examples_load(
    repository: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = yaml.safe_load((repository / f"config/examples/{name}.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    for sample in raw["samples"].values():
        for pattern in sample["files"]:
            file = Path(pattern.replace("*", "1"))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
            for part in ("mask", "labels") if sample["source"] == "toptag" else ():
                file.with_name(f"1_{part}.npy").touch()
        if "golden_json" in sample:
            Path(sample["golden_json"]).write_text('{"1": [[1, 2]]}')
        for block in sample.get("weights", {}).values():
            if "file" in block:
                write_pileup(Path(block["file"]))
    config, _ = load(raw, repository)
    assert list(config.samples) == list(raw["samples"])


def test_arrays_that_belong_together_are_all_there(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = yaml.safe_load((repository / "config/examples/toptag.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    Path("inputs/toptag").mkdir(parents=True)
    Path("inputs/toptag/a_p4.npy").touch()
    Path("inputs/toptag/a_mask.npy").touch()
    with pytest.raises(BoostflowError) as caught:
        load(raw, repository)
    missing = "no such file: inputs/toptag/a_labels.npy: it belongs to inputs/toptag/a_p4.npy"
    for name in ("top", "qcd"):
        assert f"samples.{name}.files: {missing}" in str(caught.value)


def test_the_shipped_anomaly_detection_loads(repository: Path) -> None:
    config, _ = load(yaml.safe_load((repository / "config/anomaly.yaml").read_text()), repository)
    assert not config.has_fit
    assert {m.clusters for m in config.event_models().values()} == {2, 5, 10, 20}
    generated = {name: s.parts * s.events for name, s in config.samples.items()}
    assert generated["resonance"] == 0.01 * generated["dijet"]


def test_the_shipped_background_estimates_load(repository: Path) -> None:
    config, _ = load(
        yaml.safe_load((repository / "config/background.yaml").read_text()), repository
    )
    assert config.background.models() == {"bdt", "ucluster"}
    assert config.background.entering() == []


def test_the_shipped_trigger_has_no_tracks_and_a_network_in_fixed_point(repository: Path) -> None:
    config, _ = load(yaml.safe_load((repository / "config/trigger.yaml").read_text()), repository)
    assert config.simulation.detector.track_efficiency == 0
    assert [name for name, block in config.models.items() if block.in_logic] == [
        *("fixed", "smaller", "smallest", "fixed_trees")
    ]
    assert {block.planing.mass for block in config.models.values()} == {"pt"}


def test_clusterings_of_events_need_neither_classes_nor_cross_sections(repository: Path) -> None:
    raw = {
        "samples": {
            name: {"source": "root", "files": [__file__]} for name in ("simulated", "signal")
        },
        "models": {"c": {**EVENTS, "samples": ["simulated", "signal"]}},
        "evaluate": {"anomaly": ["signal"]},
        "systematics": None,
        "infer": None,
    }
    config, _ = load(raw, repository)
    assert list(config.event_models()) == ["c"]


def in_two(bins: int = 12, **keys: Any) -> dict[str, Any]:
    """A function of mass and pT over two pairs of regions, with some keys of it changed."""
    ranges = {"low": [400, 600], "high": [600, 900]}
    regions = {
        f"{tag}_{name}": {"range": score, "within": {"pt": limits}}
        for tag, score in (("fail", [0.0, 0.9]), ("pass", [0.9, 1.0]))
        for name, limits in ranges.items()
    }
    pairs = {tag: [f"{tag}_{name}" for name in ranges] for tag in ("fail", "pass")}
    block = {"estimated": ["quark"], "along": {"variable": "pt"}, "order": [1, 1], **pairs, **keys}
    return {"templates": {"bins": bins, "regions": regions}, "infer": {"transfer": block}}


def test_a_function_of_two_variables(repository: Path) -> None:
    config, _ = load(in_two(), repository)
    assert config.infer is not None and config.infer.transfer is not None
    (found,) = config.infer.transfer.located(config.templates.regions).functions()
    assert found.name == "pass_low" and found.fails == ("fail_low", "fail_high")
    assert found.at == (500, 750)


def problems(raw: dict[str, Any], root: Path) -> list[str]:
    with pytest.raises(BoostflowError) as caught:
        load(raw, root, "my.yaml")
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"luminosty": 1}, "my.yaml: luminosty: unknown key; did you mean 'luminosity'?"),
        (
            {"select": {"fatjet": {"ptt": [1, 2]}}},
            "my.yaml: select.fatjet.ptt: unknown key; did you mean 'pt'?",
        ),
        (
            {"samples": {"top": {**TOP, "partz": 1}}},
            "my.yaml: samples.top.partz: unknown key; did you mean 'parts'?",
        ),
        (
            {"samples": {"top": {"source": "simulatoin"}}},
            "my.yaml: samples.top: source is 'simulatoin', must be one of 'simulation', 'root'",
        ),
        (
            {"samples": {"top": {**TOP, "settings": ["6:m0 172."]}}},
            "my.yaml: samples.top.settings.0: '6:m0 172.' is not a setting of Pythia",
        ),
        (
            {"models": {"u": {"kind": "ucluster", "preset": ["paper"]}}},
            "my.yaml: models.u.preset: input should be 'default', 'paper' or 'paper_log'",
        ),
        (
            {"background": {"abcd": {"samples": ["quark", "top"]}}},
            "my.yaml: background.abcd.samples: top is the signal (infer.signal)",
        ),
        (
            {"background": {"sideband": {"samples": ["top"]}}},
            "my.yaml: background.sideband.samples: top is the signal (infer.signal)",
        ),
        ({"samples": {"total": TOP}}, "my.yaml: samples.total: tables of yields use"),
        ({"samples": {"data": TOP}}, "my.yaml: samples.data: tables of yields use the name"),
        (
            {"samples": {"top": TOP, "quark": QUARK, "run": {**RUN, "label": "quark"}}},
            "my.yaml: samples.run.label: is for simulation: samples with a label are trained on",
        ),
        (
            {
                "samples": {"top": TOP, "quark": QUARK, "run": RUN},
                "models": {"c": {"kind": "ucluster", "samples": ["top", "run"]}},
            },
            "my.yaml: models.c.samples: run is collision data (`data: true`): what is trained on",
        ),
        (
            {"models": {"c": {"kind": "ucluster", "samples": ["topp", "w"]}}},
            "my.yaml: models.c.samples: unknown sample 'topp'; did you mean 'top'?",
        ),
        ({"seed": -1}, "my.yaml: seed: input should be greater than or equal to 0, not -1"),
        (
            {"select": {"fatjet": {"pt": [3, 1]}}},
            "my.yaml: select.fatjet.pt: [3, 1] is not an ascending range",
        ),
        (
            {"select": {"split": {"train": 60}}},
            "my.yaml: select.split: train + validation + test is 110, not 100",
        ),
        (
            {"infer": {"transfer": {"estimated": ["top"]}}},
            "my.yaml: infer.transfer.estimated: top is the signal (infer.signal), which cannot be",
        ),
        (
            {"infer": {"transfer": {"estimated": ["quark"], "fail": "fial"}}},
            "my.yaml: infer.transfer.fail: unknown region of templates 'fial'; did you mean 'fail'",
        ),
        (
            {"infer": {"transfer": {"estimated": ["qurk"]}}},
            "my.yaml: infer.transfer.estimated: unknown sample 'qurk'; did you mean 'quark'?",
        ),
        (
            {
                "templates": {"bins": 3},
                "infer": {"transfer": {"estimated": ["quark"], "order": 2}},
            },
            "my.yaml: infer.transfer.order: 3 bins (templates) do not determine a function of",
        ),
        (
            {
                "templates": {
                    "regions": {
                        "tag": {"range": [0.9, 1.0]},
                        "tag_0": {"range": [0.0, 0.9]},
                    }
                },
                "infer": {"transfer": {"estimated": ["quark"], "fail": "tag_0", "pass": ["tag"]}},
            },
            "my.yaml: infer.transfer.fail: tag_0 is called like a coefficient of region tag",
        ),
        (
            {"infer": {"transfer": {"estimated": ["quark"], "pas": ["pass"]}}},
            "my.yaml: infer.transfer.pas: unknown key; did you mean 'pass'?",
        ),
        (
            {
                "templates": {"bins": 2},
                "infer": {
                    "transfer": {"estimated": ["quark"], "order": "auto", "order_max": 0},
                },
            },
            "my.yaml: infer.transfer.order: auto tests each order against the next, which needs at",
        ),
        (
            {"infer": {"transfer": {"estimated": ["quark"], "residual": "auto"}}},
            "my.yaml: infer.transfer.residual: cannot be 'auto'",
        ),
        (
            {"infer": {"transfer": {"estimated": ["quark"], "order": 9}}},
            "my.yaml: infer.transfer: order: must be auto, or from 0 to 8",
        ),
        (
            {"infer": {"transfer": {"estimated": ["quark"], "pass": ["fail"]}}},
            "my.yaml: infer.transfer: pass: fail is the fail region",
        ),
        (
            {"infer": {"transfer": {"estimated": ["quark"], "validation": ["pass"]}}},
            "my.yaml: infer.transfer: validation: pass is a region of the fit",
        ),
        (
            {"infer": {"transfer": {"estimated": ["quark"], "validation": ["betwen"]}}},
            "my.yaml: infer.transfer.validation: unknown region of templates 'betwen'",
        ),
        (
            {"infer": {"transfer": {"estimated": ["quark"], "hidden": [[300, 400]]}}},
            "my.yaml: infer.transfer.hidden: 300 to 400 is outside of msoftdrop in the templates",
        ),
        (
            {"infer": {"transfer": {"estimated": ["quark"], "hidden": [[50, 290]]}}},
            "my.yaml: infer.transfer.hidden: 0 bins are left beside the windows, which do not",
        ),
        (
            in_two(fail=["fail_low", "fail_high", "fail_low"]),
            "my.yaml: infer.transfer: fail: a name is listed twice",
        ),
        (
            in_two(along=None),
            "my.yaml: infer.transfer: fail: several regions need a second variable (along)",
        ),
        (
            in_two(**{"pass": ["pass_low"]}),
            "my.yaml: infer.transfer: pass: 1 regions do not belong to 2 fail regions; list one",
        ),
        (
            in_two(order=1),
            "my.yaml: infer.transfer: order: must be auto, or [of the variable, of the second]",
        ),
        (
            in_two(order=[1, 2]),
            "my.yaml: infer.transfer.order: 2 ranges of pt do not determine a function of order 2",
        ),
        (
            in_two(order=[8, 1], bins=9),
            "my.yaml: infer.transfer.order: 9 bins (templates) do not determine a function of",
        ),
        (
            in_two(residual=1),
            "my.yaml: infer.transfer: residual: must be null, or [of the variable, of the second]",
        ),
        (
            in_two(residual=[1, 2]),
            "my.yaml: infer.transfer.residual: 2 ranges of pt do not determine a function of order",
        ),
        (
            {
                "templates": {"bins": 4},
                "infer": {"transfer": {"estimated": ["quark"], "residual": 3}},
            },
            "my.yaml: infer.transfer.residual: 4 bins (templates) do not determine a function of",
        ),
        (
            in_two(along={"variable": "eta"}),
            "my.yaml: infer.transfer.along.variable: region fail_low has no range of eta; give it",
        ),
        (
            in_two(**{"pass": ["pass_high", "pass_low"]}),
            "my.yaml: infer.transfer.pass: pass_high has the range [600.0, 900.0] of pt, and its",
        ),
        (
            in_two(along={"variable": "pt", "at": [500, 550]}),
            "my.yaml: infer.transfer.along.at: 550 is outside of the range [600.0, 900.0] of",
        ),
        (
            {
                "templates": {
                    "regions": {"pass": {"range": [0.9, 1.0], "within": {"ptt": [1, 2]}}}
                },
            },
            "my.yaml: templates.regions.pass.within: unknown observable 'ptt'; did you mean 'pt'?",
        ),
        (
            {"infer": {"signal": ["tpo"]}},
            "my.yaml: infer.signal: unknown sample 'tpo'; did you mean 'top'?",
        ),
        (
            {"models": {"bdt": {"kind": "bdt", "features": ["tau_21"]}}},
            "my.yaml: models.bdt.features: unknown observable 'tau_21'; did you mean 'tau21'?",
        ),
        ({"samples": {"Top-1": TOP}}, "my.yaml: samples.Top-1: 'Top-1' is not a name"),
        (
            {"samples": {"x": {"source": "root", "files": ["nowhere.root"], "label": "x"}}},
            "my.yaml: samples.x.files: no such file: nowhere.root",
        ),
        (
            {"samples": {"x": {"source": "root", "files": ["no*.root"], "label": "x"}}},
            "my.yaml: samples.x.files: no file matches no*.root",
        ),
        (
            {"samples": {"x": {"source": "root", "files": [__file__], "label": "x"}}},
            "my.yaml: samples.x.xsec: is required to normalise the templates",
        ),
        (
            {"samples": {"x": {"source": "hls4ml", "files": [__file__], "select": "t"}}},
            "my.yaml: samples.x.xsec: is required to normalise the templates",
        ),
        (
            {"samples": {"x": {"source": "lhco", "files": ["no*.h5"]}}},
            "my.yaml: samples.x.files: no file matches no*.h5",
        ),
        (
            {"samples": {"x": {"source": "lhco", "files": ["root://far/away.h5"]}}},
            "my.yaml: samples.x.files: root://far/away.h5: only ROOT files are read from servers",
        ),
        (
            {"samples": {"x": {"source": "hls4ml", "files": [__file__], "select": "b"}}},
            "my.yaml: samples.x.select: input should be 'all', 'g', 'q', 'w', 'z' or 't', not 'b'",
        ),
        (
            {"samples": {"x": {"source": "toptag", "files": [__file__]}}},
            f"my.yaml: samples.x.files: {__file__}: name the arrays of four-momenta, *p4.npy",
        ),
        (
            {"samples": {"x": {"source": "jetclass", "files": [__file__], "select": "qcd_lite"}}},
            "my.yaml: samples.x.select: unknown class 'qcd_lite'; did you mean 'qcd_light'?",
        ),
        ({"output": "out/{x}"}, "my.yaml: output: 'out/{x}' cannot be a folder"),
        (
            {"templates": {"variable": "msofdrop"}},
            "my.yaml: templates.variable: unknown observable 'msofdrop'; did you mean 'msoftdrop'?",
        ),
        (
            {"templates": {"regions": {"a": {"range": [0, 0.6]}, "b": {"range": [0.5, 1]}}}},
            "my.yaml: templates.regions.b.range: overlaps with that of region a",
        ),
        (
            {
                "templates": {
                    "regions": {
                        "a": {"model": "ucluster", "score": "cluster", "range": [0, 1]},
                        "b": {"model": "ucluster", "score": "cluster", "range": [1, 2]},
                    }
                }
            },
            "my.yaml: templates.regions.b.range: overlaps with that of region a (1 belongs to",
        ),
        (
            {"templates": {"regions": {"a": {"range": [0, 1], "without": ["a"]}}}},
            "my.yaml: templates.regions.a.without: unknown region 'a'",
        ),
        (
            {
                "templates": {
                    "regions": {
                        "a": {"score": ["p_w", "p_z"], "range": [0.6, 1]},
                        "b": {"score": "p_top", "range": [0.3, 1]},
                    }
                }
            },
            "my.yaml: templates.regions.b.range: overlaps with region a: a jet can have p_top in"
            " this range and p_w + p_z between 0.6 and 1 (probabilities add up to 1)",
        ),
        (
            {"templates": {"regions": {"a": {"score": ["p_w", "p_y"], "range": [0, 1]}}}},
            "my.yaml: templates.regions.a.score: unknown score 'p_y'",
        ),
        (
            {"templates": {"regions": {"a": {"score": ["p_w", "p_w"], "range": [0, 1]}}}},
            "my.yaml: templates.regions.a.score: p_w is listed twice",
        ),
        (
            {"templates": {"regions": {"a": {"model": "ucluster", "range": [0, 1]}}}},
            "my.yaml: templates.regions.a.score: unknown score 'p_top'",
        ),
        (
            {"infer": {"data": "observed", "unblind": True}},
            "my.yaml: infer.data: observed needs a sample with `data: true`",
        ),
        (
            {"infer": {"data": "observed"}},
            "my.yaml: infer.data: observed needs `unblind: true`, which shows collision data in all"
            " regions",
        ),
        (
            {"infer": {"data": "pseudo", "mc_stat": False}},
            "my.yaml: infer: mc_stat: false is not possible with data: pseudo: they come from",
        ),
        (
            {"background": {"unblind": True, "sideband": {}}},
            "my.yaml: background.unblind: unknown key",
        ),
        (
            {
                "samples": {"top": TOP, "run": RUN},
                "background": {"data": "observed", "sideband": {"samples": ["top"]}},
            },
            "my.yaml: background.sideband: collision data in background.sideband are shown, but",
        ),
        (
            {"templates": {"regions": {"all": {"range": [0, 1], "control": True}}}},
            "my.yaml: templates.regions: every region is a control region, none has signal",
        ),
        (
            {"background": {"abcd": {"samples": ["quarks"]}}},
            "my.yaml: background.abcd.samples: unknown simulated sample 'quarks'; did you mean",
        ),
        (
            {"background": {"abcd": {"x": {"column": "tau", "signal": [0, 1], "control": [2, 3]}}}},
            "my.yaml: background.abcd.x.column: unknown column 'tau'",
        ),
        (
            {"background": {"abcd": {"x": {"column": "pt", "signal": [0, 9], "control": [5, 20]}}}},
            "my.yaml: background.abcd.x: signal [0.0, 9.0] and control [5.0, 20.0] overlap",
        ),
        (
            {"background": {"abcd": {"x": {"column": "pt", "signal": [1, 2], "control": [0, 1]}}}},
            "my.yaml: background.abcd.x: signal [1.0, 2.0] and control [0.0, 1.0] overlap",
        ),
        (
            {
                "background": {
                    "abcd": {
                        "x": {"column": "pt", "signal": [0, 9], "control": [10, 20]},
                        "y": {"column": "pt", "signal": [30, 40], "control": [10, 20]},
                    }
                }
            },
            "my.yaml: background.abcd: x and y are the same variable of the same jet",
        ),
        (
            {"background": {"sideband": {"window": [20, 90]}}},
            "my.yaml: background.sideband: window [20.0, 90.0] is not inside range [50.0, 290.0]",
        ),
        (
            {"background": {"composition": {"model": "bdt"}}},
            "my.yaml: background.composition.model: bdt does not cluster jets",
        ),
        (
            {"background": {"composition": {"classes": {"top": ["top"], "qcd": ["quark"]}}}},
            "my.yaml: background.composition.classes: wjet, zjet, w, z, gluon, qg is in no class",
        ),
        (
            {"background": {"composition": {"systematics": ["jess"]}}},
            "my.yaml: background.composition.systematics: unknown systematic 'jess'",
        ),
        (
            {"background": {"data": "observed", "sideband": {}}},
            "my.yaml: background.data: observed needs a sample with `data: true`",
        ),
        (
            {
                "infer": None,
                "background": {
                    "control": {
                        "qcd": {
                            **{"samples": ["quark"], "column": "pt", "range": [0, 1]},
                            "enters": "free",
                        }
                    }
                },
            },
            "my.yaml: background.control.qcd.enters: there is no fit (infer: null)",
        ),
        ({"background": {}}, "my.yaml: background: needs abcd, sideband, control or composition"),
        ({"infer": {"signal": []}}, "my.yaml: infer.signal: list should have at least 1 item"),
        ({"infer": {"signal": {}}}, "my.yaml: infer.signal: dictionary should have at least 1"),
        (
            {"infer": {"signal": {"mu_top": []}}},
            "my.yaml: infer.signal.mu_top: list should have at least 1 item",
        ),
        (
            {"infer": {"signal": {"mu-top": ["top"]}}},
            "my.yaml: infer.signal.mu-top: 'mu-top' is not a name: lower-case letters, digits and",
        ),
        (
            {"infer": {"signal": {"mu_top": ["top"], "mu_v": ["w", "top"]}}},
            "my.yaml: infer.signal.mu_v: the sample top is listed twice",
        ),
        (
            {"infer": {"signal": ["top", "top"]}},
            "my.yaml: infer.signal: the sample top is listed twice",
        ),
        (
            {"infer": {"signal": {"mu_top": ["tpo"]}}},
            "my.yaml: infer.signal.mu_top: unknown sample 'tpo'; did you mean 'top'?",
        ),
        (
            {"infer": {"signal": {"staterror_top": ["top"]}}},
            "my.yaml: infer.signal.staterror_top: staterror_top is taken; choose another name",
        ),
        (
            {"infer": {"signal": ["top", "w", "z", "wjet", "zjet", "quark", "gluon", "qg"]}},
            "my.yaml: infer.signal: lists every sample, so that no background is left",
        ),
        (
            {"luminosity": float("inf")},
            "my.yaml: luminosity: input should be a finite number, not inf",
        ),
        (
            {"select": {"event": {"fatjets_min": 3, "fatjets_max": 1}}},
            "my.yaml: select.event: fatjets_min 3 is above fatjets_max 1",
        ),
        (
            {"models": {"c": {**EVENTS, "samples": ["w", "z"]}}, "evaluate": {"anomaly": ["top"]}},
            "my.yaml: evaluate.anomaly: must name some, not all, of the samples of models.c, which"
            " has `unit: event`: w, z",
        ),
        (
            {"models": {"c": EVENTS}, "evaluate": {"anomaly": ["topp"]}},
            "my.yaml: evaluate.anomaly: unknown sample 'topp'; did you mean 'top'?",
        ),
        (
            {"models": {"c": {**EVENTS, "unit": "events"}}},
            "my.yaml: models.c.unit: input should be 'jet' or 'event', not 'events'",
        ),
        (
            {"select": {"event": {"mjj": [3000, 4000]}}},
            "my.yaml: select.event: mjj needs two fat jets: fatjets_min is 1",
        ),
        (
            {"ingest": {"fatjet_pt_min": 5000}},
            "my.yaml: ingest.fatjet_pt_min: no fat jet above it can pass",
        ),
        (
            {"evaluate": {"rejection": [["w", ["w"]]]}},
            "my.yaml: evaluate.rejection: w needs other classes against it",
        ),
        (
            {"evaluate": {"reference": "bdtt"}},
            "my.yaml: evaluate.reference: unknown model 'bdtt'; did you mean 'bdt'?",
        ),
        (
            {
                "models": {"bdt": {"kind": "bdt"}, "c": EVENTS},
                "evaluate": {"anomaly": ["top"], "reference": "c"},
            },
            "my.yaml: evaluate.reference: c has no score for each class of a jet; those that have:"
            " bdt",
        ),
        ({"systematics": "nix.yaml"}, "my.yaml: systematics: no such file: nix.yaml"),
        (
            {"samples": {"top": TOP}, "systematics": None},
            "my.yaml: models.bdt: needs samples of at least two classes",
        ),
        (
            {"templates": {"regions": {"a": {"model": "bdd", "range": [0, 1]}}}},
            "my.yaml: templates.regions.a.model: unknown model 'bdd'; did you mean 'bdt'?",
        ),
    ],
)
def test_a_wrong_key_is_named(repository: Path, raw: dict[str, Any], message: str) -> None:
    assert any(line.startswith(message) for line in problems(raw, repository))


def test_all_problems_are_listed_at_once(repository: Path) -> None:
    lines = problems({"seed": -1, "lumi": 1, "ingest": {"workers": 0}}, repository)
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        ("x: {kind: rate, value: 0.1, samples: [tpo]}", "x.samples: unknown sample 'tpo'"),
        ("x: {kind: rat, value: 0.1}", "x: kind is 'rat', must be one of"),
        ("x: {kind: rate}", "x: needs either value, or up (and down)"),
        ("x: {kind: rate, value: 2}", "x.value: input should be less than 1, not 2"),
        ("x: {value: 2}", "x: 'kind' is required"),
        (
            "x: {kind: weight, up: weight_isr_upp}",
            "x.up: unknown weight column 'weight_isr_upp'; did you mean 'weight_isr_up'?",
        ),
        ("x: {kind: shift, correction: jer}", "x.correction: unknown correction 'jer'"),
        ("x: {kind: model, model: bdd, up: {seed: 2}}", "x.model: unknown model 'bdd'"),
        (
            "x: {kind: model, model: bdt, up: {max_deepness: 2}}",
            "x.up.max_deepness: unknown key; did you mean 'max_depth'?",
        ),
        (
            "x: {kind: model, model: ucluster, up: {samples: [w, z, topp]}}",
            "x.up.samples: unknown sample 'topp'; did you mean 'top'?",
        ),
        ("x_up: {kind: rate, value: 0.1}", "x_up: the name must not be nominal"),
        ("mu: {kind: rate, value: 0.1}", "mu: the name must not be nominal or mu"),
        ("x: {kind: rate, value: 0.1, samples: []}", "x.samples: list should have at least 1"),
        ("x: {kind: model, model: bdt, up: {}}", "x.up: dictionary should have at least 1"),
        ("x: {kind: rate, value: }", "x: needs either value, or up (and down)"),
        ("x: {kind: rate, up: 1.2}", "x: up: the yield of the mirrored side would not be positive"),
        (
            "x: {kind: rate, value: 0.1}\nx: {kind: rate, value: 0.2}",
            "x: is declared more than once",
        ),
        ("x: {kind: weight, down: weight_isr_up}", "x: down without up"),
        (
            "x: {kind: weight, up: weight_isr_up, envelope: [weight_isr_up, weight_isr_down]}",
            "x: needs one of up (and down), envelope, replicas, hessian; found up and envelope",
        ),
        (
            "x: {kind: weight, envelope: [weight_isr_up, weight_isr_dwn]}",
            "x.envelope.1: unknown weight column 'weight_isr_dwn'",
        ),
        ("x_m0: {kind: rate, value: 0.1}", "x_m0: the name must not be nominal"),
        ("x: {kind: rate, value: 0.1, regions: [pas]}", "x.regions: unknown region 'pas'"),
        ("x: {kind: rate, value: 0.1, parameter: mu}", "x.parameter: mu is taken"),
        (
            "x: &x {kind: rate, value: 0.1, samples: [*x]}",
            "x.samples.0: input should be",
        ),
        ("control_x: {kind: rate, value: 0.1}", "control_x.parameter: control_x is taken"),
        (
            "x: {kind: rate, value: 0.1}\ny: {kind: rate, value: 0.1, parameter: x, group: ml}",
            "y.group: ml, but other entries of parameter x are in group exp",
        ),
        (
            "x: {kind: weight, hessian: [weight_pdf_1, weight_pdf_2]}\n"
            "y: {kind: weight, up: weight_pdf_1, parameter: x}",
            "y.parameter: x is also that of x: entries with replicas or hessian share one if all",
        ),
        (
            "x: {kind: weight, hessian: [weight_pdf_1, weight_pdf_2]}\n"
            "x_2: {kind: rate, value: 0.1}",
            "x_2.parameter: x_2 is taken by a member of x",
        ),
        ("x: {kind: model, up: {seed: 2}}", "x: needs model (and what changes), or instead"),
        (
            "x: {kind: model, instead: {top: {model: ucluster, clusters: [top]}}}",
            "x.instead: needs the regions fail, top, v, each once",
        ),
        (
            "x: {kind: model, instead: {top: {model: ucluster, clusters: [tp]},"
            " v: {model: ucluster, clusters: [w]}, fail: {model: bdt, clusters: [w]}}}",
            "x.instead.top.clusters: no cluster stands for class 'tp'",
        ),
        (
            "x: {kind: model, model: bdt, up: {seed: 2}, use: crosscheck}",
            "x: use: crosscheck compares other regions",
        ),
        (
            "x: {kind: constituent, quantity: track_efficency, value: 0.02}",
            "x.quantity: input should be 'track_efficiency', 'charged_scale'",
        ),
        ("x: {kind: constituent, quantity: neutral_scale}", "x.value: is required"),
        (
            'x: {kind: weight, envelope: ["weight_pdf_{1..5}"]}',
            "x.envelope.4: unknown weight column 'weight_pdf_5'",
        ),
        (
            'x: {kind: weight, envelope: [weight_isr_up, "weight_pdf_{3..1}"]}',
            "x.envelope: weight_pdf_{3..1} is no ascending range: weight_pdf_{1..3}",
        ),
        (
            "x: {kind: weight, hessian: [weight_pdf_1, weight_alphas_up]}",
            "x.hessian.1: weight_alphas_up is alpha_s, no eigenvector: a systematic of its own",
        ),
        (
            "x: {kind: weight, hessian: [weight_pdf_1, weight_pdf_2], symmetrise: mean}",
            "x: symmetrise: mean does nothing to hessian",
        ),
        (
            "x: {kind: model, model: bdt, replicas: [{seed: 2}, {seed: 3}], symmetrise: largest}",
            "x: symmetrise: largest does nothing to replicas",
        ),
        ("x: {kind: rate, value: 0.1, value: 0.2}", "x.value: is declared more than once"),
        (
            "x: {kind: model, model: bdt, replicas: [{seed: 2, seed: 3}, {seed: 4}]}",
            "x.replicas.seed: is declared more than once",
        ),
        ("x: {kind: rate, value: 0.1, samples: [top, top]}", "x.samples: top is listed twice"),
        ("x: {kind: rate, value: 0.1, regions: [pass, pass]}", "x.regions: pass is listed twice"),
        (
            "x: {kind: weight, up: weight_isr_up, down: weight_isr_up}",
            "x.down: is the same as up",
        ),
        (
            "x: {kind: weight, envelope: [weight_mur2, weight_muf2, weight_mur2]}",
            "x.envelope.2: is the same as envelope.0",
        ),
        (
            "x: {kind: model, model: bdt, replicas: [{seed: 2}, {seed: 2}]}",
            "x.replicas.1: is the same as replicas.0",
        ),
        ("x: {kind: sample, down: ['a = 1']}", "x: down without up"),
        ("x: {kind: model, model: bdt, down: {seed: 2}}", "x: down without up"),
        ("x: {kind: shift, correction: jes, sides: [down]}", "x: sides: down without up"),
        ("x: {kind: rate, up: 0}", "x: up: 0 changes nothing"),
        ("x: {kind: rate, up: 0, down: 0}", "x: up: 0 changes nothing"),
        (
            "x: {kind: model, model: bdt, up: {seed: 2}, down: {max_depth: 4}}",
            "x.down: is the same as models.bdt: no key changes",
        ),
        (
            "x: {kind: model, model: ucluster, up: {preset: paper}}",
            "x.up: is the same as models.ucluster: no key changes",
        ),
        (
            "x: {kind: sample, up: ['Tune:pp 21']}",
            "x.up.0: 'Tune:pp 21' is not a setting of Pythia: `Tune:pp = 21`",
        ),
        ("x: {kind: sample, up: ['Tune:pp =']}", "x.up.0: 'Tune:pp =' is not a setting of Pythia"),
        ("x: {kind: shift, envelope: [jes, jess]}", "x.envelope.1: unknown correction 'jess'"),
        ("x: {kind: shift, correction: jes, samples: [tpo]}", "x.samples: unknown sample 'tpo'"),
        ("x: [", "not readable as YAML"),
    ],
)
def test_a_wrong_systematic_is_named(
    repository: Path, tmp_path: Path, declaration: str, message: str
) -> None:
    path = tmp_path / "systematics.yaml"
    path.write_text(declaration)
    lines = problems({"systematics": str(path)}, repository)
    assert any(line.startswith(f"{path}: {message}") for line in lines), lines


@pytest.mark.parametrize(
    ("poi", "declaration", "message"),
    [
        ("jes", "jes: {kind: rate, value: 0.1}", "jes.parameter: jes is a parameter of interest"),
        (
            "r",
            "x: {kind: rate, value: 0.1, parameter: r}",
            "x.parameter: r is a parameter of interest (infer.signal); choose another name",
        ),
        (
            "x_2",
            "x: {kind: weight, hessian: [weight_pdf_1, weight_pdf_2]}",
            "x.parameter: x_2, one of its members, is a parameter of interest (infer.signal)",
        ),
    ],
)
def test_a_systematic_called_as_a_parameter_of_interest(
    repository: Path, tmp_path: Path, poi: str, declaration: str, message: str
) -> None:
    path = tmp_path / "systematics.yaml"
    path.write_text(declaration)
    signal = {"infer": {"signal": {poi: ["top"]}}}
    (line,) = problems({"systematics": str(path), **signal}, repository)
    assert line.startswith(f"{path}: {message}")


def test_types_and_names_of_systematics_are_said_at_once(repository: Path, tmp_path: Path) -> None:
    path = tmp_path / "systematics.yaml"
    path.write_text(
        "a: {kind: weight, down: weight_isr_up}\n"
        "b: {kind: weight, up: weight_isr_upp}\n"
        "c: {kind: rate, value: 0.1, samples: [tpo]}\n"
        "d: {kind: shift, correction: jess}"
    )
    # Entry a exists, whatever is wrong with it.
    composition = {"composition": {"systematics": ["a"]}}
    lines = problems({"systematics": str(path), "background": composition}, repository)
    assert [line.removeprefix(f"{path}: ").partition(":")[0] for line in lines] == [
        *("a", "b.up", "c.samples", "d.correction")
    ]


@pytest.mark.parametrize("entry", ["rate, value: 0.1", "weight, up: weight_isr_up"])
def test_collision_data_cannot_be_varied(repository: Path, tmp_path: Path, entry: str) -> None:
    path = tmp_path / "systematics.yaml"
    path.write_text(f"x: {{kind: {entry}, samples: [top, run]}}")
    raw = {"samples": {"top": TOP, "quark": QUARK, "run": RUN}, "systematics": str(path)}
    message = f"{path}: x.samples: run is collision data, which nothing varies"
    assert message in problems(raw, repository)


def test_entries_that_are_not_enabled_are_not_checked_further(
    repository: Path, tmp_path: Path
) -> None:
    path = tmp_path / "systematics.yaml"
    path.write_text(
        "x: {kind: rate, value: 0.1}\ny: {kind: model, model: other, up: {a: 1}, enabled: false}"
    )
    _, systematics = load({"systematics": str(path)}, repository)
    assert list(systematics) == ["x"]
    path.write_text("x: {kind: rate, vale: 0.1, enabled: false}")
    assert any(
        "x.vale: unknown key" in line for line in problems({"systematics": str(path)}, repository)
    )


def test_one_side_of_a_rate_may_be_nothing_and_a_replica_nominal(
    repository: Path, tmp_path: Path
) -> None:
    path = tmp_path / "systematics.yaml"
    path.write_text(
        "x: {kind: rate, up: 0, down: -0.1}\n"
        "y: {kind: model, model: bdt, replicas: [{seed: 1}, {seed: 2}]}"
    )
    _, systematics = load({"systematics": str(path)}, repository)
    assert systematics["x"].sides() == (1, 0.9)


def test_entries_may_be_merged(repository: Path, tmp_path: Path) -> None:
    path = tmp_path / "systematics.yaml"
    path.write_text("x: &x {kind: rate, value: 0.1}\ny: {<<: *x, value: 0.2}")
    _, systematics = load({"systematics": str(path)}, repository)
    assert systematics["y"].value == 0.2


def test_ranges_of_columns_are_written_out() -> None:
    raw = {"pdf": {"kind": "weight", "hessian": ["weight_pdf_{1..100}", "weight_as"]}}
    members = list(SYSTEMATICS.validate_python(raw)["pdf"].members().values())
    assert members == [*(f"weight_pdf_{i}" for i in range(1, 101)), "weight_as"]


def test_constituents_without_charge_cannot_be_varied(repository: Path, tmp_path: Path) -> None:
    path = tmp_path / "systematics.yaml"
    path.write_text("x: {kind: constituent, quantity: neutral_scale, value: 0.1, samples: [w]}")
    raw = {
        "samples": {"w": {"source": "hls4ml", "files": [__file__]}},
        "models": {},
        "systematics": str(path),
    }
    assert problems(raw, repository) == [f"{path}: x.samples: the constituents of w have no charge"]


def test_samples_without_weights_cannot_be_reweighted(repository: Path, tmp_path: Path) -> None:
    path = tmp_path / "systematics.yaml"
    path.write_text("x: {kind: weight, up: weight_isr_up}")
    raw = {
        "samples": {"top": TOP, "w": {"source": "hls4ml", "files": [__file__]}},
        "models": {},
        "systematics": str(path),
    }
    assert problems(raw, repository) == [
        f"{path}: x.samples: w has no weight columns: only ROOT files have them"
    ]
    path.write_text("x: {kind: weight, up: weight_isr_up, samples: [top]}")
    assert list(load(raw, repository)[1]) == ["x"]


def test_weights_that_are_not_simulated_vary_nothing(repository: Path, tmp_path: Path) -> None:
    path = tmp_path / "systematics.yaml"
    quark = QUARK | {"shower_weights": False}
    raw = {"samples": {"top": TOP, "quark": quark}, "models": {}, "systematics": str(path)}
    path.write_text("x: {kind: weight, up: weight_mur2, down: weight_mur05}")
    assert list(load(raw, repository)[1]) == ["x"]
    path.write_text("x: {kind: weight, up: weight_isr_up}")
    assert problems(raw, repository) == [
        f"{path}: x.samples: quark is simulated without weight_isr_up (`shower_weights: false`)"
    ]
    path.write_text("x: {kind: weight, up: weight_isr_up, samples: [top]}")
    assert list(load(raw, repository)[1]) == ["x"]


def root(*files: str) -> RootSample:
    """A sample of ROOT files."""
    return RootSample(source="root", files=list(files))


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ({"branches": {"FatJet_ptt": "x"}}, "branches.FatJet_ptt: is not read; did you mean 'Fa"),
        ({"branches": {"Muon": "x"}}, "branches.Muon: is not read; docs/inputs.md lists what is"),
        ({"branches": {"FatJet": 1}}, "branches.FatJet: input should be a valid string, not 1"),
        ({"format": "delfes"}, "format: input should be 'nanoaod' or 'delphes', not 'delfes'"),
        ({"golden_json": "x.json"}, "golden_json: is for collision data (`data: true`)"),
        ({"golden_json": "no.json", "data": True}, "golden_json: no.json: no such file"),
        ({"unweighted": True, "data": True}, "unweighted: is for simulation"),
        ({"triger": []}, "triger: unknown key; did you mean 'triggers'?"),
        ({"triggers": "HLT_x"}, "triggers: input should be a valid list"),
    ],
)
def test_what_a_tree_holds_is_checked(repository: Path, sample: dict, message: str) -> None:
    raw = {"samples": {"x": {"source": "root", "files": [__file__], **sample}}, "models": {}}
    assert any(f"my.yaml: samples.x.{message}" in line for line in problems(raw, repository))


def test_patterns_and_lists_are_expanded_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lists").mkdir()
    for name in ("b.root", "a.root", "c.root", "d#1.root", "e [1].root"):
        (tmp_path / name).touch()
    (tmp_path / "lists/far.txt").write_text(
        "\ufeff# relative to the working folder\n\nd#1.root # a comment\n  c.root\nroot://s//e.root?a=b\n"
    )
    files, problems = expand(
        root("./[ab].root", "lists/*.txt", "https://s/f.root?x", "./e [1].root")
    )
    assert problems == []
    assert files == [
        *("a.root", "b.root", "d#1.root", "c.root", "root://s//e.root?a=b", "https://s/f.root?x"),
        "e [1].root",
    ]


def test_a_file_is_found_twice_by_whatever_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its events would count twice."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.root").touch()
    for again in ("./a.root", ".//a.root", str(tmp_path / "a.root"), "*.root"):
        _, problems = expand(root("a.root", again))
        assert len(problems) == 1
        assert problems[0].endswith("a.root is listed more than once")


def test_everything_wrong_with_files_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.root").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.txt").write_text("# nothing\n")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe")
    (tmp_path / "list.txt").write_text(
        "a.root\nb.root\nc*.root\n\nroot://s//*.root\nother.txt\n/store/mc/d.root\nfolder\n"
        "s3://x/y.root\nroot://s\na.root\n"
    )
    _, problems = expand(root("list.txt", "no.txt", "no*.txt", "empty.txt", "binary.txt"))
    assert problems == [
        "list.txt, line 2: no such file: b.root",
        "list.txt, line 3: no file matches c*.root",
        "list.txt, line 5: root://s//*.root: patterns are not expanded on servers: list the files"
        " in a text file (`xrdfs SERVER ls FOLDER`) and name that",
        "list.txt, line 6: other.txt: a list in a list",
        "list.txt, line 7: no such file: /store/mc/d.root: a logical file name of CMS needs a"
        " server before it: root://cms-xrd-global.cern.ch//store/mc/d.root",
        "list.txt, line 8: not a file: folder is a folder: name its files, folder/*.root",
        "list.txt, line 9: s3://x/y.root: addresses start with root://, https://, http://",
        "list.txt, line 10: root://s: is not an address of a file: root://server//path/file.root",
        "no such list: no.txt",
        "no list matches no*.txt",
        "empty.txt: lists no file",
        "binary.txt: not a readable text list: 'utf-8' codec can't decode byte 0xff in position 0:"
        " invalid start byte",
        "a.root is listed more than once",
    ]


def test_where_dask_workers_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """As SLURM jobs where there is SLURM, and then not with CPUs of the job that ingests."""

    def processes(**dask: str) -> int:
        return Ingest(executor="dask", workers=4, dask=dask).processes()

    for here, expected in ((False, 4), (True, 1)):
        monkeypatch.setattr("boostflow.config.chain.has_slurm", lambda here=here: here)
        assert processes() == expected
        assert processes(cluster="local") == 4
        assert processes(cluster="slurm") == 1
    assert Ingest(executor="futures", workers=3).processes() == 3
    assert Ingest(workers=3).processes() == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\n", "not readable as YAML: while parsing"),
        ("- a\n", "has no keys, expected `output: results`"),
        ("output: [a]\n", "output: ['a'] is not a folder"),
        ("output: ''\n", "output: '' is not a folder"),
    ],
)
def test_make_report_refuses_a_bad_file_in_one_line(
    repository: Path, tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    # An environment that counts as made; its Python is the one that runs the test.
    (tmp_path / ".flavour").write_text("cpu")
    (tmp_path / ".ready-cpu").touch()
    places = [f"VENV={tmp_path}", f"BIN={Path(sys.executable).parent}"]
    done = subprocess.run(
        ["make", "--silent", "report", f"CONFIG={path}", *places],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        # Not as a part of the `make test` that runs this.
        env={name: value for name, value in os.environ.items() if not name.startswith("M")},
    )
    assert done.returncode != 0 and done.stdout == ""
    first, *rest = done.stderr.splitlines()
    assert first.startswith(f"boostflow: error: {path}: {message}")
    assert all(line.startswith("make: ***") for line in rest)


def test_the_output_folder_of_a_file(tmp_path: Path) -> None:
    assert output_folder(None) == "results"
    path = tmp_path / "c.yaml"
    path.write_text("")
    assert output_folder(path) == "results"
    path.write_text("output: results/x\n")
    assert output_folder(path) == "results/x"


HOME_PATHS = ("~/x.json", "$HOME/x.json", "${HOME}/x.json")


@pytest.mark.parametrize("path", HOME_PATHS)
def test_the_home_folder_in_all_paths(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    there = f"{tmp_path}/x.json"
    config = Config.model_validate(
        {
            "output": path,
            "systematics": path,
            "select": {"corrections": path},
            "samples": {
                "data": {"source": "root", "files": [path], "data": True, "golden_json": path},
                "top": {
                    **{"source": "root", "files": [path, "https://host/~me/$a/x.root"]},
                    "weights": {"pu": {"file": path, "correction": "pu"}},
                },
            },
        }
    )
    assert (config.output, config.systematics, config.select.corrections) == (there,) * 3
    assert config.samples["data"].files == [there]
    assert config.samples["data"].golden_json == there
    assert config.samples["top"].files == [there, "https://host/~me/$a/x.root"]
    assert config.samples["top"].weights["pu"].file == there
    said = tmp_path / "c.yaml"
    said.write_text(f"output: {path}", encoding="utf-8")
    assert output_folder(said) == there
    names = tmp_path / "names.txt"
    names.write_text(f"{path} # comment", encoding="utf-8")
    (tmp_path / "x.json").touch()
    sample = config.samples["data"].model_copy(update={"files": [str(names)]})
    assert expand(sample) == ([there], [])


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("~nobody_of_this_name/x", "there is no user 'nobody_of_this_name' (a file: ./~nobody"),
        ("$SCRATCH/x", "$SCRATCH/x: $SCRATCH is not known here: write the path out"),
        ("/data/${USER}/x", "${USER} is not known here"),
    ],
)
def test_other_users_and_variables_are_refused(
    path: str, message: str, repository: Path, tmp_path: Path
) -> None:
    with pytest.raises(BoostflowError) as caught:
        load({"output": path, "select": {"corrections": path}}, repository)
    assert f"output: {path}: " in str(caught.value)
    assert str(caught.value).count(message) == 2
    (tmp_path / "c.yaml").write_text(f"output: {path}", encoding="utf-8")
    with pytest.raises(BoostflowError, match="output: "):
        output_folder(tmp_path / "c.yaml")
    (tmp_path / "names.txt").write_text(path, encoding="utf-8")
    sample = RootSample(source="root", files=[str(tmp_path / "names.txt")])
    assert message in expand(sample)[1][0]


def test_pythia_knows_no_home_folder(repository: Path) -> None:
    with pytest.raises(BoostflowError, match="Pythia knows no ~"):
        load({"simulation": {"settings": ["SLHA:file = ~/x.slha"]}}, repository)


def test_descriptions_are_those_that_pydantic_would_keep() -> None:
    for block in (Config, Select, Ingest, RootSample):
        kept = docs_of(block)
        assert {k: inspect.cleandoc(v) for k, v in kept.items()} == {
            k: v for k, v in descriptions(block).items() if k in kept
        }


def test_a_task_that_nothing_judges_is_refused(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = type(next(iter(Config().models.values())))
    monkeypatch.setattr(block, "task", lambda self: Task.GENERATE)
    monkeypatch.setattr(block, "scored_unit", lambda self: "event")
    with pytest.raises(BoostflowError, match="is to generate events, which nothing judges yet"):
        load({"systematics": None, "infer": None}, repository)
