"""HDF5 files of showers in the layout of CaloGAN (arXiv:1712.10321, doi:10.17632/pvn3xc3wy5.1).

`energy` (N, 1) in GeV; `layer_0` (N, 3, 96), `layer_1` (N, 12, 12), `layer_2` (N, 12, 6) and
`overflow` (N, 3) in MeV.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from boostflow.calorimeter.cascade import Showers
from boostflow.calorimeter.geometry import LAYERS
from boostflow.calorimeter.shapes import layers
from boostflow.errors import BadFile
from boostflow.io import atomic

if TYPE_CHECKING:
    import h5py

ROWS = 2_000
"""Showers that are read or written at a time: memory does not grow with their number."""
ENDS = (".hdf5", ".h5")
"""Ends of the names of such files."""
LEAST_SEEN, MOST_SEEN = 0.002, 20.0
"""Energy in cells over that of the particles: beyond, one of both is in another unit. Pions of 100
GeV that do not interact leave 0.005 of it."""
SHAPES: dict[str, tuple[int, ...]] = {
    "energy": (1,),
    **{f"layer_{number}": layer.shape for number, layer in enumerate(LAYERS)},
    "overflow": (len(LAYERS),),
}
"""Shape of a shower in each dataset."""


def write(path: Path, parts: Iterable[Showers]) -> int:
    """Write showers, some at a time; the file is there whole or not at all.

    Args:
        path: of the HDF5 file.
        parts: showers of any number each.

    Returns:
        How many there are.
    """
    import h5py

    with atomic(path) as part, h5py.File(part, "w") as file:
        for name, shape in SHAPES.items():
            file.create_dataset(
                name,
                (0, *shape),
                np.float32,
                maxshape=(None, *shape),
                chunks=(100, *shape),
                compression="gzip",
                compression_opts=4,
                shuffle=True,
            )
        size = 0
        for showers in parts:
            last = size + len(showers.energy)
            values = [showers.energy[:, None], *layers(showers.cells), showers.overflow]
            for name, value in zip(SHAPES, values, strict=True):
                file[name].resize(last, axis=0)
                file[name][size:last] = value
            size = last
    return size


class ShowerFile:
    """A file of showers, opened and checked by `with`.

    Attributes:
        entries: number of its showers.
    """

    entries: int
    file: h5py.File | None = None

    def __init__(self, path: str | Path) -> None:
        """Of a path."""
        self.path = path

    def __enter__(self) -> Self:
        """Open the file.

        Raises:
            BadFile: it is missing or damaged, or of another layout.
        """
        import h5py

        try:
            # Read-only file systems often refuse the locks of HDF5.
            self.file = h5py.File(self.path, "r", locking=False)
        except FileNotFoundError:
            raise BadFile(f"{self.path}: no such file") from None
        except OSError as error:
            why = " ".join(str(error).split())
            raise BadFile(f"{self.path}: not a readable HDF5 file ({why})") from None
        try:
            self._inspect(self.file)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self.file is not None:
            self.file.close()

    def _inspect(self, file: h5py.File) -> None:
        import h5py

        sizes = {}
        for name, shape in SHAPES.items():
            found = file.get(name)
            # Some files have no overflow, or a plain list of energies.
            if found is None and name == "overflow":
                continue
            if not isinstance(found, h5py.Dataset):
                raise BadFile(
                    f"{self.path}: no dataset {name}; the layout of CaloGAN has"
                    f" {', '.join(SHAPES)}, the file {', '.join(file) or 'none'}"
                )
            plain = name == "energy" and found.ndim == 1
            if not plain and (found.ndim == 0 or found.shape[1:] != shape):
                raise BadFile(
                    f"{self.path}: {name} is of shape {found.shape}; this calorimeter has"
                    f" (showers, {', '.join(map(str, shape))})"
                )
            if found.dtype.kind not in "fiu":
                raise BadFile(f"{self.path}: {name} holds no real numbers, but {found.dtype}")
            sizes[name] = found.shape[0]
        if len(set(sizes.values())) > 1:
            each = ", ".join(f"{name} {size}" for name, size in sizes.items())
            raise BadFile(f"{self.path}: datasets of different numbers of showers: {each}")
        self.entries = sizes["energy"]

    def blocks(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, Showers]]:
        """Showers from `start` to `stop`, some at a time, with the number of the first.

        Raises:
            BadFile: a cell is negative or no number, a shower is empty, an energy is not positive,
                or cells and energies are in other units.
        """
        assert self.file is not None
        stop = self.entries if stop is None else stop
        for first in range(start, stop, ROWS):
            part = slice(first, min(first + ROWS, stop))
            energy = self._read("energy", part).reshape(-1)
            images = [self._read(f"layer_{number}", part) for number in range(len(LAYERS))]
            cells = np.concatenate([image.reshape(len(energy), -1) for image in images], axis=1)
            over = np.zeros((len(energy), len(LAYERS)))
            if "overflow" in self.file:
                over = self._read("overflow", part)
                self._refuse((over < 0).any(axis=1), "has a negative overflow", first)
            self._refuse(~(energy > 0), "has an energy of 0 or less (GeV)", first)
            for number, image in enumerate(images):
                self._refuse(
                    (image < 0).any(axis=(1, 2)), f"has a negative cell in layer_{number}", first
                )
            self._refuse(
                ~(cells > 0).any(axis=1), "is empty: no cell has energy; leave it out", first
            )
            response = float(cells.sum() / 1000 / energy.sum())
            if not LEAST_SEEN < response < MOST_SEEN:
                raise BadFile(
                    f"{self.path}: cells hold {response:.2g} times the energy of the particles:"
                    " cells are to be in MeV, energies in GeV"
                )
            yield first, Showers(energy, cells.astype(np.float32), over.astype(np.float32))

    def _read(self, name: str, part: slice) -> NDArray[np.float64]:
        assert self.file is not None
        try:
            values = np.asarray(self.file[name][part], np.float64)
        except (OSError, ValueError, TypeError) as error:
            raise BadFile(f"{self.path}: {name} cannot be read to its end ({error})") from None
        bad = ~np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
        self._refuse(bad, f"has NaN or infinite values in {name}", part.start)
        return values

    def _refuse(self, bad: NDArray[np.bool_], what: str, first: int) -> None:
        if bad.any():
            number = first + int(np.flatnonzero(bad)[0])
            raise BadFile(f"{self.path}: shower {number} {what}")
