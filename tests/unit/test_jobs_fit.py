"""Jobs of the fit, the health check and the summary: which key makes which of them run again."""

from __future__ import annotations

from typing import Any

import pytest

from boostflow.cli import read
from boostflow.config.base import Block
from boostflow.config.config import Config
from boostflow.config.statistics import Infer as InferBlock
from boostflow.config.systematics import Rate, Shift
from boostflow.jobs.base import command
from boostflow.jobs.statistics import (
    Crosscheck,
    DemandHealth,
    FitTables,
    Health,
    Infer,
    PlotFit,
    PlotHealth,
)
from boostflow.jobs.summary import PlotCutflow, Provenance, Summary
from boostflow.jobs.transfer import CheckTransfer, PlotTransfer
from support.contracts import Case, Jobs, analysis, changed, leaves, named

CONFIG: dict[str, Any] = {
    "samples": {
        "top": {"source": "simulation", "process": "top", "label": "top"},
        "quark": {"source": "simulation", "process": "quark", "label": "quark"},
    },
    "models": {
        "bdt": {"kind": "bdt"},
        "clusters": {"kind": "ucluster", "samples": ["top", "quark"], "clusters": 2},
    },
    "templates": {"regions": {"pass": {"model": "bdt", "score": "p_top", "range": [0.9, 1.0]}}},
    "infer": {"signal": ["top"]},
}
SYSTEMATICS: dict[str, Any] = {
    "lumi": {"kind": "rate", "value": 0.016},
    "jes": {"kind": "shift", "correction": "jes"},
}
DATA = {"source": "root", "files": ["run.root"], "data": True}
PAIRS = {"estimated": ["quark"], "fail": ["f", "g"], "pass": ["p", "q"], "order": [1, 1]}
INSTEAD = {"other": {"model": "clusters", "clusters": ["top"]}}

CLASSES = (Infer, Crosscheck, PlotFit, FitTables, Health, PlotHealth, DemandHealth)
CLASSES += (PlotCutflow, Summary, Provenance)
JOBS: Jobs = {job.stage: job.of for job in CLASSES}

NOTHING: set[str] = set()
FITS = {"infer", "crosscheck"}
BINS = FITS | {"health"}
SHOWN = BINS | {"plot_fit"}
ENTRY = {"infer", "plot_fit", "fit_tables", "health"}
RATE = ENTRY - {"health"}
TITLE = {"plot_fit", "fit_tables", "plot_health"}
LUMINOSITY = {"plot_fit", "plot_health", "summary"}
LABEL = LUMINOSITY | {"plot_cutflow"}

