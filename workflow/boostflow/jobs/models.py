"""Jobs of the stages that train, score and judge models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import field_serializer

from boostflow.config.base import Block, Name
from boostflow.config.chain import Efficiency, Purity
from boostflow.config.chain import Evaluate as EvaluateBlock
from boostflow.config.config import Model
from boostflow.config.regression import Regression
from boostflow.config.systematics import AnySystematic, titles
from boostflow.jobs import base
from boostflow.jobs.base import Given, Input, Job, Label, Output, PlotFolder, without
from boostflow.models.classifying import ClassifierBlock, Decorrelate
from boostflow.models.family import ModelBlock, Role, Score, Task, Unit, columns, family_of
from boostflow.models.regressing import RegressorBlock

if TYPE_CHECKING:
    from boostflow.analysis import Analysis


class Prepare(Job):
    """Prepare an input that several models of a family share."""

    stage: ClassVar[str] = "prepare"
    runs: ClassVar[str] = "boostflow.models.stage:prepare"

    model: Model
    """A block with what decides the input; its other keys have no effect on it."""

    class Files(base.Files):
        """What is read and written."""

        jets: Input[list[Path]]
        """Selected jets of the samples to train on."""
        prepared: Output[Path]
        """Folder of the prepared input."""

    @field_serializer("model")
    def only_what_decides(self, model: ModelBlock) -> dict[str, Any] | None:
        """Other keys of the first of the models are no reason to prepare the input again."""
        return model.prepared()

    @classmethod
    def of(cls, analysis: Analysis, prepared: str) -> Prepare:
        """The job of a prepared input, by its name."""
        return cls(model=analysis.prepared()[prepared].block)


class Train(Job):
    """Train a model."""

    stage: ClassVar[str] = "train"
    runs: ClassVar[str] = "boostflow.models.stage:train"

    name: Name
    """Name of the model, for messages."""
    model: Model
    """Block of the model, with what a variation changes."""
    searched: list[str] = []
    """Keys of it that a search has chosen, which no variation changes."""

    class Files(base.Files):
        """What is read and written."""

        jets: Input[list[Path]]
        """Selected jets of the samples to train on, where there is no prepared input."""
        beside: Input[list[Path]] = []
        """Selected jets of samples that it looks at and does not learn from."""
        prepared: Input[Path | None] = None
        """Folder of the prepared input."""
        models: Input[list[Path]] = []
        """Folders of the models that it is made from."""
        chosen: Input[Path | None] = None
        """JSON file of what a search has chosen."""
        possible: Input[list[Path]] = []
        """Folders of prepared inputs of which the chosen settings need one, called by names."""
        points: Given[Path | None] = None
        """Folder of the points of searches, of which one may be this very training."""
        prepared_below: Input[list[Path]] = []
        """Folders of the prepared inputs of these models, and of those that they are made from."""
        output: Output[Path]
        """Folder of the model."""
        checkpoint: Given[Path | None] = None
        """Folder by which a killed training resumes."""

    @classmethod
    def of(cls, analysis: Analysis, model: str, variation: str) -> Train:
        """The job of a model under a variation."""
        block = analysis.block(model, variation)
        if model not in analysis.searches.of:
            return cls(name=model, model=block)
        return cls(
            name=model,
            # Another search that chooses the same is no other training.
            model=block.model_copy(update={"search": None}),
            searched=analysis.searches.chooses(model, analysis.changed(model, variation)),
        )


class Scoring(Job):
    """Score the selected jets of all samples."""

    stage: ClassVar[str] = "score"
    runs: ClassVar[str] = "boostflow.models.table:run"
    crashed: ClassVar[str | None] = "boostflow.models.table:crashed"

    samples: list[Name]
    """Names of the samples, in the order of their files."""
    scores: list[Score]
    """Columns that the model's family names; a class that the training lacked has none."""
    together: bool = False
    """Whether all samples are scored at once."""
    threads: int = 1
    """Number of threads that compute at the same time."""

    class Files(base.Files):
        """What is read and written."""

        model: Input[Path]
        """Folder of the model."""
        jets: Input[list[Path]]
        """Selected jets, one file a sample."""
        scores: Output[Path]
        """Parquet file of the scores."""

    @classmethod
    def of(cls, analysis: Analysis, model: str, variation: str) -> Scoring:
        """The job of a model under a variation."""
        block = analysis.block(model, variation)
        return cls(
            samples=analysis.samples,
            scores=block.scores(analysis.config.labels()),
            together=block.together(),
        )


