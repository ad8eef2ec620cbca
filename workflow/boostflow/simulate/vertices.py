"""Secondary vertices in jets: displaced tracks that meet in a point.

The algorithm, jet by jet, of straight tracks (`tracks`):

1. Tracks whose |d0| is more than `displaced_min` of its errors and less than `D0_MAX` are
   displaced.
2. All pairs of them are fitted. The seed is the pair with the smallest chi2, at most
   `vertex_chi2_max`, whose vertex lies in the jet's half of space.
3. Of the other displaced tracks the one that adds the smallest chi2 is joined, as long as it adds
   at most `vertex_chi2_max`. Then the next vertex is looked for among the tracks that are left.
4. Vertices remain that are `flight_significance_min` errors from the origin and at most
   `RADIUS_MAX` from the beam, and no pair of pions of a neutral kaon's mass.

The fit of a point v is linear: track i measures d0 = y cos(phi) - x sin(phi) and
dz = z - (x cos(phi) + y sin(phi)) sinh(eta), with the errors of its impact parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from boostflow.compiled import njit
from boostflow.config.chain import Tracking

if TYPE_CHECKING:
    import awkward as ak

D0_MAX = 0.5
"""Largest |d0| of a displaced track (cm): beyond are decays of strange particles."""
RADIUS_MAX = 2.5
"""Largest distance of a vertex from the beam (cm): beyond is material."""
KAON, KAON_WINDOW = 0.4976, 0.02
"""Mass of the neutral kaon, and half of the window around it (GeV)."""
FIELDS = (
    *("pt", "eta", "phi", "mass", "x", "y", "z", "dlen", "dlenSig", "dxy", "dxySig"),
    *("pAngle", "chi2", "ndof", "ntracks", "charge"),
)
"""Fields of `SV`, by the names of NanoAOD: GeV, cm; chi2 is divided by ndof."""


def find(jets: ak.Array, axes: ak.Array, config: Tracking) -> ak.Array:
    """The secondary vertices of some jets.

    Args:
        jets: of each jet a list of its candidates, records with pt, eta, phi, mass (GeV), charge,
            and `tracks.IMPACT` (cm).
        axes: records with eta and phi, one a jet.
        config: cuts.

    Returns:
        A list a jet of records with `FIELDS`, by falling dlenSig.
    """
    import awkward as ak

    chosen = (jets.d0Err > 0) & (
        abs(jets.d0) > config.displaced_min * ak.where(jets.d0Err > 0, jets.d0Err, 1)
    )
    displaced = jets[chosen & (abs(jets.d0) < D0_MAX)]
    counts = ak.to_numpy(ak.num(displaced, axis=1))
    offsets = np.concatenate([[0], np.cumsum(counts)])
    tracks = np.stack(
        [
            ak.to_numpy(ak.flatten(displaced[name])).astype(np.float64)
            for name in ("pt", "eta", "phi", "mass", "charge", "d0", "d0Err", "dz", "dzErr")
        ]
    )
    eta, phi = (ak.to_numpy(axes[name]).astype(np.float64) for name in ("eta", "phi"))
    axis = np.stack([np.cos(phi), np.sin(phi), np.sinh(eta)], axis=1) / np.cosh(eta)[:, None]
    number, found = _vertices(
        offsets, tracks, axis, config.vertex_chi2_max, config.flight_significance_min
    )
    order = np.lexsort((-found[:, FIELDS.index("dlenSig")], number))
    rows = ak.zip(dict(zip(FIELDS, found[order].T, strict=True)))
    return ak.unflatten(rows, np.bincount(number, minlength=len(counts)))


@njit(cache=True)
def _equations(tracks):
    """Normal equations of the fit, those of each track alone, which add up; shape (n, 10).

    The upper triangle of the matrix, the right-hand side, and the sum of squares.
    """
    n = tracks.shape[1]
    result = np.zeros((n, 10))
    for i in range(n):
        cos, sin, slope = np.cos(tracks[2, i]), np.sin(tracks[2, i]), np.sinh(tracks[1, i])
        for a, b, c, value, error in (
            (-sin, cos, 0.0, tracks[5, i], tracks[6, i]),
            (-cos * slope, -sin * slope, 1.0, tracks[7, i], tracks[8, i]),
        ):
            terms = np.array(
                [a * a, a * b, a * c, b * b, b * c, c * c, a, b, c, value], dtype=np.float64
            )
            terms[6:] *= value
            result[i] += terms / error**2
    return result


@njit(cache=True)
def _fitted(equations):
    """Position (3), upper triangle of its covariance (6), and chi2 of a sum of equations."""
    a, b, c, d, e, f, x, y, z, squares = equations
    inverse = np.array(
        [d * f - e * e, c * e - b * f, b * e - c * d, a * f - c * c, b * c - a * e, a * d - b * b]
    )
    # Parallel tracks meet nowhere.
    inverse /= max(a * inverse[0] + b * inverse[1] + c * inverse[2], 1e-300)
    position = np.array(
        [
            inverse[0] * x + inverse[1] * y + inverse[2] * z,
            inverse[1] * x + inverse[3] * y + inverse[4] * z,
            inverse[2] * x + inverse[4] * y + inverse[5] * z,
        ]
    )
    chi2 = squares - position[0] * x - position[1] * y - position[2] * z
    return position, inverse, max(chi2, 0.0)


@njit(cache=True)
def _flight(x, y, z, covariance):
    """Distance of (x, y, z) from the origin, and its error."""
    length = np.sqrt(x * x + y * y + z * z)
    x, y, z = x / length, y / length, z / length
    xx, xy, xz, yy, yz, zz = covariance
    variance = xx * x * x + yy * y * y + zz * z * z + 2 * (xy * x * y + xz * x * z + yz * y * z)
    return length, np.sqrt(variance)


@njit(cache=True)
def _described(members, tracks, position, covariance, chi2):
    """The row of a vertex, in the order of `FIELDS`."""
    px = py = pz = energy = charge = 0.0
    for i in members:
        pt, eta, phi, mass = tracks[0, i], tracks[1, i], tracks[2, i], tracks[3, i]
        px += pt * np.cos(phi)
        py += pt * np.sin(phi)
        pz += pt * np.sinh(eta)
        energy += np.sqrt((pt * np.cosh(eta)) ** 2 + mass**2)
        charge += tracks[4, i]
    pt, p = np.hypot(px, py), np.sqrt(px**2 + py**2 + pz**2)
    x, y, z = position
    length, length_error = _flight(x, y, z, covariance)
    radius, radius_error = _flight(x, y, 0.0, covariance)
    angle = (px * x + py * y + pz * z) / (p * length)
    ndof = 2 * len(members) - 3
    return np.array(
        [
            pt,
            np.arcsinh(pz / pt),
            np.arctan2(py, px),
            np.sqrt(max(energy**2 - p**2, 0.0)),
            x,
            y,
            z,
            length,
            length / length_error,
            radius,
            radius / radius_error,
            np.arccos(min(max(angle, -1.0), 1.0)),
            chi2 / ndof,
            ndof,
            len(members),
            charge,
        ]
    )


@njit(cache=True)
def _vertices(offsets, tracks, axis, chi2_max, significance_min):
    """Number of the jet of each vertex, and its row."""
    # Empty lists of these types.
    jets = [0 for _ in range(0)]
    found = [np.zeros(16) for _ in range(0)]
    equations = _equations(tracks)
    free = np.ones(tracks.shape[1], dtype=np.bool_)
    for jet in range(len(offsets) - 1):
        inside = range(offsets[jet], offsets[jet + 1])
        ax, ay, az = axis[jet]
        while True:
            best, one, other = chi2_max, -1, -1
            for i in inside:
                for j in range(i + 1, offsets[jet + 1]):
                    if free[i] and free[j]:
                        (x, y, z), _, chi2 = _fitted(equations[i] + equations[j])
                        if chi2 <= best and x * ax + y * ay + z * az > 0:
                            best, one, other = chi2, i, j
            if one < 0:
                break
            members = [one, other]
            free[one] = free[other] = False
            total = equations[one] + equations[other]
            position, covariance, chi2 = _fitted(total)
            while True:
                best, one = chi2_max, -1
                for i in inside:
                    if free[i]:
                        added = _fitted(total + equations[i])[2] - chi2
                        if added <= best:
                            best, one = added, i
                if one < 0:
                    break
                members.append(one)
                free[one] = False
                total = total + equations[one]
                position, covariance, chi2 = _fitted(total)
            row = _described(members, tracks, position, covariance, chi2)
            mass, significance, radius, charge = row[3], row[8], row[9], row[15]
            kaon = len(members) == 2 and charge == 0 and abs(mass - KAON) < KAON_WINDOW
            if significance >= significance_min and radius <= RADIUS_MAX and not kaon:
                jets.append(jet)
                found.append(row)
    result = np.zeros((len(found), 16))
    for i in range(len(found)):
        result[i] = found[i]
    return np.array(jets, dtype=np.int64), result
