"""What regressions are compared with: the background is subtracted by a formula."""

from boostflow.models.family import Family
from boostflow.models.pedestal.block import Pedestal

FAMILY = Family(block=Pedestal, title="Pedestal", history_axis="Iteration", packages=("numpy",))
"""The configuration of subtractions."""
