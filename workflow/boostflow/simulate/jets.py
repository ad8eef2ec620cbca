"""Anti-kT jets with FastJet, and the match of reconstructed to generator jets."""

from __future__ import annotations

import awkward as ak
import fastjet
import numpy as np

from boostflow.simulate.detector import Particles


def momenta(particles: Particles, events: int) -> ak.Array:
    """Particles as one list of four-momenta (px, py, pz, E) an event.

    Args:
        particles: ordered by event.
        events: number of events in the batch, empty ones included.
    """
    pz = particles.pt * np.sinh(particles.eta)
    rows = ak.zip(
        {
            "px": particles.pt * np.cos(particles.phi),
            "py": particles.pt * np.sin(particles.phi),
            "pz": pz,
            "E": np.sqrt(particles.pt**2 + pz**2 + particles.mass**2),
        },
        with_name="Momentum4D",
    )
    return ak.unflatten(rows, np.bincount(particles.event, minlength=events))


def cluster(
    particles: Particles, events: int, radius: float, pt_min: float, constituents: bool = False
) -> ak.Array:
    """Anti-kT jets (arXiv:0802.1189) with the E scheme, by falling pT.

    Returns:
        One list an event of records `pt`, `eta`, `phi`, `mass` (GeV) and, if asked for,
        `constituents`: the positions of the jet's particles in its event, ascending.
    """
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, radius)
    sequence = fastjet.ClusterSequence(momenta(particles, events), definition)
    found = sequence.inclusive_jets(min_pt=pt_min)
    columns = kinematics(found)
    if constituents:
        columns["constituents"] = ak.sort(sequence.constituent_index(min_pt=pt_min), axis=-1)
    return by_pt(ak.zip(columns, depth_limit=2))


def kinematics(momenta: ak.Array) -> dict[str, ak.Array]:
    """`pt`, `eta`, `phi` and `mass` (GeV) of records with `px`, `py`, `pz` and `E`."""
    pt2 = momenta.px**2 + momenta.py**2
    pt = np.sqrt(pt2)
    return {
        "pt": pt,
        "eta": np.arcsinh(momenta.pz / pt),
        "phi": np.arctan2(momenta.py, momenta.px),
        "mass": np.sqrt(np.maximum(momenta.E**2 - pt2 - momenta.pz**2, 0)),
    }


def by_pt(jets: ak.Array) -> ak.Array:
    """Jets of each event by falling pT."""
    return jets[ak.argsort(jets.pt, axis=1, ascending=False)]


def constituents(candidates: ak.Array, index: ak.Array) -> ak.Array:
    """The candidates in each jet.

    Args:
        candidates: one list an event.
        index: one list an event of lists, one a jet, of positions in the event.

    Returns:
        One list a jet, all events in a row.
    """
    first = np.cumsum(ak.num(candidates)) - ak.num(candidates)
    flat = ak.flatten(candidates)[np.asarray(ak.flatten(index + first, axis=None))]
    return ak.unflatten(flat, ak.flatten(ak.num(index, axis=2)))


def match(jets: ak.Array, others: ak.Array, distance: float) -> ak.Array:
    """Position of the nearest of `others` within `distance` in (eta, phi) for each jet, or -1.

    Returns:
        One list of int16 an event.
    """
    one, other = ak.unzip(ak.cartesian([jets, others], axis=1, nested=True))
    dphi = np.abs(one.phi - other.phi)
    dr2 = (one.eta - other.eta) ** 2 + np.minimum(dphi, 2 * np.pi - dphi) ** 2
    nearest = ak.argmin(dr2, axis=2)
    close = ak.fill_none(ak.min(dr2, axis=2) < distance**2, False)
    return ak.values_astype(ak.where(close, ak.fill_none(nearest, -1), -1), np.int16)
