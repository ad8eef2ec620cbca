"""Every list of files that a complete run has."""

from __future__ import annotations

from boostflow import paths
from boostflow.analysis import EVENTS, Analysis
from boostflow.models.family import Task
from boostflow.plots.names import (
    YIELDS_TABLES,
    background_plots,
    fit_plots,
    hepdata_tables,
    model_plots,
    systematic_plots,
)
from boostflow.plots.names import transfer_plots as transfer_plot_names
from boostflow.variations import NOMINAL


def everything(analysis: Analysis) -> list[str]:
    """All that the configuration asks for."""
    return [
        analysis.at(paths.SUMMARY),
        analysis.at(paths.PROVENANCE),
        *plots(analysis),
        *crosschecks(analysis),
        *tables(analysis),
        *healthy(analysis),
        *check_table(analysis),
        *searches(analysis),
    ]


def check_table(analysis: Analysis) -> list[str]:
    """The table of all input files, if there are any."""
    return [analysis.at(paths.CHECK_TABLE)] if analysis.files else []


def searches(analysis: Analysis) -> list[str]:
    """What each search has found, as JSON and as a table."""
    found = analysis.searches.of
    patterns = (paths.SEARCH, paths.SEARCH_TABLE)
    return [path for pattern in patterns for path in analysis.each(pattern, model=found)]


def templates(analysis: Analysis) -> list[str]:
    """The templates of nominal and of every variation that has some."""
    return analysis.each(paths.TEMPLATES, variation=analysis.variations.with_templates())


def crosschecks(analysis: Analysis) -> list[str]:
    """What other regions could measure."""
    names = analysis.variations.crosschecks() if analysis.config.has_fit else {}
    return analysis.each(paths.CROSSCHECK, systematic=names)


def judged(analysis: Analysis) -> dict[str, list[str]]:
    """What has flags: files by the names that `jobs.statistics.DemandHealth.Files` gives them."""
    has = {
        "health": (analysis.has_health(), paths.HEALTH),
        "transfer": (analysis.has_transfer(), paths.TRANSFER),
    }
    return {name: [analysis.at(path)] if there else [] for name, (there, path) in has.items()}


def healthy(analysis: Analysis) -> list[str]:
    """The proof that no effect has a flag that ends the run, where one is asked for."""
    infer = analysis.config.infer
    asked = any(judged(analysis).values()) and infer is not None and infer.forbidden()
    return [analysis.at(paths.HEALTHY)] if asked else []


# --- plots ----------------------------------------------------------------------------------------


def plots_of(analysis: Analysis, model: str) -> list[str]:
    """Names of the plots of a model's evaluation; significance is that of the fit's signal."""
    block = analysis.config.models[model]
    there = model_plots(block, analysis.config.of_tables())
    names = [x for x in there if x != "significance" or analysis.config.infer]
    evaluate = analysis.config.evaluate
    if block.task() is Task.CLASSIFY:
        names += ["efficiency"] if evaluate.efficiency is not None else []
        names += ["purity"] if evaluate.purity is not None else []
        names += ["rate", "turn_on"] if evaluate.trigger is not None else []
    if evaluate.monitoring is not None and block.task() in (Task.CLASSIFY, Task.DETECT):
        names += ["shifters"]
    return names


def varied_plots_of(analysis: Analysis, model: str) -> list[str]:
    """Names of the plots of a model's systematic errors."""
    return systematic_plots(analysis.config.models[model])


def purity_plot(analysis: Analysis) -> list[str]:
    """Path of the plot of all models at equal purity, if it is asked for."""
    return [analysis.at(paths.PURITY_PLOT)] if analysis.config.evaluate.purity else []


def pois(analysis: Analysis) -> list[str]:
    """Names of the parameters of interest."""
    return list(analysis.config.infer.pois()) if analysis.config.infer else []


def fit_plot_names(analysis: Analysis) -> list[str]:
    """Names of the plots of the fit."""
    entries = analysis.entering(analysis.fitted())
    kinds = {name: block.kind for name, block in entries.items()}
    return fit_plots(analysis.fitted_regions(), kinds, pois(analysis))


def fit_plots_of(analysis: Analysis, prefix: str) -> list[str]:
    """Paths of the plots of the fit whose name starts with a prefix."""
    names = [name for name in fit_plot_names(analysis) if name.startswith(prefix)]
    return analysis.each(paths.FIT_PLOT, plot=names)


