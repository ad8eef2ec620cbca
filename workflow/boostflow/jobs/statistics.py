"""Jobs of templates, the fit, its plots and tables, and the health check of systematic effects."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from boostflow.config.base import Block, Name, Range
from boostflow.config.statistics import AnyFlag
from boostflow.config.statistics import Infer as InferBlock
from boostflow.config.statistics import Templates as TemplatesBlock
from boostflow.config.systematics import AnySystematic
from boostflow.config.transfer import Transfer
from boostflow.jobs import base
from boostflow.jobs.base import Flow, Input, Job, Label, Output, without
from boostflow.models.family import Role, columns

if TYPE_CHECKING:
    from boostflow.analysis import Analysis

Systematics = dict[Name, AnySystematic]


class Weighting(Block):
    """A column of relative event weights."""

    column: str
    """Column of the selected jets with the weights."""
    samples: list[Name] | None = None
    """Samples that get it; null for all."""

    def applies(self, sample: str) -> bool:
        """Whether a sample's jets get this weight."""
        return self.samples is None or sample in self.samples


def weighting_of(analysis: Analysis, variation: str) -> Weighting | None:
    """The weight column of a weight variation; None for all others."""
    varied = analysis.varied(variation, "weight")
    return Weighting(column=varied.change, samples=varied.declared.samples) if varied else None


def cluster_columns(analysis: Analysis, templates: TemplatesBlock) -> dict[str, str]:
    """Column with the number of a jet's cluster, by model whose clusters are regions."""
    names = sorted({r.model for r in templates.regions.values() if r.clusters is not None})
    labels = analysis.config.labels()
    scores = {name: analysis.config.models[name].scores(labels) for name in names}
    return {name: columns(found, Role.CLUSTER)[0] for name, found in scores.items()}


class FillTemplates(Job):
    """Fill the histograms per region and sample: of one variation, or for pseudo-data."""

    stage: ClassVar[str] = "templates"
    runs: ClassVar[str] = "boostflow.templates.run:run"

    templates: TemplatesBlock = TemplatesBlock()
    """Variable, axis and regions."""
    clusters: dict[Name, str] = {}
    """Column with the number of a jet's cluster, by model whose clusters are regions."""
    luminosity: float = 138.0
    """Integrated luminosity (1/fb)."""
    weighting: Weighting | None = None
    """Column of weights of a weight variation; null for all others."""
    split: Literal["test", "validation"] = "test"
    """Split of the simulated events that enter."""
    data: list[Name] = []
    """Samples that are collision data: each jet counts 1."""
    unblind: bool = False
    """Collision data in all regions, not in control regions alone."""
    hidden: dict[Name, list[Range]] = {}
    """Windows of the variable, by region: collision data is in the bins beside them."""
    allow_empty: bool = False
    """A region without any jet is no error."""

    class Files(base.Files):
        """What is read and written."""

        jets: Input[list[Path]]
        """Selected jets, one file a sample, named by it."""
        scores: Input[list[Path]]
        """Score tables, each in a folder of its model's name."""
        templates: Output[Path]
        """ROOT file of the histograms."""


class Templates(FillTemplates):
    """Fill the histograms of one variation."""

    @classmethod
    def of(cls, analysis: Analysis, variation: str) -> Templates:
        """The job of a variation."""
        regions = analysis.regions(variation)
        template = analysis.config.templates.model_copy(update={"regions": regions})
        data = [name for name in analysis.template_samples(variation) if analysis.is_data(name)]
        return cls(
            templates=template,
            clusters=cluster_columns(analysis, template),
            luminosity=analysis.config.luminosity,
            weighting=weighting_of(analysis, variation),
            data=data,
            unblind=bool(data) and analysis.config.unblind,
            hidden=analysis.hidden() if data else {},
            allow_empty=variation in analysis.variations.crosschecks().values(),
        )


class PseudoTemplates(FillTemplates):
    """Fill the histograms of the validation split, which pseudo-data are drawn from."""

    @classmethod
    def of(cls, analysis: Analysis) -> PseudoTemplates:
        """The job of an analysis."""
        config = analysis.config
        return cls(
            templates=config.templates,
            clusters=cluster_columns(analysis, config.templates),
            luminosity=config.luminosity,
            split="validation",
        )


