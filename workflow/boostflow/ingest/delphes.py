"""Delphes' trees (arXiv:1307.6346): what they hold in another form than NanoAOD.

Jets refer to their constituents by the unique numbers of ROOT's TRef: 24 bits, which
`fUniqueID` of the objects has, too.
"""

from __future__ import annotations

from collections.abc import Iterable

import awkward as ak
import numpy as np

SOURCES = {
    "EFlowTrack": "PT",
    "EFlowPhoton": "ET",
    "EFlowNeutralHadron": "ET",
    "ParticleFlowCandidate": "PT",
    "Track": "PT",
    "Tower": "ET",
}
"""Collections that jets are made of in Delphes' cards, and their transverse momentum."""

PDG_ID = {"EFlowPhoton": 22, "EFlowNeutralHadron": 130}
"""PDG ids of objects that have none of their own; 0: unknown."""

NUMBER = (1 << 24) - 1
"""The bits of a TRef that count objects."""

_HARD_PROCESS, _LAST_COPY = 1 << 7, 1 << 13


SUBSTRUCTURE = {"tau": ("tau1", "tau2", "tau3"), "softdrop": ("msoftdrop",)}
"""Fields of a jet, and what `substructure` makes of each."""


def constituent_branches(branches: Iterable[str]) -> list[str]:
    """The branches that `constituents` reads, of those that there are."""
    return [
        f"{source}.{name}"
        for source, pt in SOURCES.items()
        for name in ("fUniqueID", pt, "Eta", "Phi", "Mass", "Charge", "PID")
        if f"{source}.{name}" in branches
    ]


def substructure(fields: dict[str, ak.Array]) -> dict[str, ak.Array]:
    """N-subjettiness and soft-drop mass (GeV) of jets, where the file has them."""
    found = {}
    if "tau" in fields:
        found |= {name: fields["tau"][:, :, i] for i, name in enumerate(SUBSTRUCTURE["tau"])}
    if "softdrop" in fields:
        p = fields["softdrop"]
        squared = p.fE**2 - p.fP.fX**2 - p.fP.fY**2 - p.fP.fZ**2
        found["msoftdrop"] = np.sqrt(ak.where(squared > 0, squared, 0))
    return found


def constituents(references: ak.Array, read: dict[str, ak.Array]) -> ak.Array:
    """Constituents of jets: records of pt, eta, phi, mass (GeV), charge and pdgId.

    Objects without pT are left out; towers are massless.

    Args:
        references: TRefArrays, shape (events, jets).
        read: the branches of `constituent_branches`.

    Returns:
        Shape (events, jets, constituents).

    Raises:
        ValueError: a constituent is in none of the collections.
    """
    objects = []
    for source, pt in SOURCES.items():
        if f"{source}.fUniqueID" not in read:
            continue
        values = read[f"{source}.{pt}"]
        nothing = ak.zeros_like(values)
        number = nothing + PDG_ID.get(source, 0)
        objects.append(
            ak.zip(
                {
                    "unique": read[f"{source}.fUniqueID"] & NUMBER,
                    "pt": values,
                    "eta": read[f"{source}.Eta"],
                    "phi": read[f"{source}.Phi"],
                    "mass": read.get(f"{source}.Mass", nothing),
                    "charge": read.get(f"{source}.Charge", ak.values_astype(nothing, "int32")),
                    "pdgId": read.get(f"{source}.PID", ak.values_astype(number, "int32")),
                }
            )
        )
    all_objects = ak.concatenate(objects, axis=1)
    refs = references.refs & NUMBER
    counts = ak.to_numpy(ak.flatten(ak.num(refs, axis=2)))
    jets = ak.to_numpy(ak.num(refs, axis=1))
    event = np.repeat(np.repeat(np.arange(len(jets)), jets), counts)
    # One number for an object of an event.
    width = NUMBER + 1
    wanted = event * width + ak.to_numpy(ak.flatten(refs, axis=None))
    flat = ak.flatten(all_objects)
    of = np.repeat(np.arange(len(jets)), ak.to_numpy(ak.num(all_objects)))
    keys = of * width + ak.to_numpy(flat.unique)
    order = np.argsort(keys, kind="stable")
    place = np.searchsorted(keys, wanted, sorter=order)
    if (place == len(keys)).any() or (keys[order[place]] != wanted).any():
        raise ValueError(f"jets refer to objects that are in none of {', '.join(SOURCES)}")
    chosen = flat[[x for x in flat.fields if x != "unique"]][order[place]]
    inside = ak.unflatten(ak.unflatten(chosen, counts), jets)
    # Towers may have lost all of their momentum: such have no direction.
    return inside[inside.pt > 0]


def status_flags(particles: dict[str, ak.Array]) -> ak.Array:
    """NanoAOD's bits isHardProcess (Pythia's status 21 to 29) and isLastCopy.

    Args:
        particles: `GenPart_pdgId`, `GenPart_status`, `GenPart_genPartIdxMother`, (events, n).
    """
    pdg, status, mother = (
        particles[f"GenPart_{x}"] for x in ("pdgId", "status", "genPartIdxMother")
    )
    number = ak.to_numpy(ak.num(pdg))
    first = np.repeat(np.cumsum(number) - number, number)
    flat, above = (ak.to_numpy(ak.flatten(x)).astype(np.int64) for x in (pdg, mother))
    last = np.ones(len(flat), dtype=bool)
    parent = np.where(above >= 0, first + above, np.arange(len(flat)))
    copied = (above >= 0) & (flat[parent] == flat)
    last[parent[copied]] = False
    size = abs(ak.to_numpy(ak.flatten(status)))
    hard = (size >= 21) & (size <= 29)
    return ak.unflatten(hard * _HARD_PROCESS + last * _LAST_COPY, number)
