"""Files of showers: written, read as tables, and what is wrong with them named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from boostflow.calorimeter import cascade, make
from boostflow.calorimeter.columns import SHAPES as NAMES
from boostflow.calorimeter.columns import all_columns
from boostflow.calorimeter.files import ShowerFile
from boostflow.calorimeter.files import write as write_showers
from boostflow.calorimeter.shapes import shapes
from boostflow.config.samples import CaloganSample
from boostflow.errors import BadFile, BoostflowError
from boostflow.io import read_flat
from support.showerfiles import SHAPES, arrays, write
from support.stages import ingest


def test_what_is_written_is_the_published_layout_and_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "showers.hdf5"
    assert make.run(path, "e+", 7, (1.0, 2.0), 3) == f"{path}: 7 showers of e+"
    seen = cascade.simulate("e+", cascade.energies(7, 1.0, 2.0, 3), 3)[0]
    with h5py.File(path) as file:
        assert {name: file[name].shape[1:] for name in file} == {"energy": (1,), **SHAPES}
        np.testing.assert_allclose(file["energy"][:, 0], seen.energy, rtol=1e-6)
        # 3 in phi times 96 in eta: 160 x 5 mm.
        np.testing.assert_array_equal(file["layer_0"][:].reshape(7, -1), seen.cells[:, :288])
    with ShowerFile(path) as file:
        ((first, found),) = file.blocks()
    assert first == 0
    np.testing.assert_array_equal(found.cells, seen.cells)
    np.testing.assert_array_equal(found.overflow, seen.overflow)


def test_blocks_are_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.hdf5")
    monkeypatch.setattr("boostflow.calorimeter.files.ROWS", 6)
    with ShowerFile(path) as file:
        blocks = list(file.blocks(3, 17))
        write_showers(tmp_path / "b.hdf5", (part for _, part in blocks))
    assert [(first, len(part.energy)) for first, part in blocks] == [(3, 6), (9, 6), (15, 2)]
    with ShowerFile(tmp_path / "b.hdf5") as file:
        parts = [part for _, part in file.blocks()]
    again = np.concatenate([part.cells for part in parts])
    np.testing.assert_array_equal(
        again[:, 288:432], arrays()["layer_1"][3:17].reshape(14, -1).astype("f4")
    )


def test_shapes_are_those_of_a_shower_made_by_hand() -> None:
    cells = np.zeros((2, 504))
    # 300 and 100 MeV in neighbours in eta of the front (5 mm apart), 600 MeV in the middle layer.
    cells[0, [96 + 47, 96 + 48]] = 300.0, 100.0
    cells[0, 288 + 5 * 12 + 5] = 600.0
    cells[1, 503] = 50.0
    found = shapes(np.array([2.0, 1.0]), cells)
    assert tuple(found) == NAMES
    assert found["total"] == pytest.approx([1.0, 0.05])
    assert found["response"] == pytest.approx([0.5, 0.05])
    assert found["fraction_0"] == pytest.approx([0.4, 0.0])
    assert found["layer_1"] == pytest.approx([0.6, 0.0])
    assert found["sparsity_0"] == pytest.approx([2 / 288, 0.0])
    assert found["ratio_0"] == pytest.approx([0.5, 0.0])
    assert found["ratio_1"] == pytest.approx([1.0, 0.0])
    assert found["eta_width_0"] == pytest.approx([5 * np.sqrt(0.75 * 0.25), 0.0])
    assert found["phi_width_0"] == pytest.approx([0.0, 0.0])
    assert found["depth"] == pytest.approx([0.4 * 45 + 0.6 * 263.5, 458.5])
    assert found["depth_width"] == pytest.approx([np.sqrt(0.24) * 218.5, 0.0])


def test_showers_are_rows_of_a_table(tmp_path: Path) -> None:
    path = write(tmp_path / "showers.hdf5", {"overflow": None})
    sample = CaloganSample(source="calogan", files=[str(path)], label="e")
    out = tmp_path / "out.parquet"
    ingest(path, out, tmp_path / "out.json", source="calogan", label="e", tabular=sample.content())
    rows = read_flat(out)
    assert set(all_columns()) <= set(rows)
    np.testing.assert_allclose(rows["energy"], arrays()["energy"][:, 0])
    cells = np.stack([rows[f"cell_{number}"] for number in range(504)], axis=1)
    np.testing.assert_allclose(cells[:, 432:], arrays()["layer_2"].reshape(20, -1), rtol=1e-6)
    np.testing.assert_allclose(
        rows["fraction_1"], cells[:, 288:432].sum(axis=1) / cells.sum(axis=1), rtol=1e-6
    )


def changed(name: str, where: Any, value: float) -> dict[str, np.ndarray]:
    """A dataset with one value, or all of a shower, changed."""
    values = arrays()[name]
    values[where] = value
    return {name: values}


def without(number: int) -> dict[str, np.ndarray]:
    """All cells with one shower empty."""
    found = {name: arrays()[name] for name in SHAPES}
    for values in found.values():
        values[number] = 0.0
    return found


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "shape": (
        {"layer_1": np.ones((20, 10, 10))},
        r"layer_1 is of shape \(20, 10, 10\); this calorimeter has \(showers, 12, 12\)",
    ),
    "missing": ({"layer_2": None}, "no dataset layer_2; the layout of CaloGAN has energy, layer_0"),
    "numbers": ({"layer_0": np.ones((19, 3, 96))}, "numbers of showers: energy 20, layer_0 19"),
    "negative": (changed("layer_1", (7, 3, 3), -0.1), "shower 7 has a negative cell in layer_1"),
    "empty": (without(4), "shower 4 is empty: no cell has energy"),
    "energy": (changed("energy", 5, 0.0), "shower 5 has an energy of 0 or less"),
    "overflow": (changed("overflow", (3, 1), -2.0), "shower 3 has a negative overflow"),
    "MeV": (
        {"energy": 1000 * arrays()["energy"]},
        "times the energy of the particles: cells are to be in MeV, energies in GeV",
    ),
    "keV": ({name: 1e4 * arrays()[name] for name in SHAPES}, "cells are to be in MeV"),
    "beyond": ({"layer_1": 1e38 * arrays()["layer_1"]}, "cells are to be in MeV"),
    "complex": (
        {"layer_0": arrays()["layer_0"] + 1j},
        "layer_0 holds no real numbers, but complex128",
    ),
    "words": ({"energy": np.array([b"x"] * 20)}, "energy holds no real numbers"),
    "nan": (changed("layer_2", (9, 0, 0), np.nan), "shower 9 has NaN or infinite values in layer_"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_showers_are_named(case: str, tmp_path: Path) -> None:
    datasets, said = BAD[case]
    path = write(tmp_path / "showers.hdf5", datasets)
    with pytest.raises(BadFile, match=said) as error, ShowerFile(path) as file:
        list(file.blocks())
    assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)


def test_other_files_are_no_showers(tmp_path: Path) -> None:
    path = tmp_path / "showers.hdf5"
    with pytest.raises(BadFile, match="no such file"):
        ShowerFile(path).__enter__()
    path.write_text("shower,energy\n")
    with pytest.raises(BadFile, match="not a readable HDF5 file"):
        ShowerFile(path).__enter__()
    with pytest.raises(BadFile, match="not a readable HDF5 file") as error:
        ShowerFile(tmp_path).__enter__()
    assert "\n" not in str(error.value)  # HDF5 itself says some lines of a folder


def test_a_column_that_showers_lack_is_told() -> None:
    with pytest.raises(ValueError, match="no column 'fraction_3'; did you mean 'fraction_"):
        CaloganSample(source="calogan", files=["a.hdf5"], columns=["fraction_3"])


@pytest.mark.parametrize(
    ("path", "number", "limits", "said"),
    [
        ("a.root", 5, (1.0, 2.0), "end the name with .hdf5"),
        ("a.hdf5", 0, (1.0, 2.0), "0 showers: at least 1"),
        ("a.hdf5", 5, (1.0, 200.0), "the cascade is for 1 to 100 GeV"),
        ("a.hdf5", 5, (3.0, 2.0), "energies of 3 to 2 GeV"),
    ],
)
def test_what_cannot_be_made_is_told(
    path: str, number: int, limits: tuple[float, float], said: str, tmp_path: Path
) -> None:
    with pytest.raises(BoostflowError, match=said):
        make.run(tmp_path / path, "e+", number, limits)
    assert not list(tmp_path.iterdir())


@pytest.mark.integration
def test_the_command_makes_a_file(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "boostflow.cli", "showers", "a.hdf5"]
    more = ["--particle", "pi+", "--number", "4", "--energy", "1", "2", "--seed", "3"]
    done = subprocess.run(
        [*command, *more], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "a.hdf5: 4 showers of pi+\n"
    with ShowerFile(tmp_path / "a.hdf5") as file:
        assert file.entries == 4
