"""Files and branches that are not what they seem: the message says what they are."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from boostflow.config.samples import RootContent
from boostflow.errors import BadFile
from boostflow.ingest.branches import Branches
from boostflow.ingest.features import examine
from support.stages import ingest

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 12345\n"
PAGES = (b"<!DOCTYPE html><html><body>503</body></html>", b"\n<HTML>Sign in</HTML>")
SOURCES = {"root": "a.root", "lhco": "a.h5", "jetclass": "a.parquet", "toptag": "a_p4.npy"}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("content", [POINTER, *PAGES], ids=["lfs", "page", "login"])
def test_what_a_file_is_in_its_place(tmp_path: Path, source: str, content: bytes) -> None:
    file = tmp_path / SOURCES[source]
    file.write_bytes(content)
    for other in ("a_mask.npy", "a_labels.npy"):
        (tmp_path / other).write_bytes(content)
    what = "a pointer of Git LFS" if content == POINTER else "a web page"
    remedy = "`git lfs pull`" if content == POINTER else "download the file anew"
    with pytest.raises(BadFile, match=rf"not a .*\(it is {what}.*{remedy}\)"):
        ingest(file, tmp_path / "j.parquet", tmp_path / "j.json", source=source, label="q")


@pytest.mark.parametrize("source", SOURCES)
def test_a_file_of_no_bytes(tmp_path: Path, source: str) -> None:
    """As a full disk or a transfer that never began leaves it."""
    file = tmp_path / SOURCES[source]
    file.touch()
    for other in ("a_mask.npy", "a_labels.npy"):
        (tmp_path / other).touch()
    with pytest.raises(BadFile, match=r"a\w*\.\w+: not a .*\(it is empty: copy it again\)"):
        ingest(file, tmp_path / "j.parquet", tmp_path / "j.json", source=source, label="q")


def test_branches_of_classes_are_named() -> None:
    """uproot cannot write such a file: a branch that fails to be read as they do stands for it."""

    def fail(_: object) -> None:
        raise NotImplementedError

    def branch(name: str) -> SimpleNamespace:
        return SimpleNamespace(typename=name, interpretation=SimpleNamespace(awkward_form=fail))

    class Tree(dict):
        def keys(self, *, full_paths: bool):
            return list(super().keys())

    tree = Tree(jets=branch("std::vector<TLorentzVector>"), text=branch("std::string"))
    branches = Branches(tree)
    assert str(branches["jets"]) == "objects of type std::vector<TLorentzVector>"
    assert str(branches["text"]) == "objects"
    content = RootContent(branches={"FatJet_pt": "jets"}, unweighted=True)
    _, problems, _ = examine(branches, content, data=False, match=None)
    assert any(
        "branch jets is of objects of type std::vector<TLorentzVector>" in x for x in problems
    )
