"""Recursive networks: their trees beside FastJet's, momenta, export, what cannot matter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

from boostflow.config.load import load
from boostflow.constituents.packing import Packed
from boostflow.constituents.particles import Particles
from boostflow.constituents.trees import POWERS
from boostflow.errors import BoostflowError
from boostflow.io import read_parquet
from boostflow.models import packed
from boostflow.models.recursive.block import RecursiveNetwork, level
from boostflow.models.recursive.inputs import CENTRE, READ, SPREAD, arrays, climbed, subjets
from boostflow.models.score import score
from support import conformance
from support.taggers import (
    assert_no_order_matters,
    given,
    of_keras,
    outputs,
    trained,
    with_particles,
)

SMALL = {"levels": 6, "width": 6, "head": [8], "epochs": 2, "batch": 32}
KINDS = {
    "gated kt": SMALL,
    "plain antikt": SMALL | {"gated": False, "tree": "antikt", "observables": ["mass", "tau21"]},
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Toy jets of three classes."""
    return conformance.jets(tmp_path_factory.mktemp("jets"))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, inputs: list[Path]) -> dict[str, Path]:
    """A small network of each kind."""
    return trained(inputs, RecursiveNetwork, KINDS, tmp_path_factory.mktemp("models"))


def trees(jets: ak.Array, tree: str) -> Packed:
    block = RecursiveNetwork(**SMALL | {"tree": tree})
    return packed.layout(block.packing()).pack(jets, "toy")


Mergings = set[frozenset[frozenset[int]]]
"""The constituents of the two subjets of each merging."""


def of_fastjet(jet: Any, found: Mergings) -> frozenset[int]:
    """Constituents of a jet of FastJet; the mergings below it are added to `found`."""
    import fastjet

    one, two = fastjet.PseudoJet(), fastjet.PseudoJet()
    if not jet.has_parents(one, two):
        return frozenset({jet.user_index()})
    parts = [of_fastjet(part, found) for part in (one, two)]
    found.add(frozenset(parts))
    return parts[0] | parts[1]


@pytest.mark.parametrize("tree", POWERS)
def test_trees_are_fastjets(inputs: list[Path], tree: str) -> None:
    import fastjet

    jets = read_parquet(inputs[0])[:40]
    packed_jets = trees(jets, tree)
    particles = Particles.of(jets, 64, "toy")
    definition = fastjet.JetDefinition(getattr(fastjet, f"{tree}_algorithm"), 10.0)
    for first, n in zip(particles.starts, particles.counts, strict=True):
        pt, eta, phi, mass = (
            particles.column(k)[first : first + n] for k in ("pt", "eta", "phi", "mass")
        )
        px, py, pz = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
        energy = np.sqrt(px**2 + py**2 + pz**2 + mass**2)
        given = [fastjet.PseudoJet(*map(float, p)) for p in zip(px, py, pz, energy, strict=True)]
        for number, particle in enumerate(given):
            particle.set_user_index(number)
        sequence = fastjet.ClusterSequence(given, definition)
        (whole,) = sequence.inclusive_jets()
        wanted: Mergings = set()
        of_fastjet(whole, wanted)
        mine = [frozenset({i}) for i in range(n)]
        found = set()
        for one, two in packed_jets.merges[first : first + n - 1]:
            found.add(frozenset({mine[one], mine[two]}))
            mine.append(mine[one] | mine[two])
        assert found == wanted and len(found) == n - 1
        assert (packed_jets.merges[first + n - 1] == -1).all()


@pytest.mark.parametrize("tree", POWERS)
def test_momenta_add_up_to_the_jet(inputs: list[Path], tree: str) -> None:
    jets = read_parquet(inputs[1])[:30]
    found = trees(jets, tree)
    tree_of = climbed(found, 100)
    ends = np.cumsum(found.counts)
    sums = np.add.reduceat(found.momenta.astype(float), ends - found.counts, axis=0)
    np.testing.assert_allclose(tree_of.momenta[2 * ends - 2], sums, rtol=1e-9, atol=1e-9)
    # Of the two that merge the first has the higher pT, and a jet is all of itself.
    merged = np.flatnonzero(tree_of.level > 0)
    assert len(merged) == found.counts.sum() - len(jets)
    read = dict(zip(READ, (subjets(tree_of, merged) * SPREAD + CENTRE).T, strict=True))
    assert (read["share"] >= 0).all() and (read["share"] <= 0.5).all()
    roots = tree_of.node[merged] == tree_of.root[merged]
    for name in ("log_pt_rel", "eta_rel", "phi_rel", "log_e_rel"):
        np.testing.assert_allclose(read[name][roots], 0, atol=1e-9, err_msg=name)
    mass = np.sqrt(sums[:, 0] * sums[:, 1] - sums[:, 2] ** 2 - sums[:, 3] ** 2)
    np.testing.assert_allclose(np.exp(read["log_mass"][roots]), mass, rtol=1e-6)