CASES: list[Case] = [
    # --- what the label above plots says
    ("luminosity", 10.0, LUMINOSITY),
    ("simulation.ecm", 14_000.0, LABEL | {"fit_tables"}),
    ("samples.jets", {"source": "root", "files": ["jets.root"]}, LUMINOSITY),
    ("samples.run", DATA, LABEL),
    # --- what only others depend on
    ("output", "elsewhere", NOTHING),
    ("seed", 5, NOTHING),
    ("systematics", None, NOTHING),  # the entries count, not the name of their file
    ("simulation.mpi", False, NOTHING),
    ("ingest.tree", "tree", NOTHING),
    ("select.event.ht_min", 1600.0, NOTHING),
    ("models.bdt.seed", 5, NOTHING),
    ("evaluate.bootstrap", 50, NOTHING),
    ("templates.bins", 6, NOTHING),
    ("background", {"sideband": {"samples": ["quark"]}}, NOTHING),
    # --- the fit
    ("infer.signal", ["quark"], BINS),
    ("infer.signal", {"mu_top": ["top"]}, FITS),  # another name: the same bins
    ("infer.signal", {"mu_top": ["top"], "mu_quark": ["quark"]}, BINS),
    ("infer.bin_error_max", 0.2, BINS),
    ("infer.transfer", {"estimated": ["quark"], "fail": "pass", "pass": ["rest"]}, SHOWN),
    ("infer.transfer", {**PAIRS, "along": {"variable": "pt", "at": [450, 700]}}, SHOWN),
    ("infer.transfer", {"estimated": ["quark"], "residual": 1}, SHOWN),
    ("infer.data", "pseudo", FITS),
    ("infer.unblind", True, FITS),
    ("infer.seed", 5, FITS),
    ("infer.toys", 100, FITS),
    ("infer.mc_stat", False, FITS),
    ("infer.prune", {"norm": 0.1}, FITS),
    ("infer.minor", 0.1, FITS | {"health"}),
    ("infer.few_jets", 5, FITS | {"health"}),
    ("infer.strict", ["nan"], {"demand_health"}),
    # --- entries
    ("systematics:jes.title", "Jet energy scale", TITLE),
    ("systematics:lumi.title", "Luminosity", TITLE),
    ("systematics:lumi.value", 0.02, RATE),
    ("systematics:lumi", {"kind": "rate", "up": 1.02, "down": 0.99}, RATE),
    ("systematics:xsec", {"kind": "rate", "value": 0.1}, RATE),
    ("systematics:jer", {"kind": "shift", "correction": "jer"}, ENTRY),
    *(
        (f"systematics:{entry}.{key}", value, jobs)
        for entry, jobs in (("lumi", RATE), ("jes", ENTRY))
        for key, value in (
            ("group", "ml"),
            ("samples", ["top"]),
            ("regions", ["pass"]),
            ("parameter", "other"),
        )
    ),
    ("systematics:jes.correction", "jes2", ENTRY),
    ("systematics:jes.sides", ["up"], ENTRY),
    ("systematics:jes.symmetrise", "mean", ENTRY),
    ("systematics:jes.smooth", "linear", ENTRY),
    ("systematics:jes.prune", {"norm": 0.1}, ENTRY),
    # No region reads its model; and regions that are only compared.
    ("systematics:k", {"kind": "model", "model": "clusters", "up": {"clusters": 3}}, NOTHING),
    ("systematics:method", {"kind": "model", "use": "crosscheck", "instead": INSTEAD}, NOTHING),
]
"""The record, which has all of them, is left out of each set."""


@pytest.mark.parametrize(("key", "value", "expected"), CASES, ids=named)
def test_which_jobs_a_key_changes(key: str, value: Any, expected: set[str]) -> None:
    config = CONFIG | {"systematics": "systematics.yaml"}
    assert changed(JOBS, config, SYSTEMATICS, key, value) == expected | {"provenance"}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("templates.regions.pass.control", True, SHOWN),
        ("infer.unblind", True, SHOWN),
        ("infer.data", "pseudo", FITS),
    ],
    ids=named,
)
def test_collision_data_enter_where_they_may_be_seen(
    key: str, value: Any, expected: set[str]
) -> None:
    config = CONFIG | {"samples": CONFIG["samples"] | {"run": DATA}}
    assert changed(JOBS, config, SYSTEMATICS, key, value) == expected | {"provenance"}


def test_a_function_of_two_variables_is_read_as_it_is_written() -> None:
    along = {"variable": "pt", "at": [450, 700]}
    for order, residual in (([2, 1], None), ("auto", [1, 0])):
        block = {**PAIRS, "along": along, "order": order, "residual": residual}
        job = Infer(infer=InferBlock.model_validate({"transfer": block}))
        assert Infer.model_validate_json(job.model_dump_json()) == job


@pytest.mark.parametrize("job", [Infer, CheckTransfer])
def test_jobs_know_where_a_function_of_two_variables_is_evaluated(job: Any) -> None:
    """Where nothing is declared, in the middle of the ranges that the regions have."""
    regions = {
        f"{kind}_{name}": {"model": "bdt", "range": cut, "within": {"pt": pt}}
        for kind, cut in (("pass", [0.5, 1]), ("fail", [0, 0.5]))
        for name, pt in (("low", [400, 500]), ("high", [500, 900]))
    }
    transfer = {"estimated": ["quark"], "along": {"variable": "pt"}, "order": [1, 1], "toys": 20}
    transfer |= {kind: [f"{kind}_low", f"{kind}_high"] for kind in ("fail", "pass")}
    config = CONFIG | {
        "templates": CONFIG.get("templates", {}) | {"regions": regions},
        "infer": CONFIG["infer"] | {"transfer": transfer},
    }
    block = job.of(analysis(config, SYSTEMATICS)).infer.transfer
    assert block.functions()[0].at == (450, 700)
    assert block.toys == (20 if job is CheckTransfer else 500)


