"""Templates: regions, weights, splits, negative weights, files and messages."""

from __future__ import annotations

import json

import numpy as np
import pytest

from boostflow.config.statistics import Region, Templates
from boostflow.errors import BoostflowError
from boostflow.jobs.statistics import Templates as Job
from boostflow.templates import build
from boostflow.templates.build import in_region
from boostflow.templates.files import read, read_notes, write
from boostflow.templates.run import run
from support import factory
from support.stages import templates_job

CONFIG = Templates(
    regions={"pass": Region(range=[0.6, 1.0]), "fail": Region(range=[0.0, 0.6])},
    bins=4,
    range=[0.0, 200.0],
)


def jets(**changes):
    """Six jets of one sample."""
    return {
        "msoftdrop": np.array([10.0, 60.0, 110.0, 160.0, 60.0, 250.0]),
        "split": np.array([2, 2, 2, 0, 2, 2]),
        "candidate": np.array([True, True, True, True, False, True]),
        "weight": np.array([1.0, -0.5, 2.0, 1.0, 1.0, 1.0]),
        "weight_isr_up": np.full(6, 1.5),
    } | changes


def scores(values=(0.7, 0.7, 0.1, 0.9, 0.9, 0.9)):
    return {"bdt": {"p_top": np.array(values)}}


def fill(tables, found, config, luminosity, **settings):
    return build.fill(tables, found, templates_job(config, luminosity, **settings))


def make(jets, scores, output, luminosity, weighting=None):
    job = templates_job(CONFIG, luminosity, weighting=weighting)
    run(job, Job.Files(jets=jets, scores=scores, templates=output))


def test_only_test_candidates_enter_with_signed_weights():
    result = fill({"top": jets()}, {"top": scores()}, CONFIG, 10.0)
    passing, failing = result["pass", "top"], result["fail", "top"]
    assert passing.values().tolist() == [10.0, -5.0, 0.0, 0.0]
    assert passing.variances().tolist() == [100.0, 25.0, 0.0, 0.0]
    assert failing.values().tolist() == [0.0, 0.0, 20.0, 0.0]


def test_another_split_enters():
    split = np.array([2, 2, 1, 1, 1, 0])
    result = fill({"top": jets(split=split)}, {"top": scores()}, CONFIG, 10.0, split="validation")
    assert result["pass", "top"].values().tolist() == [0.0, 0.0, 0.0, 10.0]
    assert result["fail", "top"].values().tolist() == [0.0, 0.0, 20.0, 0.0]


def test_regions_of_two_scores_leave_out_what_others_hold():
    """A jet in both ranges counts once, or not at all where each leaves out the other."""
    table = {
        "bdt": {
            "d_top": np.array([0.99, 0.99, 0.5, 0.0, 0.0, 0.0]),
            "d_v": np.array([0.99, 0.5, 0.99, 0.0, 0.0, 0.0]),
        }
    }
    top, v = ({"score": name, "range": [0.9, 1.0]} for name in ("d_top", "d_v"))
    fail = {"score": "d_top", "range": [0.0, 0.9], "without": ["v"]}

    def regions(**blocks):
        config = Templates.model_validate({"regions": blocks})
        found = build.regions_of(templates_job(config, 1.0), table, "qcd", {})
        return {name: np.flatnonzero(inside).tolist() for name, inside in found.items()}

    assert regions(top=top, v={**v, "without": ["top"]}, fail=fail) == {
        **{"top": [0, 1], "v": [2], "fail": [3, 4, 5]}
    }
    both = {"top": {**top, "without": ["v"]}, "v": {**v, "without": ["top"]}}
    assert regions(**both) == {"top": [1], "v": [2]}
    with pytest.raises(BoostflowError, match="1 jets of qcd lie in top and in v") as told:
        regions(top=top, v=v)
    assert str(told.value).endswith("`without: [top]` leaves them out of v")


@pytest.mark.parametrize("unblind", [False, True])
def test_collision_data_where_it_may_be_seen(unblind):
    """All candidates of any split, each counting 1; blinded in control regions alone."""
    regions = {"pass": Region(range=[0.6, 1]), "fail": Region(range=[0, 0.6], control=True)}
    config = CONFIG.model_copy(update={"regions": regions})
    tables = {"top": jets(), "run_a": jets()}
    result = fill(
        tables, dict.fromkeys(tables, scores()), config, 10.0, data=["run_a"], unblind=unblind
    )
    assert result["fail", "run_a"].values().tolist() == [0, 0, 1, 0]
    assert (("pass", "run_a") in result) == unblind
    if unblind:
        assert result["pass", "run_a"].values().tolist() == [1, 1, 0, 1]
    assert result["pass", "top"].values().tolist() == [10.0, -5.0, 0.0, 0.0]


