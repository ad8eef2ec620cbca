"""Jet veto maps: what they drop, where they end, and what is refused beforehand."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import yaml

from boostflow.config.chain import EventCuts, FatJetCuts, Select, Veto
from boostflow.config.load import load
from boostflow.errors import BoostflowError
from boostflow.select.run import Cutflow, _select_part
from boostflow.select.shifts import Shifter
from boostflow.select.veto import CUT, VetoMap
from support.jets import correction, toy_jets, write_corrections

REPOSITORY = Path(__file__).parents[2]
STARTS = np.arange(0, 8, 2)
NAME = "Summer24Prompt24_RunBCDEFGHI_V1"


@pytest.fixture
def path(tmp_path):
    """A map in the public layout: eta from 0 to 1 and phi from 2 to pi are bad."""
    pi = 3.14159
    cells = {
        "nodetype": "multibinning",
        "inputs": ["eta", "phi"],
        "edges": [[-2.5, 0.0, 1.0, 2.5], [-pi, 2.0, pi]],
        "content": [0.0, 0.0, 0.0, 100.0, 0.0, 0.0],
        "flow": "error",
    }
    words = {
        "nodetype": "category",
        "input": "type",
        "content": [{"key": "jetvetomap", "value": cells}],
    }
    one = correction(NAME, ["type", "eta", "phi"], words)
    one["inputs"][0]["type"] = "string"
    return write_corrections(tmp_path / "jetvetomaps.json.gz", [one])


def jets():
    """Four events of two jets: the second jet of the first one is bad, both of the third."""
    found = toy_jets(4)
    eta = np.array([0.5, 0.5, -1.0, 2.0, 0.5, 0.5, 0.5, -0.5], "f4")
    phi = np.array([0.0, 2.5, 2.5, 2.5, np.pi, 3.0, -np.pi, 2.5], "f4")
    found = ak.with_field(ak.with_field(found, eta, "eta"), phi, "phi")
    return ak.with_field(ak.with_field(found, np.full(8, 500.0), "pt"), np.ones(8), "genWeight")


def test_jets_in_bad_regions(path):
    kept = VetoMap(Veto(file="a", correction=NAME, drop="jet"), path)(jets(), STARTS)
    assert kept.tolist() == [True, False, True, True, False, False, True, True]


def test_events_with_jets_in_bad_regions_and_the_cutflow(path):
    veto = VetoMap(Veto(file="a", correction=NAME), path)
    config = Select(
        fatjet=FatJetCuts(pt=[100.0, 900.0], mass=[0.0, 900.0]),
        event=EventCuts(ht_min=0.0, met_max=None),
    )
    flow = Cutflow()
    found = _select_part(jets(), config, flow, Shifter(config, None, None), veto, {})
    assert sorted(set(found.entry.tolist())) == [1, 3] and len(found) == 4
    steps = flow.as_list(None)
    assert [step["name"] for step in steps][-2:] == [CUT, "HT"]
    assert [step["events"] for step in steps if step["name"] in ("fat jet mass", CUT)] == [4, 2]


def test_what_is_refused(path):
    with pytest.raises(BoostflowError, match=r"type 'hot' is no word of it \(jetvetomap\)"):
        VetoMap(Veto(file="a", correction=NAME, type="hot"), path)
    far = ak.with_field(jets(), np.full(8, 3.0, "f4"), "eta")
    with pytest.raises(BoostflowError, match=r"eta = 3, where it goes from -2\.5 to below 2\.5"):
        VetoMap(Veto(file="a", correction=NAME), path)(far, STARTS)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("{file: none.json, correction: x}", "select.veto.file: no such file: none.json"),
        ("{file: FILE, correction: x}", "select.veto: FILE: no correction 'x'; it has Summer24"),
        (f"{{file: FILE, correction: {NAME}, type: hot}}", "select.veto.type: type 'hot' is no"),
    ],
)
def test_checks(path, block, message):
    veto = yaml.safe_load(block.replace("FILE", str(path)))
    with pytest.raises(BoostflowError) as error:
        load({"select": {"veto": veto}}, REPOSITORY, "c.yaml")
    assert message.replace("FILE", str(path)) in str(error.value)
