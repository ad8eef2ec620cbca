"""Files of showers as tables: cells, and what a shower looks like, are columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from boostflow.calorimeter.columns import all_columns
from boostflow.calorimeter.files import ShowerFile
from boostflow.calorimeter.shapes import columns_of
from boostflow.ingest.tablefiles import TableFile


class ShowerTable(TableFile):
    """An HDF5 file in the layout of CaloGAN."""

    showers: ShowerFile | None = None

    def open(self) -> None:
        """Open the file and check its layout."""
        names = all_columns()
        self.require(names, dict.fromkeys(names, True))
        self.showers = ShowerFile(self.file)
        self.showers.__enter__()
        self.entries = self.showers.entries

    def close(self) -> None:
        """Close the file."""
        if self.showers is not None:
            self.showers.close()

    def _blocks(self, start: int, stop: int) -> Iterator[tuple[int, Mapping[str, Any]]]:
        assert self.showers is not None
        for first, found in self.showers.blocks(start, stop):
            yield first, columns_of(found.energy, found.cells)
