"""The configuration of runs whose data quality is monitored."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from boostflow.generators.base import GeneratorBlock

Kind = Literal["dead", "stuck", "noisy", "shifted", "decoupled"]

BESIDE = ("run", "interval", "time", "fault", "kind_of_fault", "culprit", "flag")
"""Columns besides those of the parameters."""


class Runs(GeneratorBlock):
    """Intervals of runs, each a row of correlated parameters `q0`, `q1`, ...

    Parameters follow common factors, drift slowly from run to run and change suddenly at the begin
    of some runs, which is all legitimate. In some runs a parameter fails. Everything follows from
    `seed`: two samples with equal settings are the same rows, of which `rows` may take the flagged
    ones and the others. `time` is in seconds; `fault` (0 or 1) is the truth, `kind_of_fault` is 1
    for the first of the kinds, `culprit` is the number of the parameter (both -1 without a fault);
    `flag` (0 or 1) is an expert's word.
    """

    kind: Literal["runs"] = "runs"
    seed: int = Field(1, ge=0)
    """Seed of all that happens."""
    parameters: int = Field(200, ge=2, le=2000)
    """Number of parameters."""
    factors: int = Field(8, ge=1)
    """Common causes that parameters follow."""
    common: float = Field(0.6, gt=0, lt=1)
    """Part of a parameter's variance that the factors make; the rest is noise of its own."""
    intervals: int = Field(25, ge=2)
    """Rows of a run."""
    seconds: float = Field(600, gt=0)
    """Length of an interval; one run follows the other."""
    drift: float = Field(0.05, ge=0)
    """Standard deviation of a parameter's change from run to run, in units of its own."""
    jumps: float = Field(0.01, ge=0, le=1)
    """Part of the runs that begin with a sudden legitimate change that stays."""
    jump_size: float = Field(2.0, ge=0)
    """Standard deviation of that change, in units of that of a parameter."""
    jump_part: float = Field(0.3, ge=0, le=1)
    """Part of the parameters that change then."""
    faults: float = Field(0.1, ge=0, le=1)
    """Part of the runs with a fault, which begins anywhere in the run and stays for three intervals
    or more."""
    kinds: list[Kind] = Field(["dead", "stuck", "noisy", "shifted", "decoupled"], min_length=1)
    """Kinds of faults, all of them as frequent: a parameter that gives nothing (0), stays at a
    value, has more noise, is shifted, or does not follow the factors any more."""
    fault_size: float = Field(6.0, gt=0)
    """Size of a shift, in units of the noise; so many times larger is the noise of a noisy one."""
    several: float = Field(0.3, ge=0, le=1)
    """Part of the faults that touch two more parameters, by half the size where it has one."""
    missed: float = Field(0.15, ge=0, le=1)
    """Part of the faults that the expert misses."""
    mistaken: float = Field(0.02, ge=0, le=1)
    """Part of the runs without a fault some intervals of which the expert flags."""

    def makes(self) -> list[str]:
        """Run, interval, time, truth, flag, and the parameters."""
        return [*BESIDE, *(f"q{i}" for i in range(self.parameters))]
