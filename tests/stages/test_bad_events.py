"""Events with values that none can have: named with entry and value, or left out and counted."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from boostflow.config.chain import Ingest, Select
from boostflow.config.samples import RootSample
from boostflow.errors import BadFile
from boostflow.ingest.badevents import SOUND
from boostflow.ingest.check import check
from boostflow.ingest.checked import Checked, Report
from boostflow.io import read_json, read_parquet
from boostflow.jobs.chain import CheckInputs
from support.rootfiles import columns_of, write_nano, write_tree
from support.stages import ingest, select

EVENTS = 400
CUTS = Select(fatjet={"pt": [0, 5000], "mass": [0, 500]}, event={"ht_min": 0, "met_max": None})
Columns = dict[str, ak.Array]


def spoilt(columns: Columns, branch: str, event: int, value: float) -> Columns:
    """The events with another value in the first object of one of them."""
    collection, _, field = branch.partition("_")
    inside = bool(field) and collection in columns
    values = columns[collection][field] if inside else columns[branch]
    flat = ak.to_numpy(ak.flatten(values, axis=None)).copy()
    counts = ak.to_numpy(ak.num(values)) if values.ndim > 1 else np.ones(len(values), int)
    flat[counts[:event].sum()] = value
    new = ak.unflatten(flat, counts) if values.ndim > 1 else ak.Array(flat)
    if inside:
        return columns | {collection: ak.with_field(columns[collection], new, field)}
    return columns | {branch: new}


@pytest.fixture(scope="module")
def columns(tmp_path_factory) -> Columns:
    file = write_nano(tmp_path_factory.mktemp("nano") / "a.root", EVENTS, constituents=True)
    return columns_of(file)


def with_jets(columns: Columns) -> np.ndarray:
    return np.flatnonzero(ak.to_numpy(ak.num(columns["FatJet"].pt)) > 0)


def read(file: Path, folder: Path, **config: object) -> tuple[ak.Array, dict, dict]:
    """Rows, their JSON, and the cutflow after the selection."""
    folder.mkdir()
    paths = folder / "j.parquet", folder / "j.json"
    ingest(file, *paths, Ingest(chunksize=150, **config), label="top", xsec=1.0)
    out = folder / "s.parquet", folder / "s.json"
    select([paths[0]], [paths[1]], *out, CUTS, sample="top")
    return read_parquet(out[0]), read_json(paths[1]), read_json(out[1])


BAD: dict[str, tuple[str, float, str]] = {
    "NaN pT": ("FatJet_pt", np.nan, "fat jet 0: NaN or infinite values in pt; .*pt is nan"),
    "negative mass": ("FatJet_mass", -90, "fat jet 0: negative values in mass; .*mass is -90"),
    "beyond the beam": ("FatJet_pt", 7e3, "fat jet 0: pt is 7000 GeV, more than the 6500 GeV"),
    "soft-drop mass": ("FatJet_msoftdrop", np.inf, "fat jet 0: NaN or infinite .*msoftdrop is inf"),
    "constituent": ("PFCands_eta", np.nan, "fat jet 0: NaN or infinite values in PFCands eta"),
    "weight": ("genWeight", np.nan, "NaN or infinite values in genWeight; .*genWeight is nan"),
    "MET": ("MET_pt", -3, "negative values in met_pt; .*met_pt is -3"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_events_are_named_or_left_out(columns: Columns, tmp_path: Path, name: str) -> None:
    branch, value, message = BAD[name]
    jets = with_jets(columns)
    event = int(jets[jets > 200][0])
    file = write_tree(tmp_path / "a.root", spoilt(columns, branch, event, value))
    with pytest.raises(BadFile, match=rf"a\.root: entry {event}(, |: ){message}"):
        read(file, tmp_path / "fail")
    rows, meta, flow = read(file, tmp_path / "drop", on_bad_event="drop")
    others = np.arange(EVENTS) != event
    good = write_tree(tmp_path / "b.root", {k: v[others] for k, v in columns.items()})
    expected, _, expected_flow = read(good, tmp_path / "good")
    # Exactly the other events, normalised to these.
    assert rows.event.to_list() == expected.event.to_list()
    for field in ("pt", "tau21", "weight", "weight_isr_up"):
        np.testing.assert_allclose(rows[field], expected[field], rtol=1e-6, err_msg=field)
    steps = {step["name"]: step for step in flow["cutflow"]}
    assert list(steps)[:3] == ["all", SOUND, "has fat jet"]
    assert [steps[x]["events"] for x in ("all", SOUND)] == [EVENTS, EVENTS - 1]
    for step in expected_flow["cutflow"]:
        assert steps[step["name"]]["sumw"] == pytest.approx(step["sumw"])
        assert steps[step["name"]]["expected"] == pytest.approx(step["expected"])
    assert meta["bad_events"] == 1
    (note,) = (x for x in flow["notes"] if "bad events" in x)
    assert note.startswith("1 bad events are left out (`on_bad_event: drop`); the first one: ")
    assert f"a.root: entry {event}" in note


def test_too_many_bad_events_are_a_bad_file(columns: Columns, tmp_path: Path) -> None:
    """Whatever the size of the chunks: five of 400 are more than 1 %, and not more than 1.25 %."""
    spoilt_events = columns
    for event in with_jets(columns)[-5:]:
        spoilt_events = spoilt(spoilt_events, "FatJet_eta", int(event), np.nan)
    file = write_tree(tmp_path / "a.root", spoilt_events)
    with pytest.raises(BadFile) as caught:
        read(file, tmp_path / "a", on_bad_event="drop")
    assert "a.root: 5 of 400 events are bad, more than `ingest.bad_events_max` allows (0.01)" in (
        str(caught.value)
    )
    assert "; the first one: entry" in str(caught.value)
    _, meta, _ = read(file, tmp_path / "b", on_bad_event="drop", bad_events_max=0.0125)
    assert meta["bad_events"] == 5


def test_what_the_check_says_of_bad_events(columns: Columns, tmp_path: Path) -> None:
    """Those that are left out are no fault of a file, unless nothing else is there."""
    one = write_tree(tmp_path / "a.root", spoilt(columns, "genWeight", 7, np.inf))
    infinite = ak.full_like(columns["genWeight"], np.inf)
    every = write_tree(tmp_path / "b.root", columns | {"genWeight": infinite})

    def report(file: Path, what: str) -> Report:
        block = RootSample(source="root", files=[str(file)], label="top")
        return check(CheckInputs(samples={"s": block}, ingest=Ingest(on_bad_event=what)))

    def look(file: Path, what: str) -> list[str]:
        return report(file, what).problems

    (problem, _) = look(one, "fail")
    assert f"{one}: entry 7: NaN or infinite values in genWeight" in problem
    assert problem.endswith("mend it, or leave such events out (`on_bad_event: drop`)")
    assert not look(one, "drop")
    said = "bad events are looked for among the first"
    assert said not in report(one, "drop").table()  # these are all
    assert said in Report([Checked("s", "a.root", unseen=True)], [], [], skip=False).table()
    (note,) = (note for note in report(one, "drop").notes if "bad events" in note)
    assert note.startswith("s: 1 bad events among the first 1000 of each file will be left out")
    assert f"the first one: {one}: entry 7: NaN or infinite values in genWeight" in note
    (problem, _) = look(every, "drop")
    assert (
        "entry 0: NaN or infinite values in genWeight" in problem and "all of the first" in problem
    )
