"""A block of jets, and what several observables share, computed once and only if asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from boostflow.observables import kernels
from boostflow.observables.tracks import Tracks, Vertices

LEADING = 8
"""Constituents whose transverse momenta are observables of a jet."""


class Jets:
    """Jets as flat arrays with offsets; only constituents with positive pT.

    Attributes:
        offsets: (jets + 1) where each jet's constituents begin.
        pt: (n) transverse momenta, GeV.
        charge: (n) charges in units of e, or None.
        phi: (n) azimuths.
        impact: (n) d0, d0Err, dz, dzErr by name (cm), or None.
        vertices: the jets' secondary vertices, or None.
        momentum: (6, n) px, py, pz, E, rapidity, azimuth.
        zcut, beta, radius: parameters as in `compute`.
    """

    def __init__(
        self,
        offsets: np.ndarray,
        pt: np.ndarray,
        eta: np.ndarray,
        phi: np.ndarray,
        mass: np.ndarray,
        charge: np.ndarray | None,
        *,
        impact: Mapping[str, np.ndarray] | None = None,
        vertices: Vertices | None = None,
        zcut: float,
        beta: float,
        radius: float,
    ) -> None:
        self.offsets, self.pt, self.phi, self.charge = offsets, pt, phi, charge
        self.impact, self.vertices = impact, vertices
        self.zcut, self.beta, self.radius = zcut, beta, radius
        self.momentum = kernels.momenta(pt, eta, phi, mass)

    @cached_property
    def total(self) -> np.ndarray:
        """(4, jets) px, py, pz, E of the jets."""
        return kernels.sums(self.offsets, *self.momentum[:4])

    @cached_property
    def sum_pt(self) -> np.ndarray:
        """(jets) transverse momentum of the sum of the constituents, GeV."""
        return np.hypot(self.total[0], self.total[1])

    @cached_property
    def mass(self) -> np.ndarray:
        """(jets) invariant mass of the sum of the constituents, GeV."""
        return self.mass_of(self.total)

    @cached_property
    def counts(self) -> np.ndarray:
        """(jets) numbers of constituents."""
        return np.diff(self.offsets)

    @cached_property
    def pairs(self) -> np.ndarray:
        """(jets + 1) where each jet's matrix of pairs begins."""
        return np.concatenate([[0], np.cumsum(self.counts**2)])

    @cached_property
    def dr2(self) -> np.ndarray:
        """Squared distances of all pairs, jet by jet."""
        return kernels.pair_distances(self.offsets, self.pairs, *self.momentum[4:])

    @cached_property
    def correlators(self) -> np.ndarray:
        """(2, jets) normalised energy correlation functions e2 and e3."""
        ecf = kernels.correlators(self.offsets, self.pairs, self.pt, self.dr2, self.beta)
        return np.stack([self.ratio(ecf[1], ecf[0] ** 2), self.ratio(ecf[2], ecf[0] ** 3)])

    @cached_property
    def kt(self) -> tuple[np.ndarray, np.ndarray]:
        """Nodes and parents of the kT reclustering."""
        return kernels.recluster(self.offsets, self.pairs, self.dr2, self.momentum, 1)

    @cached_property
    def cambridge(self) -> tuple[np.ndarray, np.ndarray]:
        """Nodes and parents of the Cambridge/Aachen reclustering."""
        return kernels.recluster(self.offsets, self.pairs, self.dr2, self.momentum, 0)

    @cached_property
    def tau(self) -> np.ndarray:
        """(4, jets) N-subjettiness for N = 1 to 4."""
        return kernels.nsubjettiness(
            self.offsets, self.momentum, self.pt, *self.kt, 4, self.beta, self.radius
        )

    @cached_property
    def splittings(self) -> np.ndarray:
        """Splittings of each jet into its last subjets, shape (4, jets), in powers of GeV.

        The rows are d12, d23, the distance of the last two subjets, and the squared mass of the
        lightest pair of three.
        """
        return kernels.splittings(self.offsets, *self.kt)

    @cached_property
    def splitting_scales(self) -> np.ndarray:
        """(3, jets) sqrt(d12), sqrt(d23), mass of the lightest pair of three subjets, GeV."""
        return np.sqrt(self.splittings[[0, 1, 3]])

    @cached_property
    def girth(self) -> np.ndarray:
        """(jets) mean distance of the constituents from the jet, weighted by pT."""
        px, py, pz, _ = self.total
        rapidity = np.arcsinh(self.ratio(pz, np.hypot(self.sum_pt, self.mass)))
        axis = np.stack([rapidity, np.arctan2(py, px)])
        dy, dphi = self.momentum[4:] - np.repeat(axis, self.counts, axis=1)
        distance = np.hypot(dy, np.mod(dphi + np.pi, 2 * np.pi) - np.pi)
        return self.ratio(self.added(self.pt * distance), self.added(self.pt))

    @cached_property
    def leading(self) -> np.ndarray:
        """(LEADING, jets) largest transverse momenta of constituents, falling, GeV; else 0."""
        order = np.lexsort((-self.pt, np.repeat(np.arange(len(self.counts)), self.counts)))
        result = np.zeros((LEADING, len(self.counts)))
        for k in range(LEADING):
            there = self.counts > k
            result[k, there] = self.pt[order[self.offsets[:-1][there] + k]]
        return result

    @cached_property
    def rest_frame(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Momentum tensors in the jets' rest frames: linear, quadratic, and sums of |p|."""
        return kernels.rest_frame_tensors(self.offsets, self.momentum, self.total)

    @cached_property
    def tracks(self) -> Tracks:
        """The charged constituents with impact parameters."""
        assert self.impact is not None and self.charge is not None
        axis = np.arctan2(self.total[1], self.total[0])
        return Tracks.of(self.offsets, self.pt, self.phi, self.charge, self.impact, axis)

    @property
    def secondary(self) -> Vertices:
        """The secondary vertices."""
        assert self.vertices is not None
        return self.vertices

    def added(self, values: np.ndarray) -> np.ndarray:
        """(jets) sums of a value of each constituent, shape (n)."""
        return kernels.added(self.offsets, values)

    @staticmethod
    def mass_of(momenta: np.ndarray) -> np.ndarray:
        """(jets) invariant masses of px, py, pz, E, shape (4, jets); rounding below 0 gives 0."""
        px, py, pz, e = momenta
        return np.sqrt(np.maximum((e + pz) * (e - pz) - px**2 - py**2, 0))

    @staticmethod
    def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
        """`numerator / denominator`, and 0 where the denominator is 0."""
        zero = denominator == 0
        return np.where(zero, 0.0, numerator / np.where(zero, 1.0, denominator))
