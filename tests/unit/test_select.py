"""Selection: shifts propagate, the split follows the event, weights add up, cutflows count."""

from __future__ import annotations

import os
from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from boostflow.config.chain import Select, Split
from boostflow.config.systematics import JetShift
from boostflow.errors import BoostflowError
from boostflow.ingest.eventid import bucket, event_id
from boostflow.io import read_json, read_parquet, write_json, write_parquet
from boostflow.jobs.chain import ListParts
from boostflow.select import parts as parts_stage
from boostflow.select.dijet import leading_two
from boostflow.select.parts import read_parts
from boostflow.select.split import split
from support.stages import select

CORRECTIONS = Path(__file__).parents[2] / "config" / "corrections" / "jetmet.json"
UP = JetShift(quantity="energy", side="up", correction="jes")


def part(path: Path, lumi: int, events: int, seed: int = 0) -> tuple[Path, Path]:
    """An ingested part with two jets an event, as docs/contracts.md says."""
    rng = np.random.default_rng([seed, lumi])
    number = np.arange(1, events + 1)
    ids = np.repeat(event_id(np.ones(events), np.full(events, lumi), number), 2)
    pt = np.sort(rng.uniform(700, 1300, (events, 2)), axis=1)[:, ::-1]
    weight = rng.choice([1.0, 1.0, 1.0, -1.0], events)
    isr = rng.uniform(0.8, 1.3, events)
    n = 2 * events
    rows = ak.zip(
        {
            "event_id": ids,
            "entry": np.repeat(number - 1, 2),
            "jet_index": np.tile([0, 1], events).astype("int16"),
            "pt": pt.ravel().astype("float32"),
            "eta": rng.uniform(-2.5, 2.5, n).astype("float32"),
            "phi": rng.uniform(-np.pi, np.pi, n).astype("float32"),
            "mass": rng.uniform(0, 200, n).astype("float32"),
            "msoftdrop": rng.uniform(0, 180, n).astype("float32"),
            "tau21": rng.uniform(0, 1, n).astype("float32"),
            "multiplicity": rng.integers(3, 90, n).astype("float32"),
            "met_pt": np.repeat(rng.uniform(0, 100, events), 2).astype("float32"),
            "met_phi": np.repeat(rng.uniform(-np.pi, np.pi, events), 2).astype("float32"),
            "ht": np.repeat(pt.sum(axis=1), 2).astype("float32"),
            "genWeight": np.repeat(weight, 2).astype("float32"),
            "weight_isr_up": np.repeat(isr, 2).astype("float32"),
            "label": ak.Array(["top"] * n),
            "pf_pt": ak.Array([[100.0, 50.0]] * n),
        },
        depth_limit=1,
    )
    table, meta = path / f"{lumi}.parquet", path / f"{lumi}.json"
    write_parquet(table, rows)
    write_json(
        meta,
        {
            "file": f"{lumi}.root",
            "events": events,
            "sumw": weight.sum(),
            "sumw2": (weight**2).sum(),
            "sumw_buckets": np.bincount(bucket(ids[::2]), weight, minlength=100).tolist(),
            "sumw_weights": {"weight_isr_up": (weight * isr).sum()},
            "sumw_weights_before": {},
            "bad_weights": {},
            "xsec": 2.0,
            "cutflow": [{"name": "all", "events": events, "sumw": weight.sum()}],
            "data": False,
            "features": {"constituents": True},
            "notes": [],
        },
    )
    return table, meta


@pytest.fixture
def parts(tmp_path: Path) -> list[tuple[Path, Path]]:
    return [part(tmp_path, lumi, 400) for lumi in (1, 2)]


def run(parts: list[tuple[Path, Path]], folder: Path, **options) -> tuple[ak.Array, dict]:
    tables, metas = zip(*parts, strict=True)
    config = options.pop("config", Select())
    select(
        list(tables), list(metas), folder / "s.parquet", folder / "s.json", config,
        sample="top", **options,
    )  # fmt: skip
    return read_parquet(folder / "s.parquet"), read_json(folder / "s.json")


