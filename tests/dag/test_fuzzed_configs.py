"""Mutated configurations: each is refused with messages that name keys, or it plans a DAG.

The mutations are drawn by hypothesis, always the same ones. Keys are dropped, renamed and copied,
values change their type, size or place, in the configuration and in the systematics file.
"""

from __future__ import annotations

import contextlib
import copy
import datetime
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from boostflow.config.config import Config
from boostflow.config.load import load
from boostflow.config.systematics import SYSTEMATICS
from boostflow.errors import BoostflowError
from support.plans import REPOSITORY, Plan

CONFIG = {
    "samples": {
        "top": {"source": "simulation", "process": "top", "label": "top", "parts": 1},
        "quark": {"source": "root", "files": ["q.root"], "label": "quark", "xsec": 1.0},
        "run": {"source": "root", "files": ["r.root"], "data": True},
        "jets": {"source": "hls4ml", "files": ["*.h5"], "label": "w", "xsec": 1.0},
    },
    "models": {
        "bdt": {"kind": "bdt"},
        "ucluster": {"kind": "ucluster", "samples": ["top", "jets"], "clusters": 2},
    },
    "select": {"smearing": {"resolution": "jer_resolution", "scale_factor": "jer_scale_factor"}},
    "evaluate": {"rejection": [["w", ["quark"]]]},
    "templates": {
        "regions": {"pass": {"range": [0.9, 1.0]}, "fail": {"range": [0, 0.9], "control": True}}
    },
    "background": {
        "abcd": {"samples": ["quark"]},
        "sideband": {"samples": ["quark"]},
        "control": {
            "low": {"samples": ["quark"], "model": "bdt", "column": "p_top", "range": [0, 0.1]}
        },
        "composition": {"classes": {"top": ["top"], "w": ["jets"], "q": ["quark"]}},
    },
}
SYSTEMATIC = {
    "lumi": {"kind": "rate", "value": 0.016},
    "xsec": {"kind": "rate", "up": 0.1, "down": -0.2, "samples": ["quark"]},
    "isr": {"kind": "weight", "up": "weight_isr_up", "samples": ["top"]},
    "pdf": {"kind": "weight", "hessian": ["weight_pdf_{1..4}"], "samples": ["top"]},
    "jes": {"kind": "shift", "correction": "jes"},
    "jer": {"kind": "shift", "quantity": "resolution", "samples": ["top"]},
    "track": {
        "kind": "constituent",
        "quantity": "track_efficiency",
        "value": 0.02,
        "samples": ["top"],
    },
    "fsr": {"kind": "sample", "up": ["TimeShower:renormMultFac = 0.25"], "samples": ["top"]},
    "depth": {"kind": "model", "model": "bdt", "up": {"max_depth": 6}, "down": {"max_depth": 3}},
    "method": {
        "kind": "model",
        "use": "crosscheck",
        "instead": {
            "pass": {"model": "ucluster", "clusters": ["top"]},
            "fail": {"model": "ucluster", "clusters": ["w"]},
        },
    },
}
FULL = {
    "config": Config.model_validate(CONFIG).model_dump(mode="json"),
    "systematics": {
        name: block.model_dump(mode="json", exclude_none=True)
        for name, block in SYSTEMATICS.validate_python(SYSTEMATIC).items()
    },
}
"""Both files with all their keys."""

VALUES = [
    *(None, True, False, 0, 1, 2, 7, -1, 0.5, 1.5, -0.5, 1e308, 10**30),
    *(float("nan"), float("inf"), datetime.date(2026, 1, 1)),
    *(
        "",
        " ",
        "x",
        "1",
        "top",
        "bdt",
        "nan",
        "ünïcödé",
        "日本",
        "a b",
        "{x}",
        "../x",
        "a:b",
        "\0",
        "*",
        "[",
    ),
    *(
        "x" * 300,
        "config.yaml",
        "root://server",
        "https://x/y.root",
        "*.txt",
        "/store/x.root",
        "mu",
    ),
    *([], {}, [[]], [None], ["top"], ["top", "top"], [1, 0], [0, 1], {"x": 1}, {"top": {}}, {1: 2}),
]
NAMES = [
    "",
    "x",
    "X",
    "tpo",
    "pass",
    "data",
    "total",
    "ü",
    "a b",
    "a.b",
    "mu",
    "kind",
    "x" * 300,
    1,
    None,
    True,
]


def places(node: Any, path: tuple = ()) -> Iterator[tuple]:
    """Paths of everything inside a tree of dictionaries and lists."""
    children = node.items() if isinstance(node, dict) else enumerate(node)
    for key, child in children:
        yield (*path, key)
        if isinstance(child, dict | list):
            yield from places(child, (*path, key))


def parent_of(tree: Any, path: tuple) -> Any:
    for key in path[:-1]:
        tree = tree[key]
    return tree


