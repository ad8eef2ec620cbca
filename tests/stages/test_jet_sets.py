"""Top-tagging arrays and JetClass files: jets, classes, blocks of rows; bad files are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from boostflow.errors import BoostflowError
from boostflow.ingest import layouts
from boostflow.io import read_json, read_parquet
from boostflow.publicsets import JETCLASS, JETCLASS2, JETCLASS2_PARTS
from support.hdf5files import sprays
from support.jetfiles import write_jetclass, write_toptag
from support.stages import ingest

JETS = 20
TOP = [int(i % 3 == 0) for i in range(JETS)]
CLASS = [0, 20, 161, 187] * 5
WRITE = {"toptag": write_toptag, "jetclass": write_jetclass}
LABELS = {"toptag": TOP, "jetclass": CLASS}
NAMES = {"toptag": "a_p4.npy", "jetclass": "a.parquet"}


def write(folder: Path, source: str, **change: Any) -> Path:
    """A file of a source with `JETS` jets."""
    return WRITE[source](folder / NAMES[source], sprays(JETS), LABELS[source], **change)


def run(
    file: Path, source: str, label: str | None = None, **options: Any
) -> tuple[ak.Array, dict[str, Any]]:
    out, meta = file.with_suffix(".out"), file.with_suffix(".json")
    ingest(file, out, meta, source=source, label=label, **options)
    return read_parquet(out), read_json(meta)


@pytest.mark.parametrize("source", WRITE)
def test_constituents_add_up_to_the_jet(tmp_path: Path, source: str) -> None:
    momenta = sprays(JETS)
    rows, meta = run(write(tmp_path, source), source, number=2)
    assert len(rows) == meta["events"] == JETS
    px, py, pz, e = momenta.sum(axis=1).T
    pt = np.hypot(px, py)
    assert np.allclose(rows.pt, pt)
    assert np.allclose(rows.eta, np.arcsinh(pz / pt))
    assert np.allclose(np.cos(rows.phi - np.arctan2(py, px)), 1)
    assert np.allclose(rows.mass, np.sqrt(e**2 - pt**2 - pz**2), rtol=1e-4)
    assert ak.num(rows.pf_pt).to_list() == (momenta[..., 3] > 0).sum(axis=1).tolist()
    assert np.allclose(ak.sum(rows.pf_pt * np.sin(rows.pf_phi), axis=1), py, atol=0.01)
    assert rows.event.to_list() == list(range(JETS))
    assert set(rows.luminosityBlock) == {3}
    assert np.allclose(rows.ht, rows.pt)
    assert "every jet is an event of its own" in meta["notes"][0]
    assert meta["features"]["constituents"] and not meta["features"]["genWeight"]


@pytest.mark.parametrize("source", WRITE)
def test_blocks_and_pieces_do_not_matter(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = {"group": 7} if source == "jetclass" else {}
    whole, meta = run(write(tmp_path, source), source)
    file = write(tmp_path, source, **change)
    monkeypatch.setattr(layouts, "BLOCK", 20_000)
    blocks, again = run(file, source)
    assert ak.almost_equal(whole, blocks, rtol=0, atol=0)
    assert meta == again
    parts = [run(file, source, piece=(k, 3))[0] for k in range(3)]
    assert ak.almost_equal(ak.concatenate(parts), whole, rtol=0, atol=0)


def test_toptag_classes(tmp_path: Path) -> None:
    file = write(tmp_path, "toptag")
    rows, _ = run(file, "toptag")
    assert rows.label.to_list() == [("qcd", "top")[i] for i in TOP]
    tops, meta = run(file, "toptag", "boosted", select="top")
    assert tops.event.to_list() == np.flatnonzero(TOP).tolist()
    assert set(tops.label.to_list()) == {"boosted"}
    assert meta["events"] == sum(TOP)


def test_toptag_mask_decides(tmp_path: Path) -> None:
    """Slots that the mask leaves out do not count, whatever they hold."""
    momenta = sprays(JETS)
    mask = np.zeros((JETS, 1, momenta.shape[1]))
    mask[..., :6] = 1
    rows, _ = run(write(tmp_path, "toptag", mask=mask), "toptag")
    assert set(rows.multiplicity) == {6}


def test_jetclass_has_the_numbers_of_the_set() -> None:
    """Some of the numbers that the set's authors list (arXiv:2405.12972, JetClassII_full)."""
    assert len(JETCLASS2) == len(set(JETCLASS2)) == 188
    assert [len(part) for part in JETCLASS2_PARTS.values()] == [15, 146, 27]
    known = {0: "x_bb", 9: "x_gg", 14: "x_tauhtauh", 15: "x_yy_bbbb", 63: "x_yy_qqqq"}
    known |= {77: "x_yy_gggg", 115: "x_yy_qqqb", 130: "x_yy_csq", 131: "x_yy_bcev"}
    known |= {160: "x_yy_qqtauhv", 161: "qcd_bbccss", 169: "qcd_bb", 181: "qcd_cc"}
    known |= {187: "qcd_light"}
    assert {number: JETCLASS2[number] for number in known} == known


