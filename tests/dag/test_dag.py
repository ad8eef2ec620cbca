"""Exactly the jobs that are needed: a whole run, and what one variation more or less adds."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from boostflow.config.load import load
from boostflow.config.samples import RootContent
from boostflow.models.family import families
from boostflow.models.ucluster.block import UCluster
from boostflow.searches import Searches
from support.plans import CONFIG, REPOSITORY, Job, Plan

SAMPLES = ("quark", "top")
SHIFT = {"kind": "shift", "correction": "jes"}
WEIGHT = {"kind": "weight", "up": "weight_isr_up", "down": "weight_isr_down"}
SAMPLE = {"kind": "sample", "up": ["TimeShower:renormMultFac = 0.25"]}
MODEL = {"kind": "model", "model": "bdt", "up": {"max_depth": 3}}
CONSTITUENT = {"kind": "constituent", "quantity": "charged_scale", "value": 0.01}
RATE = {"kind": "rate", "value": 0.02}

# What follows from any change of the fit's inputs.
TAIL: set[Job] = {
    ("infer", ""),
    ("plot_fit", ""),
    ("fit_tables", ""),
    ("summary", ""),
    ("provenance", ""),
    ("default", ""),
}

# And what follows from templates more or less.
FITTED: set[Job] = TAIL | {("health", ""), ("plot_health", "")}

# A model's figures under the variations.
FIGURES: set[Job] = {("evaluate_systematics_bdt", "bdt"), ("plot_systematics_bdt", "bdt")}

# And from a change of the BDT's scores or of the jets' weights.
VARIED: set[Job] = FITTED | FIGURES

# The record says what was declared, if it is run or not.
RECORD: set[Job] = {("provenance", ""), ("default", "")}


def per_sample(rule: str, variation: str, *parts: int) -> set[Job]:
    if not parts:
        return {(rule, f"{variation}/{sample}") for sample in SAMPLES}
    return {(rule, f"{variation}/{sample}/{part}") for sample in SAMPLES for part in parts}


PACKED = ("prepare_ucluster", (UCluster(**CONFIG["models"]["ucluster"])).prepared_name())

NOMINAL: set[Job] = (
    per_sample("simulate", "nominal", 0, 1)
    | per_sample("ingest", "nominal", 0, 1)
    | per_sample("list_parts", "nominal")
    | per_sample("select", "nominal")
    | {
        ("train_bdt", "bdt/nominal"),
        PACKED,
        ("train_ucluster", "ucluster/nominal"),
        ("score", "bdt/nominal"),
        ("score", "ucluster/nominal"),
        ("evaluate_bdt", "bdt"),
        ("evaluate_ucluster", "ucluster"),
        ("compare_models", ""),
        ("templates", "nominal"),
        ("plot_cutflow", ""),
    }
    | TAIL
)


def test_the_whole_run_without_variations(plan: Plan) -> None:
    assert plan.jobs() == NOMINAL


def test_a_finished_run_has_nothing_to_do(plan: Plan) -> None:
    plan.finish()
    assert plan.jobs() == set()


def added(plan: Plan, name: str, declared: dict) -> set[Job]:
    """The jobs that one more systematic adds to a finished run."""
    plan.systematics = {"lumi": RATE}
    plan.finish()
    plan.systematics = {"lumi": RATE, name: declared}
    return plan.jobs()


def test_adding_a_shift(plan: Plan) -> None:
    jobs = added(plan, "jes", SHIFT)
    expected = set(VARIED)
    for v in ("jes_up", "jes_down"):
        expected |= per_sample("select", v) | {("score", f"bdt/{v}"), ("templates", v)}
    assert jobs == expected


def test_adding_a_compression(plan: Plan) -> None:
    """What comes back depends on columns and bounds alone: no training is waited for."""
    plan.config["models"]["packed"] = {"kind": "autoencoder"}
    jobs = added(plan, "lossy", {"kind": "compression", "model": "packed"})
    v = "lossy_up"
    assert jobs == VARIED | per_sample("select", v) | {("score", f"bdt/{v}"), ("templates", v)}


def test_adding_a_variation_of_constituents(plan: Plan) -> None:
    jobs = added(plan, "tracks", CONSTITUENT)
    expected = set(VARIED)
    for v in ("tracks_up", "tracks_down"):
        expected |= per_sample("ingest", v, 0, 1) | per_sample("list_parts", v)
        expected |= per_sample("select", v)
        expected |= {("score", f"bdt/{v}"), ("templates", v)}
    assert jobs == expected


def test_losing_tracks_of_one_sample(plan: Plan) -> None:
    declared = {**CONSTITUENT, "quantity": "track_efficiency", "samples": ["top"]}
    assert added(plan, "tracks", declared) == VARIED | {
        ("ingest", "tracks_up/top/0"),
        ("ingest", "tracks_up/top/1"),
        ("list_parts", "tracks_up/top"),
        ("select", "tracks_up/top"),
        ("score", "bdt/tracks_up"),
        ("templates", "tracks_up"),
    }


def test_adding_a_rate(plan: Plan) -> None:
    plan.systematics = {"isr": WEIGHT}
    plan.finish()
    plan.systematics["lumi"] = RATE
    assert plan.jobs() == TAIL | FIGURES


def test_an_entry_that_is_not_enabled_adds_nothing(plan: Plan) -> None:
    assert added(plan, "fsr", {**SAMPLE, "enabled": False}) == set()


def test_adding_a_shift_of_one_sample(plan: Plan) -> None:
    jobs = added(plan, "jes", {**SHIFT, "samples": ["top"]})
    expected = set(VARIED)
    for v in ("jes_up", "jes_down"):
        expected |= {("select", f"{v}/top"), ("score", f"bdt/{v}"), ("templates", v)}
    assert jobs == expected


RESOLUTION = {
    **{"kind": "shift", "quantity": "resolution"},
    **{"resolution": "jer_resolution", "scale_factor": "jer_scale_factor"},
}


@pytest.mark.parametrize(
    ("declared", "directions"),
    [
        (RESOLUTION, ("up", "down")),
        ({**SHIFT, "correction": "jms", "quantity": "mass", "sides": ["up"]}, ("up",)),
        (
            {"kind": "shift", "envelope": ["jes_absolute", "jes_relative"], "samples": ["top"]},
            ("m0", "m1", "m2", "m3"),
        ),
    ],
)
def test_adding_other_shifts(plan: Plan, declared: dict, directions: tuple[str, ...]) -> None:
    jobs = added(plan, "x", declared)
    expected = set(VARIED)
    for v in (f"x_{direction}" for direction in directions):
        touched = {("select", f"{v}/{sample}") for sample in declared.get("samples", SAMPLES)}
        expected |= touched | {("score", f"bdt/{v}"), ("templates", v)}
    assert jobs == expected


def test_a_selection_knows_its_own_direction_alone(plan: Plan) -> None:
    plan.systematics = {"jes": SHIFT, "jer": RESOLUTION}
    told = plan.settings()
    assert told["select/nominal/top"]["shift"] is None
    shifts = {v: told[f"select/{v}/top"]["shift"] for v in ("jes_up", "jes_down", "jer_up")}
    assert shifts["jes_up"] == {
        **{"quantity": "energy", "side": "up", "correction": "jes", "smearing": None},
        **{"column": None, "value": None},
    }
    assert shifts["jes_down"] == {**shifts["jes_up"], "side": "down"}
    assert shifts["jer_up"]["smearing"] == {
        key: RESOLUTION[key] for key in ("resolution", "scale_factor")
    }
    # A title, or one side less, is nothing that the other side's selection is made from.
    plan.systematics = {"jes": {**SHIFT, "sides": ["up"], "title": "JES"}}
    assert plan.settings()["select/jes_up/top"] == told["select/jes_up/top"]


def test_smearing_of_nominal_jets_reads_the_corrections(plan: Plan) -> None:
    plan.config = copy.deepcopy(CONFIG)
    names = {key: RESOLUTION[key] for key in ("resolution", "scale_factor")}
    plan.config["select"] = {**plan.config.get("select", {}), "smearing": names}
    plan.systematics = {"jer": {"kind": "shift", "quantity": "resolution"}, "isr": WEIGHT}
    assert len(plan.parameters(("select", "nominal/top"))["corrections"]) == 1
    assert plan.settings()["select/jer_up/top"]["shift"]["smearing"] is None


def test_adding_a_weight(plan: Plan) -> None:
    jobs = added(plan, "isr", WEIGHT)
    assert jobs == VARIED | {("templates", "isr_up"), ("templates", "isr_down")}


def test_adding_an_alternative_sample(plan: Plan) -> None:
    jobs = added(plan, "fsr", SAMPLE)
    assert jobs == (
        VARIED
        | per_sample("simulate", "fsr_up", 0, 1)
        | per_sample("ingest", "fsr_up", 0, 1)
        | per_sample("list_parts", "fsr_up")
        | per_sample("select", "fsr_up")
        | {("score", "bdt/fsr_up"), ("templates", "fsr_up")}
    )


def test_an_alternative_sample_may_be_smaller(plan: Plan) -> None:
    jobs = added(plan, "fsr", {**SAMPLE, "parts": 1, "samples": ["top"]})
    assert jobs == VARIED | {
        ("simulate", "fsr_up/top/0"),
        ("ingest", "fsr_up/top/0"),
        ("list_parts", "fsr_up/top"),
        ("select", "fsr_up/top"),
        ("score", "bdt/fsr_up"),
        ("templates", "fsr_up"),
    }


def test_events_of_an_alternative_sample(plan: Plan) -> None:
    plan.systematics = {"fsr": {**SAMPLE, "parts": 1, "events": 50}}
    told = plan.settings()
    assert told["simulate/nominal/top/0"]["events"] == 2000
    assert told["simulate/fsr_up/top/0"]["events"] == 50


def test_adding_a_model_variation(plan: Plan) -> None:
    jobs = added(plan, "depth", MODEL)
    assert jobs == VARIED | {
        ("train_bdt", "bdt/depth_up"),
        ("score", "bdt/depth_up"),
        ("templates", "depth_up"),
    }


def test_a_variation_of_a_model_outside_of_the_fit_adds_nothing(plan: Plan) -> None:
    assert added(plan, "width", {**MODEL, "model": "ucluster", "up": {"seed": 2}}) == RECORD


KINDS = {
    **{"lumi": RATE, "isr": WEIGHT, "jes": SHIFT},
    **{"tracks": CONSTITUENT, "fsr": SAMPLE, "depth": MODEL},
}


def test_removing_a_variation_leaves_the_fit_and_what_follows(plan: Plan) -> None:
    plan.systematics = dict(KINDS)
    plan.finish()
    for name in KINDS:
        plan.systematics = {other: block for other, block in KINDS.items() if other != name}
        expected = VARIED - FITTED | TAIL if name == "lumi" else VARIED
        assert plan.jobs() == expected, name
        # The same as switching it off; switched on again nothing is left to do.
        plan.systematics[name] = {**KINDS[name], "enabled": False}
        assert plan.jobs() == expected, name
    plan.systematics = dict(KINDS)
    assert plan.jobs() == set()


def test_a_changed_title_makes_plots_and_tables_alone(plan: Plan) -> None:
    plan.systematics = dict(KINDS)
    plan.finish()
    for name in KINDS:
        plan.systematics = {**KINDS, name: {**KINDS[name], "title": "Another"}}
        drawn = {("plot_fit", ""), ("plot_health", ""), ("fit_tables", "")}
        # The page that the report opens with shows a plot of the fit.
        expected = {*drawn, ("plot_systematics_bdt", "bdt"), ("summary", ""), *RECORD}
        assert plan.jobs() == expected, name


def test_what_the_evaluation_ignores_is_not_evaluated_again(plan: Plan) -> None:
    """Regions, smoothing and pruning are of the fit; an order of the entries is of nothing else."""
    plan.systematics = dict(KINDS)
    plan.finish()
    for change in ({"regions": ["pass"]}, {"smooth": "linear"}, {"prune": {"norm": 0.1}}):
        plan.systematics = {**KINDS, "jes": {**SHIFT, **change}}
        assert ("infer", "") in plan.jobs()
        assert ("evaluate_systematics_bdt", "bdt") not in plan.jobs(), change
    plan.systematics = dict(reversed(KINDS.items()))
    assert ("evaluate_systematics_bdt", "bdt") not in plan.jobs()


def test_strictness_fits_nothing_again(plan: Plan) -> None:
    plan.config = copy.deepcopy(CONFIG)
    plan.systematics = {"isr": WEIGHT}
    plan.finish()
    plan.config["infer"] = {"strict": True}
    assert plan.jobs() == {("demand_health", ""), *RECORD}


def test_without_models_the_chain_ends_at_the_cutflow(plan: Plan) -> None:
    plan.config = copy.deepcopy(CONFIG) | {"models": {}}
    assert plan.jobs() == (
        per_sample("simulate", "nominal", 0, 1)
        | per_sample("ingest", "nominal", 0, 1)
        | per_sample("list_parts", "nominal")
        | per_sample("select", "nominal")
        | {("plot_cutflow", ""), ("summary", ""), ("provenance", ""), ("default", "")}
    )


def test_without_a_fit_the_chain_ends_at_the_evaluation(plan: Plan) -> None:
    plan.config = copy.deepcopy(CONFIG) | {"infer": None}
    plan.systematics = {"lumi": RATE, "jes": SHIFT}
    fit = {("templates", "nominal"), ("infer", ""), ("plot_fit", ""), ("fit_tables", "")}
    assert plan.jobs() == NOMINAL - fit


def test_pseudo_data_need_one_more_file_of_templates(plan: Plan) -> None:
    plan.config = copy.deepcopy(CONFIG) | {"infer": {"data": "pseudo"}}
    assert plan.jobs() == NOMINAL | {("pseudo_templates", "")}
    assert plan.inputs(("infer", "")) == ["out/templates/nominal.root", "out/templates/pseudo.root"]


REGIONS = {"pass": {"range": [0.9, 1.0]}, "fail": {"range": [0.0, 0.9], "control": True}}


def with_data(plan: Plan, **changes: object) -> Plan:
    """The same analysis with a sample of collision data, and shifts that must not touch it."""
    path = plan.folder / "data.root"
    path.touch()
    plan.config = copy.deepcopy(CONFIG) | changes
    plan.config["samples"]["run"] = {"source": "root", "files": [str(path)], "data": True}
    plan.systematics = {"jes": SHIFT}
    return plan


def inputs_of_templates(plan: Plan, variation: str) -> list[str]:
    return plan.inputs(("templates", variation))


def test_blinded_templates_do_not_read_the_data(plan: Plan) -> None:
    with_data(plan)
    assert not any("run" in path for path in inputs_of_templates(plan, "nominal"))
    assert plan.settings()["infer/"]["data"] == []


def test_control_regions_show_the_data_and_are_not_fitted(plan: Plan) -> None:
    with_data(plan, templates={"regions": REGIONS})
    assert "out/select/nominal/run.parquet" in inputs_of_templates(plan, "nominal")
    assert not any("run" in path for path in inputs_of_templates(plan, "jes_up"))
    told = plan.settings()
    assert told["templates/nominal"]["data"] == ["run"]
    assert not told["templates/nominal"]["unblind"]
    assert told["templates/jes_up"]["data"] == []
    assert told["infer/"]["data"] == ["run"]


def test_unblinding_shows_the_data_to_the_nominal_templates_alone(plan: Plan) -> None:
    with_data(plan, infer={"unblind": True, "data": "observed"})
    assert "out/select/nominal/run.parquet" in inputs_of_templates(plan, "nominal")
    told = plan.settings()
    assert told["templates/nominal"]["data"] == ["run"]
    assert told["templates/nominal"]["unblind"]
    assert told["templates/jes_up"]["data"] == []
    assert not told["templates/jes_up"]["unblind"]


def test_settings_of_a_sample_come_before_those_of_a_variation(plan: Plan) -> None:
    plan.config = copy.deepcopy(CONFIG)
    plan.config["samples"]["top"]["settings"] = ["6:m0 = 172."]
    plan.systematics = {"mass": {**SAMPLE, "up": ["6:m0 = 175."]}}
    told = plan.settings()
    assert told["simulate/nominal/quark/0"]["settings"] == []
    assert told["simulate/nominal/top/1"]["settings"] == ["6:m0 = 172."]
    assert told["simulate/mass_up/top/0"]["settings"] == ["6:m0 = 172.", "6:m0 = 175."]


def test_anomaly_detection(tmp_path: Path) -> None:
    """The shipped configuration: four clusterings of events, no fit, one comparison."""
    config = yaml.safe_load((REPOSITORY / "config" / "anomaly.yaml").read_text())
    expected: set[Job] = {
        *(("plot_cutflow", ""), ("anomaly", "")),
        *(("summary", ""), ("provenance", ""), ("default", "")),
    }
    for sample, parts in (("dijet", 4), ("resonance", 1)):
        expected |= {(rule, f"nominal/{sample}") for rule in ("list_parts", "select")}
        for part in range(parts):
            expected |= {(rule, f"nominal/{sample}/{part}") for rule in ("simulate", "ingest")}
    # All cluster the same events: packed once.
    expected.add(("prepare_ucluster", (UCluster(**config["models"]["clusters_2"])).prepared_name()))
    for clusters in (2, 5, 10, 20):
        model = f"clusters_{clusters}"
        expected |= {
            ("train_ucluster", f"{model}/nominal"),
            ("score", f"{model}/nominal"),
            ("evaluate_events", model),
        }
    plan = Plan(tmp_path, config, {})
    assert plan.jobs() == expected
    plan.finish()
    assert plan.jobs() == set()


def test_b_jets(tmp_path: Path) -> None:
    """The shipped configuration: three flavours; trees, cuts, two searched networks, merged."""
    config = yaml.safe_load((REPOSITORY / "config" / "bjets.yaml").read_text())
    ends = (
        "plot_cutflow",
        "compare_models",
        "rank_classifiers",
        "summary",
        "provenance",
        "default",
    )
    expected: set[Job] = {(rule, "") for rule in ends}
    for sample in ("bottom", "charm", "light"):
        expected |= {(rule, f"nominal/{sample}") for rule in ("list_parts", "select")}
        for part in range(config["samples"][sample]["parts"]):
            expected |= {(rule, f"nominal/{sample}/{part}") for rule in ("simulate", "ingest")}
    searches = Searches(load(config, REPOSITORY)[0])
    for model, block in config["models"].items():
        kind = block["kind"]
        if "search" in block:
            (batch,) = searches.batches_of(model)
            expected |= {
                (f"search_{kind}", batch),
                ("search_rank", f"{model}/chosen"),
                (f"search_best_{kind}", f"{model}/seeds/0"),
                ("search_report", model),
            }
        expected |= {(rule, f"{model}/nominal") for rule in (f"train_{kind}", "score")}
        expected.add((f"evaluate_{kind}", model))
        if name := families()[kind].block(**block).prepared_name():
            expected.add((f"prepare_{kind}", name))
    plan = Plan(tmp_path, config, {})
    assert plan.jobs() == expected
    plan.finish()
    assert plan.jobs() == set()


def test_models_share_packed_jets_and_leave_each_other_alone(tmp_path: Path) -> None:
    """Another model with the same jets, first by name, trains itself; other masses pack anew."""
    plan = Plan(tmp_path, copy.deepcopy(CONFIG), {})
    plan.finish()
    block = CONFIG["models"]["ucluster"]
    plan.config["models"] = {"another": {**block, "seed": 9}, **plan.config["models"]}
    mine = {("train_ucluster", "another/nominal"), ("score", "another/nominal")}
    mine |= {("evaluate_ucluster", "another")}
    after = {("compare_models", ""), ("summary", ""), ("provenance", ""), ("default", "")}
    assert plan.jobs() == mine | after
    paper = {**block, "preset": "paper"}
    plan.config["models"]["another"] = paper
    assert plan.jobs() == mine | after | {("prepare_ucluster", (UCluster(**paper)).prepared_name())}


def test_a_variation_by_name(plan: Plan) -> None:
    plan.systematics = {"jes": SHIFT, "isr": WEIGHT}
    plan.finish()
    plan.systematics["jms"] = {"kind": "shift", "correction": "jms", "quantity": "mass"}
    jobs = plan.jobs("variation_jms_up")
    assert jobs == per_sample("select", "jms_up") | {
        ("score", "bdt/jms_up"),
        ("templates", "jms_up"),
        ("variation_jms_up", ""),
    }


def test_an_entry_by_name(plan: Plan) -> None:
    envelope = {"kind": "weight", "envelope": ["weight_isr_up", "weight_isr_down"]}
    instead = {
        "pass": {"model": "ucluster", "clusters": ["top"]},
        "fail": {"model": "ucluster", "clusters": ["quark"]},
    }
    method = {"kind": "model", "use": "crosscheck", "instead": instead}
    plan.systematics = {"isr": WEIGHT}
    plan.finish()
    plan.systematics |= {"jes": SHIFT, "scale": envelope, "method": method, "lumi": RATE}
    expected = {("variation_jes", "")}
    for v in ("jes_up", "jes_down"):
        expected |= per_sample("select", v) | {("score", f"bdt/{v}"), ("templates", v)}
    assert plan.jobs("variation_jes") == expected
    members = {("templates", "scale_m0"), ("templates", "scale_m1")}
    assert plan.jobs("variation_scale") == members | {("variation_scale", "")}
    assert plan.jobs("variation_lumi") == {("variation_lumi", "")}  # a rate has no files
    assert plan.jobs("variation_method") == {
        ("templates", "method_up"),
        ("variation_method", ""),
    }
    assert plan.jobs("variation_jes", "variation_scale_m1") == expected | {
        ("templates", "scale_m1"),
        ("variation_scale_m1", ""),
    }


def test_adding_an_envelope_of_weights(plan: Plan) -> None:
    columns = ["weight_isr_up", "weight_isr_down", "weight_fsr_up"]
    jobs = added(plan, "scale", {"kind": "weight", "envelope": columns})
    assert jobs == VARIED | {("templates", f"scale_m{i}") for i in range(3)}


def test_adding_replicas_of_a_training(plan: Plan) -> None:
    jobs = added(plan, "seed", {**MODEL, "up": None, "replicas": [{"seed": 2}, {"seed": 3}]})
    assert jobs == VARIED | {
        job
        for v in ("seed_m0", "seed_m1")
        for job in {("train_bdt", f"bdt/{v}"), ("score", f"bdt/{v}"), ("templates", v)}
    }


def test_another_model_in_its_place_needs_templates_alone(plan: Plan) -> None:
    instead = {
        "pass": {"model": "ucluster", "clusters": ["top"]},
        "fail": {"model": "ucluster", "clusters": ["quark"]},
    }
    jobs = added(plan, "method", {"kind": "model", "instead": instead})
    assert jobs == FITTED | {("templates", "method_up")}


def test_systematic_errors_are_of_the_models_that_regions_read(plan: Plan) -> None:
    """Regions of clusters: the clustering's scores vary with the jets, those of the BDT do not."""
    plan.config = copy.deepcopy(CONFIG) | {
        "templates": {
            "regions": {
                "pass": {"model": "ucluster", "clusters": ["top"]},
                "fail": {"model": "ucluster", "clusters": ["quark"]},
            }
        }
    }
    jobs = added(plan, "jes", SHIFT)
    expected = FITTED | {
        (f"{rule}_systematics_ucluster", "ucluster") for rule in ("evaluate", "plot")
    }
    for v in ("jes_up", "jes_down"):
        expected |= per_sample("select", v) | {("score", f"ucluster/{v}"), ("templates", v)}
    assert jobs == expected


