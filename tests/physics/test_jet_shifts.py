"""Shifts of jets: closure of scale and resolution, and all that has to follow a jet that moves."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import correctionlib
import numpy as np
import pytest
from scipy.stats import norm

from boostflow.config.chain import Select, Smearing
from boostflow.config.systematics import JetShift
from boostflow.corrections import Corrections
from boostflow.ingest.eventid import bucket
from boostflow.io import read_json, read_parquet, write_json, write_parquet
from boostflow.select.shifts import Shifter
from support.jets import correction, formula, scale_factor, toy_jets, write_corrections
from support.stages import select

SHIPPED = Path(__file__).parents[2] / "config" / "corrections" / "jetmet.json"
WIDTH = 0.05
SCALES = {"nom": 1.1, "up": 1.25, "down": 0.95}
NAMES = Smearing(resolution="sigma", scale_factor="sf")
SMEARED = Select(smearing=NAMES)
EVENTS = 20_000
ENERGY_UP = JetShift(quantity="energy", side="up", correction="jes")


def resolution(side: str) -> JetShift:
    return JetShift(quantity="resolution", side=side)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Corrections:
    """Toy corrections: the width of the toy jets, and a scale that falls with pT."""
    entries = [
        correction("sigma", ["JetPt"], WIDTH),
        correction("sf", ["systematic"], scale_factor(*SCALES.values())),
        correction("one", ["systematic"], scale_factor(1.0, 1.2, 0.8)),
        correction("jes", ["JetPt"], formula("0.01+5/x", "JetPt")),
    ]
    path = write_corrections(tmp_path_factory.mktemp("jec") / "toy.json", entries)
    return Corrections(path)


def starts(jets: ak.Array) -> np.ndarray:
    return np.arange(0, len(jets), 2)


def moved(
    jets: ak.Array, file: Corrections, shift: JetShift | None, config: Select = SMEARED
) -> ak.Array:
    return Shifter(config, shift, file)(jets, starts(jets))


def number(jets: ak.Array, name: str) -> np.ndarray:
    return ak.to_numpy(jets[name]).astype(np.float64)


def response(jets: ak.Array, truth: ak.Array) -> np.ndarray:
    return number(jets, "pt") / number(truth, "gen_pt")


def width_of(scale: float, matched: bool = True) -> float:
    """Width of smeared toy jets over WIDTH.

    A jet is matched from -3 / (1 + 3 WIDTH) to 3 / (1 - 3 WIDTH) standard deviations: the method
    compares with the width at the measured value. Beyond, random numbers only add to the width.
    """
    if not matched:
        return max(scale, 1.0)
    low, high = -3 / (1 + 3 * WIDTH), 3 / (1 - 3 * WIDTH)
    inside = norm.cdf(high) - norm.cdf(low)
    variance = inside - high * norm.pdf(high) + low * norm.pdf(low)
    outside = 1 - variance + (1 - inside) * max(scale**2 - 1, 0)
    return float(np.sqrt(scale**2 * variance + outside))


# --- scale --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "sign"), [("up", 1), ("down", -1)])
@pytest.mark.parametrize("source", ["jes", "jes_absolute", "jes_relative", "jes_flavour"])
def test_the_response_moves_by_the_uncertainty(source: str, side: str, sign: int) -> None:
    jets = toy_jets(2000)
    shift = JetShift(quantity="energy", side=side, correction=source)
    shifted = moved(jets, Corrections(SHIPPED), shift, Select())
    direct = correctionlib.CorrectionSet.from_file(str(SHIPPED))[source]
    values = {"pt": number(jets, "pt"), "eta": number(jets, "eta")}
    size = direct.evaluate(*(values[variable.name] for variable in direct.inputs))
    expected = response(jets, jets) * (1 + sign * size)
    assert np.allclose(response(shifted, jets), expected, rtol=1e-6)
    for name in ("mass", "msoftdrop"):
        assert np.allclose(number(shifted, name), number(jets, name) * (1 + sign * size), rtol=1e-6)
    assert ak.all(shifted.tau21 == jets.tau21)
    assert ak.all(shifted.gen_pt == jets.gen_pt)


def test_momentum_is_conserved(file: Corrections) -> None:
    """What the jets gain is taken from the missing momentum, under every kind of shift."""
    jets = toy_jets(500)

    def total(rows: ak.Array) -> np.ndarray:
        pt, phi = number(rows, "pt"), number(rows, "phi")
        met, met_phi = number(rows, "met_pt")[::2], number(rows, "met_phi")[::2]
        x = (pt * np.cos(phi)).reshape(-1, 2).sum(axis=1) + met * np.cos(met_phi)
        y = (pt * np.sin(phi)).reshape(-1, 2).sum(axis=1) + met * np.sin(met_phi)
        return np.array([x, y])

    for shift in (None, resolution("up"), resolution("down"), ENERGY_UP):
        after = moved(jets, file, shift)
        assert np.abs(number(after, "met_pt") - number(jets, "met_pt")).max() > 1
        assert np.allclose(total(after), total(jets), atol=0.01)
        assert np.allclose(number(after, "ht")[::2], number(after, "pt").reshape(-1, 2).sum(axis=1))
        assert ak.all(after.met_pt[::2] == after.met_pt[1::2])


def test_the_scale_acts_on_smeared_jets(file: Corrections) -> None:
    jets = toy_jets(500, unmatched=0.3)
    smeared = moved(jets, file, None)
    pt = number(smeared, "pt")
    assert not np.allclose(pt, number(jets, "pt"), rtol=1e-3)
    expected = pt * (1 + 0.01 + 5 / pt)
    assert np.allclose(number(moved(jets, file, ENERGY_UP), "pt"), expected, rtol=1e-6)


def test_a_mass_shift_leaves_momenta_alone() -> None:
    jets = toy_jets(500)
    shift = JetShift(quantity="mass", side="down", correction="jms")
    after = moved(jets, Corrections(SHIPPED), shift, Select())
    size = np.where(np.abs(number(jets, "eta")) < 1.3, 0.01, 0.015)
    for name in ("mass", "msoftdrop"):
        assert np.allclose(number(after, name), number(jets, name) * (1 - size), rtol=1e-6)
    for name in ("pt", "met_pt", "ht"):
        assert ak.all(after[name] == jets[name])


# --- resolution ---------------------------------------------------------------------------------


@pytest.mark.parametrize("unmatched", [0.0, 1.0])
@pytest.mark.parametrize("value", ["nom", "up", "down"])
def test_the_resolution_widens_by_the_scale_factor(
    file: Corrections, value: str, unmatched: float
) -> None:
    """Within 4 standard errors of a width, sigma / sqrt(2 N), both ways of smearing."""
    jets = toy_jets(EVENTS, WIDTH, unmatched=unmatched)
    truth = toy_jets(EVENTS, WIDTH)
    after = moved(jets, file, None if value == "nom" else resolution(value))
    widths = [response(rows, truth).std() for rows in (jets, after)]
    expected = width_of(SCALES[value], matched=not unmatched)
    assert widths[1] / WIDTH == pytest.approx(expected, abs=4 * expected / np.sqrt(4 * EVENTS))
    assert response(after, truth).mean() == pytest.approx(
        1, abs=4 * widths[1] / np.sqrt(2 * EVENTS)
    )
    assert widths[0] == pytest.approx(WIDTH, rel=0.02)


def test_matched_jets_move_away_from_their_generator_jet(file: Corrections) -> None:
    jets = toy_jets(500)
    pt, truth = number(jets, "pt"), number(jets, "gen_pt")
    near = np.abs(pt - truth) < 3 * WIDTH * pt
    assert 0 < (~near).sum() < 20
    for value, shift in (("nom", None), ("up", resolution("up")), ("down", resolution("down"))):
        after = number(moved(jets, file, shift), "pt")
        expected = truth + SCALES[value] * (pt - truth)
        assert np.allclose(after[near], expected[near], rtol=1e-6)
        assert not np.isclose(after[~near], expected[~near], rtol=1e-4).any()


def test_nominal_up_and_down_share_their_random_numbers(file: Corrections) -> None:
    jets = toy_jets(2000, unmatched=1.0)
    pt = number(jets, "pt")
    change = {
        value: number(moved(jets, file, shift), "pt") / pt - 1
        for value, shift in (("nom", None), ("up", resolution("up")), ("down", resolution("down")))
    }
    ratio = np.sqrt((SCALES["up"] ** 2 - 1) / (SCALES["nom"] ** 2 - 1))
    assert np.allclose(change["up"], ratio * change["nom"], atol=1e-6)
    assert (change["down"] == 0).all()
    normal = change["nom"] / (WIDTH * np.sqrt(SCALES["nom"] ** 2 - 1))
    assert abs(normal.mean()) < 4 / np.sqrt(len(normal))
    # The jets of an event have numbers of their own.
    assert abs(np.corrcoef(normal[::2], normal[1::2])[0, 1]) < 4 / np.sqrt(2000)


def test_a_nominal_factor_of_one_changes_nothing(file: Corrections) -> None:
    """So the simulated analysis needs no nominal smearing, and its variations work both ways."""
    jets = toy_jets(500, unmatched=0.3)
    names = Smearing(resolution="sigma", scale_factor="one")
    smeared = moved(jets, file, None, Select(smearing=names))
    assert all(ak.all(smeared[name] == jets[name]) for name in ("pt", "mass", "ht"))
    for side in ("up", "down"):
        own = JetShift(quantity="resolution", side=side, smearing=names)
        alone = moved(jets, file, own, Select())
        both = moved(jets, file, resolution(side), Select(smearing=names))
        assert ak.all(alone.pt == both.pt)
        assert ak.sum(alone.pt != jets.pt) > 600


@pytest.mark.parametrize(("side", "scale"), [("up", 1.2), ("down", 0.8)])
def test_the_mass_resolution(file: Corrections, side: str, scale: float) -> None:
    """Ungroomed masses by the generator jet's, groomed ones by random numbers alone."""
    jets = toy_jets(EVENTS, mass=WIDTH)
    names = Smearing(resolution="sigma", scale_factor="one")
    after = moved(
        jets, file, JetShift(quantity="mass_resolution", side=side, smearing=names), Select()
    )
    assert all(ak.all(after[name] == jets[name]) for name in ("pt", "met_pt", "ht"))
    truth = number(jets, "gen_mass")
    width = (number(after, "mass") / truth).std()
    expected = width_of(scale)
    assert width / WIDTH == pytest.approx(expected, abs=4 * expected / np.sqrt(4 * EVENTS))
    groomed = (number(after, "msoftdrop") / (0.9 * truth)).std()
    expected = width_of(scale, matched=False)
    assert groomed / WIDTH == pytest.approx(expected, abs=4 * expected / np.sqrt(4 * EVENTS))


