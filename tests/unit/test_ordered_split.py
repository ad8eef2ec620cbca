"""Splits in time order: groups stay whole, and no split begins before the one before it."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from boostflow.config.chain import Split
from boostflow.config.load import load
from boostflow.errors import BoostflowError
from boostflow.io import read_json, read_parquet, write_json
from boostflow.select.ordered import Ordered
from support.stages import ingest, select
from support.tables import CONTENT, tracks, write

IN_TIME = Split(train=50, validation=20, test=30, by="time")


def test_the_first_groups_train_and_the_last_ones_test() -> None:
    """Ten groups of rising time, of 1 to 10 rows: 55 rows, edges at 27.5 and 38.5."""
    sizes = np.arange(1, 11)
    ids = np.repeat(np.arange(10, dtype=np.uint64)[::-1], sizes)
    time = np.arange(55.0)
    mixed = np.random.default_rng(1).permutation(55)
    found = Ordered(ids[mixed], time[mixed], IN_TIME)
    # Rows before each group: 0, 1, 3, 6, 10, 15, 21, 28, 36, 45.
    wanted = [0, 0, 0, 0, 0, 0, 0, 1, 1, 2]
    assert found(np.arange(10, dtype=np.uint64)[::-1]).tolist() == wanted
    assert found.sums(ids, np.ones(55)).tolist() == [28, 17, 10]
    assert found(np.zeros(0, np.uint64)).shape == (0,)


def test_a_group_stands_where_its_first_row_does() -> None:
    ids = np.array([7, 7, 8, 9, 9, 9], np.uint64)
    found = Ordered(ids, np.array([5.0, 90.0, 6.0, 7.0, 8.0, 1.0]), IN_TIME)
    assert found(ids).tolist() == [1, 1, 2, 0, 0, 0]


def samples(folder: Path, columns: dict[str, np.ndarray]) -> dict[str, Path]:
    """Kaons and pions of one file, ingested and listed; the lists of their parts."""
    file = write(folder / "in.parquet", columns)
    lists = {}
    for name, pdg in (("kaon", 321), ("pion", 211)):
        table, meta = folder / f"{name}.out", folder / f"{name}.json"
        content = {**CONTENT, "columns": ["p", "time"], "names": {}, "rows": {"pdg": pdg}}
        ingest(file, table, meta, label=name, source="table", tabular=content, xsec=2.0)
        lists[name] = folder / f"{name}.parts"
        write_json(lists[name], {"parts": [{"table": str(table), "meta": str(meta)}]})
    return lists


def test_all_samples_share_one_order(tmp_path: Path) -> None:
    columns = tracks(600)
    lists = samples(tmp_path, columns | {"time": 1000.0 - np.arange(600) // 3})
    tables = {}
    for name, other in (("kaon", "pion"), ("pion", "kaon")):
        table, flow = tmp_path / f"{name}.parquet", tmp_path / "flow.json"
        parts = [tmp_path / f"{name}.out"], [tmp_path / f"{name}.json"]
        config = {"split": IN_TIME.model_dump()}
        keys = {"limits": {}, "others": [lists[other]]}
        select(*parts, table, flow, config, sample=name, **keys)
        tables[name] = read_parquet(table)
        # The weights of each split add up to the cross-section.
        sums = np.bincount(tables[name].split, tables[name].weight, minlength=3)
        assert sums == pytest.approx([2000.0] * 3)
        assert sum(read_json(flow)["jets"].values()) == len(tables[name])
    rows = ak.concatenate(list(tables.values()))
    time, part = ak.to_numpy(rows.time), ak.to_numpy(rows.split)
    assert np.bincount(part).tolist() == [300, 120, 180]
    assert time[part == 0].max() < time[part == 1].min()
    assert time[part == 1].max() < time[part == 2].min()


def test_a_row_without_a_time_is_named(tmp_path: Path) -> None:
    time = np.where(np.arange(600) == 40, np.nan, np.arange(600.0))
    lists = samples(tmp_path, tracks(600) | {"time": time})
    parts = [tmp_path / "kaon.out"], [tmp_path / "kaon.json"]
    with pytest.raises(BoostflowError, match=r"column time has no value in row 40: `select\.split"):
        out = tmp_path / "k.parquet", tmp_path / "f.json"
        config = {"split": IN_TIME.model_dump()}
        select(*parts, *out, config, sample="kaon", limits={}, others=[lists["pion"]])


def test_jets_have_no_order(repository: Path) -> None:
    raw = {"select": {"split": {"by": "pt"}}}
    with pytest.raises(BoostflowError, match=r"select\.split\.by: is for tables"):
        load(raw, repository)
