"""Jobs that train, score and judge models: which key makes which of them run again."""

from __future__ import annotations

from typing import Any

import pytest

from boostflow.cli import read
from boostflow.config.chain import Evaluate as EvaluateBlock
from boostflow.jobs.models import (
    Compare,
    CompareEvents,
    Evaluate,
    EvaluateSystematics,
    PlotSystematics,
    Prepare,
    Scoring,
    Train,
)
from support.contracts import Case, Jobs, analysis, changed, leaves, named

TOP = {"source": "simulation", "process": "top", "label": "top"}
EVENTS = {"kind": "ucluster", "unit": "event", "samples": ["top", "qcd"]}
CONFIG: dict[str, Any] = {
    "samples": {
        "top": TOP,
        "qcd": {"source": "simulation", "process": "quark", "label": "qcd"},
        "w": {"source": "simulation", "process": "w", "label": "w"},
    },
    "models": {
        "bdt": {"kind": "bdt"},
        "clusters": {"kind": "ucluster", "samples": ["top", "qcd"], "clusters": 2},
        "events": EVENTS,
    },
    "evaluate": {"rejection": [["top", ["qcd"]]], "anomaly": ["top"]},
    "templates": {
        "regions": {
            "pass": {"range": [0.5, 1]},
            "fail": {"range": [0, 0.5]},
            "clustered": {"model": "clusters", "clusters": ["qcd"]},
        }
    },
    "infer": {"signal": ["top"]},
}
SYSTEMATICS: dict[str, Any] = {
    "lumi": {"kind": "rate", "value": 0.02},
    "isr": {"kind": "weight", "up": "weight_isr_up", "down": "weight_isr_down"},
    "jes": {"kind": "shift", "correction": "jes"},
    "depth": {"kind": "model", "model": "bdt", "up": {"max_depth": 3}},
    "width": {"kind": "model", "model": "clusters", "up": {"embedding": 4}},
}


def prepared(name: str) -> Any:
    """The job that prepares what a model reads."""
    return lambda a: Prepare.of(a, a.config.models[name].prepared_name())


JOBS: Jobs = {
    "prepare clusters": prepared("clusters"),
    "prepare events": prepared("events"),
    "train": lambda a: Train.of(a, "bdt", "nominal"),
    "train depth": lambda a: Train.of(a, "bdt", "depth_up"),
    "train clusters": lambda a: Train.of(a, "clusters", "nominal"),
    "train width": lambda a: Train.of(a, "clusters", "width_up"),
    "score": lambda a: Scoring.of(a, "bdt", "nominal"),
    "score depth": lambda a: Scoring.of(a, "bdt", "depth_up"),
    "score clusters": lambda a: Scoring.of(a, "clusters", "nominal"),
    "score width": lambda a: Scoring.of(a, "clusters", "width_up"),
    "evaluate": lambda a: Evaluate.of(a, "bdt"),
    "evaluate clusters": lambda a: Evaluate.of(a, "clusters"),
    "evaluate events": lambda a: Evaluate.of(a, "events"),
    "vary": lambda a: EvaluateSystematics.of(a, "bdt"),
    "vary clusters": lambda a: EvaluateSystematics.of(a, "clusters"),
    "draw": lambda a: PlotSystematics.of(a, "bdt"),
    "draw clusters": lambda a: PlotSystematics.of(a, "clusters"),
    "compare": Compare.of,
    "anomaly": CompareEvents.of,
}
NOTHING: set[str] = set()
TRAIN = {"train", "train depth"}
CLUSTERS = {"train clusters", "train width"}
SCORE = {"score", "score depth"}
SCORE_CLUSTERS = {"score clusters", "score width"}
EVALUATE = {"evaluate", "evaluate clusters", "evaluate events"}
VARY = {"vary", "vary clusters"}
DRAW = {"draw", "draw clusters"}
JUDGED_CLUSTERS = {"evaluate clusters", "vary clusters", "compare"}
QUOTED = {"signal": "top", "background": "qcd"}
ANOTHER = {"source": "simulation", "process": "z", "label": "z"}
NETWORK: dict[str, Any] = {
    "binning": "linear",
    "bins": 20,
    "standardise": False,
    "local_pt": False,
    "regraph": True,
    "attention": [8, 8],
    "hidden": [[16], [16]],
    "mass_channels": 4,
    "embedding_relu": True,
    "head": [32],
    "batch_norm": True,
    "focal_gamma": 2.0,
    "pretext_weight": 2.0,
    "cluster_loss": "kmeans",
    "cluster_weight": 2.0,
    "alpha": [2.0, 0.1],
    "restarts": 5,
    "epochs": [3, 3],
    "batch": 128,
    "learning_rate": 1e-3,
    "learning_rate_halving": 1000,
    "learning_rate_min": 1e-6,
    "seed": 2,
    "processes": 3,
}

