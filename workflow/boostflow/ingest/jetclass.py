"""JetClass (arXiv:2202.03772) and JetClass-II (arXiv:2405.12972) in Parquet: single jets.

Lists `part_px`, `part_py`, `part_pz`, `part_energy` (GeV) hold a jet's constituents, `part_charge`
and `part_is...` their charge and kind. JetClass-II numbers its classes in `jet_label`, JetClass has
a column of 0 and 1 for each. Jets are anti-kT with R = 0.8. Their kinematics are those of the sum
of the constituents: `jet_eta` and `jet_energy` of the published JetClass-II example differ from
it, `jet_pt` and `jet_phi` do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from boostflow.errors import BadFile, BoostflowError
from boostflow.ingest.constituents import kinematics
from boostflow.ingest.layouts import Chunk, Layout, from_momenta, one_an_event, reason, single_jets
from boostflow.ingest.reading import imposter
from boostflow.observables.catalogue import without_charges
from boostflow.publicsets import JETCLASS, JETCLASS2, JETCLASS2_PARTS

if TYPE_CHECKING:
    import pyarrow as pa

MOMENTUM = tuple(f"part_{name}" for name in ("px", "py", "pz", "energy"))
CHARGE = "part_charge"
KINDS = {
    "part_isElectron": -11,
    "part_isMuon": -13,
    "part_isChargedHadron": 211,
    "part_isPhoton": 22,
    "part_isNeutralHadron": 130,
}
"""PDG number of the kind with charge +1, or 0."""
NUMBER = "jet_label"
SOFT_DROP = "jet_sdmass"


class JetClass(Layout):
    """A Parquet file; one of its row groups is in memory at a time."""

    def open(self) -> None:
        """Open the file and read its metadata."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            self.parquet = pq.ParquetFile(self.file, page_checksum_verification=True)
        except FileNotFoundError:
            raise BadFile(f"{self.file}: no such file") from None
        except (OSError, pa.ArrowException) as error:
            raise BadFile(
                f"{self.file}: not a readable Parquet file ({imposter(self.file) or reason(error)})"
            ) from None
        self.cached: tuple[int, pa.Table | None] = (-1, None)

    def close(self) -> None:
        """Close the file."""
        self.cached = (-1, None)
        self.parquet.close()

    def inspect(self) -> None:
        """Find the columns."""
        have = set(self.parquet.schema_arrow.names)
        self._require(MOMENTUM, lists=True)
        self.flags = [name for name in JETCLASS if name in have]
        if NUMBER in have:
            self.flags = []
        elif not self.flags:
            raise BadFile(
                f"{self.file}: no column {NUMBER} (JetClass-II) or {', '.join(JETCLASS)} (JetClass)"
            )
        labels = self.flags or [NUMBER]
        typed = {CHARGE, *KINDS} <= have
        self.columns = [*MOMENTUM, *labels]
        if typed:
            self._require((CHARGE, *KINDS), lists=True)
            self.columns += [CHARGE, *KINDS]
        self.groomed = SOFT_DROP in have
        if self.groomed:
            labels = [*labels, SOFT_DROP]
            self.columns.append(SOFT_DROP)
        self._require(labels, lists=False)
        self.typed = typed
        classes = [JETCLASS[name] for name in self.flags] or JETCLASS2
        parts = {} if self.flags else JETCLASS2_PARTS
        self.wanted = parts.get(self.select, [self.select])
        if self.select != "all" and not set(self.wanted) <= set(classes):
            which = "JetClass" if self.flags else "JetClass-II"
            raise BoostflowError(f"{self.file}: holds {which}, which has no {self.select}")
        about = self.parquet.metadata
        self.entries = about.num_rows
        groups = [about.row_group(i) for i in range(about.num_row_groups)]
        self.edges = np.cumsum([0, *(group.num_rows for group in groups)])
        size = sum(
            group.column(i).total_uncompressed_size
            for group in groups
            for i in range(group.num_columns)
            if group.column(i).path_in_schema.split(".")[0] in self.columns
        )
        # As float64, and once more as constituents.
        self.row_bytes = 1 + 4 * size // max(self.entries, 1)
        notes = []
        if not typed:
            notes.append(
                f"the file lacks {', '.join(sorted({CHARGE, *KINDS} - have))}: {without_charges()}"
            )
        self.features = single_jets("JetClass", *notes, charges=typed)

    def read(self, start: int, stop: int) -> Chunk:
        """The chosen jets, each in a list of its own."""
        table = self._table(start, stop)
        row = np.arange(start, stop)
        label = self._labels(table, row)
        counts = None
        columns: dict[str, np.ndarray] = {}
        for name in self.columns:
            if name.startswith("part_"):
                number, columns[name] = self._jagged(table[name], name, row)
                if counts is not None and (bad := number != counts).any():
                    raise BadFile(
                        f"{self.file}: {name} has another length than {MOMENTUM[0]} in row "
                        f"{row[bad][0]}"
                    )
                counts = number
        self.require_energies(columns[MOMENTUM[-1]], np.repeat(row, counts))
        candidates, used = self._candidates(columns)
        jet = np.repeat(np.arange(len(row)), counts)[used]
        candidates = ak.unflatten(candidates, np.bincount(jet, minlength=len(row)))
        jets: dict[str, Any] = {**kinematics(candidates), "candidates": candidates}
        if self.groomed:
            jets["msoftdrop"] = self._numbers(table[SOFT_DROP], SOFT_DROP, row)
        events = one_an_event(jets)
        if self.select != "all":
            chosen = np.isin(label, self.wanted)
            events, row, label = events[chosen], row[chosen], label[chosen]
        return Chunk(row, events, label, None)

    def _candidates(self, columns: dict[str, np.ndarray]) -> tuple[ak.Array, np.ndarray]:
        """All constituents with transverse momentum, and which of the file's those are."""
        used = (columns[MOMENTUM[0]] != 0) | (columns[MOMENTUM[1]] != 0)
        candidates = from_momenta(*(columns[name][used] for name in MOMENTUM))
        if self.typed:
            charge = columns[CHARGE][used].astype(int)
            number = np.select(
                [columns[name][used] == 1 for name in KINDS],
                [pdg * np.where(charge == 0, 1, charge) for pdg in KINDS.values()],
            )
            candidates = ak.with_field(candidates, charge, "charge")
            candidates = ak.with_field(candidates, number, "pdgId")
        return candidates, used

    def _labels(self, table: pa.Table, row: np.ndarray) -> np.ndarray:
        """Name of each jet's class."""
        if not self.flags:
            number = self._numbers(table[NUMBER], NUMBER, row)
            if (bad := ~np.isin(number, range(len(JETCLASS2)))).any():
                raise BadFile(
                    f"{self.file}: {NUMBER} is {number[bad][0]:g} in row {row[bad][0]}, must be 0 "
                    f"to {len(JETCLASS2) - 1}"
                )
            return np.array(JETCLASS2)[number.astype(int)]
        flags = np.stack([self._numbers(table[name], name, row) for name in self.flags], axis=1)
        if (bad := (flags > 0.5).sum(axis=1) != 1).any():
            raise BadFile(
                f"{self.file}: row {row[bad][0]} has not one class among {', '.join(self.flags)}"
            )
        return np.array([JETCLASS[name] for name in self.flags])[flags.argmax(axis=1)]

    def _require(self, names: tuple[str, ...] | list[str], *, lists: bool) -> None:
        """Raise BadFile unless the columns are there and hold (lists of) numbers."""
        import pyarrow.types as types

        schema = self.parquet.schema_arrow
        if missing := [name for name in names if name not in schema.names]:
            raise BadFile(
                f"{self.file}: no column {', '.join(missing)}; the file has "
                f"{', '.join(schema.names)}"
            )
        for name in names:
            kind = schema.field(name).type
            jagged = types.is_list(kind) or types.is_large_list(kind)
            inner = kind.value_type if jagged else kind
            number = types.is_floating(inner) or types.is_integer(inner) or types.is_boolean(inner)
            if jagged != lists or not number:
                raise BadFile(
                    f"{self.file}: column {name} holds {kind}, must hold "
                    f"{'lists of numbers' if lists else 'numbers'}"
                )

    def _table(self, start: int, stop: int) -> pa.Table:
        """The columns of some rows."""
        import pyarrow as pa

        parts = []
        for group, (low, high) in enumerate(zip(self.edges[:-1], self.edges[1:], strict=True)):
            if low < stop and start < high:
                if self.cached[0] != group:
                    self.cached = (-1, None)
                    try:
                        table = self.parquet.read_row_group(group, columns=self.columns)
                    except (OSError, pa.ArrowException) as error:
                        raise BadFile(
                            f"{self.file}: row group {group} cannot be read to its end "
                            f"({reason(error)})"
                        ) from None
                    self.cached = (group, table)
                first = max(start, low)
                parts.append(self.cached[1].slice(first - low, min(stop, high) - first))
        return pa.concat_tables(parts)

    def _jagged(
        self, column: pa.ChunkedArray, name: str, row: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lengths of the lists, and their values one after the other."""
        import pyarrow as pa
        import pyarrow.compute as pc

        self._require_no_null(column, name)
        lists = pa.chunked_array(column.chunks, type=column.type)
        counts = pc.list_value_length(lists).to_numpy()
        values = pc.list_flatten(lists)
        return counts, self._numbers(values, name, np.repeat(row, counts))

    def _numbers(self, column: pa.ChunkedArray, name: str, row: np.ndarray) -> np.ndarray:
        """Values as float64, those of the rows `row`."""
        self._require_no_null(column, name)
        values = column.to_numpy().astype(np.float64)
        self.require_finite(values, name, row)
        return values

    def _require_no_null(self, column: pa.ChunkedArray, name: str) -> None:
        if column.null_count:
            raise BadFile(f"{self.file}: column {name} lacks values (null)")
