"""Files on servers: XRootD (a real one) and HTTP, and servers that fail."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from boostflow.config.chain import Ingest
from boostflow.errors import BoostflowError
from boostflow.ingest import reading
from boostflow.io import read_json
from support.analyses import Analysis
from support.rootfiles import columns_of, write_nano, write_rntuple
from support.servers import free_port, http, silent, xrootd
from support.stages import TOP, ingest, words

needs_xrootd = pytest.mark.skipif(
    shutil.which("xrootd") is None, reason="no xrootd on PATH (Debian package xrootd-server)"
)


def read(file: str, folder: Path, **options: Any) -> bytes:
    """The table that ingest makes."""
    config = Ingest(chunksize=100, **options)
    out = folder / "j.parquet"
    ingest(file, out, folder / "j.json", config, **TOP)
    return out.read_bytes()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of several chunks."""
    return write_nano(tmp_path_factory.mktemp("file") / "a.root", 250, constituents=True)


@pytest.fixture(scope="module")
def table(file: Path) -> bytes:
    """What a local read of it gives."""
    return read(str(file), file.parent)


@pytest.fixture(scope="module")
def xrootd_server(file: Path) -> Iterator[str]:
    """Where it is to be had by XRootD."""
    with xrootd(file) as address:
        yield address


@needs_xrootd
@pytest.mark.parametrize("executor", ["iterative", "futures"])
def test_xrootd_gives_the_local_table(
    xrootd_server: str, table: bytes, tmp_path: Path, executor: str
) -> None:
    assert read(f"{xrootd_server}/a.root", tmp_path, executor=executor) == table


def test_http_gives_the_local_table(file: Path, table: bytes, tmp_path: Path) -> None:
    with http(file.parent) as address:
        assert read(f"{address}/a.root?download=1", tmp_path) == table


@pytest.fixture(scope="module")
def ntuple(file: Path) -> Path:
    """The same as an RNTuple, which is not read by coffea's schema."""
    return write_rntuple(file.parent / "n.root", columns_of(file), flat=False)


def test_http_gives_the_local_table_of_an_rntuple(ntuple: Path, tmp_path: Path) -> None:
    local = read(str(ntuple), tmp_path / "local")
    with http(ntuple.parent) as address:
        assert read(f"{address}/n.root", tmp_path / "far", executor="futures") == local


@needs_xrootd
def test_xrootd_gives_the_local_table_of_an_rntuple(ntuple: Path, tmp_path: Path) -> None:
    local = read(str(ntuple), tmp_path / "local")
    with xrootd(ntuple) as address:
        assert read(f"{address}/n.root", tmp_path / "far") == local


@needs_xrootd
def test_a_file_that_an_xrootd_server_lacks(xrootd_server: str, tmp_path: Path) -> None:
    with pytest.raises(BoostflowError, match=r"//b\.root: no such file on its server"):
        read(f"{xrootd_server}/b.root", tmp_path)


def test_a_file_that_an_http_server_lacks(file: Path, tmp_path: Path) -> None:
    with http(file.parent) as address, pytest.raises(BoostflowError, match=r"/b\.root: no such"):
        read(f"{address}/b.root", tmp_path)


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Further tries come at once."""
    monkeypatch.setattr(reading, "WAITS", (0, 0))


def test_a_server_that_fails_for_a_while(
    file: Path, table: bytes, tmp_path: Path, no_waiting: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with http(file.parent, failures=1) as address:
        assert read(f"{address}/a.root", tmp_path) == table
    assert re.search(r"503.*; trying again", caplog.text)


@pytest.mark.parametrize("address", ["http://127.0.0.1:{}/a.root", "root://127.0.0.1:{}//a.root"])
def test_a_dead_server_is_one_message(tmp_path: Path, no_waiting: None, address: str) -> None:
    file = address.format(free_port())
    with pytest.raises(BoostflowError) as caught:
        read(file, tmp_path)
    assert str(caught.value).startswith(f"{file}: the server failed in 3 tries (")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("protocol", ["http", "root"])
def test_a_silent_server_is_no_hang(tmp_path: Path, protocol: str) -> None:
    """With all limits at one second; docs/inputs.md says what they are otherwise."""
    patch = (
        "from boostflow.cli import main; from boostflow.ingest import reading;"
        " reading.WAITS, reading.SILENCE = (0, 0), 1; main()"
    )
    with silent() as port:
        file = f"{protocol}://127.0.0.1:{port}//a.root"
        written = {"table": tmp_path / "j.parquet", "meta": tmp_path / "j"}
        done = subprocess.run(
            [
                *(sys.executable, "-c", patch),
                *words("ingest", {"address": file}, **written),
            ],
            env=os.environ | dict.fromkeys(reading.XROOTD, "1"),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        f"boostflow: error: {file}: the server failed in 3 tries ("
    ), done.stderr
    assert "Traceback" not in done.stderr


def test_addresses_are_no_files_of_snakemake(
    analysis: Callable[[dict[str, Any]], Analysis], tmp_path: Path
) -> None:
    """A list of a path and an address, each file in two parts; what makes them be read again."""
    (tmp_path / "server").mkdir()
    write_nano(tmp_path / "server/a.root", 250)
    write_nano(tmp_path / "b.root", 60, run=2, seed=2)
    sample = {"source": "root", "files": ["list.txt"], "label": "top", "parts_per_file": 2}
    run = analysis({"samples": {"ttbar": sample}, "models": {}, "systematics": None})
    cutflow = "out/select/nominal/ttbar.json"
    with http(tmp_path / "server") as address:
        (tmp_path / "list.txt").write_text(f"# two files\nb.root\n\n{address}/a.root  # far\n")
        done = run.snakemake(cutflow)
        assert done.returncode == 0, done.stdout[-3000:]
        parts = sorted((run.out / "ingest/nominal/ttbar").glob("*.json"))
        found = [(meta["file"], meta["events"]) for meta in map(read_json, parts)]
        assert found == [("b.root", 30)] * 2 + [(f"{address}/a.root", 125)] * 2
        assert read_json(tmp_path / cutflow)["cutflow"][0]["events"] == 310
    # Nothing asks the server, which is gone.
    assert run.planned(cutflow) == {}
    run.config["ingest"] = {"executor": "futures", "workers": 3, "chunksize": 100}
    assert run.planned(cutflow) == {}
    (tmp_path / "list.txt").write_text(f"b.root\n{address}/c.root\n")
    assert run.planned(cutflow)["ingest"] == 2
    write_nano(tmp_path / "b.root", 60, run=2, seed=3)
    assert run.planned(cutflow)["ingest"] == 4
