"""Which variation's file does a stage need? DESIGN's table, line by line."""

from __future__ import annotations

import pytest

from boostflow.config.config import Config
from boostflow.config.systematics import SYSTEMATICS
from boostflow.variations import Variations

DECLARED = SYSTEMATICS.validate_python(
    {
        "lumi": {"kind": "rate", "value": 0.01},
        "isr": {"kind": "weight", "up": "weight_isr_up", "down": "weight_isr_down"},
        "jes": {"kind": "shift", "correction": "jes"},
        "jes_top": {"kind": "shift", "correction": "jes", "samples": ["top"]},
        "tracks": {"kind": "constituent", "quantity": "track_efficiency", "value": 0.02},
        "fsr": {"kind": "sample", "up": ["a = 1"], "down": ["a = 2"], "samples": ["top"]},
        "tune": {"kind": "sample", "up": ["a = 1"]},
        "depth": {"kind": "model", "model": "bdt", "up": {"max_depth": 2}},
        "clusters": {"kind": "model", "model": "ucluster", "up": {"clusters": 4}},
    }
)


@pytest.fixture(scope="module")
def variations() -> Variations:
    return Variations(Config(), DECLARED)


@pytest.mark.parametrize(
    ("variation", "touched"),
    [
        ("isr_up", {"templates"}),
        ("jes_up", {"select", "score", "templates"}),
        ("tracks_up", {"ingest", "select", "score", "templates"}),
        ("tune_up", {"simulate", "ingest", "select", "score", "templates"}),
        ("depth_up", {"train", "score", "templates"}),
    ],
)
def test_a_kind_touches_its_stage_and_all_after_it(
    variations: Variations, variation: str, touched: set[str]
) -> None:
    for stage in ("simulate", "ingest", "select"):
        expected = variation if stage in touched else "nominal"
        assert variations.resolve(stage, variation, sample="top") == expected
    for stage in ("train", "score"):
        expected = variation if stage in touched else "nominal"
        assert variations.resolve(stage, variation, model="bdt") == expected
    assert variations.resolve("templates", variation) == variation


def test_only_its_samples_are_touched(variations: Variations) -> None:
    assert variations.resolve("select", "jes_top_up", sample="top") == "jes_top_up"
    assert variations.resolve("select", "jes_top_up", sample="w") == "nominal"
    assert variations.resolve("simulate", "fsr_up", sample="w") == "nominal"


def test_only_its_model_is_touched(variations: Variations) -> None:
    assert variations.resolve("train", "depth_up", model="ucluster") == "nominal"
    assert variations.resolve("score", "depth_up", model="ucluster") == "nominal"


def test_names_follow_the_declaration(variations: Variations) -> None:
    assert "lumi_up" not in variations.names()
    assert "depth_down" not in variations.names()
    assert variations.names()[:2] == ["isr_up", "isr_down"]


def test_a_model_that_no_region_reads_has_no_templates(variations: Variations) -> None:
    assert "clusters_up" not in variations.with_templates()
    assert "depth_up" in variations.with_templates()


def test_collision_data_is_never_varied() -> None:
    config = Config.model_validate(
        {"samples": {"data": {"source": "root", "files": ["x.root"], "data": True}}, "models": {}}
    )
    variations = Variations(config, {"jes": DECLARED["jes"], "tune": DECLARED["tune"]})
    assert variations.resolve("select", "jes_up", sample="data") == "nominal"
    assert variations.with_templates() == ["nominal"]


def test_constituents_of_hdf5_files_have_no_charge() -> None:
    config = Config.model_validate(
        {"samples": {"w": {"source": "hls4ml", "files": ["x.h5"], "xsec": 1}}, "models": {}}
    )
    variations = Variations(config, {"tracks": DECLARED["tracks"], "jes": DECLARED["jes"]})
    assert variations.resolve("ingest", "tracks_up", sample="w") == "nominal"
    assert variations.with_templates() == ["nominal", "jes_up", "jes_down"]


def test_tracks_are_lost_and_scales_go_both_ways(variations: Variations) -> None:
    assert "tracks_down" not in variations.names()
    declared = SYSTEMATICS.validate_python(
        {"x": {"kind": "constituent", "quantity": "neutral_scale", "value": 0.1}}
    )
    assert list(declared["x"].members()) == ["up", "down"]


def test_an_unknown_variation_is_an_error(variations: Variations) -> None:
    with pytest.raises(KeyError):
        variations.resolve("select", "jse_up", sample="top")


def test_figures_vary_with_scores_and_weights_of_a_model_that_regions_read(
    variations: Variations,
) -> None:
    names = variations.evaluated("bdt")
    assert {"isr_up", "isr_down", "jes_up", "jes_top_down", "fsr_up", "depth_up"} <= set(names)
    assert "clusters_up" not in names
    assert variations.evaluated("ucluster") == []
