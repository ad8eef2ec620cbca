"""The features of a particle that networks may read, declared with titles, formulas and needs.

Logarithms are natural, of GeV or of ratios. This module is read when a run is planned and imports
the standard library alone; formulas are methods and attributes of `particles.Particles`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from boostflow.constituents.particles import Particles

    Formula = Callable[[Particles], np.ndarray]

MOMENTA = ("pf_pt", "pf_eta", "pf_phi", "pf_mass")
"""Columns of the constituents that every input with constituents has."""
JET = ("pt", "eta", "phi", "mass")
"""Columns of the jet that constituents are taken relative to."""
COLUMNS = (*MOMENTA, *JET)
"""Columns of the selected jets that features without further needs are made from."""

DIRECTION = ("eta_rel", "phi_rel")
"""Features that turn with a jet as the two components of a vector."""

LOCAL_RADIUS = 0.2
"""Distance in (eta, phi) within which `log_local_pt` adds up the pT, relative to the jet's: what
tells a soft particle of a prong from one of underlying event or pile-up (the idea of PUPPI,
arXiv:1407.6013)."""
ELECTRON, MUON, PHOTON = 11, 13, 22


@dataclass(frozen=True)
class Feature:
    """A number of each particle."""

    name: str
    """How configurations and tables call it."""
    title: str
    """How axes call it."""
    formula: Formula
    """Formula from particles to a float64 for each of them, shape (P,)."""
    needs: tuple[str, ...] = ()
    """Columns that it is made from, beside four-momenta."""
    directed: bool = False
    """Whether it changes where the jet is turned about its axis."""


FEATURES: dict[str, Feature] = {
    feature.name: feature
    for feature in (
        # Those of HLS4ML's jets (arXiv:1908.05318, 2010.07106) and of ParticleNet (1902.08570).
        Feature("eta_rel", r"$\eta - \eta_\mathrm{jet}$", lambda p: p.d_eta, directed=True),
        Feature("phi_rel", r"$\varphi - \varphi_\mathrm{jet}$", lambda p: p.d_phi, directed=True),
        Feature(
            "log_pt_rel", r"$\ln(p_T / p_T^\mathrm{jet})$", lambda p: p.log(p.pt / p.of_jet("pt"))
        ),
        Feature("delta_r", r"$\Delta R$", lambda p: p.delta_r),
        Feature("log_e", r"$\ln(E / \mathrm{GeV})$", lambda p: p.log(p.energy)),
        Feature(
            "log_e_rel", r"$\ln(E / E_\mathrm{jet})$", lambda p: p.log(p.energy / p.jet_energy)
        ),
        Feature("log_pt", r"$\ln(p_T / \mathrm{GeV})$", lambda p: p.log(p.pt)),
        Feature(
            "cos_theta_rel",
            r"$\cos(\theta - \theta_\mathrm{jet})$",
            lambda p: p.cos_theta,
            directed=True,
        ),
        Feature(
            "log_local_pt",
            rf"$\ln(p_T(\Delta R < {LOCAL_RADIUS}) / p_T^\mathrm{{jet}})$",
            lambda p: p.log(p.local_pt(LOCAL_RADIUS) / p.of_jet("pt")),
        ),
        # What the pixels of images hold.
        Feature("pt", r"$p_T$ [GeV]", lambda p: p.pt),
        # The weight of energy flow networks (arXiv:1810.05165), where it adds up to 1.
        Feature("pt_share", r"$p_T / \sum p_T$", lambda p: p.pt_share),
        # Charge and kind, as in ParticleNet and JetClass (arXiv:2202.03772).
        Feature("charge", "charge [e]", lambda p: p.column("charge"), ("pf_charge",)),
        Feature("is_electron", "is electron", lambda p: p.is_a(ELECTRON), ("pf_pdgId",)),
        Feature("is_muon", "is muon", lambda p: p.is_a(MUON), ("pf_pdgId",)),
        Feature("is_photon", "is photon", lambda p: p.is_a(PHOTON), ("pf_pdgId",)),
        Feature(
            "is_charged_hadron",
            "is charged hadron",
            lambda p: p.is_hadron(charged=True),
            ("pf_pdgId", "pf_charge"),
        ),
        Feature(
            "is_neutral_hadron",
            "is neutral hadron",
            lambda p: p.is_hadron(charged=False),
            ("pf_pdgId", "pf_charge"),
        ),
    )
}
"""All features by name."""
