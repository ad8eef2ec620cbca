"""Samples of rows of tables: one job makes one file of one sample."""

from __future__ import annotations

from boostflow import seeds
from boostflow.errors import BoostflowError
from boostflow.generators.base import generates
from boostflow.io import atomic
from boostflow.jobs.generated import Generate


def run(job: Generate, files: Generate.Files) -> None:
    """Make one file of a sample (docs/contracts.md, "samples").

    Every random number follows from (seed, variation, sample, part).

    Args:
        job: the settings.
        files: the Parquet file to write; it appears complete or not at all.

    Raises:
        BoostflowError: the generator does not make the columns that it names.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    seed = seeds.derive(job.seed, "generate", job.variation, job.sample, job.part)
    rows = range(job.part * job.events, (job.part + 1) * job.events)
    rng = np.random.default_rng(seed)
    columns = generates(job.generator).generate(job.generator, rows, rng)
    wrong = {name for name, values in columns.items() if np.shape(values) != (len(rows),)}
    if wrong := wrong | (set(columns) ^ set(job.generator.makes())):
        raise BoostflowError(
            f"sample {job.sample} ({job.variation}): the generator {job.generator.kind} does not"
            f" make what it names: {', '.join(sorted(wrong))}"
        )
    with atomic(files.sample) as part:
        pq.write_table(pa.table(dict(columns)), part, compression="zstd")
