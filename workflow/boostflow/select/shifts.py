"""Shifts of reconstructed objects: jet energy and mass scale, propagated to all that follows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from boostflow.config.systematics import Shift
from boostflow.errors import BoostflowError

# Observables with the dimension of an energy; ratios and angles do not change when a jet is scaled.
ENERGIES = ("pt", "mass", "msoftdrop", "mtrimmed", "sqrt_d12", "sqrt_d23", "qw", "pf_pt", "pf_mass")
MASSES = ("mass", "msoftdrop", "mtrimmed")


def apply_shift(
    rows: ak.Array, shift: Shift, direction: str, corrections: Path, starts: np.ndarray
) -> ak.Array:
    """Scale the fat jets by one standard deviation of a correction's uncertainty.

    `energy` scales the four-momentum of jet and constituents, moves MET by what the jets of the
    event gained, p_miss' = p_miss - sum(p' - p), and redoes HT. `mass` scales the masses alone.

    Args:
        rows: fat jets, event by event.
        shift: the declared systematic.
        direction: up or down.
        corrections: correctionlib file; its correction takes (pt, eta) and gives the relative
            uncertainty.
        starts: index of each event's first row, shape (events,).

    Raises:
        BoostflowError: the file has no such correction, or it wants other inputs.
    """
    sign = {"up": 1.0, "down": -1.0}[direction]
    pt = ak.to_numpy(rows.pt).astype(np.float64)
    eta = ak.to_numpy(rows.eta).astype(np.float64)
    factor = 1 + sign * _uncertainty(corrections, shift.correction, pt, eta)
    names = ENERGIES if shift.quantity == "energy" else MASSES
    shifted: dict[str, Any] = {
        name: ak.values_astype(rows[name] * factor, "float32")
        for name in names
        if name in rows.fields
    }
    if shift.quantity == "energy":
        shifted |= _propagate(rows, pt * (factor - 1), starts)
    for name, values in shifted.items():
        rows = ak.with_field(rows, values, name)
    return rows


def _propagate(rows: ak.Array, gain: np.ndarray, starts: np.ndarray) -> dict[str, np.ndarray]:
    """MET and HT after the jets gained `gain` of pT."""
    phi = ak.to_numpy(rows.phi).astype(np.float64)
    met = ak.to_numpy(rows.met_pt).astype(np.float64)
    met_phi = ak.to_numpy(rows.met_phi).astype(np.float64)
    counts = np.diff(np.append(starts, len(phi)))

    def per_event(values: np.ndarray) -> np.ndarray:
        return np.repeat(np.add.reduceat(values, starts), counts) if len(starts) else values

    px = met * np.cos(met_phi) - per_event(gain * np.cos(phi))
    py = met * np.sin(met_phi) - per_event(gain * np.sin(phi))
    return {
        "met_pt": np.hypot(px, py).astype("float32"),
        "met_phi": np.arctan2(py, px).astype("float32"),
        "ht": (ak.to_numpy(rows.ht) + per_event(gain)).astype("float32"),
    }


def _uncertainty(file: Path, name: str, pt: np.ndarray, eta: np.ndarray) -> np.ndarray:
    import correctionlib

    try:
        corrections = correctionlib.CorrectionSet.from_file(str(file))
    except (RuntimeError, OSError) as error:
        raise BoostflowError(f"{file}: not a correctionlib file ({error})") from None
    if name not in list(corrections):
        known = ", ".join(corrections)
        raise BoostflowError(f"{file}: no correction {name!r}; it has {known}")
    correction = corrections[name]
    inputs = [variable.name for variable in correction.inputs]
    if inputs != ["pt", "eta"]:
        raise BoostflowError(
            f"{file}: correction {name!r} takes ({', '.join(inputs)}), expected (pt, eta)"
        )
    return np.asarray(correction.evaluate(pt, eta))
