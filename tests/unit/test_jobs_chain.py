"""Jobs of the chain up to templates and backgrounds: which key makes which of them run again."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest

from boostflow.cli import read
from boostflow.config.background import ABCD, Background, Composition, Control, Sideband
from boostflow.config.base import Block
from boostflow.config.chain import Ingest as IngestBlock
from boostflow.config.chain import Select as SelectBlock
from boostflow.config.chain import Simulation
from boostflow.config.descriptions import descriptions
from boostflow.config.samples import LhcoSample, RootSample, SimulatedSample
from boostflow.config.statistics import Infer
from boostflow.config.statistics import Templates as TemplatesBlock
from boostflow.config.systematics import Constituent, SampleVariation, Shift, Weight
from boostflow.jobs import registry
from boostflow.jobs.background import Count, CountData, Estimate, PlotBackground
from boostflow.jobs.base import command
from boostflow.jobs.chain import (
    ENVIRONMENT,
    CheckInputs,
    Ingest,
    ListParts,
    Select,
    Simulate,
    execution,
)
from boostflow.jobs.statistics import PseudoTemplates, Templates
from support.contracts import Case, Jobs, analysis, changed, leaves, named, texts

CUT = {"model": "bdt", "column": "p_top"}
CONFIG: dict[str, Any] = {
    "samples": {
        "top": {"source": "simulation", "process": "top", "label": "top"},
        "qcd": {
            **{"source": "root", "label": "qcd", "xsec": 2.0, "parts_per_file": 2},
            "files": ["a.root", "b.root", "https://host/c.root"],
        },
        "run": {"source": "root", "files": ["d.root"], "data": True, "golden_json": "one.json"},
        "dijets": {"source": "lhco", "files": ["e.h5", "f.h5"], "xsec": 1.0},
    },
    "models": {
        "bdt": {"kind": "bdt"},
        "clusters": {"kind": "ucluster", "samples": ["top", "qcd"], "clusters": 2},
        "others": {"kind": "ucluster", "samples": ["top", "qcd"], "clusters": 3},
    },
    "templates": {
        "regions": {"pass": {"range": [0.5, 1]}, "fail": {"range": [0, 0.5], "control": True}}
    },
    "infer": {"signal": ["top"]},
    "background": {
        "abcd": {
            "samples": ["qcd"],
            "x": {**CUT, "signal": [0.5, 1], "control": [0, 0.5]},
            "y": {"column": "tau32", "signal": [0, 0.6], "control": [0.6, 1]},
        },
        "sideband": {"samples": ["qcd"]},
        "control": {"low": {**CUT, "samples": ["qcd"], "range": [0, 0.1]}},
        "composition": {
            **{"model": "clusters", "systematics": ["isr"]},
            "classes": {"top": ["top"], "qcd": ["qcd"]},
        },
    },
}
SYSTEMATICS: dict[str, Any] = {
    "lumi": {"kind": "rate", "value": 0.02},
    "isr": {"kind": "weight", "up": "weight_isr_up", "down": "weight_isr_down"},
    "jes": {"kind": "shift", "correction": "jes"},
    "jer": {"kind": "shift", "quantity": "resolution", "resolution": "r", "scale_factor": "s"},
    "tracks": {"kind": "constituent", "quantity": "track_efficiency", "value": 0.02},
    "fsr": {"kind": "sample", "up": ["TimeShower:renormMultFac = 4"], "events": 500},
    "depth": {"kind": "model", "model": "bdt", "up": {"max_depth": 3}},
    "method": {
        **{"kind": "model", "use": "crosscheck"},
        "instead": {"pass": {"model": "clusters", "clusters": ["top"]}},
    },
}
JOBS: Jobs = {
    "simulate": lambda a: Simulate.of(a, "top", "nominal", "1"),
    "simulate fsr": lambda a: Simulate.of(a, "top", "fsr_up", "0"),
    "check": CheckInputs.of,
    "ingest top": lambda a: Ingest.of(a, "top", "nominal", "1"),
    "ingest tracks": lambda a: Ingest.of(a, "top", "tracks_up", "0"),
    "ingest qcd": lambda a: Ingest.of(a, "qcd", "nominal", "3"),
    "ingest address": lambda a: Ingest.of(a, "qcd", "nominal", "4"),
    "ingest run": lambda a: Ingest.of(a, "run", "nominal", "0"),
    "ingest dijets": lambda a: Ingest.of(a, "dijets", "nominal", "1"),
    "list top": lambda a: ListParts.of(a, "top", "nominal"),
    "list fsr": lambda a: ListParts.of(a, "top", "fsr_up"),
    "list qcd": lambda a: ListParts.of(a, "qcd", "nominal"),
    "select": lambda a: Select.of(a, "qcd", "nominal"),
    "select jes": lambda a: Select.of(a, "qcd", "jes_up"),
    "select jer": lambda a: Select.of(a, "qcd", "jer_down"),
    "select fsr": lambda a: Select.of(a, "top", "fsr_up"),
    "templates": lambda a: Templates.of(a, "nominal"),
    "templates isr": lambda a: Templates.of(a, "isr_up"),
    "templates method": lambda a: Templates.of(a, "method_up"),
    "pseudo": PseudoTemplates.of,
    "counts": lambda a: Count.of(a, "nominal"),
    "counts isr": lambda a: Count.of(a, "isr_up"),
    "counts data": CountData.of,
    "estimates": Estimate.of,
    "plots": PlotBackground.of,
}
NOTHING: set[str] = set()
SIMULATE = {"simulate", "simulate fsr"}
SIMULATED = {"ingest top", "ingest tracks"}
QCD = {"check", "ingest qcd", "ingest address"}
DIJETS = {"check", "ingest dijets"}
INGEST = SIMULATED | QCD | DIJETS | {"ingest run"}
LISTS = {"list top", "list fsr", "list qcd"}
SELECT_QCD = {"select", "select jes", "select jer"}
SELECT = SELECT_QCD | {"select fsr"}
NOMINAL_REGIONS = {"templates", "templates isr", "pseudo"}
TEMPLATES = NOMINAL_REGIONS | {"templates method"}
ESTIMATES = {"estimates", "plots"}
COUNTS = {"counts", "counts isr", "counts data"}
COUNTED_COLUMN = COUNTS | ESTIMATES | {"check"}
"""The check looks whether files have the columns that are counted in."""
ISR = {"check", "templates isr", "counts isr", "estimates"}
RANGE, LINE = [60.0, 200.0], ["Tune:pp = 21"]
RESOLUTION = {"resolution": "r", "scale_factor": "s"}
OTHER_REGIONS = {"pass": {"range": [0.6, 1]}, "fail": {"range": [0, 0.6], "control": True}}

CASES: list[Case] = [
    ("output", "elsewhere", LISTS),
    ("seed", 7, SIMULATE),
    ("luminosity", 10.0, TEMPLATES | COUNTS | {"plots"}),
    ("systematics", "other.yaml", NOTHING),
    # --- simulation
    ("simulation.ecm", 14_000.0, SIMULATE | INGEST | {"plots"}),
    ("simulation.jet_radius", 1.0, SIMULATE | INGEST),
    ("simulation.pthat", [500.0, 600.0], SIMULATE),
    ("simulation.mpi", False, SIMULATE),
    ("simulation.jet_pt_min", 300.0, SIMULATE),
    ("simulation.settings", LINE, SIMULATE),
    ("simulation.bias_weights", False, SIMULATE),
    ("simulation.charged", True, SIMULATE),
    ("simulation.constituents", False, SIMULATE),
    ("simulation.background", {"kind": "thermal"}, SIMULATE),
    ("simulation.detector.enabled", False, SIMULATE),
    ("simulation.detector.abs_eta_max", 3.0, SIMULATE),
    ("simulation.detector.track_pt_min", 0.6, SIMULATE),
    ("simulation.detector.track_efficiency", 0.9, SIMULATE),
    ("simulation.detector.track_resolution", 0.02, SIMULATE),
    ("simulation.detector.tower_size", 0.03, SIMULATE),
    ("simulation.detector.ecal_resolution", 0.06, SIMULATE),
    ("simulation.detector.hcal_resolution", 0.6, SIMULATE),
    ("simulation.detector.neutral_pt_min", 0.6, SIMULATE),
    ("simulation.detector.tracking", {}, SIMULATE),
    ("simulation.detector.calorimeter", "cascade", SIMULATE),
    # --- samples
    ("samples.top.process", "w", SIMULATE | SIMULATED),
    # The variable of ABCD is a score for top.
    ("samples.top.label", "t", SIMULATED | {"plots"}),
    ("samples.top.parts", 3, {"list top", "list fsr"}),
    ("samples.top.events", 20, {"simulate"}),
    ("samples.top.settings", LINE, SIMULATE),
    # Alternative samples have none in any case.
    ("samples.top.shower_weights", False, {"simulate"}),
    # Paths are files of the rule, which says when one is another.
    ("samples.qcd.files", ["a.root", "z.root", "https://host/c.root"], {"check"}),
    (
        "samples.qcd.files",
        ["a.root", "b.root", "https://host/d.root"],
        {"check", "ingest address"},
    ),
    ("samples.qcd.parts_per_file", 3, QCD | {"list qcd"}),
    ("samples.qcd.label", "q", QCD),
    ("samples.qcd.xsec", 3.0, QCD),
    ("samples.qcd.match", "quark", QCD),
    ("samples.qcd.tree", "tree", QCD),
    ("samples.qcd.format", "delphes", QCD),
    ("samples.qcd.branches", {"FatJet": "jet"}, QCD),
    ("samples.qcd.units.momentum", "MeV", QCD),
    ("samples.qcd.met", "PUPPI", QCD),
    ("samples.qcd.unweighted", True, QCD),
    ("samples.qcd.normalised_to", 138.0, QCD),
    ("samples.qcd.before_skim", {"histogram": "hEvents"}, QCD),
    ("samples.qcd.before_skim", {"sumw": 7.0}, QCD | SELECT_QCD),
    ("samples.qcd.triggers", ["HLT_PFHT1050"], QCD),
    ("samples.qcd.flags", ["Flag_goodVertices"], QCD),
    ("samples.qcd.weights", {"pileup": {"branch": "puWeight"}}, QCD | SELECT_QCD),
    # A correction of columns that are there anyway: no branch is kept for it.
    (
        "samples.qcd.weights",
        {"sf": {"file": "sf.json", "correction": "sf", "inputs": {"pt": "pt"}}},
        {"check"} | SELECT_QCD,
    ),
    ("samples.run.golden_json", "other.json", {"check"}),
    ("samples.run.data", False, {"check", "ingest run", "templates", "plots"}),
    ("samples.dijets.files", ["e.h5", "g.h5"], {"check"}),
    ("samples.dijets.parts_per_file", 2, DIJETS),
    ("samples.dijets.label", "q", DIJETS),
    ("samples.dijets.xsec", 3.0, DIJETS),
    ("samples.dijets.select", "signal", DIJETS),
    # --- ingest
    ("ingest.executor", "futures", NOTHING),
    ("ingest.workers", 4, NOTHING),
    ("ingest.dask", {"mem_mb": 3000}, NOTHING),
    ("ingest.chunksize", 500, NOTHING),
    ("ingest.on_bad_event", "drop", INGEST),
    ("ingest.bad_events_max", 0.02, INGEST),
    ("ingest.on_bad_file", "skip", {"check"} | LISTS),
    ("ingest.tree", "tree", INGEST),
    ("ingest.tracks", True, INGEST),
    ("ingest.fatjet_pt_min", 300.0, INGEST),
    ("ingest.fatjet_abs_eta_max", 2.0, INGEST),
    ("ingest.soft_drop_zcut", 0.2, INGEST),
    ("ingest.nsubjettiness_beta", 2.0, INGEST),
    # --- select
    ("select.fatjet.pt", [300.0, 500.0], SELECT),
    ("select.fatjet.abs_eta_max", 2.0, SELECT),
    ("select.fatjet.mass", [20.0, 200.0], SELECT),
    ("select.fatjet.multiplicity_min", 6, SELECT),
    ("select.event.fatjets_min", 2, SELECT),
    ("select.event.fatjets_max", 4, SELECT),
    ("select.event.ht_min", 900.0, SELECT),
    ("select.event.leading_pt_min", 500.0, SELECT),
    ("select.event", {"fatjets_min": 2, "mjj": [1000.0, 2000.0]}, SELECT),
    ("select.event.met_max", 300.0, SELECT),
    ("select.event.met_min", 50.0, SELECT),
    ("select.split", {"train": 40, "validation": 25, "test": 35}, SELECT),
    ("select.split.by", "pt", SELECT),
    ("select.corrections", "other.json", {"select jes", "select jer"}),  # it holds something else
    ("select.smearing", RESOLUTION, SELECT),
    ("select.mass_smearing", RESOLUTION, SELECT),
    ("select.jec", {"samples": {"nobody": "x"}}, SELECT),
    ("select.veto", {"file": "config/corrections/jetmet.json", "correction": "x"}, SELECT),
    # --- what is judged and drawn of models is no business of these jobs
    ("models.bdt.seed", 5, NOTHING),
    ("models.clusters.seed", 5, NOTHING),
    ("models.bdt.features", ["mass"], {"check"}),
    ("models.clusters.clusters", 3, COUNTS),
    ("models.clusters.samples", ["top", "qcd", "dijets"], {"estimates"}),
    ("evaluate.bootstrap", 100, NOTHING),
    # --- templates
    ("templates.variable", "mass", TEMPLATES | COUNTS | {"check"}),
    ("templates.bins", 10, TEMPLATES | COUNTS),
    ("templates.edges", [50.0, 100.0, 290.0], TEMPLATES | COUNTS),
    ("templates.overflow", "last", TEMPLATES),
    ("templates.range", RANGE, TEMPLATES | COUNTS),
    ("templates.regions", OTHER_REGIONS, NOMINAL_REGIONS),
    # --- infer
    ("infer", None, {"check", "estimates"}),
    ("infer.signal", ["qcd"], {"estimates"}),
    ("infer.data", "pseudo", NOTHING),
    ("infer.unblind", True, {"templates"}),
    ("infer.seed", 5, NOTHING),
    ("infer.toys", 10, NOTHING),
    ("infer.mc_stat", False, NOTHING),
    ("infer.bin_error_max", 0.2, NOTHING),
    ("infer.prune", {"norm": 0.1}, NOTHING),
    ("infer.transfer", {"estimated": ["qcd"]}, NOTHING),
    ("infer.minor", 0.1, NOTHING),
    ("infer.few_jets", 5, NOTHING),
    ("infer.strict", True, NOTHING),
    # --- background: what is done with the numbers counts nothing again
    ("background.data", "observed", {"counts data"} | ESTIMATES),
    ("background.seed", 5, {"counts data"} | ESTIMATES),
    ("background.subtraction_uncertainty", 0.2, ESTIMATES),
    ("background.abcd", None, COUNTED_COLUMN),
    ("background.abcd.samples", ["qcd", "dijets"], ESTIMATES),
    ("background.abcd.x", {**CUT, "signal": [0.6, 1], "control": [0, 0.5]}, COUNTS | ESTIMATES),
    ("background.abcd.y", {**CUT, "signal": [0.6, 1], "control": [0, 0.5]}, COUNTED_COLUMN),
    ("background.sideband", None, COUNTED_COLUMN),
    ("background.sideband.samples", ["qcd", "dijets"], ESTIMATES),
    ("background.sideband.variable", "mass", COUNTED_COLUMN),
    ("background.sideband.range", [60.0, 290.0], COUNTS | ESTIMATES),
    ("background.sideband.bins", 40, COUNTS | ESTIMATES),
    ("background.sideband.window", [140.0, 200.0], COUNTS | ESTIMATES),
    ("background.sideband.within", {**CUT, "range": [0.5, 1]}, COUNTS | ESTIMATES),
    ("background.sideband.families", ["exponential"], ESTIMATES),
    ("background.control", {}, COUNTS | ESTIMATES),
    ("background.control.low.model", "clusters", COUNTS | ESTIMATES),
    ("background.control.low.column", "p_qcd", COUNTS | ESTIMATES),
    ("background.control.low.jet", "second", COUNTS | ESTIMATES),
    ("background.control.low.range", [0, 0.2], COUNTS | ESTIMATES),
    ("background.control.low.samples", ["dijets"], COUNTS | ESTIMATES),
    ("background.control.low.enters", "constrained", ESTIMATES),
    ("background.composition", None, COUNTED_COLUMN),
    ("background.composition.model", "others", COUNTS | ESTIMATES),
    ("background.composition.classes", {"all": ["top", "qcd"]}, ESTIMATES),
    ("background.composition.variable", "mass", COUNTED_COLUMN),
    ("background.composition.bins", 7, COUNTS | ESTIMATES),
    ("background.composition.range", RANGE, COUNTS | ESTIMATES),
    ("background.composition.within", {**CUT, "range": [0.5, 1]}, COUNTS | ESTIMATES),
    ("background.composition.bin_error_max", 0.2, ESTIMATES),
    ("background.composition.systematics", [], ESTIMATES),
    ("background.composition.condition_max", 30.0, ESTIMATES),
    ("background.composition.fit_probability_min", 0.02, ESTIMATES),
    # --- entries; what is said of the fit and of plots touches none of these jobs
    ("systematics:lumi.value", 0.03, NOTHING),
    ("systematics:isr.up", "weight_fsr_up", ISR),
    ("systematics:isr.down", "weight_fsr_down", ISR - {"templates isr", "counts isr"}),
    ("systematics:isr.samples", ["top"], ISR),
    ("systematics:jes.correction", "jes2", {"select jes"}),
    ("systematics:jer.quantity", "mass_resolution", {"select jer"}),
    ("systematics:jer.resolution", "r2", {"select jer"}),
    ("systematics:jer.scale_factor", "s2", {"select jer"}),
    ("systematics:jes.sides", ["up"], NOTHING),
    ("systematics:tracks.quantity", "charged_resolution", {"ingest tracks"}),
    ("systematics:tracks.value", 0.03, {"ingest tracks"}),
    ("systematics:fsr.up", LINE, {"simulate fsr"}),
    ("systematics:fsr.down", LINE, NOTHING),
    ("systematics:fsr.events", 600, {"simulate fsr"}),
    ("systematics:fsr.parts", 1, {"list fsr"}),
    ("systematics:depth.up", {"max_depth": 5}, NOTHING),
    ("systematics:method.instead", OTHER_REGIONS, {"templates method"}),
    ("systematics:method.use", "fit", {"templates method"}),
    *(
        (f"systematics:{entry}.{key}", value, jobs_of_entry)
        # The composition is given its entries whole.
        for entry, jobs_of_entry in (
            *((name, NOTHING) for name in ("jes", "tracks", "fsr")),
            ("isr", {"estimates"}),
        )
        for key, value in (
            ("title", "A title"),
            ("group", "ml"),
            ("regions", ["pass"]),
            ("parameter", "other"),
            ("symmetrise", "mean"),
            ("smooth", "linear"),
            ("prune", {"norm": 0.1}),
        )
    ),
    # Which samples have files of their own is the rules' to ask.
    *((f"systematics:{entry}.samples", ["top"], NOTHING) for entry in ("jes", "tracks", "fsr")),
]


@pytest.mark.parametrize(("key", "value", "expected"), CASES, ids=named)
def test_which_jobs_a_key_changes(key: str, value: Any, expected: set[str]) -> None:
    assert changed(JOBS, CONFIG, SYSTEMATICS, key, value) == expected


BLOCKS: dict[str, type[Block]] = {
    "simulation": Simulation,
    "ingest": IngestBlock,
    "select": SelectBlock,
    "templates": TemplatesBlock,
    "infer": Infer,
    "background": Background,
    "background.abcd": ABCD,
    "background.sideband": Sideband,
    "background.control.low": Control,
    "background.composition": Composition,
    "samples.top": SimulatedSample,
    "samples.qcd": RootSample,
    "samples.dijets": LhcoSample,
    "systematics:isr": Weight,
    "systematics:jes": Shift,
    "systematics:tracks": Constituent,
    "systematics:fsr": SampleVariation,
}
WHOLE = {"dask", "prune", "split", "x", "y"}
"""Blocks that are changed as a whole in the table."""
ELSEWHERE = {
    *("samples.top.source", "samples.qcd.source", "samples.dijets.source"),
    *("samples.qcd.data", "samples.qcd.golden_json", "samples.dijets.data", "select.event.mjj"),
    *(f"systematics:jes.{key}" for key in ("quantity", "resolution", "scale_factor", "envelope")),
    *("systematics:jes.column", "systematics:jes.value"),
    *(f"systematics:{entry}.kind" for entry in ("isr", "jes", "tracks", "fsr")),
    *(
        f"systematics:{entry}.{key}"
        for entry in ("isr", "fsr")
        for key in ("envelope", "replicas", "hessian")
    ),
}
"""Keys that other samples, entries or cases of the table stand for."""


def test_no_key_is_left_out() -> None:
    """A new key of these blocks makes some job run again, or none: the table says which."""
    known = {key for key, _, _ in CASES} | ELSEWHERE
    fields = {key for path, block in BLOCKS.items() for key in leaves(block, path, WHOLE)}
    fields -= {f"systematics:{entry}.enabled" for entry in SYSTEMATICS}  # decides what is read
    assert fields <= known


def test_jobs_come_back_as_they_were_written() -> None:
    """What a rule writes is what its command reads, also where keys are left out of it."""
    found = analysis(CONFIG, SYSTEMATICS)
    for make in JOBS.values():
        job = make(found)
        assert read(type(job), job.text()) == job


def test_counts_of_a_sideband_from_zero() -> None:
    """The families of functions are no settings of a count: that of the default cannot."""
    sideband = {"samples": ["qcd"], "families": ["exponential"], "range": [0.0, 290.0]}
    config = CONFIG | {"background": {"sideband": sideband}}
    job = Count.of(analysis(config, SYSTEMATICS), "nominal")
    assert read(Count, job.text()) == job


def test_an_order_of_keys_is_no_reason_to_run_again() -> None:
    turned = {name: dict(reversed(list(block.items()))) for name, block in SYSTEMATICS.items()}
    assert texts(JOBS, CONFIG, SYSTEMATICS) == texts(JOBS, CONFIG, turned)


def test_how_files_are_read_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    block = IngestBlock(tree="tree")
    assert execution(block) == block
    said = IngestBlock(executor="futures", chunksize=500, on_bad_file="skip", tree="other")
    monkeypatch.setenv(ENVIRONMENT, said.model_dump_json())
    assert execution(block) == said.model_copy(update={"tree": "tree"})


def test_numbers_of_files_make_events_unique() -> None:
    """Of files whose events may have no numbers of their own."""
    found = analysis(CONFIG, SYSTEMATICS)
    assert Ingest.of(found, "dijets", "nominal", "1").number == 1
    assert Ingest.of(found, "qcd", "nominal", "3").number == 0
    assert Ingest.of(found, "qcd", "nominal", "3").piece == (1, 2)
    named = analysis(
        CONFIG | {"samples": {"qcd": {**CONFIG["samples"]["qcd"], "branches": {"run": "r"}}}}, {}
    )
    assert Ingest.of(named, "qcd", "nominal", "3").number == 1


# --- all jobs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", registry.JOBS)
def test_every_job_runs_a_function_and_says_what_it_takes(stage: str) -> None:
    job = registry.job_of(stage)
    module, _, name = job.runs.partition(":")
    function = getattr(importlib.import_module(module), name)
    assert list(inspect.signature(function).parameters)[:2] == ["job", "files"]
    assert set(job.model_fields) <= set(descriptions(job))
    assert set(job.Files.model_fields) <= set(descriptions(job.Files))
    assert set(job.Files.flows()) == set(job.Files.model_fields)
    words = command(job).split()
    assert words[:3] == ["boostflow", stage, "{params.job:q}"]
    assert {word for word in words if word.startswith("--")} == {
        f"--{key.replace('_', '-')}" for key in job.Files.model_fields
    }


def test_splits_are_for_models_and_estimates() -> None:
    """Without any all events count as test; an unlabelled sample needs nothing to train on."""
    with_models = analysis(CONFIG, SYSTEMATICS)
    chosen = Select.of(with_models, "qcd", "nominal")
    assert chosen.trained and not chosen.independent
    assert not Select.of(with_models, "dijets", "nominal").trained
    alone = CONFIG | {"models": {}, "background": None, "infer": None, "templates": {}}
    without = analysis(alone, {})
    assert Select.of(without, "qcd", "nominal").independent
    assert not Select.of(without, "qcd", "nominal").trained
