"""How regressions are judged."""

from __future__ import annotations

from itertools import pairwise

from pydantic import Field, field_validator

from boostflow.config.base import Block


class Regression(Block):
    """Bias and width of estimates in bins of the true value, and what unfolding makes of them."""

    edges: list[float] = [10.0, 20.0, 40.0, 60.0, 80.0, 100.0, 120.0, 150.0]
    """Edges of the bins of true and of estimated values, ascending (GeV)."""
    centrality: str = "n_event"
    """Column whose ranges are judged apart, beside all jets together."""
    ranges: list[float] = []
    """Edges of these ranges, ascending; none: all jets together alone."""
    iterations: int = Field(4, ge=1, le=100)
    """Iterations of the unfolding (D'Agostini, doi:10.1016/0168-9002(95)00274-X)."""

    @field_validator("edges", "ranges")
    @classmethod
    def ascend(cls, edges: list[float]) -> list[float]:
        """Edges ascend, and there are at least two if there are any."""
        if len(edges) == 1 or any(high <= low for low, high in pairwise(edges)):
            raise ValueError(f"{edges} are no edges of bins: [20, 40, 60]")
        return edges

    @field_validator("edges")
    @classmethod
    def makes_bins(cls, edges: list[float]) -> list[float]:
        """There are at least two bins."""
        if len(edges) < 3:
            raise ValueError(f"{edges} make fewer than two bins: [20, 40, 60]")
        return edges
