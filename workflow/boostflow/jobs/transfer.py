"""Jobs that test a background from data, and draw its functions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from boostflow.config.base import Name
from boostflow.config.statistics import Infer as InferBlock
from boostflow.jobs import base
from boostflow.jobs.base import Flow, Input, Job, Label, Output, without
from boostflow.jobs.statistics import Systematics, fitted_block

if TYPE_CHECKING:
    from boostflow.analysis import Analysis


class CheckTransfer(Job):
    """Test the functions of a background from data: F-tests, goodness, bias, closure, envelope."""

    stage: ClassVar[str] = "check_transfer"
    runs: ClassVar[str] = "boostflow.infer.closure:run"

    infer: InferBlock = InferBlock()
    """What is fitted, and how."""
    systematics: Systematics = {}
    """Systematics with templates, and rates, by name; without titles."""
    data: list[Name] = []
    """Samples of the nominal templates that are collision data."""

    class Files(base.Files):
        """What is read and written."""

        templates: Input[list[Path]]
        """Templates of nominal and of each variation, `{variation}.root`."""
        pseudo: Input[list[Path]] = []
        """Templates of the validation split, where pseudo-data are fitted."""
        controls: Input[list[Path]] = []
        """background.json, where scale factors of control regions enter."""
        figures: Output[Path]
        """JSON file of the tests."""

    @classmethod
    def of(cls, analysis: Analysis) -> CheckTransfer:
        """The job of an analysis."""
        entries = analysis.entering(analysis.fitted())
        return cls(
            infer=fitted_block(analysis),
            systematics={name: without(block, {"title": None}) for name, block in entries.items()},
            data=analysis.shown_data(),
        )


class PlotTransfer(Job):
    """Draw the functions of a background from data, and the bias of the fit."""

    stage: ClassVar[str] = "plot_transfer"
    runs: ClassVar[str] = "boostflow.infer.report:plot_transfer"

    label: Label
    """Text above the plots."""

    class Files(base.Files):
        """What is read and written."""

        figures: Input[Path]
        """JSON file of the tests."""
        plots: Annotated[Path, Flow("output", folder_of="plots")]
        """Folder of the plots."""

    @classmethod
    def of(cls, analysis: Analysis) -> PlotTransfer:
        """The job of an analysis."""
        return cls(label=analysis.label())
