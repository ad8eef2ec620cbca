"""Which plots and tables models and stages leave: rules declare their files from here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from boostflow.models.family import TASK_PLOTS, ModelBlock, Role, Score, Task, Unit, columns

HISTORY = "history"
"""Name of the plot of the training, which every model has."""
OF_ROLE = {"embedding": Role.EMBEDDING, "decorrelation": Role.DECORRELATED}
"""Plots of what a model is for that need columns of a role."""
SYSTEMATIC_PLOTS = ("roc", "auc", "significance")
"""Plots of what the variations do to a model's figures, besides those: `{name}_systematics`."""


def task_plots(task: Task, unit: Unit, scores: Iterable[Score]) -> list[str]:
    """Names of the plots of what a model is for.

    Args:
        task: of the model.
        unit: what it scores.
        scores: its columns; an embedding, and what is decorrelated, are drawn if there are some.
    """
    scores = list(scores)
    left_out = {name for name, role in OF_ROLE.items() if not columns(scores, role)}
    return [name for name in TASK_PLOTS.get((task, unit), ()) if name not in left_out]


def model_plots(block: ModelBlock) -> list[str]:
    """Names of the plots of a model's evaluation: those of its task, and its family's own.

    Where there is no signal to be found, a classifier has no `significance`.
    """
    names = task_plots(block.task(), block.scored_unit(), block.scores(("any",)))
    return [*names, *block.own_plots(), HISTORY]


def systematic_plots(block: ModelBlock) -> list[str]:
    """Names of the plots of a model's systematic errors."""
    there = model_plots(block)
    return [
        f"{name}_systematics"
        for name in SYSTEMATIC_PLOTS
        if name != "significance" or name in there
    ]


FIT_PLOTS = ("measurement", "ranking", "breakdown", "correlation", "scan", "limit")
"""Names of the plots of the fit besides those by region and by systematic."""
YIELDS_TABLES = ("txt", "csv", "tex")
"""Formats of the table of yields."""


def fit_plots(regions: list[str], systematics: Mapping[str, str]) -> list[str]:
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
