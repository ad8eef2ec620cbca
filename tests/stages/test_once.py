"""Collision data in several files and samples: each event counts once, and the cutflow says so."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from boostflow.config.chain import Ingest, Select
from boostflow.config.samples import RootSample
from boostflow.errors import BoostflowError
from boostflow.ingest.check import check
from boostflow.io import read_json, read_parquet
from boostflow.jobs.chain import CheckInputs
from boostflow.select.once import ONCE
from support.rootfiles import columns_of, write_nano, write_tree
from support.stages import ingest_all, select

CUTS = Select(
    fatjet={"pt": [0, 5000], "mass": [0, 500], "multiplicity_min": 0},
    event={"ht_min": 0, "met_max": None},
)
EVENTS = 500
Columns = dict[str, ak.Array]


@pytest.fixture(scope="module")
def columns(tmp_path_factory) -> Columns:
    """Collision data, of which every event has jets, and two have numbers that differ by a run."""
    file = write_nano(tmp_path_factory.mktemp("data") / "a.root", 800, data=True)
    found = columns_of(file)
    has = ak.to_numpy(ak.num(found["FatJet"].pt)) > 0
    found = {name: values[has][:EVENTS] for name, values in found.items()}
    event = ak.to_numpy(found["event"]).copy()
    run = ak.to_numpy(found["run"]).copy()
    event[-1], run[-1] = event[0], 2
    return found | {"event": event, "run": run}


def part(path: Path, columns: Columns, chosen: np.ndarray | slice) -> Path:
    return write_tree(path, {name: values[chosen] for name, values in columns.items()})


def run(
    files: list[Path],
    folder: Path,
    *,
    data: bool = True,
    others: tuple[Path, ...] = (),
    pieces: int = 1,
    chunksize: int = 20_000,
    content: dict | None = None,
) -> tuple[list[tuple[int, int, int]], dict[str, int], list[str]]:
    """Events of the selected jets, in order, the cutflow and the notes."""
    folder.mkdir()
    tables, metas = ingest_all(
        files, folder, pieces, config=Ingest(chunksize=chunksize), data=data, content=content or {}
    )
    out = folder / "s.parquet", folder / "s.json"
    select(
        tables, metas, *out, CUTS, sample="s", others=[folder.parent / x / "s.json" for x in others]
    )
    rows, flow = read_parquet(out[0]), read_json(out[1])
    names = ("run", "luminosityBlock", "event") if len(rows) else ()
    events = dict.fromkeys(zip(*(rows[name].to_list() for name in names), strict=True))
    return list(events), {x["name"]: x["events"] for x in flow["cutflow"]}, flow["notes"]


def numbers(columns: Columns) -> list[tuple[int, int, int]]:
    names = ("run", "luminosityBlock", "event")
    return sorted(zip(*(np.asarray(columns[x]).tolist() for x in names), strict=True))


@pytest.mark.parametrize(("pieces", "chunksize"), [(1, 20_000), (3, 100)])
def test_files_of_a_sample_that_share_events(
    columns: Columns, tmp_path: Path, pieces: int, chunksize: int
) -> None:
    """300 events are in both, in another order, and ten of them twice in the second one."""
    one = part(tmp_path / "a.root", columns, slice(0, 400))
    order = np.concatenate([np.arange(EVENTS - 1, 99, -1), np.arange(150, 160)])
    two = part(tmp_path / "b.root", columns, order)
    events, flow, notes = run([one, two], tmp_path / "o", pieces=pieces, chunksize=chunksize)
    assert sorted(events) == numbers(columns)
    assert flow["all"] == 400 + 410 and flow[ONCE] == EVENTS
    (note,) = (x for x in notes if "count already" in x)
    assert note.startswith("310 events with a fat jet are left out")
    assert note.endswith("0 in samples before this one, 310 in this one")
    # Whichever file comes first, and whatever the pieces.
    other, _, _ = run([two, one], tmp_path / "p", pieces=pieces, chunksize=chunksize)
    assert sorted(other) == sorted(events)


def test_samples_that_share_events(columns: Columns, tmp_path: Path) -> None:
    """Three primary datasets: the first one in the configuration keeps an event."""
    files = [
        part(tmp_path / f"{i}.root", columns, slice(*edges))
        for i, edges in enumerate([(0, 300), (200, 450), (100, EVENTS)])
    ]
    first, _, notes = run(files[:1], tmp_path / "a")
    assert not any("count already" in note for note in notes)
    second, flow, notes = run(files[1:2], tmp_path / "b", others=("a",), pieces=2)
    assert flow["all"] == 250 and flow[ONCE] == len(second) == 150
    assert any("100 in samples before this one, 0 in this one" in note for note in notes)
    third, flow, _ = run(files[2:], tmp_path / "c", others=("a", "b"))
    assert flow["all"] == 400 and flow[ONCE] == len(third) == 50
    assert sorted([*first, *second, *third]) == numbers(columns)


def test_a_sample_of_which_nothing_is_left(columns: Columns, tmp_path: Path) -> None:
    file = part(tmp_path / "a.root", columns, slice(0, 50))
    run([file], tmp_path / "a")
    events, flow, notes = run([file], tmp_path / "b", others=("a",))
    assert events == [] and flow[ONCE] == 0
    assert "no jet passes the selection" in notes


def test_events_without_numbers_of_their_own_are_all_different(
    columns: Columns, tmp_path: Path
) -> None:
    """They are numbered by row: those of two samples have the same numbers."""
    foreign = {name: x for name, x in columns.items() if name != "event"}
    file = part(tmp_path / "a.root", foreign, slice(0, 50))
    content = {"branches": {"FatJet_mass": "FatJet_mass"}}
    run([file], tmp_path / "a", content=content)
    events, flow, _ = run([file], tmp_path / "b", others=("a",), content=content)
    assert len(events) == 50 and ONCE not in flow


def test_simulated_events_are_not_left_out(tmp_path: Path) -> None:
    """Generators number every file from 1: the same numbers mean nothing; copies are an error."""
    files = [write_nano(tmp_path / f"{i}.root", 60, seed=i) for i in (1, 2)]
    _, flow, notes = run(files, tmp_path / "a", data=False)
    assert ONCE not in flow and flow["all"] == 120
    assert "different events have the same run, luminosity block and event number" in notes
    with pytest.raises(BoostflowError, match="events are in its files twice"):
        run([files[0], files[0]], tmp_path / "b", data=False)


def test_the_check_takes_files_with_the_same_data(columns: Columns, tmp_path: Path) -> None:
    """One event that is in two datasets is no fault; a file of simulation that is, is one."""
    files = [part(tmp_path / f"{i}.root", columns, slice(0, 1)) for i in (1, 2)]
    simulated = write_nano(tmp_path / "m.root", 20), write_nano(tmp_path / "n.root", 20)

    def look(files: tuple[Path, ...], **options: object) -> list[str]:
        samples = {
            f"s{i}": RootSample(source="root", files=[str(file)], **options)
            for i, file in enumerate(files)
        }
        return check(CheckInputs(samples=samples)).problems

    assert not look(tuple(files), data=True)
    (problem,) = look(simulated)
    assert "holds the same events as" in problem
