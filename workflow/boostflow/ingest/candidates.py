"""Constituents of jets as PFNano has them: found by links, weighted by PUPPI."""

from __future__ import annotations

import awkward as ak
import numpy as np

from boostflow.errors import BadFile


def linked(
    number: np.ndarray, jet: ak.Array, index: ak.Array, candidates: ak.Array, file: str
) -> ak.Array:
    """Constituents of each jet, in the order of the links; these may be in any order.

    Args:
        number: of jets, shape (events,).
        jet: position of a link's jet in the event, shape (events, links); outside of all jets: -1.
        index: position of its constituent in the event, shape (events, links).
        candidates: shape (events, candidates).
        file: for messages.

    Returns:
        Shape (events, jets, constituents).

    Raises:
        BadFile: links to constituents or jets that are not there.
    """
    event = np.repeat(np.arange(len(number)), ak.to_numpy(ak.num(jet, axis=1)))
    jet, index = (ak.to_numpy(ak.flatten(x)).astype(np.int64) for x in (jet, index))
    available = ak.to_numpy(ak.num(candidates, axis=1))
    for owner, low, position, size in (
        ("PFCands", 0, index, available),
        ("FatJet", -1, jet, number),
    ):
        if ((position < low) | (position >= size[event])).any():
            raise BadFile(
                f"{file}: FatJetPFCands name {owner} that are not there; the file is damaged"
            )
    here = jet >= 0
    event, jet, index = event[here], jet[here], index[here]
    jet = (np.cumsum(number) - number)[event] + jet
    order = np.argsort(jet, kind="stable")
    where = ((np.cumsum(available) - available)[event] + index)[order]
    by_jet = ak.unflatten(ak.flatten(candidates)[where], np.bincount(jet, minlength=number.sum()))
    return ak.unflatten(by_jet, number)


def weighted(candidates: ak.Array) -> ak.Array:
    """Constituents with pt and mass (GeV) times their PUPPI weight (arXiv:1407.6013).

    Those of weight 0 are dropped, for they are not in the jet.

    Args:
        candidates: of each jet, perhaps with `puppiWeight`; without it nothing changes.
    """
    if "puppiWeight" not in candidates.fields:
        return candidates
    # NaN stays: it is refused with the momenta.
    candidates = candidates[candidates.puppiWeight != 0]
    for name in ("pt", "mass"):
        candidates = ak.with_field(candidates, candidates[name] * candidates.puppiWeight, name)
    return candidates[[name for name in candidates.fields if name != "puppiWeight"]]
