"""The hard processes that can be simulated: one entry each, nothing else to change.

An entry says which Pythia settings switch the process on and which particles a jet is matched to.
Names and options: the Pythia 8.3 manual (arXiv:2203.11601), top, electroweak and QCD processes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

BOTTOM, CHARM = 5, 4

HADRONIC_W = ("24:onMode = off", "24:onIfAny = 1 2 3 4 5")
HADRONIC_Z = ("23:onMode = off", "23:onIfAny = 1 2 3 4 5")

# Without a window every tenth W at these momenta is off its mass shell, up to a TeV and more.
NEAR_THE_W = ("24:mMin = 50.", "24:mMax = 120.")
NEAR_THE_Z = ("23:mMin = 60.", "23:mMax = 120.")

# With the masses of the LHC Olympics' R&D benchmark (arXiv:2101.08320): a heavy boson that decays
# to X and Y, and these to quarks. Pythia has neither, so two scalars are made here. The boson is a
# W': the cross-section of Pythia's Z' is a sum over its decays to fermions, zero without any. Mode
# 101 takes the branching fractions as they stand; all decays are isotropic. The widths are narrow,
# or the falling parton densities would give the W' a long tail below its mass.
W_PRIME, X, Y = 34, 9000001, 9000002
W_PRIME_TO_X_Y = (
    f"{X}:new = X void 1 0 0 500. 0.1",
    f"{X}:isResonance = on",
    f"{X}:oneChannel = 1 0.2 101 1 -1",
    *(f"{X}:addChannel = 1 0.2 101 {quark} -{quark}" for quark in (2, 3, 4, 5)),
    f"{Y}:new = Y+ Y- 1 3 0 100. 0.1",
    f"{Y}:isResonance = on",
    f"{Y}:oneChannel = 1 0.5 101 2 -1",
    f"{Y}:addChannel = 1 0.5 101 4 -3",
    f"{W_PRIME}:m0 = 3500.",
    f"{W_PRIME}:mWidth = 1.",
    f"{W_PRIME}:doForceWidth = on",
    f"{W_PRIME}:oneChannel = 1 1. 101 {X} {Y}",
)


def has_quark(pdg_id: Any, quark: int) -> Any:
    """Whether particles are hadrons of which a quark is the heaviest one; quarkonia are none.

    It is the first of the three digits that name the quarks of a meson or baryon (PDG, "Monte Carlo
    particle numbering scheme").

    Args:
        pdg_id: codes, numpy or awkward integers of any shape.
        quark: code of the quark.
    """
    code = abs(pdg_id)
    first, second, third = (code // power % 10 for power in (1000, 100, 10))
    meson = (first == 0) & (second == quark) & (third != quark)
    # Diquarks have no third digit.
    return (third != 0) & (meson | (first == quark)) & (code < 1_000_000_000)


@dataclass(frozen=True)
class Process:
    """A hard process, fully hadronic."""

    title: str
    """What it is, for people."""
    settings: tuple[str, ...]
    """Pythia settings that switch it on."""
    heavy: tuple[int, ...] = ()
    """|PDG ids| of heavy particles whose copies and decay quarks are kept in GenPart."""
    alpha_s: int = 0
    """Power of alpha_s in the cross-section at leading order."""
    flavours: bool = False
    """Whether hadrons with b and c quarks are kept in GenPart: jets are matched to them."""


PROCESSES: dict[str, Process] = {
    "top": Process(
        "top quark pairs, both t -> b q q'",
        ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on", *HADRONIC_W),
        heavy=(6, 24),
        alpha_s=2,
    ),
    "w": Process(
        "W pairs, both W -> q q', 50 to 120 GeV",
        ("WeakDoubleBoson:ffbar2WW = on", *HADRONIC_W, *NEAR_THE_W),
        heavy=(24,),
    ),
    "z": Process(
        "Z pairs without photons, both Z -> q q, 60 to 120 GeV",
        (
            "WeakDoubleBoson:ffbar2gmZgmZ = on",
            "WeakZ0:gmZmode = 2",
            *HADRONIC_Z,
            *NEAR_THE_Z,
        ),
        heavy=(23,),
    ),
    "wjet": Process(
        "W + one quark or gluon, W -> q q', 50 to 120 GeV",
        (
            "WeakBosonAndParton:qqbar2Wg = on",
            "WeakBosonAndParton:qg2Wq = on",
            *HADRONIC_W,
            *NEAR_THE_W,
        ),
        heavy=(24,),
        alpha_s=1,
    ),
    "zjet": Process(
        "Z without photons + one quark or gluon, Z -> q q, 60 to 120 GeV",
        (
            "WeakBosonAndParton:qqbar2gmZg = on",
            "WeakBosonAndParton:qg2gmZq = on",
            "WeakZ0:gmZmode = 2",
            *HADRONIC_Z,
            *NEAR_THE_Z,
        ),
        heavy=(23,),
        alpha_s=1,
    ),
    "quark": Process(
        "two light quarks",
        ("HardQCD:gg2qqbar = on", "HardQCD:qq2qq = on", "HardQCD:qqbar2qqbarNew = on"),
        alpha_s=2,
    ),
    "gluon": Process(
        "two gluons",
        ("HardQCD:gg2gg = on", "HardQCD:qqbar2gg = on"),
        alpha_s=2,
    ),
    "qg": Process("a light quark and a gluon", ("HardQCD:qg2qg = on",), alpha_s=2),
    "dijet": Process("two quarks or gluons, all of QCD", ("HardQCD:all = on",), alpha_s=2),
    "bottom": Process(
        "two b quarks; jets with a b hadron",
        ("HardQCD:gg2bbbar = on", "HardQCD:qqbar2bbbar = on"),
        alpha_s=2,
        flavours=True,
    ),
    "charm": Process(
        "two c quarks; jets with a c hadron and no b hadron",
        ("HardQCD:gg2ccbar = on", "HardQCD:qqbar2ccbar = on"),
        alpha_s=2,
        flavours=True,
    ),
    "light": Process(
        "two light quarks or gluons; jets without b and c hadrons",
        (
            *("HardQCD:gg2gg = on", "HardQCD:gg2qqbar = on", "HardQCD:qg2qg = on"),
            *("HardQCD:qq2qq = on", "HardQCD:qqbar2gg = on", "HardQCD:qqbar2qqbarNew = on"),
        ),
        alpha_s=2,
        flavours=True,
    ),
    "resonance": Process(
        "W' (34, 3500 GeV) -> X (9000001, 500 GeV) Y (9000002, 100 GeV), both -> q q'; pthat does"
        " not apply, masses are changed with settings like `34:m0 = 3000.`",
        ("NewGaugeBoson:ffbar2Wprime = on", *W_PRIME_TO_X_Y),
        heavy=(W_PRIME, X, Y),
    ),
}

# Type checkers take no Literal of a tuple that they would have to compute.
if TYPE_CHECKING:
    ProcessName = str
else:
    ProcessName = Literal[*PROCESSES]
    """Name of a process, checked where a block is made."""
