"""Bad input, counted: one message and exit code 1, or the documented skip, of each defect.

Every row goes through the real command. None may print a traceback, hang, or give a smaller result
without saying so. docs/checks.md lists the messages.
"""

from __future__ import annotations

import io
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import h5py
import numpy as np
import pytest
import yaml

from boostflow.cli import main
from boostflow.ingest import reading
from boostflow.io import read_json, read_parquet, write_json
from support.badfiles import as_text, break_basket, cut, put, replace, rewrite, scalar
from support.hdf5files import dijets, sprays, write_hls4ml, write_lhco
from support.rootfiles import write_nano
from support.servers import free_port, http
from support.stages import TOP, words
from support.weights import write_weighted

LIMIT = 30
"""Seconds that a command may take."""


@dataclass
class Done:
    """What a command has said, and how it ended."""

    code: int
    text: str

    def ends(self, code: int, *fragments: str) -> None:
        """It ended so, with one message that has these parts."""
        assert "Traceback" not in self.text, self.text
        for fragment in fragments:
            assert fragment in self.text, self.text
        assert self.code == code, self.text
        if code:
            assert "error: " in self.text


@contextmanager
def no_hang() -> Iterator[None]:
    """Fail after some seconds."""

    def late(number: int, frame: object) -> None:
        raise TimeoutError(f"still running after {LIMIT} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def command(*arguments: object) -> Done:
    """Run `boostflow` in this process, as the command line would."""
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    old = signal.getsignal(signal.SIGTERM)
    logging.getLogger().addHandler(handler)
    code: Any = 0
    try:
        with no_hang(), redirect_stdout(said), redirect_stderr(said):
            main(list(map(str, arguments)))
    except SystemExit as end:
        code = end.code
    finally:
        logging.getLogger().removeHandler(handler)
        signal.signal(signal.SIGTERM, old)
    return Done(code or 0, said.getvalue())


def stage(name: str, settings: dict[str, Any], **files: object) -> Done:
    """The command of a stage with its job."""
    return command(*words(name, settings, **files))


def check(folder: Path, config: dict[str, Any] | str | bytes) -> Done:
    """`make check` with a configuration."""
    path = folder / "mine.yaml"
    if isinstance(config, dict):
        config = yaml.safe_dump({"systematics": None, "models": {}, **config})
    path.write_bytes(config.encode() if isinstance(config, str) else config)
    return command("check", "--configfile", path)


def block(*files: object, **options: Any) -> dict[str, Any]:
    """A configuration with one sample of ROOT files."""
    sample = {"source": "root", "label": "top", "match": "top", **options}
    return {"samples": {"top": {**sample, "files": [str(file) for file in files]}}}


def ingest(
    file: object,
    folder: Path,
    settings: dict[str, Any] = TOP,
    *,
    skip: bool = False,
    **more: Path,
) -> Done:
    """The command of the stage."""
    block = {"on_bad_file": "skip" if skip else "fail"}
    files = {"file": file, "table": folder / "j.parquet", "meta": folder / "j.json", **more}
    return stage("ingest", {"ingest": block, **settings}, **files)


# --- input files ----------------------------------------------------------------------------------

Make = Callable[[Path], Path]


@dataclass(frozen=True)
class BadFile:
    """A defect of one file."""

    make: Make
    message: str
    checked: bool = True
    """Whether the check sees it, too; else only who reads all of the file."""


def nano(change: Callable | None = None, alone: tuple[str, ...] = (), **options: Any) -> Make:
    """A small file, changed."""

    def make(folder: Path) -> Path:
        path = write_nano(folder / "a.root", **options)
        return path if change is None else rewrite(path, change, alone)

    return make


def text_file(content: bytes) -> Make:
    def make(folder: Path) -> Path:
        (folder / "a.root").write_bytes(content)
        return folder / "a.root"

    return make


def broken_header(folder: Path) -> Path:
    path = write_nano(folder / "a.root")
    path.write_bytes(b"toor" + path.read_bytes()[4:])
    return path


def lead(values: ak.Array) -> ak.Array:
    """At most one entry an event."""
    return values[:, :1]


def two_collections(branches: dict[str, ak.Array]) -> None:
    """FatJet_eta has entries for the next event's jets."""
    values = branches["FatJet_eta"]
    counts = np.roll(ak.to_numpy(ak.num(values)), 1)
    branches["FatJet_eta"] = ak.unflatten(ak.flatten(values), counts)


def dropped(*names: str) -> Make:
    return nano(drop=names)


INFINITY, NAN = float("inf"), float("nan")
RHO = "fixedGridRhoFastjetAll"
PF: dict[str, Any] = {"constituents": True}
NOT_ROOT, DAMAGED = "not a readable ROOT file", "the file is damaged"

BAD_FILES: dict[str, BadFile] = {
    "broken header": BadFile(broken_header, NOT_ROOT),
    "empty": BadFile(text_file(b""), NOT_ROOT),
    "a web page": BadFile(text_file(b"<html>404 not found</html>" * 50), NOT_ROOT),
    "HDF5 in its place": BadFile(lambda folder: write_lhco(folder / "a.root", dijets(2)), NOT_ROOT),
    "half of the file": BadFile(
        lambda folder: cut(write_nano(folder / "a.root"), 0.5), "bytes that its header says"
    ),
    "its last bytes missing": BadFile(
        lambda folder: cut(write_nano(folder / "a.root"), 0.97), "bytes that its header says"
    ),
    "broken basket of a mass": BadFile(
        lambda folder: break_basket(write_nano(folder / "a.root", 3000), "FatJet_mass"),
        "cannot be read to its end",
        checked=False,
    ),
    "broken basket of constituents": BadFile(
        lambda folder: break_basket(write_nano(folder / "a.root", 3000, **PF), "PFCands_phi"),
        "cannot be read to its end",
        checked=False,
    ),
    "wrong tree": BadFile(nano(tree="Delphes"), "no tree 'Events'; the file has Delphes"),
    **{
        f"no {name}": BadFile(dropped(name), f"no branch {name}")
        for name in ("run", "luminosityBlock", "event")
    },
    **{
        f"no FatJet_{name}": BadFile(dropped(f"FatJet_{name}"), f"no branch FatJet_{name}")
        for name in ("pt", "eta", "phi", "mass")
    },
    "text for MET": BadFile(
        nano(replace("MET_pt", as_text)), "branch MET_pt is of objects, must be of numbers"
    ),
    "one pT an event": BadFile(
        nano(replace("FatJet_pt", scalar), ("FatJet_pt",)),
        "branch FatJet_pt is of numbers, must be of lists of numbers",
    ),
    "event numbers as floats": BadFile(
        nano(replace("event", scalar)), "branch event is of numbers, must be of integers"
    ),
    "MET in lists": BadFile(
        nano(lambda b: b.update(MET_pt=b["FatJet_pt"]), ("MET_pt",)),
        "branch MET_pt is of lists of numbers, must be of numbers",
    ),
    "weights as text": BadFile(
        nano(replace("genWeight", as_text)), "branch genWeight is of objects, must be of numbers"
    ),
    "particle types as floats": BadFile(
        nano(replace("GenPart_pdgId", lambda x: ak.values_astype(x, "float32"))),
        "GenPart_pdgId is of lists of numbers, must be of lists of integers",
    ),
    "counters that differ": BadFile(
        nano(two_collections, ("FatJet_eta",)), "nFatJet_eta is not nFatJet in some events"
    ),
    **{
        f"links to {owner} that are not there": BadFile(
            nano(put(f"FatJetPFCands_{branch}", 10_000), **PF),
            f"FatJetPFCands name {owner} that are not there; {DAMAGED}",
            checked=False,
        )
        for owner, branch in (("PFCands", "pFCandsIdx"), ("FatJet", "jetIdx"))
    },
    **{
        f"{word} in {name}": BadFile(
            nano(put(f"FatJet_{name}", value)),
            f"NaN or infinite values in {name}; {DAMAGED}",
            False,
        )
        for name in ("pt", "eta", "phi", "mass")
        for word, value in (("NaN", NAN), ("infinity", INFINITY))
    },
    **{
        f"{word} in {name}": BadFile(
            nano(put(f"FatJet_{name}", value)),
            f"NaN or infinite values in {name}; {DAMAGED}",
            False,
        )
        for name, word, value in (
            ("msoftdrop", "NaN", NAN),
            ("tau1", "infinity", INFINITY),
            ("tau2", "NaN", NAN),
            ("tau3", "NaN", NAN),
        )
    },
    "NaN in area": BadFile(
        nano(lambda b: b.update(FatJet_area=b["FatJet_pt"] * NAN)),
        f"NaN or infinite values in area; {DAMAGED}",
        checked=False,
    ),
    "NaN in rho": BadFile(
        nano(replace(RHO, lambda x: x * NAN), rho=RHO),
        f"NaN or infinite values in {RHO}; {DAMAGED}",
        checked=False,
    ),
    **{
        f"NaN in PFCands {name}": BadFile(
            nano(put(f"PFCands_{name}", NAN), **PF),
            f"NaN or infinite values in PFCands {name}; {DAMAGED}",
            checked=False,
        )
        for name in ("pt", "eta", "phi", "mass")
    },
    "NaN in MET": BadFile(
        nano(replace("MET_pt", lambda x: x * NAN)), "NaN or infinite values in met_pt", False
    ),
    "NaN in genWeight": BadFile(
        nano(put("genWeight", NAN)), f"NaN or infinite values in genWeight; {DAMAGED}"
    ),
    "infinity in genWeight": BadFile(
        nano(put("genWeight", INFINITY)), f"NaN or infinite values in genWeight; {DAMAGED}"
    ),
    "a negative pT": BadFile(nano(put("FatJet_pt", -300.0)), "negative values in pt", False),
    "a negative mass": BadFile(nano(put("FatJet_mass", -80.0)), "negative values in mass", False),
    "a negative MET": BadFile(
        nano(replace("MET_pt", lambda x: -x)), "negative values in met_pt", checked=False
    ),
    "a negative pT of a constituent": BadFile(
        nano(put("PFCands_pt", -5.0), **PF), "negative values in PFCands pt", checked=False
    ),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_end_the_run_or_are_skipped(name: str, tmp_path: Path) -> None:
    """One bad file beside a good one."""
    case = BAD_FILES[name]
    (tmp_path / "good").mkdir()
    good = write_nano(tmp_path / "good/b.root", run=2, seed=2, constituents=True)
    bad = case.make(tmp_path)
    found = check(tmp_path, block(bad, good, **{"match": "top"}))
    if case.checked:
        found.ends(1, f"{bad}: {case.message}" if case.message.startswith("no") else case.message)
        assert " BAD" in found.text
        skipping = check(tmp_path, {**block(bad, good), "ingest": {"on_bad_file": "skip"}})
        skipping.ends(0, "SKIPPED", "1 of 2 files skipped: normalised to the events of the others")
    ingest(bad, tmp_path).ends(1, f"error: {bad}: ", case.message)
    assert not (tmp_path / "j.parquet").exists()
    ingest(bad, tmp_path, skip=True).ends(0, f"{bad}: skipped: ", case.message)
    meta = read_json(tmp_path / "j.json")
    assert case.message in meta["skipped"] and meta["events"] == 0
    assert len(read_parquet(tmp_path / "j.parquet")) == 0


def weight(change: Callable[[ak.Array], ak.Array | np.ndarray]) -> Make:
    """A file whose puWeight is made of a constant one."""
    return nano(lambda b: b.update(puWeight=change(ak.ones_like(b["MET_pt"]))))


def spoilt(value: float) -> Make:
    return weight(lambda x: ak.where(ak.local_index(x, axis=0) == 7, value, x))


MUST_BE = "weights must be finite and not negative"
WEIGHTS: dict[str, tuple[Make, str]] = {
    "missing": (dropped(), "no branch puWeight"),
    "negative": (spoilt(-0.5), f"entry 7: puWeight is -0.5: {MUST_BE}"),
    "NaN": (spoilt(NAN), f"entry 7: puWeight is nan: {MUST_BE}"),
    "infinity": (spoilt(INFINITY), f"entry 7: puWeight is inf: {MUST_BE}"),
    "text": (weight(as_text), "is of objects, must be of numbers, one an event or one a fat jet"),
    "of something else": (
        weight(lambda x: ak.unflatten(np.ones(50, "f4"), np.repeat([2, 0], 25))),
        "puWeight has not one entry for each fat jet (npuWeight is not nFatJet)",
    ),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_declared_weights_end_the_run_or_are_skipped(name: str, tmp_path: Path) -> None:
    """The check says which key names them; a job that sees it later says what is wrong."""
    make, message = WEIGHTS[name]
    bad = make(tmp_path)
    good = write_weighted(tmp_path / "good.root")
    sample = block(bad, good, match=None, weights={"pu": {"branch": "puWeight"}})
    found = check(tmp_path, sample)
    found.ends(1, str(bad), message)
    if "branch" in message:
        assert "which samples.top.weights.pu.branch names" in found.text
    check(tmp_path, {**sample, "ingest": {"on_bad_file": "skip"}}).ends(0, "SKIPPED", message)
    carried = {"label": "top", "carried": {"puWeight": {"weight": True}}}
    ingest(bad, tmp_path, carried).ends(1, f"error: {bad}: ", message)
    assert not (tmp_path / "j.parquet").exists()
    ingest(bad, tmp_path, carried, skip=True).ends(0, f"{bad}: skipped: ", message)


NAMED: dict[str, tuple[dict[str, Any], str]] = {
    "triggers": ({"triggers": ["HLT_PFJet"]}, "none of the triggers HLT_PFJet"),
    "flags": ({"flags": ["Flag_good"]}, "no flag Flag_good"),
    "branches": ({"branches": {"FatJet_pt": "jet_pt"}}, "no branch jet_pt"),
    "tree": ({"tree": "events"}, "no tree 'events'; the file has Events"),
}


@pytest.mark.parametrize("name", NAMED)
def test_what_a_sample_names_is_in_its_files(name: str, tmp_path: Path) -> None:
    options, message = NAMED[name]
    file = write_nano(tmp_path / "a.root")
    check(tmp_path, block(file, **options)).ends(1, f"{file}: ", message)
    settings = {"label": "top", "content": options}
    ingest(file, tmp_path, settings).ends(1, f"{file}: ", message)
    ingest(file, tmp_path, settings, skip=True).ends(0, f"{file}: skipped: ", message)


def lhco(**options: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        particles = dijets(6)
        label = np.arange(6) % 2
        if (value := options.get("value")) is not None:
            particles[3, 0, 0] = value
        if options.get("label"):
            label[3] = options["label"]
        return write_lhco(folder / "a.h5", particles[:, : options.get("width", 700)], label)

    return make


def hls4ml(**change: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        momenta = sprays(5)
        if change.pop("negative", False):
            momenta[2, 0, 3] *= -1
        return write_hls4ml(folder / "a.h5", momenta, [*"gqwzt"], **change)

    return make


def no_hdf5(content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / "a.h5").write_bytes(content)
        return folder / "a.h5"

    return make


def cut_hdf5(folder: Path) -> Path:
    return cut(write_lhco(folder / "a.h5", dijets(6)), 0.6)


def groups_only(folder: Path) -> Path:
    with h5py.File(folder / "a.h5", "w") as file:
        file.create_group("df")
    return folder / "a.h5"


def broken_groups(folder: Path) -> Path:
    """The first object of each group is at an address where HDF5 keeps its scratch."""
    path = write_lhco(folder / "a.h5", dijets(6))
    content = bytearray(path.read_bytes())
    for node in re.finditer(b"SNOD", content):
        # 8 bytes of the node, 8 of where the name is.
        content[node.start() + 16 : node.start() + 24] = (2**63 - 8).to_bytes(8, "little")
    path.write_bytes(content)
    return path


BAD_HDF5: dict[str, tuple[str, BadFile]] = {
    "text": ("lhco", BadFile(no_hdf5(b"pt eta phi\n" * 100), "not a readable HDF5 file")),
    "empty": ("hls4ml", BadFile(no_hdf5(b""), "not a readable HDF5 file")),
    "cut off": ("lhco", BadFile(cut_hdf5, "is shorter than its header says")),
    "broken groups": ("lhco", BadFile(broken_groups, "not a readable HDF5 file (")),
    "no dataset": ("lhco", BadFile(groups_only, "the file has no dataset")),
    "too few columns": ("lhco", BadFile(lhco(width=600), "no table of 700 x (pT, eta, phi)")),
    "NaN": ("lhco", BadFile(lhco(value=NAN), "NaN or infinite values in /df", False)),
    "a negative pT": ("lhco", BadFile(lhco(value=-1.0), "negative pT in row 3", False)),
    "an unknown class": ("lhco", BadFile(lhco(label=2), "is 2 in row 3, must be 0", False)),
    "no constituents": (
        "hls4ml",
        BadFile(hls4ml(jetConstituentList=None), "no dataset jetConstituentList of numbers"),
    ),
    "fewer constituents than jets": (
        "hls4ml",
        BadFile(hls4ml(jetConstituentList=np.zeros((4, 100, 16))), "5 rows in jets, but 4 in"),
    ),
    "names for other columns": (
        "hls4ml",
        BadFile(hls4ml(jetFeatureNames=np.array(["j_pt"], "S")), "1 names in jetFeatureNames"),
    ),
    "a negative energy": (
        "hls4ml",
        BadFile(hls4ml(negative=True), "negative energy in row 2", checked=False),
    ),
}


@pytest.mark.parametrize("name", BAD_HDF5)
def test_bad_hdf5_files(name: str, tmp_path: Path) -> None:
    source, case = BAD_HDF5[name]
    bad = case.make(tmp_path)
    sample = {"samples": {"x": {"source": source, "files": [str(bad)]}}}
    if case.checked:
        check(tmp_path, sample).ends(1, case.message)
    else:
        check(tmp_path, sample).ends(0)
    settings = {"source": source}
    ingest(bad, tmp_path, settings).ends(1, f"error: {bad}: ", case.message)
    ingest(bad, tmp_path, settings, skip=True).ends(0, "skipped: ")
    assert case.message in read_json(tmp_path / "j.json")["skipped"]


# --- contradictions, copies, files that are not there ---------------------------------------------


@dataclass(frozen=True)
class Wrong:
    """What no file is bad of: `on_bad_file` does not matter."""

    config: Callable[[Path], dict[str, Any]]
    message: str


def copied(folder: Path) -> dict[str, Any]:
    one = write_nano(folder / "a.root")
    return block(one, shutil.copy(one, folder / "b.root"))


def copied_across(folder: Path) -> dict[str, Any]:
    config = copied(folder)
    sample = config["samples"]["top"]
    config["samples"] = {
        name: {**sample, "files": [file]}
        for name, file in zip(("one", "two"), sample["files"], strict=True)
    }
    return config


def golden(folder: Path) -> dict[str, Any]:
    (folder / "golden.json").write_text('{"1": [1, 2]}')
    options = {"data": True, "golden_json": str(folder / "golden.json")}
    return block(write_nano(folder / "a.root", data=True), label=None, match=None, **options)


def other_branches(folder: Path) -> dict[str, Any]:
    one = write_nano(folder / "a.root")
    return block(one, write_nano(folder / "b.root", run=2, constituents=True))


WRONG: dict[str, Wrong] = {
    "the same events in two files": Wrong(copied, "b.root: holds the same events as "),
    "the same events in two samples": Wrong(copied_across, "a.root of sample one (50, "),
    "the same file twice": Wrong(
        lambda folder: block(*[write_nano(folder / "a.root")] * 2),
        "a.root is listed more than once",
    ),
    "weights in collision data": Wrong(
        lambda folder: block(write_nano(folder / "a.root"), label=None, match=None, data=True),
        "has genWeight, but its sample is declared `data: true`",
    ),
    "no weights in simulation": Wrong(
        lambda folder: block(write_nano(folder / "a.root", data=True), match=None),
        "has no genWeight; set `data: true` for the sample if this is collision data",
    ),
    "no particles to match": Wrong(
        lambda folder: block(write_nano(folder / "a.root", truth=False)),
        "jets cannot be matched to a top particle (GenPart_eta is missing)",
    ),
    "luminosity blocks that are none": Wrong(golden, 'must be {"run": [[first, last], ...]}'),
    "files of different content": Wrong(other_branches, "has other branches than "),
    "no events at all": Wrong(
        lambda folder: block(write_nano(folder / "a.root", 0)),
        "samples.top: none of its 1 files has events that can be read",
    ),
    "every file bad": Wrong(
        lambda folder: block(text_file(b"x" * 400)(folder)), "none of its 1 files has events"
    ),
    "a folder": Wrong(lambda folder: block(folder), "is a folder: name its files"),
    "no such file": Wrong(lambda folder: block(folder / "no.root"), "no such file: "),
    "a pattern without files": Wrong(
        lambda folder: block(folder / "*.root"), "samples.top.files: no file matches "
    ),
    "no such list": Wrong(lambda folder: block(folder / "a.txt"), "no such list: "),
    "a class of an unlabelled file": Wrong(
        lambda folder: {
            "samples": {
                "x": {
                    **{"source": "lhco", "select": "signal"},
                    "files": [str(write_lhco(folder / "a.h5", dijets(2)))],
                }
            }
        },
        "`select: signal` needs the label in column 2101",
    ),
}


@pytest.mark.parametrize("mode", ["fail", "skip"])
@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_no_file_alone_is_never_skipped(
    name: str, mode: str, tmp_path: Path
) -> None:
    config = WRONG[name].config(tmp_path)
    done = check(tmp_path, {**config, "ingest": {"on_bad_file": mode}})
    done.ends(1, WRONG[name].message)


def test_files_without_events_are_told(tmp_path: Path) -> None:
    """One of several is no defect."""
    files = write_nano(tmp_path / "a.root"), write_nano(tmp_path / "b.root", 0)
    check(tmp_path, block(*files)).ends(0, "no events")


def test_files_that_contradict_are_not_said_to_be_empty(tmp_path: Path) -> None:
    config = block(write_nano(tmp_path / "a.root"), label=None, match=None, data=True)
    done = check(tmp_path, config)
    done.ends(1, "has genWeight, but its sample is declared `data: true`")
    assert "events that can be read" not in done.text


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    bad = [broken_header(tmp_path), tmp_path / "b.root", tmp_path / "c.root"]
    bad[1].write_bytes(b"")
    write_nano(bad[2], tree="x")
    good = write_nano(tmp_path / "d.root")
    copy = shutil.copy(good, tmp_path / "e.root")
    done = check(tmp_path, block(*bad, good, copy))
    done.ends(1, "4 problems with the input files:", *(f"\n{file}: " for file in (*bad, copy)))


def test_what_models_and_systematics_need_of_the_files(tmp_path: Path) -> None:
    """Before any job, not after hours of ingestion."""
    plain = write_nano(tmp_path / "plain.root", 40, drop=("PSWeight",))
    full = write_nano(tmp_path / "full.root", 40, constituents=True, run=2)
    samples = {
        name: {"source": "root", "files": [str(file)], "label": name, "xsec": 1.0}
        for name, file in (("top", plain), ("w", full))
    }
    config = {"samples": samples, "infer": None}
    check(tmp_path, config | {"models": {"bdt": {"kind": "bdt"}}}).ends(0)
    clusters = {"kind": "ucluster", "samples": ["top", "w"], "clusters": 2}
    check(tmp_path, config | {"models": {"clusters": clusters}}).ends(
        1,
        f"samples.top: {plain} has no jet constituents, which models.clusters needs: leave it out",
        "1 problem with",
    )
    check(tmp_path, config | {"models": {"bdt": {"kind": "bdt", "features": ["mass", "d2"]}}}).ends(
        1,
        f"samples.top: {plain} has no jet constituents: d2 of models.bdt needs it, name another",
        "1 problem with",
    )
    charged = {"kind": "image", "channels": ["pt", "charged"]}
    neutral = write_nano(
        tmp_path / "neutral.root",
        40,
        constituents=True,
        run=3,
        drop=("PFCands_charge", "PFCands_pdgId"),
    )
    several = {"top": {**samples["top"], "files": [str(neutral)]}, "w": samples["w"]}
    check(tmp_path, {"samples": several, "infer": None, "models": {"images": charged}}).ends(
        1,
        f"samples.top: {neutral} has no charges of constituents: pf_charge of models.images needs",
        "1 problem with",
    )
    systematics = tmp_path / "s.yaml"
    systematics.write_text("isr: {kind: weight, up: weight_isr_up, down: weight_isr_down}")
    fit = {
        "samples": samples,
        "models": {"bdt": {"kind": "bdt"}},
        "infer": {"signal": ["top"]},
        "templates": {"regions": {"pass": {"model": "bdt", "score": "p_top", "range": [0.5, 1.0]}}},
        "systematics": str(systematics),
    }
    check(tmp_path, fit).ends(
        1,
        f"samples.top: {plain} has no weights weight_isr_up, weight_isr_down, which systematic isr "
        "needs: give it the `samples` that have them",
        "1 problem with",
    )


def test_a_file_that_vanishes_between_check_and_job(tmp_path: Path) -> None:
    file = write_nano(tmp_path / "a.root")
    check(tmp_path, block(file)).ends(0)
    file.unlink()
    ingest(file, tmp_path).ends(1, f"{file}: no such file")
    ingest(file, tmp_path, skip=True).ends(0, "skipped: no such file")


def test_a_folder_in_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.root").mkdir()
    ingest(tmp_path / "a.root", tmp_path).ends(1, "a.root: not a readable ROOT file")


def test_a_job_without_a_file(tmp_path: Path) -> None:
    written = {"table": tmp_path / "j.parquet", "meta": tmp_path / "j.json"}
    stage("ingest", TOP, **written).ends(1, "no input: give --file, or an `address` in JOB")
    settings = {**TOP, "piece": [3, 3]}
    stage("ingest", settings, **written).ends(1, "JOB: piece: there is no piece 3 of 3")


@contextmanager
def as_nobody() -> Iterator[Path]:
    """A folder that is there, for a user who may not read everything."""
    with tempfile.TemporaryDirectory(prefix="boostflow-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs two users")
@pytest.mark.parametrize("hidden", ["file", "folder"])
def test_files_that_may_not_be_read(hidden: str) -> None:
    with as_nobody() as folder:
        (folder / "in").mkdir()
        file = write_nano(folder / "in/a.root")
        config = folder / "mine.yaml"
        config.write_text(yaml.safe_dump({**block(file), "systematics": None, "models": {}}))
        config.chmod(0o644)
        (file if hidden == "file" else file.parent).chmod(0)
        os.seteuid(65534)
        try:
            done = command("check", "--configfile", config)
        finally:
            os.seteuid(0)
    done.ends(1, f"{file}: ", "Permission denied")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    ingest(write_nano(tmp_path / "a.root"), tmp_path / "out").ends(1, "/out: File exists")


def test_a_full_disk_is_no_bad_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is the input blamed, nor skipped."""
    import errno

    from pyarrow import ipc

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ipc, "new_file", full)
    file = write_nano(tmp_path / "a.root")
    for skip in (False, True):
        done = ingest(file, tmp_path, skip=skip)
        done.ends(1, "error: No space left on device: free some, then run the same command again")
        assert "a.root" not in done.text


def test_servers_that_nobody_reaches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "WAITS", (0, 0))
    address = f"http://127.0.0.1:{free_port()}/a.root"
    good = write_nano(tmp_path / "a.root")
    check(tmp_path, block(address, good)).ends(1, f"{address}: the server failed in 3 tries (")
    check(tmp_path, {**block(address, good), "ingest": {"on_bad_file": "skip"}}).ends(0, "SKIPPED")
    with http(tmp_path) as server:
        missing = f"{server}/b.root"
        check(tmp_path, block(missing, good)).ends(1, f"{missing}: ", "no such file")
        check(tmp_path, block(f"{server}/a.root")).ends(0, " ok")


def test_an_xrootd_server_that_nobody_reaches(tmp_path: Path) -> None:
    """In a process of its own: XRootD's library crashes after TensorFlow's."""
    address = f"root://127.0.0.1:{free_port()}//a.root"
    (tmp_path / "mine.yaml").write_text(
        yaml.safe_dump({**block(address), "systematics": None, "models": {}})
    )
    patch = (
        "from boostflow.cli import main; from boostflow.ingest import reading;"
        " reading.WAITS = (0, 0); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", patch, "check", "--configfile", tmp_path / "mine.yaml"],
        env=os.environ | dict.fromkeys(reading.XROOTD, "1"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    text = done.stdout + done.stderr
    Done(done.returncode, text).ends(1, f"{address}: the server failed in 3 tries (")


# --- between stages -------------------------------------------------------------------------------


WEIGHED = {"label": "top", "xsec": 2.0}


def listed(
    folder: Path, *files: Path, skip: bool = False, settings: dict[str, Any] = WEIGHED
) -> Done:
    """Ingest files and list them as the parts of a sample."""
    for number, file in enumerate(files):
        place = folder / f"part{number}"
        ingest(file, place, settings, skip=skip).ends(0)
        for suffix in ("parquet", "json"):
            (folder / f"{number}.{suffix}").unlink(missing_ok=True)
            (folder / f"{number}.{suffix}").hardlink_to(place / f"j.{suffix}")
    return list_parts(folder, len(files), skip)


def list_parts(folder: Path, number: int, skip: bool) -> Done:
    settings = {"folder": str(folder), "number": number, "skip": skip}
    return stage("list_parts", settings, parts=folder / "parts.json")


LOOSE = {"fatjet": {"pt": [210, 5000], "mass": [0, 5000]}, "event": {"ht_min": 0, "met_max": None}}


def select(folder: Path, config: dict[str, Any] = LOOSE) -> Done:
    written = {"table": folder / "top.parquet", "cutflow": folder / "top.json"}
    settings = {"sample": "top", "select": config}
    return stage("select", settings, parts=folder / "parts.json", **written)


def train(folder: Path) -> Done:
    settings = {"name": "bdt", "model": {"kind": "bdt", "features": ["mass"]}}
    return stage("train", settings, jets=folder / "top.parquet", output=folder / "model")


def unweighted(branches: dict[str, ak.Array]) -> None:
    """Half of the weights are the negative of the other half."""
    n = len(branches["genWeight"])
    branches["genWeight"] = ak.Array(np.where(np.arange(n) % 2, 1, -1).astype("f4"))


def test_weights_that_add_up_to_nothing(tmp_path: Path) -> None:
    listed(tmp_path, rewrite(write_nano(tmp_path / "a.root"), unweighted)).ends(0)
    select(tmp_path).ends(1, "sample top: the generator weights of its 50 events add up to 0")


def test_events_that_two_files_share(tmp_path: Path) -> None:
    """What the check cannot see: files that overlap in part."""
    one = write_nano(tmp_path / "a.root", 60)
    two = rewrite(
        shutil.copy(one, tmp_path / "b.root"),
        lambda b: b.update({name: values[20:] for name, values in b.items()}),
    )
    check(tmp_path, block(one, two)).ends(0)
    listed(tmp_path, one, two).ends(0)
    select(tmp_path).ends(1, "events are in its files twice")
    assert not (tmp_path / "top.parquet").exists()


def test_other_events_with_the_same_numbers(tmp_path: Path) -> None:
    """Generators number each file from 1: told, no error."""
    files = [write_nano(tmp_path / f"{seed}.root", seed=seed) for seed in (1, 2)]
    check(tmp_path, block(*files)).ends(0)
    listed(tmp_path, *files).ends(0)
    select(tmp_path).ends(0, "different events have the same run, luminosity block and event")
    assert read_json(tmp_path / "top.json")["cutflow"][0]["events"] == 100


def test_neighbours_with_the_same_numbers_stay_apart(tmp_path: Path) -> None:
    """Two events a number, one after the other, are two events all the same."""
    plain = write_nano(tmp_path / "a.root")
    halved = rewrite(
        shutil.copy(plain, tmp_path / "b.root"),
        lambda branches: branches.update(event=ak.Array((np.arange(50) // 2).astype("u8"))),
    )
    flows = []
    for file in (plain, halved):
        listed(tmp_path, file).ends(0)
        done = select(tmp_path)
        done.ends(0)
        flows.append(read_json(tmp_path / "top.json")["cutflow"])
    assert "different events have the same run" in done.text
    assert [step["events"] for step in flows[0]] == [step["events"] for step in flows[1]]
    candidates = read_parquet(tmp_path / "top.parquet", ["candidate"]).candidate
    assert ak.sum(candidates) == flows[0][-1]["events"] > 20


def test_copies_of_events_that_are_neighbours(tmp_path: Path) -> None:
    """As a merge of a skim with itself, sorted by event, writes them."""
    file = rewrite(
        write_nano(tmp_path / "a.root"),
        lambda b: b.update({name: values[np.arange(100) // 2] for name, values in b.items()}),
    )
    listed(tmp_path, file).ends(0)
    select(tmp_path).ends(1, "events are in its files twice")


def test_a_selection_that_nothing_passes(tmp_path: Path) -> None:
    """No error: it is a result. What needs jets says so."""
    listed(tmp_path, write_nano(tmp_path / "a.root")).ends(0)
    select(tmp_path, {**LOOSE, "event": {"ht_min": 1e6}}).ends(0, "no jet passes the selection")
    train(tmp_path).ends(1, "top.parquet: no jet of this sample passes the selection")


def test_events_without_fat_jets(tmp_path: Path) -> None:
    def none(branches: dict[str, ak.Array]) -> None:
        for name in branches:
            if name.startswith(("FatJet_", "GenPart_")):
                branches[name] = branches[name][:, :0]

    file = rewrite(write_nano(tmp_path / "a.root"), none)
    check(tmp_path, block(file)).ends(0, " ok")
    listed(tmp_path, file).ends(0)
    select(tmp_path).ends(0, "no jet passes the selection")
    flow = read_json(tmp_path / "top.json")["cutflow"]
    assert [step["events"] for step in flow[:2]] == [50, 0]


def test_skipped_parts_need_leave(tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    good, bad = write_nano(tmp_path / "a.root"), text_file(b"x" * 400)(tmp_path / "bad")
    listed(tmp_path, good, bad, skip=True).ends(0)
    list_parts(tmp_path, 2, skip=False).ends(1, "its file was skipped (not a readable ROOT file")


def test_a_sample_without_any_readable_file(tmp_path: Path) -> None:
    bad = text_file(b"x" * 400)(tmp_path)
    listed(tmp_path, bad, skip=True).ends(1, "every file of this sample was skipped; the first one")


@pytest.mark.parametrize("what", ["text", "cut", "broken", "gone", "empty"])
@pytest.mark.parametrize("stage", ["select", "train"])
def test_tables_that_break_between_stages(what: str, stage: str, tmp_path: Path) -> None:
    listed(tmp_path, write_nano(tmp_path / "a.root", 400)).ends(0)
    table, then = tmp_path / "0.parquet", select
    if stage == "train":
        select(tmp_path).ends(0)
        table, then = tmp_path / "top.parquet", train
    spoil(table, what)
    message = "is gone" if (what, stage) == ("gone", "select") else table.name
    then(tmp_path).ends(1, message)


def spoil(path: Path, what: str) -> None:
    """Break a Parquet file."""
    content = path.read_bytes()
    if what == "gone":
        path.unlink()
    elif what == "text":
        path.write_text("no table")
    elif what == "empty":
        path.write_bytes(b"")
    elif what == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        # Pages are broken, the schema at the end of the file is whole.
        path.write_bytes(content[:4] + bytes(len(content) // 3) + content[4 + len(content) // 3 :])


@pytest.mark.parametrize("content", ["", "{", "[1, 2", "\x00"])
def test_records_that_break_between_stages(content: str, tmp_path: Path) -> None:
    listed(tmp_path, write_nano(tmp_path / "a.root")).ends(0)
    (tmp_path / "0.json").write_text(content)
    select(tmp_path).ends(1, "0.json: not a JSON file")


def test_tables_of_jets_that_are_none(tmp_path: Path) -> None:
    """Read by templates with columns that may be there."""
    from boostflow.errors import BoostflowError
    from boostflow.scored import read_jets

    (tmp_path / "top.parquet").write_text("no table")
    with pytest.raises(BoostflowError, match=r"top\.parquet: not a Parquet file"):
        read_jets(tmp_path / "top.parquet", ["mass"], ["label"])


# --- the configuration ----------------------------------------------------------------------------

FILE = {"source": "root", "files": [__file__], "label": "x"}

CONFIGS: dict[str, tuple[dict[str, Any] | str | bytes, str]] = {
    "block": ({"selct": {}}, "selct: unknown key; did you mean 'select'?"),
    "key": ({"select": {"fatjett": {}}}, "select.fatjett: unknown key; did you mean 'fatjet'?"),
    "deep key": ({"select": {"fatjet": {"ptt": 1}}}, "select.fatjet.ptt: unknown key"),
    "type": ({"seed": "one"}, "seed: input should be a valid integer"),
    "list for number": ({"luminosity": [1]}, "luminosity: input should be a valid number"),
    "number for list": ({"select": {"fatjet": {"pt": 5}}}, "select.fatjet.pt: input should be a"),
    "text for block": ({"ingest": "fast"}, "ingest: "),
    "list for mapping": ({"samples": [1, 2]}, "samples: input should be a valid dictionary"),
    "null": ({"samples": None}, "samples: input should be a valid dictionary"),
    "out of range": ({"luminosity": -1}, "luminosity: input should be greater than 0"),
    "descending": ({"select": {"fatjet": {"pt": [9, 1]}}}, "[9, 1] is not an ascending range"),
    "NaN": ({"luminosity": NAN}, "luminosity: input should be a finite number"),
    "choice": ({"ingest": {"on_bad_file": "ignore"}}, "ingest.on_bad_file: "),
    "name": ({"samples": {"Top!": FILE}}, "is not a name: lower-case letters"),
    "no files": ({"samples": {"x": {**FILE, "files": []}}}, "samples.x.files: "),
    "no source": ({"samples": {"x": {"files": ["a"]}}}, "samples.x: 'source' is required"),
    "source": ({"samples": {"x": {"source": "rot"}}}, "source is 'rot', must be one of"),
    "protocol": (
        {"samples": {"x": {**FILE, "files": ["ftp://a/b.root"]}}},
        "addresses start with root://, https://",
    ),
    "data with a cross-section": (
        {"samples": {"x": {"source": "root", "files": [__file__], "data": True, "xsec": 1.0}}},
        "samples.x.xsec: is for simulation",
    ),
    "switch for a number": (
        {"samples": {"x": {**FILE, "xsec": True}}},
        "samples.x.xsec: is true, must be a number",
    ),
    "switch for a count": (
        {"samples": {"x": {**FILE, "parts_per_file": True}}},
        "samples.x.parts_per_file: is true, must be a number",
    ),
    "braces": (
        {"samples": {"x": {**FILE, "files": ["/tmp/{a,b}.root"]}}},
        "samples.x.files: /tmp/{a,b}.root: Snakemake takes braces for wildcards",
    ),
    "sample": (
        {"models": {"u": {"kind": "ucluster", "samples": ["topp"]}}},
        "models.u.samples: unknown sample 'topp'; did you mean 'top'?",
    ),
    "signal": (
        {"models": {"bdt": {"kind": "bdt"}}, "infer": {"signal": ["topp"]}},
        "infer.signal: unknown sample 'topp'; did you mean 'top'?",
    ),
    "model": (
        {
            "models": {"bdt": {"kind": "bdt"}},
            "templates": {"regions": {"a": {"model": "btd", "range": [0, 1]}}},
        },
        "templates.regions.a.model: unknown model 'btd'; did you mean 'bdt'?",
    ),
    "observable": (
        {"models": {"bdt": {"kind": "bdt", "features": ["tau12"]}}},
        "models.bdt.features: unknown observable 'tau12'; did you mean",
    ),
    "systematics file": ({"systematics": "no.yaml"}, "systematics: no such file: no.yaml"),
    "syntax": ("samples: {a: [\n", "mine.yaml: not readable as YAML: "),
    "tab": ("seed: 1\n\tluminosity: 2\n", "mine.yaml: not readable as YAML: "),
    "key twice": ("seed: 1\nseed: 2\n", "mine.yaml: seed: is declared more than once"),
    "deep key twice": (
        "select:\n  event: {}\n  event: {}\n",
        "select.event: is declared more than",
    ),
    "empty": ("", "mine.yaml: has nothing in it"),
    "comment alone": ("# nothing\n", "mine.yaml: has nothing in it"),
    "list": ("- a\n- b\n", "mine.yaml: has no keys at its top level"),
    "text": ("some text\n", "mine.yaml: has no keys at its top level"),
    "encoding": (
        b"seed: 1 # \xff\xfe\n",
        "mine.yaml: not readable as YAML: is not UTF-8 (byte 10)",
    ),
    "binary": (b"\x00\x01\x02", "mine.yaml: not readable as YAML: "),
    "a date that is none": ("seed: 2024-99-99\n", "mine.yaml: not readable as YAML: "),
    "an object": ("seed: !!python/object:os.system {}\n", "mine.yaml: not readable as YAML: "),
    "an anchor in itself": ("samples: &x {a: *x}\n", "mine.yaml: "),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_typos_are_named(name: str, tmp_path: Path) -> None:
    config, message = CONFIGS[name]
    check(tmp_path, config).ends(1, "mine.yaml: ", message)


SYSTEMATICS: dict[str, tuple[str, str]] = {
    "kind": ("jes: {kind: shft}", "s.yaml: jes: kind is 'shft', must be one of"),
    "no kind": ("jes: {correction: jes}", "s.yaml: jes: 'kind' is required"),
    "key": ("lumi: {kind: rate, value: 0.1, vlaue: 1}", "s.yaml: lumi.vlaue: unknown key"),
    "sample": (
        "jes: {kind: shift, correction: jes, samples: [topp]}",
        "s.yaml: jes.samples: unknown sample 'topp'; did you mean 'top'?",
    ),
    "column": ("isr: {kind: weight, up: weight_isr_upp}", "isr.up: unknown weight column"),
    "correction": ("jes: {kind: shift, correction: jess}", "unknown correction 'jess'"),
    "model": ("d: {kind: model, model: btd, up: {max_depth: 3}}", "d.model: unknown model 'btd'"),
    "twice": ("a: {kind: rate, value: 0.1}\na: {kind: rate, value: 0.2}", "s.yaml: a: is declared"),
    "list": ("- a", "s.yaml: "),
    "tab": ("a:\n\tkind: rate", "s.yaml: not readable as YAML: "),
}


@pytest.mark.parametrize("name", SYSTEMATICS)
def test_typos_in_systematics_are_named(name: str, tmp_path: Path) -> None:
    text, message = SYSTEMATICS[name]
    (tmp_path / "s.yaml").write_text(text)
    models = {"bdt": {"kind": "bdt"}}
    check(tmp_path, {"systematics": str(tmp_path / "s.yaml"), "models": models}).ends(1, message)


@pytest.mark.parametrize("name", ["no.yaml", "folder.yaml"])
def test_configurations_that_are_no_files(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    message = "no such file" if name == "no.yaml" else "is a folder, not a file"
    command("check", "--configfile", tmp_path / name).ends(1, f"{name}: {message}")


def test_the_number_of_defects() -> None:
    """Rows of the tables; each is run in one to three ways."""
    assert len(BAD_FILES) + len(BAD_HDF5) + len(WRONG) + len(CONFIGS) + len(SYSTEMATICS) >= 60


# --- what is left out is accounted for ------------------------------------------------------------


def equal_files(folder: Path, number: int, **options: Any) -> list[Path]:
    """Files of the same jets and weights in events of other numbers."""
    return [write_nano(folder / f"{i}.root", 200, run=i + 1, **options) for i in range(number)]


@pytest.mark.parametrize("how", ["unreadable", "broken basket", "gone"])
def test_simulation_is_normalised_to_the_files_that_are_in(how: str, tmp_path: Path) -> None:
    """One of three equal files is skipped: the expected yield is the same, not two thirds of it."""
    files = equal_files(tmp_path, 3)
    listed(tmp_path, *files).ends(0)
    select(tmp_path).ends(0)
    before, jets = read_json(tmp_path / "top.json"), read_parquet(tmp_path / "top.parquet")
    assert before["skipped"] == []
    if how == "unreadable":
        cut(files[1], 0.5)
    elif how == "gone":
        files[1].unlink()
    else:
        break_basket(files[1], "FatJet_mass")
    listed(tmp_path, *files, skip=True).ends(0)
    select(tmp_path).ends(0)
    after = read_json(tmp_path / "top.json")
    assert [one["file"] for one in after["skipped"]] == [str(files[1])]
    assert "1 of 3 files skipped: normalised to the events of the others" in after["notes"]
    assert before["cutflow"][0]["events"] == 600 and after["cutflow"][0]["events"] == 400
    for one, two in zip(before["cutflow"], after["cutflow"], strict=True):
        assert two["expected"] == pytest.approx(one["expected"], rel=1e-6)
    # Each split is normalised by itself: the sum of all events' weights is three times 2 pb.
    weight = ak.sum(read_parquet(tmp_path / "top.parquet").weight)
    assert weight == pytest.approx(ak.sum(jets.weight), rel=0.1)
    assert weight > 0.85 * ak.sum(jets.weight) != 0


def test_collision_data_are_not_corrected(tmp_path: Path) -> None:
    files = equal_files(tmp_path, 3, data=True)
    cut(files[1], 0.5)
    listed(tmp_path, *files, skip=True, settings={"data": True}).ends(0)
    select(tmp_path).ends(0)
    after = read_json(tmp_path / "top.json")
    assert any("lower `luminosity` by what they recorded" in note for note in after["notes"])
    jets = read_parquet(tmp_path / "top.parquet")
    assert set(jets.weight.to_list()) == {1.0}


def test_one_skipped_part_of_a_file_is_left_out_alone(tmp_path: Path) -> None:
    """Of a file in three parts the broken basket is in the last one."""
    file = write_nano(tmp_path / "a.root", 100, copies=3)
    break_basket(file, "FatJet_mass")
    events = []
    for part in range(3):
        settings = {"label": "top", "piece": [part, 3]}
        ingest(file, tmp_path / str(part), settings, skip=True).ends(0)
        events.append(read_json(tmp_path / str(part) / "j.json")["events"])
    assert events == [100, 100, 0]


def test_what_the_check_skips_is_not_tried_again(tmp_path: Path) -> None:
    """The table of the check and the result agree, also where a server has come back since."""
    file = write_nano(tmp_path / "a.root")
    said = {"file": str(file), "skipped": "the server failed"}
    write_json(tmp_path / "said.json", {"key": said})
    checked = tmp_path / "said.json"
    ingest(file, tmp_path, skip=True, checked=checked).ends(0, "skipped: the server failed")
    ingest(file, tmp_path, checked=checked).ends(1, "the server failed")
