"""Which jobs are one cluster job: a part, a variation, the results; and how many these are."""

from __future__ import annotations

import copy
from math import ceil
from pathlib import Path

import pytest

from boostflow.clusterplan import describe
from boostflow.models.ucluster.block import UCluster
from support.plans import CONFIG, Job, Plan

SYSTEMATICS = {
    "lumi": {"kind": "rate", "value": 0.02},
    "jes": {"kind": "shift", "correction": "jes"},
    "jms": {"kind": "shift", "correction": "jms", "samples": ["top"]},
    "isr": {"kind": "weight", "up": "weight_isr_up", "down": "weight_isr_down"},
    "fsr": {"kind": "sample", "samples": ["top"], "up": ["TimeShower:renormMultFac = 0.25"]},
    "depth": {"kind": "model", "model": "bdt", "up": {"max_depth": 3}},
    "tracks": {
        "kind": "constituent",
        "samples": ["top"],
        "quantity": "track_efficiency",
        "value": 0.02,
    },
}


def jobs(*found: Job) -> frozenset[Job]:
    return frozenset(found)


def part(path: str) -> frozenset[Job]:
    return jobs(("simulate", path), ("ingest", path))


def varied(name: str, *samples: str) -> frozenset[Job]:
    selected = {("select", f"{name}/{sample}") for sample in samples}
    return frozenset(selected | {("score", f"bdt/{name}"), ("templates", name)})


PACKED = (UCluster(**CONFIG["models"]["ucluster"])).prepared_name()

EXPECTED = {
    "parts": {
        # Constituents are varied where their file is read.
        *(part(f"nominal/top/{i}") | {("ingest", f"tracks_up/top/{i}")} for i in (0, 1)),
        *(part(f"nominal/quark/{i}") for i in (0, 1)),
        *(part(f"fsr_up/top/{i}") for i in (0, 1)),
    },
    "select": {
        jobs(("list_parts", f"nominal/{sample}"), ("select", f"nominal/{sample}"))
        for sample in ("top", "quark")
    },
    "train_bdt": {jobs(("train_bdt", f"bdt/{name}")) for name in ("nominal", "depth_up")},
    "prepare_ucluster": {jobs(("prepare_ucluster", PACKED))},
    "train_ucluster": {jobs(("train_ucluster", "ucluster/nominal"))},
    "nominal": {
        jobs(("score", "bdt/nominal"), ("templates", "nominal"), ("evaluate_bdt", "bdt")),
        # No region reads it, so that nothing waits for its training but its own figures.
        jobs(("score", "ucluster/nominal"), ("evaluate_ucluster", "ucluster")),
    },
    "shift": {
        *(varied(f"jes_{direction}", "top", "quark") for direction in ("up", "down")),
        *(varied(f"jms_{direction}", "top") for direction in ("up", "down")),
    },
    "weight": {jobs(("templates", f"isr_{direction}")) for direction in ("up", "down")},
    "sample": {varied("fsr_up", "top") | {("list_parts", "fsr_up/top")}},
    "constituent": {varied("tracks_up", "top") | {("list_parts", "tracks_up/top")}},
    "model": {varied("depth_up")},
    "results": {
        jobs(
            ("evaluate_systematics_bdt", "bdt"),
            ("plot_systematics_bdt", "bdt"),
            *((rule, "") for rule in ("compare_models", "health", "infer", "fit_tables")),
            *((rule, "") for rule in ("plot_health", "plot_fit", "plot_cutflow")),
            *((rule, "") for rule in ("summary", "provenance")),
        )
    },
}


@pytest.fixture
def full(tmp_path: Path) -> Plan:
    """A variation of each kind, some of one sample."""
    return Plan(tmp_path, CONFIG, SYSTEMATICS)


def test_jobs_that_go_together(full: Plan) -> None:
    assert full.groups() == EXPECTED


