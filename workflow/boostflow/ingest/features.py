"""What a file has: decides which parts of the analysis can run on it, and says so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from boostflow.config.samples import RootContent
from boostflow.config.weights import Carried
from boostflow.errors import BadFile, BoostflowError
from boostflow.ingest.branches import Branch, near
from boostflow.ingest.carried import NOTHING, Kept
from boostflow.ingest.carried import find as find_carried
from boostflow.nanoaod import (
    AREA,
    CONSTITUENTS,
    EMBEDDING,
    EVENT,
    FATJET,
    GENERATOR_JETS,
    IMPACT,
    LAYERS,
    LINKS,
    MET,
    MET_KINDS,
    PUPPI_WEIGHT,
    RAW,
    READABLE,
    RHO,
    TRACKING,
    TRUTH,
    VECTORS,
    VERTICES,
)
from boostflow.observables.catalogue import available, without_charges
from boostflow.theory import NOMINAL_SCALE, WEIGHTS

INTEGERS = (*LINKS, *TRUTH[2:], GENERATOR_JETS[0], "PFCands_charge", "PFCands_pdgId")
V15 = {
    "FatJetPFCands_jetIdx": "FatJetPFCand_jetIdx",
    "FatJetPFCands_pFCandsIdx": "FatJetPFCand_pfCandIdx",
    **{f"PFCands_{x}": f"PFCand_{x}" for x in ("pt", "eta", "phi", "mass", "charge", "pdgId")},
}
"""Constituents as NanoAOD v15 names them; PFNano of earlier versions has the other names.

Their pt and mass have the PUPPI weight in them (CMSSW, PhysicsTools/NanoAOD, jetConstituents_cff).
"""
DELPHES = {
    "genWeight": "Event.Weight",
    "MET_pt": "MissingET.MET",
    "MET_phi": "MissingET.Phi",
    **{f"FatJet_{x}": f"FatJet.{y}" for x, y in {
        "pt": "PT", "eta": "Eta", "phi": "Phi", "mass": "Mass", "tau": "Tau[5]",
        "softdrop": "SoftDroppedJet", "references": "Constituents",
    }.items()},
    **{f"GenPart_{x}": f"Particle.{y}" for x, y in {
        "eta": "Eta", "phi": "Phi", "pdgId": "PID", "status": "Status", "genPartIdxMother": "M1",
    }.items()},
}  # fmt: skip
"""Branches of Delphes by NanoAOD's names, and of what NanoAOD has in another form."""


