"""Smearing and shifts of reconstructed jets, propagated to all that follows.

In this order, each on the jets as the step before left them: calibration of raw momenta, smearing
of pT, smearing of masses, and a shift of the scale. So the energy scale acts on smeared jets, with
the uncertainty at their pT.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.config.chain import Select, Smearing
from boostflow.config.systematics import JetShift
from boostflow.corrections import Corrections, Value
from boostflow.errors import BoostflowError
from boostflow.observables.catalogue import energies, masses
from boostflow.select.smearing import factors, normals

Factors = NDArray[np.float64]

FARTHEST = 2.0
"""No jet is moved by more than this factor into the cuts on pT."""


class Shifter:
    """What one job does to the jets: nominal smearing, and perhaps one direction of a shift.

    Args:
        config: the select block; its smearing is that of nominal jets, too.
        shift: the direction, or None.
        corrections: the open file; None where nothing is to be done.
        calibration: compound correction that calibrates jets anew, or None.
    """

    def __init__(
        self,
        config: Select,
        shift: JetShift | None,
        corrections: Corrections | None,
        calibration: str | None = None,
    ) -> None:
        self.shift, self.corrections = shift, corrections
        self.pt = self._smearing(config.smearing, "resolution")
        self.mass = self._smearing(config.mass_smearing, "mass_resolution")
        self.cuts, self.calibration = config.fatjet, calibration

    def _smearing(self, nominal: Smearing | None, quantity: str) -> tuple[Smearing, Value] | None:
        """Names and value of the scale factor: the shift's, else those of nominal jets."""
        if self.shift is None or self.shift.quantity != quantity:
            return None if nominal is None else (nominal, "nom")
        names = nominal or self.shift.smearing
        if names is None:
            raise BoostflowError(f"shift of {quantity}: no resolution and scale factor are named")
        return names, self.shift.side

    def __call__(self, rows: ak.Array, starts: NDArray[np.intp]) -> ak.Array:
        """Fat jets of events, smeared and shifted.

        `energy` and `resolution` scale the four-momentum of jet and constituents, move MET by what
        the jets of the event gained, p_miss' = p_miss - sum(p' - p), and redo HT; `mass` and
        `mass_resolution` scale the masses alone.

        Args:
            rows: fat jets, event by event.
            starts: index of each event's first row, shape (events,).

        Raises:
            BoostflowError: a correction is missing, or cannot be evaluated for these jets.
        """
        if self.corrections is None or not len(rows):
            return rows
        if self.calibration is not None:
            jets = _Columns(rows)
            factor = self.corrections.calibration(self.calibration, jets, self._able(jets))
            rows = _scaled_energy(rows, factor, starts)
        if self.pt is not None:
            rows = _scaled_energy(rows, self._smear(rows, self.pt, "pt", "gen_pt"), starts)
        if self.mass is not None:
            # Generator jets have no groomed masses here: those are smeared as if unmatched.
            ungroomed = self._smear(rows, self.mass, "mass", "gen_mass")
            groomed = self._smear(rows, self.mass, "mass", None)
            rows = _scaled(
                rows, {one.name: groomed if one.groomed else ungroomed for one in masses()}
            )
        if self.shift is not None and self.shift.quantity == "energy":
            return _scaled_energy(rows, self._scale(rows), starts)
        if self.shift is not None and self.shift.quantity == "mass":
            return _scaled(rows, dict.fromkeys((one.name for one in masses()), self._scale(rows)))
        return rows

    def _able(self, jets: _Columns) -> NDArray[np.bool_]:
        """Which jets can pass: others stay as they are where a correction is not defined."""
        low, high = self.cuts.pt
        pt = jets["pt"]
        near = (pt * FARTHEST >= low) & (pt < high * FARTHEST)
        return near & (np.abs(jets["eta"]) < self.cuts.abs_eta_max)

    def _scale(self, rows: ak.Array) -> Factors:
        """One standard deviation of the scale."""
        assert self.shift is not None and self.shift.correction is not None
        assert self.corrections is not None
        name = self.shift.correction
        jets = _Columns(rows)
        size = np.nan_to_num(self.corrections.evaluate(name, jets, able=self._able(jets)), nan=0.0)
        if (np.abs(size) >= 1).any():
            raise BoostflowError(
                f"{self.corrections.path}: {name} is an uncertainty of 100 % or more for some jets;"
                " expected is the relative one (0.01), not a correction factor"
            )
        return 1 + size if self.shift.side == "up" else 1 - size

    def _smear(
        self, rows: ak.Array, smearing: tuple[Smearing, Value], column: str, generated: str | None
    ) -> Factors:
        assert self.corrections is not None
        (names, value), jets = smearing, _Columns(rows)
        able = self._able(jets)
        sigma = self.corrections.evaluate(names.resolution, jets, able=able)
        scale = self.corrections.evaluate(names.scale_factor, jets, value, able)
        sigma = np.where(np.isfinite(sigma + scale), sigma, 0.0)
        scale = np.nan_to_num(scale, nan=1.0)
        matched = None if generated is None else jets.get(generated)
        normal = normals(ak.to_numpy(rows.event_id), ak.to_numpy(rows.jet_index), column)
        return factors(jets[column], matched, sigma, scale, normal)


class _Columns(Mapping[str, NDArray[np.float64]]):
    """Numbers of jets as float64, made when they are asked for."""

    def __init__(self, rows: ak.Array) -> None:
        self.rows = rows

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        if name not in self.rows.fields:
            raise KeyError(name)
        return ak.to_numpy(self.rows[name]).astype(np.float64)

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows.fields)

    def __len__(self) -> int:
        return len(self.rows.fields)


def _scaled(rows: ak.Array, factors: Mapping[str, Factors]) -> ak.Array:
    """Columns, those that there are, times a factor a jet."""
    return _replaced(
        rows,
        {
            name: ak.values_astype(rows[name] * factor, "float32")
            for name, factor in factors.items()
            if name in rows.fields
        },
    )


def _scaled_energy(rows: ak.Array, factor: Factors, starts: NDArray[np.intp]) -> ak.Array:
    """Jets times a factor, and MET and HT after that."""
    jets = _Columns(rows)
    moved = _propagated(jets, jets["pt"] * (factor - 1), starts)
    return _replaced(_scaled(rows, dict.fromkeys(energies(), factor)), moved)


def _replaced(rows: ak.Array, columns: Mapping[str, Any]) -> ak.Array:
    for name, values in columns.items():
        rows = ak.with_field(rows, values, name)
    return rows


def _propagated(jets: _Columns, gain: Factors, starts: NDArray[np.intp]) -> dict[str, NDArray]:
    """MET and HT after the jets gained `gain` of pT."""
    phi, met, met_phi = jets["phi"], jets["met_pt"], jets["met_phi"]
    counts = np.diff(np.append(starts, len(phi)))

    def per_event(values: NDArray) -> NDArray:
        return np.repeat(np.add.reduceat(values, starts), counts)

    px = met * np.cos(met_phi) - per_event(gain * np.cos(phi))
    py = met * np.sin(met_phi) - per_event(gain * np.sin(phi))
    return {
        "met_pt": np.hypot(px, py).astype("float32"),
        "met_phi": np.arctan2(py, px).astype("float32"),
        "ht": (jets["ht"] + per_event(gain)).astype("float32"),
    }
