"""boostflow: a reproducible analysis pipeline for boosted jets at the LHC.

One sub-package a stage of the chain (simulate, ingest, select, models, evaluate, templates, infer),
plus what they share: `config`, `paths`, `variations`, `io`, `cli`.
"""

__version__ = "0.2.0"