class Judged(Block):
    """How a model is judged."""

    task: Task
    """A classifier by all labelled jets, a clustering by those of its samples in its window."""
    unit: Unit = "jet"
    """What has a score."""
    scores: list[Score]
    """Columns of the score table."""
    samples: list[Name] | None = None
    """Samples of a clustering; null for all."""
    mass: tuple[float, float] | None = None
    """Window of the jet mass of a clustering (GeV)."""
    normal: list[Name] = []
    """Samples or classes that a detector takes as normal."""
    target: str | None = None
    """Column of the true value that a regression estimates."""

    @classmethod
    def of(cls, block: ModelBlock, labels: Sequence[str]) -> Judged:
        """How a model of this block is judged.

        Args:
            block: of the model.
            labels: of the samples.
        """
        samples = block.reads().samples
        return cls(
            task=block.task(),
            unit=block.scored_unit(),
            scores=block.scores(labels),
            samples=None if samples is None else list(samples),
            mass=block.window(),
            normal=list(block.normal_jets()),
            target=block.target if isinstance(block, RegressorBlock) else None,
        )

    def columns(self, role: Role) -> list[str]:
        """Names of the score columns of one role, in their order."""
        return columns(self.scores, role)


class Evaluate(Job):
    """Figures of merit with errors, and plots, of one model on the test split."""

    stage: ClassVar[str] = "evaluate"
    runs: ClassVar[str] = "boostflow.evaluate.run:evaluate"

    name: Name
    """Name of the model."""
    kind: str
    """Family of the model, which may have plots and baselines of its own."""
    own_plots: list[str] = []
    """Names of the plots that the family draws."""
    judged: Judged
    """Jets and columns that the model is judged by."""
    tables: bool = False
    """Whether rows of tables are scored, which have no mass of a jet."""
    evaluate: EvaluateBlock = EvaluateBlock()
    """Efficiencies, pairs of classes that the analysis has, resamplings."""
    decorrelate: Decorrelate | None = None
    """What of a classifier is decorrelated, and with which background."""
    signal: list[Name] = []
    """Signal samples of the significance scan of a classifier; empty for no scan."""
    luminosity: float = 138.0
    """Integrated luminosity (1/fb)."""
    seed: int = 1
    """Seed of the bootstrap and of k-means."""
    label: Label
    """Text above the plots."""

    class Files(base.Files):
        """What is read and written."""

        jets: Input[list[Path]]
        """Selected jets, one file a sample, named by it."""
        beside: Input[list[Path]] = []
        """Those of samples that a decorrelation takes as background, and that have no class."""
        scores: Input[Path]
        """Score table of the model."""
        model: Input[Path]
        """Folder of the model."""
        figures: Output[Path]
        """JSON file of the figures of merit."""
        plots: PlotFolder
        """Folder of the plots."""

    @classmethod
    def of(cls, analysis: Analysis, model: str) -> Evaluate:
        """The job of a model."""
        config, block = analysis.config, analysis.config.models[model]
        of_events = block.scored_unit() == "event"
        return cls(
            name=model,
            kind=block.kind,
            own_plots=list(block.own_plots()),
            judged=Judged.of(block, config.labels()),
            tables=config.of_tables(),
            evaluate=possible(analysis, isinstance(block, RegressorBlock)),
            decorrelate=block.decorrelate if isinstance(block, ClassifierBlock) else None,
            signal=signal_of(analysis, block),
            luminosity=config.luminosity,
            seed=config.seed,
            label=analysis.energy_label() if of_events else analysis.label(),
        )


