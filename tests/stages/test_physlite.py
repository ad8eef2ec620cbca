"""Files as ATLAS' DAOD_PHYSLITE: MeV, names with points, a list of weights, by the example."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
import yaml

from boostflow.config.chain import Select
from boostflow.config.samples import RootSample
from boostflow.config.weights import carried
from boostflow.errors import BadFile, BoostflowError
from boostflow.ingest.branches import Branches
from boostflow.ingest.check import check
from boostflow.io import read_json, read_parquet
from boostflow.jobs.chain import CheckInputs
from support.rootfiles import write_tree
from support.stages import ingest, select

ROOT = Path(__file__).parents[2]
EXAMPLE = yaml.safe_load((ROOT / "config/examples/atlas-physlite.yaml").read_text())
INFO, JETS = "EventInfoAuxDyn.", "AnalysisLargeRJetsAuxDyn."
EVENTS = 300


def write(path: Path, change=None) -> dict[str, ak.Array]:
    """A file of that layout, and what is in it; generator weights are negative in some events."""
    rng = np.random.default_rng(3)
    counts = rng.integers(0, 3, EVENTS)
    n = int(counts.sum())

    def jets(low: float, high: float) -> ak.Array:
        return ak.unflatten(rng.uniform(low, high, n).astype("f4"), counts)

    nominal = rng.choice([1.5, 1.5, -1.5], EVENTS)
    weights = nominal[:, None] * np.array([1.0, 1.2, 0.9, 1.0])
    columns = {
        f"{INFO}runNumber": np.full(EVENTS, 284500, "u4"),
        f"{INFO}lumiBlock": np.arange(EVENTS, dtype="u4") // 50,
        f"{INFO}eventNumber": np.arange(EVENTS, dtype="u8") + 7,
        f"{INFO}mcEventWeights": ak.from_regular(ak.Array(weights.astype("f4"))),
        f"{JETS}pt": jets(250e3, 900e3),
        f"{JETS}eta": jets(-2, 2),
        f"{JETS}phi": jets(-3, 3),
        f"{JETS}m": jets(50e3, 250e3),
        **{f"{JETS}Tau{i}_wta": jets(0.01, 0.5) for i in (1, 2, 3)},
    }
    if change is not None:
        change(columns)
    write_tree(path, columns, "CollectionTree")
    return columns


def sample(file: Path) -> RootSample:
    return RootSample.model_validate(EXAMPLE["samples"]["ttbar"] | {"files": [str(file)]})


def test_the_example_reads_physlite(tmp_path: Path) -> None:
    columns = write(tmp_path / "a.root")
    block = sample(tmp_path / "a.root")
    report = check(CheckInputs(samples={"ttbar": block}))
    assert not report.problems
    paths = tmp_path / "j.parquet", tmp_path / "j.json"
    kept = {name: item.model_dump() for name, item in carried(block.weights).items()}
    ingest(
        tmp_path / "a.root",
        *paths,
        label="top",
        xsec=block.xsec,
        content=block.content(),
        carried=kept,
    )
    out = tmp_path / "s.parquet", tmp_path / "s.json"
    cuts = Select.model_validate(EXAMPLE["select"])
    select(
        [paths[0]],
        [paths[1]],
        *out,
        cuts,
        sample="ttbar",
        weights=block.weights,
        sumw=block.before_skim.sumw,
        independent=True,
    )
    rows, flow = read_parquet(out[0]), read_json(out[1])
    pt = ak.flatten(columns[f"{JETS}pt"]) / 1000
    assert len(rows) == len(pt) > 200
    np.testing.assert_allclose(np.sort(rows.pt.to_numpy()), np.sort(pt.to_numpy()), rtol=1e-6)
    mass = ak.flatten(columns[f"{JETS}m"]) / 1000
    assert float(ak.sum(rows.mass)) == pytest.approx(float(ak.sum(mass)), rel=1e-5)
    assert set(rows.run.to_list()) == {284500}
    np.testing.assert_allclose(rows.weight_scale_up, 1.2, rtol=1e-6)
    np.testing.assert_allclose(rows.weight_scale_down, 0.9, rtol=1e-6)
    # Nominal weights multiply nothing again: +-1.5 each, relative to the sum before the skim.
    unit = 1000 * block.xsec / 1.2e9
    assert set(np.round(rows.weight.to_numpy() / unit, 5)) == {1.5, -1.5}
    tau21 = ak.flatten(columns[f"{JETS}Tau2_wta"] / columns[f"{JETS}Tau1_wta"])
    assert float(ak.sum(rows.tau21)) == pytest.approx(float(ak.sum(tau21)), rel=1e-4)
    assert flow["cutflow"][0]["sumw"] == 1.2e9


def test_negative_weights_do_not_multiply(tmp_path: Path) -> None:
    """They are those of a generator; a scale factor is not negative."""
    write(tmp_path / "a.root")
    block = sample(tmp_path / "a.root")
    weights = {"w": block.weights["scale"].model_copy(update={"apply": True})}
    paths = tmp_path / "j.parquet", tmp_path / "j.json"
    kept = {name: item.model_dump() for name, item in carried(weights).items()}
    content = block.content()
    ingest(tmp_path / "a.root", *paths, label="top", content=content, carried=kept)
    out = tmp_path / "s.parquet", tmp_path / "s.json"
    with pytest.raises(BoostflowError, match=r"weights\.w \(nominal\) is -1\.5: weights must be"):
        select([paths[0]], [paths[1]], *out, Select(), sample="s", weights=weights)


def test_a_list_that_is_too_short(tmp_path: Path) -> None:
    def change(columns: dict) -> None:
        weights = columns[f"{INFO}mcEventWeights"]
        columns[f"{INFO}mcEventWeights"] = ak.concatenate([weights[:200], weights[200:, :2]])

    write(tmp_path / "a.root", change)
    block = sample(tmp_path / "a.root")
    kept = {name: item.model_dump() for name, item in carried(block.weights).items()}
    message = r"a\.root: [^ ]*mcEventWeights\[2\]: the list of entry 200 is shorter"
    with pytest.raises(BadFile, match=message):
        ingest(
            tmp_path / "a.root",
            tmp_path / "j.parquet",
            tmp_path / "j.json",
            content=block.content(),
            carried=kept,
            label="top",
        )


def test_names_as_uproot_prints_them(tmp_path: Path) -> None:
    """With those of the branches above, and entries of lists by number."""
    write(tmp_path / "a.root")
    with uproot.open(tmp_path / "a.root") as file:
        tree = file["CollectionTree"]
        branches = Branches(tree)
        assert set(tree.keys()) <= set(branches)
        assert f"{INFO}mcEventWeights[3]" in branches and f"{INFO}none[3]" not in branches
        assert branches[f"{INFO}mcEventWeights[3]"].depth == 1
        assert branches[f"{INFO}runNumber[0]"].kind == "O"
        read = branches.read([f"{INFO}mcEventWeights[3]", f"{INFO}mcEventWeights"], 5, 9)
    assert read[f"{INFO}mcEventWeights[3]"].to_list() == [
        x[3] for x in read[f"{INFO}mcEventWeights"].to_list()
    ]
