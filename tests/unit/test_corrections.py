"""Corrections: files, names and inputs, those of CMS included, and what is refused beforehand."""

from __future__ import annotations

import json
import re
from pathlib import Path

import awkward as ak
import correctionlib
import correctionlib.schemav2
import numpy as np
import pytest
import yaml

from boostflow.config.chain import FatJetCuts, Select, Smearing
from boostflow.config.load import load
from boostflow.config.systematics import JetShift
from boostflow.corrections import Corrections
from boostflow.errors import BoostflowError
from boostflow.io import write_json, write_parquet
from boostflow.select.shifts import Shifter
from support.jets import (
    NAME,
    RESOLUTION,
    SCALE_FACTOR,
    SOURCES,
    binned,
    cms_layout,
    correction,
    formula,
    scale_factor,
    toy_jets,
    write_corrections,
)
from support.rootfiles import write_nano
from support.stages import select

REPOSITORY = Path(__file__).parents[2]
SHIPPED = REPOSITORY / "config" / "corrections" / "jetmet.json"
PUBLIC = REPOSITORY.parent / "shared" / "data" / "jet_jerc_Summer22_V3.json.gz"
STARTS = np.arange(0, 200, 2)
CMS_SMEARING = Smearing(resolution=NAME.format(RESOLUTION), scale_factor=NAME.format(SCALE_FACTOR))


def columns(jets: ak.Array) -> dict[str, np.ndarray]:
    return {name: ak.to_numpy(jets[name]).astype(float) for name in jets.fields}


