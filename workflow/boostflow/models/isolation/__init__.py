"""Isolation forest: jets that few random cuts separate from all others are anomalies."""

from boostflow.models.family import Family
from boostflow.models.isolation.block import Isolation

FAMILY = Family(
    block=Isolation,
    title="Isolation forest",
    history_axis="Trees",
    packages=("numpy", "scikit-learn"),
)
"""The configuration of the forest."""
