"""Top-tagging reference jets (arXiv:1902.09914) as NumPy arrays: single jets with constituents.

`..._p4.npy` (jets, 4, slots) holds px, py, pz, E in GeV by falling pT, beside it `..._mask.npy`
(jets, 1, slots) is 1 where there is a constituent, and `..._labels.npy` (jets,) is 1 for top jets.
The published anti-kT jets have R = 0.8 and a pT of 550 to 650 GeV.
"""

from __future__ import annotations

import numpy as np

from boostflow.errors import BadFile
from boostflow.ingest.constituents import kinematics
from boostflow.ingest.layouts import Chunk, Layout, from_padded, one_an_event, reason, single_jets
from boostflow.ingest.reading import imposter
from boostflow.publicsets import TOPTAG_CLASSES, toptag_files


class TopTag(Layout):
    """Three arrays of the same jets, of which a block is mapped into memory at a time."""

    def open(self) -> None:
        """Find the arrays; nothing is unpickled."""
        try:
            self.files = {"p4": self.file, **toptag_files(self.file)}
        except ValueError as error:
            raise BadFile(str(error)) from None
        self.shapes = {part: _mapped(file).shape for part, file in self.files.items()}

    def close(self) -> None:
        """Nothing stays open."""

    def inspect(self) -> None:
        """Check the shapes."""
        found = self.shapes["p4"]
        if len(found) != 3 or found[1] != 4:
            raise BadFile(
                f"{self.file}: has shape {found}, must have (jets, 4, slots): px, py, pz, E"
            )
        self.entries, _, slots = found
        for part, shape in (("mask", (self.entries, 1, slots)), ("labels", (self.entries,))):
            if self.shapes[part] != shape:
                raise BadFile(
                    f"{self.files[part]}: has shape {self.shapes[part]}, must have {shape} as "
                    f"{self.file}"
                )
        self.row_bytes = 8 * 5 * slots
        self.features = single_jets(
            "top-tagging jets",
            "the charge and type of constituents are not known: the observable charge is off",
        )

    def read(self, start: int, stop: int) -> Chunk:
        """The chosen jets, each in a list of its own."""
        row = np.arange(start, stop)
        flag = self._flags("labels", row)
        used = self._flags("mask", row)[:, 0] == 1
        label = np.array(TOPTAG_CLASSES)[flag.astype(int)]
        momenta = self._block("p4", row).astype(np.float64)
        self.require_finite(momenta, "the four-momenta", row)
        self.require_energies(momenta[:, 3], row)
        if (lost := (used & (momenta[:, 3] == 0)).any(axis=1)).any():
            raise BadFile(
                f"{self.file}: no energy in row {row[lost][0]} where {self.files['mask']} says "
                "that there is a constituent; the file is damaged"
            )
        if self.select != "all":
            chosen = label == self.select
            momenta, used, row, label = momenta[chosen], used[chosen], row[chosen], label[chosen]
        candidates = from_padded(np.where(used[..., None], momenta.transpose(0, 2, 1), 0))
        jets = one_an_event({**kinematics(candidates), "candidates": candidates})
        return Chunk(row, jets, label, None)

    def _flags(self, part: str, row: np.ndarray) -> np.ndarray:
        """A block of the mask or the labels, which are 0 or 1."""
        values = self._block(part, row)
        if (bad := ~np.isin(values, (0, 1))).any():
            wrong, first = values[bad][0], row[np.argwhere(bad)[0, 0]]
            raise BadFile(f"{self.files[part]}: {wrong:g} in row {first}, must be 0 or 1")
        return values

    def _block(self, part: str, row: np.ndarray) -> np.ndarray:
        """A copy of some rows. Pages of a mapping that stays would count as memory of the job."""
        return np.array(_mapped(self.files[part])[row[0] : row[-1] + 1])


def _mapped(file: str) -> np.ndarray:
    """An array of numbers of a .npy file."""
    try:
        array = np.lib.format.open_memmap(file, mode="r")
    except FileNotFoundError:
        raise BadFile(f"{file}: no such file") from None
    # Broken headers end in errors of Python's parser, too.
    except (OSError, ValueError, EOFError, SyntaxError, TypeError) as error:
        raise BadFile(
            f"{file}: not a NumPy array of numbers ({imposter(file) or reason(error)})"
        ) from None
    if array.dtype.kind not in "fiub":
        raise BadFile(f"{file}: not a NumPy array of numbers: it holds {array.dtype}")
    return array
