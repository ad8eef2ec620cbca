"""Secondary vertices of jets: those of the event, each with the jet that is nearest to it."""

from __future__ import annotations

import awkward as ak

from boostflow.ingest.truth import distances2


def in_jets(jets: ak.Array, vertices: ak.Array, radius: float) -> ak.Array:
    """The vertices of each jet: those that are nearer to it than `radius` and than to other jets.

    Args:
        jets: records with eta, phi, shape (events, jets).
        vertices: records with eta, phi of their momenta, shape (events, vertices).
        radius: largest distance in (eta, phi).

    Returns:
        Shape (events, jets, vertices).
    """
    distance = distances2(vertices, jets)
    nearest = ak.argmin(distance, axis=2)
    owner = ak.fill_none(ak.where(ak.min(distance, axis=2) < radius**2, nearest, -1), -1)
    index = ak.local_index(jets.eta, axis=1)
    pairs = ak.cartesian({"jet": index, "owner": owner}, nested=True)
    inside = ak.cartesian({"jet": index, "vertex": vertices}, nested=True).vertex
    return inside[pairs.jet == pairs.owner]
