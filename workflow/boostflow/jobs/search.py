"""Jobs of the searches over hyper-parameters: trainings of points, rankings, what comes out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from boostflow.config.base import Name
from boostflow.config.config import Model
from boostflow.jobs import base
from boostflow.jobs.base import Given, Input, Job, Label, Output
from boostflow.models.search import SEEDS, point

if TYPE_CHECKING:
    from boostflow.analysis import Analysis

Figure = Literal["auc", "loss"]


class TrainPoints(Job):
    """Train points of a search, one after another, and judge them by the validation split."""

    stage: ClassVar[str] = "search"
    runs: ClassVar[str] = "boostflow.search.train:points"

    points: list[Model]
    """Their blocks."""

    class Files(base.Files):
        """What is read and written."""

        jets: Input[list[Path]]
        """Selected jets of the samples to train on, where there is no prepared input."""
        prepared: Input[list[Path]] = []
        """Folders of prepared inputs, each called by its name."""
        models: Input[list[Path]] = []
        """Folders of the models that each point is made from."""
        prepared_below: Input[list[Path]] = []
        """Folders of the prepared inputs of these models, and of those that they are made from."""
        judged: Input[list[Path]]
        """Selected jets of the samples that have a class."""
        results: Output[Path]
        """JSON file of what came out for each point."""
        points: Given[Path]
        """Folder of all points; those that are whole there are not trained again."""
        checkpoints: Given[Path]
        """Folder by which killed trainings resume."""

    @classmethod
    def of(cls, analysis: Analysis, batch: str) -> TrainPoints:
        """The job of some points of first steps."""
        return cls(points=analysis.searches.batches[batch].points)


class TrainBest(Job):
    """Train the best points of a step of a search again: with more, or with other seeds."""

    stage: ClassVar[str] = "search_best"
    runs: ClassVar[str] = "boostflow.search.train:best"

    model: Model
    """Block of the model, without its search."""
    places: list[int]
    """Places in the ranking of the step before; of `seeds` how far the seed is from the block's."""
    given: dict[Name, int]
    """What they have of the resource, by its key."""
    seeds: bool = False
    """Whether the best one alone is trained, with several seeds, and judged by the test split."""

    class Files(TrainPoints.Files):
        """What is read and written."""

        ranking: Input[Path]
        """JSON file with the ranking of the step before."""

    @classmethod
    def of(cls, analysis: Analysis, model: str, step: str, slot: str) -> TrainBest:
        """The job of some places of a step."""
        searches = analysis.searches
        return cls(
            model=point(analysis.config.models[model], {}),
            places=searches.slots(model, step)[int(slot)],
            given=searches.step(model, step).given,
            seeds=step == SEEDS,
        )


class Rank(Job):
    """Rank the points of a step of a search."""

    stage: ClassVar[str] = "search_rank"
    runs: ClassVar[str] = "boostflow.search.rank:rank"

    figure: Figure
    """What they are ranked by."""
    settings: dict[str, dict[str, Any]] | None = None
    """Of a first step: its points, and the values of their keys."""

    class Files(base.Files):
        """What is read and written."""

        results: Input[list[Path]]
        """JSON files of the trainings."""
        ranking: Output[Path]
        """JSON file of the ranking, the best one first."""

    @classmethod
    def of(cls, analysis: Analysis, model: str, step: str) -> Rank:
        """The job of a step."""
        searches, settings = analysis.searches, None
        if step == searches.steps[model][0].name:
            settings = {name: found.settings for name, found in searches.points[model].items()}
        return cls(figure=searches.of[model].figure, settings=settings)


class ReportSearch(Job):
    """Collect what a search has found: as JSON, as a table and as a plot."""

    stage: ClassVar[str] = "search_report"
    runs: ClassVar[str] = "boostflow.search.report:report"

    name: Name
    """Name of the model."""
    method: str
    """How points were chosen to be tried."""
    figure: Figure
    """What they are ranked by."""
    keys: list[str]
    """Keys that were searched."""
    logarithmic: list[str] = []
    """Those of them that are drawn on a logarithmic axis."""
    resource: Name | None = None
    """What halving gives little of."""
    given: list[int] = []
    """How much of it the points of each step had."""
    bootstrap: int = 200
    """Number of resamplings of the bootstrap."""
    seed: int = 1
    """Seed of the bootstrap."""
    label: Label
    """Text above the plot."""

    class Files(base.Files):
        """What is read and written."""

        rankings: Input[list[Path]]
        """Rankings of all steps, in their order."""
        seeds: Input[list[Path]]
        """Results of the trainings with several seeds."""
        points: Given[Path]
        """Folder of all points."""
        figures: Output[Path]
        """JSON file of what was found."""
        table: Output[Path]
        """It as plain text."""
        plot: Output[Path]
        """PNG file of the figure against each key."""

    @classmethod
    def of(cls, analysis: Analysis, model: str) -> ReportSearch:
        """The job of a model."""
        search, config = analysis.searches.of[model], analysis.config
        steps = analysis.searches.steps[model]
        return cls(
            name=model,
            method=search.method,
            figure=search.figure,
            keys=list(search.keys),
            logarithmic=[k for k, v in search.keys.items() if getattr(v, "scale", "") == "log"],
            resource=search.resource,
            given=[value for step in steps for value in step.given.values()],
            bootstrap=config.evaluate.bootstrap,
            seed=config.seed,
            label=analysis.energy_label(),
        )