@dataclass(frozen=True)
class Features:
    """What is there, and sentences about what is not."""

    constituents: bool
    truth: bool
    gen_weight: bool
    weights: dict[str, list[str | None]]
    """Column of each entry of the branches of theory weights; None of those that are not read."""
    met: str | None
    which_met: str | None = None
    """What the missing momentum is, in words that are equal where it is the same."""
    charges: bool = False
    """Constituents come with their charge."""
    tracks: bool = False
    """Constituents come with impact parameters, which are wanted."""
    vertices: bool = False
    """Events come with secondary vertices, which are wanted."""
    classes: bool = False
    """Each event has a `label`, the class that the file gives it."""
    generator_jets: bool = False
    rho: str | None = None
    """Branch of the median pT density, which resolutions depend on."""
    area: bool = False
    """Jets have an area."""
    embedded: dict[str, str] = field(default_factory=dict)
    """Branches of `EMBEDDING` by their columns."""
    layers: dict[str, str] = field(default_factory=dict)
    """Branches of `LAYERS` by their columns."""
    raw: bool = False
    """Jets have a factor back to their raw momentum."""
    names: dict[str, str] = field(default_factory=dict)
    """What is read of a ROOT file: its branches by the names of NanoAOD."""
    linked: bool = False
    """Constituents are listed by event, and linked to jets; else they are listed by jet."""
    nanoaod: bool = False
    """Whether it is a TTree as coffea's schema of NanoAOD expects it."""
    triggers: list[str] = field(default_factory=list)
    """Triggers of the sample that the file has."""
    carried: dict[str, Kept] = field(default_factory=dict)
    """Branches that are kept for weights of the sample."""
    notes: list[str] = field(default_factory=list)

    def observables(self) -> set[str]:
        """Names of the observables that jets of the file get."""
        from boostflow.ingest.delphes import SUBSTRUCTURE

        fields = {name.removeprefix("FatJet_") for name in self.names}
        made = {name for field in fields for name in SUBSTRUCTURE.get(field, ())}
        return available(
            fields | made,
            constituents=self.constituents,
            charges=self.charges,
            tracks=self.tracks,
            vertices=self.vertices,
        )

    def theory(self) -> list[str]:
        """Columns of theory weights that the selected jets get."""
        names = [name for columns in self.weights.values() for name in columns]
        return [name for name in names if name is not None and name != NOMINAL_SCALE]

    def as_dict(self) -> dict[str, bool | int]:
        """The switches that later stages look at."""
        return {
            "constituents": self.constituents,
            "truth": self.truth,
            "genWeight": self.gen_weight,
            **{branch: len(self.weights.get(branch, [])) for branch in WEIGHTS},
            "MET": self.met is not None,
            "tracks": self.tracks,
            "vertices": self.vertices,
            "generatorJets": self.generator_jets,
            "rho": self.rho is not None,
            "area": self.area,
            "raw_factor": self.raw,
            **dict.fromkeys((*self.embedded, *self.layers), True),
        }


def content(features: Mapping[str, bool | int]) -> dict[str, bool | int]:
    """The switches in which all files of a sample must be alike: theory weights may differ."""
    return {name: value for name, value in features.items() if name not in WEIGHTS}


def detect(
    file: str,
    branches: Mapping[str, Branch],
    content: RootContent,
    *,
    entries: int,
    data: bool,
    match: str | None,
    carried: Mapping[str, Carried] = NOTHING,
    tracks: bool = False,
) -> Features:
    """Look at the names and types of a ROOT tree's branches.

    Args:
        file: for messages.
        branches: names and types.
        content: how the sample's files are to be read.
        entries: number of its events: a tree without any may lack branches, as CMSSW makes some
            with the first event.
        data: whether the sample is declared to be collision data.
        match: the particle that the sample's jets are to be matched to, or None.
        carried: branches that the sample's weights need.
        tracks: whether impact parameters and secondary vertices are wanted.

    Raises:
        BadFile: branches are missing or have the wrong type.
        BoostflowError: the file contradicts its declaration. Both name all that `examine` finds,
            one a line.
    """
    features, problems, contradictions = examine(
        branches, content, data=data, match=match, carried=carried, tracks=tracks
    )
    if not entries:
        return _of_no_events(features, content, data)
    if found := problems + contradictions:
        kind = BoostflowError if contradictions else BadFile
        raise kind("\n".join(f"{file}: {problem}" for problem in found))
    return features


def _of_no_events(features: Features, content: RootContent, data: bool) -> Features:
    """A file without events, as the sample's other files are: there is nothing to say about it."""
    return replace(
        features,
        gen_weight=not (data or content.unweighted),
        triggers=list(content.triggers),
        notes=[],
    )


