"""Declared weights: read, evaluated, multiplied, varied, and refused where they cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import correctionlib
import numpy as np
import pytest
import uproot

from boostflow.config.chain import Select
from boostflow.config.config import Config
from boostflow.config.files import keys
from boostflow.config.load import load
from boostflow.config.needs import Needs, needs
from boostflow.config.samples import RootContent, RootSample
from boostflow.config.statistics import Region
from boostflow.config.statistics import Templates as TemplatesBlock
from boostflow.config.systematics import Constituent, JetShift
from boostflow.config.weights import SampleWeight, carried, relative_columns
from boostflow.errors import BadFile, BoostflowError
from boostflow.ingest.check import check
from boostflow.ingest.checked import Report
from boostflow.io import read_json, read_parquet, write_parquet
from boostflow.jobs.chain import CheckInputs, Vary
from boostflow.jobs.statistics import Templates
from boostflow.select.weights import Weigher
from boostflow.templates.run import run
from boostflow.weightfile import WeightCorrection
from support.jets import correction, formula, write_corrections
from support.rootfiles import columns_of, write_jets, write_rntuple, write_tree
from support.stages import ingest, select, templates_job
from support.weights import (
    EDGES,
    PILEUP,
    PROFILES,
    TOP_TAG,
    pileup,
    top_tag,
    write_pileup,
    write_top_tag,
    write_weighted,
)

CUTS = Select(
    fatjet={"pt": [310, 800], "mass": [0, 500], "multiplicity_min": 0},
    event={"ht_min": 0, "met_max": None},
)
BRANCHES = {"branch": "puWeight", "up": "puWeightUp", "down": "puWeightDown"}
JETS = {"branch": "FatJet_sf", "up": "FatJet_sfUp", "down": "FatJet_sfDown"}
SIDES = ("up", "down")


def declared(**blocks: dict[str, Any]) -> dict[str, SampleWeight]:
    return {name: SampleWeight(**block) for name, block in blocks.items()}


def ingested(
    file: Path, folder: Path, weights: dict[str, SampleWeight], **options: Any
) -> ak.Array:
    table, meta = folder / f"{file.stem}.parquet", folder / f"{file.stem}.meta.json"
    options = {"label": "top", "xsec": 2.0, **options}
    ingest(file, table, meta, carried=carried(weights), **options)
    return read_parquet(table)


@dataclass(frozen=True)
class Files:
    """A file of jets, ingested with the branches of all weights, and two files of corrections."""

    nano: Path
    pileup: Path
    top_tag: Path

    def select(
        self, out: Path, config: Select = CUTS, **options: Any
    ) -> tuple[ak.Array, list[dict]]:
        """The selected jets, and the cutflow."""
        parts = [self.nano.with_suffix(".parquet")], [self.nano.with_suffix(".meta.json")]
        made = out / "top.parquet", out / "top.json"
        select(*parts, *made, config, sample="top", **options)
        return read_parquet(made[0]), read_json(made[1])["cutflow"]

    def all_four(self) -> dict[str, SampleWeight]:
        """Of both kinds, of events and of jets."""
        return declared(
            stored=BRANCHES, jets=JETS, pileup=pileup(self.pileup), toptag=top_tag(self.top_tag)
        )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("weights")
    found = Files(
        write_weighted(folder / "a.root", 400),
        write_pileup(folder / "pu.json.gz"),
        write_top_tag(folder / "top.json"),
    )
    ingested(found.nano, folder, found.all_four())
    return found


def by_hand(files: Files, rows: ak.Array, pt: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """All four weights of each row, from the file itself by uproot and correctionlib."""
    tree = uproot.open(files.nano)["Events"]
    event, jet = ak.to_numpy(rows.entry), ak.to_numpy(rows.jet_index)

    def of_event(name: str) -> np.ndarray:
        return tree[name].array(library="np")[event].astype(float)

    def of_jet(name: str) -> np.ndarray:
        return ak.to_numpy(tree[name].array()[event, jet]).astype(float)

    sides = {"nominal": "", "up": "Up", "down": "Down"}
    pu = correctionlib.CorrectionSet.from_file(str(files.pileup))[PILEUP]
    tag = correctionlib.CorrectionSet.from_file(str(files.top_tag))[TOP_TAG]
    taken = np.abs(of_jet("FatJet_eta")), pt, of_jet("FatJet_hadronFlavour").astype(int)
    return {
        "stored": {side: of_event(f"puWeight{end}") for side, end in sides.items()},
        "jets": {side: of_jet(f"FatJet_sf{end}") for side, end in sides.items()},
        "pileup": {side: pu.evaluate(of_event("Pileup_nTrueInt"), side) for side in sides},
        "toptag": {
            side: tag.evaluate(*taken, side.replace("nominal", "nom"), "1p0") for side in sides
        },
    }


# --- what they do ---------------------------------------------------------------------------------


def test_nominal_multiplies_and_sides_are_relative(files: Files, tmp_path: Path) -> None:
    """Against uproot and correctionlib alone."""
    weights = files.all_four()
    rows, flow = files.select(tmp_path, weights=weights)
    plain, before = files.select(tmp_path)
    assert len(rows) == len(plain) > 100
    expected = by_hand(files, rows, ak.to_numpy(rows.pt).astype(float))
    product = np.prod([sides["nominal"] for sides in expected.values()], axis=0)
    assert 0 < (product == 0).sum() < len(rows)
    np.testing.assert_allclose(rows.weight, plain.weight * product, rtol=1e-6)
    for name, sides in expected.items():
        for side in SIDES:
            nominal = np.where(sides["nominal"] == 0, 1, sides["nominal"])
            ratio = np.where(sides["nominal"] == 0, 1, sides[side] / nominal)
            np.testing.assert_allclose(rows[f"weight_{name}_{side}"], ratio, rtol=1e-6)
            # What templates are filled with.
            filled = rows.weight * rows[f"weight_{name}_{side}"]
            varied = product * np.where(sides["nominal"] == 0, 0, sides[side] / nominal)
            np.testing.assert_allclose(filled, plain.weight * varied, rtol=1e-6)
    # Cuts count generator weights, the last line the weights of the candidates.
    assert flow[:-1] == before
    used = ak.to_numpy(rows.candidate)
    assert flow[-1] == {
        "name": "weights",
        "events": used.sum() == before[-1]["events"] and before[-1]["events"],
        "sumw": pytest.approx((ak.to_numpy(rows.genWeight) * product)[used].sum(), rel=1e-6),
        "expected": pytest.approx(
            (ak.to_numpy(rows.genWeight) * product)[used].sum() * 2000 / before[0]["sumw"], rel=1e-6
        ),
    }


def test_scale_factors_take_the_shifted_pt(files: Files, tmp_path: Path) -> None:
    write_corrections(tmp_path / "jes.json", [correction("jes", ["pt"], formula("0.08+0*x", "pt"))])
    shift = JetShift(quantity="energy", side="up", correction="jes")
    weights = files.all_four()
    options = {"shift": shift, "corrections": tmp_path / "jes.json", "variation": "jes_up"}
    rows, _ = files.select(tmp_path, weights=weights, **options)
    shifted = ak.to_numpy(rows.pt).astype(float)
    expected = by_hand(files, rows, shifted)["toptag"]
    unmoved = by_hand(files, rows, np.maximum(shifted / 1.08, 301))["toptag"]
    assert (expected["nominal"] != unmoved["nominal"]).mean() > 0.1
    found = declared(toptag=top_tag(files.top_tag))
    rows, _ = files.select(tmp_path, weights=found, **options)
    plain, _ = files.select(tmp_path, **options)
    np.testing.assert_allclose(rows.weight / plain.weight, expected["nominal"], rtol=1e-6)


def test_templates_of_nominal_and_of_both_sides(files: Files, tmp_path: Path) -> None:
    """Filled by the stage, against np.histogram of weights from the files themselves."""
    plain, _ = files.select(tmp_path)
    weights = declared(pileup=pileup(files.pileup))
    rows, _ = files.select(tmp_path, weights=weights)
    jets = tmp_path / "top.parquet"
    (tmp_path / "bdt").mkdir()
    keys = {name: rows[name] for name in ("event_id", "jet_index")}
    scores = {"sample": ak.Array(["top"] * len(rows)), **keys, "p_top": rows.pt * 0 + 0.7}
    score = tmp_path / "bdt/nominal.parquet"
    write_parquet(score, ak.zip(scores))
    config = TemplatesBlock(regions={"pass": Region(range=[0.5, 1.0])}, bins=8, range=[0.0, 200.0])
    expected = by_hand(files, rows, ak.to_numpy(rows.pt))["pileup"]
    used = ak.to_numpy(rows.candidate) & ak.to_numpy(rows.split == 2)
    for side in ("nominal", *SIDES):
        column = None
        if side != "nominal":
            column = {"column": f"weight_pileup_{side}", "samples": ["top"]}
        path = tmp_path / f"{side}.root"
        job = templates_job(config, 10.0, weighting=column)
        run(job, Templates.Files(jets=[jets], scores=[score], templates=path))
        weight = (ak.to_numpy(plain.weight) * expected[side] * 10.0)[used]
        content, _ = np.histogram(ak.to_numpy(rows.msoftdrop)[used], 8, (0, 200), weights=weight)
        assert np.count_nonzero(content) > 5
        found = uproot.open(path)["pass/top"].values()
        np.testing.assert_allclose(found, content, rtol=1e-6)


def test_weights_that_genweight_has_are_not_multiplied_again(files: Files, tmp_path: Path) -> None:
    """As of a second source of one weight: up and down are relative to nominal all the same."""
    rows, flow = files.select(tmp_path, weights=declared(stored={**BRANCHES, "apply": False}))
    applied, weighed = files.select(tmp_path, weights=declared(stored=BRANCHES))
    plain, _ = files.select(tmp_path)
    assert rows.weight.to_list() == plain.weight.to_list()
    for side in SIDES:
        column = f"weight_stored_{side}"
        assert rows[column].to_list() == applied[column].to_list()
        assert not np.allclose(rows[column], 1)
    assert flow[-1]["sumw"] != pytest.approx(weighed[-1]["sumw"], rel=1e-3)


def test_one_side(files: Files, tmp_path: Path) -> None:
    weights = declared(stored={"branch": "puWeight", "up": "puWeightUp"})
    rows, _ = files.select(tmp_path, weights=weights)
    assert "weight_stored_up" in rows.fields and "weight_stored_down" not in rows.fields


# --- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["coffea", "uproot", "rntuple"])
def test_branches_are_read_alike(tmp_path: Path, how: str) -> None:
    """By coffea's schema, and by uproot where the schema does not know the tree."""
    file = write_weighted(tmp_path / "a.root", constituents=how == "coffea")
    if how == "rntuple":
        write_rntuple(file, columns_of(file), flat=False)
    weights = declared(stored=BRANCHES, jets=JETS)
    rows = ingested(file, tmp_path, weights)
    tree = uproot.open(write_weighted(tmp_path / "b.root"))["Events"]
    event, jet = ak.to_numpy(rows.entry), ak.to_numpy(rows.jet_index)
    for side in ("", "Up", "Down"):
        stored = tree[f"puWeight{side}"].array(library="np")[event]
        assert rows[f"branch_puWeight{side}"].to_list() == stored.tolist()
        own = tree[f"FatJet_sf{side}"].array()[event, jet]
        assert rows[f"branch_FatJet_sf{side}"].to_list() == own.to_list()


