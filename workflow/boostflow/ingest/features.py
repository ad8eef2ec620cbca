"""What a file has: decides which parts of the analysis can run on it, and says so."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from boostflow.errors import BadFile, BoostflowError

EVENT = ("run", "luminosityBlock", "event")
FATJET = ("FatJet_pt", "FatJet_eta", "FatJet_phi", "FatJet_mass")
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
COUNT = "FatJet_nConstituents"
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
AREA = "FatJet_area"

# Branches of relative event weights, and what is off without them.
WEIGHTS = {
    "PSWeight": "parton-shower weight variations are",
    "LHEScaleWeight": "weights for other scales (muR, muF) are",
    "LHEPdfWeight": "weights for other parton densities are",
}
# PSWeight in the order of CMS NanoAOD: ISR x 0.5, FSR x 0.5, ISR x 2, FSR x 2 (of the scale).
PS_WEIGHTS = ("isr_up", "fsr_up", "isr_down", "fsr_down")
# LHEScaleWeight in the order of CMS NanoAOD; files with 8 entries lack the nominal one.
SCALES = tuple((mur, muf) for mur in (0.5, 1.0, 2.0) for muf in (0.5, 1.0, 2.0))
_SCALE_NAMES = {0.5: "05", 1.0: "", 2.0: "2"}
_IN_TITLE = re.compile(r"\[\d+\] is ([^;\[]*)")
_NUMBER = r"""\s*=\s*"?([\d.]+(?:[ed][+-]?\d+)?)"""


@dataclass(frozen=True)
class Features:
    """What is there, and sentences about what is not."""

    constituents: bool
    truth: bool
    gen_weight: bool
    weights: dict[str, list[str | None]]
    """Column of each entry of the branches of relative weights; None for nominal."""
    met: str | None
    counted: bool
    """Constituents come with their number per jet, as coffea's PFNano schema wants it."""
    charges: bool = False
    """Constituents come with their charge."""
    classes: bool = False
    """Each event has a `label`, the class that the file gives it."""
    generator_jets: bool = False
    rho: str | None = None
    """Branch of the median pT density, which resolutions depend on."""
    area: bool = False
    """Jets have an area."""
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, bool | int]:
        """The switches that later stages look at."""
        return {
            "constituents": self.constituents,
            "truth": self.truth,
            "genWeight": self.gen_weight,
            **{branch: len(self.weights.get(branch, [])) for branch in WEIGHTS},
            "MET": self.met is not None,
            "generatorJets": self.generator_jets,
            "rho": self.rho is not None,
            "area": self.area,
        }


def detect(file: str, branches: Iterable[str], *, data: bool, match: str | None) -> Features:
    """Look at the names of a ROOT tree's branches.

    Args:
        file: for messages.
        branches: their names.
        data: whether the sample is declared to be collision data.
        match: the particle that the sample's jets are to be matched to, or None.

    Raises:
        BadFile: what no analysis can do without is missing.
        BoostflowError: the file contradicts its declaration as data or simulation.
    """
    have = set(branches)

    def lacks(names: Iterable[str]) -> list[str]:
        return [name for name in names if name not in have]

    if missing := lacks(EVENT + FATJET):
        raise BadFile(
            f"{file}: no branch {', '.join(missing)}; boostflow reads NanoAOD-like trees with "
            f"{', '.join(EVENT)} and FatJet_pt, _eta, _phi, _mass"
        )
    if data and "genWeight" in have:
        raise BoostflowError(f"{file}: has genWeight, but its sample is declared `data: true`")
    if not data and "genWeight" not in have:
        raise BoostflowError(
            f"{file}: has no genWeight; set `data: true` for the sample if this is collision data"
        )
    notes = []
    if missing := lacks(CONSTITUENTS):
        notes.append(
            f"no jet constituents ({missing[0]} is missing): observables from constituents, their "
            "variations, UCluster and all else that needs them are off"
        )
    truth = not lacks(TRUTH)
    if match is not None and not truth:
        raise BoostflowError(
            f"{file}: jets cannot be matched to a {match} particle ({lacks(TRUTH)[0]} is missing); "
            "remove `match` from the sample"
        )
    if not truth:
        notes.append(
            f"no generator particles ({lacks(TRUTH)[0]} is missing): truth labels, training and "
            "ROC curves are off"
        )
    met = next((name for name in MET if f"{name}_pt" in have and f"{name}_phi" in have), None)
    if met is None:
        notes.append(f"no missing transverse momentum ({', '.join(MET)}): MET is taken as 0")
    if not data:
        notes += [f"no {name}: {what} off" for name, what in WEIGHTS.items() if name not in have]
    return Features(
        constituents=not lacks(CONSTITUENTS),
        truth=truth,
        gen_weight="genWeight" in have,
        weights={name: [] for name in WEIGHTS if name in have},
        met=met,
        charges=not lacks(CONSTITUENTS),
        counted=not lacks((*CONSTITUENTS, COUNT)),
        generator_jets=not lacks(GENERATOR_JETS),
        rho=next((name for name in RHO if name in have), None),
        area=AREA in have,
        notes=notes,
    )


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
    scales = _scales_in(title)
    if len(scales) != count:
        scales = [pair for pair in SCALES if count == len(SCALES) or pair != (1.0, 1.0)]
    if len(scales) != count or not set(scales) <= set(SCALES):
        return []
    return [_scale_column(*pair) for pair in scales]


def _scale_column(mur: float, muf: float) -> str | None:
    parts = [f"{name}{_SCALE_NAMES[x]}" for name, x in (("mur", mur), ("muf", muf)) if x != 1.0]
    return "_".join(["weight", *parts]) if parts else None


def _scales_in(title: str) -> list[tuple[float, float]]:
    """Factors of muR and muF by entry, as a title names them; empty where it does not."""
    found = []
    for text in _IN_TITLE.findall(title):
        mur = re.search("(?:renscfact|mur)" + _NUMBER, text, re.IGNORECASE)
        muf = re.search("(?:facscfact|muf)" + _NUMBER, text, re.IGNORECASE)
        if mur is None or muf is None:
            return []
        factors = (m[1].lower().replace("d", "e") for m in (mur, muf))
        found.append(tuple(float(x) for x in factors))
    return found