def examine(
    branches: Mapping[str, Branch],
    content: RootContent,
    *,
    data: bool,
    match: str | None,
    carried: Mapping[str, Carried] = NOTHING,
    tracks: bool = False,
) -> tuple[Features, list[str], list[str]]:
    """What a ROOT tree has, and everything that is wrong with it for a sample (see `detect`).

    Problems are branches that no analysis can do without, or that are declared, and are missing or
    have the wrong type. Contradictions are to the declaration as data, simulation or matched.
    """
    names = _file_names(branches, content)
    if not tracks:
        names = {ours: theirs for ours, theirs in names.items() if ours not in TRACKING}
    have = {ours: theirs for ours, theirs in names.items() if theirs in branches}
    # What is declared to be no NanoAOD may lack the numbers of events.
    foreign = bool(content.branches) or content.format != "nanoaod"

    def lacks(wanted: Iterable[str]) -> list[str]:
        return [name for name in wanted if name not in have]

    problems = _undeclared(names, branches, content)
    notes = []
    missing = [] if foreign else lacks(EVENT)
    jet = four_momentum("FatJet", have)
    # Those that are declared by name have a line already.
    missing += [x for x in lacks(FATJET) if x not in content.branches] if jet is None else []
    if missing and foreign:
        theirs = [names.get(name, name) for name in missing]
        problems.append(
            f"no branch {', '.join(theirs)} for {', '.join(missing)}{near(theirs[0], branches)}; "
            "name them in the sample's `branches`"
        )
    elif missing:
        problems.append(
            f"no branch {', '.join(missing)}; boostflow reads NanoAOD-like trees with "
            f"{', '.join(EVENT)} and FatJet_pt, _eta, _phi, _mass, or others with the sample's "
            "`branches`"
        )
    if numbered := lacks(EVENT):
        notes.append(f"no {', '.join(numbered)}: numbered by file and row")
    contradictions = _wrong_weight("genWeight" in have, names["genWeight"], content, data)
    if content.golden_json and (blocks := lacks(EVENT[:2])):
        contradictions.append(
            f"has no {', '.join(blocks)}, so that nothing can be certified: remove `golden_json` "
            "from the sample, or name them in its `branches`"
        )
    if content.unweighted:
        notes.append("events have no weights: each counts 1 (`unweighted`)")
    problems += _wrong_types(have, branches, foreign)
    triggers = [name for name in content.triggers if name in branches]
    problems += _wrong_bits(triggers, branches, content)
    kept, wrong = find_carried(carried, branches, _jet_depth(have, branches, foreign))
    problems += wrong
    if triggers and len(triggers) < len(content.triggers):
        without = [name for name in content.triggers if name not in branches]
        notes.append(
            f"some files have no {', '.join(without)}: their events must pass one of "
            f"{', '.join(triggers)}"
        )
    linked = not lacks(LINKS)
    if content.format == "delphes":
        from boostflow.ingest.delphes import constituent_branches

        constituents = "FatJet_references" in have and bool(constituent_branches(branches))
        charges = constituents
        if constituents:
            notes.append("constituents are the objects that jets refer to; towers are massless")
    else:
        inside = four_momentum("PFCands", have) is not None and jet is not None
        if inside and not linked:
            wanted = branches[have[f"FatJet_{jet[0]}"]].depth + 1
            found = [branches[have[x]].depth for x in have if x.startswith("PFCands_")]
            inside = set(found) == {wanted}
        constituents = inside
        charges = inside and len(lacks(("PFCands_charge", "PFCands_pdgId"))) < 2
        if inside and "PFCands_charge" not in have:
            notes.append(
                "constituents have no charge: it is that of their pdgId"
                if charges
                else f"constituents have no charge: {without_charges()}"
            )
        if inside and four_momentum("PFCands", have) == VECTORS[0][:3]:
            notes.append("constituents have no mass: they are taken as massless")
        if inside and PUPPI_WEIGHT in have:
            notes.append(
                f"pT and mass of constituents are multiplied by {have[PUPPI_WEIGHT]}; those of "
                "weight 0 are left out"
            )
    if not constituents:
        momenta = four_momentum("PFCands", have) is not None
        first = next(iter(lacks(LINKS if momenta else CONSTITUENTS[2:5])), LINKS[0])
        absent = names.get(first, first)
        if content.format == "delphes":
            absent = "EFlowTrack" if "FatJet_references" in have else names["FatJet_references"]
        notes.append(
            f"no jet constituents ({absent} is missing): observables from "
            "constituents, their variations, and models that need them are off"
        )
    # Delphes' particles have other flags, which these are made from.
    known = {*have, "GenPart_statusFlags"} if content.format == "delphes" else have
    unknown = [name for name in TRUTH if name not in known]
    impact = tracks and charges and not lacks(IMPACT)
    vertices = tracks and constituents and not lacks(VERTICES)
    for there, first, what in (
        (impact, next(iter(lacks(IMPACT)), "the charge of constituents"), "impact parameters"),
        (vertices, next(iter(lacks(VERTICES)), "jet constituents"), "secondary vertices"),
    ):
        if tracks and not there:
            notes.append(f"no {what} ({first} is missing): what is made of them is off")
    if match is not None and unknown:
        contradictions.append(
            f"jets cannot be matched to a {match} particle ({unknown[0]} is missing); "
            "remove `match` from the sample"
        )
    if unknown:
        notes.append(
            f"no generator particles ({unknown[0]} is missing): truth labels, training and "
            "ROC curves are off"
        )
    mets = [name for name in MET if not lacks((f"{name}_pt", f"{name}_phi"))]
    met = next((x for x in mets if content.met is None or x in MET_KINDS[content.met]), None)
    if met is None and content.met is not None:
        problems.append(
            f"no {' or '.join(MET_KINDS[content.met])}, which the sample's `met: {content.met}`"
            f" names (the file has {', '.join(mets) or 'no MET'})"
        )
    elif met is not None and mets != [MET[0]]:
        notes.append(f"MET is {_which_met(met, have)}")
    if met is None:
        notes.append(f"no missing transverse momentum ({', '.join(MET)}): MET is taken as 0")
    if not data:
        notes += [f"no {name}: {what} off" for name, what in WEIGHTS.items() if name not in have]
    features = Features(
        constituents=constituents,
        truth=not unknown,
        gen_weight="genWeight" in have,
        weights={name: [] for name in WEIGHTS if name in have},
        met=met,
        which_met=None if met is None else _which_met(met, have),
        charges=charges,
        tracks=impact,
        vertices=vertices,
        generator_jets=not lacks(GENERATOR_JETS),
        rho=next((name for name in RHO if name in have), None),
        area=AREA in have,
        embedded={column: name for column, name in EMBEDDING.items() if name in have},
        layers={column: name for column, name in LAYERS.items() if name in have},
        raw=RAW in have,
        names=have,
        linked=linked,
        triggers=triggers,
        carried=kept,
        notes=notes,
    )
    return features, problems, contradictions