def test_data_does_not_fill_a_region_for_the_fit():
    empty = CONFIG.model_copy(update={"regions": {"low": Region(range=[0.1, 0.2])}})
    tables = {"top": jets(), "run_a": jets()}
    found = {"top": scores([0.7] * 6), "run_a": scores()}
    with pytest.raises(BoostflowError, match=r"templates\.regions\.low: no jet of any sample"):
        fill(tables, found, empty, 1.0, data=["run_a"], unblind=True)


def test_weight_variation_applies_to_its_samples():
    weighting = {"column": "weight_isr_up", "samples": ["top"]}
    plain = jets()
    del plain["weight_isr_up"]
    result = fill(
        {"top": jets(), "w": plain},
        {"top": scores(), "w": scores()},
        CONFIG,
        10.0,
        weighting=weighting,
    )
    assert result["pass", "top"].values()[0] == pytest.approx(15.0)
    assert result["pass", "w"].values()[0] == pytest.approx(10.0)


def test_edges_of_regions():
    score = np.array([0.0, 0.5, 1.0, np.nan])
    assert in_region(Region(range=[0.5, 1.0]), score).tolist() == [False, True, True, False]
    assert in_region(Region(range=[0.0, 0.5]), score).tolist() == [True, False, False, False]
    assert in_region(Region(range=[1.0, 2.0]), score).tolist() == [False, False, True, False]


def test_edges_of_the_axis():
    """hist counts the upper edge of an axis without overflow to its last bin: it is beside it."""
    mass = np.array([0.0, 200.0, np.nextafter(200.0, 0), 250.0, 60.0, -1.0])
    config = CONFIG.model_copy(update={"regions": {"all": Region(range=[0, 1])}})
    result = fill({"top": jets(msoftdrop=mass)}, {"top": scores()}, config, 1.0)
    assert result["all", "top"].values().tolist() == [1.0, 0.0, 0.0, 2.0]
    config = config.model_copy(update={"variable": "tau21", "range": [0, 1]})
    table = jets(tau21=np.array([0.0, 1.0, 0.5, 1.0, 1.0, 1.1]))
    result = fill({"top": table}, {"top": scores()}, config, 1.0)
    assert result["all", "top"].values().tolist() == [1.0, 0.0, 2.0, -0.5]  # 1 belongs to [0, 1]


def test_bins_of_unequal_width():
    config = CONFIG.model_copy(update={"regions": {"all": Region(range=[0, 1])}})
    config = Templates(regions=config.regions, edges=[0.0, 100.0, 120.0, 200.0])
    assert (config.bins, config.range) == (3, [0.0, 200.0])
    result = fill({"top": jets()}, {"top": scores()}, config, 1.0)["all", "top"]
    assert result.axes[0].edges.tolist() == [0.0, 100.0, 120.0, 200.0]
    assert result.values().tolist() == [0.5, 2.0, 0.0]
    for wrong, text in (([0.0, 2.0, 2.0], "must ascend"), ([0.0, 1.0], "without bins")):
        with pytest.raises(ValueError, match=text):
            Templates(edges=wrong, bins=4)


@pytest.mark.parametrize(
    ("overflow", "values", "fate"),
    [
        ("drop", [3.0, 0.0], "not counted"),
        ("first", [2.5, 0.0], "below: counted in the first bin; above: not counted"),
        ("last", [3.0, 1.0], "above: counted in the last bin; below: not counted"),
        ("both", [2.5, 1.0], "counted in the first and the last bin"),
    ],
)
def test_what_lies_outside(overflow, values, fate):
    """Of weights 1, -0.5, 2 and 1 the second is below, the last is above, another at the edge."""
    mass = np.array([60.0, 10.0, 110.0, 160.0, 60.0, 200.0])
    regions = {"all": Region(range=[0, 1]), "none": Region(range=[1, 2])}
    config = Templates(regions=regions, bins=2, range=[50.0, 200.0], overflow=overflow)
    notes: list[str] = []
    job = templates_job(config, 1.0, allow_empty=True)
    table = {"top": jets(msoftdrop=mass, split=np.array([2, 2, 2, 0, 2, 2]))}
    result = build.fill(table, {"top": scores()}, job, notes)
    assert result["all", "top"].values().tolist() == values
    assert notes == [f"all: msoftdrop is outside of 50 to 200 for 33 % of top ({fate})"]