@pytest.mark.parametrize("levels", [1, 3, 6, 40])
def test_levels_hold_each_merging_after_its_subjets(inputs: list[Path], levels: int) -> None:
    """A walk through the arrays as the network does it collects the constituents of each jet."""
    block = RecursiveNetwork(**SMALL | {"tree": "antikt", "levels": levels})
    found = packed.layout(block.packing()).pack(read_parquet(inputs[2])[:25], "toy")
    given = arrays(block, found)
    jets, size = given["mask"].shape
    table = [{(j, i)} if given["mask"][j, i] else set() for j in range(jets) for i in range(size)]
    read = given["subjets"].reshape(-1, len(READ))
    seen: set[int] = set()
    for number in range(1, levels + 1):
        mergings = given[level(number)].reshape(-1, 3)
        real = [row for row in mergings if not (row[0] == row[1] and row[2] == 0)]
        rows = {int(row[2]) for row in real}
        assert not rows & seen and len(rows) == len(real)
        seen |= rows
        assert all(read[row].any() for row in rows)
        table += [table[one] | table[two] for one, two, _ in mergings]
    for jet, (root,) in enumerate(given["root"]):
        whole = {(jet, i) for i in range(found.counts[jet])}
        if levels == 40:
            assert table[root] == whole
        else:
            assert table[root] <= whole
    if levels == 40:
        assert len(seen) == found.counts.sum() - jets


def test_levels_follow_from_the_tree() -> None:
    depths = {tree: RecursiveNetwork(tree=tree).depth() for tree in POWERS}
    assert depths == {"kt": 16, "cambridge": 28, "antikt": 63}
    assert RecursiveNetwork(constituents=5).depth() == 4
    assert RecursiveNetwork(constituents=1).depth() == 1
    assert RecursiveNetwork(tree="antikt", levels=7).depth() == 7


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_the_keras_file(
    models: dict[str, Path], inputs: list[Path], kind: str
) -> None:
    jets = read_parquet(inputs[0])
    wanted = of_keras(models[kind], given(RecursiveNetwork(**KINDS[kind]), jets))
    np.testing.assert_allclose(outputs(models[kind], jets), wanted, atol=1e-5)
    assert np.ptp(wanted, axis=0).min() > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_the_constituents_does_not_matter(
    models: dict[str, Path], inputs: list[Path], kind: str
) -> None:
    assert_no_order_matters(models[kind], read_parquet(inputs[1]), 1e-5)


def test_jets_of_one_constituent_have_no_merging(
    models: dict[str, Path], inputs: list[Path]
) -> None:
    jets = read_parquet(inputs[2])[:6]
    short = with_particles(jets, ak.Array([np.arange(i % 2 + 1) for i in range(6)]))
    alone = np.concatenate([outputs(models["gated kt"], short[i : i + 1]) for i in range(6)])
    mixed = ak.concatenate([short, read_parquet(inputs[0])[:5]])
    np.testing.assert_allclose(outputs(models["gated kt"], mixed)[:6], alone, atol=1e-5)


def test_no_constituents_is_said(models: dict[str, Path], inputs: list[Path]) -> None:
    jets = read_parquet(inputs[0])[:4]
    empty = with_particles(jets, ak.Array([[0], [], [1], [0]]))
    with pytest.raises(BoostflowError, match="1 jets have no constituents"):
        score(models["gated kt"], empty)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"head": [0]}, r"net.head: \[0\]: every width must be at least 1"),
        ({"tree": "genkt"}, "net.tree.*'antikt', 'cambridge' or 'kt'"),
        ({"levels": 0}, "net.levels.*greater than or equal to 1"),
    ],
)
def test_what_a_block_may_not_say(keys: dict, message: str, repository: Path) -> None:
    with pytest.raises(BoostflowError, match=message):
        load({"models": {"net": {"kind": "recursive", **keys}}, "infer": None}, repository)
