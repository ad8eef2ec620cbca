"""Datacards of Combine: expectations as pyhf's, refusals; read by code that knows no writer."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boostflow.cli import main
from boostflow.errors import BoostflowError
from boostflow.infer.datacard import LEAST, translate, write
from support.datacardchecks import same
from support.datacards import Datacard, read

EDGES = {"signal.region": [50, 100, 150, 200], "control": [0, 1]}
SIGNAL, BACKGROUND = [2.0, 20.0, 1e-6], [120.0, 90.0, 60.0]


def normsys(name: str, low: float, high: float) -> dict[str, Any]:
    return {"name": name, "type": "normsys", "data": {"lo": low, "hi": high}}


def histosys(name: str, low: list[float], high: list[float]) -> dict[str, Any]:
    return {"name": name, "type": "histosys", "data": {"lo_data": low, "hi_data": high}}


def modifier(kind: str, name: str, data: Any = None) -> dict[str, Any]:
    return {"name": name, "type": kind, "data": data}


def workspace(*others: dict[str, Any], **parameters: dict[str, Any]) -> dict[str, Any]:
    """Two regions with every kind of modifier; further samples of the first, and parameters."""
    top = {
        "name": "top",
        "data": SIGNAL,
        "modifiers": [
            modifier("normfactor", "mu"),
            normsys("jes", 0.95, 1.04),
            histosys("jes", [1.9, 20.1, 1e-6], [2.2, 19.8, 1e-6]),
            normsys("lumi", 0.984, 1.016),
            modifier("staterror", "staterror_signal", [0.5, 1.0, 0.0]),
        ],
    }
    quark = {
        "name": "quark.jets",
        "data": BACKGROUND,
        "modifiers": [
            normsys("jes", 0.97, 1.02),
            histosys("fsr", [118.0, 91.0, 61.0], [125.0, 88.0, 57.0]),
            normsys("lumi", 0.984, 1.016),
            modifier("staterror", "staterror_sr", [6.0, 5.0, 150.0]),
        ],
    }
    empty = {
        "name": "w",
        "data": [3.0, 1e-6, 4.0],
        "modifiers": [
            normsys("lumi", 0.984, 1.016),
            modifier("shapesys", "staterror_sr.empty.w", [0.0, 7e-4, 0.0]),
            modifier("staterror", "staterror_sr", [1.0, 0.0, 1.0]),
        ],
    }
    single = {
        "name": "quark.jets",
        "data": [1000.0],
        "modifiers": [modifier("normfactor", "control_q"), normsys("jes", 0.99, 1.01)],
    }
    declared = {"mu": {"bounds": [[-5.0, 100.0]], "inits": [1.0]}}
    declared["control_q"] = {"bounds": [[0.0, 10.0]], "inits": [1.1]}
    declared["staterror_sr.empty.w"] = {"bounds": [[1e-10, 10.0], [1e-10, 1e9], [1e-10, 10.0]]}
    declared |= parameters
    return {
        "channels": [
            {"name": "signal.region", "samples": [top, quark, empty, *others]},
            {"name": "control", "samples": [single]},
        ],
        "observations": [
            {"name": "signal.region", "data": [126.0, 111.0, 64.0]},
            {"name": "control", "data": [1100.0]},
        ],
        "measurements": [
            {
                "name": "mu",
                "config": {
                    "poi": "mu",
                    "parameters": [{"name": name, **entry} for name, entry in declared.items()],
                },
            }
        ],
        "version": "1.0.0",
    }


def written(spec: dict[str, Any], folder: Path) -> Datacard:
    """The card of a workspace, as it is read back."""
    write(translate(spec, EDGES), folder / "card", {"exp": ["jes", "lumi"], "none": ["what"]})
    return read(folder / "card")


def test_expectations_are_those_of_pyhf(tmp_path: Path) -> None:
    card = written(spec := workspace(), tmp_path)
    # 3 nuisance parameters and 5 statistical ones on both sides, mu, a factor, an empty bin.
    assert same(spec, card, LEAST) == 2 * (3 + 5) + 3
    assert np.array_equal(card.observed["signal_region"], [126.0, 111.0, 64.0])
    assert card.groups == {"exp": ["jes", "lumi"]}
    numbers = {process: number for _, process, number in card.columns}
    assert numbers["top"] == 0
    assert min(numbers[name] for name in numbers if name != "top") == 1
    # An empty bin of the signal has another ratio than the rest, and no events.
    assert card.nuisances["lumi"][0] == "lnN"
    assert card.nuisances["jes"][0] == card.nuisances["fsr"][0] == "shape"


def test_a_bin_without_background_has_a_channel_in_which_nothing_is_seen(tmp_path: Path) -> None:
    card = written(workspace(), tmp_path)
    name = "staterror_sr_empty_w_bin2"
    beside = card.expected(factors={name: 5.0})[f"beside_{name}"]
    # One jet stands for 0.49 events: exp(-b / w) is the probability to see none of b / w.
    assert np.allclose(beside, 5.0 * 1e-6 / 0.49)
    assert card.observed[f"beside_{name}"] == [0.0]


def test_a_background_from_data_is_a_process_a_bin(tmp_path: Path) -> None:
    parts = [
        {
            "name": f"multijet.{k}",
            "data": data,
            "modifiers": [
                modifier("shapefactor", "transfer_fail"),
                modifier("normfactor", f"transfer_sr_{k}"),
                histosys("simulated_sr_0", [0.9 * x for x in data], [1.1 * x for x in data]),
            ],
        }
        for k, data in enumerate(([40.0, 20.0, 0.0], [0.0, 20.0, 40.0]))
    ]
    shape = {"inits": [1.0, 1.2, 1.0], "bounds": [[0.0, 10.0]] * 3}
    linear = {f"transfer_sr_{k}": {"inits": [0.5 + k], "bounds": [[0.0, 100.0]]} for k in (0, 1)}
    card = written(spec := workspace(*parts, transfer_fail=shape, **linear), tmp_path)
    assert same(spec, card, LEAST) == 2 * (4 + 5) + 3 + 3 + 2
    processes = {process for _, process, _ in card.columns}
    assert processes >= {"multijet_0_bin1", "multijet_0_bin2", "multijet_1_bin2", "multijet_1_bin3"}
    assert "multijet_0_bin3" not in processes


def test_an_exponential_function_starts_where_it_starts(tmp_path: Path) -> None:
    slope = 0.4
    part = {
        "name": "multijet.0",
        "data": [0.0, 30.0 * np.exp(-6 * slope), 0.0],
        "modifiers": [
            modifier("shapefactor", "transfer_fail"),
            normsys("transfer_sr_0", float(np.exp(-slope)), float(np.exp(slope))),
        ],
    }
    start = {"inits": [6.0], "auxdata": [6.0], "bounds": [[1.0, 11.0]]}
    shape = {"inits": [1.0] * 3, "bounds": [[0.0, 10.0]] * 3}
    spec = workspace(part, transfer_sr_0=start, transfer_fail=shape)
    card = written(spec, tmp_path)
    same(spec, card, LEAST)
    column = [process for _, process, _ in card.columns].index("multijet_0_bin2")
    assert np.allclose(card.histogram("signal_region", "multijet_0_bin2"), [0.0, 30.0, 0.0])
    low, _, high = card.nuisances["transfer_sr_0"][1][column].partition("/")
    assert np.isclose(float(high), np.exp(slope))
    assert np.isclose(float(low), np.exp(-slope))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": [1.0, -2.0, 1.0], "modifiers": []}, "wants no negative events"),
        (
            {"data": BACKGROUND, "modifiers": [modifier("lumi", "lumi")]},
            "other in signal_region: Combine has no lumi",
        ),
        (
            {"data": BACKGROUND, "modifiers": [normsys("far", 0.9, 1.2)]},
            "far starts at 2, where Combine's parameters start at 0",
        ),
        (
            {"data": BACKGROUND, "modifiers": [histosys("odd", [0.0] * 3, BACKGROUND)]},
            "odd leaves no events",
        ),
    ],
)
def test_what_combine_has_no_term_for_is_refused(change: dict[str, Any], message: str) -> None:
    spec = workspace({"name": "other", **copy.deepcopy(change)}, far={"inits": [2.0]})
    with pytest.raises(BoostflowError, match=message):
        translate(spec, EDGES)


def test_two_names_that_become_one_are_refused() -> None:
    spec = workspace({"name": "quark_jets", "data": BACKGROUND, "modifiers": []})
    with pytest.raises(BoostflowError, match="two processes would be called signal_region/quark_j"):
        translate(spec, EDGES)


def test_the_command_writes_beside_the_workspace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "inference").mkdir()
    parameters = [{"name": "jes", "group": "exp"}, {"name": "staterror_sr[0]", "group": "model"}]
    fit = {"edges": EDGES, "parameters": parameters}
    (tmp_path / "inference/fit.json").write_text(json.dumps(fit))
    (tmp_path / "inference/workspace.json").write_text(json.dumps(workspace()))
    main(["datacard", str(tmp_path)])
    assert capsys.readouterr().out.strip() == str(tmp_path / "inference/datacard")
    groups = {"exp": ["jes"], "model": ["staterror_sr_bin1"]}
    assert read(tmp_path / "inference/datacard").groups == groups
    main(["datacard", str(tmp_path), "--to", str(tmp_path / "mine")])
    assert (tmp_path / "mine/shapes.root").stat().st_size > 0


def test_results_without_a_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["datacard", str(tmp_path)])
    assert ended.value.code == 1
    assert "inference/fit.json: no such file" in capsys.readouterr().err