CASES: list[Case] = [
    ("output", "elsewhere", NOTHING),
    ("seed", 7, EVALUATE | {"compare"}),
    ("luminosity", 10.0, EVALUATE | VARY | DRAW),
    ("simulation.ecm", 14_000.0, EVALUATE | DRAW | {"compare", "anomaly"}),
    # --- samples: the classes of a classifier, and whose jets are scored
    ("samples.z", ANOTHER, SCORE | SCORE_CLUSTERS | {"evaluate", "vary", "draw", "compare"}),
    ("samples.top.label", "t", SCORE | EVALUATE | VARY | {"draw", "compare"}),
    ("samples.top.parts", 3, NOTHING),
    ("select.event.ht_min", 1000.0, NOTHING),
    # --- models
    ("models.bdt.features", ["mass"], TRAIN),
    ("models.bdt.max_depth", 5, {"train"}),  # the variation has a depth of its own
    ("models.bdt.learning_rate", 0.2, TRAIN),
    ("models.bdt.min_leaf", 0.01, TRAIN),
    ("models.bdt.rounds", 40, TRAIN),
    ("models.bdt.seed", 2, TRAIN),
    ("models.bdt.planing", {}, TRAIN),
    (
        "models.bdt.decorrelate",
        {"background": ["qcd"]},
        TRAIN | SCORE | {"evaluate", "vary", "compare", "draw"},
    ),
    *((f"models.clusters.{key}", value, CLUSTERS) for key, value in NETWORK.items()),
    (
        "models.clusters.clusters",
        3,
        CLUSTERS | SCORE_CLUSTERS | JUDGED_CLUSTERS | {"draw clusters"},
    ),
    (
        "models.clusters.embedding",
        6,
        {"train clusters", "score clusters", "draw clusters"} | JUDGED_CLUSTERS,
    ),
    ("models.clusters.mass", [20.0, 180.0], CLUSTERS | {"prepare clusters"} | JUDGED_CLUSTERS),
    (
        "models.clusters.samples",
        ["top", "qcd", "w"],
        CLUSTERS | {"prepare clusters"} | JUDGED_CLUSTERS,
    ),
    ("models.clusters.views", ["mass", "msoftdrop"], CLUSTERS | {"prepare clusters"}),
    ("models.clusters.constituents", 50, CLUSTERS | {"prepare clusters"}),
    ("models.clusters.neighbours", 4, CLUSTERS | {"prepare clusters"}),
    ("models.events.clusters", 10, {"evaluate events"}),
    ("models.events.neighbours", 4, {"prepare events"}),
    ("models.another", EVENTS, {"anomaly"}),
    ("models.deeper", {"kind": "bdt", "max_depth": 8}, {"compare"}),
    # --- how they are judged
    ("evaluate.efficiencies", [0.4], EVALUATE | VARY),
    ("evaluate.background_uncertainty", 0.2, EVALUATE | VARY),
    ("evaluate.rejection", [["top", ["w"]]], EVALUATE | VARY),
    ("evaluate.rejection", [["top", ["qcd"]], ["higgs", ["qcd"]]], NOTHING),  # no such class
    ("evaluate.purity", {"signals": ["top"], "edges": [0, 1]}, EVALUATE | VARY | {"compare"}),
    ("evaluate.efficiency", QUOTED, EVALUATE | VARY | {"compare"}),
    (
        "evaluate.trigger",
        {"background": ["qcd"], "menu": {"top": {"signal": "top"}}},
        EVALUATE | VARY,
    ),
    (
        "evaluate.monitoring",
        {"time": "pt", "truth": "mass", "flagged": "top", "parameters": ["pt"]},
        EVALUATE | VARY,
    ),
    # Of regressions alone: tests/dag/test_regression_jobs.py.
    ("evaluate.regression.edges", [20.0, 40.0, 60.0], NOTHING),
    ("evaluate.regression.centrality", "rho", NOTHING),
    ("evaluate.regression.ranges", [0.0, 100.0], NOTHING),
    ("evaluate.regression.iterations", 3, NOTHING),
    ("evaluate.bootstrap", 50, EVALUATE | VARY | {"compare"}),
    ("evaluate.reference", "clusters", {"compare"}),
    ("evaluate.reference", "bdt", NOTHING),  # that it is anyway
    ("evaluate.anomaly", ["qcd"], EVALUATE | VARY),
    ("infer.signal", ["w"], {"evaluate", "vary"}),
    ("infer.data", "pseudo", NOTHING),
    ("templates.bins", 5, NOTHING),
    ("templates.regions.pass.range", [0.6, 1], NOTHING),
    # --- systematics
    ("systematics:lumi.value", 0.03, VARY),
    ("systematics:isr.up", "weight_fsr_up", VARY),
    ("systematics:jes.correction", "other", VARY),
    ("systematics:depth.up.max_depth", 2, {"train depth", "vary"}),
    ("systematics:width.up.embedding", 5, {"train width", "score width", "vary clusters"}),
    ("systematics:jes.group", "ml", VARY),
    ("systematics:jes.parameter", "scale", VARY),
    ("systematics:jes.symmetrise", "mean", VARY),
    ("systematics:jes.title", "A title", DRAW),
    *(
        (f"systematics:jes.{key}", value, NOTHING)
        for key, value in (
            ("regions", ["pass"]),
            ("smooth", "linear"),
            ("prune", {"norm": 0.1}),
        )
    ),
]


@pytest.mark.parametrize(("key", "value", "expected"), CASES, ids=named)
def test_which_jobs_a_key_changes(key: str, value: Any, expected: set[str]) -> None:
    assert changed(JOBS, CONFIG, SYSTEMATICS, key, value) == expected


def test_no_key_is_left_out() -> None:
    """A new key of the block makes some job run again, or none: the table says which."""
    assert set(leaves(EvaluateBlock, "evaluate")) <= {key for key, _, _ in CASES}


def test_jobs_come_back_as_they_were_written() -> None:
    """What a rule writes is what its command reads, roles and titles of scores included."""
    found = analysis(CONFIG, SYSTEMATICS)
    for name, make in JOBS.items():
        job = make(found)
        if not name.startswith("prepare"):  # which leaves out what does not decide
            assert read(type(job), job.text()) == job
    assert Compare.of(found).reference == "bdt"
    assert list(Compare.of(found).judged) == ["bdt", "clusters"]
    assert CompareEvents.of(found).titles == {"events": "UCluster"}
