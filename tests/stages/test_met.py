"""One missing momentum for a sample, by whichever names its files have it."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from boostflow.config.chain import Select
from boostflow.config.samples import RootSample
from boostflow.errors import BadFile, BoostflowError
from boostflow.ingest.check import check
from boostflow.io import read_json, read_parquet
from boostflow.jobs.chain import CheckInputs
from support.rootfiles import columns_of, write_nano, write_tree
from support.stages import ingest, select

VALUES = {"MET": 100.0, "PFMET": 100.0, "PuppiMET": 20.0, "other": 50.0}


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> dict[str, ak.Array]:
    path = tmp_path_factory.mktemp("nano") / "a.root"
    columns = columns_of(write_nano(path, 40, drop=("MET_pt", "MET_phi")))
    return columns


def write(path: Path, columns: dict[str, ak.Array], *mets: str, run: int = 1) -> Path:
    """A file with these MET, each of the same size everywhere."""
    for name in mets:
        columns = columns | {
            f"{name}_pt": np.full(40, VALUES[name], "f4"),
            f"{name}_phi": np.zeros(40, "f4"),
        }
    return write_tree(path, columns | {"run": np.full(40, run, "u4")})


def read(file: Path, **content: object) -> tuple[set[float], dict]:
    table, meta = file.with_suffix(".parquet"), file.with_suffix(".json")
    ingest(file, table, meta, label="top", content=content)
    return set(read_parquet(table).met_pt.to_list()), read_json(meta)


@pytest.mark.parametrize(
    ("mets", "met", "value", "note"),
    [
        (("MET", "PuppiMET"), None, 100, "MET is PF MET"),
        (("PFMET", "PuppiMET"), None, 100, "MET is PF MET"),
        (("MET", "PuppiMET"), "PUPPI", 20, "MET is PUPPI MET"),
        (("PFMET", "PuppiMET"), "PUPPI", 20, "MET is PUPPI MET"),
        (("PFMET", "PuppiMET"), "PF", 100, "MET is PF MET"),
        (("PuppiMET",), None, 20, "MET is PUPPI MET"),
        (("MET",), None, 100, None),
    ],
)
def test_the_same_one_in_all_versions(plain, tmp_path, mets, met, value, note) -> None:
    values, meta = read(write(tmp_path / "a.root", plain, *mets), met=met)
    assert values == {value}
    assert [x for x in meta["notes"] if x.startswith("MET is")] == ([note] if note else [])


def test_one_that_the_sample_names_itself(plain, tmp_path: Path) -> None:
    file = write(tmp_path / "a.root", plain, "other", "PuppiMET")
    values, meta = read(file, branches={"MET": "other"})
    assert values == {50} and "MET is other_pt" in meta["notes"]


def test_one_that_is_not_there(plain, tmp_path: Path) -> None:
    message = r"no PuppiMET, which the sample's `met: PUPPI` names \(the file has PFMET\)"
    with pytest.raises(BadFile, match=message):
        read(write(tmp_path / "a.root", plain, "PFMET"), met="PUPPI")


def look(samples: dict[str, list[Path]], **options: object):
    return check(
        CheckInputs(
            samples={
                name: RootSample(source="root", files=list(map(str, files)), label="q", **options)
                for name, files in samples.items()
            }
        )
    )


def test_files_of_a_sample_that_differ(plain, tmp_path: Path) -> None:
    """Refused, with the key that names one; files that have both agree in the first one."""
    old = write(tmp_path / "v12.root", plain, "MET", "PuppiMET")
    new = write(tmp_path / "v15.root", plain, "PFMET", "PuppiMET", run=2)
    slim = write(tmp_path / "slim.root", plain, "PuppiMET", run=3)
    assert not look({"s": [old, new]}).problems
    (problem,) = look({"s": [old, slim]}).problems
    assert "slim.root has PUPPI MET" in problem and "v12.root has PF MET" in problem
    assert "name one with `met: PF` or `met: PUPPI` of the sample" in problem
    assert not look({"s": [old, new, slim]}, met="PUPPI").problems
    # The selection says the same of parts that no check has seen.
    paths = []
    for file in (old, slim):
        read(file)
        paths.append(file.with_suffix(".parquet"))
    metas = [path.with_suffix(".json") for path in paths]
    out = tmp_path / "s.parquet", tmp_path / "s.json"
    with pytest.raises(BoostflowError, match=r"slim\.root has PUPPI MET, .*v12\.root has PF"):
        select(paths, metas, *out, Select(), sample="s")


def test_samples_that_differ_are_told(plain, tmp_path: Path) -> None:
    """Signal and data may be of different productions: no error, but a word."""
    old = write(tmp_path / "v12.root", plain, "MET", "PuppiMET")
    slim = write(tmp_path / "slim.root", plain, "PuppiMET", run=3)
    report = look({"a": [old], "b": [slim]})
    assert not report.problems
    text = "MET is not the same: PF MET in a; PUPPI MET in b; `met` of a sample names one"
    assert f"a, b: {text}" in report.notes
    assert not [x for x in look({"a": [slim]}).notes if "not the same" in x]