@pytest.fixture(params=["jec.json", "jec.json.gz"])
def cms(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return cms_layout(tmp_path / request.param)


def test_the_shipped_file_follows_the_schema() -> None:
    found = correctionlib.schemav2.CorrectionSet.model_validate_json(SHIPPED.read_text())
    names = {entry.name for entry in found.corrections}
    assert names >= {"jes_absolute", "jes_relative", "jes_flavour", "jms", "jer_resolution"}


def test_the_shipped_sources_add_up_to_the_shipped_total() -> None:
    corrections, jets = Corrections(SHIPPED), columns(toy_jets(100))
    sources = [corrections.evaluate(f"jes_{x}", jets) for x in ("absolute", "relative", "flavour")]
    total = corrections.evaluate("jes", jets)
    assert np.allclose(total, np.sqrt(np.sum(np.square(sources), axis=0)))
    assert (total > 0.005).all() and (total < 0.04).all()


@pytest.mark.parametrize("name", ["jer_scale_factor", "jmr_scale_factor"])
def test_the_shipped_detector_is_the_truth(name: str) -> None:
    corrections, jets = Corrections(SHIPPED), columns(toy_jets(100))
    nom, up, down = (corrections.evaluate(name, jets, v) for v in ("nom", "up", "down"))
    assert (nom == 1).all() and (up > 1).all() and (down < 1).all()


def test_inputs_are_found_by_their_names(cms: Path) -> None:
    jets = columns(toy_jets(100))
    direct = correctionlib.CorrectionSet.from_file(str(cms))
    corrections = Corrections(cms)
    for key in SOURCES:
        name = NAME.format(key)
        expected = direct[name].evaluate(jets["eta"], jets["pt"])
        assert np.array_equal(corrections.evaluate(name, jets), expected)
    name = NAME.format(RESOLUTION)
    expected = direct[name].evaluate(jets["eta"], jets["pt"], jets["rho"])
    assert np.array_equal(corrections.evaluate(name, jets), expected)
    name = NAME.format(SCALE_FACTOR)
    for value in ("nom", "up", "down"):
        expected = direct[name].evaluate(jets["eta"], jets["pt"], value)
        assert np.array_equal(corrections.evaluate(name, jets, value), expected)


@pytest.mark.skipif(not PUBLIC.is_file(), reason="the public file is not on this machine")
def test_the_public_file_of_cms() -> None:
    """Every source of the MC set, and smearing, as correctionlib itself evaluates them."""
    rows = toy_jets(100, width=0.08, unmatched=0.5)
    jets = columns(rows)
    direct, corrections = correctionlib.CorrectionSet.from_file(str(PUBLIC)), Corrections(PUBLIC)
    sources = [
        name
        for name in corrections.names()
        if "_V3_MC_" in name and corrections.columns(name) == ["eta", "pt"]
    ]
    assert len(sources) > 60
    for name in sources:
        expected = direct[name].evaluate(jets["eta"], jets["pt"])
        assert np.array_equal(corrections.evaluate(name, jets), expected)
    names = [x.format("Summer22_22Sep2023_JRV1_MC", "AK4PFPuppi") for x in (
        "{}_PtResolution_{}", "{}_ScaleFactor_{}",
    )]  # fmt: skip
    sigma = direct[names[0]].evaluate(jets["eta"], jets["pt"], jets["rho"])
    scale = direct[names[1]].evaluate(jets["eta"], jets["pt"], "nom")
    assert (scale > 1).any()
    config = Select(smearing=Smearing(resolution=names[0], scale_factor=names[1]))
    smeared = columns(Shifter(config, None, corrections)(rows, STARTS))
    matched = np.abs(jets["pt"] - jets["gen_pt"]) < 3 * sigma * jets["pt"]
    expected = jets["pt"] + (scale - 1) * (jets["pt"] - jets["gen_pt"])
    assert 50 < matched.sum() < 150
    assert np.allclose(smeared["pt"][matched], expected[matched], rtol=1e-6)
    up = JetShift(
        quantity="energy", side="up", correction="Summer22_22Sep2023_V3_MC_Total_AK4PFPuppi"
    )
    shifted = columns(Shifter(config, up, corrections)(rows, STARTS))
    total = direct[up.correction].evaluate(jets["eta"], smeared["pt"])
    assert np.allclose(shifted["pt"], smeared["pt"] * (1 + total), rtol=1e-6)


# --- what is refused before any job -------------------------------------------------------------


def problems(
    tmp_path: Path, systematics: str, corrections: Path = SHIPPED, **config: object
) -> list[str]:
    """What is wrong, without the names of the files."""
    path = tmp_path / "s.yaml"
    path.write_text(systematics)
    select = {"corrections": str(corrections), **config.pop("select", {})}
    try:
        load({"systematics": str(path), "select": select, **config}, REPOSITORY, "c.yaml")
    except BoostflowError as error:
        return [line.split(": ", 1)[1] for line in str(error).splitlines()]
    return []


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ("correction: jess", "x.correction: unknown correction 'jess' in {file}; did you mean"),
        ("envelope: [jes, jms2]", "x.envelope.1: unknown correction 'jms2'"),
        ("envelope: [jes]", "x.envelope: list should have at least 2"),
        ("envelope: [jes, jes]", "x: envelope: a correction is listed twice"),
        ("correction: jes, envelope: [jes, jms]", "x: needs either correction, or envelope"),
        ("quantity: mass", "x: needs either correction, or envelope"),
        ("correction: jer_scale_factor", "x.correction: jer_scale_factor takes (eta, systematic):"),
        ("correction: jes, sides: [down]", "x: sides: down without up"),
        ("correction: jes, sides: [up, up]", "x: sides: one is listed twice"),
        ("correction: jes, sides: [upp]", "x.sides.0: input should be 'up' or 'down', not 'upp'"),
        ("correction: jes, quantity: enrgy", "x.quantity: input should be 'energy', 'mass',"),
        ("quantity: resolution", "x: needs resolution and scale_factor, or select.smearing"),
        (
            "quantity: resolution, resolution: jer_resolution",
            "x: needs both of resolution and scale_factor, or none",
        ),
        (
            "quantity: mass_resolution, correction: jes",
            "x: quantity mass_resolution takes no correction",
        ),
        (
            "quantity: resolution, resolution: jer_resolution, scale_factor: jes",
            "x.scale_factor: jes takes (pt, eta): a scale factor takes systematic",
        ),
        (
            "quantity: resolution, resolution: jer, scale_factor: jer_scale_factor",
            "x.resolution: unknown correction 'jer'",
        ),
    ],
)
def test_a_wrong_shift_is_named(tmp_path: Path, declared: str, message: str) -> None:
    found = problems(tmp_path, f"x: {{kind: shift, {declared}}}")
    assert any(line.startswith(message.format(file=SHIPPED)) for line in found), found


