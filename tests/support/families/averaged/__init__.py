"""A family for tests alone: the mean of the scores of other models."""

from boostflow.models.averaged.block import Averaged

from boostflow.models.family import Family

FAMILY = Family(block=Averaged, title="mean")