def test_regions_of_summed_scores():
    """1 but for rounding is in a range that ends there; what is not in one sum is in the other."""
    table = {
        "p_w": np.array([0.5, 0.2, 0.7, 0.1, 0.45, 0.0], dtype=np.float32),
        "p_z": np.array([0.5, 0.3, 0.3, 0.2, 0.45, 0.0], dtype=np.float32),
    }
    table["p_z"][2] = np.nextafter(table["p_z"][2], np.float32(1))
    assert float(table["p_w"][2]) + float(table["p_z"][2]) > 1
    regions = {
        "both": Region(score=["p_w", "p_z"], range=[0.5, 1.0]),
        "rest": Region(score=["p_w", "p_z"], range=[0.0, 0.5]),
    }
    config = CONFIG.model_copy(update={"regions": regions})
    job = templates_job(config, 1.0)
    found = build.regions_of(job, {"bdt": table}, "top", {})
    assert found["both"].tolist() == [True, True, True, False, True, False]
    assert found["rest"].tolist() == [False, False, False, True, False, True]
    with pytest.raises(BoostflowError, match="score: bdt has no column p_z; it has p_w"):
        build.regions_of(job, {"bdt": {"p_w": table["p_w"]}}, "top", {})


def test_regions_of_a_corrected_pt():
    """It may be negative, and goes beyond 1, unlike a probability."""
    regions = {
        name: {"model": "trees", "score": "pt_corrected", "range": limits}
        for name, limits in {"low": [-20.0, 1.0], "high": [2.0, 150.0]}.items()
    }
    config = Templates.model_validate({"regions": regions, "bins": 1, "range": [0, 300]})
    found = {"trees": {"pt_corrected": np.array([-5.0, 0.5, 2.0, 60.0, 0.0, 150.0])}}
    table = jets(split=np.full(6, 2), weight=np.ones(6))
    result = fill({"quark": table}, {"quark": found}, config, 1.0)
    # The fifth is no candidate, the last one lies above.
    assert result["low", "quark"].values().tolist() == [2.0]
    assert result["high", "quark"].values().tolist() == [2.0]


def test_regions_within_a_range_of_a_column():
    """Regions of one score that are apart in pT; whose jets no region's range holds are in none."""
    score = {"bdt": {"p_top": np.array([0.95, 0.95, 0.5, 0.95])}}
    jets = {"pt": np.array([450.0, 600.0, 599.0, 950.0])}
    regions = {
        "low": Region(range=[0.9, 1.0], within={"pt": [400, 600]}),
        "high": Region(range=[0.9, 1.0], within={"pt": [600, 900]}),
    }
    job = templates_job(CONFIG.model_copy(update={"regions": regions}), 1.0)
    found = build.regions_of(job, score, "top", {}, jets)
    assert found["low"].tolist() == [True, False, False, False]
    assert found["high"].tolist() == [False, True, False, False]


def test_notes_are_kept_in_the_file(tmp_path):
    result = fill({"top": jets()}, {"top": scores()}, CONFIG, 1.0)
    write(tmp_path / "a.root", result, ["one: 3 %", "two"])
    assert read_notes(tmp_path / "a.root") == ["one: 3 %", "two"]
    assert set(read(tmp_path / "a.root")) == {"pass", "fail"}
    write(tmp_path / "b.root", result)
    assert read_notes(tmp_path / "b.root") == []


