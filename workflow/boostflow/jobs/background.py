"""Jobs of the background estimates from data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import model_validator

from boostflow.config.background import Background as BackgroundBlock
from boostflow.config.base import Block, Name
from boostflow.config.statistics import Templates as TemplatesBlock
from boostflow.jobs import base
from boostflow.jobs.base import Entry, Input, Job, Label, Output, PlotFolder
from boostflow.jobs.statistics import Systematics, Weighting, weighting_of
from boostflow.models.family import Role, Score, columns

if TYPE_CHECKING:
    from boostflow.analysis import Analysis


def block_of(analysis: Analysis) -> BackgroundBlock:
    """The background block of an analysis that has one."""
    assert analysis.config.background is not None
    return analysis.config.background


def only(block: Entry, *kept: str) -> Entry:
    """A block whose other keys have their defaults."""
    fields = type(block).model_fields
    reset = {name: field.get_default(call_default_factory=True) for name, field in fields.items()}
    return block.model_copy(update={k: v for k, v in reset.items() if k not in kept})


def where_counted(block: BackgroundBlock, *also: str) -> BackgroundBlock:
    """What says where events are counted, not what is done with the counts.

    Args:
        block: of the configuration.
        also: further keys of it that count.
    """
    composition, sideband, abcd = block.composition, block.sideband, block.abcd
    parts = {
        "composition": composition
        and only(composition, "model", "variable", "bins", "range", "within"),
        # Any range will do for it: the function dijet, of the default, needs one above 0.
        "sideband": sideband
        and only(sideband, "variable", "range", "bins", "window", "within").model_copy(
            update={"families": ["exponential"]}
        ),
        "abcd": abcd and only(abcd, "x", "y"),
        "control": {
            name: region.model_copy(update={"enters": "nothing"})
            for name, region in block.control.items()
        },
    }
    return only(block.model_copy(update=parts), *parts, *also)


class Clusters(Block):
    """The clusters of a model, as its score table holds them."""

    column: str
    """Column with the number of a jet's cluster."""
    number: int
    """How many there are."""


def clusters_of(analysis: Analysis) -> Clusters | None:
    """The clusters that the composition is made from; None where there is none."""
    found = block_of(analysis).composition
    if found is None:
        return None
    scores = analysis.config.models[found.model].scores(analysis.config.labels())
    (column,) = columns(scores, Role.CLUSTER)
    return Clusters(column=column, number=len(columns(scores, Role.DISTANCE)))


class CountEvents(Job):
    """Count the events in the regions of the estimates: of simulation, or of the data."""

    stage: ClassVar[str] = "background_counts"
    runs: ClassVar[str] = "boostflow.background.counts:run"

    background: BackgroundBlock
    """Estimates in whose regions events are counted."""
    templates: TemplatesBlock
    """Variable and bins of ABCD and control regions: those of the templates."""
    clusters: Clusters | None = None
    """Clusters of the composition's model; null without a composition."""
    luminosity: float = 138.0
    """Integrated luminosity (1/fb)."""
    weighting: Weighting | None = None
    """Column of weights of a weight variation; null for all others."""
    source: Literal["simulation", "pseudo", "observed"] = "simulation"
    """simulation: expected events of the test split; pseudo: events of the validation split, each
    drawn a Poisson number of times; observed: collision data."""
    unblind: bool = False
    """Collision data are seen in region A and in the window."""

    class Files(base.Files):
        """What is read and written."""

        jets: Input[list[Path]]
        """Selected jets, one file a sample, named by it."""
        scores: Input[list[Path]]
        """Score tables, each in a folder of its model's name."""
        counts: Output[Path]
        """ROOT file of histograms."""

    @model_validator(mode="after")
    def has_clusters(self) -> Self:
        """A composition has its clusters."""
        if self.background.composition is not None and self.clusters is None:
            raise ValueError("clusters: background.composition needs those of its model")
        return self


