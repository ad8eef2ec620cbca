"""HDF5 sets: LHC Olympics events are clustered, HLS4ML jets found by names, bad files named."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import awkward as ak
import h5py
import numpy as np
import pytest

from boostflow.errors import BoostflowError
from boostflow.ingest import layouts
from boostflow.io import read_json, read_parquet
from support.hdf5files import JET_NAMES, PARTICLE_NAMES, dijets, sprays, write_hls4ml, write_lhco
from support.stages import boostflow, ingest

EVENTS = 24
SIGNAL = np.arange(EVENTS) % 3 == 0
FLAVOURS = [*"gqwzt"] * 3


def run(
    file: Path, source: str, label: str | None = None, **options: Any
) -> tuple[ak.Array, dict[str, Any]]:
    out, meta = file.with_suffix(".parquet"), file.with_suffix(".json")
    ingest(file, out, meta, source=source, label=label, **options)
    return read_parquet(out), read_json(meta)


# --- LHC Olympics ---------------------------------------------------------------------------------


def test_lhco_jets_are_those_of_fastjet(tmp_path: Path) -> None:
    """The same jets as FastJet's own interface finds, particle by particle."""
    import fastjet

    events = dijets(EVENTS)
    rows, meta = run(write_lhco(tmp_path / "a.h5", events, SIGNAL), "lhco", radius=1.0)
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, 1.0)
    for number, event in enumerate(events):
        pt, eta, phi = event[event[:, 0] > 0].T
        columns = (pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), pt * np.cosh(eta))
        particles = [fastjet.PseudoJet(*map(float, p)) for p in zip(*columns, strict=True)]
        sequence = fastjet.ClusterSequence(particles, definition)
        jets = [j for j in fastjet.sorted_by_pt(sequence.inclusive_jets(200)) if abs(j.eta()) < 2.5]
        mine = rows[rows.event == number]
        assert np.allclose(mine.pt, [j.pt() for j in jets], rtol=1e-5)
        assert np.allclose(mine.eta, [j.eta() for j in jets], atol=1e-5)
        assert np.allclose(np.cos(mine.phi - [j.phi() for j in jets]), 1)
        assert np.allclose(mine.mass, [j.m() for j in jets], rtol=1e-4)
        assert ak.num(mine.pf_pt).to_list() == [len(j.constituents()) for j in jets]
        px, py = pt @ np.cos(phi), pt @ np.sin(phi)
        assert np.allclose(mine.met_pt, np.hypot(px, py), rtol=1e-5)
        assert np.allclose(np.cos(mine.met_phi - np.arctan2(-py, -px)), 1)
    assert meta["cutflow"][0] == {"name": "all", "events": EVENTS, "sumw": EVENTS}


def test_lhco_rows_have_what_select_and_the_models_read(tmp_path: Path) -> None:
    rows, meta = run(
        write_lhco(tmp_path / "a.h5", dijets(4), SIGNAL[:4]), "lhco", number=2, xsec=3.0
    )
    assert set(rows.run) == {1}
    assert set(rows.luminosityBlock) == {3}
    assert set(rows.genWeight) == {1}
    assert {"event_id", "jet_index", "ht", "tau21", "c2", "msoftdrop", "pf_mass"} <= set(
        rows.fields
    )
    assert not {"charge", "pf_charge", "pf_pdgId"} & set(rows.fields)
    assert np.all(np.isfinite(rows.d2))
    assert (meta["xsec"], meta["sumw"], sum(meta["sumw_buckets"])) == (3.0, 4.0, 4.0)
    assert meta["features"]["constituents"] and not meta["features"]["genWeight"]
    assert "observable charge is off" in meta["notes"][0]


