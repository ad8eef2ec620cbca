"""Which plots and tables models and stages leave: rules declare their files from here."""

from __future__ import annotations

from boostflow.models.family import ModelBlock, Task, family_of

CLASSIFIER = ("roc", "confusion", "scores", "significance")
CLUSTERING = ("accuracy", "confusion", "embedding", "mass", "roc")
OF_EVENTS = ("planes", "clusters")
"""Names of the plots of the stage evaluate by what a model is for."""
SYSTEMATIC_PLOTS = ("roc", "auc", "significance")
"""Plots of what the variations do to a model's figures, besides those: `{name}_systematics`."""


def model_plots(block: ModelBlock) -> list[str]:
    """Names of the plots of a model's evaluation: those of its task, and its family's own."""
    if block.scored_unit() == "event":
        return [*OF_EVENTS, "history"]
    names = CLASSIFIER if block.task() is Task.CLASSIFY else CLUSTERING
    return [*names, *family_of(block).own_plots, "history"]


def systematic_plots(block: ModelBlock) -> list[str]:
    """Names of the plots of a model's systematic errors."""
    there = model_plots(block)
    return [
        f"{name}_systematics"
        for name in SYSTEMATIC_PLOTS
        if name != "significance" or name in there
    ]


FIT_PLOTS = ("ranking", "breakdown", "correlation", "scan", "limit")
"""Names of the plots of the fit besides those by region and by systematic."""
YIELDS_TABLES = ("txt", "csv", "tex")
"""Formats of the table of yields."""


def fit_plots(regions: list[str], systematics: dict[str, str]) -> list[str]:
    """Names of the plots of the stage infer.

    Args:
        regions: names of the regions.
        systematics: kind of each systematic by name.
    """
    varied = [f"systematic_{name}" for name, kind in systematics.items() if kind != "rate"]
    fitted = [f"{stage}_{region}" for stage in ("prefit", "postfit") for region in regions]
    return [*fitted, *FIT_PLOTS, *varied]


def hepdata_tables(regions: list[str]) -> list[str]:
    """Names of the files of the HEPData record: the submission and its tables."""
    yields = [f"yields_{region}" for region in regions]
    return ["submission", "results", *yields, "impacts", "correlation", "scan", "cls"]


def background_plots(abcd: bool, sideband: bool, control: bool, composition: bool) -> list[str]:
    """Names of the plots of the stage background, by which estimates there are."""
    return [
        *(["abcd", "abcd_mass"] if abcd else []),
        *(["sideband", "sideband_signal"] if sideband else []),
        *(["control"] if control else []),
        *(["composition", "clusters"] if composition else []),
    ]