def test_names_that_the_schema_hides(tmp_path: Path) -> None:
    """A counter, and a branch beside one that its name begins with."""
    columns = columns_of(write_weighted(tmp_path / "a.root", constituents=True))
    columns["puWeight_alt"] = columns["puWeight"] * 2
    file = write_tree(tmp_path / "a.root", columns)
    weights = declared(stored={"branch": "puWeight_alt"}, jets={"branch": "nFatJet"})
    rows = ingested(file, tmp_path, weights)
    tree = uproot.open(file)["Events"]
    for name in ("puWeight_alt", "nFatJet"):
        values = tree[name].array(library="np")[ak.to_numpy(rows.entry)]
        assert rows[f"branch_{name}"].to_list() == values.tolist()


def test_flat_trees_and_dots(tmp_path: Path) -> None:
    columns = columns_of(write_jets(tmp_path / "a.root"), "tree")
    jets = len(columns["jet_pt"])
    columns["w.nominal"] = np.linspace(0.5, 1.5, jets)
    file = write_tree(tmp_path / "a.root", columns, "tree")
    content = RootContent(
        tree="tree", branches={"FatJet": "jet", "PFCands": "part"}, unweighted=True
    )
    rows = ingested(file, tmp_path, declared(pu={"branch": "w.nominal"}), content=content)
    assert len(rows)
    assert rows.branch_w_nominal.to_list() == columns["w.nominal"][ak.to_numpy(rows.entry)].tolist()


