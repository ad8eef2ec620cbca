"""Jobs that test a background from data, and draw its functions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from boostflow.jobs import base
from boostflow.jobs.base import Input, Job, Label, Output, PlotFolder
from boostflow.jobs.statistics import OfFit

if TYPE_CHECKING:
    from boostflow.analysis import Analysis


class CheckTransfer(OfFit):
    """Test the functions of a background from data: F-tests, goodness, bias, closure, envelope."""

    stage: ClassVar[str] = "check_transfer"
    runs: ClassVar[str] = "boostflow.infer.closure:run"

    class Files(OfFit.Files):
        """What is read and written."""

        figures: Output[Path]
        """JSON file of the tests."""

    @classmethod
    def of(cls, analysis: Analysis) -> Self:
        """The job of an analysis: it needs its own toys, and none of the discovery significance."""
        job, infer = super().of(analysis), analysis.config.infer
        assert infer is not None and infer.transfer is not None and job.infer.transfer is not None
        transfer = job.infer.transfer.model_copy(update={"toys": infer.transfer.toys})
        update = {"toys": 0, "transfer": transfer}
        return job.model_copy(update={"infer": job.infer.model_copy(update=update)})


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
        plots: PlotFolder
        """Folder of the plots."""

    @classmethod
    def of(cls, analysis: Analysis) -> PlotTransfer:
        """The job of an analysis."""
        return cls(label=analysis.label())
