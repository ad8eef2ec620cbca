"""All jobs by the name of their stage, each imported only where it is used."""

from __future__ import annotations

import importlib

from boostflow.jobs.base import Job

MODULES = {
    "chain": "CheckInputs Ingest ListParts Select Simulate",
    "models": "Compare CompareEvents Evaluate EvaluateSystematics Prepare Scoring Train",
    "statistics": "Crosscheck DemandHealth FitTables Health Infer PlotFit PlotHealth Templates",
    "background": "Count Estimate PlotBackground",
    "summary": "PlotCutflow Provenance Summary",
}
"""Classes by the module that holds them."""


def jobs() -> dict[str, type[Job]]:
    """The class of each stage's job."""
    found = {}
    for module, names in MODULES.items():
        content = importlib.import_module(f"boostflow.jobs.{module}")
        for name in names.split():
            job = getattr(content, name)
            found[job.stage] = job
    return found