def test_one_model_has_none_to_be_compared_with(plan: Plan) -> None:
    plan.config = copy.deepcopy(CONFIG)
    del plan.config["models"]["ucluster"]
    assert not {job for job in plan.jobs() if job[0] == "compare_models"}


def test_classifiers_are_ranked_once_there_are_two(plan: Plan) -> None:
    plan.config = copy.deepcopy(CONFIG)
    plan.finish()
    plan.config["models"]["shallow"] = {"kind": "bdt", "max_depth": 2}
    assert plan.jobs() == {
        ("train_bdt", "shallow/nominal"),
        ("score", "shallow/nominal"),
        ("evaluate_bdt", "shallow"),
        *((rule, "") for rule in ("compare_models", "rank_classifiers")),
        *((rule, "") for rule in ("summary", "provenance", "default")),
    }


def test_a_cross_check_leaves_the_fit_alone(plan: Plan) -> None:
    instead = {
        "pass": {"model": "ucluster", "clusters": ["top"]},
        "fail": {"model": "ucluster", "clusters": ["quark"]},
    }
    declared = {"kind": "model", "use": "crosscheck", "instead": instead}
    after = {("summary", ""), ("provenance", ""), ("default", "")}
    assert added(plan, "method", declared) == after | {
        ("templates", "method_up"),
        ("crosscheck", "method"),
    }
    # Regions that are not fitted may turn out to be empty.
    plan.config = copy.deepcopy(CONFIG) | {"seed": 2}
    told = plan.settings()
    assert told["templates/method_up"]["allow_empty"]
    assert not told["templates/nominal"]["allow_empty"]


