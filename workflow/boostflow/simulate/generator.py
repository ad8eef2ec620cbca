"""Pythia 8: settings, seeds, batches of events, weights and cross-sections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from boostflow.errors import BoostflowError
from boostflow.processes import Process
from boostflow.simulate.theory import TheoryWeights

if TYPE_CHECKING:
    import awkward as ak

    from boostflow.config.chain import Simulation

MB_TO_PB = 1e9

# The columns of PSWeight, in CMS order: name of the weight group -> factor of the shower's scale.
SHOWER_WEIGHTS = {
    "isrRedHi": "isr:muRfac=0.5",
    "fsrRedHi": "fsr:muRfac=0.5",
    "isrRedLo": "isr:muRfac=2.0",
    "fsrRedLo": "fsr:muRfac=2.0",
}


@dataclass(frozen=True)
class CrossSection:
    """Cross-section of the generated events and its statistical error (pb)."""

    value: float
    error: float


def settings(
    process: Process,
    config: Simulation,
    extra: Sequence[str],
    seed: int,
    shower_weights: bool = True,
) -> list[str]:
    """All Pythia settings of a job, in the order in which they are read.

    The shower weights of final-state radiation have a huge spread at 1 TeV. Like CMS we vary only
    emissions with pT^2 > 20 times the cut-off, and spend no oversampling on them (it doubles the
    run time): good enough to look at, not to measure with; use a sample with another
    `TimeShower:renormMultFac` instead.
    """
    groups = ",".join(f"{name} {what}" for name, what in SHOWER_WEIGHTS.items())
    bands = [
        "UncertaintyBands:doVariations = on",
        f"UncertaintyBands:List = {{{groups}}}",
        "UncertaintyBands:overSampleFSR = 1.",
        "UncertaintyBands:FSRpTmin2Fac = 20.",
    ]
    return [
        "Print:quiet = on",
        f"Beams:eCM = {config.ecm!r}",
        f"PhaseSpace:pTHatMin = {config.pthat[0]!r}",
        f"PhaseSpace:pTHatMax = {config.pthat[1]!r}",
        f"PartonLevel:MPI = {'on' if config.mpi else 'off'}",
        *(bands if shower_weights else []),
        *process.settings,
        *config.settings,
        *extra,
        # Last: nobody's settings can make a run unrepeatable.
        "Random:setSeed = on",
        f"Random:seed = {seed}",
    ]


class Generator:
    """An initialised Pythia that hands out events in batches."""

    def __init__(self, lines: Sequence[str], alpha_s: int = 0) -> None:
        """Read the settings and initialise.

        Args:
            lines: Pythia settings.
            alpha_s: power of alpha_s in the cross-section of the hard process.

        Raises:
            BoostflowError: Pythia does not know a setting, or they are impossible together.
        """
        import pythia8mc

        self._pythia = pythia8mc.Pythia("", False)
        for line in lines:
            # Pythia itself takes a line that starts with anything else for a comment.
            if not line.strip()[:1].isalnum() or not self._pythia.readString(line):
                raise BoostflowError(
                    f"Pythia does not accept the setting {line!r}: unknown name or impossible value"
                )
        if not self._pythia.init():
            raise BoostflowError(
                "Pythia cannot start (its reason is printed above): are simulation.ecm,"
                " simulation.pthat and the further settings possible together?"
            )
        self.theory = TheoryWeights(self._pythia, alpha_s)
        self._charges: dict[int, int] = {}

    def batches(self, events: int, size: int) -> Iterator[ak.Array]:
        """Yield records of `prt` (particles) and `info`, at most `size` at a time, `events` in all.

        Raises:
            BoostflowError: Pythia gives up (the process has no phase space left).
        """
        done = 0
        while done < events:
            # An event that fails is skipped by Pythia: go on until there are enough.
            batch = self._pythia.nextBatch(min(size, events - done))
            if len(batch) == 0:
                raise BoostflowError("Pythia produced no event: is the range of pthat possible?")
            done += len(batch)
            yield batch

    def shower_weights(self, batch: ak.Array) -> tuple[np.ndarray, np.ndarray]:
        """The nominal weight (n) and the four relative shower weights (n, 4), in CMS order.

        Pythia stores every single variation before the groups that we asked for, so the columns are
        found by name. A shower without variations gives ones.
        """
        info = self._pythia.infoPython()
        weights = np.asarray(batch.info.weights)
        nominal = weights[:, 0]
        names = [name.lower() for name in info.weightNameVector()]
        try:
            columns = [names.index(name.lower()) for name in SHOWER_WEIGHTS]
        except ValueError:
            return nominal, np.ones((len(weights), len(SHOWER_WEIGHTS)))
        # Pythia's variations include the nominal weight, which is not always 1.
        safe = np.where(nominal == 0, 1, nominal)
        return nominal, weights[:, columns] / safe[:, None]

    def cross_section(self) -> CrossSection:
        """Cross-section (pb) of the events so far, with hadronic branching fractions."""
        info = self._pythia.infoPython()
        return CrossSection(info.sigmaGen() * MB_TO_PB, info.sigmaErr() * MB_TO_PB)

    def charges(self, pdg_id: np.ndarray) -> np.ndarray:
        """Electric charge of each particle (units of e, int8; leptons and hadrons only)."""
        ids, inverse = np.unique(pdg_id, return_inverse=True)
        data = self._pythia.particleData
        for i in ids.tolist():
            if i not in self._charges:
                self._charges[i] = data.chargeType(i) // 3
        return np.array([self._charges[i] for i in ids.tolist()], dtype=np.int8)[inverse]