def test_lhco_select_takes_one_class(tmp_path: Path) -> None:
    file = write_lhco(tmp_path / "a.h5", dijets(EVENTS), SIGNAL)
    signal, meta = run(file, "lhco", "zprime", select="signal")
    background, other = run(file, "lhco", select="background")
    everything, _ = run(file, "lhco")
    assert set(signal.label.to_list()) == {"zprime"}
    assert set(background.label.to_list()) == {"background"}
    assert set(signal.event.to_list()) == set(np.flatnonzero(SIGNAL))
    assert (meta["events"], other["events"]) == (SIGNAL.sum(), (~SIGNAL).sum())
    assert len(signal) + len(background) == len(everything)
    assert everything[SIGNAL[ak.to_numpy(everything.event)]].label.to_list() == ["signal"] * len(
        signal
    )
    assert ak.almost_equal(everything[SIGNAL[ak.to_numpy(everything.event)]].mass, signal.mass)


def test_blosc_is_read_as_in_the_published_files(tmp_path: Path) -> None:
    """In a process of its own: the filters must come from boostflow, not from this test."""
    import hdf5plugin

    events = dijets(4)
    plain = write_lhco(tmp_path / "plain.h5", events)
    packed = write_lhco(tmp_path / "packed.h5", events, compression=hdf5plugin.Blosc())
    for file in (plain, packed):
        written = {"table": file.with_suffix(".parquet"), "meta": file.with_suffix(".json")}
        command = boostflow("ingest", {"source": "lhco"}, file=file, **written)
        subprocess.run(command, check=True, timeout=120)
    rows = [read_parquet(file.with_suffix(".parquet")) for file in (plain, packed)]
    assert len(rows[0]) and ak.almost_equal(*rows)


def test_blocks_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = dijets(EVENTS)
    events[5] = 0  # an event without any particle counts, too
    file = write_lhco(tmp_path / "a.h5", events, SIGNAL)
    whole, meta = run(file, "lhco", select="background")
    monkeypatch.setattr(layouts, "BLOCK", 7 * 8 * 2101)
    pieces, again = run(file, "lhco", select="background")
    assert ak.almost_equal(whole, pieces, rtol=0, atol=0)
    assert meta == again
    assert meta["cutflow"][1]["events"] == meta["events"] - 1


def test_pieces_of_a_file_keep_the_numbers_of_events(tmp_path: Path) -> None:
    file = write_lhco(tmp_path / "a.h5", dijets(EVENTS), SIGNAL)
    whole, meta = run(file, "lhco", number=1)
    parts = [run(file, "lhco", number=1, piece=(k, 3)) for k in range(3)]
    assert ak.almost_equal(ak.concatenate([rows for rows, _ in parts]), whole, rtol=0, atol=0)
    assert sum(part["events"] for _, part in parts) == meta["events"]


def test_a_black_box_has_no_label(tmp_path: Path) -> None:
    file = write_lhco(tmp_path / "a.h5", dijets(3))
    rows, _ = run(file, "lhco")
    assert "label" not in rows.fields
    with pytest.raises(BoostflowError, match=r"`select: signal` needs the label in column 2101"):
        run(file, "lhco", select="signal")


def test_the_lhco_table_may_have_any_name(tmp_path: Path) -> None:
    events = dijets(3)
    first, _ = run(write_lhco(tmp_path / "a.h5", events, key="events"), "lhco")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["dataset"] = events.reshape(3, -1)
    second, _ = run(tmp_path / "b.h5", "lhco")
    assert ak.almost_equal(first, second, rtol=0, atol=0)


def test_no_event_of_the_class_is_an_empty_table(tmp_path: Path) -> None:
    file = write_lhco(tmp_path / "a.h5", dijets(3), np.zeros(3))
    rows, meta = run(file, "lhco", "signal", select="signal")
    assert len(rows) == meta["events"] == 0
    assert "the file has no events of class signal" in meta["notes"]


# --- HLS4ML ---------------------------------------------------------------------------------------