def test_pieces_and_constituent_variations_keep_them(tmp_path: Path) -> None:
    file = write_weighted(tmp_path / "a.root", constituents=True)
    tracks = Constituent(kind="constituent", quantity="track_efficiency", value=0.1)
    rows = ingested(
        file, tmp_path, declared(jets=JETS), vary=Vary(systematic=tracks, direction="up")
    )
    own = uproot.open(file)["Events"]["FatJet_sf"].array()
    assert rows.branch_FatJet_sf.to_list() == own[rows.entry, rows.jet_index].to_list()


def test_what_ingest_keeps_is_what_its_job_knows() -> None:
    """Names of weights, words and `apply` are no reason to read a file again."""
    one = carried(declared(pileup=pileup("a.json"), toptag=top_tag("b.json"), stored=BRANCHES))
    other = carried(
        declared(
            pu={**pileup("c.json"), "up": {"weights": "down"}, "down": None},
            tag=top_tag("b.json"),
            kept={**BRANCHES, "apply": False},
        )
    )
    assert [x.model_dump() for x in one.values()] == [x.model_dump() for x in other.values()]
    assert {name: item.weight for name, item in one.items()} == {
        "Pileup_nTrueInt": False,
        "FatJet_hadronFlavour": False,
        **dict.fromkeys(("puWeight", "puWeightUp", "puWeightDown"), True),
    }


