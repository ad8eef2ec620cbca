"""Tables of the fit: yields as text, CSV and LaTeX, and the HEPData record."""

from __future__ import annotations

import copy
import csv

import pytest
import yaml
from hepdata_validator.full_submission_validator import FullSubmissionValidator

from boostflow.infer.tables import (
    hepdata,
    rounded,
    write_hepdata,
    yield_rows,
    yields_csv,
    yields_latex,
    yields_text,
)
from boostflow.plots.names import hepdata_tables

PART = {"values": [90.0, 30.0], "errors": [9.0, 3.0], "sum": 120.0, "sum_error": 11.7}
YIELDS = {
    "sr_1": {
        "edges": [50.0, 100.0, 290.0],
        "data": [95.0, 33.0],
        "prefit": {"quark": PART, "total": PART},
        "postfit": {"quark": PART, "total": {**PART, "sum": 127.6}},
    }
}
BAND = [[0.9, 0.1]] * 5
STRENGTH = {
    "text": "mu = 1.0 ± 0.2 (stat) ± 0.1 (exp)",
    "value": 1.0,
    "up": 0.3,
    "down": 0.2,
    "error": 0.25,
    "breakdown": {
        "order": ["exp"],
        "stat": {"up": 0.2, "down": 0.2, "error": 0.2},
        "exp": {"up": 0.1, "down": 0.1, "error": 0.1},
    },
    "significance": {"expected": 4.2, "observed": 4.0},
    "limit": {
        "level": 0.95,
        "expected": [0.1, 0.2, 0.3, 0.4, None],
        "observed": 0.5,
        "scan": {"mu": [0.1, 0.5], "expected": BAND, "observed": [0.8, 0.05]},
    },
    "scan": {"mu": [0.8, 1.2], "total": [1.0, 1.1], "stat": [2.0, None]},
}
SHIFTS = {"up": 0.1, "down": -0.1, "prefit_up": 0.11, "prefit_down": -0.11}
FREE = SHIFTS | {"prefit_up": None, "prefit_down": None}
FIT = {
    "data": "pseudo",
    "text": STRENGTH["text"],
    "pois": {"mu": STRENGTH},
    "parameters": [
        {"name": "jes", "pull": 0.1, "constraint": 0.9, "impacts": {"mu": SHIFTS}},
        {"name": "scale", "pull": None, "constraint": None, "impacts": {"mu": FREE}},
    ],
    "correlation": {"names": ["mu", "jes"], "matrix": [[1.0, 0.3], [0.3, 1.0]]},
}


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (120.0, 11.7, ("120", "12")),
        (5949.3, 465.0, ("5949", "465")),
        (0.01234, 0.00056, ("0.01234", "0.00056")),
        (2.5, 0.0, ("2.5", "")),
    ],
)
def test_rounding(value, error, text):
    assert rounded(value, error) == text


def test_yields():
    rows = yield_rows(YIELDS)
    assert [row["sample"] for row in rows] == ["quark", "total", "data"]
    lines = yields_text(rows).splitlines()
    assert lines[2].split() == ["sr_1", "total", "120", "±", "12", "128", "±", "12"]
    assert lines[3].split() == ["sr_1", "data", "128", "128"]
    back = list(csv.DictReader(yields_csv(rows).splitlines()))
    assert float(back[0]["prefit_error"]) == 11.7 and back[2]["prefit_error"] == ""
    latex = yields_latex(rows)
    assert r"sr\_1 & quark & $120 \pm 12$ & $120 \pm 12$ \\" in latex
    assert r" & data & $128$ & $128$ \\" in latex


def test_an_empty_sample_is_zero_with_an_upper_error():
    part = {"values": [0.0, 0.0], "errors": [3.0, 4.0], "sum": 0.0, "sum_error": 5.0}
    stages = {stage: {**YIELDS["sr_1"][stage], "rare": part} for stage in ("prefit", "postfit")}
    yields = {"sr_1": {**YIELDS["sr_1"], **stages}}
    rows = yield_rows(yields)
    assert yields_text(rows).splitlines()[3].split() == ["sr_1", "rare", *["0", "+", "5.0"] * 2]
    assert r" & rare & $0^{+5.0}$ & $0^{+5.0}$ \\" in yields_latex(rows)
    table = hepdata(FIT, yields, {}, ("Soft-drop mass", "GeV"), 13000.0)["yields_sr_1"]
    (column,) = [
        c
        for c in table["dependent_variables"]
        if {"name": "Sample", "value": "rare"} in c["qualifiers"]
        and c["qualifiers"][1]["value"] == "before the fit"
    ]
    errors = [{"label": "total", "asymerror": {"plus": 4.0, "minus": 0.0}}]
    assert column["values"][1] == {"value": 0.0, "errors": errors}


