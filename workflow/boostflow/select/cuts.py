"""Object and event cuts, as coffea PackedSelections."""

from __future__ import annotations

import awkward as ak
import numpy as np
from coffea.analysis_tools import PackedSelection

from boostflow.config.chain import EventCuts, FatJetCuts


def fatjet_cuts(rows: ak.Array, cuts: FatJetCuts) -> PackedSelection:
    """Cuts on each fat jet; one bit a cut, shape (rows,)."""
    selection = PackedSelection()
    pt, mass = ak.to_numpy(rows.pt), ak.to_numpy(rows.mass)
    selection.add("fat jet pT", (pt >= cuts.pt[0]) & (pt < cuts.pt[1]))
    selection.add("fat jet |eta|", np.abs(ak.to_numpy(rows.eta)) < cuts.abs_eta_max)
    selection.add("fat jet mass", (mass >= cuts.mass[0]) & (mass < cuts.mass[1]))
    if "multiplicity" in rows.fields:
        selection.add(
            "fat jet constituents", ak.to_numpy(rows.multiplicity) >= cuts.multiplicity_min
        )
    return selection


def event_cuts(
    n_fatjets: np.ndarray,
    leading_pt: np.ndarray,
    mjj: np.ndarray,
    ht: np.ndarray,
    met: np.ndarray,
    cuts: EventCuts,
) -> PackedSelection:
    """Cuts on each event; one bit a cut, shape (events,).

    Args:
        n_fatjets: number of fat jets that pass the jet cuts.
        leading_pt: the highest pT of those (GeV); 0 without one.
        mjj: mass of the two leading ones (GeV); NaN where there are fewer.
        ht, met: in GeV.
        cuts: the block.
    """
    selection = PackedSelection()
    selection.add("fat jets, at least", n_fatjets >= cuts.fatjets_min)
    if cuts.fatjets_max is not None:
        selection.add("fat jets, at most", n_fatjets <= cuts.fatjets_max)
    if cuts.leading_pt_min > 0:
        selection.add("leading fat jet pT", leading_pt >= cuts.leading_pt_min)
    if cuts.mjj is not None:
        selection.add("dijet mass", (mjj >= cuts.mjj[0]) & (mjj < cuts.mjj[1]))
    selection.add("HT", ht >= cuts.ht_min)
    if cuts.met_max is not None:
        selection.add("MET, at most", met < cuts.met_max)
    if cuts.met_min > 0:
        selection.add("MET, at least", met >= cuts.met_min)
    return selection
