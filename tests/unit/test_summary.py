"""The summary of a run, complete or not."""

from __future__ import annotations

import json

import pytest

from boostflow.errors import BoostflowError
from boostflow.jobs.summary import Summary
from boostflow.summary.figures import collect
from boostflow.summary.run import run
from boostflow.summary.table import table
from boostflow.texttable import Text
from support import factory

FIGURES = {
    "model": "bdt",
    "kind": "classifier",
    "auc": {"top": {"value": 0.98, "error": 0.004}},
    "macro_auc": {"value": 0.95, "error": 0.002},
    "accuracy": {"value": 0.7, "error": 0.01},
    "rejection": [
        {"signal": "w", "background": ["quark"], "efficiency": 0.5, "limit": 120.0, "level": 0.95}
    ],
    "significance": {"best": {"asimov": {"cut": 0.9, "value": 2.0, "error": 0.5}}},
}
PARTS = {"error": 0.1, "up": 0.1, "down": 0.1}
SHARE = "pass: 2.0 % of top lie outside of 50 to 290"
STRENGTH = {
    "samples": ["top"],
    "text": "mu = 1.00 ± 0.10 (stat) ± 0.10 (exp) ± 0.10 (model)",
    "value": 1.0,
    "error": 0.17,
    "significance": {
        "expected": 5.5,
        "observed": 5.0,
        "toys": {"number": 500, "p_value_below": 0.006, "significance_above": 2.51},
    },
    "limit": {
        "level": 0.95,
        "expected": [0.1, 0.2, 0.3, 0.4, None],
        "observed": 0.35,
        "scan": {"mu": [0, 1]},
    },
    "breakdown": {
        "order": ["exp", "model"],
        "total": PARTS,
        "stat": PARTS,
        "exp": PARTS,
        "model": PARTS,
    },
}
FIT = {
    "notes": [SHARE],
    "data": "asimov",
    "pois": {"mu": STRENGTH},
    "correlation": {"names": ["mu", "jes"], "matrix": [[1.0, 0.3], [0.3, 1.0]]},
}


def files(folder, **read):
    """Files of a summary that is written into a folder."""
    read = {"cutflows": []} | read
    written = {"table": folder / "summary.txt", "page": folder / "overview.html"}
    return Summary.Files(summary=folder / "summary.json", **written, **read)


def test_complete(tmp_path):
    factory.write_run(tmp_path, events=20)
    cutflows = [tmp_path / f"select/nominal/{name}.json" for name in factory.SAMPLES]
    compared = {
        name: {"mu": {"error": error, "significance": 3.14, "yields": {}, "notes": []}}
        for name, error in (("regions", 0.2), ("instead", 0.456))
    }
    for name, data in (("bdt", FIGURES), ("fit", FIT), ("method", compared)):
        (tmp_path / f"{name}.json").write_text(json.dumps(data))
    run(
        Summary(),
        files(
            tmp_path,
            cutflows=cutflows,
            evaluations=[tmp_path / "bdt.json"],
            fit=[tmp_path / "fit.json"],
            crosschecks=[tmp_path / "method.json"],
        ),
    )
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["samples"]["top"]["events"] == 20
    assert summary["models"]["bdt"]["macro_auc"]["value"] == 0.95
    assert summary["fit"]["pois"]["mu"]["breakdown"]["exp"] == 0.1
    text = (tmp_path / "summary.txt").read_text()
    for part in (
        "gluon",
        "0.950 ± 0.002",
        "> 120 (95 % CL)",
        STRENGTH["text"],
        "5.50",
        "Cross-check method",
        "0.456",
        f"fit: {SHARE}",
    ):
        assert part in text
    assert max(map(len, text.splitlines())) <= 100


def test_a_cross_check_of_empty_regions_is_told():
    full = {"mu": {"error": 0.2, "significance": 3.14, "notes": []}}
    left_out = ["region pass is empty: left out"]
    empty = {"mu": {"error": None, "significance": None, "notes": left_out}}
    summary = {"samples": {}, "notes": {}, "models": {}}
    text = table({**summary, "crosschecks": {"method": {"regions": full, "instead": empty}}})
    assert [line.split() for line in text.splitlines() if "instead" in line] == [
        ["instead", "mu", "-", "-"],
        ["instead:", "region", "pass", "is", "empty:", "left", "out"],
    ]