def test_right_shifts_are_accepted(tmp_path: Path) -> None:
    declared = """
        a: {kind: shift, correction: jes_absolute}
        b: {kind: shift, quantity: mass, correction: jms, sides: [up]}
        c: {kind: shift, envelope: [jes_absolute, jes_relative, jes_flavour]}
        d: {kind: shift, quantity: resolution, resolution: jer_resolution,
            scale_factor: jer_scale_factor}
        """
    assert problems(tmp_path, declared) == []
    names = {"resolution": "jer_resolution", "scale_factor": "jer_scale_factor"}
    jer = "x: {kind: shift, quantity: resolution}"
    assert problems(tmp_path, jer, select={"smearing": names}) == []


def test_an_input_that_no_jet_has_is_named(tmp_path: Path) -> None:
    file = write_corrections(tmp_path / "c.json", [correction("jec", ["JetPt", "Charm"], 0.01)])
    found = problems(tmp_path, "x: {kind: shift, correction: jec}", file)
    assert found[0].startswith("x.correction: jec takes (JetPt, Charm): Charm unknown; known inp")


def test_rho_is_asked_of_files_alone(tmp_path: Path) -> None:
    file = write_corrections(tmp_path / "c.json", [correction("jec", ["Rho"], 0.01)])
    declared = "x: {kind: shift, correction: jec}"
    assert problems(tmp_path, declared, file)[0] == (
        "x.correction: jec takes rho, which only ROOT files have (Rho_fixedGridRhoFastjetAll or"
        " fixedGridRhoFastjetAll), not sample top"
    )
    root = {"source": "root", "files": [str(write_nano(tmp_path / "a.root"))], "label": "a"}
    assert problems(tmp_path, declared, file, samples={"a": root}, models={}) == []


def test_nominal_jets_are_smeared_where_variations_need_it(tmp_path: Path) -> None:
    entries = [correction("sigma", ["JetPt"], 0.05)]
    entries += [correction("sf", ["JetEta", "systematic"], scale_factor(1.1, 1.2, 1.0))]
    entries += [correction("bad", ["systematic"], scale_factor(1.1, 1.2, 1.0))]
    entries[-1]["data"]["content"].pop(0)
    file = write_corrections(tmp_path / "c.json", entries)
    own = "x: {{kind: shift, quantity: resolution, resolution: sigma, scale_factor: {}}}"
    found = problems(tmp_path, own.format("sf"), file)
    assert found == [
        "x.scale_factor: the nominal one of sf is 1.1, not 1: name both in select.smearing instead,"
        " so that nominal jets are smeared, too"
    ]
    assert problems(tmp_path, own.format("bad"), file)[0].startswith(f"x.scale_factor: {file}: bad")
    smearing = {"smearing": {"resolution": "sigma", "scale_factor": "sf"}}
    found = problems(tmp_path, own.format("sf"), file, select=smearing)
    assert found[0].startswith("x: leave out resolution and scale_factor: select.smearing names")
    wrong = {"smearing": {"resolution": "sigma", "scale_factor": "sff"}}
    found = problems(tmp_path, "{}", file, select=wrong)
    assert found[0].startswith("select.smearing.scale_factor: unknown correction 'sff'")


def test_jets_that_move_into_the_cuts_are_ingested(tmp_path: Path) -> None:
    jes = "x: {kind: shift, correction: jes}"
    select = {"fatjet": {"pt": [210, 900]}}
    assert problems(tmp_path, jes, select=select) == [
        "x: jets that it moves above select.fatjet.pt (210 GeV) are not ingested: set"
        " ingest.fatjet_pt_min to 189 GeV or less"
    ]
    assert problems(tmp_path, jes, select=select, ingest={"fatjet_pt_min": 189}) == []
    jms = "x: {kind: shift, quantity: mass, correction: jms}"
    assert problems(tmp_path, jms, select=select) == []


@pytest.mark.parametrize("name", ["c.json", "c.json.gz", "c.txt"])
def test_a_file_of_something_else_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"corrections": 1}')
    found = problems(tmp_path, "x: {kind: shift, correction: jes}", tmp_path / name)
    assert found[0].startswith(f"select.corrections: {tmp_path / name}: not a correctionlib file")


def test_the_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    class Counting(Corrections):
        def __init__(self, path: Path) -> None:
            opened.append(path)
            super().__init__(path)

    monkeypatch.setattr("boostflow.config.checks.select.Corrections", Counting)
    names = {"resolution": "jer_resolution", "scale_factor": "jer_scale_factor"}
    declared = "x: {kind: shift, correction: jes}\ny: {kind: shift, quantity: resolution}"
    assert problems(tmp_path, declared, select={"smearing": names}) == []
    assert opened == [SHIPPED]