def fitted_block(analysis: Analysis) -> InferBlock:
    """The infer block as the fit depends on it: not on what ends a run, nor on toys of checks.

    A function of two variables knows from the regions where it is evaluated.
    """
    block = analysis.config.infer
    assert block is not None
    located = block.transfer and block.transfer.located(analysis.config.templates.regions)
    transfer = _at_default(located, {"toys"})
    return block.model_copy(update={"strict": False, "transfer": transfer})


def estimated_regions(analysis: Analysis) -> Transfer | None:
    """What of a background from data says which templates nothing varies: not its function."""
    functions = {"name", "basis", "order_max", "toys", "hidden"}
    found = _at_default(fitted_block(analysis).transfer, functions)
    # The only order of functions of one variable and of two.
    return found and without(found, {"order": "auto", "residual": None})


def _at_default(transfer: Transfer | None, keys: set[str]) -> Transfer | None:
    fields = Transfer.model_fields
    return transfer and without(transfer, {key: fields[key].default for key in keys})


class OfFit(Job):
    """What jobs are told that build the workspace."""

    infer: InferBlock = InferBlock()
    """What is fitted, and how."""
    systematics: Systematics = {}
    """Systematics with templates, and rates, by name; without titles."""
    data: list[Name] = []
    """Samples of the nominal templates that are collision data."""

    class Files(base.Files):
        """What is read."""

        templates: Input[list[Path]]
        """Templates of nominal and of each variation, `{variation}.root`."""
        pseudo: Input[list[Path]] = []
        """Templates of the validation split, where pseudo-data are fitted."""
        controls: Input[list[Path]] = []
        """background.json, where scale factors of control regions enter."""

    @classmethod
    def of(cls, analysis: Analysis) -> Self:
        """The job of an analysis."""
        entries = analysis.entering(analysis.fitted())
        return cls(
            infer=fitted_block(analysis),
            systematics={name: without(block, {"title": None}) for name, block in entries.items()},
            data=analysis.shown_data(),
        )


class Infer(OfFit):
    """Build the workspace and fit the signal strengths."""

    stage: ClassVar[str] = "infer"
    runs: ClassVar[str] = "boostflow.infer.run:infer"

    class Files(OfFit.Files):
        """What is read and written."""

        workspace: Output[Path]
        """Workspace as HistFactory JSON."""
        fit: Output[Path]
        """JSON file of the results of the fit."""
        yields: Output[Path]
        """JSON file of the yields before and after the fit."""


class Crosscheck(Job):
    """Compare the regions of another model with those of the analysis."""

    stage: ClassVar[str] = "crosscheck"
    runs: ClassVar[str] = "boostflow.infer.crosscheck:run"

    infer: InferBlock = InferBlock()
    """What would be fitted."""
    data: list[Name] = []
    """Samples of the nominal templates that are collision data."""

    class Files(base.Files):
        """What is read and written."""

        nominal: Input[Path]
        """Templates of the analysis."""
        instead: Input[Path]
        """Templates of the other regions."""
        figures: Output[Path]
        """JSON file of the comparison."""

    @classmethod
    def of(cls, analysis: Analysis) -> Crosscheck:
        """The job of any systematic that compares."""
        return cls(infer=fitted_block(analysis), data=analysis.shown_data())


class PlotFit(Job):
    """Draw the measurement, regions, systematics, parameters, the likelihood and limits."""

    stage: ClassVar[str] = "plot_fit"
    runs: ClassVar[str] = "boostflow.infer.report:plot"

    systematics: Systematics = {}
    """Systematics with templates, and rates, by name."""
    label: Label
    """Text above the plots."""
    beside: list[Name] = []
    """Regions that the figure of the measurement leaves out: a background is taken from them."""
    data: list[Name] = []
    """Samples of the nominal templates that are collision data."""
    transfer: Transfer | None = None
    """Background that is taken from data: its simulation is not varied."""

    class Files(base.Files):
        """What is read and written."""

        templates: Input[list[Path]]
        """Templates of nominal and of each variation, `{variation}.root`."""
        fit: Input[Path]
        """The fit (JSON)."""
        yields: Input[Path]
        """JSON file of the fit's yields."""
        plots: Annotated[Path, Flow("output", folder_of="ranking")]
        """Folder of the plots."""

    @classmethod
    def of(cls, analysis: Analysis) -> PlotFit:
        """The job of an analysis."""
        transfer = analysis.config.infer.transfer if analysis.config.infer else None
        return cls(
            beside=transfer.fails() if transfer else [],
            systematics=analysis.entering(analysis.fitted()),
            label=analysis.label(),
            data=analysis.shown_data(),
            transfer=estimated_regions(analysis),
        )