def possible(analysis: Analysis, regresses: bool = False) -> EvaluateBlock:
    """The evaluate block with those rejections whose classes this analysis has.

    Args:
        analysis: the analysis.
        regresses: whether it is for a regression, which alone has bins of its own.
    """
    labels, block = set(analysis.config.labels()), analysis.config.evaluate
    pairs = [(s, b) for s, b in block.rejection if {s, *b} <= labels]
    bins = block.regression if regresses else Regression()
    return block.model_copy(update={"rejection": pairs, "reference": None, "regression": bins})


def signal_of(analysis: Analysis, block: ModelBlock) -> list[str]:
    """Signal samples that a classifier is scanned for: those of the main parameter of interest."""
    infer = analysis.config.infer
    if infer is None or block.task() is not Task.CLASSIFY:
        return []
    return next(iter(infer.pois().values()))


class EvaluateSystematics(Job):
    """Systematic errors of a model's figures, from the jets of all variations."""

    stage: ClassVar[str] = "evaluate_systematics"
    runs: ClassVar[str] = "boostflow.evaluate.run:systematics"

    judged: Judged
    """Jets and columns that the model is judged by."""
    systematics: dict[Name, AnySystematic]
    """The entries that vary these jets or their weights, and rates, by name."""
    evaluate: EvaluateBlock = EvaluateBlock()
    """Efficiencies and pairs of classes."""
    signal: list[Name] = []
    """Signal samples of the significance scan of a classifier; empty for no scan."""
    luminosity: float = 138.0
    """Integrated luminosity (1/fb)."""

    class Files(base.Files):
        """What is read and written."""

        jets: Input[list[Path]]
        """Selected jets `{variation}/{sample}.parquet`, nominal and those that vary."""
        scores: Input[list[Path]]
        """Score tables `{variation}.parquet`, nominal and those that vary."""
        nominal: Input[Path]
        """Evaluation of the nominal jets (JSON)."""
        figures: Output[Path]
        """JSON file of the systematic errors."""

    @classmethod
    def of(cls, analysis: Analysis, model: str) -> EvaluateSystematics:
        """The job of a model."""
        config, block = analysis.config, analysis.config.models[model]
        ignored = {"title": None, "regions": None, "smooth": "none", "prune": None}
        # By name: another order of the entries is no reason to evaluate again.
        entries = {
            name: without(entry, ignored)
            for name, entry in sorted(varying(analysis, model).items())
        }
        return cls(
            judged=Judged.of(block, config.labels()),
            systematics=entries,
            evaluate=possible(analysis),
            signal=signal_of(analysis, block),
            luminosity=config.luminosity,
        )


def varying(analysis: Analysis, model: str) -> dict[str, AnySystematic]:
    """The entries that vary a model's figures, and rates, by name."""
    by_name = analysis.variations.by_name
    touching = (by_name[name].systematic for name in analysis.variations.evaluated(model))
    return analysis.entering(touching)


class PlotSystematics(Job):
    """Draw the systematic errors of a model's figures."""

    stage: ClassVar[str] = "plot_systematics"
    runs: ClassVar[str] = "boostflow.evaluate.run:plot_systematics"

    scores: list[Score]
    """Columns of the score table, for titles of axes."""
    titles: dict[Name, str] = {}
    """How plots call parameters, where not by their names."""
    label: Label
    """Text above the plots."""

    class Files(base.Files):
        """What is read and written."""

        figures: Input[Path]
        """JSON file of the systematic errors."""
        plots: PlotFolder
        """Folder of the plots."""

    @classmethod
    def of(cls, analysis: Analysis, model: str) -> PlotSystematics:
        """The job of a model."""
        # By name, as the entries of the evaluation: their order changes nothing.
        named = sorted(titles(varying(analysis, model)).items())
        return cls(
            scores=analysis.config.models[model].scores(analysis.config.labels()),
            titles={parameter: title for parameter, title in named if title != parameter},
            label=analysis.label(),
        )


