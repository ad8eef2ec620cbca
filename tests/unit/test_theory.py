"""Scale and PDF weights against formulas, Pythia's own values and the published grid."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
from scipy.interpolate import RectBivariateSpline

from boostflow.config.chain import Simulation
from boostflow.processes import PROCESSES
from boostflow.simulate.generator import Generator, settings
from boostflow.simulate.theory import PDF_SETS
from boostflow.theory import SCALES

FAST = Simulation(mpi=False)
GRID = Path(sys.prefix) / "share" / "Pythia8" / "pdfdata" / "NNPDF31_lo_as_0130_0000.dat"


@cache
def events(process: str, *lines: str, n: int = 60) -> tuple[Generator, ak.Array]:
    generator = Generator(settings(PROCESSES[process], FAST, lines, 3), PROCESSES[process].alpha_s)
    return generator, next(generator.batches(n, n)).info


@pytest.mark.parametrize("process", ["top", "quark", "gluon", "w"])
def test_nominal_is_one_and_means_are_plausible(process: str) -> None:
    generator, info = events(process)
    scales, densities = generator.theory.scales(info), generator.theory.densities(info)
    assert np.allclose(scales[:, SCALES.index((1.0, 1.0))], 1, rtol=1e-12)
    assert (densities[:, 0] == 1).all()
    assert densities.shape == (60, 1 + len(PDF_SETS))
    for weights in (scales, densities):
        assert np.isfinite(weights).all()
        assert (weights >= 0).all()
        assert (np.abs(weights.mean(axis=0) - 1) < 0.6).all()
        effective = weights.sum(axis=0) ** 2 / (weights**2).sum(axis=0) / len(weights)
        assert (effective > 0.6).all()


def test_renormalisation_scale_runs_at_one_loop() -> None:
    """1/alpha_s rises by (33 - 2 nf) / (12 pi) ln(scale^2), six flavours above the top mass."""
    generator, info = events("quark")
    nominal = np.asarray(info.alphaS)
    for mur in (0.5, 2.0):
        other = 1 / (1 / nominal + 21 / (12 * np.pi) * np.log(mur**2))
        weight = generator.theory.scales(info)[:, SCALES.index((mur, 1.0))]
        np.testing.assert_allclose(weight, (other / nominal) ** 2, rtol=1e-6)


def test_pairs_of_w_do_not_depend_on_the_renormalisation_scale() -> None:
    generator, info = events("w")
    scales = generator.theory.scales(info)
    for muf in (0.5, 1.0, 2.0):
        one = scales[:, SCALES.index((1.0, muf))]
        for mur in (0.5, 2.0):
            assert (scales[:, SCALES.index((mur, muf))] == one).all()
    assert (np.abs(scales[:, SCALES.index((1.0, 2.0))] - 1) > 0.01).any()


def test_factors_multiply() -> None:
    generator, info = events("top")
    scales = dict(zip(SCALES, generator.theory.scales(info).T, strict=True))
    np.testing.assert_allclose(scales[0.5, 2.0], scales[0.5, 1.0] * scales[1.0, 2.0], rtol=1e-12)


def read_grid(path: Path) -> dict[int, RectBivariateSpline]:
    """x f(ln x, ln Q) by PDG id, from a grid in LHAPDF's format (LHAGRID1, arXiv:1412.7420).

    The subgrid above the last threshold, which is the one at 1 TeV.
    """
    block = path.read_text().split("---")[-2].split("\n", 4)
    x, q = (np.array(line.split(), dtype=float) for line in block[1:3])
    ids = [int(i) for i in block[3].split()]
    values = np.array(block[4].split(), dtype=float).reshape(len(x), len(q), len(ids))
    return {
        i: RectBivariateSpline(np.log(x), np.log(q), values[:, :, k]) for k, i in enumerate(ids)
    }


@pytest.mark.skipif(not GRID.is_file(), reason="Pythia's grids are elsewhere")
def test_factorisation_scale_and_densities_follow_the_published_grid() -> None:
    """With NNPDF3.1 LO as nominal set, read and interpolated here by other means."""
    grid = read_grid(GRID)

    def product(info: ak.Array, factor: float) -> np.ndarray:
        q = np.sqrt(np.asarray(info.Q2Fac)) * factor
        result = np.ones(len(q))
        for ids, x in ((info.id1, info.x1), (info.id2, info.x2)):
            rows = zip(ids.to_list(), np.log(np.asarray(x)), np.log(q), strict=True)
            result *= [grid[i].ev(*place) for i, *place in rows]
        return result

    generator, info = events("top", "PDF:pSet = 17")
    scales = generator.theory.scales(info)
    for muf in (0.5, 2.0):
        expected = product(info, muf) / product(info, 1)
        np.testing.assert_allclose(scales[:, SCALES.index((1.0, muf))], expected, rtol=0.01)
    densities = generator.theory.densities(info)
    assert np.allclose(densities[:, 1 + list(PDF_SETS).index(17)], 1, rtol=1e-12)

    generator, info = events("top")
    used = np.asarray(info.pdf1) * np.asarray(info.pdf2)
    weight = generator.theory.densities(info)[:, 1 + list(PDF_SETS).index(17)]
    np.testing.assert_allclose(weight, product(info, 1) / used, rtol=0.01)
