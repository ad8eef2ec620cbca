"""What a file has: decides which parts of the analysis can run on it, and says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from boostflow.errors import BoostflowError

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


@dataclass(frozen=True)
class Features:
    """What is there, and sentences about what is not."""

    constituents: bool
    truth: bool
    gen_weight: bool
    ps_weight: bool
    met: str | None
    counted: bool
    """Constituents come with their number per jet, as coffea's PFNano schema wants it."""
    classes: bool = False
    """Each event has a `label`, the class that the file gives it."""
    generator_jets: bool = False
    rho: str | None = None
    """Branch of the median pT density, which resolutions depend on."""
    area: bool = False
    """Jets have an area."""
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, bool]:
        """The switches that later stages look at."""
        return {
            "constituents": self.constituents,
            "truth": self.truth,
            "genWeight": self.gen_weight,
            "PSWeight": self.ps_weight,
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
        BoostflowError: what no analysis can do without is missing, or the file contradicts its
            declaration as data or simulation.
    """
    have = set(branches)

    def lacks(names: Iterable[str]) -> list[str]:
        return [name for name in names if name not in have]

    if missing := lacks(EVENT + FATJET):
        raise BoostflowError(
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
            f"no jet constituents ({missing[0]} is missing): observables from constituents, "
            "UCluster and all else that needs them are off"
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
    if "PSWeight" not in have and not data:
        notes.append("no PSWeight: parton-shower weight variations are off")
    return Features(
        constituents=not lacks(CONSTITUENTS),
        truth=truth,
        gen_weight="genWeight" in have,
        ps_weight="PSWeight" in have,
        met=met,
        counted=not lacks((*CONSTITUENTS, COUNT)),
        generator_jets=not lacks(GENERATOR_JETS),
        rho=next((name for name in RHO if name in have), None),
        area=AREA in have,
        notes=notes,
    )
