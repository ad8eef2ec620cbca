"""NanoAOD's names of the branches that are read, and of the columns made from its event weights.

The configuration is checked against these names, ingest reads the branches, and boostflow's own
samples are written with them.
"""

from __future__ import annotations

import re

from boostflow.observables.catalogue import jet_fields

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
PUPPI_WEIGHT = "PFCands_puppiWeight"
TRUTH = tuple(
    f"GenPart_{name}"
    for name in ("eta", "phi", "pdgId", "status", "statusFlags", "genPartIdxMother")
)
MET = ("MET", "PuppiMET", "PFMET")
GENERATOR_JETS = (
    "FatJet_genJetAK8Idx",
    *(f"GenJetAK8_{name}" for name in ("pt", "eta", "phi", "mass")),
)
RHO = ("Rho_fixedGridRhoFastjetAll", "fixedGridRhoFastjetAll")
AREA, RAW = "FatJet_area", "FatJet_rawFactor"
LINKS = CONSTITUENTS[:2]
VECTORS = (
    ("pt", "eta", "phi", "mass"),
    ("pt", "eta", "phi", "energy"),
    ("px", "py", "pz", "energy"),
)
"""Fields that a four-momentum is made of, the first ones that are there."""

WEIGHTS = {
    "PSWeight": "parton-shower weight variations are",
    "LHEScaleWeight": "weights for other scales (muR, muF) are",
    "LHEPdfWeight": "weights for other parton densities are",
}
"""Branches of relative event weights, and what is off without them."""
PS_WEIGHTS = ("isr_up", "fsr_up", "isr_down", "fsr_down")
"""PSWeight in the order of CMS NanoAOD: ISR x 0.5, FSR x 0.5, ISR x 2, FSR x 2 (of the scale)."""
SCALES = tuple((mur, muf) for mur in (0.5, 1.0, 2.0) for muf in (0.5, 1.0, 2.0))
"""LHEScaleWeight, as (muR, muF), in the order of CMS NanoAOD; files with 8 entries lack the nominal
one."""
READABLE = tuple(
    dict.fromkeys(
        (
            *EVENT,
            "genWeight",
            *WEIGHTS,
            *(f"{met}_{field}" for met in MET for field in ("pt", "phi")),
            *RHO,
            *(f"FatJet_{field}" for vector in VECTORS for field in vector),
            *(f"FatJet_{field}" for field in jet_fields()),
            *(AREA, RAW, *GENERATOR_JETS),
            *CONSTITUENTS,
            *(f"PFCands_{field}" for vector in VECTORS for field in vector),
            PUPPI_WEIGHT,
            *TRUTH,
        )
    )
)
"""NanoAOD's names of everything that is read; `branches` of a sample may name each of them."""

_SCALE_NAMES = {0.5: "05", 1.0: "", 2.0: "2"}
_IN_TITLE = re.compile(r"\[\d+\] is ([^;\[]*)")
_NUMBER = r"""\s*=\s*"?([\d.]+(?:[ed][+-]?\d+)?)"""


def weight_columns(branch: str, count: int, title: str = "") -> list[str | None]:
    """Columns of the entries of a branch of relative weights; none where they mean nothing.

    Args:
        branch: a key of `WEIGHTS`.
        count: number of its entries.
        title: of the branch: CMS writes there which scales the entries of LHEScaleWeight have.

    Returns:
        `weight_isr_up`...; `weight_mur05_muf05`, `weight_mur2`... (factors of muR and muF, those
        of 1 left out, None for nominal); `weight_pdf_0`... in the order of the file.
    """
    if branch == "PSWeight":
        return [f"weight_{name}" for name in PS_WEIGHTS] if count == len(PS_WEIGHTS) else []
    if branch == "LHEPdfWeight":
        return [f"weight_pdf_{i}" for i in range(count)]
    told = _scales_in(title)
    nominal = (1.0, 1.0)
    scales = [pair for pair in SCALES if count == len(SCALES) or pair != nominal]
    if len(told) == count:
        named = [pair for pair in told if pair is not None]
        if len(named) == count:
            scales = named
        elif any(one not in (None, other) for one, other in zip(told, scales, strict=False)):
            return []
    if len(scales) != count or not set(scales) <= set(SCALES):
        return []
    return [_scale_column(*pair) for pair in scales]


def _scale_column(mur: float, muf: float) -> str | None:
    parts = [f"{name}{_SCALE_NAMES[x]}" for name, x in (("mur", mur), ("muf", muf)) if x != 1.0]
    return "_".join(["weight", *parts]) if parts else None


def _scales_in(title: str) -> list[tuple[float, float] | None]:
    """Factors of muR and muF by entry, as a title names them; None where it does not."""
    found: list[tuple[float, float] | None] = []
    for text in _IN_TITLE.findall(title):
        mur = re.search("(?:renscfact|mur)" + _NUMBER, text, re.IGNORECASE)
        muf = re.search("(?:facscfact|muf)" + _NUMBER, text, re.IGNORECASE)
        if mur is None or muf is None:
            found.append(None)
            continue
        one, other = (float(m[1].lower().replace("d", "e")) for m in (mur, muf))
        found.append((one, other))
    return found