def drop(tree: Any, path: tuple, other: tuple, value: Any, name: Any) -> None:
    del parent_of(tree, path)[path[-1]]


def replace(tree: Any, path: tuple, other: tuple, value: Any, name: Any) -> None:
    parent_of(tree, path)[path[-1]] = copy.deepcopy(value)


def rename(tree: Any, path: tuple, other: tuple, value: Any, name: Any) -> None:
    parent = parent_of(tree, path)
    if isinstance(parent, dict):
        parent[name] = parent.pop(path[-1])


def typo(tree: Any, path: tuple, other: tuple, value: Any, name: Any) -> None:
    rename(tree, path, other, value, f"{path[-1]}"[::-1])


def duplicate(tree: Any, path: tuple, other: tuple, value: Any, name: Any) -> None:
    parent = parent_of(tree, path)
    same = copy.deepcopy(parent[path[-1]])
    if isinstance(parent, list):
        parent.append(same)
    else:
        parent[name] = same


def wrap(tree: Any, path: tuple, other: tuple, value: Any, name: Any) -> None:
    """A scalar in a list, a list as its first element."""
    parent = parent_of(tree, path)
    old = parent[path[-1]]
    parent[path[-1]] = old[0] if isinstance(old, list) and old else [old]


def scale(tree: Any, path: tuple, other: tuple, value: Any, name: Any) -> None:
    """A number a little larger, a string a little longer."""
    parent = parent_of(tree, path)
    old = parent[path[-1]]
    if isinstance(old, int | float | str) and not isinstance(old, bool):
        parent[path[-1]] = f"{old}2" if isinstance(old, str) else old + 1


def turn(tree: Any, path: tuple, other: tuple, value: Any, name: Any) -> None:
    parent = parent_of(tree, path)
    old = parent[path[-1]]
    if isinstance(old, list):
        parent[path[-1]] = old[::-1]
    elif isinstance(old, bool):
        parent[path[-1]] = not old
    elif isinstance(old, int | float):
        parent[path[-1]] = -old
    elif isinstance(old, str):
        parent[path[-1]] = old.upper()


def move(tree: Any, path: tuple, other: tuple, value: Any, name: Any) -> None:
    """What stands elsewhere, here."""
    found = parent_of(tree, other)[other[-1]]
    parent_of(tree, path)[path[-1]] = copy.deepcopy(found)


OPERATIONS: list[Callable[..., None]] = [
    drop,
    replace,
    rename,
    typo,
    duplicate,
    wrap,
    scale,
    turn,
    move,
]


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """Both files with one or two changes in one of them."""
    files = copy.deepcopy(FULL)
    tree = files[draw(st.sampled_from(["config", "config", "systematics"]))]
    for _ in range(draw(st.sampled_from([1, 1, 1, 2]))):
        paths = list(places(tree))
        if not paths:
            break
        path, other = (draw(st.sampled_from(paths)) for _ in range(2))
        value, name = draw(st.sampled_from(VALUES)), draw(st.sampled_from(NAMES))
        draw(st.sampled_from(OPERATIONS))(tree, path, other, value, name)
    return files


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the samples' files are."""
    place = tmp_path_factory.mktemp("fuzz")
    for name in ("q.root", "r.root", "a.h5"):
        (place / name).touch()
    return place


def refusal(files: dict[str, Any], folder: Path) -> str | None:
    """The message of a refused configuration."""
    path = folder / "s.yaml"
    path.write_text(yaml.dump(files["systematics"], Dumper=yaml.CSafeDumper))
    config = dict(files["config"])
    if config.get("systematics", 0) == FULL["config"]["systematics"]:
        config["systematics"] = str(path)
    with contextlib.chdir(folder):
        try:
            load(config, REPOSITORY, "c.yaml")
        except BoostflowError as error:
            return str(error)
    return None


def test_mutated_configurations_are_refused_or_planned(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    seen = {"refused": 0, "planned": 0}

    @settings(
        max_examples=500,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(mutated())
    def check(files: dict[str, Any]) -> None:
        message = refusal(files, folder)
        if message is not None:
            seen["refused"] += 1
            keys = {*files["config"], *files["systematics"], *FULL["config"]}
            # YAML's true is the key 1 to pydantic.
            names = {"(top level)", *map(str, keys), *(str(int(k)) for k in keys if k is True)}
            for line in message.splitlines():
                found = re.match(r"(c\.yaml|\S*s\.yaml): (?P<key>.*?): .", line)
                assert found, line
                assert "" in keys or found["key"].startswith(tuple(names)), line
            return
        seen["planned"] += 1
        assert Plan(folder, files["config"], files["systematics"]).jobs()
        capfd.readouterr()

    assert refusal(FULL, folder) is None
    check()
    assert seen["refused"] >= 200 and seen["planned"] >= 50