def test_a_file_is_checked_again_for_other_branches_alone(tmp_path: Path) -> None:
    def key(**weights: Any) -> list[str]:
        sample = RootSample(source="root", files=["a.root"], weights=weights)
        return keys("top", sample, ["a.root"], "Events")

    assert key(pu=BRANCHES) == key(other={**BRANCHES, "apply": False}) != key()
    assert key(pu={"branch": "puWeight"}) != key(pu=BRANCHES)


# --- refused while reading ------------------------------------------------------------------------


def refused(folder: Path, text: str, weights: dict[str, SampleWeight], **change: Any) -> None:
    with pytest.raises(BadFile) as error:
        ingested(write_weighted(folder / "a.root", change=change), folder, weights)
    assert str(error.value) == f"{folder / 'a.root'}: {text}"


def spoilt(value: float, entry: int = 7) -> np.ndarray:
    values = np.ones(60, "f4")
    values[entry] = value
    return values


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (-0.5, "-0.5")])
def test_bad_values_of_branches(tmp_path: Path, value: float, shown: str) -> None:
    text = f"entry 7: puWeightUp is {shown}: weights must be finite and not negative"
    refused(tmp_path, text, declared(pu=BRANCHES), puWeightUp=spoilt(value))


def test_bad_values_of_jets(tmp_path: Path) -> None:
    columns = columns_of(write_weighted(tmp_path / "a.root"))
    jets, counts = columns["FatJet"], ak.to_numpy(ak.num(columns["FatJet"]))
    entry = int(np.flatnonzero(counts == 3)[4])
    values = ak.to_numpy(ak.flatten(jets.sf)).copy()
    values[counts[:entry].sum() + 2] = -1.0
    jets = ak.with_field(jets, ak.unflatten(values, counts), "sf")
    text = f"entry {entry}, fat jet 2: FatJet_sf is -1: weights must be finite and not negative"
    refused(tmp_path, text, declared(sf=JETS), FatJet=jets)


