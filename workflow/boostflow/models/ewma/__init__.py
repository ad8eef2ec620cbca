"""Distance from moving averages: what monitoring begins with."""

from boostflow.models.ewma.block import Ewma
from boostflow.models.family import Family

FAMILY = Family(
    block=Ewma,
    title="Moving averages",
    history_axis="Columns",
    packages=("numpy",),
)
"""The configuration of the moving averages."""
