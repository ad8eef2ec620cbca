"""Configuration of tracks that are to be identified."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from boostflow.config.base import Block, Range
from boostflow.generators.base import GeneratorBlock

SpeciesName = Literal["electron", "pion", "kaon", "proton"]
SPECIES: tuple[SpeciesName, ...] = ("electron", "pion", "kaon", "proton")
"""What a track may be, in the order of the mass but for the electron's."""

RAW = ("p", "pt", "eta", "clusters", "dedx", "beta", "dca_xy", "dca_z")
"""Columns of what is measured."""

Positive = Annotated[float, Field(gt=0)]
Part = Annotated[float, Field(ge=0, le=1)]


class TPC(Block):
    """Energy loss in the gas of a time projection chamber."""

    bethe_bloch: list[float] = Field(
        [0.0283086, 26.3394, 5.04114e-11, 2.12543, 4.88663], min_length=5, max_length=5
    )
    """Parameters of ALEPH's form of the Bethe-Bloch curve, in units of minimum ionisation: those
    that ALICE's AliTPCPIDResponse has by default."""
    mip: float = Field(50.0, gt=0)
    """Signal of a minimum ionising track."""
    resolution: float = Field(0.06, gt=0, lt=1)
    """Relative resolution of a track with 120 clusters; it goes with 1 / sqrt(clusters)."""
    expected_resolution: float = Field(0.06, gt=0, lt=1)
    """Relative resolution that n-sigma values take for all tracks."""
    gain: float = Field(1.0, gt=0)
    """Factor of the signal that n-sigma values know nothing of: a calibration that is off."""
    eta_slope: float = Field(0.06, ge=-0.5, le=0.5)
    """Relative change of the signal from |eta| = 0 to 1, around |eta| = 0.4, which n-sigma values
    know nothing of."""


class TOF(Block):
    """Time of flight to a cylinder around the beam, in a solenoid."""

    resolution: float = Field(80.0, gt=0)
    """Resolution of the time (ps), that of the collision included."""
    expected_resolution: float = Field(80.0, gt=0)
    """Resolution that n-sigma values take (ps)."""
    offset: float = 0.0
    """What all times are late by (ps): a calibration that is off."""
    radius: float = Field(3.7, gt=0)
    """Radius of the cylinder (m)."""
    field: float = Field(0.5, gt=0)
    """Magnetic field (T): tracks of lower momentum than 0.15 field x radius (GeV) never arrive."""
    acceptance: Part = 0.75
    """Part of the tracks that arrive and are seen; those that decay before have no time."""
    mismatch: Part = 0.02
    """Part of the times that are those of another particle's hit."""


class Tracks(GeneratorBlock):
    """Charged tracks with momentum, energy loss, time of flight and impact parameters."""

    kind: Literal["pid"] = "pid"
    species: dict[SpeciesName, Positive] = Field(min_length=1)
    """Species and their shares: `{kaon: 1}`; a mixture stands for collision data. The column `pdg`
    has the truth."""
    spectrum: Literal["falling", "flat"] = "falling"
    """falling: as in pp collisions; flat: in the logarithm of the transverse momentum, as many
    tracks at high momenta as at low ones."""
    pt: Range = Field([0.2, 5.0])
    """Range of the transverse momentum (GeV)."""
    eta_max: float = Field(0.8, gt=0, le=1.5)
    """Tracks are flat in pseudorapidity up to it."""
    momentum_resolution: float = Field(0.01, ge=0, lt=0.5)
    """Relative resolution of the momentum."""
    tpc: TPC = TPC()
    tof: TOF = TOF()
    needs_time_from: float = Field(0.6, gt=0)
    """Momentum (GeV) from which the deviation of both detectors together needs a time; tracks
    without one have 100, which no cut takes."""
    dca: list[Positive] = Field([0.0026, 0.0050], min_length=2, max_length=2)
    """Resolution of the impact parameters (cm): a + b / pt, pt in GeV."""
    secondaries: dict[SpeciesName, Part] = Field(
        {"electron": 0.3, "pion": 0.03, "kaon": 0.005, "proton": 0.1}
    )
    """Part of each species that comes from decays, conversions and material."""
    displaced: float = Field(0.3, gt=0)
    """Mean impact parameter of those (cm)."""

    def makes(self) -> list[str]:
        """What is measured, n-sigma values of each species by detector and of both, the truth."""
        kinds = ("tpc_nsigma", "tof_nsigma", "nsigma")
        return [*RAW, *(f"{kind}_{name}" for kind in kinds for name in SPECIES), "pdg"]
