"""The job of the stage that makes rows of tables: generate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from boostflow.config.samples import GeneratedSample
from boostflow.generators.found import AnyGenerator
from boostflow.jobs import base
from boostflow.jobs.base import Output
from boostflow.jobs.chain import MakePart

if TYPE_CHECKING:
    from boostflow.analysis import Analysis


class Generate(MakePart):
    """Make one part of one sample of rows of tables."""

    stage: ClassVar[str] = "generate"
    runs: ClassVar[str] = "boostflow.simulate.generated:run"

    generator: AnyGenerator
    """What makes it, with the settings of the variation."""

    class Files(base.Files):
        """What is written."""

        sample: Output[Path]
        """Parquet file of the rows."""

    @classmethod
    def of(cls, analysis: Analysis, sample: str, variation: str, part: str) -> Generate:
        """The job of a part of a sample."""
        block = analysis.config.samples[sample]
        assert isinstance(block, GeneratedSample)
        varied = analysis.varied(variation)
        return cls(
            sample=sample,
            generator=block.generator.merged(varied.change) if varied else block.generator,
            part=int(part),
            variation=variation,
            events=analysis.alternative(variation, "events") or block.events,
            seed=analysis.config.seed,
        )
