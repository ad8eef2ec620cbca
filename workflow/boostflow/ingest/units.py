"""Units of files: momenta, energies and masses in GeV, whatever a sample's files have them in."""

from __future__ import annotations

from collections.abc import Mapping

import awkward as ak

from boostflow.config.samples import Units
from boostflow.nanoaod import RHO, VECTORS
from boostflow.observables.catalogue import ingested
from boostflow.observables.declare import Unit

IN_GEV = {"GeV": 1.0, "MeV": 1e-3}
"""What a unit of momenta is in GeV."""
FIELDS = {
    *(name for vector in VECTORS for name in vector if name not in ("eta", "phi")),
    *(one.branch for one in ingested() if one.branch is not None and one.unit is Unit.GEV),
}
"""Fields of jets, constituents, MET and generator jets, by NanoAOD's names, that have a unit."""


def has_unit(name: str) -> bool:
    """Whether a branch, by NanoAOD's name, holds momenta, energies or masses, or their density."""
    return name in RHO or name.partition("_")[2] in FIELDS


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