def transfer_plots(analysis: Analysis) -> list[str]:
    """Paths of the plots of a background from data."""
    infer = analysis.config.infer
    if not analysis.has_transfer() or infer is None or infer.transfer is None:
        return []
    functions = infer.transfer.names() if infer.transfer.along else []
    regions = [*infer.transfer.passes, *infer.transfer.validation]
    names = transfer_plot_names(regions, functions)
    return analysis.each(paths.TRANSFER_PLOT, plot=names)


def fit_page(analysis: Analysis) -> list[str]:
    """The page that compares the templates of systematics, if any has some."""
    return [analysis.at(paths.FIT_PAGE)] if fit_plots_of(analysis, "systematic") else []


def background_plot_names(analysis: Analysis) -> list[str]:
    """Names of the plots of the background estimates."""
    block = analysis.config.background
    if block is None:
        return []
    parts = (block.abcd, block.sideband, block.control, block.composition)
    return background_plots(*map(bool, parts))


def plots(analysis: Analysis) -> list[str]:
    """Paths of all plots that the analysis makes."""
    found = [analysis.at(paths.CUTFLOW_PLOT)]
    for model in analysis.config.models:
        pattern = analysis.at(paths.MODEL_PLOT, model=model)
        found += [pattern.format(plot=plot) for plot in plots_of(analysis, model)]
    found += analysis.each(paths.SEARCH_PLOT, model=analysis.searches.of)
    for model in analysis.with_systematics():
        pattern = analysis.at(paths.MODEL_PLOT, model=model)
        found += [pattern.format(plot=plot) for plot in varied_plots_of(analysis, model)]
    if len(analysis.jet_models()) > 1:
        found += [analysis.at(paths.COMPARISON_PLOT), *purity_plot(analysis)]
    if analysis.classifiers():
        found.append(analysis.at(paths.RANKING_PLOT))
    if analysis.in_logic():
        found.append(analysis.at(paths.RESOURCES_PLOT))
    if analysis.config.event_models():
        found.append(analysis.at(paths.ANOMALY_PLOT))
    found += analysis.each(paths.BACKGROUND_PLOT, plot=background_plot_names(analysis))
    if analysis.has_health():
        found.append(analysis.at(paths.HEALTH_PLOT))
    if analysis.config.has_fit:
        found += analysis.each(paths.FIT_PLOT, plot=fit_plot_names(analysis))
        found += transfer_plots(analysis)
        found += fit_page(analysis)
    return found


# --- tables of the fit ----------------------------------------------------------------------------


def yields_tables(analysis: Analysis) -> list[str]:
    """The table of yields in its formats."""
    return analysis.each(paths.YIELDS_TABLE, format=YIELDS_TABLES)


def hepdata(analysis: Analysis) -> list[str]:
    """The files of the HEPData record."""
    names = hepdata_tables(analysis.fitted_regions(), pois(analysis))
    return analysis.each(paths.HEPDATA, table=names)


def tables(analysis: Analysis) -> list[str]:
    """Every table of the fit."""
    return [*yields_tables(analysis), *hepdata(analysis)] if analysis.config.has_fit else []


# --- what the summary reads -----------------------------------------------------------------------


def figures(analysis: Analysis) -> dict[str, list[str]]:
    """The figures that there are: a run without models has neither evaluations nor a fit.

    Returns:
        Files by the names that `jobs.summary.Summary.Files` gives them.
    """
    config = analysis.config
    has = {
        "comparison": (len(analysis.jet_models()) > 1, paths.COMPARISON),
        "fit": (config.has_fit, paths.FIT),
        "background": (config.background is not None, paths.BACKGROUND),
    }
    varied = analysis.with_systematics()
    return {
        "cutflows": cutflows(analysis),
        "evaluations": analysis.each(paths.EVALUATION, model=config.models),
        "systematics": analysis.each(paths.EVALUATION_SYSTEMATICS, model=varied),
        "crosschecks": crosschecks(analysis),
        "figure": main_figure(analysis),
        **judged(analysis),
        **{name: [analysis.at(path)] if there else [] for name, (there, path) in has.items()},
    }


def main_figure(analysis: Analysis) -> list[str]:
    """The figure that the report opens with: the measurement, without a fit the cutflow."""
    if analysis.config.has_fit:
        return fit_plots_of(analysis, "measurement")
    return [analysis.at(paths.CUTFLOW_PLOT)]


def cutflows(analysis: Analysis) -> list[str]:
    """The nominal cutflows of all samples."""
    return [analysis.at(paths.CUTFLOW, variation=NOMINAL, sample=name) for name in analysis.samples]


def event_evaluations(analysis: Analysis) -> list[str]:
    """The evaluations of all models that score events."""
    models = [name for name in analysis.config.models if analysis.evaluated_as(name) == EVENTS]
    return analysis.each(paths.EVALUATION, model=models)
