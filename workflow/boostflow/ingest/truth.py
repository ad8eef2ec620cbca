"""Which fat jets contain the particle that their sample is about, and their generator jets."""

from __future__ import annotations

from typing import Literal, get_args

import awkward as ak
import numpy as np

from boostflow.processes import BOTTOM, CHARM, X, Y, has_quark

Flavour = Literal["bottom", "charm", "light"]
Particle = (
    Literal["top", "w", "z", "wjet", "zjet", "quark", "gluon", "qg", "dijet", "resonance"] | Flavour
)

_HARD_PROCESS = 1 << 7  # NanoAOD GenPart_statusFlags: isHardProcess
_LAST_COPY = 1 << 13  # isLastCopy
_PDG_ID = {
    "top": (6,),
    "w": (24,),
    "z": (23,),
    "wjet": (24,),
    "zjet": (23,),
    "quark": (1, 2, 3, 4, 5),
    "gluon": (21,),
    "qg": (1, 2, 3, 4, 5, 21),
    "dijet": (1, 2, 3, 4, 5, 21),
    "resonance": (X, Y),
}
_BOSON = {
    "top": (24,),
    "w": (24,),
    "z": (23,),
    "wjet": (24,),
    "zjet": (23,),
    "resonance": (X, Y),
}


def matched(fatjets: ak.Array, genpart: ak.Array, particle: Particle, radius: float) -> ak.Array:
    """Whether each fat jet is a fully merged hadronic decay, or the jet of a hard parton.

    Heavy particles: the last copy lies within `radius` of the jet axis, and so do both quarks of a
    decay of W, Z, X or Y (for top, of the W in it). Partons: an outgoing parton of the hard process
    does. The jet that recoils against the boson of W + jet or Z + jet matches nothing. Flavours: a
    b hadron lies within `radius`; or a c hadron and no b hadron; or neither (arXiv:1512.01094).

    Args:
        fatjets: records with eta, phi, shape (events, jets).
        genpart: records with eta, phi, pdgId, status, statusFlags, genPartIdxMother.
        particle: what to look for.
        radius: largest distance in (eta, phi).

    Returns:
        Booleans, shape (events, jets).
    """
    pdg = abs(genpart.pdgId)
    if particle in get_args(Flavour):
        bottom, charm = (
            ak.any(_near(fatjets, genpart[has_quark(pdg, quark)], radius), axis=2)
            for quark in (BOTTOM, CHARM)
        )
        return {"bottom": bottom, "charm": charm & ~bottom, "light": ~(bottom | charm)}[particle]
    flags = genpart.statusFlags
    wanted = ak.zeros_like(pdg, dtype=bool)
    for code in _PDG_ID[particle]:
        wanted = wanted | (pdg == code)
    if particle in _BOSON:
        wanted = wanted & (flags & _LAST_COPY != 0)
        mother = genpart.genPartIdxMother
        mother_pdg = ak.where(mother >= 0, pdg[ak.where(mother >= 0, mother, 0)], 0)
        of_boson = ak.zeros_like(pdg, dtype=bool)
        for code in _BOSON[particle]:
            of_boson = of_boson | (mother_pdg == code)
        quarks = genpart[(pdg <= 5) & of_boson]
        merged = ak.sum(_near(fatjets, quarks, radius), axis=2) >= 2
        return merged & ak.any(_near(fatjets, genpart[wanted], radius), axis=2)
    # Incoming partons are of the hard process too: they lie along the beam, and have status 21.
    wanted = wanted & (flags & _HARD_PROCESS != 0) & (genpart.status != 21)
    return ak.any(_near(fatjets, genpart[wanted], radius), axis=2)


def with_generator_jet(fatjets: ak.Array, generated: ak.Array, distance: float) -> ak.Array:
    """Fat jets with `gen_pt` and `gen_mass` of their generator jet (GeV), NaN without one.

    Args:
        fatjets: records with eta, phi and genJetAK8Idx, shape (events, jets).
        generated: generator jets, records with pt, eta, phi, mass.
        distance: largest one in (eta, phi) between a jet and its generator jet.
    """
    index = fatjets.genJetAK8Idx
    # Some files keep fewer generator jets than they refer to.
    found = generated[ak.mask(index, (index >= 0) & (index < ak.num(generated)))]
    close = _distance2(fatjets, found) < distance**2
    for name in ("pt", "mass"):
        values = ak.fill_none(ak.where(close, found[name], np.nan), np.nan)
        fatjets = ak.with_field(fatjets, ak.values_astype(values, "float32"), f"gen_{name}")
    return fatjets


def distances2(jets: ak.Array, particles: ak.Array) -> ak.Array:
    """Squared distances in (eta, phi), shape (events, jets, particles)."""
    pairs = ak.cartesian({"j": jets[["eta", "phi"]], "p": particles[["eta", "phi"]]}, nested=True)
    return _distance2(pairs.j, pairs.p)


def _near(jets: ak.Array, particles: ak.Array, radius: float) -> ak.Array:
    """Shape (events, jets, particles): closer than `radius` in (eta, phi)."""
    return distances2(jets, particles) < radius**2


def _distance2(one: ak.Array, other: ak.Array) -> ak.Array:
    """Squared distance in (eta, phi)."""
    dphi = (one.phi - other.phi + np.pi) % (2 * np.pi) - np.pi
    return (one.eta - other.eta) ** 2 + dphi**2