class Count(CountEvents):
    """Count the simulated events in the regions of the estimates."""

    @classmethod
    def of(cls, analysis: Analysis, variation: str) -> Count:
        """The job of the simulation under a variation."""
        return cls(
            background=where_counted(block_of(analysis)),
            templates=only(analysis.config.templates, "variable", "bins", "range"),
            clusters=clusters_of(analysis),
            luminosity=analysis.config.luminosity,
            weighting=weighting_of(analysis, variation),
        )


class CountData(CountEvents):
    """Count the events of the pseudo-data or of collision data in the same regions."""

    @classmethod
    def of(cls, analysis: Analysis) -> CountData:
        """The job of an analysis."""
        block = block_of(analysis)
        return cls(
            background=where_counted(block, "seed"),
            templates=only(analysis.config.templates, "variable", "bins", "range"),
            clusters=clusters_of(analysis),
            luminosity=analysis.config.luminosity,
            source=block.data,
            unblind=block.data == "observed" and analysis.config.unblind,
        )


class Estimate(Job):
    """Estimate backgrounds from the data."""

    stage: ClassVar[str] = "background"
    runs: ClassVar[str] = "boostflow.background.run:estimate"

    background: BackgroundBlock
    """The estimates that are made."""
    systematics: Systematics = {}
    """Systematics that the composition takes into account, by name."""
    signal: list[Name] = []
    """Signal samples of the fit."""
    trained: list[Name] = []
    """Samples that the composition's model was trained on."""
    unblind: bool = False
    """Collision data are seen in region A and in the window, and their composition."""

    class Files(base.Files):
        """What is read and written."""

        counts: Input[list[Path]]
        """Counts of nominal and of variations, named by them."""
        data: Input[Path]
        """Counts of the data."""
        templates: Input[Path | None] = None
        """Nominal templates of the fit, to whose regions control regions are transferred."""
        figures: Output[Path]
        """JSON file of all figures of the estimates."""
        workspace: Output[Path | None] = None
        """Likelihood of the ABCD estimate (HistFactory JSON), where there is one."""

    @classmethod
    def of(cls, analysis: Analysis) -> Estimate:
        """The job of an analysis."""
        config, block = analysis.config, block_of(analysis)
        found = block.composition
        varied = found.systematics if found else []
        return cls(
            background=block,
            systematics={name: analysis.systematics[name] for name in varied},
            signal=config.infer.signals() if config.infer else [],
            trained=config.trained_on(config.models[found.model]) if found else [],
            unblind=block.data == "observed" and config.unblind,
        )


class PlotBackground(Job):
    """Draw the background estimates."""

    stage: ClassVar[str] = "plot_background"
    runs: ClassVar[str] = "boostflow.background.report:plot"

    background: BackgroundBlock
    """The estimates that are drawn."""
    scores: dict[Name, list[Score]] = {}
    """Columns of models that are variables of ABCD."""
    kinds: dict[Name, str] = {}
    """Families of those: a model that is called otherwise is named in the titles of axes."""
    label: Label
    """Text above the plots."""

    class Files(base.Files):
        """What is read and written."""

        figures: Input[Path]
        """The estimates (JSON)."""
        plots: PlotFolder
        """Folder of the plots."""

    @classmethod
    def of(cls, analysis: Analysis) -> PlotBackground:
        """The job of an analysis."""
        config, block = analysis.config, block_of(analysis)
        axes = (block.abcd.x, block.abcd.y) if block.abcd else ()
        scores: dict[str, list[Score]] = {}
        for name in sorted({axis.model for axis in axes if axis.model is not None}):
            shown = {axis.column for axis in axes if axis.model == name}
            found = config.models[name].scores(config.labels())
            scores[name] = [score for score in found if score.column in shown]
        return cls(
            background=block,
            scores=scores,
            kinds={name: config.models[name].kind for name in scores},
            label=analysis.label(),
        )