class FitTables(Job):
    """Write the yields as text, CSV and LaTeX, and a record for HEPData."""

    stage: ClassVar[str] = "fit_tables"
    runs: ClassVar[str] = "boostflow.infer.report:tabulate"

    systematics: Systematics = {}
    """Systematics with templates, and rates, by name."""
    energy: float = 13_000.0
    """Centre-of-mass energy (GeV)."""

    class Files(base.Files):
        """What is read and written."""

        fit: Input[Path]
        """The fit (JSON)."""
        yields: Input[Path]
        """JSON file of the fit's yields."""
        tables: Annotated[Path, Flow("output", folder_of="tables")]
        """Folder of the tables."""
        hepdata: Annotated[Path, Flow("output", folder_of="hepdata")]
        """Folder of the HEPData record."""

    @classmethod
    def of(cls, analysis: Analysis) -> FitTables:
        """The job of an analysis."""
        entries = analysis.entering(analysis.fitted())
        return cls(systematics=entries, energy=analysis.config.simulation.ecm)


class Health(Job):
    """Flag effects that are not finite, zero, too large, one-sided, alternating or noise."""

    stage: ClassVar[str] = "health"
    runs: ClassVar[str] = "boostflow.infer.health:run"

    signal: list[Name]
    """Samples of the signal."""
    bin_error_max: float = 0.5
    """Largest relative error of the background in a bin: bins are merged as in the fit."""
    minor: float = 0.0
    """Part of a region's events below which a sample is not varied."""
    few_jets: float = 0.0
    """Simulated jets below which a bin changes with the others."""
    transfer: Transfer | None = None
    """Samples that come from data, which nothing varies."""
    systematics: Systematics = {}
    """Systematics with templates, by name; without titles."""
    data: list[Name] = []
    """Samples of the nominal templates that are collision data."""

    class Files(base.Files):
        """What is read and written."""

        templates: Input[list[Path]]
        """Templates of nominal and of each variation, `{variation}.root`."""
        figures: Output[Path]
        """JSON file of all effects and their flags."""
        table: Output[Path]
        """Text file with the same as a table."""

    @classmethod
    def of(cls, analysis: Analysis) -> Health:
        """The job of an analysis."""
        infer = fitted_block(analysis)
        entries = {name: analysis.systematics[name] for name in analysis.fitted()}
        return cls(
            signal=infer.signals(),
            bin_error_max=infer.bin_error_max,
            minor=infer.minor,
            few_jets=infer.few_jets,
            transfer=estimated_regions(analysis),
            systematics={name: without(block, {"title": None}) for name, block in entries.items()},
            data=analysis.shown_data(),
        )


class PlotHealth(Job):
    """Draw the effects of all systematics on yields, with the flags of the health check."""

    stage: ClassVar[str] = "plot_health"
    runs: ClassVar[str] = "boostflow.infer.health:plot"

    titles: dict[Name, str] = {}
    """How the plot calls systematics, where not by their names."""
    label: Label
    """Text above the plot."""

    class Files(base.Files):
        """What is read and written."""

        health: Input[Path]
        """The health check (JSON)."""
        plot: Output[Path]
        """PNG file of all effects."""

    @classmethod
    def of(cls, analysis: Analysis) -> PlotHealth:
        """The job of an analysis."""
        entries = analysis.systematics.items()
        titles = {name: block.title for name, block in entries if block.title}
        return cls(titles=titles, label=analysis.label())


class DemandHealth(Job):
    """End with an error that names what has flags that are not allowed."""

    stage: ClassVar[str] = "demand_health"
    runs: ClassVar[str] = "boostflow.infer.health:demand"

    forbidden: list[AnyFlag]
    """Flags that end the run."""

    class Files(base.Files):
        """What is read."""

        health: Input[list[Path]] = []
        """The health check (JSON), where systematics have templates."""
        transfer: Input[list[Path]] = []
        """The tests of a background from data (JSON), where there is one."""

    @classmethod
    def of(cls, analysis: Analysis) -> DemandHealth:
        """The job of an analysis."""
        infer = analysis.config.infer
        return cls(forbidden=infer.forbidden() if infer else [])