# --- the selection ------------------------------------------------------------------------------


def selected(
    folder: Path, pieces: list[ak.Array], shift: JetShift | None, file: Path, **cuts: object
) -> ak.Array:
    """The selected jets of a sample whose files are the pieces."""
    folder.mkdir()
    tables, metas = [], []
    for i, piece in enumerate(pieces):
        ids = ak.to_numpy(piece.event_id)[::2]
        counts = np.bincount(bucket(ids), minlength=100)
        piece = ak.with_field(piece, np.ones(len(piece), "f4"), "genWeight")
        tables.append(folder / f"{i}.parquet")
        metas.append(folder / f"{i}.json")
        write_parquet(tables[-1], piece)
        write_json(
            metas[-1],
            {
                "file": f"{i}.root", "events": len(ids), "sumw": float(len(ids)), "xsec": 1.0,
                "sumw_buckets": counts.tolist(), "sumw_weights": {}, "data": False, "notes": [],
                "sumw_weights_before": {}, "bad_weights": {},
                "cutflow": [{"name": "all", "events": len(ids), "sumw": float(len(ids))}],
                "features": {},
            },
        )  # fmt: skip
    config = Select.model_validate({"smearing": NAMES.model_dump(), **cuts})
    select(
        tables, metas, folder / "out.parquet", folder / "out.json", config,
        sample="top", shift=shift, corrections=file,
    )  # fmt: skip
    return read_parquet(folder / "out.parquet")


