"""Top-tagging reference jets (arXiv:1902.09914) as NumPy arrays: single jets with constituents.

`..._p4.npy` (jets, 4, slots) holds px, py, pz, E in GeV by falling pT, beside it `..._mask.npy`
(jets, 1, slots) is 1 where there is a constituent, and `..._labels.npy` (jets,) is 1 for top jets.
The published anti-kT jets have R = 0.8 and a pT of 550 to 650 GeV.
"""

from __future__ import annotations

import numpy as np

from boostflow.errors import BoostflowError
from boostflow.ingest.constituents import kinematics
from boostflow.ingest.layouts import Chunk, Layout, from_padded, one_an_event, reason, single_jets
from boostflow.ingest.sets import TOPTAG_CLASSES, toptag_files


class TopTag(Layout):
    """Three arrays of the same jets, mapped into memory: a block of jets is read at a time."""

    def open(self) -> None:
        """Map the arrays; nothing is unpickled."""
        try:
            files = toptag_files(self.file)
        except ValueError as error:
            raise BoostflowError(str(error)) from None
        self.p4 = _mapped(self.file)
        self.beside = {part: (file, _mapped(file)) for part, file in files.items()}

    def close(self) -> None:
        """Unmap the arrays."""
        del self.p4, self.beside

    def inspect(self) -> None:
        """Check the shapes."""
        if self.p4.ndim != 3 or self.p4.shape[1] != 4:
            raise BoostflowError(
                f"{self.file}: has shape {self.p4.shape}, must have (jets, 4, slots): px, py, pz, E"
            )
        self.entries, _, slots = self.p4.shape
        for part, shape in (("mask", (self.entries, 1, slots)), ("labels", (self.entries,))):
            file, array = self.beside[part]
            if array.shape != shape:
                raise BoostflowError(
                    f"{file}: has shape {array.shape}, must have {shape} as {self.file}"
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
        momenta = np.asarray(self.p4[start:stop], dtype=np.float64)
        self.require_finite(momenta, "the four-momenta", row)
        self.require_energies(momenta[:, 3], row)
        if self.select != "all":
            chosen = label == self.select
            momenta, used, row, label = momenta[chosen], used[chosen], row[chosen], label[chosen]
        candidates = from_padded(np.where(used[..., None], momenta.transpose(0, 2, 1), 0))
        jets = one_an_event({**kinematics(candidates), "candidates": candidates})
        return Chunk(row, jets, label, None)

    def _flags(self, part: str, row: np.ndarray) -> np.ndarray:
        """A block of the mask or the labels, which are 0 or 1."""
        file, array = self.beside[part]
        values = np.asarray(array[row[0] : row[-1] + 1])
        if (bad := ~np.isin(values, (0, 1))).any():
            where = np.argwhere(bad)[0]
            raise BoostflowError(
                f"{file}: {values[tuple(where)]:g} in row {row[where[0]]}, must be 0 or 1"
            )
        return values


def _mapped(file: str) -> np.ndarray:
    """An array of numbers of a .npy file."""
    try:
        array = np.lib.format.open_memmap(file, mode="r")
    except FileNotFoundError:
        raise BoostflowError(f"{file}: no such file") from None
    # Broken headers end in errors of Python's parser, too.
    except (OSError, ValueError, EOFError, SyntaxError, TypeError) as error:
        raise BoostflowError(f"{file}: not a NumPy array of numbers ({reason(error)})") from None
    if array.dtype.kind not in "fiub":
        raise BoostflowError(f"{file}: not a NumPy array of numbers: it holds {array.dtype}")
    return array