class Compare(Job):
    """Differences of models on the same jets, with paired errors."""

    stage: ClassVar[str] = "compare"
    runs: ClassVar[str] = "boostflow.evaluate.run:comparison"

    judged: dict[Name, Judged]
    """How each model is judged, in the order of the score tables."""
    reference: Name
    """The model that each other one is compared with."""
    efficiency: Efficiency | None = None
    """Efficiencies at fixed mistag rates that are compared besides the AUCs."""
    purity: Purity | None = None
    """Efficiencies at equal purity that are compared, too."""
    bootstrap: int = 200
    """Number of resamplings of the bootstrap."""
    seed: int = 1
    """Seed of the bootstrap."""
    label: Label
    """Text above the plot."""

    class Files(base.Files):
        """What is read and written."""

        jets: Input[list[Path]]
        """Selected jets, one file a sample, named by it."""
        scores: Input[list[Path]]
        """Score tables, each in a folder of its model's name."""
        figures: Output[Path]
        """JSON file of the comparison."""
        plot: Output[Path]
        """PNG file of the comparison."""
        purity: Output[list[Path]] = []
        """PNG file of efficiencies at equal purity, where they are asked for."""

    @classmethod
    def of(cls, analysis: Analysis) -> Compare:
        """The job of an analysis."""
        config = analysis.config
        models = {name: config.models[name] for name in analysis.jet_models()}
        labels = config.labels()
        return cls(
            judged={name: Judged.of(block, labels) for name, block in models.items()},
            reference=reference_of(analysis),
            efficiency=config.evaluate.efficiency,
            purity=config.evaluate.purity,
            bootstrap=config.evaluate.bootstrap,
            seed=config.seed,
            label=analysis.energy_label(),
        )


def reference_of(analysis: Analysis) -> str:
    """The model that the others are compared with."""
    return analysis.config.evaluate.reference or analysis.jet_models()[0]


class RankClassifiers(Job):
    """All classifiers beside each other: what they reach, and what they cost."""

    stage: ClassVar[str] = "rank"
    runs: ClassVar[str] = "boostflow.ranking:run"

    titles: dict[Name, str]
    """How tables call the family of each classifier."""
    reference: Name
    """The model that the others were compared with."""
    in_logic: list[Name] = []
    """Those that are logic for an FPGA."""
    label: Label
    """Text above the plots."""

    class Files(base.Files):
        """What is read and written."""

        evaluations: Input[list[Path]]
        """Evaluations of the classifiers (JSON)."""
        comparison: Input[Path]
        """Comparison of all models with the reference (JSON)."""
        models: Input[list[Path]]
        """Folders of the trained classifiers, each in a folder of its model's name."""
        jets: Input[list[Path]]
        """Selected jets, one file a sample."""
        figures: Output[Path]
        """JSON file of the figures."""
        table: Output[Path]
        """The same as a table of text."""
        plot: Output[Path]
        """PNG file of the ROC curves."""
        resources: Output[Path | None] = None
        """PNG file of accuracy against resources, if any is logic."""

    @classmethod
    def of(cls, analysis: Analysis) -> RankClassifiers:
        """The job of an analysis."""
        models = analysis.config.models
        return cls(
            titles={name: family_of(models[name]).title for name in analysis.classifiers()},
            reference=reference_of(analysis),
            in_logic=analysis.in_logic(),
            label=analysis.energy_label(),
        )


class CompareEvents(Job):
    """Enrichment of the signal against the number of clusters, of all clusterings of events."""

    stage: ClassVar[str] = "anomaly"
    runs: ClassVar[str] = "boostflow.evaluate.run:anomaly"

    titles: dict[Name, str] = {}
    """How legends call the family of each model."""
    label: Label
    """Text above the plot."""

    class Files(base.Files):
        """What is read and written."""

        evaluations: Input[list[Path]]
        """Evaluations of the clusterings (JSON)."""
        figures: Output[Path]
        """JSON file of the comparison."""
        plot: Output[Path]
        """PNG file of the comparison."""

    @classmethod
    def of(cls, analysis: Analysis) -> CompareEvents:
        """The job of an analysis."""
        models = analysis.config.event_models()
        return cls(
            titles={name: family_of(block).title for name, block in models.items()},
            label=analysis.energy_label(),
        )