def test_the_example_for_cms_is_complete(tmp_path: Path) -> None:
    """Its names are those of a file of the public layout; here such a file is written."""
    example = REPOSITORY / "config" / "examples" / "cms-systematics.yaml"
    text = example.read_text()
    block = yaml.safe_load("\n".join(
        line.removeprefix("#   ") for line in text.splitlines() if line.startswith("#   ")
    ))  # fmt: skip
    declared = yaml.safe_load(text)
    sources = [entry["correction"] for entry in declared.values() if "correction" in entry]
    assert len(sources) == len(set(sources)) >= 10
    content = [correction(name, ["JetEta", "JetPt"], 0.01) for name in sources]
    smearing = block["select"]["smearing"]
    content.append(correction(smearing["resolution"], ["JetEta", "JetPt", "Rho"], 0.1))
    content.append(
        correction(
            smearing["scale_factor"], ["JetEta", "JetPt", "systematic"], scale_factor(1.1, 1.2, 1.0)
        )
    )
    file = write_corrections(tmp_path / "fatJet_jerc.json.gz", content)
    root = {"source": "root", "files": [str(write_nano(tmp_path / "a.root"))], "label": "a"}
    select = {"smearing": smearing, "fatjet": block["select"]["fatjet"]}
    config = {"select": select, "samples": {"a": root}, "models": {}, "ingest": block["ingest"]}
    assert problems(tmp_path, text, file, **config) == []
    if PUBLIC.is_file():
        # An older version, for other jets: what the names consist of is the same.
        known = {re.sub(r"_(V|JRV)\d+_", "_", name) for name in Corrections(PUBLIC).names()}
        for name in [*sources, *smearing.values()]:
            name = name.replace("AK8PFPuppi", "AK4PFPuppi")
            assert re.sub(r"_(V|JRV)\d+_", "_", name) in known


# --- what is refused by the job -----------------------------------------------------------------


def shifted(
    file: Path, name: str, jets: ak.Array, side: str = "up", select: Select | None = None
) -> ak.Array:
    shift = JetShift(quantity="energy", side=side, correction=name)
    return Shifter(select or Select(), shift, Corrections(file))(jets, STARTS)


def test_an_unknown_correction_is_named() -> None:
    with pytest.raises(BoostflowError, match=r"jetmet\.json: no correction 'jer'; it has"):
        shifted(SHIPPED, "jer", toy_jets(100))


def test_a_shift_without_corrections_is_not_left_out(tmp_path: Path) -> None:
    table, meta = tmp_path / "a.parquet", tmp_path / "a.json"
    write_parquet(table, toy_jets(10))
    write_json(
        meta,
        {
            "file": "a.root", "events": 10, "sumw": 10.0, "sumw_buckets": [0.1] * 100,
            "sumw_weights": {}, "sumw_weights_before": {}, "bad_weights": {},
            "xsec": 1.0, "cutflow": [], "data": False, "features": {}, "notes": [],
        },
    )  # fmt: skip
    shift = JetShift(quantity="energy", side="up", correction="jes")
    with pytest.raises(BoostflowError, match="sample top: its jets are to be moved, but no corr"):
        select(
            [table], [meta], tmp_path / "o.parquet", tmp_path / "o.json", Select(),
            sample="top", shift=shift,
        )  # fmt: skip
    assert not (tmp_path / "o.parquet").exists()


def test_a_missing_column_is_named(cms: Path) -> None:
    jets = toy_jets(100)
    jets = jets[[name for name in jets.fields if name != "rho"]]
    with pytest.raises(BoostflowError, match=r"needs rho of each jet, .*Rho_fixedGridRhoFastjetA"):
        Shifter(Select(smearing=CMS_SMEARING), None, Corrections(cms))(jets, STARTS)


def test_a_jet_outside_of_the_correction_is_named(cms: Path) -> None:
    jets = toy_jets(100)
    far = ak.with_field(jets, np.full(200, 6.0, "f4"), "eta")
    select = Select(fatjet=FatJetCuts(abs_eta_max=9.0))
    edges = r"JetEta = 6, where it goes from -5\.191 to below 5\.191: tighten the cuts"
    with pytest.raises(BoostflowError, match=rf"jec\.json.*AbsoluteMPFBias.*{edges}"):
        shifted(cms, NAME.format(SOURCES[0]), far, select=select)


