"""Tables of objects that are no jets: read, selected, shifted, learned; bad ones are named."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

from boostflow.config.systematics import JetShift
from boostflow.errors import BoostflowError
from boostflow.ingest import tablefiles
from boostflow.io import read_json, read_parquet
from boostflow.models.bdt.block import BDT
from boostflow.models.dnn.block import DNN
from boostflow.models.score import score
from support.jets import write_corrections
from support.models import train
from support.stages import ingest, select
from support.tables import CONTENT, tracks, write

COLUMNS = tracks()
KAONS = COLUMNS["pdg"] == 321


def run(file: Path, content: dict[str, Any] | None = None, **settings: Any) -> ak.Array:
    """The ingested rows of a file."""
    out = file.with_suffix(".out")
    keys = {
        "label": "kaon",
        **settings,
        "source": "table",
        "tabular": {**CONTENT, **(content or {})},
    }
    ingest(file, out, file.with_suffix(".json"), **keys)
    return read_parquet(out)


def selected(file: Path, name: str = "kaon", **settings: Any) -> tuple[ak.Array, dict[str, Any]]:
    """The selected rows of a file, and the cutflow."""
    run(file, label=name, **settings.pop("ingest", {}))
    table, flow = file.parent / f"{name}.parquet", file.parent / "flow.json"
    parts = [file.with_suffix(".out")], [file.with_suffix(".json")]
    limits = settings.pop("limits", {})
    select(*parts, table, flow, sample=name, limits=limits, **settings)
    return read_parquet(table), read_json(flow)


@pytest.mark.parametrize("name", ["a.root", "a.ntuple.root", "a.parquet", "a.csv"])
def test_all_kinds_of_files_give_the_same_rows(tmp_path: Path, name: str) -> None:
    rows = run(write(tmp_path / name, COLUMNS))
    assert len(rows) == KAONS.sum()
    for column, own in (("p", "p"), ("dedx", "signal"), ("weight_up", "weight_up")):
        assert np.array_equal(ak.to_numpy(rows[column]), COLUMNS[own][KAONS])
    assert np.array_equal(ak.to_numpy(rows.tof), COLUMNS["tof"][KAONS], equal_nan=True)
    assert np.allclose(rows.genWeight, COLUMNS["w"][KAONS])
    assert set(rows.label.to_list()) == {"kaon"}
    assert np.array_equal(ak.to_numpy(rows.entry), np.flatnonzero(KAONS))
    # A group is a pair of numbers, beyond those that a float64 tells apart.
    ids, numbers = ak.to_numpy(rows.event_id), COLUMNS["number"][KAONS]
    assert len(np.unique(ids)) == len(np.unique(numbers))
    assert all(len(set(ids[numbers == number])) == 1 for number in np.unique(numbers))


def test_pieces_blocks_and_compression_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(write(tmp_path / "a.parquet", COLUMNS))
    monkeypatch.setattr(tablefiles, "ROWS", 31)
    for name in ("a.parquet", "a.csv", "a.root"):
        parts = [run(write(tmp_path / name, COLUMNS), piece=(k, 3)) for k in range(3)]
        assert ak.concatenate(parts).tolist().__repr__() == whole.tolist().__repr__()
    packed = tmp_path / "b.csv.gz"
    packed.write_bytes(gzip.compress(write(tmp_path / "a.csv", COLUMNS).read_bytes()))
    assert len(run(packed)) == len(whole)


def test_labels_may_be_words_and_rows_stand_alone(tmp_path: Path) -> None:
    words = {**COLUMNS, "pdg": np.where(KAONS, "kaon", "pion").tolist()}
    rows = run(write(tmp_path / "a.csv", words), {"rows": {"pdg": "kaon"}, "group": []})
    assert len(rows) == len(np.unique(rows.event_id)) == KAONS.sum()


def test_limits_shifts_and_splits(tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", COLUMNS)
    rows, flow = selected(file, limits={"p": [0.5, 2.0], "tof": [-1.0, 9.0]})
    p, tof = COLUMNS["p"][KAONS], COLUMNS["tof"][KAONS]
    first, both = (p >= 0.5) & (p < 2.0), (p >= 0.5) & (p < 2.0) & (tof >= -1) & (tof < 9)
    assert np.array_equal(ak.to_numpy(rows.p), p[both])
    steps = {step["name"]: step["events"] for step in flow["cutflow"]}
    assert steps == {"all": len(p), "0.5 <= p < 2": first.sum(), "-1 <= tof < 9": both.sum()}
    assert np.allclose(rows.weight, COLUMNS["w"][KAONS][both])
    assert ak.all(rows.candidate)
    of_group = {}
    for number, part in zip(ak.to_numpy(rows.event_id), ak.to_numpy(rows.split), strict=True):
        assert of_group.setdefault(number, part) == part

    up = JetShift(quantity="energy", side="up", column="p", value=0.3)
    moved, _ = selected(file, limits={"p": [0.5, 2.0]}, shift=up)
    assert np.allclose(moved.p, (p + 0.3)[(p + 0.3 >= 0.5) & (p + 0.3 < 2.0)])
    down = up.model_copy(update={"side": "down"})
    other, _ = selected(file, shift=down)
    assert np.allclose(other.p, p - 0.3)
    assert set(np.unique(other.split)) == {0, 1, 2}


def test_a_correction_of_columns_shifts_one(tmp_path: Path) -> None:
    """`shift` of tof by 0.1 below p = 1 and 0.2 above; NaN stays NaN."""
    file = write(tmp_path / "a.parquet", COLUMNS)
    path = tmp_path / "c.json"
    binned = {
        "nodetype": "binning",
        "input": "p",
        "edges": [0.0, 1.0, 10.0],
        "content": [0.1, 0.2],
        "flow": "error",
    }
    found = {
        "name": "tof_scale",
        "version": 1,
        "inputs": [{"name": "p", "type": "real"}],
        "output": {"name": "shift", "type": "real"},
        "data": binned,
    }
    write_corrections(path, [found])
    shift = JetShift(quantity="energy", side="up", column="tof", correction="tof_scale")
    rows, _ = selected(file, shift=shift, corrections=path)
    p, tof = COLUMNS["p"][KAONS], COLUMNS["tof"][KAONS]
    wanted = tof + np.where(p < 1, 0.1, 0.2)
    assert np.array_equal(ak.to_numpy(rows.tof), wanted, equal_nan=True)


def test_trees_take_nan_and_networks_a_number_for_it(tmp_path: Path) -> None:
    inputs = []
    for name, pdg in (("kaon", 321), ("pion", 211)):
        file = write(tmp_path / f"{name}_in.parquet", tracks(900))
        selected(file, name, ingest={"content": {"rows": {"pdg": pdg}}})
        inputs.append(tmp_path / f"{name}.parquet")
    features = ["tof", "dedx"]
    rows = read_parquet(inputs[0])
    no_tof = np.isnan(ak.to_numpy(rows.tof))
    assert 0.2 < no_tof.mean() < 0.5

    train(inputs, BDT(features=features, rounds=15), tmp_path / "trees")
    assert np.isfinite(score(tmp_path / "trees", rows)["p_kaon"]).all()
    network = DNN(features=features, epochs=2, hidden=[8], logarithms=False)
    with pytest.raises(BoostflowError, match="NaN or infinite values in tof"):
        train(inputs, network, tmp_path / "none", checkpoint=tmp_path / "c")
    filled = network.model_copy(update={"missing": {"tof": -7.0}})
    train(inputs, filled, tmp_path / "net", checkpoint=tmp_path / "d")
    given = score(tmp_path / "net", rows)["p_kaon"]
    number = ak.with_field(rows, np.where(no_tof, -7.0, ak.to_numpy(rows.tof)), "tof")
    assert np.array_equal(given, score(tmp_path / "net", number)["p_kaon"])


def test_groups_in_one_split_are_refused(tmp_path: Path) -> None:
    one = {**COLUMNS, "run": np.ones(300, int), "number": np.ones(300, int)}
    with pytest.raises(BoostflowError, match=r"none of its \d+ rows is in the .* split: rows of"):
        selected(write(tmp_path / "a.parquet", one))
    rows, _ = selected(write(tmp_path / "a.parquet", one), trained=False)
    assert len(np.unique(rows.split)) == 1


def of(name: str, **change: Any) -> Callable[[Path], Path]:
    """A file with some columns changed."""
    return lambda folder: write(folder / name, {**COLUMNS, **change})


def text(content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / "a.csv").write_bytes(content)
        return folder / "a.csv"

    return make


HEAD = b"run,number,pdg,p,signal,tof,w,weight_up\n"
ROW = b"1,1,321,0.5,1.0,,1.0,1.1\n"
INFINITE = np.where(np.arange(300) == 7, np.inf, COLUMNS["p"])
NO_WEIGHT = np.where(np.arange(300) == 7, np.nan, COLUMNS["w"])
LABELS = np.where(np.arange(300) == 7, np.nan, COLUMNS["pdg"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (of("a.parquet", p=INFINITE), "column p has an infinite value in row 7"),
        (of("a.csv", p=INFINITE), "column p has an infinite value in row 7"),
        (of("a.root", w=NO_WEIGHT), r"column w has no value \(NaN, or an empty field\) in row 7"),
        (of("a.parquet", pdg=LABELS), r"column pdg has no value \(NaN, or an empty.* in row 7"),
        (of("a.root", p=2**53 + np.arange(300)), r"column p has a whole number beyond 2\^53"),
        (of("a.csv", p=2**53 + np.arange(300)), r"column p has a whole number beyond 2\^53"),
        (of("a.parquet", run=COLUMNS["p"]), "column run is of double, groups need whole numbers"),
        (of("a.parquet", p=["x"] * 300), "column p does not hold one number a row"),
        (of("a.csv", p=["x"] * 300), "invalid value 'x'"),
        (lambda f: write(f / "a.root", {"p": COLUMNS["p"]}), "no column signal, tof, w"),
        (text(HEAD + ROW + ROW[3:]), "Expected 8 columns, got 7"),
        (text(HEAD + ROW.decode().encode("utf-16")), "cannot be read"),
        (text((HEAD + ROW).decode().encode("utf-16")), "is UTF-16: write it as UTF-8"),
        (text(HEAD.replace(b"tof", b"tof\xe9") + ROW), "cannot be read"),
        (text((HEAD + ROW).replace(b",", b";")), "no column p, signal, tof"),
        (text(b""), "it is empty"),
        (text(b"<html>"), "it is a web page"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, make: Callable[[Path], Path], message: str) -> None:
    file = make(tmp_path)
    with pytest.raises(BoostflowError, match=message) as caught:
        run(file)
    assert str(caught.value).startswith(f"{file}: ") and "\n" not in str(caught.value)


def test_a_file_without_rows_is_an_empty_table(tmp_path: Path) -> None:
    rows = run(text(HEAD)(tmp_path))
    assert len(rows) == 0 and "p" in rows.fields
    assert "has no rows with pdg = 321" in read_json(tmp_path / "a.json")["notes"][0]
    file = write(tmp_path / "b.parquet", COLUMNS)
    assert len(run(file, {"rows": {"pdg": 11}})) == 0