def test_certified_blocks_are_read_with_the_data_alone(plan: Plan) -> None:
    with_data(plan)
    blocks = plan.folder / "golden.json"
    blocks.write_text('{"1": [[1, 2]]}')
    plan.config["samples"]["run"]["golden_json"] = str(blocks)
    assert plan.parameters(("ingest", "nominal/run/0"))["golden_json"] == [str(blocks)]
    assert plan.parameters(("ingest", "nominal/top/0"))["golden_json"] == []
    plan.finish()
    assert plan.jobs() == set()
    blocks.write_text('{"1": [[1, 3]]}')
    again = {job for job in plan.jobs() if job[0] in ("ingest", "select")}
    assert again == {("ingest", "nominal/run/0"), ("select", "nominal/run")}


def test_what_a_tree_holds_is_a_parameter_of_its_sample(plan: Plan) -> None:
    with_data(plan)
    path = plan.folder / "data.root"
    mapped = {"source": "root", "files": [str(path)], "label": "qcd", "xsec": 1.0}
    mapped |= {"branches": {"FatJet": "jet"}, "unweighted": True, "tree": "t", "parts_per_file": 2}
    plan.config["samples"] |= {"other": mapped}
    told = plan.settings()
    run, other = told["ingest/nominal/run/0"], told["ingest/nominal/other/1"]
    assert run["data"] and run["content"] == RootContent().model_dump(mode="json")
    assert (run["label"], run["xsec"], run["piece"]) == (None, None, [0, 1])
    content = {"tree": "t", "branches": {"FatJet": "jet"}, "unweighted": True}
    assert other["content"] == RootContent(**content).model_dump(mode="json")
    assert (other["label"], other["xsec"], other["piece"]) == ("qcd", 1.0, [1, 2])
    assert other["number"] == 0 and not other["data"]
