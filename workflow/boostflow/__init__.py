"""boostflow: a reproducible analysis pipeline for boosted jets at the LHC.

One sub-package a stage of the chain (simulate, ingest, select, models, evaluate, templates, infer),
plus what they share: `config`, `paths`, `variations`, `io`, `cli`.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from boostflow.results import Results

__version__ = "0.2.0"


def open(folder: str | Path = "results") -> Results:
    """Open the results of a finished run, for notebooks and scripts.

    Args:
        folder: `output` of its configuration.

    Raises:
        BoostflowError: it holds no run, one that is not finished or is being made again, or one
            of another version.
    """
    # By name: a job imports this package first, and none of what reads results.
    found: Results = import_module("boostflow.results").Results(folder)
    return found
