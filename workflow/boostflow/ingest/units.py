"""Units of files: momenta, energies and masses in GeV, whatever a sample's files have them in."""

from __future__ import annotations

from collections.abc import Mapping

import awkward as ak
import numpy as np

from boostflow.config.samples import Units
from boostflow.ingest.branches import Branches
from boostflow.ingest.features import Features
from boostflow.nanoaod import EMBEDDING, LAYER_FIELDS, RHO, VECTORS
from boostflow.observables.catalogue import ingested
from boostflow.observables.declare import Unit

IN_GEV = {"GeV": 1.0, "MeV": 1e-3}
"""What a unit of momenta is in GeV."""
SMALLEST = 10.0
"""The median pT (GeV) that no collection of fat jets is below: detectors find none so soft, and
those of 10 TeV are below it where their GeV are taken for MeV."""
FIELDS = {
    *(name for vector in VECTORS for name in vector if name not in ("eta", "phi")),
    *(one.branch for one in ingested() if one.branch is not None and one.unit is Unit.GEV),
    *LAYER_FIELDS,
}
"""Fields of jets, constituents, MET and generator jets, by NanoAOD's names, that have a unit."""

DENSITIES = {*RHO, EMBEDDING["rho_mult"], EMBEDDING["gen_lead_pt"]}
"""Branches of the event that have one."""


def has_unit(name: str) -> bool:
    """Whether a branch, by NanoAOD's name, holds momenta, energies or masses, or their density."""
    return name in DENSITIES or name.partition("_")[2] in FIELDS


def in_gev(found: Mapping[str, ak.Array], units: Units) -> dict[str, ak.Array]:
    """Branches with momenta, energies and masses in GeV.

    Args:
        found: values by NanoAOD's names, in the units of the file.
        units: those of the file.
    """
    factor = IN_GEV[units.momentum]
    return {
        name: values * factor if factor != 1 and has_unit(name) else values
        for name, values in found.items()
    }


def too_small(branches: Branches, features: Features, units: Units, number: int) -> str | None:
    """What is wrong with jets too soft to be any, whose GeV are probably taken for MeV.

    The other mistake, MeV that are taken for GeV, makes jets of more energy than a beam has
    (`BadEvents.possible`).

    Args:
        branches: of the file.
        features: with its names.
        units: that the sample declares.
        number: of events that are looked at, the first ones.

    Returns:
        A sentence; None if nothing is wrong, or there are no jets.
    """
    parts = ("FatJet_pt",) if "FatJet_pt" in features.names else ("FatJet_px", "FatJet_py")
    wanted = {name: features.names[name] for name in parts if name in features.names}
    if units.momentum == "GeV" or not wanted:
        return None
    read = branches.read(list(wanted.values()), 0, number)
    found = in_gev({ours: read[theirs] for ours, theirs in wanted.items()}, units)
    components = [ak.to_numpy(ak.flatten(values, axis=None)) for values in found.values()]
    pt = np.sqrt(np.sum(np.square(components), axis=0))
    median = float(np.median(pt)) if len(pt) else np.inf
    if median >= SMALLEST:
        return None
    return (
        f"the median pT of its jets is {median:.3g} GeV by `units: {{momentum: "
        f"{units.momentum}}}` of its sample, where fat jets have more than {SMALLEST:g}: the file "
        "is probably in GeV, leave `units` out"
    )