@pytest.mark.parametrize("quantity", ["energy", "resolution"])
def test_a_jet_that_cannot_pass_needs_no_correction(cms: Path, quantity: str) -> None:
    """One beyond the last edge, and beyond the cut: it stays, all others are as without it."""
    jets = toy_jets(100)
    eta = ak.to_numpy(jets.eta).copy()
    eta[3], eta[4] = 6.0, -7.0
    far = ak.with_field(jets, eta, "eta")
    name = NAME.format(SOURCES[0]) if quantity == "energy" else None
    smearing = None if quantity == "energy" else CMS_SMEARING
    shift = JetShift(quantity=quantity, side="up", correction=name)
    shifter = Shifter(Select(smearing=smearing), shift, Corrections(cms))
    moved, without = shifter(far, STARTS), shifter(jets, STARTS)
    others = np.delete(np.arange(200), [3, 4])
    assert ak.to_numpy(moved.pt)[[3, 4]].tolist() == ak.to_numpy(jets.pt)[[3, 4]].tolist()
    assert np.array_equal(ak.to_numpy(moved.pt)[others], ak.to_numpy(without.pt)[others])


def test_a_jet_far_from_the_cut_on_pt_needs_no_correction(tmp_path: Path) -> None:
    data = binned(0.01, 0.02, "JetPt") | {"edges": [0.0, 900.0, 1200.0, 2400.0]}
    file = write_corrections(tmp_path / "c.json", [correction("jes", ["JetPt"], data)])
    jets = toy_jets(100)
    pt = ak.to_numpy(jets.pt).copy()
    pt[3] = 2400.0
    moved = ak.to_numpy(shifted(file, "jes", ak.with_field(jets, pt, "pt")).pt)
    assert moved[3] == 2400 and (np.delete(moved, 3) > np.delete(pt, 3)).all()


def test_a_scale_factor_with_its_uncertainty_apart(tmp_path: Path) -> None:
    """Public files since June 2026: nominal, and an absolute uncertainty of a name of its own."""
    name = "Summer24Prompt24_JRV2_MC_{}_AK8PFPuppi"
    inputs = ["JetEta", "JetPt"]
    file = write_corrections(
        tmp_path / "c.json",
        [
            correction(name.format("ScaleFactor"), inputs, binned(1.1, 1.2)),
            correction(name.format("SFUncertainty"), inputs, binned(0.03, 1.5)),
            correction(name.format("Total"), inputs, 0.01),
        ],
    )
    corrections, jets = Corrections(file), columns(toy_jets(2))
    jets["eta"] = np.array([0.0, 0.0, 2.0, 2.0])
    factor = name.format("ScaleFactor")
    assert corrections.problem(factor, by_value=True) is None
    assert corrections.columns(factor) == ["eta", "pt"]
    found = {v: corrections.evaluate(factor, jets, v)[1:3].tolist() for v in ("nom", "up", "down")}
    assert found["nom"] == [1.1, 1.2]
    assert found["up"] == pytest.approx([1.13, 2.7]) and found["down"] == pytest.approx([1.07, 0])
    alone = corrections.problem(name.format("Total"), by_value=True)
    assert alone is not None and "_SFUncertainty_ instead of _ScaleFactor_" in alone


def test_a_correction_factor_is_no_uncertainty(tmp_path: Path) -> None:
    file = write_corrections(tmp_path / "c.json", [correction("l2", ["JetPt"], 1.02)])
    with pytest.raises(BoostflowError, match="l2 is an uncertainty of 100 % or more"):
        shifted(file, "l2", toy_jets(100))


def test_a_correction_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    file = write_corrections(
        tmp_path / "c.json", [correction("l2", ["JetPt"], formula("1/(x-x)", "JetPt"))]
    )
    with pytest.raises(
        BoostflowError,
        match=r"l2 is not defined \(or infinite\) for .* first for JetPt =",
    ):
        shifted(file, "l2", toy_jets(100))


COMPOUND = "Summer24Prompt24_V5_MC_L1L2L3Res_AK8PFPuppi"


