"""config/taggers.yaml with few jets and epochs: all families, compared, and the method's error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.analyses import Analysis, shipped_test_config

SHORT = {"epochs": 2, "patience": 2}
"""What makes the training of a network quick."""


def few(repository: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The shipped configuration and systematics with few jets, epochs and systematics."""
    config = yaml.safe_load((repository / "config/taggers.yaml").read_text())
    declared = yaml.safe_load((repository / config["systematics"]).read_text())
    small = shipped_test_config()
    config |= {key: small[key] for key in ("samples", "simulation")}
    config["evaluate"]["bootstrap"] = 10
    config["templates"] |= {"bins": 6}
    config["infer"]["transfer"] |= {"order": 1, "toys": 10}
    for region in config["templates"]["regions"].values():
        region["range"] = [0.8 if edge == 0.98 else edge for edge in region["range"]]
    for region in declared["another_model"]["instead"].values():
        region["range"] = [0.8 if edge == 0.98 else edge for edge in region["range"]]
    for block in config["models"].values():
        block |= {"rounds": 20} if block["kind"] == "bdt" else SHORT
        if "models" in block and not block.get("joint"):
            block["frozen_epochs"] = 1
    kept = ("lumi", "network_seed", "another_model")
    return config, {name: declared[name] for name in kept}


@pytest.fixture(scope="module")
def taggers(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Analysis:
    """A finished run."""
    folder = tmp_path_factory.mktemp("taggers")
    config, declared = few(repository)
    (folder / "systematics.yaml").write_text(yaml.safe_dump(declared))
    run = Analysis(folder, config | {"systematics": "systematics.yaml"})
    done = run.snakemake()
    assert done.returncode == 0, done.stdout
    return run


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_all_families_are_ranked(taggers: Analysis) -> None:
    found = read(taggers.out / "classifiers.json")
    assert set(found["models"]) == set(taggers.config["models"])
    for row in found["models"].values():
        assert row["parameters"] > 0
        assert row["peak_mb"] > 0
        assert row["rate"] > 0
        assert 0.3 < row["macro_auc"]["value"] < 1
    reference = found["reference"]
    assert [n for n, row in found["models"].items() if row["difference"] is None] == [reference]
    for name in ("classifiers.txt", "plots/classifiers.png"):
        assert (taggers.out / name).stat().st_size > 0


def test_networks_that_are_joined_are_the_parts(taggers: Analysis) -> None:
    parts = [
        read(taggers.out / f"models/{name}/nominal/manifest.json")
        for name in ("sets", "observables")
    ]
    whole = read(taggers.out / "models/merged/nominal/manifest.json")
    jointly = read(taggers.out / "models/jointly/nominal/manifest.json")
    # The head is more than the last layers that it replaces.
    assert whole["parameters"] == jointly["parameters"] > sum(p["parameters"] for p in parts)


def test_both_ways_of_the_method_are_parameters_of_the_fit(taggers: Analysis) -> None:
    names = {row["name"] for row in read(taggers.out / "inference/fit.json")["parameters"]}
    for declared in ("network_seed", "another_model"):
        assert any(name.startswith(declared) for name in names)


def test_a_second_run_has_nothing_to_do(taggers: Analysis) -> None:
    assert taggers.planned() == {}
