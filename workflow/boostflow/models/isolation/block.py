"""The configuration of an isolation forest."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from boostflow.models.detecting import DetectorBlock


class Isolation(DetectorBlock):
    """Isolation forest (Liu, Ting, Zhou, ICDM 2008, doi:10.1109/ICDM.2008.17)."""

    kind: Literal["isolation"] = "isolation"
    trees: int = Field(200, ge=1, le=10_000)
    """Number of trees."""
    sample: int = Field(256, ge=2)
    """Jets that each tree sees, at most."""