def test_components_of_a_group_are_counted_together(full: Plan) -> None:
    groups = full.groups(parts=4, select=2, shift=3)
    one_by_one = {"train_bdt", "nominal", "weight", "model", "sample", "results"}
    assert {name: groups[name] for name in one_by_one} == {
        name: EXPECTED[name] for name in one_by_one
    }
    for name, sizes in {"parts": [2, 4], "select": [2], "shift": [1, 3]}.items():
        # Which ones are together is up to Snakemake; none is split, lost or doubled.
        assert sorted(sum(c <= job for c in EXPECTED[name]) for job in groups[name]) == sizes
        assert sorted(j for job in groups[name] for j in job) == sorted(
            j for component in EXPECTED[name] for j in component
        )


def test_without_submission_there_are_no_groups(full: Plan) -> None:
    with full._dag(()) as dag:
        assert {job.group for job in dag.jobs} == {None}


def test_what_is_there_is_not_submitted(full: Plan) -> None:
    full.systematics = {"lumi": SYSTEMATICS["lumi"], "isr": SYSTEMATICS["isr"]}
    full.finish()
    full.systematics["jes"] = SYSTEMATICS["jes"]
    assert full.groups() == {
        "shift": {varied(f"jes_{d}", "top", "quark") for d in ("up", "down")},
        "results": {
            next(iter(EXPECTED["results"])) - {("plot_cutflow", ""), ("compare_models", "")}
        },
    }


@pytest.mark.parametrize("components", [{}, {"parts": 5, "select": 3, "shift": 2, "weight": 50}])
def test_the_number_of_cluster_jobs_is_the_formula(
    tmp_path: Path, components: dict[str, int]
) -> None:
    """The formula of profiles/README.md."""
    samples, files, shifts, weights = 4, 3, 5, 2
    config = copy.deepcopy(CONFIG)
    config["models"].pop("ucluster")
    names = [f"s{i}" for i in range(samples)]
    config["samples"] = {
        name: {
            "source": "root",
            "files": [str(tmp_path / f"{name}.{i}.root") for i in range(files)],
            "label": ("top", "quark")[i % 2],
            "xsec": 1.0,
        }
        for i, name in enumerate(names)
    }
    for sample in config["samples"].values():
        for file in sample["files"]:
            Path(file).touch()
    config["infer"] = {"signal": ["s0"]}
    systematics = {f"shift{i}": SYSTEMATICS["jes"] for i in range(shifts)}
    systematics |= {f"weight{i}": {"kind": "weight", "up": f"w{i}"} for i in range(weights)}
    systematics["depth"] = SYSTEMATICS["depth"]
    found = Plan(tmp_path, config, systematics).terms(**components)

    def term(name: str, number: int) -> int:
        return ceil(number / components.get(name, 1))

    expected = {
        "check": 1,
        "parts": term("parts", samples * files),
        "select": term("select", samples),
        "train_bdt": 2,
        "nominal": 1,
        "shift": term("shift", 2 * shifts),
        "weight": term("weight", weights),
        "model": 1,
        "results": 1,
    }
    assert {name: term.cluster_jobs for name, term in found.items()} == expected
    assert found["shift"].components == 2 * shifts
    assert found["shift"].rules == {
        "select": 2 * shifts * samples, "score": 2 * shifts, "templates": 2 * shifts
    }  # fmt: skip
    last = describe(found).splitlines()[-1]
    total = sum(found_term.rules.total() for found_term in found.values())
    assert last == f"{sum(expected.values())} cluster jobs for {total} jobs of Snakemake"


def test_a_profile_gives_resources_to_all_distributed_trainings(plan: Plan) -> None:
    """It names no family: `train_distributed` stands for all that `horovodrun` trains."""
    given = plan.resources("nodes", train_distributed={"nodes": 2})
    assert given["train_ucluster"] == {2}
    assert given["train_bdt"] == given["select"] == {None}
    own = plan.resources("nodes", train_distributed={"nodes": 2}, train_ucluster={"nodes": 3})
    assert own["train_ucluster"] == {3}
