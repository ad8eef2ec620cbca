"""Configurations of flavour tagging: what is refused before anything runs, and the shipped one."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from boostflow.config.load import load
from boostflow.errors import BoostflowError

REPOSITORY = Path(__file__).parents[2]
SHIPPED: dict[str, Any] = yaml.safe_load((REPOSITORY / "config" / "bjets.yaml").read_text())


def test_the_shipped_configuration() -> None:
    config, systematics = load(SHIPPED, REPOSITORY)
    assert config.labels() == ["b", "c", "light"] and not systematics
    assert config.simulation.detector.tracking is not None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"ingest": {"tracks": False}},
            "ingest.tracks: is false, but models.trees needs n_tracks, which is made of tracks or"
            " vertices: set it to true",
        ),
        (
            {"simulation": {"detector": {}}},
            "simulation.detector.tracking: is null, but models.trees needs n_tracks",
        ),
        (
            {"evaluate": {"efficiency": {"signal": "b", "background": "lite"}}},
            "evaluate.efficiency.background: unknown class 'lite'; did you mean 'light'?",
        ),
        (
            {"evaluate": {"efficiency": {"signal": "b", "background": "b"}}},
            "evaluate.efficiency: a class is named twice: b, b",
        ),
        (
            {"evaluate": {"efficiency": {"signal": "b", "background": "c", "column": "ptt"}}},
            "evaluate.efficiency.column: unknown column 'ptt'; did you mean 'pt'?",
        ),
    ],
)
def test_what_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(BoostflowError) as error:
        load(copy.deepcopy(SHIPPED) | change, REPOSITORY)
    assert said in str(error.value)


def test_sets_without_tracks_are_refused() -> None:
    config = copy.deepcopy(SHIPPED)
    config["samples"]["more"] = {"source": "toptag", "files": ["x_p4.npy"], "label": "light"}
    with pytest.raises(BoostflowError) as error:
        load(config, REPOSITORY)
    assert "samples.more.source: toptag has no impact parameters" in str(error.value)
