"""The particles of some jets, one after the other, and what formulas of features ask of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from boostflow.compiled import njit
from boostflow.constituents.catalogue import ELECTRON, JET, MUON, PHOTON
from boostflow.constituents.collections import COLLECTIONS, CollectionName
from boostflow.errors import BoostflowError
from boostflow.observables.tracks import signed

if TYPE_CHECKING:
    import awkward as ak

Floats = NDArray[np.float64]


def require(jets: ak.Array, where: str, columns: Iterable[str]) -> None:
    """Check that some columns are there.

    Args:
        jets: selected jets.
        where: name of the input, for the message.
        columns: names of the columns.

    Raises:
        BoostflowError: names those that are missing.
    """
    missing = [name for name in columns if name not in jets.fields]
    if missing:
        why = "the model needs jets with constituents"
        if any(name.startswith(("sv_", "pf_d")) for name in missing):
            why = "the model needs jets with tracks and vertices, see `ingest.tracks`"
        if set(missing) <= {"pf_charge", "pf_pdgId"}:
            why = "this input does not know charge or kind of constituents: leave out what needs it"
        raise BoostflowError(f"{where}: no column {', '.join(missing)}; {why}")


@dataclass(frozen=True)
class Particles:
    """P particles of N jets, one jet after the other. Momenta are in GeV, all is float64.

    columns: by name without `pf_` or `sv_`, (P,) each. of_jets: `pt`, `eta`, `phi`, `mass`, (N,)
    each. counts: (N,) int32, particles of each jet.
    """

    columns: dict[str, Floats]
    of_jets: dict[str, Floats]
    counts: NDArray[np.int32]

    @classmethod
    def of(
        cls,
        jets: ak.Array,
        constituents: int,
        where: str,
        columns: Iterable[str] = (),
        collection: CollectionName = "constituents",
    ) -> Particles:
        """The particles of some jets, in each by the order of the collection.

        Args:
            jets: with the columns of the collection and `columns`.
            constituents: keep this many of each jet, the first ones.
            where: name of the input, for messages.
            columns: further columns of them, `pf_charge` for example.
            collection: what of the jets is taken.

        Raises:
            BoostflowError: a column is missing, or a jet has no constituent.
        """
        import awkward as ak

        one = COLLECTIONS[collection]
        names = list(dict.fromkeys([*one.columns, *columns]))
        require(jets, where, [*names, *JET])
        found = {name: jets[name] for name in names}
        if one.chosen is not None:
            chosen = one.chosen(found)
            found = {name: values[chosen] for name, values in found.items()}
        order = ak.argsort(one.order(found), axis=1, ascending=False, stable=True)
        order = order[:, :constituents]
        counts = ak.to_numpy(ak.num(order)).astype(np.int32)
        if len(counts) and counts.min() < 1 and not one.may_lack:
            raise BoostflowError(
                f"{where}: {np.sum(counts < 1)} jets have no constituents; "
                "raise select.fatjet.multiplicity_min"
            )
        return cls(
            {
                name.removeprefix(one.prefix): ak.to_numpy(ak.flatten(values[order])).astype(
                    np.float64
                )
                for name, values in found.items()
            },
            {name: ak.to_numpy(jets[name]).astype(np.float64) for name in JET},
            counts,
        )

    def __len__(self) -> int:
        return int(self.counts.sum())

    def taken(self, rows: NDArray[np.int64]) -> Particles:
        """All particles in another order within their jets.

        Args:
            rows: numbers of the particles, (P,), those of a jet after those of the one before.
        """
        columns = {name: values[rows] for name, values in self.columns.items()}
        return Particles(columns, self.of_jets, self.counts)

    def column(self, name: str) -> Floats:
        """A column of the constituents, named without `pf_`, (P,)."""
        return self.columns[name]

    def of_jet(self, name: str) -> Floats:
        """A column of each particle's jet, (P,)."""
        return self.of_jets[name][self.jet]

    @cached_property
    def jet(self) -> NDArray[np.int64]:
        """Number of each particle's jet, (P,)."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Number of each jet's first particle, (N,)."""
        return np.concatenate([[0], np.cumsum(self.counts)[:-1]]).astype(np.int64)

    @property
    def pt(self) -> Floats:
        """Transverse momenta (GeV), (P,)."""
        return self.column("pt")

    @cached_property
    def d_eta(self) -> Floats:
        """Pseudorapidity relative to the jet's, (P,)."""
        return self.column("eta") - self.of_jet("eta")

    @cached_property
    def d_phi(self) -> Floats:
        """Azimuth relative to the jet's, in [-pi, pi), (P,)."""
        return np.mod(self.column("phi") - self.of_jet("phi") + np.pi, 2 * np.pi) - np.pi

    @cached_property
    def delta_r(self) -> Floats:
        """Distance to the jet axis in (eta, phi), (P,)."""
        return np.hypot(self.d_eta, self.d_phi)

    @cached_property
    def energy(self) -> Floats:
        """Energies (GeV), (P,)."""
        return np.hypot(self.pt * np.cosh(self.column("eta")), self.column("mass"))

    @cached_property
    def jet_energy(self) -> Floats:
        """Energy of each particle's jet (GeV), (P,)."""
        return np.hypot(self.of_jet("pt") * np.cosh(self.of_jet("eta")), self.of_jet("mass"))

    @property
    def cos_theta(self) -> Floats:
        """Cosine of the difference of polar angles of particle and jet, (P,)."""
        theta, jet_theta = (
            2 * np.arctan(np.exp(-x)) for x in (self.column("eta"), self.of_jet("eta"))
        )
        return np.cos(theta - jet_theta)

    @property
    def pt_share(self) -> Floats:
        """Share of each particle in the scalar sum of pT of its jet's particles, (P,)."""
        return self.pt / np.bincount(self.jet, self.pt, len(self.counts))[self.jet]

    def local_pt(self, radius: float) -> Floats:
        """pT of all particles of the jet within a distance of each, itself included (GeV), (P,)."""
        return _local_pt(self.pt, self.d_eta, self.d_phi, self.starts, self.counts, radius)

    def is_a(self, code: int) -> Floats:
        """1 for particles and antiparticles of a PDG code, 0 for others, (P,)."""
        return (np.abs(self.column("pdgId")) == code).astype(np.float64)

    def is_hadron(self, charged: bool) -> Floats:
        """1 for charged, or neutral, particles that are no lepton and no photon, (P,)."""
        other = np.isin(np.abs(self.column("pdgId")), (ELECTRON, MUON, PHOTON))
        return (~other & ((self.column("charge") != 0) == charged)).astype(np.float64)

    def nearest(self, k: int) -> NDArray[np.int32]:
        """The k nearest particles in (eta, phi) as positions inside the jet, itself first, (P, k).

        Where a jet has fewer than k particles the missing ones are the particle itself.
        """
        return _nearest(self.d_eta, self.d_phi, self.starts, self.counts, k)

    def light_cone(self) -> NDArray[np.float32]:
        """(p+, p-, px, py) / 100 GeV in the frame where the jet axis is the x axis, (P, 4).

        m^2 = p+ p- - px^2 - py^2 of a sum has no large cancellation then: p+- = E +- p_x and the
        other two are small for a narrow jet. The mass does not depend on the boost along the beam
        and the rotation around it that lead there (to eta = phi = 0).
        """
        pt, d_eta, d_phi, mass = self.pt, self.d_eta, self.d_phi, self.column("mass")
        e = np.hypot(pt * np.cosh(d_eta), mass)
        along, across, z = pt * np.cos(d_phi), pt * np.sin(d_phi), pt * np.sinh(d_eta)
        with np.errstate(invalid="ignore"):  # infinite momenta are reported by the caller
            minus = (across**2 + z**2 + mass**2) / np.maximum(e + along, 1e-12)
        return (np.stack([e + along, minus, across, z], axis=1) / 100).astype(np.float32)

    @property
    def sip(self) -> Floats:
        """Transverse impact parameter over its error, signed as `observables.tracks.signed`."""
        d0 = signed(self.column("d0"), self.column("phi"), self.of_jet("phi"))
        return d0 / self.column("d0Err")

    @staticmethod
    def arsinh(x: Floats) -> Floats:
        """A logarithm at large |x| of either sign, x at small ones."""
        return np.arcsinh(x)

    @staticmethod
    def log(x: Floats) -> Floats:
        """Logarithm with log 0 = 0, as in the published models; NaN stays NaN."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(x == 0, 0.0, np.log(x))


@njit(cache=True)
def _local_pt(
    pt: Floats,
    eta: Floats,
    phi: Floats,
    starts: NDArray[np.int64],
    counts: NDArray[np.int32],
    radius: float,
) -> Floats:
    result = np.zeros(len(pt))
    for jet in range(len(counts)):
        first, end = starts[jet], starts[jet] + counts[jet]
        for i in range(first, end):
            for j in range(first, end):
                if (eta[i] - eta[j]) ** 2 + (phi[i] - phi[j]) ** 2 < radius**2:
                    result[i] += pt[j]
    return result


@njit(cache=True)
def _nearest(
    eta: NDArray[np.float64],
    phi: NDArray[np.float64],
    starts: NDArray[np.int64],
    counts: NDArray[np.int32],
    k: int,
) -> NDArray[np.int32]:
    """By insertion."""
    result = np.empty((len(eta), k), np.int32)
    best = np.empty(k, np.float64)
    for jet in range(len(counts)):
        start, n = starts[jet], counts[jet]
        for i in range(n):
            found = 0
            row = result[start + i]
            for j in range(n):
                if j == i:
                    d = -1.0  # itself comes first even if another lies at the same place
                else:
                    d = (eta[start + i] - eta[start + j]) ** 2
                    d += (phi[start + i] - phi[start + j]) ** 2
                if found < k:
                    place = found
                    found += 1
                elif d < best[k - 1]:
                    place = k - 1
                else:
                    continue
                while place > 0 and best[place - 1] > d:
                    best[place] = best[place - 1]
                    row[place] = row[place - 1]
                    place -= 1
                best[place] = d
                row[place] = j
            for place in range(found, k):
                row[place] = i
    return result