@pytest.mark.parametrize(
    ("select", "events"),
    [
        ("res2p", [0, 4, 8, 12, 16]),
        ("res34p", [1, 5, 9, 13, 17]),
        ("qcd", [2, 3, 6, 7, 10, 11, 14, 15, 18, 19]),
        ("qcd_light", [3, 7, 11, 15, 19]),
        ("x_cc", []),
    ],
)
def test_jetclass_select(tmp_path: Path, select: str, events: list[int]) -> None:
    rows, meta = run(write(tmp_path, "jetclass"), "jetclass", select=select)
    assert rows.event.to_list() == events if events else len(rows) == 0
    assert meta["events"] == len(events)


def test_jetclass_particles_and_columns(tmp_path: Path) -> None:
    rows, meta = run(write(tmp_path, "jetclass"), "jetclass")
    assert rows.label.to_list()[:4] == ["x_bb", "x_yy_bbee", "qcd_bbccss", "qcd_light"]
    # By falling pT, as the file has them.
    assert rows.pf_pdgId.to_list()[0][:5] == [11, -13, 22, 211, 130]
    assert rows.pf_charge.to_list()[0][:5] == [-1, 1, 0, 1, 0]
    assert "charge" in rows.fields and len(meta["notes"]) == 1
    # The file's own soft-drop mass.
    assert rows.msoftdrop.to_list() == [50.0 + i for i in range(JETS)]


def test_jetclass_without_kinds_and_soft_drop(tmp_path: Path) -> None:
    file = write(tmp_path, "jetclass", part_isMuon=None, jet_sdmass=None)
    rows, meta = run(file, "jetclass")
    assert not {"charge", "pf_charge"} & set(rows.fields)
    assert "lacks part_isMuon: the observable charge is off" in meta["notes"][1]
    assert (rows.msoftdrop < rows.mass + 1e-3).to_list() == [True] * JETS


def test_the_first_jetclass_has_columns_of_classes(tmp_path: Path) -> None:
    flags = {
        name: pa.array([float(i % len(JETCLASS) == k) for i in range(JETS)])
        for k, name in enumerate(JETCLASS)
    }
    file = write(tmp_path, "jetclass", jet_label=None, **flags)
    rows, _ = run(file, "jetclass")
    assert rows.label.to_list() == [*JETCLASS.values()] * 2
    chosen, _ = run(file, "jetclass", select="tbqq")
    assert chosen.event.to_list() == [8, 18]
    with pytest.raises(BoostflowError, match="holds JetClass, which has no res2p"):
        run(file, "jetclass", select="res2p")


# --- what cannot be read --------------------------------------------------------------------------

WIDE = sprays(JETS).transpose(0, 2, 1)


def spoilt(array: np.ndarray, value: float) -> np.ndarray:
    """A copy with one wrong number in row 5."""
    array = array.astype(np.float64)
    array[5, ..., 0] = value
    return array


def emptied(array: np.ndarray) -> np.ndarray:
    """A copy with a block of zeros, as a hole in a file is read."""
    array = array.copy()
    array[5:8] = 0
    return array


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mask": None}, "a_mask.npy: no such file"),
        ({"p4": WIDE[:, :3]}, f"a_p4.npy: has shape ({JETS}, 3, 100), must have (jets, 4, slots)"),
        ({"p4": WIDE[0]}, "a_p4.npy: has shape (4, 100), must have (jets, 4, slots)"),
        (
            {"mask": np.ones((JETS, 100))},
            f"a_mask.npy: has shape ({JETS}, 100), must have ({JETS}, 1, 100) as ",
        ),
        ({"labels": np.ones(3)}, f"a_labels.npy: has shape (3,), must have ({JETS},) as "),
        ({"labels": np.full(JETS, 2)}, "a_labels.npy: 2 in row 0, must be 0 or 1"),
        ({"mask": spoilt(np.ones((JETS, 1, 100)), 0.5)}, "a_mask.npy: 0.5 in row 5, must be 0 or"),
        ({"mask": np.full((JETS, 1, 100), np.nan)}, "a_mask.npy: nan in row 0, must be 0 or 1"),
        ({"p4": spoilt(WIDE, np.nan)}, "a_p4.npy: NaN or infinite values in the four-momenta (fir"),
        (
            {"labels": np.array(["top"] * JETS)},
            "a_labels.npy: not a NumPy array of numbers: it holds <U3",
        ),
        (
            {"labels": np.array([object()] * JETS)},
            "a_labels.npy: not a NumPy array of numbers (Array can't be memory-mapped: Python obj",
        ),
        (
            {"p4": np.where([[[0], [0], [0], [1]]], -WIDE, WIDE)},
            "a_p4.npy: negative energy in row 0",
        ),
        ({"p4": emptied(WIDE)}, "a_p4.npy: no energy in row 5 where "),
        ({"p4": WIDE.astype(complex)}, "a_p4.npy: not a NumPy array of numbers: it holds complex1"),
    ],
)
def test_wrong_arrays_are_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    if "mask" not in change:
        change = {"mask": (WIDE[:, 3:] > 0).astype("f4"), **change}
    file = write(tmp_path, "toptag", **change)
    with pytest.raises(BoostflowError) as caught:
        run(file, "toptag")
    assert str(caught.value).startswith(f"{tmp_path}/{message}")
    assert not file.with_suffix(".out").exists()


