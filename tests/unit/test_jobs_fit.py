"""Jobs of the fit, the health check and what a run comes to: what makes each of them run again."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest

from boostflow.analysis import Analysis
from boostflow.config.config import Config
from boostflow.config.systematics import SYSTEMATICS
from boostflow.jobs.base import Job, command
from boostflow.jobs.registry import job_of

BASE: dict[str, Any] = {
    "models": {"bdt": {"kind": "bdt"}, "ucluster": {"kind": "ucluster"}},
    "templates": {
        "regions": {"pass": {"model": "bdt", "score": "p_top", "range": [0.9, 1.0]}},
    },
}
DECLARED: dict[str, Any] = {
    "lumi": {"kind": "rate", "value": 0.016},
    "jes": {"kind": "shift", "correction": "jes"},
    "isr": {"kind": "weight", "up": "weight_isr_up", "down": "weight_isr_down"},
}
DATA = {"source": "root", "files": ["run.root"], "data": True}
INSTEAD = {"other": {"model": "ucluster", "clusters": ["top"]}}

CONFIG: dict[str, dict[str, Any]] = {
    "output": {"output": "elsewhere"},
    "seed": {"seed": 5},
    "luminosity": {"luminosity": 10.0},
    "simulation.ecm": {"simulation": {"ecm": 14_000.0}},
    "simulation.mpi": {"simulation": {"mpi": False}},
    "select.event.ht_min": {"select": {"event": {"ht_min": 1600.0}}},
    "models.bdt.rounds": {"models": {"bdt": {"rounds": 5}}},
    "evaluate.bootstrap": {"evaluate": {"bootstrap": 50}},
    "templates.bins": {"templates": {"bins": 6}},
    "infer.signal": {"infer": {"signal": ["w"]}},
    "infer.data": {"infer": {"data": "pseudo"}},
    "infer.unblind": {"infer": {"unblind": True}},
    "infer.seed": {"infer": {"seed": 5}},
    "infer.toys": {"infer": {"toys": 100}},
    "infer.mc_stat": {"infer": {"mc_stat": False}},
    "infer.prune": {"infer": {"prune": {"norm": 0.1}}},
    "infer.bin_error_max": {"infer": {"bin_error_max": 0.2}},
    "infer.strict": {"infer": {"strict": ["nan"]}},
    "collision data, seen nowhere": {"samples": {"run": DATA}},
    "collision data in a control region": {
        "samples": {"run": DATA},
        "templates": {"regions": {"pass": {"control": True}}},
    },
    "a sample without cross-section": {
        "samples": {"jets": {"source": "root", "files": ["jets.root"]}}
    },
}
"""Keys of the configuration, each with another value than in `BASE`."""
ENTRIES: dict[str, dict[str, Any]] = {
    "jes.title": {"jes": {"title": "Jet energy scale"}},
    "jes.group": {"jes": {"group": "model"}},
    "jes.samples": {"jes": {"samples": ["top"]}},
    "lumi.title": {"lumi": {"title": "Luminosity"}},
    "lumi.value": {"lumi": {"value": 0.02}},
    "one more rate": {"xsec": {"kind": "rate", "value": 0.1}},
    "one more variation": {"jer": {"kind": "shift", "correction": "jer"}},
    "a variation of a model that no region reads": {
        "clusters": {"kind": "model", "model": "ucluster", "up": {"clusters": 4}}
    },
    "other regions to compare": {
        "method": {"kind": "model", "use": "crosscheck", "instead": INSTEAD},
    },
}
"""The same of the systematics."""

FIT = {key for key in CONFIG if key.startswith("infer.") and key != "infer.strict"}
BINS = {"infer.signal", "infer.bin_error_max"}
SHOWN = {"collision data in a control region"}
ENTERING = {"jes.group", "jes.samples", "one more variation"}
RATES = {"lumi.value", "one more rate"}
TITLES = {"jes.title", "lumi.title"}
ENERGY = {"simulation.ecm"}
LABEL = {"collision data, seen nowhere", *SHOWN, *ENERGY}
LUMINOSITY = {"luminosity", "a sample without cross-section"}

CHANGED: dict[str, set[str]] = {
    "infer": FIT | SHOWN | ENTERING | RATES,
    "crosscheck": FIT | SHOWN,
    "plot_fit": SHOWN | ENTERING | RATES | TITLES | LABEL | LUMINOSITY,
    "fit_tables": ENTERING | RATES | TITLES | ENERGY,
    "health": BINS | SHOWN | ENTERING,
    "plot_health": TITLES | LABEL | LUMINOSITY,
    "demand_health": {"infer.strict"},
    "plot_cutflow": LABEL,
    "summary": set(),
    "provenance": {*CONFIG, *ENTRIES},
}
"""What changes the job of each stage; nothing else does."""


def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Nested keys of both, those of the other where both have them."""
    result = dict(one)
    for key, value in other.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


def job(stage: str, change: str | None = None) -> Job:
    """The job of a stage, with a change of the configuration or of the systematics."""
    samples = {name: block.model_dump() for name, block in Config().samples.items()}
    config = merged({**BASE, "samples": samples}, CONFIG.get(change or "", {}))
    entries = merged(DECLARED, ENTRIES.get(change or "", {}))
    analysis = Analysis(Config.model_validate(config), SYSTEMATICS.validate_python(entries))
    of: Any = job_of(stage)
    made: Job = of.of(analysis)
    return made


@pytest.mark.parametrize("change", [*CONFIG, *ENTRIES])
def test_what_changes_a_job(change: str) -> None:
    changed = {stage for stage in CHANGED if job(stage, change).text() != job(stage).text()}
    assert changed == {stage for stage, keys in CHANGED.items() if change in keys}


@pytest.mark.parametrize("stage", CHANGED)
def test_the_command_reads_what_the_rule_writes(stage: str) -> None:
    written = job(stage)
    assert type(written).model_validate_json(written.text()) == written


@pytest.mark.parametrize("stage", CHANGED)
def test_the_function_behind_a_stage(stage: str) -> None:
    module, _, name = job_of(stage).runs.partition(":")
    function = getattr(importlib.import_module(module), name)
    assert list(inspect.signature(function).parameters) == ["job", "files"]


@pytest.mark.parametrize("stage", CHANGED)
def test_files_are_described(stage: str) -> None:
    files = job_of(stage).Files
    assert {*files.flows()} == {*files.model_fields}
    assert all(field.description for field in files.model_fields.values())
    words = command(job_of(stage)).split()
    options = [f"--{name.replace('_', '-')}" for name in files.model_fields]
    assert [word for word in words if word.startswith("--")] == options


def test_titles_do_not_matter_to_the_fit_and_strictness_to_nothing_before_the_end() -> None:
    """The values that stand in for them are always the same."""
    for change in (None, "jes.title", "infer.strict"):
        fit: Any = job("infer", change)
        assert fit.infer.strict is False
        assert [entry.title for entry in fit.systematics.values()] == [None] * 3