BLOCKS: dict[str, type[Block]] = {
    "infer": InferBlock,
    "systematics:lumi": Rate,
    "systematics:jes": Shift,
}
ELSEWHERE = {
    *("systematics:lumi.kind", "systematics:jes.kind"),
    *("systematics:lumi.up", "systematics:lumi.down"),
    *(f"systematics:jes.{key}" for key in ("quantity", "resolution", "scale_factor", "envelope")),
    # Of tables, which have no jets: tests/dag/test_table_jobs.py.
    *("systematics:jes.column", "systematics:jes.value"),
    # Decides which entries there are.
    *(f"systematics:{entry}.enabled" for entry in SYSTEMATICS),
}
"""Keys that other entries or cases of the table stand for."""


TRANSFER = {"estimated": ["quark"], "fail": "rest", "pass": ["pass"], "order": 1}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("infer.transfer.toys", 40, {"check_transfer"}),
        ("infer.transfer.order", 2, FITS | {"check_transfer"}),
        ("infer.transfer.order_max", 3, FITS | {"check_transfer"}),
        ("infer.transfer.basis", "chebyshev", FITS | {"check_transfer"}),
        ("infer.transfer.name", "qcd", FITS | {"check_transfer"}),
        ("infer.transfer.pass", ["other"], SHOWN | {"check_transfer"}),
        ("infer.toys", 100, FITS),
        ("infer.seed", 5, FITS | {"check_transfer"}),
        ("luminosity", 10.0, LUMINOSITY | {"plot_transfer"}),
    ],
    ids=named,
)
def test_which_jobs_a_key_of_a_background_from_data_changes(
    key: str, value: Any, expected: set[str]
) -> None:
    config = CONFIG | {"infer": CONFIG["infer"] | {"transfer": TRANSFER}}
    jobs = JOBS | {job.stage: job.of for job in (CheckTransfer, PlotTransfer)}
    assert changed(jobs, config, SYSTEMATICS, key, value) == expected | {"provenance"}


def test_no_key_is_left_out() -> None:
    """A new key of these blocks makes some job run again, or none: the table says which."""
    known = {key for key, _, _ in CASES}
    fields = {key for path, block in BLOCKS.items() for key in leaves(block, path, {"prune"})}
    assert fields <= known | ELSEWHERE
    assert {*Config.model_fields} <= {key.split(".")[0] for key in known}


@pytest.mark.parametrize("job", CLASSES, ids=lambda job: job.stage)
def test_the_command_reads_what_the_rule_writes(job: Any) -> None:
    written = job.of(analysis(CONFIG, SYSTEMATICS))
    assert read(job, written.text()) == written
    options = [word for word in command(job).split() if word.startswith("--")]
    assert options == [f"--{name.replace('_', '-')}" for name in job.Files.model_fields]


def test_what_stands_in_for_keys_that_do_not_matter() -> None:
    """Neither strictness nor titles reach the fit, whatever they are."""
    entries = SYSTEMATICS | {"lumi": SYSTEMATICS["lumi"] | {"title": "Luminosity"}}
    config = CONFIG | {"infer": {"signal": ["top"], "strict": True}}
    job = Infer.of(analysis(config, entries))
    assert job.infer.strict is False
    assert [entry.title for entry in job.systematics.values()] == [None, None]
    health = Health.of(analysis(config, entries))
    assert list(health.systematics) == ["jes"] and health.systematics["jes"].title is None