@pytest.mark.parametrize("content", [b"", b"px py", b"PK\3\4", b"\x93NUMPY\1\0\4\0oops"])
def test_a_file_that_is_no_array_is_named(tmp_path: Path, content: bytes) -> None:
    file = write(tmp_path, "toptag")
    file.write_bytes(content)
    with pytest.raises(BoostflowError, match=r"a_p4\.npy: not a NumPy array of numbers"):
        run(file, "toptag")


def test_an_array_that_ends_early_is_named(tmp_path: Path) -> None:
    file = write(tmp_path, "toptag")
    file.write_bytes(file.read_bytes()[:-4000])
    with pytest.raises(BoostflowError, match=r"a_p4\.npy: not a NumPy array of numbers \(mmap"):
        run(file, "toptag")


def lists(values: Any, kind: pa.DataType | None = None) -> pa.Array:
    return pa.array([values] * JETS, pa.list_(kind or pa.float32()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"part_px": None}, "no column part_px; the file has part_py, part_pz"),
        ({"jet_label": None}, "no column jet_label (JetClass-II) or label_QCD, label_Hbb"),
        (
            {"part_energy": pa.array(np.ones(JETS))},
            "column part_energy holds double, must hold lists of numbers",
        ),
        ({"jet_label": lists([1.0])}, "column jet_label holds list<"),
        (
            {"jet_label": pa.array(["top"] * JETS)},
            "column jet_label holds string, must hold numbers",
        ),
        ({"jet_label": pa.array([188] * JETS)}, "jet_label is 188 in row 0, must be 0 to 187"),
        ({"jet_label": pa.array([None, *[1] * (JETS - 1)])}, "column jet_label lacks values (null"),
        ({"part_px": lists([1.0, None])}, "column part_px lacks values (null)"),
        (
            {
                **{f"part_{name}": lists([1.0]) for name in ("px", "py", "pz")},
                **{"part_energy": lists([-2.0]), "part_charge": None},
            },
            "negative energy in row 0",
        ),
        ({"part_py": lists([1.0])}, "part_py has another length than part_px in row 0"),
        ({"jet_sdmass": pa.array([np.nan] * JETS)}, "NaN or infinite values in jet_sdmass (first"),
    ],
)
def test_wrong_columns_are_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    file = write(tmp_path, "jetclass", **change)
    with pytest.raises(BoostflowError) as caught:
        run(file, "jetclass")
    assert str(caught.value).startswith(f"{file}: {message}")


def test_the_row_of_a_nan_is_named(tmp_path: Path) -> None:
    file = write(tmp_path, "jetclass", group=7)
    table = pq.read_table(file)
    values = [list(x) for x in table["part_pz"].to_pylist()]
    values[9][3] = float("inf")
    at = table.schema.get_field_index("part_pz")
    broken = table.set_column(at, "part_pz", pa.array(values, pa.list_(pa.float32())))
    pq.write_table(broken, file, row_group_size=7)
    with pytest.raises(BoostflowError, match=r"infinite values in part_pz \(first in row 9\)"):
        run(file, "jetclass")


@pytest.mark.parametrize("spoil", ["missing", "folder", "text", "short", "bytes"])
def test_a_broken_parquet_file_is_named(tmp_path: Path, spoil: str) -> None:
    file = write(tmp_path, "jetclass")
    whole = file.read_bytes()
    file.unlink()
    match spoil:
        case "folder":
            file.mkdir()
        case "text":
            file.write_text("part_px part_py")
        case "short":
            file.write_bytes(whole[: len(whole) // 2])
        case "bytes":
            file.write_bytes(whole[:200] + b"\xff" * 2000 + whole[2200:])
    with pytest.raises(BoostflowError) as caught:
        run(file, "jetclass")
    assert str(caught.value).startswith(f"{file}: ")