@pytest.mark.parametrize("shift", [None, resolution("up"), ENERGY_UP])
def test_files_and_their_order_do_not_matter(
    tmp_path: Path, file: Corrections, shift: JetShift | None
) -> None:
    jets = toy_jets(600, unmatched=0.4)
    whole = selected(tmp_path / "a", [jets], shift, file.path)
    pieces = [jets[800:], jets[:100], jets[100:800]]
    split = selected(tmp_path / "b", pieces, shift, file.path)
    assert len(whole) > 300

    def ordered(rows: ak.Array) -> ak.Array:
        return rows[np.lexsort((ak.to_numpy(rows.jet_index), ak.to_numpy(rows.event_id)))]

    one, other = ordered(whole), ordered(split)
    for name in one.fields:
        assert ak.array_equal(one[name], other[name], equal_nan=True), name


def test_cuts_and_order_follow_the_shifted_jets(tmp_path: Path) -> None:
    """The second jet is forward, where the scale is less sure: up it overtakes the first."""
    jets = toy_jets(400)
    pt = np.tile([1000.0, 995.0], 400)
    eta = np.tile([0.1, 2.2], 400)
    for name, values in (("pt", pt), ("eta", eta), ("ht", np.full(800, 1995.0))):
        jets = ak.with_field(jets, values.astype("f4"), name)
    data = {
        "nodetype": "binning", "input": "eta", "edges": [0.0, 1.3, 5.0],
        "content": [0.0, 0.02], "flow": "clamp",
    }  # fmt: skip
    path = write_corrections(tmp_path / "c.json", [correction("forward", ["eta"], data)])
    up = JetShift(quantity="energy", side="up", correction="forward")
    cuts = {"smearing": None, "event": {"ht_min": 2010.0}}
    assert len(selected(tmp_path / "nominal", [jets], None, path, **cuts)) == 0
    cuts["event"]["met_max"] = None
    rows = selected(tmp_path / "up", [jets], up, path, **cuts)
    assert len(rows) == 800 and ak.sum(rows.candidate) == 400
    assert ak.all(rows.jet_index[rows.candidate] == 1)
    assert np.allclose(number(rows, "ht"), 1000 + 995 * 1.02)


def test_collision_data_are_never_smeared(tmp_path: Path, file: Corrections) -> None:
    jets = toy_jets(50)
    selected(tmp_path / "a", [jets], None, file.path)
    meta = tmp_path / "a" / "0.json"
    write_json(meta, {**read_json(meta), "data": True, "xsec": None})
    config = Select.model_validate(
        {"smearing": NAMES.model_dump(), "event": {"ht_min": 0}, "fatjet": {"pt": [0, 9999]}}
    )
    out = tmp_path / "out.parquet"
    table = tmp_path / "a" / "0.parquet"
    select([table], [meta], out, tmp_path / "o.json", config, sample="d", corrections=file.path)
    before = {
        (event, i): pt for event, i, pt in zip(jets.event_id, jets.jet_index, jets.pt, strict=True)
    }
    rows = read_parquet(out)
    assert len(rows) > 50
    keys = zip(rows.event_id, rows.jet_index, strict=True)
    assert all(before[key] == pt for key, pt in zip(keys, rows.pt, strict=True))
