"""Tables: the chain of jobs is that of jets, and a shift of a column makes the selection anew."""

from __future__ import annotations

import os
import time
from pathlib import Path

from support.plans import Plan
from support.tables import CONTENT, tracks, write

SAMPLES = {"kaon": 321, "pion": 211}


def planned(tmp_path: Path) -> Plan:
    """An analysis of two samples with a fit."""
    file = write(tmp_path / "tracks.parquet", tracks(30))
    os.utime(file, (time.time() - 20_000,) * 2)
    samples = {
        name: {"source": "table", "files": [file.name], **CONTENT, "label": name, "xsec": 1.0}
        | {"rows": {"pdg": pdg}}
        for name, pdg in SAMPLES.items()
    }
    region = {"model": "trees", "score": "p_kaon"}
    config = {
        "samples": samples,
        "models": {"trees": {"kind": "bdt", "features": ["dedx", "tof"]}},
        "evaluate": {"rejection": [["kaon", ["pion"]]]},
        "templates": {
            "variable": "p",
            "range": [0, 3],
            "regions": {
                "pass": {**region, "range": [0.5, 1]},
                "fail": {**region, "range": [0, 0.5]},
            },
        },
        "infer": {"signal": ["kaon"]},
    }
    return Plan(tmp_path, config, {})


def test_the_jobs_of_a_shifted_column(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    jobs = plan.jobs()
    for rule, what in (("ingest", "nominal/{}/0"), ("list_parts", "nominal/{}")):
        assert {(rule, what.format(name)) for name in SAMPLES} <= jobs
    assert ("train_bdt", "trees/nominal") in jobs
    plan.finish()
    assert plan.jobs() == set()

    plan.systematics = {"gain": {"kind": "shift", "column": "dedx", "value": 0.1}}
    new = {job for job in plan.jobs() if "gain" in job[1]}
    assert new == {
        (rule, what)
        for side in ("gain_up", "gain_down")
        for rule, what in (
            ("select", f"{side}/kaon"),
            ("select", f"{side}/pion"),
            ("score", f"trees/{side}"),
            ("templates", side),
        )
    }
    assert {job for job in plan.jobs() if job[0] in ("ingest", "list_parts", "train_bdt")} == set()

    plan.systematics = {}
    plan.config["samples"]["kaon"]["where"] = {"p": [0.5, 2.0]}
    again = {job for job in plan.jobs() if job[0] in ("check", "ingest", "list_parts", "select")}
    assert again == {("check", ""), ("select", "nominal/kaon")}


def test_an_order_in_time_reads_the_parts_of_all_samples(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    lists = [f"out/ingest/nominal/{name}.json" for name in SAMPLES]
    alone = plan.inputs(("select", "nominal/kaon"))
    assert [path for path in alone if path in lists] == lists[:1]
    plan.jobs()
    plan.finish()
    plan.config["select"] = {"split": {"by": "p"}}
    assert set(lists) <= set(plan.inputs(("select", "nominal/kaon")))
    again = {job for job in plan.jobs() if job[0] in ("ingest", "list_parts", "select")}
    assert again == {("select", f"nominal/{name}") for name in SAMPLES}