def test_inputs_may_be_negative_but_not_nan(tmp_path: Path) -> None:
    weights = declared(pu=pileup("pu.json"))
    file = write_weighted(tmp_path / "a.root", change={"Pileup_nTrueInt": spoilt(-1.0)})
    assert len(ingested(file, tmp_path, weights))
    text = "entry 7: Pileup_nTrueInt is nan: it must be finite"
    refused(tmp_path, text, weights, Pileup_nTrueInt=spoilt(np.nan))


def test_lists_of_something_else_are_no_weights_of_jets(tmp_path: Path) -> None:
    """NanoAOD's other collections have counters of their own."""
    rng = np.random.default_rng(1)
    other = ak.unflatten(rng.uniform(0.5, 1, 90), np.repeat([1, 2], 30))
    text = (
        "Jet_sf has not one entry for each fat jet (nJet is not nFatJet): weights are numbers of "
        "events, or of fat jets"
    )
    refused(tmp_path, text, declared(b={"branch": "Jet_sf"}), Jet=ak.zip({"sf": other}))


# --- make check -----------------------------------------------------------------------------------


def checked(folder: Path, weights: dict[str, Any], systematic: str = "", **options: Any) -> Report:
    """The check of one file, and of what its weights and perhaps a systematic need."""
    file = write_weighted(folder / "a.root", **options)
    sample = RootSample(source="root", files=[str(file)], xsec=1.0, weights=weights)
    needed = needs(Config(samples={"top": sample}, models={}), {}).get("top", Needs())
    needed.weights |= dict.fromkeys(systematic.split(), "pileup")
    return check(CheckInputs(samples={"top": sample}, needs={"top": needed}))


def test_the_check_names_file_sample_and_key(tmp_path: Path) -> None:
    weights = {"pu": {**BRANCHES, "down": "puWeightDwn"}, "tag": top_tag("top.json")}
    file = tmp_path / "a.root"
    text = (
        "(the file has puWeightDown, puWeight, puWeightUp), which samples.top.weights.pu.down names"
    )
    assert checked(tmp_path, weights).problems[:1] == [f"{file}: no branch puWeightDwn {text}"]
    good = checked(tmp_path, {**weights, "pu": BRANCHES})
    assert good.problems == [] and "pu, tag" in good.table()


def test_the_check_sees_the_first_values(tmp_path: Path) -> None:
    found = checked(tmp_path, {"pu": BRANCHES}, change={"puWeight": spoilt(-1.0)}).problems
    assert found[0].endswith("entry 7: puWeight is -1: weights must be finite and not negative")


def test_the_check_knows_columns_of_declared_weights(tmp_path: Path) -> None:
    both = "weight_pu_up weight_pu_down"
    weights = {"pu": BRANCHES, "sf": top_tag("x.json")}
    assert checked(tmp_path, weights, both).problems == []
    weights["pu"] = {"branch": "puWeight", "up": "puWeightUp"}
    found = checked(tmp_path, weights, both).problems
    assert len(found) == 1 and "has no weights weight_pu_down, which systematic pileup" in found[0]


