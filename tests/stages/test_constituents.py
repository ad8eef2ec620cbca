"""Variations of constituents: what is lost or scaled, and what follows from it."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from boostflow.config.chain import Ingest
from boostflow.config.systematics import Constituent
from boostflow.io import read_json, read_parquet
from boostflow.jobs.chain import Vary
from boostflow.keyed import uniform
from boostflow.observables.compute import compute
from support.rootfiles import write_nano
from support.stages import TOP, ingest


def run(file: Path, vary: Vary | None = None, **options) -> tuple[ak.Array, dict]:
    table, meta = file.parent / "j.parquet", file.parent / "j.json"
    ingest(file, table, meta, **TOP, vary=vary, **options)
    return read_parquet(table), read_json(meta)


def vary(quantity: str, value: float = 0.1, direction: str = "up") -> Vary:
    declared = Constituent(kind="constituent", quantity=quantity, value=value)
    return Vary(systematic=declared, direction=direction)


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return write_nano(tmp_path_factory.mktemp("nano") / "a.root", 450, constituents=True)


def sums(rows: ak.Array) -> dict[str, np.ndarray]:
    """pT and mass of the sums of constituents."""
    inside = (rows.pf_pt, rows.pf_eta, rows.pf_phi, rows.pf_mass)
    return compute(*inside, names=["pt", "mass"])


def test_uniform_numbers_are_uniform() -> None:
    n = 100_000
    numbers = uniform(3, np.arange(n), np.zeros(n, dtype=int))
    assert numbers.min() > 0
    assert numbers.max() < 1
    assert np.abs(np.histogram(numbers, 10, (0, 1))[0] - n / 10).max() < 5 * np.sqrt(n / 10)
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.02
    assert not np.isin(numbers, uniform(4, np.arange(n), np.zeros(n, dtype=int))).any()
    assert not np.isin(numbers, uniform(3, np.arange(n), np.ones(n, dtype=int))).any()


@pytest.mark.parametrize(
    "quantity", ["track_efficiency", "charged_scale", "neutral_scale", "charged_resolution"]
)
def test_chunks_do_not_matter(file: Path, quantity: str) -> None:
    whole, meta = run(file, vary(quantity))
    pieces, again = run(file, vary(quantity), config=Ingest(chunksize=100))
    assert ak.almost_equal(whole, pieces, rtol=0, atol=0)
    assert meta["cutflow"] == again["cutflow"]


def test_jets_whose_constituents_stay_stay(file: Path) -> None:
    nominal, _ = run(file)
    varied, _ = run(file, vary("track_efficiency", 1e-9))
    assert ak.almost_equal(nominal, varied, rtol=0, atol=0, check_parameters=False)


def by_jet(rows: ak.Array) -> dict[tuple[int, int], int]:
    return {
        key: i
        for i, key in enumerate(zip(rows.event.to_list(), rows.jet_index.to_list(), strict=True))
    }


def pairs(nominal: ak.Array, varied: ak.Array) -> tuple[ak.Array, ak.Array]:
    """The same jets of both."""
    one, other = by_jet(nominal), by_jet(varied)
    both = [key for key in one if key in other]
    return nominal[[one[k] for k in both]], varied[[other[k] for k in both]]


@pytest.mark.parametrize(
    ("quantity", "charge"), [("charged_scale", (1, -1)), ("neutral_scale", (0,))]
)
def test_scales(file: Path, quantity: str, charge: tuple[int, ...]) -> None:
    config = Ingest(fatjet_pt_min=300)
    nominal, _ = run(file, config=config)
    up, _ = run(file, vary(quantity, 0.1, "up"), config=config)
    down, _ = run(file, vary(quantity, 0.1, "down"), config=config)
    assert len(down) < len(nominal) < len(up)  # jets cross the preselection
    for rows, factor in ((up, 1.1), (down, 0.9)):
        before, after = pairs(nominal, rows)
        order = ak.argsort(after.pf_eta)
        ratio = after.pf_pt[order] / before.pf_pt[ak.argsort(before.pf_eta)]
        touched = ak.Array(np.isin(ak.flatten(after.pf_charge[order]), charge))
        expected = np.where(touched, factor, 1)
        np.testing.assert_allclose(ak.flatten(ratio), expected, rtol=1e-6)


def test_the_jet_follows_the_sum_of_its_constituents(file: Path) -> None:
    nominal, _ = run(file)
    varied, _ = run(file, vary("charged_scale", 0.3))
    before, after = pairs(nominal, varied)
    old, new = sums(before), sums(after)
    for name in ("pt", "mass"):
        expected = before[name] * new[name] / old[name]
        np.testing.assert_allclose(after[name], expected, rtol=1e-4)
    # What the file brings along changes as the regroomed mass does; the rest is computed anew.
    groomed = [
        compute(*(r[f"pf_{k}"] for k in ("pt", "eta", "phi", "mass")), names=["msoftdrop"])[
            "msoftdrop"
        ]
        for r in (before, after)
    ]
    some = groomed[0] > 0
    expected = (ak.to_numpy(before.msoftdrop) * groomed[1] / np.where(some, groomed[0], 1))[some]
    np.testing.assert_allclose(ak.to_numpy(after.msoftdrop)[some], expected, rtol=1e-4)
    again = compute(
        *(after[f"pf_{k}"] for k in ("pt", "eta", "phi", "mass")), names=["tau21", "d2"]
    )
    for name, values in again.items():
        np.testing.assert_allclose(after[name], values, rtol=1e-4, atol=1e-6)


def test_missing_momentum_moves_by_what_the_jets_gained(file: Path) -> None:
    nominal, _ = run(file)
    varied, _ = run(file, vary("charged_scale", 0.2))
    moved = 0
    for event in set(nominal.event.to_list()):
        old, new = nominal[nominal.event == event], varied[varied.event == event]
        # All of the file's jets are above the preselection.
        gain = sum(
            np.sum(sign * ak.to_numpy(jets.pt * np.exp(1j * jets.phi)))
            for sign, jets in ((1, new), (-1, old))
        )
        met = [(r.met_pt * np.exp(1j * r.met_phi))[0] for r in (old, new)]
        assert met[1] == pytest.approx(met[0] - gain, abs=0.01)
        assert new.ht[0] == pytest.approx(float(np.sum(new.pt)), rel=1e-5)
        moved += abs(gain) > 1
    assert moved > 100


def test_tracks_are_lost_at_the_rate_that_is_asked_for(file: Path) -> None:
    nominal, _ = run(file)
    varied, _ = run(file, vary("track_efficiency", 0.2))
    before, after = pairs(nominal, varied)
    charged, neutral = (ak.sum(after.pf_charge != 0), ak.sum(after.pf_charge == 0))
    tracks = ak.sum(before.pf_charge != 0)
    # Jets that fall below the preselection are lost with their tracks: none may be counted.
    assert neutral == ak.sum(before.pf_charge == 0)
    assert charged / tracks > 0.8 - 5 * np.sqrt(0.2 * 0.8 / tracks)
    assert charged / tracks < 0.9
    smaller, _ = run(file, vary("track_efficiency", 0.1))
    _, kept = pairs(nominal, smaller)
    assert ak.sum(kept.pf_charge != 0) / len(kept) > charged / len(after)


def test_resolutions_smear_around_the_nominal(file: Path) -> None:
    nominal, _ = run(file)
    varied, _ = run(file, vary("neutral_resolution", 0.1))
    before, after = pairs(nominal, varied)
    old, new = (ak.flatten(r.pf_pt[r.pf_charge == 0]) for r in (before, after))
    ratio = ak.to_numpy(new / old)
    assert ratio.std() == pytest.approx(0.1, rel=0.15)
    assert abs(ratio.mean() - 1) < 0.02


def test_without_charges_nothing_is_varied_and_it_is_said(tmp_path: Path) -> None:
    file = write_nano(tmp_path / "a.root")
    nominal, _ = run(file)
    varied, meta = run(file, vary("track_efficiency"))
    assert ak.almost_equal(nominal, varied, rtol=0, atol=0)
    assert any("variations of kind constituent change nothing" in note for note in meta["notes"])


def test_a_jet_without_any_constituent_left_is_dropped(file: Path) -> None:
    """With half of the tracks gone some jets lose much; none becomes NaN."""
    varied, _ = run(file, vary("track_efficiency", 0.49))
    for name in ("pt", "eta", "phi", "mass", "tau21", "met_pt"):
        assert np.isfinite(ak.to_numpy(varied[name])).all()
