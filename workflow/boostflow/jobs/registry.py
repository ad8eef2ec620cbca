"""All stages and the classes of their jobs, each imported only where it is used."""

from __future__ import annotations

import importlib

from boostflow.jobs.base import Job

JOBS = {
    "anomaly": "models:CompareEvents",
    "background": "background:Estimate",
    "background_counts": "background:CountEvents",
    "check_inputs": "chain:CheckInputs",
    "check_transfer": "transfer:CheckTransfer",
    "compare": "models:Compare",
    "crosscheck": "statistics:Crosscheck",
    "demand_health": "statistics:DemandHealth",
    "evaluate": "models:Evaluate",
    "evaluate_systematics": "models:EvaluateSystematics",
    "fit_tables": "statistics:FitTables",
    "generate": "generated:Generate",
    "health": "statistics:Health",
    "infer": "statistics:Infer",
    "ingest": "chain:Ingest",
    "list_parts": "chain:ListParts",
    "plot_background": "background:PlotBackground",
    "plot_cutflow": "summary:PlotCutflow",
    "plot_fit": "statistics:PlotFit",
    "plot_health": "statistics:PlotHealth",
    "plot_systematics": "models:PlotSystematics",
    "plot_transfer": "transfer:PlotTransfer",
    "prepare": "models:Prepare",
    "provenance": "summary:Provenance",
    "rank": "models:RankClassifiers",
    "score": "models:Scoring",
    "search": "search:TrainPoints",
    "search_best": "search:TrainBest",
    "search_rank": "search:Rank",
    "search_report": "search:ReportSearch",
    "select": "chain:Select",
    "simulate": "chain:Simulate",
    "summary": "summary:Summary",
    "templates": "statistics:FillTemplates",
    "train": "models:Train",
}
"""Module and class of the job of each stage, sorted by stage."""


def job_of(stage: str) -> type[Job]:
    """The class of a stage's job; only its module is imported.

    Raises:
        KeyError: there is no such stage.
    """
    module, _, name = JOBS[stage].partition(":")
    found: type[Job] = getattr(importlib.import_module(f"boostflow.jobs.{module}"), name)
    return found