@pytest.mark.parametrize(
    ("column", "lacks"),
    [
        *((name, None) for name in ("rho", "abs_eta", "msoftdrop", "FatJet_msoftdrop", "tau21")),
        ("area", "FatJet_area"),
        ("d2", "jet constituents"),
    ],
)
def test_the_check_knows_which_columns_a_file_has(
    tmp_path: Path, column: str, lacks: str | None
) -> None:
    weights = {"sf": {"file": "x.json", "correction": "x", "inputs": {"x": column}}}
    found = checked(tmp_path, weights).problems
    text = f"has no {lacks}: {column} of weights.sf.inputs.x needs it, name another column"
    assert found == ([] if lacks is None else [f"samples.top: {tmp_path / 'a.root'} {text}"])


# --- refused while selecting ----------------------------------------------------------------------

ROWS = ak.zip(
    {"entry": [4, 4, 9], "jet_index": [0, 1, 0], "pt": [500.0, 400.0, 450.0], "eta": [0.1, -2, 1],
     "branch_n": [5.0, 5.0, 30.0], "branch_up": [0.0, 0.0, 2.0], "branch_zero": [0.0, 0.0, 1.0]},
    depth_limit=1,
)  # fmt: skip


def weighing(folder: Path, **blocks: dict[str, Any]) -> tuple[ak.Array, np.ndarray]:
    return Weigher("top", declared(**blocks))(ROWS, "a.root")


def test_zero_over_zero_is_one() -> None:
    """Nothing is left of the event in either."""
    rows, product = Weigher("top", declared(pu={"branch": "zero", "up": "up"}))(ROWS, "a.root")
    assert rows.weight_pu_up.to_list() == [1, 1, 2]
    assert product.tolist() == [0, 0, 1]


@pytest.mark.parametrize("apply", [True, False])
def test_something_over_zero_is_refused(apply: bool) -> None:
    block = {"branch": "zero", "up": "n", "apply": apply}
    with pytest.raises(BoostflowError) as error:
        Weigher("top", declared(pu=block))(ROWS, "a.root")
    assert str(error.value) == (
        "a.root: entry 4, fat jet 0: samples.top.weights.pu.up is 5 where nominal is 0: there is no"
        " weight relative to that; make nominal larger than 0 there, or both 0"
    )


def test_outside_of_all_bins(tmp_path: Path) -> None:
    block = pileup(write_pileup(tmp_path / "pu.json"))
    block["inputs"] = {"NumTrueInteractions": "pt"}
    with pytest.raises(BoostflowError) as error:
        weighing(tmp_path, pu=block)
    assert str(error.value).startswith(
        "a.root: entry 4, fat jet 0: samples.top.weights.pu (nominal) is not defined for "
        "NumTrueInteractions = 500, where it goes from "
    )
    assert "pu.json: " in str(error.value) and "tighten the cuts" in str(error.value)
    block = top_tag(write_top_tag(tmp_path / "top.json", lowest=420.0))
    block["inputs"]["flavor"] = "zero"
    with pytest.raises(
        BoostflowError, match=r"entry 4, fat jet 1: .* pt = 400, where it goes from 420 to"
    ):
        weighing(tmp_path, tag=block)


def test_jets_that_fail_the_cuts_need_no_correction(files: Files, tmp_path: Path) -> None:
    """Scale factors begin at 300 GeV, ingested jets at 210, the cut is at 310."""
    rows = ingested(files.nano, tmp_path, files.all_four())
    assert ak.min(rows.pt) < 300
    found, _ = files.select(tmp_path, weights=declared(toptag=top_tag(files.top_tag)))
    assert ak.min(found.pt) > 310