def test_cuts_are_those_of_a_plain_computation(parts, tmp_path: Path) -> None:
    rows, flow = run(parts, tmp_path)
    everything = ak.concatenate([read_parquet(table) for table, _ in parts])
    good = (
        (everything.pt >= 800)
        & (everything.pt < 1200)
        & (abs(everything.eta) < 2.4)
        & (everything.mass >= 10)
        & (everything.mass < 300)
        & (everything.multiplicity >= 5)
        & (everything.ht >= 1500)
        & (everything.met_pt < 400)
    )
    assert ak.all(rows.event_id == everything.event_id[good])
    assert ak.all(rows.pt == everything.pt[good])
    last = flow["cutflow"][-1]
    kept = np.unique(ak.to_numpy(rows.event_id))
    assert last["events"] == len(kept)
    first = everything[np.unique(ak.to_numpy(everything.event_id), return_index=True)[1]]
    chosen = np.isin(ak.to_numpy(first.event_id), kept)
    assert last["sumw"] == pytest.approx(float(ak.sum(first.genWeight[chosen])))
    assert flow["cutflow"][0] == {
        "name": "all", "events": 800, "sumw": pytest.approx(flow["cutflow"][0]["sumw"]),
        "expected": pytest.approx(2000.0),
    }  # fmt: skip
    counts = [step["events"] for step in flow["cutflow"]]
    assert counts == sorted(counts, reverse=True)


def test_cuts_on_the_two_leading_jets(parts, tmp_path: Path) -> None:
    """The leading pT and the mass of the two leading jets, against ROOT-like vectors."""
    import vector

    cuts = {"ht_min": 0, "met_max": None, "fatjets_min": 2}
    loose = {"abs_eta_max": 9, "mass": [-1, 999], "pt": [750, 1250], "multiplicity_min": 0}
    plain, _ = run(parts, tmp_path, config=Select.model_validate({"fatjet": loose, "event": cuts}))
    p = vector.arr({k: ak.to_numpy(plain[k]).astype(float) for k in ("pt", "eta", "phi", "mass")})
    mjj = (p[::2] + p[1::2]).mass
    assert np.allclose(plain.mjj, np.repeat(mjj, 2), rtol=1e-5)
    event = cuts | {"leading_pt_min": 1000, "mjj": [2000, 3000]}
    config = Select.model_validate({"fatjet": loose, "event": event})
    rows, flow = run(parts, tmp_path, config=config)
    good = (ak.to_numpy(plain.pt)[::2] >= 1000) & (mjj >= 2000) & (mjj < 3000)
    assert 0 < good.sum() < len(good)
    assert ak.all(rows.event_id == plain.event_id[np.repeat(good, 2)])
    left = {step["name"]: step["events"] for step in flow["cutflow"]}
    assert left["fat jets, at least"] > left["leading fat jet pT"] > left["dijet mass"]


def test_the_two_leading_jets_that_count() -> None:
    pt = np.array([5.0, 9.0, 7.0, 4.0, 3.0, 8.0, 6.0])
    starts = np.array([0, 3, 4])
    events, pair = leading_two(pt, starts)
    assert events.tolist() == [0, 2]
    assert pair.tolist() == [[1, 2], [5, 6]]
    good = np.array([True, False, True, True, True, True, False])
    events, pair = leading_two(pt, starts, good)
    assert pair.tolist() == [[2, 0], [5, 4]]
    events, pair = leading_two(pt, starts, good & (pt > 6))
    assert events.tolist() == [] and pair.shape == (0, 2)


def test_each_split_is_normalised_to_the_whole_cross_section(parts, tmp_path: Path) -> None:
    config = Select.model_validate(
        {
            "fatjet": {
                "pt": [1, 9999],
                "abs_eta_max": 9,
                "mass": [-1, 9999],
                "multiplicity_min": 0,
            },
            "event": {"ht_min": 0, "met_max": None},
        }
    )
    rows, _ = run(parts, tmp_path, config=config)
    rows = rows[rows.candidate]
    for code in range(3):
        assert ak.sum(rows.weight[rows.split == code]) == pytest.approx(2.0 * 1000)


def test_all_events_of_an_alternative_sample_are_test_events(parts, tmp_path: Path) -> None:
    config = Select.model_validate(
        {
            "fatjet": {
                "pt": [1, 9999],
                "abs_eta_max": 9,
                "mass": [-1, 9999],
                "multiplicity_min": 0,
            },
            "event": {"ht_min": 0, "met_max": None},
        }
    )
    rows, _ = run(parts, tmp_path, config=config, independent=True)
    assert set(rows.split.to_list()) == {2}
    assert ak.sum(rows.weight[rows.candidate]) == pytest.approx(2.0 * 1000)


def test_there_is_one_candidate_an_event_and_it_leads(parts, tmp_path: Path) -> None:
    rows, _ = run(parts, tmp_path)
    ids = ak.to_numpy(rows.event_id)
    for event in np.unique(ids)[:100]:
        jets = rows[ids == event]
        assert ak.sum(jets.candidate) == 1
        assert ak.max(jets.pt) == jets.pt[jets.candidate][0]


