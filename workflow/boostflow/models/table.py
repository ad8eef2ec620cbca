"""The score table: every selected jet of every sample, keyed by sample, event and jet."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import awkward as ak
import numpy as np

from boostflow.errors import BoostflowError
from boostflow.io import read_parquet, write_parquet
from boostflow.models.score import score

log = logging.getLogger("score")


def score_table(model: Path, inputs: Mapping[str, Path], output: Path, threads: int = 1) -> None:
    """Score the jets of all samples, in their order, one sample in memory at a time.

    Args:
        model: directory of a trained model.
        inputs: selected jets by name of the sample.
        output: Parquet file to write (docs/contracts.md, "scores").
        threads: that compute at the same time.

    Raises:
        BoostflowError: no sample has any jet.
    """
    tables = []
    for sample, path in inputs.items():
        jets = read_parquet(path)
        if not len(jets):
            log.info("%s: no jets", sample)
            continue
        columns = {
            "sample": ak.Array(np.full(len(jets), sample)),
            "event_id": jets.event_id,
            "jet_index": jets.jet_index,
            **score(model, jets, threads),
        }
        tables.append(ak.zip(columns, depth_limit=1))
        log.info("%s: %d jets", sample, len(jets))
    if not tables:
        raise BoostflowError("no jets pass the selection in any sample; loosen `select`")
    write_parquet(output, ak.concatenate(tables))