def test_hls4ml_constituents_add_up_to_the_jet(tmp_path: Path) -> None:
    momenta = sprays(len(FLAVOURS))
    rows, meta = run(write_hls4ml(tmp_path / "a.h5", momenta, FLAVOURS), "hls4ml")
    assert len(rows) == meta["events"] == len(FLAVOURS)
    px, py, _, _ = momenta.sum(axis=1).T
    assert np.allclose(rows.pt, np.hypot(px, py))
    assert np.allclose(rows.phi, np.arctan2(py, px))
    assert ak.num(rows.pf_pt).to_list() == (momenta[..., 3] > 0).sum(axis=1).tolist()
    pf_px = rows.pf_pt * np.cos(rows.pf_phi)
    pz = rows.pf_pt * np.sinh(rows.pf_eta)
    e = np.sqrt(rows.pf_pt**2 + pz**2 + rows.pf_mass**2)
    assert np.allclose(ak.sum(pf_px, axis=1), px, atol=0.01)
    assert np.allclose(ak.sum(e, axis=1), momenta[..., 3].sum(axis=1), rtol=1e-5)
    assert np.allclose(rows.ht, rows.pt)


def test_hls4ml_masses_are_not_rounding_errors(tmp_path: Path) -> None:
    rows, _ = run(write_hls4ml(tmp_path / "a.h5", sprays(15), FLAVOURS), "hls4ml")
    mass = ak.to_numpy(ak.flatten(rows.pf_mass))
    nearest = np.min(np.abs(mass[:, None] - [0, 0.13957, 0.4976]), axis=1)
    assert (nearest < 0.05).all()
    assert (mass > 0.1).mean() > 0.2


@pytest.mark.parametrize("names", [16, 17])
def test_hls4ml_columns_are_found_by_name(tmp_path: Path, names: int) -> None:
    momenta = sprays(5)
    plain, _ = run(write_hls4ml(tmp_path / "a.h5", momenta, FLAVOURS[:5]), "hls4ml")
    with h5py.File(tmp_path / "a.h5") as file:
        jets, particles = file["jets"][()], file["jetConstituentList"][()]
    rng = np.random.default_rng(3)
    jet_order, order = rng.permutation(len(JET_NAMES)), rng.permutation(16)
    file = write_hls4ml(
        tmp_path / "b.h5",
        momenta,
        FLAVOURS[:5],
        jets=jets[:, jet_order],
        jetFeatureNames=np.array(JET_NAMES, dtype="S")[jet_order],
        jetConstituentList=particles[..., order],
        particleFeatureNames=np.array(PARTICLE_NAMES, dtype="S")[[*order, 16]][:names],
    )
    shuffled, _ = run(file, "hls4ml")
    assert ak.almost_equal(plain, shuffled, rtol=0, atol=0)


def test_hls4ml_select_takes_one_class(tmp_path: Path) -> None:
    file = write_hls4ml(tmp_path / "a.h5", sprays(16), [*FLAVOURS, "undef"])
    rows, _ = run(file, "hls4ml")
    names = {"g": "gluon", "q": "quark", "w": "w", "z": "z", "t": "top"}
    assert rows.label.to_list() == [*(names[f] for f in FLAVOURS), "unmatched"]
    tops, meta = run(file, "hls4ml", "boosted", select="t")
    assert tops.event.to_list() == [4, 9, 14]
    assert set(tops.label.to_list()) == {"boosted"}
    assert meta["events"] == 3


# --- what cannot be read --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "no such file"),
        ("folder", "not a readable HDF5 file"),
        ("text", "not a readable HDF5 file"),
        ("truncated", "is shorter than its header says"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, kind: str, message: str) -> None:
    file = tmp_path / "a.h5"
    if kind == "folder":
        file.mkdir()
    elif kind == "text":
        file.write_text("pT eta phi")
    elif kind == "truncated":
        whole = write_lhco(file, dijets(3)).read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BoostflowError) as caught:
        run(file, "lhco")
    assert str(caught.value).startswith(f"{file}: {message}")
    assert not file.with_suffix(".parquet").exists()


