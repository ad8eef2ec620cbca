"""Files in MeV: read as what they are where the sample says so, and refused where it does not."""

from __future__ import annotations

import re
from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from boostflow.config.chain import Select
from boostflow.config.samples import RootSample
from boostflow.errors import BadFile
from boostflow.ingest.check import check
from boostflow.io import read_json, read_parquet
from boostflow.jobs.chain import CheckInputs
from support.rootfiles import as_version, columns_of, write_jets, write_nano, write_tree
from support.stages import ingest, select

MEV = {"units": {"momentum": "MeV"}}
MOMENTA = {"pt", "mass", "msoftdrop", "energy", "px", "py", "pz"}
RHO = "fixedGridRhoFastjetAll"


def in_mev(columns: dict[str, ak.Array]) -> dict[str, ak.Array]:
    """The same events with all momenta, energies and masses in MeV."""

    def scaled(values: ak.Array) -> ak.Array:
        return ak.values_astype(values, "float64") * 1000

    found = {}
    for name, values in columns.items():
        if values.fields:
            for field in MOMENTA & set(values.fields):
                values = ak.with_field(values, scaled(values[field]), field)
        elif name.partition("_")[2] in MOMENTA or name.endswith(RHO):
            values = scaled(values)
        found[name] = values
    return found


def rows_of(file: Path, folder: Path, **content: object) -> ak.Array:
    folder.mkdir()
    ingest(file, folder / "j.parquet", folder / "j.json", label="top", match="top", content=content)
    return read_parquet(folder / "j.parquet")


def same(one: ak.Array, other: ak.Array) -> None:
    assert one.fields == other.fields and len(one) == len(other) > 0
    for name in one.fields:
        if name == "label":
            assert one.label.to_list() == other.label.to_list()
            continue
        mine, theirs = (ak.to_numpy(ak.flatten(x[name], axis=None)) for x in (one, other))
        np.testing.assert_allclose(mine, theirs, rtol=2e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("version", ["v9", "v15"])
def test_nanoaod_in_mev_is_nanoaod(tmp_path: Path, version: str) -> None:
    """Jets, their masses, constituents, generator jets, MET and rho; angles and weights stay."""
    file = write_nano(tmp_path / "a.root", 60, constituents=True, generator_jets=True, rho=RHO)
    columns = as_version(columns_of(file), version)
    write_tree(file, columns)
    other = write_tree(tmp_path / "b.root", in_mev(columns))
    same(rows_of(other, tmp_path / "mev", **MEV), rows_of(file, tmp_path / "gev"))


def test_cartesian_momenta_in_mev(tmp_path: Path) -> None:
    """Jets of a flat tree, their energy and their particles' px, py, pz, E."""
    columns = {"branches": {"FatJet": "jet", "FatJet_msoftdrop": "jet_sdmass", "PFCands": "part"}}
    content = columns | {"tree": "tree", "unweighted": True}
    file = write_jets(tmp_path / "a.root")
    flat = columns_of(file, "tree")
    scaled = in_mev(flat) | {"jet_sdmass": flat["jet_sdmass"] * 1000}  # a name of its own
    other = write_tree(tmp_path / "b.root", scaled, "tree")
    rows = []
    for path, units in ((other, MEV), (file, {})):
        out = tmp_path / f"{path.stem}.parquet"
        ingest(path, out, out.with_suffix(".json"), label="w", content=content | units)
        rows.append(read_parquet(out))
    same(*rows)


@pytest.mark.parametrize("field", ["pt", "mass", "msoftdrop"])
def test_momenta_beyond_the_beam_name_the_unit(tmp_path: Path, field: str) -> None:
    """One field in MeV is enough, as is 1 GeV more than the energy of the beam."""
    columns = columns_of(write_nano(tmp_path / "a.root", 30))
    values = ak.values_astype(columns["FatJet"][field] * 1000, "float32")
    columns["FatJet"] = ak.with_field(columns["FatJet"], values, field)
    file = write_tree(tmp_path / "b.root", columns)
    block = RootSample(source="root", files=[str(file)], label="top")
    (problem, *_) = check(CheckInputs(samples={"s": block})).problems
    assert "GeV, more than the 6500 GeV of a beam (half of `simulation.ecm`)" in problem
    assert problem.endswith("give its sample `units: {momentum: MeV}`")
    with pytest.raises(BadFile, match=rf"entry \d+, fat jet \d: {field} is .*MeV}}`"):
        rows_of(file, tmp_path / "o")
    # A collider of 10 PeV makes such jets.
    assert not check(CheckInputs(samples={"s": block}, energy=1e7)).problems


@pytest.mark.parametrize("flat", [False, True], ids=["pt", "px and py"])
def test_gev_that_are_taken_for_mev_name_the_unit(tmp_path: Path, flat: bool) -> None:
    """What would end as no jet that passes the selection."""
    if flat:
        file = write_jets(tmp_path / "a.root")
        names = {"FatJet": "jet", "PFCands": "part", "FatJet_msoftdrop": "jet_sdmass"}
        content = {"branches": names, "tree": "tree", "unweighted": True}
    else:
        file, content = write_nano(tmp_path / "a.root", 30), {}
    declared = {"source": "root", "files": [str(file)], "label": "top", **content}
    wrong = RootSample.model_validate(declared | MEV)
    (problem,) = check(CheckInputs(samples={"s": wrong})).problems
    assert re.search(r"a.root: the median pT of its jets is 0\.\d+ GeV by `units: {mom", problem)
    assert problem.endswith("the file is probably in GeV, leave `units` out")
    assert not check(CheckInputs(samples={"s": RootSample.model_validate(declared)})).problems


def test_constituents_beyond_the_beam_are_refused(tmp_path: Path) -> None:
    columns = columns_of(write_nano(tmp_path / "a.root", 30, constituents=True))
    columns["PFCands"] = in_mev({"PFCands": columns["PFCands"]})["PFCands"]
    file = write_tree(tmp_path / "b.root", columns)
    with pytest.raises(BadFile, match=r"fat jet 0: PFCands pt is .* more than the 6500 GeV"):
        rows_of(file, tmp_path / "o")


def test_no_jet_is_a_note(tmp_path: Path) -> None:
    """It stands beside the cutflow, and so in the final table and the report."""
    paths = tmp_path / "j.parquet", tmp_path / "j.json"
    ingest(write_nano(tmp_path / "a.root"), *paths, label="top")
    out = tmp_path / "s.parquet", tmp_path / "s.json"
    for pt, found in ((0.0, False), (4000.0, True)):
        cuts = Select(fatjet={"pt": [pt, 5000.0]}, event={"ht_min": 0})
        select([paths[0]], [paths[1]], *out, cuts, sample="top")
        assert ("no jet passes the selection" in read_json(out[1])["notes"]) is found