def test_unknown_parts_of_the_error_are_left_out_of_the_record():
    unknown = {"up": None, "down": 0.1, "error": None}
    fit, _ = variant(breakdown={"exp": unknown})
    found = hepdata(fit, YIELDS, {}, ("Soft-drop mass", "GeV"), 13000.0)["results"]
    errors = found["dependent_variables"][0]["values"][0]["errors"]
    assert [error["label"] for error in errors] == ["stat"]


def record():
    return hepdata(FIT, YIELDS, {"jes": "Jet energy scale"}, ("Soft-drop mass", "GeV"), 13000.0)


def test_hepdata_record(tmp_path):
    found = record()
    assert sorted(found) == sorted(hepdata_tables(["sr_1"], ["mu"]))
    write_hepdata(found, tmp_path)
    head, *tables = yaml.safe_load_all((tmp_path / "submission.yaml").read_text())
    assert "pseudo" in head["comment"]
    assert STRENGTH["text"] in head["comment"]
    assert {t["data_file"] for t in tables} == {f"{name}.yaml" for name in found} - {
        "submission.yaml"
    }
    content = yaml.safe_load((tmp_path / "yields_sr_1.yaml").read_text())
    (mass,) = content["independent_variables"]
    assert mass["header"] == {"name": "Soft-drop mass", "units": "GeV"}
    assert mass["values"][1] == {"low": 100.0, "high": 290.0}
    results = yaml.safe_load((tmp_path / "results.yaml").read_text())
    (value,) = results["dependent_variables"]
    assert value["values"][0]["errors"][0] == {
        "label": "stat",
        "asymerror": {"plus": 0.2, "minus": -0.2},
    }
    assert value["values"][7] == {"value": "-"}  # a limit beyond the scan


def variant(**changes):
    """Results of a fit and yields with something else in them."""
    fit, yields = copy.deepcopy(FIT), copy.deepcopy(YIELDS)
    for part in yields["sr_1"]["prefit"].values():
        part.update(changes.pop("part", {}))
    strength = fit["pois"]["mu"]
    strength["breakdown"].update(changes.pop("breakdown", {}))
    strength.update({key: changes.pop(key) for key in ("significance", "limit") if key in changes})
    fit.update(changes)
    return fit, yields


NONE = {"up": 0.0, "down": 0.0, "error": 0.0}
UNKNOWN = {"up": None, "down": 0.1, "error": None}
RECORDS = {
    "ordinary": variant(),
    "no error of the yields": variant(part={"errors": [0.0, 0.0]}),
    "one bin without error": variant(part={"errors": [9.0, 0.0]}),
    "empty": variant(part={"values": [0.0, 0.0], "errors": [3.0, 0.0]}),
    "no error of mu": variant(breakdown={"stat": NONE, "exp": NONE}),
    "one source without error": variant(breakdown={"exp": NONE}),
    "unknown errors": variant(breakdown={"stat": UNKNOWN, "exp": UNKNOWN}),
    "blind": variant(
        data="asimov",
        significance={"expected": 4.2},
        limit={
            "level": 0.95,
            "expected": [0.1, 0.2, 0.3, 0.4, 0.5],
            "scan": {"mu": [0.1, 0.5], "expected": BAND},
        },
    ),
    "no systematics": variant(parameters=[], correlation={"names": ["mu"], "matrix": [[1.0]]}),
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", RECORDS)
def test_hepdata_accepts_it(tmp_path, kind):
    """The validator leaves files open, which Python warns of."""
    fit, yields = RECORDS[kind]
    found = hepdata(fit, yields, {}, ("Soft-drop mass", "GeV"), 13000.0)
    write_hepdata(found, tmp_path)
    check = FullSubmissionValidator()
    assert check.validate(directory=str(tmp_path)), check.get_messages()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_hepdata_refuses_errors_that_are_all_zero(tmp_path):
    """So that the validator does look at them."""
    write_hepdata(record(), tmp_path)
    path = tmp_path / "results.yaml"
    table = yaml.safe_load(path.read_text())
    table["dependent_variables"][0]["values"][0]["errors"] = [{"label": "a", "symerror": 0.0}]
    path.write_text(yaml.safe_dump(table))
    assert not FullSubmissionValidator().validate(directory=str(tmp_path))