def test_flipped_bytes_are_named(tmp_path: Path) -> None:
    file = write_lhco(tmp_path / "a.h5", dijets(EVENTS))
    with h5py.File(file) as root:
        chunk = root["df/block0_values"].id.get_chunk_info(0)
    content = bytearray(file.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + 40] = bytes(40)
    file.write_bytes(bytes(content))
    with pytest.raises(BoostflowError, match=r"a\.h5: /df/block0_values cannot be read to its end"):
        run(file, "lhco")


def spoilt(column: int, value: float) -> np.ndarray:
    """Events with one wrong number in row 2."""
    events = dijets(3)
    events[2, 1, column] = value
    return events


@pytest.mark.parametrize(
    ("particles", "label", "message"),
    [
        (
            dijets(3)[:, :699],
            None,
            "no table of 700 x (pT, eta, phi), 2100 columns, 2101 with the label; the file has "
            "df/axis0 (2097,), df/axis1 (3,), df/block0_items (2097,), df/block0_values (3, 2097)",
        ),
        (dijets(3), [0, 1, 2], "the label in column 2101 of /df/block0_values is 2 in row 2"),
        (spoilt(1, np.nan), None, "NaN or infinite values in /df/block0_values (first in row 2)"),
        (spoilt(0, np.inf), None, "NaN or infinite values in /df/block0_values (first in row 2)"),
        (spoilt(0, -1), None, "negative pT in row 2 of /df/block0_values"),
    ],
)
def test_a_wrong_lhco_table_is_named(
    tmp_path: Path, particles: np.ndarray, label: list[int] | None, message: str
) -> None:
    file = write_lhco(tmp_path / "a.h5", particles, None if label is None else np.array(label))
    with pytest.raises(BoostflowError) as caught:
        run(file, "lhco")
    assert str(caught.value).startswith(f"{file}: {message}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"jets": None}, "no dataset jets of numbers in 2 dimensions; the file has"),
        (
            {"jetConstituentList": np.zeros((5, 16))},
            "no dataset jetConstituentList of numbers in 3",
        ),
        ({"particleFeatureNames": None}, "no dataset particleFeatureNames; the file has"),
        ({"jets": np.zeros((4, 59))}, "4 rows in jets, but 5 in jetConstituentList"),
        (
            {"particleFeatureNames": np.array(["a", *PARTICLE_NAMES[1:]], dtype="S")},
            "no feature j1_px in particleFeatureNames; it has a, j1_py",
        ),
        (
            {"jetFeatureNames": np.array(JET_NAMES[:-1], dtype="S")},
            "58 names in jetFeatureNames for the 59 columns of /jets",
        ),
        ({"jets": np.ones((5, 59))}, "row 0 of jets has more than one class among j_g, j_q"),
        (
            {"jetConstituentList": np.full((5, 30, 16), np.nan)},
            "NaN or infinite values in /jetConstituentList (first in row 0)",
        ),
    ],
)
def test_a_wrong_hls4ml_file_is_named(
    tmp_path: Path, change: dict[str, np.ndarray | None], message: str
) -> None:
    file = write_hls4ml(tmp_path / "a.h5", sprays(5), FLAVOURS[:5], **change)
    with pytest.raises(BoostflowError) as caught:
        run(file, "hls4ml")
    assert str(caught.value).startswith(f"{file}: {message}")


def test_an_unknown_compression_is_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((1, 2100))
        # An identifier that the HDF5 group keeps for tests: no plugin can have it.
        properties.set_filter(511, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((2, 2100))
        h5py.h5d.create(file.id, b"table", h5py.h5t.NATIVE_DOUBLE, space, properties)
    with pytest.raises(
        BoostflowError, match=r"/table is compressed with filter 511.*another compression"
    ):
        run(tmp_path / "a.h5", "lhco")