def test_messages():
    overlap = CONFIG.model_copy(
        update={"regions": {"a": Region(range=[0, 1]), "b": Region(range=[0.5, 0.8])}}
    )
    with pytest.raises(BoostflowError, match="2 jets of top lie in a and in b"):
        fill({"top": jets()}, {"top": scores()}, overlap, 1.0)
    empty = CONFIG.model_copy(update={"regions": {"tight": Region(range=[0.95, 1.0])}})
    with pytest.raises(BoostflowError, match=r"templates\.regions\.tight: no jet of any sample"):
        fill({"top": jets()}, {"top": scores()}, empty, 1.0)
    filled = fill({"top": jets()}, {"top": scores()}, empty, 1.0, allow_empty=True)
    assert filled["tight", "top"].values().sum() == 0
    bad = jets(msoftdrop=np.array([np.nan, 60, 110, 160, 60, 250]))
    with pytest.raises(BoostflowError, match="template pass/top: 1 jets have no finite msoftdrop"):
        fill({"top": bad}, {"top": scores()}, CONFIG, 1.0)
    nan = jets(weight_isr_up=np.array([1, np.nan, 1, 1, 1, 1]))
    with pytest.raises(BoostflowError, match=r"template pass/top: 1 .*weight_isr_up"):
        fill({"top": nan}, {"top": scores()}, CONFIG, 1.0, weighting={"column": "weight_isr_up"})
    other = CONFIG.model_copy(update={"regions": {"x": Region(model="net", range=[0, 1])}})
    with pytest.raises(BoostflowError, match=r"regions\.x\.model: no scores of net; there are bdt"):
        fill({"top": jets()}, {"top": scores()}, other, 1.0)
    column = CONFIG.model_copy(update={"regions": {"x": Region(score="p_up", range=[0, 1])}})
    with pytest.raises(BoostflowError, match=r"regions\.x\.score: bdt has no column p_up"):
        fill({"top": jets()}, {"top": scores()}, column, 1.0)


def test_stage_and_files(tmp_path):
    samples = factory.write_run(tmp_path, events=150)
    select = [tmp_path / f"select/nominal/{name}.parquet" for name in samples]
    table = [tmp_path / "scores/bdt/nominal.parquet"]
    make(select, table, tmp_path / "nominal.root", 138.0)
    templates = read(tmp_path / "nominal.root")
    assert list(templates) == ["pass", "fail"]
    assert list(templates["pass"]) == list(factory.SAMPLES)
    template = templates["fail"]["w"]
    assert template.variable == "msoftdrop"
    assert template.edges.tolist() == [0, 50, 100, 150, 200]
    assert (template.variances > 0).any()
    expected = sum(
        jets["weight"][(jets["split"] == 2) & jets["candidate"] & (jets["msoftdrop"] < 200)].sum()
        for jets in samples.values()
    )
    total = sum(t.values.sum() for region in templates.values() for t in region.values())
    assert total == pytest.approx(138 * expected)
    make(select, table, tmp_path / "isr_up.root", 138.0, {"column": "weight_isr_up"})
    ratio = read(tmp_path / "isr_up.root")["fail"]["w"].values.sum() / template.values.sum()
    assert ratio == pytest.approx(1.05, abs=0.01)


def test_weights_that_some_jets_lack_are_refused_where_they_are_used(tmp_path):
    import pyarrow.parquet as pq

    factory.write_run(tmp_path, events=50)
    select = [tmp_path / "select/nominal/top.parquet"]
    table = [tmp_path / "scores/bdt/nominal.parquet"]
    content = pq.read_table(select[0])
    with pq.ParquetWriter(select[0], content.schema) as writer:
        writer.write_table(content)
        said = {"weight_isr_up": "a.root: entry 7: weight_isr_up of PSWeight is nan, or missing"}
        writer.add_key_value_metadata({"bad_weights": json.dumps(said)})
    with pytest.raises(BoostflowError, match=r"^a\.root: entry 7: .* must be finite$"):
        make(select, table, tmp_path / "x.root", 1.0, {"column": "weight_isr_up"})
    make(select, table, tmp_path / "x.root", 1.0, {"column": "weight_isr_down"})


def test_file_messages(tmp_path):
    with pytest.raises(BoostflowError, match="no such file"):
        read(tmp_path / "none.root")
    (tmp_path / "text.root").write_text("not ROOT")
    with pytest.raises(BoostflowError, match="not a ROOT file"):
        read(tmp_path / "text.root")
    factory.write_run(tmp_path, events=50)
    select = [tmp_path / "select/nominal/top.parquet"]
    table = [tmp_path / "scores/bdt/nominal.parquet"]
    with pytest.raises(
        BoostflowError,
        match=r"x: sample top has no weight column weight_pdf; .* has weight_isr_down, weight",
    ):
        make(select, table, tmp_path / "x.root", 1.0, {"column": "weight_pdf"})
    with pytest.raises(BoostflowError, match="unknown sample higgs"):
        weighting = {"column": "weight_pdf", "samples": ["higgs"]}
        make(select, table, tmp_path / "x.root", 1.0, weighting)
    assert not (tmp_path / "x.root").exists()
