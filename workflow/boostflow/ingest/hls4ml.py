"""HLS4ML LHC jets (doi:10.5281/zenodo.3602260, arXiv:1908.05318): single jets with constituents.

`jets` (jets, features) and `jetConstituentList` (jets, 30 to 150, features) hold anti-kT jets with
R = 0.8 and a pT of about 1 TeV, their constituents by falling pT, padded with zeros.
`jetFeatureNames` and `particleFeatureNames` say which column is what; images are not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from boostflow.errors import BadFile
from boostflow.ingest.hdf5 import Hdf5Layout
from boostflow.ingest.layouts import Chunk, from_padded, one_an_event, single_jets
from boostflow.observables.catalogue import without_charges

if TYPE_CHECKING:
    import h5py

CLASSES = {"g": "gluon", "q": "quark", "w": "w", "z": "z", "t": "top"}
JET = ("j_pt", "j_eta", "j_mass", *(f"j_{key}" for key in CLASSES))
PARTICLE = ("j1_px", "j1_py", "j1_pz", "j1_e")

UNUSED_NAME = "j1_pdgid"
"""The published files name this last feature, yet have no column for it."""


class Hls4ml(Hdf5Layout):
    """A file of jets."""

    def inspect(self) -> None:
        """Find jets and constituents, and their columns by name."""
        self.jets = self.key = self._dataset("jets", 2)
        self.particles = self._dataset("jetConstituentList", 3)
        if len(self.jets) != len(self.particles):
            raise BadFile(
                f"{self.file}: {len(self.jets)} rows in jets, but {len(self.particles)} in "
                "jetConstituentList; the file is damaged"
            )
        self.jet_column = self._columns("jetFeatureNames", self.jets, JET)
        self.particle_column = self._columns("particleFeatureNames", self.particles, PARTICLE)
        self.entries = len(self.jets)
        width = self.particles.shape[1]
        self.row_bytes = 8 * width * self.particles.shape[2]
        self.features = single_jets(
            "HLS4ML jets",
            f"at most {width} constituents of a jet are in the file, their charge and type are not"
            f" known: {without_charges()}",
        )

    def read(self, start: int, stop: int) -> Chunk:
        """The chosen jets, each in a list of its own."""
        jets = self.numbers(self.jets, slice(start, stop))
        row = np.arange(start, stop)
        flags = jets[:, [self.jet_column[f"j_{key}"] for key in CLASSES]] > 0.5
        if (bad := flags.sum(axis=1) > 1).any():
            raise BadFile(
                f"{self.file}: row {row[bad][0]} of jets has more than one class among "
                f"{', '.join(f'j_{key}' for key in CLASSES)}; the file is damaged"
            )
        names = np.array([*CLASSES.values(), "unmatched"])
        label = names[np.where(flags.any(axis=1), flags.argmax(axis=1), len(CLASSES))]
        columns = [self.particle_column[name] for name in PARTICLE]
        first = min(columns)
        # A slice, since lists of columns are slow in HDF5.
        block = self.numbers(
            self.particles, slice(start, stop), slice(None), slice(first, max(columns) + 1)
        )
        self.require_energies(block[..., self.particle_column["j1_e"] - first], row)
        if self.select != "all":
            chosen = label == CLASSES[self.select]
            jets, block, row, label = jets[chosen], block[chosen], row[chosen], label[chosen]
        momenta = block[..., [column - first for column in columns]]
        if (bad := (momenta[..., 3] < 0).any(axis=1)).any():
            raise BadFile(
                f"{self.file}: negative energy in row {row[bad][0]} of jetConstituentList; "
                "the file is damaged"
            )
        pt, eta, mass = jets[:, [self.jet_column[name] for name in JET[:3]]].T
        px, py = momenta[..., 0].sum(axis=1), momenta[..., 1].sum(axis=1)
        fatjets = one_an_event(
            {
                "pt": pt,
                "eta": eta,
                "phi": np.arctan2(py, px),  # the only one that the file does not have
                "mass": mass,
                "candidates": from_padded(momenta),
            }
        )
        return Chunk(row, fatjets, label, None)

    def _dataset(self, name: str, dimensions: int) -> h5py.Dataset:
        dataset = self.datasets().get(name)
        if dataset is None or dataset.ndim != dimensions or dataset.dtype.kind not in "fiu":
            raise BadFile(
                f"{self.file}: no dataset {name} of numbers in {dimensions} dimensions; "
                f"{self.contents()}"
            )
        self.require_filters(dataset)
        return dataset

    def _columns(
        self, dataset: str, named: h5py.Dataset, wanted: tuple[str, ...]
    ) -> dict[str, int]:
        """Column of each wanted feature of `named`, from the names in `dataset`."""
        if dataset not in self.datasets():
            raise BadFile(f"{self.file}: no dataset {dataset}; {self.contents()}")
        raw = np.ravel(self.root[dataset][()])
        names = [x.decode() if isinstance(x, bytes) else str(x) for x in raw]
        columns = named.shape[-1]
        if names[columns:] == [UNUSED_NAME]:
            names = names[:columns]
        if len(names) != columns:
            raise BadFile(
                f"{self.file}: {len(names)} names in {dataset} for the {columns} columns of "
                f"{named.name}"
            )
        if missing := [name for name in wanted if name not in names]:
            raise BadFile(
                f"{self.file}: no feature {', '.join(missing)} in {dataset}; it has "
                f"{', '.join(names)}"
            )
        return {name: names.index(name) for name in wanted}