@pytest.mark.parametrize(("value", "shown"), [("-1", "-1"), ("1/(x-5)", "inf")])
def test_corrections_that_are_no_weights(tmp_path: Path, value: str, shown: str) -> None:
    data = formula(f"{value}+0*x", "x")
    path = write_corrections(tmp_path / "x.json", [correction("x", ["x"], data)])
    block = {"file": str(path), "correction": "x", "inputs": {"x": "n"}}
    text = rf"entry 4, fat jet 0: samples\.top\.weights\.pu \(nominal\) is {shown}: weights must be"
    with pytest.raises(BoostflowError, match=text):
        weighing(tmp_path, pu=block)


def test_a_column_that_the_files_do_not_have(tmp_path: Path) -> None:
    block = pileup(write_pileup(tmp_path / "pu.json"))
    block["inputs"] = {"NumTrueInteractions": "rho"}
    text = r"samples\.top\.weights\.pu: needs rho, which its files do not have"
    with pytest.raises(BoostflowError, match=text):
        weighing(tmp_path, pu=block)


def test_no_jet_is_left(files: Files, tmp_path: Path) -> None:
    config = CUTS.model_copy(update={"event": CUTS.event.model_copy(update={"ht_min": 1e6})})
    rows, flow = files.select(tmp_path, config, weights=files.all_four())
    assert len(rows) == 0 and flow[-1]["sumw"] == 0
    assert set(relative_columns(files.all_four())) < set(rows.fields)


# --- configurations -------------------------------------------------------------------------------

GOOD = pileup("pu.json.gz")


def loaded(folder: Path, weights: Any, **options: Any) -> list[str]:
    """Messages about a configuration, without the key of the weights."""
    (folder / "a.root").touch()
    write_pileup(folder / "pu.json.gz")
    sample = {"source": "root", "files": [str(folder / "a.root")], "weights": weights, **options}
    raw = {"systematics": None, "models": {}, "samples": {"top": sample}}
    try:
        load(raw, folder)
    except BoostflowError as error:
        return [x.removeprefix("config: samples.top.weights") for x in str(error).split("\n")]
    return []


