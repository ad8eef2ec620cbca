"""Events with values that no event can have: the first one ends the reading, or all are left out.

`ingest.on_bad_event` decides. Messages name file, entry, jet and value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BadFile
from boostflow.ingest.carried import Kept

MASS_ROUNDING = 1e-2
"""Masses may be negative by rounding: by this in GeV, and this times pT."""
SOUND = "no bad values"
"""Line of the cutflow: what is left where bad events are left out."""


class BadEvents:
    """Bad events among some of a file.

    Args:
        file: path or address, for messages.
        entry: positions of the events in the file, shape (events,).
        drop: bad events are left out; else the first one is an error.
        energy: centre-of-mass energy (GeV): no jet or constituent has more pT or mass than a beam.

    Attributes:
        mask: which of the events are bad, shape (events,).
        first: what is wrong with one of them, in words; None while there is none.
    """

    def __init__(self, file: str, entry: NDArray[np.integer], *, drop: bool, energy: float) -> None:
        self.file, self.entry, self.drop, self.beam = file, entry, drop, energy / 2
        self.mask = np.zeros(len(entry), dtype=bool)
        self.first: str | None = None
        self._way_out = "" if drop else ": mend it, or leave such events out (`on_bad_event: drop`)"

    def finite(self, name: str, values: Any, among: NDArray[np.bool_] | None = None) -> None:
        """Values that are NaN or infinite are bad.

        Args:
            name: of the values.
            values: shape (events, ...), lists or not.
            among: events that count, shape (events,); None for all.

        Raises:
            BadFile: there are some, and bad events are not left out.
        """
        bad = ~np.isfinite(values)
        if among is not None:
            bad = bad & among
        self._add(
            bad,
            values,
            lambda value: (
                f"NaN or infinite values in {name}; the file is damaged ({name} is {value:g})"
                f"{self._way_out}"
            ),
        )

    def negative(self, name: str, values: Any, bad: Any) -> None:
        """Values are bad where `bad` is true, for being negative; see `finite`."""
        self._add(
            bad,
            values,
            lambda value: (
                f"negative values in {name}; the file is damaged ({name} is {value:g})"
                f"{self._way_out}"
            ),
        )

    def momenta(self, what: str, particles: ak.Array) -> None:
        """NaN, negative pT or mass, and more than the energy of a beam are bad.

        A mass may be negative by rounding.

        Args:
            what: of the particles, the beginning of their names.
            particles: pt, eta, phi, mass (GeV), shape (events, jets, ...).

        Raises:
            BadFile: there are some, and bad events are not left out.
        """
        for name in ("pt", "eta", "phi", "mass"):
            self.finite(f"{what}{name}", particles[name])
        pt, mass = particles.pt, particles.mass
        self.negative(f"{what}pt", pt, pt < 0)
        self.negative(f"{what}mass", mass, mass < -(MASS_ROUNDING + MASS_ROUNDING * pt))
        for name, values in (("pt", pt), ("mass", mass)):
            self.possible(f"{what}{name}", values)

    def possible(self, name: str, values: Any) -> None:
        """Momenta or masses (GeV) above the energy of a beam are bad; see `finite`."""
        self._add(
            np.isfinite(values) & (values > self.beam),
            values,
            lambda value: (
                f"{name} is {value:g} GeV, more than the {self.beam:g} GeV of a beam (half of"
                " `simulation.ecm`): if the file is in MeV, give its sample"
                " `units: {momentum: MeV}`"
            ),
        )

    def kept(self, branch: str, item: Kept, values: Any) -> None:
        """Values that are not finite, or of a weight negative, are bad.

        Args:
            branch: its name.
            item: what it is.
            values: shape (events,), or (events, jets) of fat jets.

        Raises:
            BadFile: there are some, and bad events are not left out.
        """
        bad = ~np.isfinite(values)
        if item.weight:
            bad = bad | (values < 0)
        what = "weights must be finite and not negative" if item.weight else "it must be finite"
        self._add(bad, values, lambda value: f"{branch} is {value:g}: {what}")

    def _add(self, bad: Any, values: Any, say: Callable[[float], str]) -> None:
        if not ak.any(bad, axis=None):
            return
        events = bad
        while events.ndim > 1:
            events = ak.any(events, axis=-1)
        events = ak.to_numpy(events)
        if self.first is None:
            self.first = self._words(int(np.flatnonzero(events)[0]), bad, values, say)
        if not self.drop:
            raise BadFile(self.first)
        self.mask |= events

    def _words(self, event: int, bad: Any, values: Any, say: Callable[[float], str]) -> str:
        where = f"{self.file}: entry {self.entry[event]}"
        bad, values = bad[event], values[event]
        if values.ndim == 0:
            return f"{where}: {say(float(values))}"
        jets = bad if bad.ndim == 1 else ak.any(bad, axis=-1)
        where += f", fat jet {int(np.flatnonzero(jets)[0])}"
        return f"{where}: {say(float(ak.flatten(values[bad], axis=None)[0]))}"


def without(jets: ak.Array, bad: NDArray[np.bool_]) -> ak.Array:
    """Lists of jets, which are empty in bad events, shape (events, jets)."""
    return jets[ak.broadcast_arrays(~bad, jets.pt)[0]] if bad.any() else jets
