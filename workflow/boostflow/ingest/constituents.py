"""Variations of jet constituents, and what follows from them for jets and missing momentum."""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow import seeds
from boostflow.jobs.chain import Vary
from boostflow.keyed import uniform
from boostflow.observables.catalogue import KINEMATICS, ingested
from boostflow.observables.compute import compute

LEAST = 0.01
"""A smeared constituent keeps at least this part of its momentum."""


def factors(
    what: Vary, charged: NDArray[np.bool_], *keys: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Factor of each constituent's four-momentum; 0 for one that is lost.

    Args:
        what: the variation.
        charged: which constituents have a charge, shape (n,).
        keys: event id, position of the jet in its event, of the constituent in its jet.
    """
    value, quantity = what.systematic.value, what.systematic.quantity
    touched = ~charged if quantity.startswith("neutral") else charged
    if quantity.endswith("scale"):
        return np.where(touched, 1 + (value if what.direction == "up" else -value), 1.0)
    # The same numbers whatever the entry's name and the run: nominal and varied files of other
    # jobs, and entries of several samples, belong together.
    number = uniform(seeds.derive(0, "constituent", quantity), *keys)
    if quantity == "track_efficiency":
        return np.where(touched & (number < value), 0.0, 1.0)
    from scipy.special import ndtri

    return np.where(touched, np.maximum(1 + value * ndtri(number), LEAST), 1.0)


def vary(
    fatjets: ak.Array, ids: NDArray[np.uint64], what: Vary, zcut: float, radius: float
) -> tuple[ak.Array, NDArray[np.float64]]:
    """Vary the constituents of all jets, and the jets with them.

    A jet changes by what the sum of its constituents does: pT and mass by the ratio, eta and phi by
    the difference. So its calibration stays, and a jet whose constituents stay is left as it is. A
    calibrated observable that the file brings along, as the soft-drop mass, is scaled by the ratio
    of those that are computed anew. A jet that loses all of its constituents has pT 0.

    Args:
        fatjets: jets with `pt`, `eta`, `phi`, `mass`, perhaps calibrated observables, and
            `candidates` with `pt`, `eta`, `phi`, `mass`, `charge`; shape (events, jets).
        ids: event ids, shape (events,).
        what: the variation.
        zcut: of soft drop.
        radius: of the jets.

    Returns:
        The jets, and what each event's jets gained: sums of px and py in GeV, shape (2, events).
    """
    number = ak.to_numpy(ak.num(fatjets.pt, axis=1))
    event = np.repeat(np.arange(len(number)), number)
    jets = ak.flatten(fatjets, axis=1)
    before = jets.candidates
    counts = ak.to_numpy(ak.num(before.pt, axis=1))
    jet = np.repeat(np.arange(len(counts)), counts)
    position = ak.to_numpy(ak.flatten(ak.local_index(fatjets.pt, axis=1)))
    factor = factors(
        what,
        ak.to_numpy(ak.flatten(before.charge)) != 0,
        ids[event][jet],
        position[jet],
        ak.to_numpy(ak.flatten(ak.local_index(before.pt, axis=1))),
    )
    jagged = ak.unflatten(factor, counts)
    after = before
    for name in ("pt", "mass"):
        after = ak.with_field(after, ak.values_astype(before[name] * jagged, "float32"), name)
    after = after[jagged > 0]
    same = np.bincount(jet[factor != 1], minlength=len(counts)) == 0
    columns = {
        name: np.where(same, _flat(jets[name]), values)
        for name, values in _followed(jets, before, after, zcut, radius).items()
    }
    gain = [
        np.bincount(
            event,
            columns["pt"] * turn(columns["phi"]) - _flat(jets.pt) * turn(_flat(jets.phi)),
            len(number),
        )
        for turn in (np.cos, np.sin)
    ]
    for name, values in columns.items():
        jets = ak.with_field(jets, values.astype(np.float32), name)
    return ak.unflatten(ak.with_field(jets, after, "candidates"), number), np.stack(gain)


def _followed(
    jets: ak.Array, before: ak.Array, after: ak.Array, zcut: float, radius: float
) -> dict[str, NDArray[np.float64]]:
    """Kinematics of jets, shape (jets,), whose constituents were `before` and are `after`."""
    old, new = kinematics(before), kinematics(after)
    columns = {}
    for name in ("pt", "mass"):
        ratio = new[name] / np.where(old[name] > 0, old[name], 1)
        columns[name] = np.where(old[name] > 0, _flat(jets[name]) * ratio, _flat(jets[name]))
    for name in ("eta", "phi"):
        columns[name] = _flat(jets[name]) + np.where(new["pt"] > 0, new[name] - old[name], 0)
    columns["phi"] = (columns["phi"] + np.pi) % (2 * np.pi) - np.pi
    brought = {one.name: one.branch for one in ingested() if one.calibrated}
    brought = {name: field for name, field in brought.items() if field in jets.fields}
    if not brought:
        return columns
    computed = [
        compute(
            *(inside[name] for name in KINEMATICS), names=list(brought), zcut=zcut, radius=radius
        )
        for inside in (before, after)
    ]
    for name, field in brought.items():
        first, then = (values[name].astype(np.float64) for values in computed)
        ratio = then / np.where(first > 0, first, 1)
        columns[field] = np.where(first > 0, _flat(jets[field]) * ratio, then)
    return columns


def _flat(values: ak.Array) -> NDArray[np.float64]:
    return ak.to_numpy(values).astype(np.float64)


def kinematics(candidates: ak.Array) -> dict[str, NDArray[np.float64]]:
    """pT, eta, phi and mass of the sums of constituents, shape (jets,); zeros for none."""
    counts = ak.to_numpy(ak.num(candidates.pt, axis=1))
    jet = np.repeat(np.arange(len(counts)), counts)
    pt, eta, phi, mass = (
        _flat(ak.flatten(candidates[name])) for name in ("pt", "eta", "phi", "mass")
    )
    pz = pt * np.sinh(eta)
    energy = np.sqrt(pt**2 + pz**2 + mass**2)
    px, py, pz, energy = (
        np.bincount(jet, part, len(counts))
        for part in (pt * np.cos(phi), pt * np.sin(phi), pz, energy)
    )
    total = np.hypot(px, py)
    return {
        "pt": total,
        "eta": np.arcsinh(pz / np.where(total > 0, total, 1)),
        "phi": np.arctan2(py, px),
        "mass": np.sqrt(np.maximum((energy + pz) * (energy - pz) - total**2, 0)),
    }