def test_parts_may_be_absent(tmp_path):
    assert collect(files(tmp_path)) == {"samples": {}, "notes": {}, "models": {}}
    assert table({"samples": {}, "notes": {}, "models": {}}) == "\n"


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        (
            {
                "auc": {"top": {"value": 0.824, "error": 0.005}},
                "improvement": {"top": {"1": {"value": 0.26, "error": 0.06}}},
            },
            ["AUC top", "0.824 ± 0.005", "where 1 % of normal jets pass, over before", "0.26"],
        ),
        ({"bits": {"all": {"value": 74.8, "error": 0.2}}}, ["bits of a jet, all", "74.8 ± 0.2"]),
    ],
    ids=["detector", "compression"],
)
def test_models_that_tell_no_classes_have_their_figures(tmp_path, figures, said):
    """Neither accuracy nor macro AUC: what there is stands in table and page."""
    path = tmp_path / "model.json"
    path.write_text(json.dumps({"model": "one", "kind": "any", **figures}))
    text = table(collect(files(tmp_path, evaluations=[path])))
    assert "Model one" in text and all(part in text for part in said)


def test_an_undefined_limit_is_said(tmp_path):
    limit = STRENGTH["limit"] | {"observed": None, "note": "no observed limit: CLs is 0 / 0"}
    fitted = FIT | {"pois": {"mu": STRENGTH | {"limit": limit}}}
    (tmp_path / "fit.json").write_text(json.dumps(fitted))
    text = table(collect(files(tmp_path, fit=[tmp_path / "fit.json"])))
    assert "undefined: data far below the expectation" in text and "mu < undefined" not in text


def test_missing_file(tmp_path):
    with pytest.raises(BoostflowError, match="no such file"):
        collect(files(tmp_path, cutflows=[tmp_path / "x.json"]))


def test_systematic_errors_and_differences_of_models(tmp_path):
    side = {"up": 0.011, "down": 0.007}
    limit = FIGURES["rejection"][0] | {"signal_efficiency_at_threshold": {}}
    varied = {
        "model": "bdt",
        "auc": {name: {"systematic": side} for name in ("top", "macro")},
        "rejection": [limit],
        "significance": {
            "best": {"asimov": {"cut": 0.8, "value": 1.5, "error": 0.2, "systematic": side}}
        },
    }
    difference = {"value": 0.0312, "error": 0.0021}
    pair = {
        "models": ["bdt", "ucluster"],
        "auc": {"w": difference, "macro": difference},
        "efficiency": {
            "signal": "w",
            "background": "quark",
            "others": ["top"],
            "ranges": [
                {"range": None, "points": [{"mistag": 0.01}, {"mistag": 0.1, "w": difference}]},
                {"range": [20, 50], "points": [{"mistag": 0.01, "w": {"value": 1, "error": 1}}]},
            ],
        },
    }
    for name, data in (("bdt", FIGURES), ("varied", varied), ("pairs", {"pairs": [pair]})):
        (tmp_path / f"{name}.json").write_text(json.dumps(data))
    evaluated, varied, pairs = ([tmp_path / f"{n}.json"] for n in ("bdt", "varied", "pairs"))
    read = files(tmp_path, evaluations=evaluated, systematics=varied, comparison=pairs)
    text = table(collect(read))
    for part in (
        "0.980 ± 0.004 (stat) +0.011 -0.007 (syst)",
        "> 120 (95 % CL)",
        "Asimov Z with systematics, cut at 0.800",
        "1.50 ± 0.20 (stat) +0.01 -0.01 (syst)",
        "bdt - ucluster",
        "0.0312 ± 0.0021",
        "Part of w where 10% of quark pass",
    ):
        assert part in text
    assert text.count("Part of") == 1


