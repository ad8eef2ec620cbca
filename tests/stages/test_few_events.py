"""Files with few events, and with none: what they lack is no fault where nothing needs it."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from boostflow.config.chain import Select
from boostflow.config.samples import RootSample
from boostflow.errors import BoostflowError
from boostflow.ingest.check import check
from boostflow.io import read_json, read_parquet
from boostflow.jobs.chain import CheckInputs
from support.rootfiles import columns_of, write_nano, write_tree
from support.stages import ingest, select

CUTS = Select(
    fatjet={"pt": [0, 5000], "mass": [0, 500], "multiplicity_min": 0},
    event={"ht_min": 0, "met_max": None},
)
BITS = {"HLT_A": 0.5, "HLT_B": 0.5, "Flag_good": 0.9}
BARE: tuple[str, ...] = ("run", "luminosityBlock", "event")


def chain(files: list[Path], folder: Path, *, data: bool = False, content=None, **settings):
    folder.mkdir()
    paths = [(folder / f"{i}.parquet", folder / f"{i}.json") for i in range(len(files))]
    for file, (table, meta) in zip(files, paths, strict=True):
        kind = {"data": True} if data else {"label": "q", "xsec": 2.0}
        ingest(file, table, meta, content=content or {}, **kind)
    out = folder / "s.parquet", folder / "s.json"
    tables, metas = zip(*paths, strict=True)
    select(list(tables), list(metas), *out, CUTS, sample="s", **settings)
    return read_parquet(out[0]), read_json(out[1])


@pytest.mark.parametrize("kept", ["all", "no bits", "numbers", "another type"])
@pytest.mark.parametrize("data", [True, False], ids=["data", "simulation"])
def test_a_file_without_events_may_lack_branches(tmp_path: Path, kept: str, data: bool) -> None:
    full = write_nano(tmp_path / "a.root", 200, data=data, truth=False, bits=BITS)
    none = {name: values[:0] for name, values in columns_of(full).items()}
    if kept == "no bits":
        none = {name: values for name, values in none.items() if name not in BITS}
    elif kept == "numbers":
        none = {name: none[name] for name in BARE}
    elif kept == "another type":
        none["MET_pt"] = ak.values_astype(none["MET_pt"], "int32")
        none["FatJet_pt"] = none.pop("FatJet").pt[:, :0]
    empty = write_tree(tmp_path / "b.root", none)
    bits = {"triggers": ["HLT_A", "HLT_B"], "flags": ["Flag_good"]}
    given = bits | ({"data": True} if data else {"label": "q", "xsec": 2.0})
    block = RootSample(source="root", files=[str(empty), str(full)], **given)
    report = check(CheckInputs(samples={"s": block}))
    assert not report.problems and " no events" in report.table()
    alone, alone_flow = chain([full], tmp_path / "alone", data=data, content=bits)
    # Also in front of the others, so that it gives neither the columns nor the steps.
    rows, flow = chain([empty, full], tmp_path / "both", data=data, content=bits)
    assert [x["name"] for x in flow["cutflow"]] == [x["name"] for x in alone_flow["cutflow"]]
    assert [x["events"] for x in flow["cutflow"]] == [x["events"] for x in alone_flow["cutflow"]]
    np.testing.assert_array_equal(rows.weight, alone.weight)
    assert [note for note in flow["notes"] if note not in alone_flow["notes"]] == [
        "1 of 2 files have no events"
    ]


def test_three_events_give_a_cutflow(tmp_path: Path) -> None:
    """Without models all normalise; who trains or fits needs events in each split."""
    columns = columns_of(write_nano(tmp_path / "a.root", 30, truth=False, seed=4))
    has = ak.to_numpy(ak.num(columns["FatJet"].pt)) > 0
    three = {name: values[has][:3] for name, values in columns.items()}
    three["genWeight"] = np.ones(3, "f4")
    file = write_tree(tmp_path / "b.root", three)
    rows, flow = chain([file], tmp_path / "free", independent=True)
    assert flow["cutflow"][-1]["events"] == 3
    assert flow["cutflow"][-1]["expected"] == pytest.approx(2000)
    assert set(rows.split.to_list()) == {2}
    assert float(np.sum(rows.weight[rows.candidate])) == pytest.approx(2000)
    with pytest.raises(BoostflowError, match=r"no events .* in the .* split; it needs more ev"):
        chain([file], tmp_path / "used")


def test_nothing_to_train_on_is_no_fault_where_nothing_is_trained(tmp_path: Path) -> None:
    """The events that there are must be in the splits that are fitted."""
    columns = columns_of(write_nano(tmp_path / "a.root", 300, truth=False))
    columns["genWeight"] = np.ones(300, "f4")
    whole = write_tree(tmp_path / "b.root", columns)
    rows, _ = chain([whole], tmp_path / "all")
    trained = set(rows.event[rows.split == 0].to_list())
    # Events without jets are in no table, and may be of that split, too.
    has = ak.to_numpy(ak.num(columns["FatJet"].pt)) > 0
    other = has & ~np.isin(ak.to_numpy(columns["event"]), list(trained))
    file = write_tree(tmp_path / "c.root", {k: v[other] for k, v in columns.items()})
    chain([file], tmp_path / "free", trained=False)
    with pytest.raises(BoostflowError, match=r"in the train split; it needs more events"):
        chain([file], tmp_path / "used")
