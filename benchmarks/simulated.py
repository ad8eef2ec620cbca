"""Simulated jets for the benchmarks of UCluster, made once and kept in the folder of the cache."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import awkward as ak
import numpy as np

from boostflow.errors import BoostflowError
from boostflow.io import read_parquet, scratch, write_parquet
from boostflow.jobs.chain import Ingest, ListParts, Select, Simulate
from boostflow.models.ucluster.block import UCluster
from boostflow.models.ucluster.features import COLUMNS
from boostflow.select.split import TRAIN, VALIDATION

CACHE = Path(tempfile.gettempdir()) / "boostflow-benchmark"
KEPT = 4
"""Simulated jets for each one that is used: others are too heavy or have too few constituents."""
CHUNK = 4096


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options that say which jets."""
    parser.add_argument("--jets", type=int, default=1000, metavar="N", help="different jets")
    parser.add_argument(
        "--mean", type=float, default=75, metavar="N", help="their mean number of constituents"
    )
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of the simulated jets")


def simulated(folder: Path, count: int, mean: float) -> Path:
    """Selected top jets in UCluster's mass window, those with the fewest constituents left out.

    Args:
        folder: of the cache; simulated anew if the file is not there.
        count: number of jets.
        mean: of their constituents, at least; of each jet at most 100 count.

    Raises:
        BoostflowError: the simulated jets have fewer constituents than that.
    """
    from boostflow.ingest.run import run as ingest
    from boostflow.select.parts import run as list_parts
    from boostflow.select.run import run as select
    from boostflow.simulate.production import run as simulate

    path = folder / f"top-{count}-{mean:g}.parquet"
    if path.exists():
        return path
    with scratch(path, "simulation") as part:
        root, table, meta = part / "top.root", part / "0.parquet", part / "0.json"
        events = int(count * KEPT / 2)
        job = Simulate(sample="top", process="top", events=events)
        simulate(job, Simulate.Files(sample=root))
        files = Ingest.Files(file=root, table=table, meta=meta)
        ingest(Ingest(label="top", match="top"), files)
        parts, output = part / "parts.json", part / "top.parquet"
        list_parts(ListParts(folder=str(part), number=1), ListParts.Files(parts=parts))
        files = Select.Files(parts=parts, table=output, cutflow=part / "top.json")
        select(Select(sample="top"), files)
        jets = read_parquet(output, [*dict.fromkeys([*COLUMNS, *UCluster().views]), "label"])
    low, high = UCluster().mass
    jets = jets[(jets.mass > low) & (jets.mass < high)]
    size = np.minimum(ak.to_numpy(ak.num(jets.pf_pt)), UCluster().constituents)
    order = np.argsort(-size, kind="stable")
    enough = int(np.sum(np.cumsum(size[order]) >= mean * np.arange(1, len(order) + 1)))
    if enough < count:
        raise BoostflowError(
            f"{enough} of {len(jets)} jets have {mean:g} constituents on average, {count} are"
            " needed: ask for fewer --jets or a lower --mean"
        )
    # At random among them, so that the mean is the one that was asked for.
    chosen = np.random.default_rng(1).permutation(order[:enough])[:count]
    write_parquet(path, jets[np.sort(chosen)])
    return path


def repeated(jets: Path, count: int, validation: int, output: Path) -> None:
    """Write selected jets by repeating those of a file: `count` for training, more for validation.

    Each has its own `event_id`; memory does not grow with their number.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(jets)
    schema = table.schema.append(pa.field("event_id", pa.uint64()))
    schema = schema.append(pa.field("split", pa.int8()))
    wanted = count + validation
    with pq.ParquetWriter(output, schema) as writer:
        for first in range(0, wanted, CHUNK):
            ids = np.arange(first, min(first + CHUNK, wanted), dtype=np.uint64)
            split = np.where(ids < count, TRAIN, VALIDATION).astype(np.int8)
            rows = table.take(pa.array(ids % len(table)))
            rows = rows.append_column("event_id", pa.array(ids))
            writer.write_table(rows.append_column("split", pa.array(split)).cast(schema))
