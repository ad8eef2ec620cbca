"""compress and decompress: what passes unchanged, what is refused, and why."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot

from boostflow.compress import container, run
from boostflow.compress.run import compress, decompress
from boostflow.config.rounding import Rounded
from boostflow.errors import BoostflowError
from boostflow.models.family import families
from support.compression import untrained, written

COLUMNS = {"mass": Rounded(type="positive", bound=1e-2), "n": Rounded(type="integer")}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose networks nobody has trained."""
    table = jets(500)
    codec = untrained(COLUMNS, {name: table[name].to_numpy() for name in COLUMNS})
    return written(codec, tmp_path_factory.mktemp("model"))


def jets(rows: int, seed: int = 1) -> pa.Table:
    rng = np.random.default_rng(seed)
    mass = rng.lognormal(4, 0.5, rows).astype(np.float32)
    return pa.table(
        {
            "event": pa.array(2**63 + np.arange(rows, dtype=np.uint64)),
            "mass": pa.array(mass),
            "n": pa.array(rng.integers(0, 50, rows), pa.int16()),
            "label": pa.array(["top", "w"] * (rows // 2) + ["z"] * (rows % 2)),
            "pf_pt": pa.array([[1.5, np.nan], []] * (rows // 2) + [[2.5]] * (rows % 2)),
        }
    ).replace_schema_metadata({"who": "test"})


@pytest.fixture
def packed(model: Path, tmp_path: Path) -> Path:
    pq.write_table(jets(301), tmp_path / "jets.parquet")
    compress(tmp_path / "jets.parquet", tmp_path / "jets.bfc", model, None)
    return tmp_path / "jets.bfc"


def test_parquet_comes_back(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In several blocks; columns of any type pass, and metadata."""
    monkeypatch.setattr(run, "BLOCK", 100)
    table = jets(301)
    pq.write_table(table, tmp_path / "jets.parquet", row_group_size=70)
    said = compress(tmp_path / "jets.parquet", tmp_path / "jets.bfc", model, None)
    assert "301 rows" in said
    decompress(tmp_path / "jets.bfc", tmp_path / "back.parquet")
    table, back = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("jets", "back"))
    assert back.schema.equals(table.schema, check_metadata=True)
    for name in ("event", "n", "label"):
        assert back[name].equals(table[name]), name
    assert repr(back["pf_pt"].to_pylist()) == repr(table["pf_pt"].to_pylist())
    before, after = (one["mass"].to_numpy().astype(float) for one in (table, back))
    assert 0 < np.abs(after / before - 1).max() <= 1e-2


@pytest.mark.parametrize("kind", ["mktree", "mkrntuple"])
def test_root_comes_back(model: Path, tmp_path: Path, kind: str) -> None:
    arrays = {name: jets(301)[name].to_numpy() for name in ("event", "mass", "n")}
    with uproot.recreate(tmp_path / "jets.root") as file:
        getattr(file, kind)("jets", {n: x.dtype for n, x in arrays.items()}).extend(arrays)
    compress(tmp_path / "jets.root", tmp_path / "jets.bfc", model, None)
    decompress(tmp_path / "jets.bfc", tmp_path / "back.root")
    with uproot.open(tmp_path / "jets.root") as a, uproot.open(tmp_path / "back.root") as b:
        assert a.classnames() == b.classnames()
        back = b["jets"].arrays(library="np")
    assert list(back) == list(arrays)
    for name in ("event", "n"):
        assert back[name].dtype == arrays[name].dtype
        np.testing.assert_array_equal(back[name], arrays[name])
    assert np.abs(back["mass"] / arrays["mass"].astype(float) - 1).max() <= 1e-2


def test_an_empty_table_stays_one(model: Path, tmp_path: Path) -> None:
    pq.write_table(jets(0), tmp_path / "jets.parquet")
    compress(tmp_path / "jets.parquet", tmp_path / "jets.bfc", model, None)
    decompress(tmp_path / "jets.bfc", tmp_path / "back.parquet")
    assert pq.read_table(tmp_path / "back.parquet").num_rows == 0


def test_every_altered_byte_and_every_truncation_is_noticed(packed: Path, tmp_path: Path) -> None:
    content, bad = packed.read_bytes(), tmp_path / "bad.bfc"
    rng = np.random.default_rng(2)
    places = {*range(60), *rng.integers(0, len(content), 60).tolist(), len(content) - 1}
    for place in sorted(places):
        bad.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(BoostflowError, match=re.escape(str(bad))):
            list(container.chunks(bad))
        bad.write_bytes(content[:place])
        with pytest.raises(BoostflowError, match=r"bad\.bfc: is (truncated|no file)"):
            list(container.chunks(bad))
    bad.write_bytes(content + b"x")
    with pytest.raises(BoostflowError, match="follows its end"):
        decompress(bad, tmp_path / "back.parquet")
    assert not (tmp_path / "back.parquet").exists()


def test_what_cannot_be_compressed_is_named(model: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "jets.parquet", tmp_path / "out.bfc"

    def refused(table: pa.Table, why: str) -> None:
        pq.write_table(table, source)
        with pytest.raises(BoostflowError, match=why):
            compress(source, out, model, None)
        assert not out.exists()

    table = jets(10)
    refused(table.drop_columns(["mass"]), "no column mass, which .* compresses; it has event")
    nulls = pa.array([None, *range(9)], pa.float32())
    refused(table.set_column(1, "mass", nulls), "mass has missing values")
    refused(table.set_column(1, "mass", table["label"]), "mass is string: one number a row")
    for name in ("mass", "label"):
        refused(table.append_column(name, table[name]), f"has more than one column {name}: rename")
    source.write_text("mass,n\n1,2\n")
    with pytest.raises(BoostflowError, match="not a Parquet file"):
        compress(source, out, model, None)
    root = tmp_path / "two.root"
    with uproot.recreate(root) as file:
        for name in ("a", "b"):
            file.mktree(name, {"mass": "f4"}).extend({"mass": np.ones(3, np.float32)})
    with pytest.raises(BoostflowError, match="has the trees a, b: choose one, --tree"):
        compress(root, out, model, None)
    with pytest.raises(BoostflowError, match="no tree c; it has a, b"):
        compress(root, out, model, "c")
    with uproot.recreate(root) as file:
        file.mktree("a", {"pt": "var * float32"}).extend({"pt": [[1.0], []]})
    with pytest.raises(BoostflowError, match="more than one number an entry"):
        compress(root, out, model, None)
    with uproot.recreate(root) as file:
        file.mktree("a", {"mass": "f4", "n": "i4"}).extend({"mass": [1.0], "n": [1]})
    root.write_bytes(root.read_bytes()[:-10])
    with pytest.raises(BoostflowError, match=r"two\.root: is truncated: it says that it is longer"):
        compress(root, out, model, None)
    with uproot.recreate(root) as file:
        file["histogram"] = np.histogram([1.0])
        file.mktree("a", {"mass": "f4"}).extend({"mass": np.ones(3, np.float32)})
    with pytest.raises(BoostflowError, match="holds histogram besides trees"):
        compress(root, out, model, None)


def test_what_is_read_is_not_written_over(model: Path, packed: Path, tmp_path: Path) -> None:
    """Nor a folder; by another name of the same file neither."""
    source = tmp_path / "jets.parquet"
    before = source.read_bytes()
    (tmp_path / "link.parquet").symlink_to(source)
    for name, why in (("jets.parquet", "is what is read"), ("link.parquet", "is what is read")):
        with pytest.raises(BoostflowError, match=f"{name}: {why}: name another file"):
            compress(source, tmp_path / name, model, None)
    for command in (
        lambda to: compress(source, to, model, None),
        lambda to: decompress(packed, to),
    ):
        with pytest.raises(BoostflowError, match="is a folder: name a file to write"):
            command(tmp_path)
    with pytest.raises(BoostflowError, match="is what is read"):
        decompress(packed, packed)
    assert source.read_bytes() == before


@pytest.mark.filterwarnings("error")
def test_the_ends_of_double_precision_come_back(model: Path, tmp_path: Path) -> None:
    """NaN, infinite, largest and smallest numbers, without a warning on the way."""
    table = jets(12)
    ends = [np.nan, np.inf, -np.inf, -1.0, 0.0, 5e-324, 1.79e308, 1e-300, 1e-12, 1e12, 1.0, 2.0]
    table = table.set_column(1, "mass", pa.array(ends)).set_column(2, "n", pa.array(ends))
    pq.write_table(table, tmp_path / "jets.parquet")
    compress(tmp_path / "jets.parquet", tmp_path / "jets.bfc", model, None)
    decompress(tmp_path / "jets.bfc", tmp_path / "back.parquet")
    back = pq.read_table(tmp_path / "back.parquet")
    np.testing.assert_allclose(back["mass"].to_numpy(), ends, rtol=1e-2, atol=0)
    np.testing.assert_array_equal(back["n"].to_numpy(), ends)


def test_what_was_compressed_as_parquet_is_no_root_file(packed: Path, tmp_path: Path) -> None:
    with pytest.raises(BoostflowError, match="what was compressed is Parquet"):
        decompress(packed, tmp_path / "back.root")


def test_a_model_that_does_not_compress_is_refused(tmp_path: Path) -> None:
    other = next(name for name, one in families().items() if not one.codec)
    (tmp_path / "manifest.json").write_text(json.dumps({"kind": other}))
    pq.write_table(jets(3), tmp_path / "jets.parquet")
    with pytest.raises(BoostflowError, match=f"kind '{other}' does not compress"):
        compress(tmp_path / "jets.parquet", tmp_path / "out.bfc", tmp_path, None)


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "boostflow.cli", "decompress", "none.bfc", "x.parquet"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 1
    assert done.stderr == "boostflow: error: none.bfc: No such file or directory\n"