def test_good_declarations(tmp_path: Path) -> None:
    write_top_tag(tmp_path / "top.json")
    weights = {"pu": GOOD, "tag": top_tag("top.json"), "stored": BRANCHES, "sf": JETS}
    assert loaded(tmp_path, weights) == []
    assert loaded(tmp_path, {"pu": {"branch": "puWeight"}}) == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"file": "nope.json"}, ".pu.file: no such file: nope.json"),
        ({"file": "a{1}.json"}, ".pu.file: a{1}.json: Snakemake takes braces for wildcards"),
        ({"file": "a.root"}, "a.root: not a correctionlib file ("),
        ({"correction": "pu"}, f"no correction 'pu'; it has {PILEUP}"),
        (
            {"inputs": {}},
            ".pu.inputs.NumTrueInteractions: is missing: "
            f"{PILEUP} takes (NumTrueInteractions, weights)",
        ),
        (
            {"inputs": {**GOOD["inputs"], "ntrue": "n"}},
            f".pu.inputs.ntrue: is unknown: {PILEUP} takes (NumTrueInteractions, weights)",
        ),
        (
            {"nominal": {"weights": "nom"}},
            ".pu.nominal.weights: 'nom' is no word of it (nominal, up, down)",
        ),
        ({"up": {"weights": 1}}, ".pu.up.weights: 1 is no word of it (nominal, up, down)"),
        ({"down": {"weights": "dn"}}, ".pu.down.weights: 'dn' is no word of it"),
        (
            {"inputs": {"weights": "w", **GOOD["inputs"]}, "nominal": {}, "up": None, "down": None},
            ".pu.inputs.weights: takes a word (nominal, up, down): put it into `nominal`",
        ),
        (
            {"inputs": {}, "nominal": {"weights": "nominal", "NumTrueInteractions": "n"}},
            ".pu.nominal.NumTrueInteractions: takes numbers: put n into `inputs`",
        ),
        ({"up": {"weight": "up"}}, ".pu: up.weight: `nominal` has no such input"),
        ({"up": "puUp"}, ".pu: up: must be {INPUT: VALUE}: what differs from nominal"),
        ({"up": {"weights": True}}, ".pu.up: weights is True, must be a word or a number"),
        ({"up": 3}, ".pu.up: is 3, must be a branch, or of a correction the values that differ"),
        ({"up": {"weights": "nominal"}}, ".pu: up: is the same as nominal"),
        ({"down": {"weights": "up"}}, ".pu: down: is the same as up"),
        ({"up": None}, ".pu: down without up"),
        ({"branch": "puWeight"}, ".pu: branch stands alone, without file and correction"),
        ({"file": None}, ".pu: needs either branch, or file and correction"),
        ({"apply": False, "up": None, "down": None}, ".pu: apply: false without up does nothing"),
        ({"of": "jet"}, ".pu.of: unknown key; known: branch, file, "),
    ],
)
def test_bad_corrections(
    tmp_path: Path, change: dict[str, Any], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = loaded(tmp_path, {"pu": {**GOOD, **change}})
    assert len(found) == 1 and text in found[0]


@pytest.mark.parametrize(
    ("weights", "options", "text"),
    [
        ({"pu": {"branch": "w", "up": {"x": 1}}}, {}, ".pu: up: must be a branch, as nominal is"),
        ({"pu": {"branch": "w", "up": "w"}}, {}, ".pu: up: is the same as nominal"),
        ({"pu": {}}, {}, ".pu: needs either branch, or file and correction"),
        (
            {"isr": {"branch": "w"}},
            {},
            ".isr: weight_isr_up, weight_isr_down would be columns of PSWeight, too; rename it",
        ),
        ({"a": {"branch": "w.x"}, "b": {"branch": "w_x"}}, {}, "w_x and w.x would be the same"),
        ({"pu": {"branch": "w"}}, {"data": True}, ": is for simulation; collision data are not"),
        ({"PU": {"branch": "w"}}, {}, ".PU: 'PU' is not a name"),
        ({"pu": {"branch": "w"}}, {"source": "lhco"}, ": unknown key"),
    ],
)
def test_bad_declarations(
    tmp_path: Path, weights: dict[str, Any], options: dict[str, Any], text: str
) -> None:
    found = loaded(tmp_path, weights, **options)
    assert len(found) == 1 and text in found[0]


def test_two_weights_of_one_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("samples: {top: {source: root, weights: {pu: {branch: a}, pu: {branch: b}}}}")
    with pytest.raises(BoostflowError, match=r"samples\.top\.weights\.pu: is declared more than"):
        load({}, tmp_path, files=[path])


def test_words_are_open_where_a_correction_has_a_default(tmp_path: Path) -> None:
    content = [{"key": "up", "value": 1.2}]
    data = {"nodetype": "category", "input": "systematic", "content": content, "default": 1.0}
    path = write_corrections(tmp_path / "x.json", [correction("x", ["systematic"], data)])
    found = WeightCorrection(path, "x")
    assert found.words("systematic") is None
    assert found.problems({}, {"systematic": "anything"}) == []
    assert found.problems({}, {"systematic": 3}) == [("systematic", "3 is no word of it")]


def test_the_profiles_are_those_of_the_file(tmp_path: Path) -> None:
    """The support file itself, by the bins that it was made of."""
    found = WeightCorrection(write_pileup(tmp_path / "pu.json"), PILEUP)
    assert found.words("weights") == list(PROFILES)
    centres = (np.array(EDGES[1:]) + EDGES[:-1]) / 2
    for side, values in PROFILES.items():
        got = found.evaluate({"NumTrueInteractions": centres}, {"weights": side})
        assert got.tolist() == values