def mixed_met(files: Sequence[tuple[str, str | None]]) -> str | None:
    """What is wrong with files of a sample of which not all have the same missing momentum.

    Args:
        files: of each its name, and `Features.which_met`.
    """
    other = next((one for one in files if one[1] != files[0][1]), None)
    if other is None or None in (other[1], files[0][1]):
        return None  # a file without any has other branches
    return (
        f"{other[0]} has {other[1]}, {files[0][0]} has {files[0][1]}: name one with `met: PF` or"
        " `met: PUPPI` of the sample, or put the files into samples of their own"
    )


def _which_met(met: str, have: Mapping[str, str]) -> str:
    """PF MET or PUPPI MET, or the branch of one that the sample names itself."""
    theirs = have[f"{met}_pt"]
    kinds = [f"{kind} MET" for kind, names in MET_KINDS.items() if met in names]
    return kinds[0] if theirs == f"{met}_pt" else theirs


def four_momentum(collection: str, have: Iterable[str]) -> tuple[str, ...] | None:
    """The fields that make a collection's four-momenta; for constituents a mass may lack."""
    vectors = [*VECTORS, VECTORS[0][:3]] if collection == "PFCands" else VECTORS
    names = {name.partition("_")[2] for name in have if name.startswith(f"{collection}_")}
    return next((vector for vector in vectors if names.issuperset(vector)), None)


