"""NanoAOD's names of the branches that are read (what entries of weights mean: `theory`).

The configuration is checked against these names, ingest reads the branches, and boostflow's own
samples are written with them.
"""

from __future__ import annotations

from boostflow.observables.catalogue import EM_LAYERS, jet_fields
from boostflow.theory import WEIGHTS

EVENT = ("run", "luminosityBlock", "event")
"""Numbers that name an event."""
FATJET = ("FatJet_pt", "FatJet_eta", "FatJet_phi", "FatJet_mass")
"""Four-momenta of large-radius jets."""
CONSTITUENTS = (
    "FatJetPFCands_jetIdx",
    "FatJetPFCands_pFCandsIdx",
    "PFCands_pt",
    "PFCands_eta",
    "PFCands_phi",
    "PFCands_mass",
    "PFCands_charge",
    "PFCands_pdgId",
)
IMPACT = tuple(f"PFCands_{name}" for name in ("d0", "d0Err", "dz", "dzErr"))
"""Impact parameters of constituents and their errors (cm); negative errors: no track."""
VERTICES = tuple(
    f"SV_{name}"
    for name in (
        *("pt", "eta", "phi", "mass", "dlen", "dlenSig", "dxy", "dxySig"),
        *("pAngle", "chi2", "ntracks"),
    )
)
"""Secondary vertices of the event (GeV, cm)."""
TRACKING = (*IMPACT, *VERTICES)
"""What `ingest.tracks` asks for."""
PUPPI_WEIGHT = "PFCands_puppiWeight"
TRUTH = tuple(
    f"GenPart_{name}"
    for name in ("eta", "phi", "pdgId", "status", "statusFlags", "genPartIdxMother")
)
MET_KINDS = {"PF": ("MET", "PFMET"), "PUPPI": ("PuppiMET",)}
"""Missing momenta, of particle flow or weighted by PUPPI, by the names of all versions."""
MET = (*MET_KINDS["PF"], *MET_KINDS["PUPPI"])
"""In the order in which they are looked for: so the first one is the same in all versions."""
GENERATOR_JETS = (
    "FatJet_genJetAK8Idx",
    *(f"GenJetAK8_{name}" for name in ("pt", "eta", "phi", "mass")),
)
RHO = ("Rho_fixedGridRhoFastjetAll", "fixedGridRhoFastjetAll", "Rho_median")
"""Median pT density by its names; the last one is that of boostflow's own samples."""
EMBEDDING = {
    "rho_mult": "Rho_medianPt",
    "n_event": "Event_candidates",
    "gen_lead_pt": "Event_leadingGenJetPt",
}
"""Columns of the event that boostflow's own samples have where events are embedded, and the
branches."""
LAYERS = {name: f"FatJet_emLayer{number}" for number, name in enumerate(EM_LAYERS)}
"""Energies of the layers of the calorimeter that boostflow's own jets have where showers are made,
and the branches."""
LAYER_FIELDS = tuple(branch.partition("_")[2] for branch in LAYERS.values())
"""Those branches as fields of `FatJet`."""
AREA, RAW = "FatJet_area", "FatJet_rawFactor"
LINKS = CONSTITUENTS[:2]
VECTORS = (
    ("pt", "eta", "phi", "mass"),
    ("pt", "eta", "phi", "energy"),
    ("px", "py", "pz", "energy"),
)
"""Fields that a four-momentum is made of, the first ones that are there."""

READABLE = tuple(
    dict.fromkeys(
        (
            *EVENT,
            "genWeight",
            *WEIGHTS,
            *(f"{met}_{field}" for met in MET for field in ("pt", "phi")),
            *(*RHO, *EMBEDDING.values()),
            *(f"FatJet_{field}" for vector in VECTORS for field in vector),
            *(f"FatJet_{field}" for field in jet_fields()),
            *(AREA, RAW, *LAYERS.values(), *GENERATOR_JETS),
            *CONSTITUENTS,
            *(f"PFCands_{field}" for vector in VECTORS for field in vector),
            PUPPI_WEIGHT,
            *TRACKING,
            *TRUTH,
        )
    )
)
"""NanoAOD's names of everything that is read; `branches` of a sample may name each of them."""
