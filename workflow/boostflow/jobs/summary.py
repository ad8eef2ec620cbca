"""Jobs of what a run comes to: cutflow plot, figures, table, record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from boostflow.jobs import base
from boostflow.jobs.base import Input, Job, Label, Output

if TYPE_CHECKING:
    from boostflow.analysis import Analysis


class PlotCutflow(Job):
    """Draw the cutflow of all samples."""

    stage: ClassVar[str] = "plot_cutflow"
    runs: ClassVar[str] = "boostflow.plots.cutflow:run"

    label: Label
    """Text above the plot."""
    tables: bool = False
    """Whether the objects are rows of tables, which correspond to no luminosity."""

    class Files(base.Files):
        """What is read and written."""

        cutflows: Input[list[Path]]
        """Cutflows, one JSON file a sample."""
        plot: Output[Path]
        """PNG file of the cutflow."""

    @classmethod
    def of(cls, analysis: Analysis) -> PlotCutflow:
        """The job of an analysis."""
        return cls(label=analysis.energy_label(), tables=analysis.config.of_tables())


class Summary(Job):
    """Collect the key figures of a run: as JSON, as text, and as the first page of its report."""

    stage: ClassVar[str] = "summary"
    runs: ClassVar[str] = "boostflow.summary.run:run"

    label: Label = Label("", "")
    """Text above plots: the page tells luminosity and energy by it."""
    tables: bool = False
    """Whether the objects are rows of tables, which correspond to no luminosity."""

    class Files(base.Files):
        """What is read, as far as it is there, and written."""

        cutflows: Input[list[Path]]
        """Cutflows, one JSON file a sample."""
        evaluations: Input[list[Path]] = []
        """Evaluations of the models (JSON)."""
        systematics: Input[list[Path]] = []
        """Systematic errors of the models (JSON)."""
        comparison: Input[list[Path]] = []
        """The comparison of models (JSON)."""
        fit: Input[list[Path]] = []
        """The fit (JSON)."""
        crosschecks: Input[list[Path]] = []
        """What other regions could measure (JSON)."""
        background: Input[list[Path]] = []
        """The background estimates (JSON)."""
        health: Input[list[Path]] = []
        """The health check (JSON)."""
        transfer: Input[list[Path]] = []
        """The tests of a background from data (JSON)."""
        figure: Input[list[Path]] = []
        """PNG file that the page shows: the measurement, or the cutflow of a run without a fit."""
        summary: Output[Path]
        """JSON file of the key figures."""
        table: Output[Path]
        """Text file with the same as a table."""
        page: Output[Path]
        """HTML file: what was measured, the figure, what is flagged, the tables."""

    @classmethod
    def of(cls, analysis: Analysis) -> Summary:
        """The job of an analysis."""
        return cls(label=analysis.label(), tables=analysis.config.of_tables())


class Provenance(Job):
    """Record what was run: resolved configuration, versions, seed, commit."""

    stage: ClassVar[str] = "provenance"
    runs: ClassVar[str] = "boostflow.provenance:run"

    config: dict[str, Any]
    """The whole configuration, every key."""
    systematics: dict[str, Any] = {}
    """Systematics that are declared, by name."""

    class Files(base.Files):
        """What is written."""

        record: Output[Path]
        """JSON file of the record."""
        config: Output[Path]
        """The configuration (YAML)."""
        systematics: Output[Path]
        """The systematics (YAML)."""

    @classmethod
    def of(cls, analysis: Analysis) -> Provenance:
        """The job of an analysis."""
        return cls(**analysis.declared())
