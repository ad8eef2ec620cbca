"""Distance from averages, which may move with time: what monitoring begins with."""

from boostflow.models.average.block import Average
from boostflow.models.family import Family

FAMILY = Family(
    block=Average,
    title="Averages",
    history_axis="Columns",
    packages=("numpy",),
)
"""The configuration of the averages."""