def _file_names(branches: Mapping[str, Branch], content: RootContent) -> dict[str, str]:
    """What the sample's files call everything that is read."""
    names = dict(DELPHES) if content.format == "delphes" else {name: name for name in READABLE}
    if content.format == "nanoaod":
        missing = all(name not in branches for name in LINKS)
        names |= {ours: theirs for ours, theirs in V15.items() if missing and theirs in branches}
    for ours in {*names, *(name for name in content.branches if name in READABLE)}:
        collection = ours.split("_")[0]
        if ours in content.branches:
            names[ours] = content.branches[ours]
        elif collection in content.branches and "_" in ours:
            theirs = re.split("[._]", names[ours], maxsplit=1)[0]
            names[ours] = content.branches[collection] + names[ours].removeprefix(theirs)
    return names


def _undeclared(
    names: Mapping[str, str], branches: Mapping[str, Branch], content: RootContent
) -> list[str]:
    """Branches that the sample names, and the file has not."""
    problems = []
    for ours, theirs in content.branches.items():
        if ours in READABLE:
            if theirs not in branches:
                problems.append(f"no branch {theirs}{near(theirs, branches)} for {ours}")
        elif not any(names[name] in branches for name in names if name.startswith(f"{ours}_")):
            problems.append(
                f"no branch of a collection {theirs}{near(theirs, branches)} for {ours}_..."
            )
    return problems


def _wrong_weight(weighted: bool, name: str, content: RootContent, data: bool) -> list[str]:
    if data and weighted:
        return [f"has {name}, but its sample is declared `data: true`"]
    if content.unweighted and weighted:
        return [f"has {name}, but its sample is declared `unweighted: true`"]
    if not (data or content.unweighted or weighted):
        return [
            f"has no {name}; set `data: true` for the sample if this is collision data, "
            "`unweighted: true` if it is simulation of which each event counts 1"
        ]
    return []


def _wrong_types(
    have: Mapping[str, str], branches: Mapping[str, Branch], foreign: bool
) -> list[str]:
    """Branches whose type cannot be what they are read as."""
    jet = _jet_depth(have, branches, foreign)
    problems = []
    for ours, theirs in have.items():
        if ours not in READABLE:
            continue
        collection = ours.split("_")[0] if "_" in ours else ""
        depths = [1, 2] if foreign else [1]
        if collection == "FatJet":
            depths = [jet]
        elif collection == "PFCands":
            depths = [2, 3] if jet == 2 else [2]
        elif collection in ("FatJetPFCands", "GenPart", "GenJetAK8", "SV") or ours in WEIGHTS:
            depths = [2]
        found = branches[theirs]
        integer = ours in EVENT + INTEGERS and not (foreign and ours == "PFCands_charge")
        if found.depth not in depths or found.kind not in ("iub" if integer else "fiub"):
            right = Branch(depths[0], "i" if integer else "f")
            problems.append(f"branch {theirs} is of {found}, must be of {right}")
    return problems


def _jet_depth(have: Mapping[str, str], branches: Mapping[str, Branch], foreign: bool) -> int:
    """Depth of the branches of fat jets: 1 where each is an event of its own."""
    jets = [branches[have[x]].depth for x in ("FatJet_pt", "FatJet_px") if x in have]
    return 1 if foreign and jets[:1] == [1] else 2


def _wrong_bits(
    triggers: list[str], branches: Mapping[str, Branch], content: RootContent
) -> list[str]:
    """Triggers and flags that are missing, or no bits."""
    problems = []
    if content.triggers and not triggers:
        first = content.triggers[0]
        problems.append(
            f"none of the triggers {', '.join(content.triggers)}{near(first, branches)}"
        )
    for name in content.flags:
        if name not in branches:
            problems.append(f"no flag {name}{near(name, branches)}")
    for name in (*triggers, *content.flags):
        if name in branches and not branches[name].is_bit:
            problems.append(f"branch {name} is of {branches[name]}, must be of booleans")
    return problems
