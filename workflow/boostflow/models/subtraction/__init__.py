"""What regressions are compared with: the background is subtracted by a formula."""

from boostflow.models.family import Family
from boostflow.models.subtraction.block import Subtraction

FAMILY = Family(
    block=Subtraction, title="Subtraction", history_axis="Iteration", packages=("numpy",)
)
"""The configuration of subtractions."""
