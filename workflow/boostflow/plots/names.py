"""Which plots and tables models and stages leave: rules declare their files from here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations

from boostflow.models.family import TASK_PLOTS, ModelBlock, Role, Score, Task, Unit, columns

HISTORY = "history"
"""Name of the plot of the training, which every model has."""
OF_ROLE = {"embedding": Role.EMBEDDING, "decorrelation": Role.DECORRELATED}
"""Plots of what a model is for that need columns of a role."""
OF_JETS = ("sculpting",)
"""Plots of what a model is for that show masses of jets: rows of tables have none."""
SYSTEMATIC_PLOTS = ("roc", "auc", "significance")
"""Plots of what the variations do to a model's figures, besides those: `{name}_systematics`."""


def task_plots(task: Task, unit: Unit, scores: Iterable[Score], tables: bool = False) -> list[str]:
    """Names of the plots of what a model is for.

    Args:
        task: of the model.
        unit: what it scores.
        scores: its columns; an embedding, and what is decorrelated, are drawn if there are some.
        tables: whether it scores rows of tables.
    """
    scores = list(scores)
    left_out = {name for name, role in OF_ROLE.items() if not columns(scores, role)}
    left_out |= set(OF_JETS if tables else ())
    return [name for name in TASK_PLOTS.get((task, unit), ()) if name not in left_out]


def model_plots(block: ModelBlock, tables: bool = False) -> list[str]:
    """Names of the plots of a model's evaluation: those of its task, and its family's own.

    Where there is no signal to be found, a classifier has no `significance`.

    Args:
        block: of the model.
        tables: whether it scores rows of tables.
    """
    names = task_plots(block.task(), block.scored_unit(), block.scores(("any",)), tables)
    return [*names, *block.own_plots(), HISTORY]


def systematic_plots(block: ModelBlock) -> list[str]:
    """Names of the plots of a model's systematic errors."""
    there = model_plots(block)
    return [
        f"{name}_systematics"
        for name in SYSTEMATIC_PLOTS
        if name != "significance" or name in there
    ]


POI_PLOTS = ("ranking", "breakdown", "scan", "limit")
"""Names of the plots of each parameter of interest."""
YIELDS_TABLES = ("txt", "csv", "tex")
"""Formats of the table of yields."""


def of_poi(name: str, poi: str, pois: Collection[str]) -> str:
    """Name of a plot or table of a parameter of interest, which is named where there are several.

    Args:
        name: of the plot.
        poi: the parameter.
        pois: all of them.
    """
    return f"{name}_{poi}" if len(pois) > 1 else name


def contour_plot(pair: Sequence[str]) -> str:
    """Name of the plot of the contours of two parameters of interest."""
    return f"contour_{'_vs_'.join(pair)}"


def fit_plots(regions: list[str], systematics: Mapping[str, str], pois: list[str]) -> list[str]:
    """Names of the plots of the stage infer.

    Args:
        regions: names of the regions.
        systematics: kind of each systematic by name.
        pois: parameters of interest.
    """
    varied = [f"systematic_{name}" for name, kind in systematics.items() if kind != "rate"]
    fitted = [f"{stage}_{region}" for stage in ("prefit", "postfit") for region in regions]
    each = [of_poi(name, poi, pois) for name in POI_PLOTS for poi in pois]
    pairs = [contour_plot(pair) for pair in combinations(pois, 2)]
    return [*fitted, "measurement", "correlation", *each, *pairs, *varied]


def transfer_plots(regions: Iterable[str], functions: Iterable[str] = ()) -> list[str]:
    """Names of the plots of a background from data.

    Args:
        regions: pass and validation regions.
        functions: names of functions of two variables.
    """
    curves = [f"function_{name}" for name in functions]
    return [*(f"ratio_{region}" for region in regions), *curves, "bias"]


def hepdata_tables(regions: list[str], pois: list[str]) -> list[str]:
    """Names of the files of the HEPData record: the submission and its tables."""
    yields = [f"yields_{region}" for region in regions]
    each = [of_poi(name, poi, pois) for poi in pois for name in ("results", "scan", "cls")]
    return ["submission", *yields, "impacts", "correlation", *each]


def background_plots(abcd: bool, sideband: bool, control: bool, composition: bool) -> list[str]:
    """Names of the plots of the stage background, by which estimates there are."""
    return [
        *(["abcd", "abcd_mass"] if abcd else []),
        *(["sideband", "sideband_signal"] if sideband else []),
        *(["control"] if control else []),
        *(["composition", "clusters"] if composition else []),
    ]