BACKGROUND = {
    "abcd": {
        "prediction": {"value": 3332.4, "error": 1718.9},
        "truth": {"value": 1930.0, "error": 457.0},
        "closure": {"significance": -1.85},
    },
    "sideband": {"value": None, "error": None, "truth": None, "reason": "no function describes it"},
    "control": {"qcd": {"value": 0.973, "error": 0.043, "truth": None, "enters": "free"}},
    "composition": {
        "status": "failed",
        "reasons": ["the clusters look alike"],
        "classes": {"top": None},
        "truth": {"top": {"fraction": 0.04}},
    },
}


def test_background_estimates(tmp_path):
    """Values with what pseudo-data hold, and reasons where there is no result."""
    path = tmp_path / "background.json"
    path.write_text(json.dumps(BACKGROUND))
    summary = collect(files(tmp_path, background=[path]))
    assert summary["background"]["abcd"]["closure"] == -1.85
    assert summary["background"]["composition"]["fractions"] == {"top": None}
    text = table(summary)
    assert "3332 ± 1719" in text and "1930" in text
    assert "0.973 ± 0.043" in text
    assert text.count("no result") == 2
    assert "sideband: no function describes it" in text
    assert "composition: the clusters look alike" in text


ROW = {"poi": "mu", "truth": "next order", "toys": 500, "mean_error": 0.04, "width": 1.0}
FUNCTION = {"order": 2, "closure": {"p": 0.031}}
CHECKS = {
    "name": "multijet",
    "basis": "bernstein",
    "regions": {
        "pass": FUNCTION | {"fail": "fail"},
        "few": {"order": 4, "fail": "fail", "closure": {"p": None}},
    },
    "fit": {"deviance": 30.0, "p": 0.4},
    "bias": [ROW | {"injected": s, "mean": m} for s, m in ((0.0, 0.1), (1.0, -0.35))],
    "envelope": {"functions": [], "errors": {"mu": 0.062}},
    "flags": [{"flag": "biased", "text": "mu is biased by -0.35 ± 0.04"}],
}


def test_a_background_from_data_and_its_flags(tmp_path):
    """The table, a sentence for each flag, and other functions below the result line."""
    for name, data in (("fit", FIT), ("transfer", CHECKS)):
        (tmp_path / f"{name}.json").write_text(json.dumps(data))
    read = {name: [tmp_path / f"{name}.json"] for name in ("fit", "transfer")}
    run(Summary(), files(tmp_path, **read))
    text = " ".join((tmp_path / "summary.txt").read_text().split())
    for part in (
        "other functions of the background from data ± 0.062, not among the errors",
        "pass / fail: bernstein of order 2 closure on simulation p = 0.031",
        "few / fail: bernstein of order 4 closure on simulation not tested, too few bins",
        "goodness of the fit, by toys p = 0.4",
        "largest bias of mu, next order -0.35 ± 0.04 errors at a signal strength of 1",
        "largest shift of mu with other functions 0.062",
        "Background from data, biased: mu is biased by -0.35 ± 0.04",
    ):
        assert part in text
    page = (tmp_path / "overview.html").read_text()
    assert "<li>Background from data, biased: mu is biased by -0.35 ± 0.04</li>" in page
    assert "other functions of the background from data: ± 0.062" in page


def test_rows_of_tables_correspond_to_no_luminosity() -> None:
    row = {"events": 9, "selected_events": 8, "selected_jets": 8, "expected_per_fb": 7.5}
    found = {"samples": {"kaon": row}, "notes": {}, "models": {}}
    assert "expected per 1/fb" in table(found)
    told = table(found | {"tables": True})
    assert "expected (relative)" in told and "fb" not in told


def test_long_names_go_on_in_the_next_line() -> None:
    """They were cut, with three dots at their end."""
    name = "a_model_with_a_name_" * 8
    page = Text(100)
    page.grid("Models", ["model", "family", "AUC"], [[name, "BDT", "0.5330 ± 0.0370"]])
    told = "".join(page.text().split())
    assert name in told.replace("BDT0.5330±0.0370", "") and "…" not in told