@pytest.fixture
def levels(tmp_path: Path) -> Path:
    """Two levels: pile-up by area and density, then a response at the momentum after that."""
    inputs = ["JetA", "JetEta", "JetPt", "Rho"]
    first = correction("L1", ["JetA", "JetPt", "Rho"], formula("1-y*z/x", "JetPt", "JetA", "Rho"))
    second = correction("L2", ["JetEta", "JetPt"], binned(formula("1.1+9/x", "JetPt"), 1.2))
    found = {
        "schema_version": 2,
        "corrections": [first, second],
        "compound_corrections": [
            {
                "name": COMPOUND,
                "inputs": [{"name": name, "type": "real"} for name in inputs],
                "output": {"name": "correction", "type": "real"},
                "inputs_update": ["JetPt"],
                "input_op": "*",
                "output_op": "*",
                "stack": ["L1", "L2"],
            }
        ],
    }
    write_json(tmp_path / "levels.json", found)
    return tmp_path / "levels.json"


def raw_jets() -> ak.Array:
    """Jets in the centre that were calibrated by 1.25, of an area of 2."""
    jets = ak.with_field(toy_jets(100), np.full(200, 0.2, "f4"), "raw_factor")
    jets = ak.with_field(jets, np.full(200, 2.0, "f4"), "area")
    return ak.with_field(jets, np.full(200, 0.5, "f4"), "eta")


def test_jets_are_calibrated_anew(levels: Path) -> None:
    jets = raw_jets()
    moved = Shifter(Select(), None, Corrections(levels), COMPOUND)(jets, STARTS)
    before, after = columns(jets), columns(moved)
    raw = before["pt"] * (1 - before["raw_factor"])
    cleaned = raw - 2.0 * before["rho"]
    assert after["pt"] == pytest.approx(1.1 * cleaned + 9, rel=1e-5)
    assert after["mass"] == pytest.approx(before["mass"] * after["pt"] / before["pt"], rel=1e-5)
    # What the jets gain MET loses.
    gain = (after["pt"] - before["pt"]) * np.cos(before["phi"])
    px = [x["met_pt"] * np.cos(x["met_phi"]) for x in (before, after)]
    assert (px[0] - px[1])[::2] == pytest.approx(np.add.reduceat(gain, STARTS), abs=1e-2)
    assert (after["ht"] - before["ht"])[::2] == pytest.approx(
        np.add.reduceat(after["pt"] - before["pt"], STARTS), abs=1e-2
    )


def test_smearing_and_shifts_act_on_calibrated_jets(levels: Path, tmp_path: Path) -> None:
    content = json.loads(levels.read_text())
    content["corrections"].append(correction("jes", ["JetPt"], formula("0.01+x/1e5", "JetPt")))
    write_json(tmp_path / "all.json", content)
    shift = JetShift(quantity="energy", side="up", correction="jes")
    moved = Shifter(Select(), shift, Corrections(tmp_path / "all.json"), COMPOUND)
    nominal = Shifter(Select(), None, Corrections(levels), COMPOUND)
    jets, pt = raw_jets(), columns(nominal(raw_jets(), STARTS))["pt"]
    assert columns(moved(jets, STARTS))["pt"] == pytest.approx(pt * (1.01 + pt / 1e5), rel=1e-5)


def test_what_calibration_needs(levels: Path) -> None:
    jets = raw_jets()
    without = jets[[name for name in jets.fields if name != "raw_factor"]]
    with pytest.raises(BoostflowError, match=r"needs raw_factor of each jet.*FatJet_rawFactor"):
        Shifter(Select(), None, Corrections(levels), COMPOUND)(without, STARTS)
    eta = ak.to_numpy(jets.eta).copy()
    eta[0] = 6.0  # cannot pass
    moved = Shifter(Select(), None, Corrections(levels), COMPOUND)(
        ak.with_field(jets, eta, "eta"), STARTS
    )
    assert moved.pt[0] == jets.pt[0] and moved.pt[1] != jets.pt[1]


@pytest.mark.parametrize(
    ("jec", "message"),
    [
        ({}, "select.jec: needs simulation, data or samples"),
        ({"simulation": "L1"}, "select.jec.simulation: no compound correction 'L1' in"),
        ({"samples": {"topp": COMPOUND}}, "select.jec.samples.topp: unknown sample"),
        ({"simulation": COMPOUND}, "has no raw momenta (FatJet_rawFactor)"),
    ],
)
def test_calibration_is_checked(levels: Path, jec: dict[str, object], message: str) -> None:
    with pytest.raises(BoostflowError) as error:
        load({"select": {"corrections": str(levels), "jec": jec}}, REPOSITORY, "c.yaml")
    assert message in str(error.value)
