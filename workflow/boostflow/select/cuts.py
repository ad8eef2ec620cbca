"""Object and event cuts: a mask a cut, in order.

`coffea.analysis_tools.PackedSelection` is the same, but importing it takes a second: a third of a
selection, of which a run has hundreds.
"""

from __future__ import annotations

from itertools import accumulate

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.config.chain import EventCuts, FatJetCuts

Cuts = dict[str, NDArray[np.bool_]]
"""What passes each cut, by its name in the cutflow."""


def one_after_another(cuts: Cuts) -> Cuts:
    """What passes each cut and all before it."""
    return dict(zip(cuts, accumulate(cuts.values(), np.logical_and), strict=True))


def fatjet_cuts(rows: ak.Array, cuts: FatJetCuts) -> Cuts:
    """Cuts on each fat jet; each of shape (rows,)."""
    pt, mass = ak.to_numpy(rows.pt), ak.to_numpy(rows.mass)
    found = {
        "fat jet pT": (pt >= cuts.pt[0]) & (pt < cuts.pt[1]),
        "fat jet |eta|": np.abs(ak.to_numpy(rows.eta)) < cuts.abs_eta_max,
        "fat jet mass": (mass >= cuts.mass[0]) & (mass < cuts.mass[1]),
    }
    if "multiplicity" in rows.fields:
        found["fat jet constituents"] = ak.to_numpy(rows.multiplicity) >= cuts.multiplicity_min
    return found


def event_cuts(
    n_fatjets: np.ndarray,
    leading_pt: np.ndarray,
    mjj: np.ndarray,
    ht: np.ndarray,
    met: np.ndarray,
    cuts: EventCuts,
) -> Cuts:
    """Cuts on each event; each of shape (events,).

    Args:
        n_fatjets: number of fat jets that pass the jet cuts.
        leading_pt: the highest pT of those (GeV); 0 without one.
        mjj: mass of the two leading ones (GeV); NaN where there are fewer.
        ht, met: in GeV.
        cuts: the block.
    """
    found = {"fat jets, at least": n_fatjets >= cuts.fatjets_min}
    if cuts.fatjets_max is not None:
        found["fat jets, at most"] = n_fatjets <= cuts.fatjets_max
    if cuts.leading_pt_min > 0:
        found["leading fat jet pT"] = leading_pt >= cuts.leading_pt_min
    if cuts.mjj is not None:
        found["dijet mass"] = (mjj >= cuts.mjj[0]) & (mjj < cuts.mjj[1])
    found["HT"] = ht >= cuts.ht_min
    if cuts.met_max is not None:
        found["MET, at most"] = met < cuts.met_max
    if cuts.met_min > 0:
        found["MET, at least"] = met >= cuts.met_min
    return found