def test_weight_variations_keep_the_total_rate(parts, tmp_path: Path) -> None:
    rows, _ = run(parts, tmp_path)
    sums = [read_json(meta) for _, meta in parts]
    norm = sum(s["sumw_weights"]["weight_isr_up"] for s in sums) / sum(s["sumw"] for s in sums)
    everything = ak.concatenate([read_parquet(table) for table, _ in parts])
    before = dict(
        zip(everything.event_id.to_list(), everything.weight_isr_up.to_list(), strict=True)
    )
    expected = [before[i] / norm for i in rows.event_id.to_list()]
    assert np.allclose(ak.to_numpy(rows.weight_isr_up), expected, rtol=1e-6)


def test_parts_of_an_earlier_version_are_refused(parts, tmp_path: Path) -> None:
    meta = parts[1][1]
    write_json(meta, {k: v for k, v in read_json(meta).items() if not k.endswith("_before")})
    with pytest.raises(BoostflowError, match=r"^2\.root: was read by an earlier version .* again"):
        run(parts, tmp_path)


def test_both_jets_of_an_event_are_on_one_side(parts, tmp_path: Path) -> None:
    rows, _ = run(parts, tmp_path)
    sides: dict[int, set[int]] = {}
    for i, side in zip(rows.event_id.to_list(), rows.split.to_list(), strict=True):
        sides.setdefault(i, set()).add(side)
    assert all(len(side) == 1 for side in sides.values())
    assert {side for s in sides.values() for side in s} == {0, 1, 2}


def test_the_split_is_the_same_under_a_shift(parts, tmp_path: Path) -> None:
    nominal, _ = run(parts, tmp_path)
    (tmp_path / "up").mkdir()
    up, _ = run(parts, tmp_path / "up", shift=UP, corrections=CORRECTIONS)
    before = dict(zip(nominal.event_id.to_list(), nominal.split.to_list(), strict=True))
    after = dict(zip(up.event_id.to_list(), up.split.to_list(), strict=True))
    common = before.keys() & after.keys()
    assert len(common) > 100
    assert all(before[i] == after[i] for i in common)
    assert len(up) != len(nominal)


def test_the_split_has_the_declared_sizes() -> None:
    ids = event_id(np.ones(100_000), np.ones(100_000), np.arange(100_000))
    sides = np.bincount(split(ids, Split(train=50, validation=15, test=35)), minlength=3)
    # Binomial: 5 standard deviations of 100,000 draws are below 0.008.
    assert np.allclose(sides / 1e5, [0.50, 0.15, 0.35], atol=0.008)


def test_event_ids_are_unique_and_depend_on_each_part() -> None:
    n = 200_000
    ids = event_id(np.ones(n), np.arange(n) // 1000, np.arange(n))
    assert len(np.unique(ids)) == n
    one = event_id([1], [2], [3])[0]
    assert one != event_id([2], [1], [3])[0] != event_id([1], [3], [2])[0]


def test_parts_of_different_content_are_refused(parts, tmp_path: Path) -> None:
    meta = read_json(parts[1][1])
    write_json(parts[1][1], {**meta, "features": {"constituents": False}})
    with pytest.raises(BoostflowError, match=r"2\.root: has other branches than 1\.root"):
        run(parts, tmp_path)


def test_no_jet_at_all_gives_an_empty_table(parts, tmp_path: Path) -> None:
    config = Select.model_validate({"fatjet": {"pt": [5000, 6000]}})
    rows, flow = run(parts, tmp_path, config=config)
    assert len(rows) == 0
    assert flow["jets"] == {"train": 0, "validation": 0, "test": 0}
    assert flow["cutflow"][-1]["events"] == 0


def test_events_that_occur_twice_are_refused(tmp_path: Path) -> None:
    first = part(tmp_path, 1, 50)
    with pytest.raises(BoostflowError, match="sample top: 50 events are in its files twice"):
        run([first, first], tmp_path)


def test_the_list_of_parts_is_another_when_a_part_is(parts, tmp_path: Path) -> None:
    folder, tables, metas = tmp_path / "in", [], []
    folder.mkdir()
    for number, (table, meta) in enumerate(parts):
        tables.append(table.rename(folder / f"{number}.parquet"))
        metas.append(meta.rename(folder / f"{number}.json"))
    listed = tmp_path / "parts.json"
    job = ListParts(folder=str(folder), number=len(parts))
    parts_stage.run(job, ListParts.Files(parts=listed))
    assert read_parts(listed) == (tables, metas)
    before = listed.read_bytes()
    os.utime(tables[1], ns=(1, 1))
    parts_stage.run(job, ListParts.Files(parts=listed))
    # Snakemake compares small files by content: else no variation would be selected again.
    assert listed.read_bytes() != before
    metas[0].unlink()
    with pytest.raises(BoostflowError, match=f"{metas[0]}: is gone; delete {listed}"):
        read_parts(listed)
