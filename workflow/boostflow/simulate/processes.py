"""The hard processes that can be simulated: one entry each, nothing else to change.

An entry says which Pythia settings switch the process on and which particles a jet is matched to.
Names and options: the Pythia 8.3 manual (arXiv:2203.11601), top, electroweak and QCD processes.
"""

from __future__ import annotations

from dataclasses import dataclass

HADRONIC_W = ("24:onMode = off", "24:onIfAny = 1 2 3 4 5")
HADRONIC_Z = ("23:onMode = off", "23:onIfAny = 1 2 3 4 5")

# Without a window every tenth W at these momenta is off its mass shell, up to a TeV and more.
NEAR_THE_W = ("24:mMin = 50.", "24:mMax = 120.")
NEAR_THE_Z = ("23:mMin = 60.", "23:mMax = 120.")


@dataclass(frozen=True)
class Process:
    """A hard process, fully hadronic."""

    title: str
    """What it is, for people."""
    settings: tuple[str, ...]
    """Pythia settings that switch it on."""
    heavy: tuple[int, ...] = ()
    """|PDG ids| of heavy particles whose copies and decay quarks are kept in GenPart."""


PROCESSES: dict[str, Process] = {
    "top": Process(
        "top quark pairs, both t -> b q q'",
        ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on", *HADRONIC_W),
        heavy=(6, 24),
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
    "quark": Process(
        "two light quarks",
        ("HardQCD:gg2qqbar = on", "HardQCD:qq2qq = on", "HardQCD:qqbar2qqbarNew = on"),
    ),
    "gluon": Process(
        "two gluons",
        ("HardQCD:gg2gg = on", "HardQCD:qqbar2gg = on"),
    ),
}
