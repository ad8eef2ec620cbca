"""A model that is made from other models: a variation of any of them trains it anew."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TAIL = {
    *(("infer", ""), ("plot_fit", ""), ("fit_tables", ""), ("summary", ""), ("provenance", "")),
    *(("default", ""), ("health", ""), ("plot_health", "")),
    ("evaluate_systematics_averaged", "whole"),
    ("plot_systematics_averaged", "whole"),
}
FITTED = TAIL | {("score", "whole/varied_up"), ("templates", "varied_up")}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What merged_models.py prints; its families must not reach other tests."""
    script = Path(__file__).with_name("merged_models.py")
    folder = tmp_path_factory.mktemp("merged")
    done = subprocess.run(
        [sys.executable, str(script), str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_a_merged_model_reads_the_models_that_it_is_made_from(found: dict[str, Any]) -> None:
    models = [path for path in found["inputs"]["middle"] if "/models/" in path]
    assert models == ["out/models/shallow/nominal", "out/models/deep/nominal"]
    assert "out/models/middle/nominal" in found["inputs"]["whole"]


def test_a_variation_of_a_sub_model_reruns_all_that_is_merged_from_it(
    found: dict[str, Any],
) -> None:
    assert set(map(tuple, found["below"])) == FITTED | {
        ("train_bdt", "shallow/varied_up"),
        ("train_averaged", "middle/varied_up"),
        ("train_averaged", "whole/varied_up"),
    }


def test_a_variation_of_the_merged_model_leaves_its_sub_models(found: dict[str, Any]) -> None:
    assert set(map(tuple, found["itself"])) == FITTED | {("train_averaged", "whole/varied_up")}


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("unknown", "models.whole: is made from an unknown model 'shalow'; did you mean 'shallow'"),
        ("cycle", "models.whole: is made from itself, by way of ring"),
        ("own", "models.whole: is made from itself"),
    ],
)
def test_what_a_model_cannot_be_made_from(found: dict[str, Any], what: str, message: str) -> None:
    assert message in found[what]
    assert found["good"] == ""
