"""Packing: what the network reads of selected jets, their constituents without any padding.

All constituents of all jets lie in one array, jet after jet; `counts` says how many each jet has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from boostflow.compiled import njit
from boostflow.errors import BoostflowError

if TYPE_CHECKING:
    import awkward as ak

FEATURES = (
    "eta_rel",
    "phi_rel",
    "log_pt_rel",
    "delta_r",
    "log_e",
    "log_e_rel",
    "log_pt",
    "cos_theta_rel",
    "log_local_pt",
)
"""The particle features, first those of the published model in its order; logarithms of GeV."""

PUBLISHED = 8
"""How many of them the published model has."""

LOCAL_RADIUS = 0.2
"""Distance in (eta, phi) within which `log_local_pt` adds up the pT, relative to the jet's: what
tells a soft particle of a prong from one of underlying event or pile-up (the idea of PUPPI,
arXiv:1407.6013)."""

COLUMNS = ("pf_pt", "pf_eta", "pf_phi", "pf_mass", "pt", "eta", "phi", "mass")
"""Columns of the selected jets that the network needs."""


@dataclass(frozen=True)
class Packed:
    """Jets without padding; P is the sum of `counts`.

    features: (P, 9) float32, `FEATURES`, not standardised.
    momenta: (P, 4) float32, light-cone momenta along the jet axis (p+, p-, px, py) in 100 GeV.
    neighbours: (P, k) int32, nearest constituents in (eta, phi) as positions inside the jet, itself
        first. Where a jet has fewer than k constituents the missing ones are the particle itself.
    counts: (N,) int32, constituents of each jet, at least 1.
    """

    features: NDArray[np.float32]
    momenta: NDArray[np.float32]
    neighbours: NDArray[np.int32]
    counts: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.counts)


def used(local_pt: bool) -> int:
    """How many of `FEATURES` a network reads."""
    return len(FEATURES) if local_pt else PUBLISHED


def require(jets: ak.Array, where: str, more: Sequence[str] = ()) -> None:
    """Check that all of `COLUMNS`, and some more, are there.

    Raises:
        BoostflowError: names those that are missing.
    """
    missing = [name for name in (*COLUMNS, *more) if name not in jets.fields]
    if missing:
        raise BoostflowError(
            f"{where}: no column {', '.join(missing)}; UCluster needs jets with constituents"
        )


def pack(jets: ak.Array, constituents: int, neighbours: int, where: str) -> Packed:
    """Compute features, momenta and neighbours.

    Args:
        jets: with `COLUMNS`; pT in GeV.
        constituents: keep this many of each jet, those with the highest pT.
        neighbours: k, the particle itself included.
        where: name of the input, for messages.

    Raises:
        BoostflowError: a column is missing, a jet has no constituent, or a value is not finite.
    """
    import awkward as ak

    require(jets, where)
    order = ak.argsort(jets.pf_pt, axis=1, ascending=False, stable=True)[:, :constituents]
    counts = ak.to_numpy(ak.num(order)).astype(np.int32)
    if len(counts) and counts.min() < 1:
        raise BoostflowError(
            f"{where}: {np.sum(counts < 1)} jets have no constituents; "
            "raise select.fatjet.multiplicity_min"
        )
    pt, eta, phi, mass = (
        ak.to_numpy(ak.flatten(jets[name][order])).astype(np.float64)
        for name in ("pf_pt", "pf_eta", "pf_phi", "pf_mass")
    )
    jet = np.repeat(np.arange(len(counts)), counts)
    jet_pt, jet_eta, jet_phi, jet_mass = (
        ak.to_numpy(jets[name]).astype(np.float64)[jet] for name in ("pt", "eta", "phi", "mass")
    )
    d_eta = eta - jet_eta
    d_phi = np.mod(phi - jet_phi + np.pi, 2 * np.pi) - np.pi
    energy = np.hypot(pt * np.cosh(eta), mass)
    jet_energy = np.hypot(jet_pt * np.cosh(jet_eta), jet_mass)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
    theta, jet_theta = (2 * np.arctan(np.exp(-x)) for x in (eta, jet_eta))
    features = np.stack(
        [
            d_eta,
            d_phi,
            _log(pt / jet_pt),
            np.hypot(d_eta, d_phi),
            _log(energy),
            _log(energy / jet_energy),
            _log(pt),
            np.cos(theta - jet_theta),
            _log(_local_pt(pt, d_eta, d_phi, starts, counts) / jet_pt),
        ],
        axis=1,
    ).astype(np.float32)
    momenta = _light_cone(pt, d_eta, d_phi, mass)
    bad = ~(np.isfinite(features).all(axis=1) & np.isfinite(momenta).all(axis=1))
    if bad.any():
        raise BoostflowError(
            f"{where}: {len(np.unique(jet[bad]))} jets have constituents with a NaN or infinite"
            " momentum; drop these jets in the input"
        )
    near = _nearest(d_eta, d_phi, starts, counts, neighbours)
    return Packed(features, momenta, near, counts)


def _log(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm with log 0 = 0, as in the published model; NaN stays NaN."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(x == 0, 0.0, np.log(x))


def _light_cone(
    pt: NDArray[np.float64],
    d_eta: NDArray[np.float64],
    d_phi: NDArray[np.float64],
    mass: NDArray[np.float64],
) -> NDArray[np.float32]:
    """(p+, p-, px, py) / 100 GeV in the frame where the jet axis is the x axis (eta = phi = 0).

    m^2 = p+ p- - px^2 - py^2 of a sum has no large cancellation then: p+- = E +- p_x and the other
    two are small for a narrow jet. The mass does not depend on the boost along the beam and the
    rotation around it that lead there.
    """
    e = np.hypot(pt * np.cosh(d_eta), mass)
    along, across, z = pt * np.cos(d_phi), pt * np.sin(d_phi), pt * np.sinh(d_eta)
    with np.errstate(invalid="ignore"):  # infinite momenta are reported by the caller
        minus = (across**2 + z**2 + mass**2) / np.maximum(e + along, 1e-12)
    return (np.stack([e + along, minus, across, z], axis=1) / 100).astype(np.float32)


@njit(cache=True)
def _local_pt(
    pt: NDArray[np.float64],
    eta: NDArray[np.float64],
    phi: NDArray[np.float64],
    starts: NDArray[np.int64],
    counts: NDArray[np.int32],
) -> NDArray[np.float64]:
    """pT of all constituents of the jet within `LOCAL_RADIUS` of each, itself included; (P,)."""
    result = np.zeros(len(pt))
    for jet in range(len(counts)):
        first, end = starts[jet], starts[jet] + counts[jet]
        for i in range(first, end):
            for j in range(first, end):
                if (eta[i] - eta[j]) ** 2 + (phi[i] - phi[j]) ** 2 < LOCAL_RADIUS**2:
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
    """Indices of the k nearest in (eta, phi) by insertion; (P, k), positions inside the jet."""
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
