"""LHC Olympics 2020 (arXiv:2101.08320): tables of particles, clustered into fat jets here.

A row is an event: 700 times (pT, eta, phi) by falling pT, padded with zeros, and in the R&D set
its label (1 signal, 0 background) at the end. The files were written with pandas, as
`df/block0_values`; other tools name the same table otherwise, so it is found by its columns.
"""

from __future__ import annotations

import awkward as ak
import numpy as np

from boostflow.errors import BadFile, BoostflowError
from boostflow.ingest.features import Features
from boostflow.ingest.hdf5 import Hdf5Layout
from boostflow.ingest.layouts import Chunk
from boostflow.observables.catalogue import without_charges

PARTICLES = 700
COLUMNS = 3 * PARTICLES
CLASSES = np.array(["background", "signal"])


class Lhco(Hdf5Layout):
    """A table of events of the LHC Olympics."""

    def inspect(self) -> None:
        """Find the one table with the right number of columns."""
        found = [
            dataset
            for dataset in self.datasets().values()
            if dataset.ndim == 2
            and dataset.shape[1] in (COLUMNS, COLUMNS + 1)
            and dataset.dtype.kind in "fiu"
        ]
        if len(found) != 1:
            raise BadFile(
                f"{self.file}: {'more than one' if found else 'no'} table of {PARTICLES} x (pT, "
                f"eta, phi), {COLUMNS} columns, {COLUMNS + 1} with the label; {self.contents()}"
            )
        self.table = self.key = found[0]
        self.require_filters(self.table)
        self.labelled = self.table.shape[1] > COLUMNS
        if self.select != "all" and not self.labelled:
            raise BoostflowError(
                f"{self.file}: `select: {self.select}` needs the label in column {COLUMNS + 1} of "
                f"{self.table.name}, which has {COLUMNS}: black boxes can only be read as a whole "
                "(`select: all`)"
            )
        self.entries = self.table.shape[0]
        self.row_bytes = 8 * self.table.shape[1]
        self.features = Features(
            constituents=True,
            truth=False,
            gen_weight=False,
            weights={},
            met="MET",
            classes=self.labelled,
            notes=[
                "LHC Olympics: every event has weight 1, MET is the negative sum of the particles, "
                "which are taken as massless; their charge and type are not known: "
                f"{without_charges()}",
            ],
        )

    def read(self, start: int, stop: int) -> Chunk:
        """The fat jets of the chosen events."""
        block = self.numbers(self.table, slice(start, stop))
        row = np.arange(start, stop)
        label = None
        if self.labelled:
            flag = block[:, -1]
            if (bad := ~np.isin(flag, (0, 1))).any():
                raise BadFile(
                    f"{self.file}: the label in column {COLUMNS + 1} of {self.table.name} is "
                    f"{flag[bad][0]:g} in row {row[bad][0]}, must be 0 (background) or 1 (signal)"
                )
            label = CLASSES[flag.astype(int)]
            if self.select != "all":
                chosen = label == self.select
                block, row, label = block[chosen], row[chosen], label[chosen]
        particles = block[:, :COLUMNS].reshape(len(row), PARTICLES, 3)
        if (bad := (particles[..., 0] < 0).any(axis=1)).any():
            raise BadFile(
                f"{self.file}: negative pT in row {row[bad][0]} of {self.table.name}; "
                "the file is damaged"
            )
        fatjets, met = _fatjets(particles, self.radius, self.pt_min)
        return Chunk(row, fatjets, label, met)


def _fatjets(particles: np.ndarray, radius: float, pt_min: float) -> tuple[ak.Array, ak.Array]:
    """Fat jets with constituents, and MET, of particles of shape (events, 700, 3)."""
    from boostflow.simulate.detector import Particles
    from boostflow.simulate.jets import cluster, constituents

    n = len(particles)
    event, slot = np.nonzero(particles[..., 0] > 0)
    pt, eta, phi = particles[event, slot].T
    zero = np.zeros_like(pt)
    jets = cluster(
        Particles(event, pt, eta, phi, mass=zero, charge=zero, pdg_id=zero),
        n,
        radius,
        pt_min,
        constituents=True,
    )
    candidates = ak.unflatten(
        ak.zip({"pt": pt, "eta": eta, "phi": phi, "mass": zero}), np.bincount(event, minlength=n)
    )
    jets["candidates"] = ak.unflatten(constituents(candidates, jets.constituents), ak.num(jets))
    px = -np.bincount(event, pt * np.cos(phi), n)
    py = -np.bincount(event, pt * np.sin(phi), n)
    return jets, ak.zip({"pt": np.hypot(px, py), "phi": np.arctan2(py, px)})
